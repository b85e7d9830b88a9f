//! The note that says where the needed libraries are.

use std::fs;

use super::workshop::{PADDING, Workshop};

const OPTION: &str = "--build-resolution-cache";
const PRESENT: &str = "--build-resolution-cache: a resolution cache note is already present";

impl Workshop {
    /// The note's descriptor, NULs as semicolons.
    #[track_caller]
    fn cache(&self, file: &str) -> String {
        self.run("objcopy", &["--dump-section", ".note.nixos.ldcache=note", file, "copy"]).stdout();
        let note = self.bytes("note");
        let word = |at: usize| u32::from_le_bytes(note[at..at + 4].try_into().unwrap());
        assert_eq!((word(0), word(8), &note[12..20]), (6, 0x63a8_6cb6, &b"NixOS\0\0\0"[..]));
        String::from_utf8(note[20..][..word(4) as usize].to_vec()).unwrap().replace('\0', ";")
    }

    fn has_cache(&self, file: &str) -> bool {
        self.run("readelf", &["-SW", file]).stdout().contains(".note.nixos.ldcache")
    }
}

#[test]
fn libraries_are_found_once_and_for_all() {
    let shop = Workshop::new();
    shop.explant(&["--verify", OPTION, "p"]).stdout();
    // Of libc.so.6 no folder of the run path knows anything but the one that is not there.
    let lib = shop.text("lib");
    let cache = format!("libc.so.6;?{PADDING};libgreet.so.1;?{PADDING}:={lib}/libgreet.so.1;;");
    assert_eq!(shop.cache("p"), cache);
    assert_eq!(shop.run(shop.path("p"), &[]).status, 46);
    // As it is now, nothing is left to do.
    let before = shop.bytes("p");
    shop.patchelf(&[OPTION, "p"]).stdout();
    assert!(shop.bytes("p") == before);
}

#[test]
fn folders_that_only_the_loader_can_search_are_left_to_it() {
    let shop = Workshop::new();
    fs::create_dir_all(shop.path("new/glibc-hwcaps")).unwrap();
    shop.copy("lib/libgreet.so.1", "new/libgreet.so.1");
    let (lib, new, file) = (shop.text("lib"), shop.text("new"), shop.text("p.c"));
    shop.patchelf(&["--replace-needed", "libc.so.6", "/a/path/libc.so.6", "p"]).stdout();
    let run_path = format!(":lib:$ORIGIN/lib:{lib}/$LIB:{file}:{new}:{lib}:");
    shop.patchelf(&["--set-rpath", &run_path, OPTION, "p"]).stdout();
    let places = format!("?:?lib:?$ORIGIN/lib:?{lib}/$LIB:?{file}:?{new}:={lib}/libgreet.so.1:?");
    assert_eq!(shop.cache("p"), format!("libgreet.so.1;{places};;"));
}

#[test]
fn folders_and_files_that_are_not_ours_to_read() {
    let shop = Workshop::new();
    let lib = shop.text("lib");
    shop.patchelf(&["--set-rpath", &lib, "p"]).stdout();
    shop.copy("p", "q");
    let modes = |lib: &str, file: &str| {
        shop.run("chmod", &[file, "lib/libgreet.so.1"]).stdout();
        shop.run("chmod", &[lib, "lib"]).stdout();
    };
    modes("755", "000");
    let ran = shop.humble_patchelf(&[OPTION, "p"]);
    assert!(ran.stderr.contains("no libraries resolved against the run path"), "{ran:?}");
    modes("000", "644");
    shop.humble_patchelf(&[OPTION, "q"]).stdout();
    modes("755", "644");
    assert!(!shop.has_cache("p"));
    assert_eq!(shop.cache("q"), format!("libc.so.6;?{lib};libgreet.so.1;?{lib};;"));
}

#[test]
fn the_cache_is_that_of_the_edited_file() {
    let shop = Workshop::new();
    let lib = shop.text("lib");
    shop.link("old", &["-Wl,--disable-new-dtags"]);
    shop.patchelf(&[OPTION, "p", "old"]).stdout();
    assert_eq!(shop.cache("old"), shop.cache("p"));
    // The old note is taken for what it is: one of another run path.
    let rename = ["--replace-needed", "libc.so.6", "libd.so", "--add-needed", "libgreet.so.1"];
    shop.explant(&[&rename[..], &["--verify", "--set-rpath", &lib, OPTION, "p"]].concat()).stdout();
    assert_eq!(shop.cache("p"), format!("libgreet.so.1;={lib}/libgreet.so.1;;"));
    shop.patchelf(&["--remove-needed", "libgreet.so.1", "--add-rpath", "x", OPTION, "p"]).stdout();
    assert_eq!(shop.cache("p"), "libd.so;?x;;");
}

#[test]
fn an_edit_of_what_was_resolved_takes_the_cache_away() {
    let shop = Workshop::new();
    for edit in [
        &["--set-rpath", "/x"][..],
        &["--add-rpath", "/x"],
        &["--shrink-rpath"],
        &["--remove-rpath"],
        &["--add-needed", "libm.so.6"],
        &["--remove-needed", "libc.so.6"],
        &["--replace-needed", "libc.so.6", "libd.so"],
    ] {
        shop.copy("p", "q");
        shop.patchelf(&[OPTION, "q"]).stdout();
        // What changes nothing leaves it.
        shop.patchelf(&["--remove-needed", "libx.so", "--set-rpath", &shop.run_path(), "q"]).stdout();
        assert!(shop.has_cache("q"));
        shop.explant(&[edit, &["--verify", "q"]].concat()).stdout();
        assert!(!shop.has_cache("q"), "{edit:?}");
        assert!(memchr::memmem::find(&shop.bytes("q"), b"NixOS\0").is_none(), "{edit:?}");
    }
}

/// patchelf's note has a segment of its own, as that of this library, whose linker adds no other notes.
#[test]
fn a_note_that_lies_elsewhere_goes_too() {
    let shop = Workshop::new();
    let (path, other) = ("/a/path/libc.so.6", "/another/path/libc.so.6");
    let note = |path: &str| {
        let source = format!(
            "asm(\".pushsection .note.nixos.ldcache, \\\"a\\\", @note\\n.long 6, 2f - 1f, 0x63a86cb6\\n\
             .asciz \\\"NixOS\\\"\\n.balign 4\\n1: .asciz \\\"libc.so.6\\\", \\\"={path}\\\", \\\"\\\"\\n2: .balign 4\\n\
             .popsection\");"
        );
        fs::write(shop.path("note.c"), source).unwrap();
        let flags = ["-Wl,--build-id=none,-rpath,/a/path", "note.c", "greet.c"];
        shop.cc(&[&flags[..], &["-shared", "-fPIC", "-o", "l.so"]].concat());
    };
    note(path);
    let cache = format!("libc.so.6;={path};;");
    assert_eq!(shop.cache("l.so"), cache);
    shop.explant(&["--verify", "--add-rpath", "/b", "l.so"]).stdout();
    assert!(!shop.has_cache("l.so"));
    assert!(memchr::memmem::find(&shop.bytes("l.so"), path.as_bytes()).is_none());
    note(other);
    let run_path = ["--set-rpath", &shop.text("lib")];
    shop.run("ln", &["-s", "libgreet.so.1", "lib/libc.so.6"]).stdout();
    shop.explant(&[&run_path[..], &["--verify", OPTION, "l.so"]].concat()).stdout();
    assert_eq!(shop.cache("l.so"), format!("libc.so.6;={}/libc.so.6;;", shop.text("lib")));
    assert!(memchr::memmem::find(&shop.bytes("l.so"), other.as_bytes()).is_none());
}

#[test]
fn nothing_to_resolve_is_a_warning() {
    let shop = Workshop::new();
    fs::create_dir(shop.path("empty")).unwrap();
    shop.copy("p", "q");
    shop.patchelf(&["--remove-rpath", "p"]).stdout();
    shop.patchelf(&["--set-rpath", &shop.text("empty"), "q"]).stdout();
    shop.cc(&["-static", "p.c", "greet.c", "-o", "s"]);
    for (file, reason) in [
        ("p", "no DT_NEEDED entries or run path to resolve"),
        ("q", "no libraries resolved against the run path"),
        ("s", "no dynamic section (statically linked?)"),
    ] {
        let before = shop.bytes(file);
        let warning = format!("--build-resolution-cache: {reason}; no cache written\n");
        let ran = shop.patchelf(&[OPTION, file]);
        assert_eq!((ran.status, ran.stderr), (0, format!("warning: {warning}")));
        let ran = shop.explant(&[OPTION, file]);
        assert_eq!((ran.status, ran.stderr), (0, format!("warning: {file}: {warning}")));
        assert!(shop.bytes(file) == before);
    }
}

#[test]
fn a_cache_that_is_not_true_any_more_is_an_error() {
    let shop = Workshop::new();
    shop.patchelf(&[OPTION, "p"]).stdout();
    fs::rename(shop.path("lib"), shop.path("gone")).unwrap();
    assert!(shop.patchelf(&[OPTION, "p"]).failure(1).starts_with(&format!("patchelf: {PRESENT}")));
    assert!(shop.explant(&[OPTION, "p"]).failure(1).starts_with(&format!("error: p: {PRESENT}")));
}

#[test]
fn a_section_that_only_has_the_name_of_one_is_in_the_way() {
    let shop = Workshop::new();
    fs::write(shop.path("tiny"), "x").unwrap();
    shop.run("objcopy", &["--add-section", ".note.nixos.ldcache=tiny", "p"]).stdout();
    assert!(shop.patchelf(&["--set-rpath", "/x", OPTION, "p"]).failure(1).contains(PRESENT));
}
