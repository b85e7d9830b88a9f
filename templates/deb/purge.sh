if [ "$1" = purge ] && [ -x "/usr/bin/deb-systemd-helper" ]; then
    deb-systemd-helper @SCOPE@purge @UNITS@ >/dev/null || true
fi
