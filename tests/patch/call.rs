//! The command line: options and files in any order, arguments from files, errors, exit statuses.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use super::workshop::Workshop;

#[test]
fn no_arguments_give_help_and_failure_and_asking_for_help_success() {
    let shop = Workshop::new();
    let ran = shop.patchelf(&[]);
    assert!(ran.failure(1).contains("patchelf"));
    assert_eq!(ran.stdout, "");
    for option in ["--help", "-h"] {
        let ran = shop.patchelf(&[option]);
        assert_eq!((ran.status, ran.stdout.as_str()), (0, ""));
        assert!(ran.stderr.contains("--set-interpreter"));
    }
    assert!(shop.explant(&["--help"]).stdout().contains("--jobs"));
    shop.explant(&[]).failure(2);
}

#[test]
fn the_version_is_the_one_whose_ways_are_followed() {
    let shop = Workshop::new();
    assert_eq!(shop.patchelf(&["--version"]).stdout(), "patchelf 0.19.3\n");
    assert!(shop.explant(&["--version"]).stdout().starts_with("explant "));
}

#[test]
fn what_is_missing_is_said() {
    let shop = Workshop::new();
    for (arguments, message) in [
        (&["--print-rpath"][..], "missing filename"),
        (&["p", "--set-rpath"], "missing argument to --set-rpath"),
        (&["p", "--replace-needed", "a"], "missing argument to --replace-needed"),
        (&["p", "--page-size", "1000"], "invalid argument to --page-size"),
        (&["p", "--set-os-abi", "plan 9"], "unrecognized OS ABI"),
        (
            &["p", "--build-resolution-cache", "--force-rpath"],
            "--build-resolution-cache cannot be combined with --force-rpath",
        ),
        (&["p", "p", "--output", "q"], "--output option only allowed with single input file"),
        (&["gone"], "getting info about 'gone': No such file or directory"),
        (&["lib"], "reading 'lib': Is a directory"),
        (&["p", "--set-rpath", "@gone"], "getting info about 'gone': No such file or directory"),
    ] {
        assert_eq!(shop.patchelf(arguments).failure(1), format!("patchelf: {message}\n"));
    }
}

#[test]
fn an_argument_may_lie_in_a_file() {
    let shop = Workshop::new();
    fs::write(shop.path("folders"), "/from/a/file").unwrap();
    shop.patchelf(&["--set-rpath", "@folders", "p"]).stdout();
    assert_eq!(shop.patchelf(&["--print-rpath", "p"]).stdout(), "/from/a/file\n");
    // But not these.
    shop.patchelf(&["--replace-needed", "libc.so.6", "@folders", "p"]).stdout();
    assert_eq!(shop.patchelf(&["--print-needed", "p"]).stdout(), "libgreet.so.1\n@folders\n");
}

#[test]
fn several_verbs_at_once() {
    let shop = Workshop::new();
    fs::rename(shop.path("lib/libgreet.so.1"), shop.path("lib/libg.so")).unwrap();
    let rename = ["--replace-needed", "libgreet.so.1", "libg.so"];
    let run_path = ["--add-rpath", "/and/more"];
    // Of two new names for a library the last counts.
    let twice = ["--replace-needed", "libc.so.6", "x", "--replace-needed", "libc.so.6", "libc.so.6"];
    shop.patchelf(&[&rename[..], &["p", "--shrink-rpath"], &run_path, &twice].concat()).stdout();
    let ran = shop.patchelf(&["--print-needed", "--print-rpath", "p"]);
    // Shrinking counts, and looks at the names as they were.
    assert_eq!(ran.stdout(), "\nlibg.so\nlibc.so.6\n");
    shop.patchelf(&["--set-rpath", &shop.text("lib"), "p"]).stdout();
    assert_eq!(shop.run(shop.path("p"), &[]).status, 46);
}

#[test]
fn an_empty_interpreter_asks_for_nothing() {
    let shop = Workshop::new();
    let before = shop.bytes("p");
    shop.patchelf(&["--set-interpreter", "", "p", "lib/libgreet.so.1"]).stdout();
    shop.patchelf(&["--interpreter", "/x", "--set-interpreter", "", "p"]).stdout();
    assert!(shop.bytes("p") == before);
}

#[test]
fn a_library_has_no_interpreter_to_set() {
    let shop = Workshop::new();
    let ran = shop.patchelf(&["--set-interpreter", "/x", "lib/libgreet.so.1"]);
    assert!(ran.failure(1).starts_with("patchelf: cannot find section '.interp'"));
    let ran = shop.explant(&["--set-interpreter", "/x", "lib/libgreet.so.1"]);
    assert!(ran.failure(1).starts_with("error: lib/libgreet.so.1: it has no interpreter"));
}

#[test]
fn options_that_change_nothing_are_taken() {
    let shop = Workshop::new();
    let before = shop.bytes("p");
    shop.patchelf(&["--debug", "--no-sort", "--no-clobber-old-sections", "--page-size", "65536", "p"])
        .stdout();
    assert!(shop.bytes("p") == before);
}

#[test]
fn what_patchelf_does_not_know_is_a_file_and_for_explant_an_error() {
    let shop = Workshop::new();
    let ran = shop.patchelf(&["--print-rpaht", "p"]);
    assert_eq!(ran.failure(1), "patchelf: getting info about '--print-rpaht': No such file or directory\n");
    let ran = shop.explant(&["--print-rpaht", "p"]);
    assert!(ran.failure(2).contains("--print-rpaht") && ran.stderr.contains("`--print-rpath`"), "{ran:?}");
    // explant's own options are not patchelf's.
    shop.patchelf(&["--json", "p"]).failure(1);
}

#[test]
fn names_need_not_be_text() {
    let shop = Workshop::new();
    let name = OsStr::from_bytes(b"p\xff\n");
    fs::copy(shop.path("p"), shop.path("").join(name)).unwrap();
    let mut command = Command::new(shop.path("patchelf"));
    command.current_dir(shop.path("")).arg("--set-rpath").arg(OsStr::from_bytes(b"/\xfe")).arg(name);
    assert!(command.status().unwrap().success());
    let mut command = Command::new(shop.path("patchelf"));
    let output = command.current_dir(shop.path("")).arg("--print-rpath").arg(name).output().unwrap();
    assert_eq!(output.stdout, b"/\xfe\n");
}

#[test]
fn symbol_maps_that_make_no_sense() {
    let shop = Workshop::new();
    for (text, message) in [
        ("a b\nc\n", "map:2: Map file line is missing the second element"),
        ("a b\n\na c\n", "map:3: Name 'a' appears twice in the map file"),
        ("a b@V1\n", "map:1: Name pair contains version tag: a b@V1"),
    ] {
        fs::write(shop.path("map"), text).unwrap();
        let ran = shop.patchelf(&["--rename-dynamic-symbols", "map", "p"]);
        assert_eq!(ran.failure(1), format!("patchelf: {message}\n"));
    }
    let ran = shop.patchelf(&["--rename-dynamic-symbols", "gone", "p"]);
    assert!(ran.failure(1).starts_with("patchelf: Cannot open map file gone"));
}
