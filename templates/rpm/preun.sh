if [ "$1" -eq 0 ]; then
    if [ -x /usr/lib/systemd/systemd-update-helper ]; then
        /usr/lib/systemd/systemd-update-helper remove-@SCOPE@-units @UNITS@ || :
    elif command -v systemctl >/dev/null 2>&1; then
        systemctl @GLOBAL@--no-reload disable @UNITS@ >/dev/null 2>&1 || :
@STOP@    fi
fi
