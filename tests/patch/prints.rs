//! What is printed, and in which order.

use std::fs;

use super::workshop::Workshop;

#[test]
fn every_field_in_patchelfs_order_whatever_that_of_the_options() {
    let shop = Workshop::new();
    let ran = shop.patchelf(&[
        "--print-needed",
        "--print-execstack",
        "p",
        "--print-rpath",
        "--print-soname",
        "--print-os-abi",
        "--print-interpreter",
    ]);
    let lines: Vec<_> = ran.stdout().lines().collect();
    assert!(lines[0].starts_with("/lib"), "{lines:?}");
    let run_path = shop.run_path();
    // A program has no soname, so nothing is printed for that.
    assert_eq!(lines[1..], ["System V", &run_path, "execstack: -", "libgreet.so.1", "libc.so.6"]);
}

#[test]
fn a_librarys_fields() {
    let shop = Workshop::new();
    let print = |option| shop.patchelf(&[option, "lib/libgreet.so.1"]);
    assert_eq!(print("--print-soname").stdout(), "libgreet.so.1\n");
    assert_eq!(print("--print-rpath").stdout(), "\n");
    assert_eq!(print("--print-needed").stdout(), "libc.so.6\n");
    let lack = "patchelf: cannot find section '.interp'. The input file is most likely statically linked\n";
    assert_eq!(print("--print-interpreter").failure(1), lack);
    shop.cc(&["-shared", "-fPIC", "greet.c", "-o", "nameless.so"]);
    assert_eq!(shop.patchelf(&["--print-soname", "nameless.so"]).stdout(), "");
}

#[test]
fn a_static_program_has_no_dynamic_section() {
    let shop = Workshop::new();
    shop.cc(&["-static", "p.c", "greet.c", "-o", "static"]);
    for option in ["--print-rpath", "--print-needed", "--remove-rpath", "--no-default-lib"] {
        let ran = shop.patchelf(&[option, "static"]);
        let lack =
            "patchelf: cannot find section '.dynamic'. The input file is most likely statically linked\n";
        assert_eq!(ran.failure(1), lack, "{option}");
    }
    // Programs at fixed addresses have no sonames, and nothing is said about it.
    assert_eq!(shop.patchelf(&["--print-soname", "--set-soname", "x", "static"]).stdout(), "");
}

#[test]
fn what_was_found_before_a_failure_is_printed() {
    let shop = Workshop::new();
    let ran = shop.patchelf(&["--print-os-abi", "--print-needed", "lib/libgreet.so.1", "p.c"]);
    assert_eq!(ran.stdout, "System V\nlibc.so.6\n");
    assert_eq!(ran.failure(1), "patchelf: not an ELF executable\n");
}

#[test]
fn prints_show_what_was_there_before_the_edit() {
    let shop = Workshop::new();
    let ran = shop.patchelf(&["--set-rpath", "/new", "--print-rpath", "p"]);
    assert_eq!(ran.stdout(), format!("{}\n", shop.run_path()));
    assert_eq!(shop.patchelf(&["--print-rpath", "p"]).stdout(), "/new\n");
}

#[test]
fn an_executable_stack_is_printed() {
    let shop = Workshop::new();
    shop.link("x", &["-Wl,-z,execstack"]);
    assert_eq!(shop.patchelf(&["--print-execstack", "x"]).stdout(), "execstack: X\n");
    // Whoever asks what it is does not want it changed.
    let before = shop.bytes("x");
    assert_eq!(shop.patchelf(&["--print-execstack", "--clear-execstack", "x"]).stdout(), "execstack: X\n");
    assert!(shop.bytes("x") == before);
}

#[test]
fn a_separate_debug_file_is_passed_over() {
    let shop = Workshop::new();
    shop.run("objcopy", &["--only-keep-debug", "p", "p.debug"]).stdout();
    let before = shop.bytes("p.debug");
    assert_eq!(shop.patchelf(&["--print-rpath", "p.debug"]).stdout(), "");
    for verb in [&["--shrink-rpath"][..], &["--set-rpath", "/x"], &["--replace-needed", "libc.so.6", "x"]] {
        shop.patchelf(&[verb, &["p.debug"]].concat()).stdout();
    }
    shop.patchelf(&["--set-soname", "x", "p.debug"]).failure(1);
    assert!(shop.bytes("p.debug") == before);
}

/// As a linker script makes it that knows no PT_DYNAMIC, whose interpreter has no end either.
#[test]
fn a_dynamic_section_that_nobody_reads_is_passed_over() {
    let shop = Workshop::new();
    let script = "PHDRS { text PT_LOAD FILEHDR PHDRS; interp PT_INTERP; } SECTIONS { . = SIZEOF_HEADERS; \
        .note.gnu.build-id : { *(.note.gnu.build-id) } :text :interp .text : { *(.text) } :text }";
    fs::write(shop.path("script"), script).unwrap();
    shop.cc(&[
        "-shared",
        "-nostdlib",
        "-fPIC",
        "-Wl,-T,script,--build-id,--no-warn-rwx-segments",
        "greet.c",
        "-o",
        "odd.so",
    ]);
    let before = shop.bytes("odd.so");
    assert_eq!(shop.patchelf(&["--print-rpath", "odd.so"]).stdout(), "");
    let ran = shop.patchelf(&["--set-rpath", "/x", "odd.so"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(ran.stderr.starts_with("warning: no PT_DYNAMIC"), "{ran:?}");
    shop.explant(&["--set-rpath", "/x", "odd.so"]).failure(1);
    assert!(shop.bytes("odd.so") == before);
    // A header that is added spares the interpreter, that is something else too.
    shop.explant(&["--verify", "--set-execstack", "odd.so"]).stdout();
}

#[test]
fn json_has_nulls_for_what_is_not_there() {
    let shop = Workshop::new();
    let all = ["--json", "--print-interpreter", "--print-soname", "--print-rpath", "--print-execstack"];
    let ran = shop.explant(&[&all[..], &["--print-needed", "--print-os-abi", "lib/libgreet.so.1"]].concat());
    let value: serde_json::Value = serde_json::from_str(ran.stdout()).unwrap();
    assert_eq!(
        value,
        serde_json::json!([{
            "file": "lib/libgreet.so.1",
            "interpreter": null,
            "os-abi": "System V",
            "soname": "libgreet.so.1",
            "rpath": null,
            "execstack": false,
            "needed": ["libc.so.6"],
            "written": 0,
            "grown": 0,
        }])
    );
}
