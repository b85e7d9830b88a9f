#!/bin/sh
# Puts what @PACKAGE@ has for the initramfs into it, with its own loader and libraries: the system's ldd, which copy_exec
# asks, does not know them. initramfs-tools(7).
set -e

case "${1:-}" in
prereqs)
    echo
    exit 0
    ;;
esac

. /usr/share/initramfs-tools/hook-functions

@MODULES@while IFS= read -r path; do
    [ -e "$path" ] || continue
    mkdir -p "$DESTDIR${path%/*}"
    cp -pP --remove-destination "$path" "$DESTDIR$path"
done <<'EXPLANT_FILES'
@FILES@EXPLANT_FILES
@HOST@
