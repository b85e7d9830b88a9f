# Capabilities of a file, which a .deb has no field for. Both arguments are for printf's %b; the x keeps newlines at
# the end of a name.
explant_setcap() {
    caps=$(printf '%b' "$1")
    file=$(printf '%bx' "$2")
    file=${file%x}
    if ! command -v setcap >/dev/null 2>&1; then
        echo "warning: $file needs the capabilities $caps, and there is no setcap here to set them." >&2
        echo "  Install libcap2-bin, then run: setcap '$caps' '$file'" >&2
    elif ! setcap "$caps" "${DPKG_ROOT:-}$file"; then
        echo "warning: $file needs the capabilities $caps, and they could not be set." >&2
        echo "  It may not work for users other than root." >&2
    fi
}
