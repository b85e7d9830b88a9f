#!/bin/sh
# Installs @NAME@ @VERSION@, or takes it away again. It also runs from where it is: bin/.
set -eu

name='@NAME@'

usage() {
    cat <<END
usage: ./install.sh [--prefix FOLDER] [--bin FOLDER]
       ./install.sh --uninstall [--prefix FOLDER]

Copies this folder to FOLDER and links its programs into the bin folder. Without options: to /opt/$name and
/usr/local/bin for root, to ~/.local/opt/$name and ~/.local/bin for others. Where FOLDER is this folder itself, nothing is
copied, and --uninstall leaves it, as it was unpacked.
END
}

die() {
    printf '%s: %s\n' "$0" "$1" >&2
    exit 1
}

case $0 in
*/*) here=${0%/*} ;;
*) here=. ;;
esac
here=$(CDPATH='' cd -- "$here" && pwd -P)

if [ "$(id -u)" = 0 ]; then
    prefix=/opt/$name
    bin=/usr/local/bin
else
    prefix=${HOME:-}/.local/opt/$name
    bin=${HOME:-}/.local/bin
fi
uninstall=no
while [ $# -gt 0 ]; do
    case $1 in
    --prefix | --bin)
        [ $# -gt 1 ] || die "$1 wants a folder"
        case $2 in
        /*) value=$2 ;;
        *) value=$(pwd)/$2 ;;
        esac
        [ "$1" = --bin ] && bin=$value || prefix=$value
        shift 2
        ;;
    --uninstall) uninstall=yes && shift ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
    esac
done
prefix=${prefix%/}
# It may be named in other words: by a link, or as `.`.
[ "$(CDPATH='' cd -- "$prefix/" 2>/dev/null && pwd -P)" != "$here" ] || prefix=$here

# What was linked, so that no other link is ever removed: the bin folder's path, the prefix's, what the prefix holds, then a
# program a line.
links=share/@NAME@.links
# `copied` there by this script, or `unpacked` by the user.
holds=unpacked

# Takes away the links that an installation has made; it may have moved since.
unlink_programs() {
    [ -f "$prefix/$links" ] || return 0
    {
        IFS= read -r folder && IFS= read -r place && IFS= read -r holds || die "$prefix/$links is cut off: remove it"
        while IFS= read -r program; do
            link=$folder/${program##*/}
            target=$(readlink "$link" 2>/dev/null) || continue
            [ "$target" != "$prefix/$program" ] || rm -f "$link"
            # What is at its former place is another's.
            [ "$target" != "$place/$program" ] || [ -e "$target" ] || rm -f "$link"
        done
    } <"$prefix/$links"
    rm -f "$prefix/$links"
    rmdir "$prefix/${links%/*}" 2>/dev/null || :
}

# Takes away what was copied.
take_away() {
    rm -f "$prefix/relocated"
    # What it holds, then the folders that are empty then; other files stay, and theirs.
    while IFS= read -r path; do
        rm -f "$prefix/$path"
    done <"$1"
    while IFS= read -r path; do
        while
            case $path in
            */*) path=${path%/*} ;;
            *) false ;;
            esac
        do
            rmdir "$prefix/$path" 2>/dev/null || break
        done
    done <"$1"
    rmdir "$prefix" 2>/dev/null || :
}

if [ $uninstall = yes ]; then
    [ -f "$prefix/manifest" ] || die "$prefix: $name is not installed there"
    unlink_programs
    if [ "$holds" = unpacked ]; then
        [ ! -f "$prefix/relocate" ] || "$prefix/relocate" --undo "$prefix" || die "$prefix: see above"
        printf '%s stays in %s, as it was unpacked\n' "$name" "$prefix"
        exit 0
    fi
    # The list goes with the rest.
    list=$(mktemp)
    trap 'rm -f "$list"' EXIT
    cp "$prefix/manifest" "$list"
    take_away "$list"
    exit 0
fi

while IFS= read -r path; do
    [ -e "$here/$path" ] || [ -L "$here/$path" ] || die "$here/$path is missing: unpack the archive again"
done <"$here/manifest"
unlink_programs
if [ "$here" != "$prefix" ]; then
    holds=copied
    if [ -f "$prefix/manifest" ]; then
        list=$(mktemp)
        trap 'rm -f "$list"' EXIT
        cp "$prefix/manifest" "$list"
        take_away "$list"
    elif [ -d "$prefix" ] && [ -n "$(ls -A "$prefix")" ]; then
        die "$prefix: there is something else, which would be mixed with $name"
    fi
    mkdir -p "$prefix"
    while IFS= read -r path; do
        case $path in
        */*) mkdir -p "$prefix/${path%/*}" ;;
        esac
        cp -pP "$here/$path" "$prefix/$path"
    done <"$here/manifest"
    # What the files name each other by, where that is another place already.
    [ ! -f "$here/relocated" ] || cp "$here/relocated" "$prefix/relocated"
fi
# Files that name each other through the programs' stub from now on do so by where they are.
if [ -f "$prefix/relocate" ]; then
    "$prefix/relocate" "$prefix" ||
        printf '%s: the files in %s go on naming each other as before, for the reason above\n' "$0" "$prefix" >&2
fi
mkdir -p "$bin" "$prefix/share"
printf '%s\n' "$bin" "$prefix" "$holds" >"$prefix/$links"
for program in "$prefix"/bin/* "$prefix"/sbin/*; do
    [ -f "$program" ] && [ -x "$program" ] || continue
    link=$bin/${program##*/}
    if [ -e "$link" ] || [ -L "$link" ]; then
        case $(readlink "$link" 2>/dev/null || :) in
        "$program") ;;
        *)
            printf '%s: %s is there already, and is left as it is\n' "$0" "$link" >&2
            continue
            ;;
        esac
    fi
    ln -sf "$program" "$link"
    printf '%s\n' "${program#"$prefix"/}" >>"$prefix/$links"
done
printf '%s is in %s, and its programs in %s\n' "$name" "$prefix" "$bin"
case :$PATH: in
*:"$bin":*) ;;
*) printf 'Put %s into PATH to start them by name.\n' "$bin" ;;
esac
