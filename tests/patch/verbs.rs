//! The verbs other than those on the run path, with readelf as the witness.

use std::fs;

use super::workshop::Workshop;

#[test]
fn sonames() {
    let shop = Workshop::new();
    let library = "lib/libgreet.so.1";
    shop.patchelf(&["--set-soname", "libsomething-much-longer.so.2", library]).stdout();
    assert_eq!(shop.dynamic("SONAME", library), ["libsomething-much-longer.so.2"]);
    shop.cc(&["-shared", "-fPIC", "greet.c", "-o", "nameless.so"]);
    shop.patchelf(&["--set-soname", "libnamed.so", "nameless.so"]).stdout();
    assert_eq!(shop.dynamic("SONAME", "nameless.so"), ["libnamed.so"]);
    assert_eq!(shop.run(shop.path("p"), &[]).status, 46);
}

#[test]
fn needed_libraries_come_and_go() {
    let shop = Workshop::new();
    let add = ["--add-needed", "libz.so.9", "--add-needed", "liba.so.9", "--add-needed", "libz.so.9"];
    shop.patchelf(&[&add[..], &["--remove-needed", "libgreet.so.1", "p"]].concat()).stdout();
    // Each once, by name, before the others.
    let needed = shop.patchelf(&["--print-needed", "p"]);
    assert_eq!(needed.stdout(), "liba.so.9\nlibz.so.9\nlibc.so.6\n");
    let before = shop.bytes("p");
    shop.patchelf(&["--remove-needed", "libgone.so", "--replace-needed", "libgone.so", "x", "p"]).stdout();
    assert!(shop.bytes("p") == before);
}

#[test]
fn symbol_versions_follow_their_library() {
    let shop = Workshop::new();
    let libc = shop.run("cc", &["-print-file-name=libc.so.6"]);
    let libc = fs::canonicalize(libc.stdout().trim()).unwrap();
    std::os::unix::fs::symlink(libc, shop.path("lib/libc-by-another-name.so")).unwrap();
    shop.patchelf(&["--replace-needed", "libc.so.6", "libc-by-another-name.so", "p"]).stdout();
    let versions = shop.run("readelf", &["-VW", "p"]);
    assert!(versions.stdout().contains("File: libc-by-another-name.so"), "{versions:?}");
    assert_eq!(shop.patchelf(&["--print-needed", "p"]).stdout(), "libgreet.so.1\nlibc-by-another-name.so\n");
    // And a library that goes takes its versions along.
    shop.link("q", &["-Wl,-z,now"]);
    shop.patchelf(&["--remove-needed", "libc.so.6", "q"]).stdout();
    assert!(!shop.run("readelf", &["-VW", "q"]).stdout().contains("File: libc.so.6"));
    assert_eq!(shop.run(shop.path("q"), &[]).status, 46);
}

#[test]
fn versions_of_symbols_are_cleared() {
    let shop = Workshop::new();
    let versioned = |shop: &Workshop| {
        let symbols = shop.run("readelf", &["-W", "--dyn-syms", "p"]);
        symbols.stdout().lines().any(|line| line.contains(" sleep@GLIBC"))
    };
    assert!(versioned(&shop));
    shop.patchelf(&["--clear-symbol-version", "sleep", "p"]).stdout();
    assert!(!versioned(&shop));
    assert_eq!(shop.run(shop.path("p"), &[]).status, 46);
}

#[test]
fn flags_and_tags() {
    let shop = Workshop::new();
    let library = "lib/libgreet.so.1";
    let dynamic = |shop: &Workshop| shop.run("readelf", &["-dW", library]).stdout().to_owned();
    assert!(!dynamic(&shop).contains("NODEFLIB") && !dynamic(&shop).contains("(DEBUG)"));
    shop.patchelf(&["--no-default-lib", "--add-debug-tag", library]).stdout();
    assert!(dynamic(&shop).contains("NODEFLIB") && dynamic(&shop).contains("(DEBUG)"));
    let before = shop.bytes(library);
    shop.patchelf(&["--no-default-lib", "--add-debug-tag", library]).stdout();
    assert!(shop.bytes(library) == before);
}

#[test]
fn an_executable_stack_is_set_and_cleared() {
    let shop = Workshop::new();
    let before = shop.bytes("p");
    let is_executable =
        |shop: &Workshop| shop.patchelf(&["--print-execstack", "p"]).stdout() == "execstack: X\n";
    shop.patchelf(&["--set-execstack", "p"]).stdout();
    assert!(is_executable(&shop));
    shop.patchelf(&["--clear-execstack", "p"]).stdout();
    assert!(shop.bytes("p") == before);
    // Of both, clearing counts.
    shop.patchelf(&["--clear-execstack", "--set-execstack", "p"]).stdout();
    assert!(!is_executable(&shop));
}

#[test]
fn the_os_abi_by_name() {
    let shop = Workshop::new();
    for (given, printed) in [("linux", "Linux"), (" FreeBSD ", "FreeBSD"), ("sysv", "System V")] {
        shop.patchelf(&["--set-os-abi", given, "p"]).stdout();
        assert_eq!(shop.patchelf(&["--print-os-abi", "p"]).stdout(), format!("{printed}\n"));
    }
}

#[test]
fn a_longer_interpreter() {
    let shop = Workshop::new();
    let loader = shop.patchelf(&["--print-interpreter", "p"]).stdout().trim().to_owned();
    fs::create_dir_all(shop.path("a/folder/for/the/loader/that/is/deep")).unwrap();
    let place = shop.text("a/folder/for/the/loader/that/is/deep/ld.so");
    std::os::unix::fs::symlink(loader, &place).unwrap();
    shop.patchelf(&["--interpreter", &place, "p"]).stdout();
    assert_eq!(shop.patchelf(&["--print-interpreter", "p"]).stdout(), format!("{place}\n"));
    assert_eq!(shop.run(shop.path("p"), &[]).status, 46);
}

#[test]
fn a_file_without_section_headers() {
    let shop = Workshop::new();
    let mut bytes = shop.bytes("p");
    // e_shoff, e_shnum and e_shstrndx, of the 64-bit class.
    for field in [40..48, 60..62, 62..64] {
        bytes[field].fill(0);
    }
    fs::write(shop.path("p"), bytes).unwrap();
    shop.patchelf(&["--set-rpath", &shop.text("lib"), "p"]).stdout();
    assert_eq!(shop.run(shop.path("p"), &[]).status, 46);
}

#[test]
fn what_is_verified_is_written() {
    let shop = Workshop::new();
    shop.explant(&["--verify", "--set-rpath", &shop.text("lib"), "p"]).stdout();
    assert_eq!(shop.run(shop.path("p"), &[]).status, 46);
}

#[test]
fn symbols_are_renamed_on_both_sides() {
    let shop = Workshop::new();
    fs::write(shop.path("map"), "greet a_much_longer_greeting\n\n").unwrap();
    shop.patchelf(&["--rename-dynamic-symbols", "map", "p", "lib/libgreet.so.1"]).stdout();
    for file in ["p", "lib/libgreet.so.1"] {
        let symbols = shop.run("readelf", &["-W", "--dyn-syms", file]);
        assert!(symbols.stdout().contains(" a_much_longer_greeting"), "{symbols:?}");
    }
    assert_eq!(shop.run("env", &["LD_BIND_NOW=1", &shop.text("p")]).status, 46);
}
