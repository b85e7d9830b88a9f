if [ "$1" -ge 1 ]; then
    if [ -x /usr/lib/systemd/systemd-update-helper ]; then
        /usr/lib/systemd/systemd-update-helper mark-restart-@SCOPE@-units @UNITS@ || :
@TRY@    fi
fi
