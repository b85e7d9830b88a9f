    # Enabled on the first installation; afterwards as the administrator left it, with links that are new.
    if [ -x "/usr/bin/deb-systemd-helper" ]; then
        # A package that was removed and not purged may have left a mask.
        deb-systemd-helper @SCOPE@unmask @UNIT@ >/dev/null || true
        if deb-systemd-helper --quiet @SCOPE@was-enabled @UNIT@; then
            deb-systemd-helper @SCOPE@enable @UNIT@ >/dev/null || true
        else
            deb-systemd-helper @SCOPE@update-state @UNIT@ >/dev/null || true
        fi
    fi
