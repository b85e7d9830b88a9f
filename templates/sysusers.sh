# The package's users and groups by hand, where there is no systemd-sysusers. A number that is taken is no reason to fail.
# dpkg may install below another root (dpkg(1), --force-script-chrootless).
explant_known() { # DATABASE NAME
    if [ -n "${DPKG_ROOT:-}" ]; then
        grep -q "^$2:" "$DPKG_ROOT/etc/$1"
    else
        getent "$1" "$2" >/dev/null
    fi
}
explant_group() { # NAME NUMBER
    explant_known group "$1" && return
    groupadd ${DPKG_ROOT:+-P "$DPKG_ROOT"} -r ${2:+-g "$2"} "$1" ||
        groupadd ${DPKG_ROOT:+-P "$DPKG_ROOT"} -r "$1" || true
}
explant_user() { # NAME NUMBER GROUP COMMENT HOME SHELL
    explant_known passwd "$1" && return
    useradd ${DPKG_ROOT:+-P "$DPKG_ROOT"} -r -M ${2:+-u "$2"} -g "$3" -c "$4" -d "$5" -s "$6" "$1" ||
        useradd ${DPKG_ROOT:+-P "$DPKG_ROOT"} -r -M -g "$3" -c "$4" -d "$5" -s "$6" "$1" || true
}
explant_member() { # USER GROUP
    usermod ${DPKG_ROOT:+-P "$DPKG_ROOT"} -a -G "$2" "$1" || true
}
