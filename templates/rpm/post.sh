if [ "$1" -eq 1 ]; then
    if [ -x /usr/lib/systemd/systemd-update-helper ]; then
        /usr/lib/systemd/systemd-update-helper install-@SCOPE@-units @UNITS@ || :
    elif command -v systemctl >/dev/null 2>&1; then
        systemctl @GLOBAL@--no-reload preset @UNITS@ >/dev/null 2>&1 || :
    fi
fi
