    if [ -z "${DPKG_ROOT:-}" ] && [ -d /run/systemd/system ]; then
        systemctl --system daemon-reload >/dev/null || true
        if [ -z "$2" ]; then
@FIRST@        else
@AGAIN@        fi
    fi
