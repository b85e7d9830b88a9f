#!/bin/bash
# Puts what @PACKAGE@ has for the initramfs into it, with its own loader and libraries: the system's ldd, which dracut asks,
# does not know them. dracut.modules(7).

check() {
@CHECK@    return 0
}

depends() {
    return 0
}

installkernel() {
@MODULES@    return 0
}

install() {
    local path
    while IFS= read -r path; do
        if [[ -L $path ]]; then
            inst_dir "${path%/*}"
            ln -sfn -- "$(readlink -- "$path")" "$initdir$path"
        elif [[ -e $path ]]; then
            inst_simple "$path"
        fi
    done << 'EXPLANT_FILES'
@FILES@EXPLANT_FILES
@HOST@    return 0
}
