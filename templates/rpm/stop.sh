        if [ -d /run/systemd/system ]; then
            systemctl stop @UNITS@ >/dev/null 2>&1 || :
        fi
