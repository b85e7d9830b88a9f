# The package's users and groups by hand, where there is no systemd-sysusers. A number that is taken is no reason to fail.
explant_group() { # NAME NUMBER
    getent group "$1" >/dev/null && return
    groupadd -r ${2:+-g "$2"} "$1" || groupadd -r "$1" || true
}
explant_user() { # NAME NUMBER GROUP COMMENT HOME SHELL
    getent passwd "$1" >/dev/null && return
    useradd -r -M ${2:+-u "$2"} -g "$3" -c "$4" -d "$5" -s "$6" "$1" ||
        useradd -r -M -g "$3" -c "$4" -d "$5" -s "$6" "$1" || true
}
explant_member() { # USER GROUP
    usermod -a -G "$2" "$1" || true
}
