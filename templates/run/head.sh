#!/bin/sh
# explant-run 1 @HEAD@ @SIZE@ @SHA256@
trap 'printf "%s: it is cut off: fetch it again\n" "$0" >&2; exit 127' EXIT
# This script, filled up to @HEAD@ bytes, then a compressed tar archive of @SIZE@. `--explant-help` says how to use it.
# Everything is in braces, which a shell reads to their end before it does anything: a file that ends within them is told of above.
{
trap - EXIT

# Names of variables that a user's environment has would be changed for the program, too: hence `explant_`. What is done at
# the first start is done in a subshell.
explant_top='@TOP@'
explant_key='@KEY@'
explant_program=@PROGRAM@
explant_machine='@MACHINE@'

usage() {
    cat <<END
usage: $0 [ARGUMENT]...
       $0 --explant-run PROGRAM [ARGUMENT]...
       $0 --explant-install [PREFIX] [OPTION]...
       $0 --explant-extract [FOLDER]
       $0 --explant-list | --explant-help

$explant_top in one file, which starts $explant_program, or the named program of its bin folder. The first start unpacks it
to ~/.cache/explant (or to XDG_CACHE_HOME; below TMPDIR or /tmp where that cannot be), later ones start it there. A link of
another program's name to this file starts that one.

--explant-install copies it to PREFIX and links its programs into a bin folder; without PREFIX to /opt and
/usr/local/bin for root, to ~/.local for others. Options are install.sh's, such as --bin FOLDER and --uninstall.
--explant-extract unpacks it to FOLDER/$explant_top.
END
}

fail() {
    printf '%s: %s\n' "$0" "$1" >&2
    exit 127
}

# Whether all of the file is there, and what is needed to unpack it.
check_file() {
    for tool in dd wc tar @TOOL@; do
        command -v "$tool" >/dev/null || fail "$tool is needed to unpack it, and is not in PATH"
    done
    [ -r "$0" ] || fail 'it cannot be read'
    length=$(($(wc -c <"$0")))
    [ "$length" = @LENGTH@ ] || fail "it has $length bytes instead of @LENGTH@: fetch it again"
}

# Where foreign programs are started by an emulator, the kernel is told so (binfmt_misc); if it can be asked.
check_machine() {
    machine=$(uname -m)
    case $explant_machine-$machine in
    x86_64-x86_64 | aarch64-aarch64 | aarch64-arm*) ;;
    x86_64-* | aarch64-*)
        known=/proc/sys/fs/binfmt_misc
        [ ! -e $known/status ] || ls $known/*"$explant_machine"* >/dev/null 2>&1 ||
            fail "its programs are for $explant_machine, and this machine is $machine"
        ;;
    esac
}

archive() {
    dd if="$0" bs=@HEAD@ skip=1 2>/dev/null | @DECODE@
}

# Unpacks into FOLDER under a name, where it appears whole or not at all: it is made in a folder beside that, and renamed.
# Returns another status than 0, with $reason, where FOLDER is of no use; ends where the archive cannot be unpacked.
unpack() { # FOLDER NAME
    # Process numbers mean something in one machine and container alone, and home folders are shared.
    mark=$(uname -n)-$(readlink /proc/self/ns/pid 2>/dev/null | tr -dc 0-9)
    # What a start left that was killed.
    for old in "$1"/.explant-*".$mark."*; do
        kill -0 "${old##*.}" 2>/dev/null || rm -rf "$old"
    done
    temporary=$1/.explant-$2.$mark.$$
    rm -rf "$temporary"
    reason='cannot be written to'
    mkdir -m 700 "$temporary" 2>/dev/null || return
    trap 'rm -rf "$temporary"' EXIT
    trap 'exit 127' HUP INT TERM
    if starts_programs "$temporary/try" || [ "$2" = "$explant_top" ]; then
        # A shell knows the status of the last command alone.
        if { archive && : >"$temporary/whole"; } | tar -xof - -C "$temporary" && [ -e "$temporary/whole" ]; then
            [ "$2" = "$explant_top" ] || mv "$temporary/$explant_top" "$temporary/$2"
            publish "$1" "$2"
        else
            fail "cannot be unpacked to $1, for the reason above"
        fi
        reason=
    fi
    rm -rf "$temporary"
    trap - EXIT HUP INT TERM
    [ -z "$reason" ]
}

# Whether a program starts where PATH is. (`test -x` is not told of noexec everywhere.)
starts_programs() { # PATH
    printf '#!/bin/sh\n' >"$1" && chmod 700 "$1" || return
    reason='is mounted so that programs do not start (noexec)'
    "$1" 2>/dev/null
}

# Gives what is unpacked its name. Onto a folder that is not empty nothing is renamed (rename(2)), and a name behind a slash is
# never taken for a folder to move into.
publish() { # FOLDER NAME
    mv -f "$temporary/$2" "$1/" 2>/dev/null && return
    # Another start was first; or what is there has lost files.
    if [ "$2" = "$explant_key" ]; then
        is_there "$1" && return
        mv -f "$1/$2" "$temporary/old" 2>/dev/null
        mv -f "$temporary/$2" "$1/" 2>/dev/null && return
        is_there "$1" && return
    fi
    fail "cannot be unpacked to $1/$2"
}

# Whether FOLDER, which is the user's own, has the unpacked programs.
is_ready() { # FOLDER
    # Every sh has -O, though POSIX has not.
    # shellcheck disable=SC3067
    [ -O "$1" ] && [ -x "$1/$explant_key/$explant_program" ]
}

# The same of a folder for temporary files: others could have made a link, and cleaners take single files.
is_whole() { # FOLDER
    [ ! -L "$1" ] && is_ready "$1" || return
    while IFS= read -r path; do
        [ -e "$1/$explant_key/$path" ] || [ -L "$1/$explant_key/$path" ] || return
    done <"$1/$explant_key/manifest"
}

is_there() { # FOLDER
    if [ "$1" = "$private" ]; then is_whole "$1"; else is_ready "$1"; fi
}

# Prints the folder that has the unpacked programs, once it does.
first_start() {
    case ${TMPDIR-} in /*) private=$TMPDIR ;; *) private=/tmp ;; esac
    private=${private%/}/explant-$(id -u)
    if is_whole "$private"; then
        printf '%s\n' "$private"
        return
    fi
    check_file
    check_machine
    umask 022
    tried=
    for folder in "$explant_folder" "$private"; do
        [ -n "$folder" ] || continue
        make "$folder" && unpack "$folder" "$explant_key" && printf '%s\n' "$folder" && return
        tried="$tried; $folder $reason"
    done
    fail "there is no folder to unpack it to$tried. Name one: XDG_CACHE_HOME=FOLDER $0"
}

# Makes a folder for caches, or says why it is none.
make() { # FOLDER
    # shellcheck disable=SC3067
    if [ "$1" = "$private" ]; then
        mkdir -m 700 "$1" 2>/dev/null
    elif [ "$1" != "${HOME-}/.cache/explant" ] || [ -O "$HOME" ]; then
        # In a home folder of somebody else's (sudo) nothing is made.
        (umask 077 && mkdir -p "$1" 2>/dev/null)
    fi
    reason='cannot be made'
    [ -d "$1" ] || return
    reason="is somebody else's"
    # shellcheck disable=SC3067
    [ -O "$1" ] && { [ "$1" != "$private" ] || [ ! -L "$1" ]; }
}

# Whether the bundle has a program PATH.
has() { # PATH
    [ -f "$explant_folder/$1" ] && [ -x "$explant_folder/$1" ]
}

explant_name=${0##*/}
case ${1-} in
--explant-help)
    usage
    exit
    ;;
--explant-list)
    check_file
    archive | tar -tf -
    exit
    ;;
--explant-extract)
    check_file
    explant_folder=${2:-.}
    mkdir -p "$explant_folder" || exit 127
    [ ! -e "$explant_folder/$explant_top" ] || fail "$explant_folder/$explant_top is there already"
    unpack "$explant_folder" "$explant_top" || fail "$explant_folder $reason"
    exit
    ;;
--explant-install)
    shift
    check_file
    case ${1-} in
    '' | -*) ;;
    *)
        explant_folder=$1
        shift
        set -- --prefix "$explant_folder" "$@"
        ;;
    esac
    explant_folder=$(mktemp -d) || exit 127
    trap 'rm -rf "$explant_folder"' EXIT
    trap 'exit 127' HUP INT TERM
    # In a subshell, since it sets traps of its own.
    (unpack "$explant_folder" "$explant_top") && sh "$explant_folder/$explant_top/install.sh" "$@"
    exit
    ;;
--explant-run)
    [ $# -gt 1 ] || fail '--explant-run wants a program'
    explant_name=$2
    shift 2
    ;;
--explant-*)
    usage >&2
    exit 2
    ;;
esac

# A relative XDG_CACHE_HOME counts as none (XDG Base Directory Specification).
case ${XDG_CACHE_HOME-} in
/*) explant_folder=$XDG_CACHE_HOME/explant ;;
*) explant_folder=${HOME:+$HOME/.cache/explant} ;;
esac
is_ready "$explant_folder" || explant_folder=$(first_start) || exit
explant_folder=$explant_folder/$explant_key
if has "bin/$explant_name"; then
    explant_program=bin/$explant_name
elif has "sbin/$explant_name"; then
    explant_program=sbin/$explant_name
elif [ "$explant_name" != "${0##*/}" ]; then
    fail "it has no program $explant_name"
fi
exec "$explant_folder/$explant_program" "$@"
}
