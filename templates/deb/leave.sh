    # Not enabled; where the administrator did, links that are new are made.
    if [ -x "/usr/bin/deb-systemd-helper" ]; then
        if deb-systemd-helper @SCOPE@debian-installed @UNIT@; then
            # A package that was removed and not purged may have left a mask.
            deb-systemd-helper @SCOPE@unmask @UNIT@ >/dev/null || true
            if deb-systemd-helper --quiet @SCOPE@was-enabled @UNIT@; then
                deb-systemd-helper @SCOPE@enable @UNIT@ >/dev/null || true
            fi
        fi
        deb-systemd-helper @SCOPE@update-state @UNIT@ >/dev/null || true
    fi
