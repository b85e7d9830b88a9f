//! The cases that are quick to make; tests/more has the others.

use crate::everywhere::cases;

cases! {
    hello_c = "hello-c": flat store;
    rust = "ripgrep": flat store;
    cpp = "lzip": flat store;
    ffmpeg = "ffmpeg": flat store;
    btrfs_progs = "btrfs-progs": flat store;
    join_of_joins = "join": flat store;
    aarch64 = "jq-arm64": flat store;
    musl = "musl": flat store;
    static_programs = "static": flat store;
    setuid = "setuid": flat;
    python = "python": flat store;
    perl = "perl": flat store;
    git = "git": flat store;
    vim = "vim": flat store;
    nginx = "nginx": flat store;
    tls = "curl": flat store;
    go = "go": flat store;
    every_flag = "flags": flat store;
    plugins = "plugins": flat store;
    script = "script": flat store;
    wrapped = "wrapped": flat store;
    ncurses = "ncurses": flat store;
    iconv = "iconv": flat store;
    getent = "getent": flat store;
}
