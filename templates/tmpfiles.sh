    if command -v systemd-tmpfiles >/dev/null 2>&1; then
        systemd-tmpfiles ${DPKG_ROOT:+--root="$DPKG_ROOT"} --create @FILES@ >/dev/null || true
    fi
