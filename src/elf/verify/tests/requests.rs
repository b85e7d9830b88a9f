//! What is asked for must be there; and an editor that has no part in explant is judged.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use goblin::elf::dynamic::{DT_FLAGS_1, DT_NEEDED, DT_SONAME};

use super::damage::Victim;
use super::images::{IMAGES, Image, build_library, program};
use super::run_path;
use crate::elf::Operation;
use crate::elf::verify::rule::*;
use crate::elf::verify::{Violation, verify};

fn rules(violations: &[Violation]) -> BTreeSet<&'static str> {
    violations.iter().map(|it| it.rule).collect()
}

fn names(names: &[&str]) -> Vec<Vec<u8>> {
    names.iter().map(|name| name.as_bytes().to_vec()).collect()
}

fn pairs(old: &str, new: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    vec![(old.into(), new.into())]
}

#[test]
fn what_is_asked_for_is_missed() {
    let nothing = Operation::default;
    let operations = [
        Operation { os_abi: Some(9), ..nothing() },
        Operation { soname: Some(b"libx.so".to_vec()), ..nothing() },
        Operation { interpreter: Some(b"/x".to_vec()), ..nothing() },
        Operation { executable_stack: Some(true), ..nothing() },
        Operation { remove_run_path: true, ..nothing() },
        run_path("/x"),
        Operation { add_needed: names(&["libx.so"]), ..nothing() },
        Operation { no_default_lib: true, ..nothing() },
    ];
    for operation in operations {
        let found = rules(&verify(program(), program(), &operation));
        assert_eq!(found, [REQUEST].into(), "{operation:?}");
    }
    // These leave a version or a symbol behind, too.
    let operations = [
        (Operation { remove_needed: names(&["libgreet.so.1"]), ..nothing() }, REQUEST),
        (Operation { replace_needed: pairs("libgreet.so.1", "libx.so"), ..nothing() }, VERSIONS),
        (Operation { clear_versions: names(&["greet"]), ..nothing() }, SYMBOLS),
        (Operation { rename_symbols: pairs("greet", "meet"), ..nothing() }, SYMBOLS),
    ];
    for (operation, rule) in operations {
        let found = rules(&verify(program(), program(), &operation));
        assert!(found.contains(rule), "{operation:?}: {found:?}");
    }
    let debugged = Operation { debug_tag: true, ..nothing() };
    assert_eq!(verify(program(), program(), &debugged), [], "it has one");
    let library = &IMAGES.iter().find(|image| image.name.ends_with(".so.1")).unwrap().bytes;
    assert_eq!(rules(&verify(library, library, &debugged)), [REQUEST].into());
}

/// ld.so would abort over a version of a file that is not needed.
#[test]
fn a_needed_file_that_its_versions_do_not_follow_is_told() {
    let operation = Operation { replace_needed: pairs("libgreet.so.1", "so.1"), ..Operation::default() };
    for Image { name, bytes } in IMAGES.iter().filter(|image| !image.name.ends_with(".so.1")) {
        let mut victim = Victim::new(bytes);
        let old = victim.view.dynamic.get(DT_NEEDED).unwrap();
        victim.set_value(DT_NEEDED, old + "libgreet.".len() as u64).unwrap();
        let found = rules(&verify(bytes, &victim.bytes, &operation));
        assert_eq!(found, [VERSIONS, SYMBOLS].into(), "{name}");
    }
}

#[test]
fn what_is_asked_for_and_done_is_right() {
    let library = IMAGES.iter().filter(|image| image.name.ends_with(".so.1"));
    for Image { name, bytes } in library {
        let mut victim = Victim::new(bytes);
        let old = victim.view.dynamic.get(DT_SONAME).unwrap();
        victim.set_value(DT_SONAME, old + 3).unwrap();
        let operation = Operation { soname: Some(b"greet.so.1".to_vec()), ..Operation::default() };
        assert_eq!(verify(bytes, &victim.bytes, &operation), [], "{name}");
    }
    for Image { name, bytes } in IMAGES.iter() {
        let mut victim = Victim::new(bytes);
        let Some(flags) = victim.view.dynamic.get(DT_FLAGS_1) else { continue };
        victim.set_value(DT_FLAGS_1, flags | 0x800).unwrap();
        let operation = Operation { no_default_lib: true, ..Operation::default() };
        assert_eq!(verify(bytes, &victim.bytes, &operation), [], "{name}");
    }
}

/// A linker that is given another name for a symbol makes what renaming it makes.
#[test]
fn a_renamed_symbol_is_right_where_a_linker_puts_it() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["bye", "ave", "zzz", "yes", "abc"];
    let libraries = names.map(|name| build_library(folder.path(), name));
    let mut moved = false;
    for (name, library) in names.iter().zip(&libraries).skip(1) {
        let operation = Operation { rename_symbols: pairs("bye", name), ..Operation::default() };
        assert_eq!(verify(&libraries[0], library, &operation), [], "{name}");
        let other = Operation { rename_symbols: pairs("bye", "eye"), ..Operation::default() };
        let found = rules(&verify(&libraries[0], library, &other));
        assert_eq!(found, [SYMBOLS, RELOCATIONS].into(), "{name}");
        let (old, new) = (Victim::new(&libraries[0]), Victim::new(library));
        moved |= (0..old.view.symbols.count).any(|index| {
            old.view.name(index) != new.view.name(index) && old.view.name(index) != Some(b"bye")
        });
        // The old place does not do.
        let table = old.view.symbols.at as usize;
        let mut swapped = library.clone();
        swapped[table + 24..table + 48].copy_from_slice(&library[table + 48..table + 72]);
        swapped[table + 48..table + 72].copy_from_slice(&library[table + 24..table + 48]);
        let found = rules(&verify(&libraries[0], &swapped, &operation));
        assert!(found.contains(RELOCATIONS) || found.contains(LOOKUP), "{name}: {found:?}");
    }
    assert!(moved, "no symbol was moved by its hash");
}

/// Debian's patchelf 0.14.3, where it is there, edits some things in place.
#[test]
fn patchelf_is_judged() {
    let edits: [(&[&str], Operation); 5] = [
        (&["--set-rpath", "/x"], Operation { fill: b'X', ..run_path("/x") }),
        (&["--remove-rpath"], Operation { remove_run_path: true, ..Operation::default() }),
        (
            &["--clear-symbol-version", "greet"],
            Operation { clear_versions: names(&["greet"]), ..Operation::default() },
        ),
        (&["--no-default-lib"], Operation { no_default_lib: true, ..Operation::default() }),
        (
            &["--remove-needed", "libgreet.so.1"],
            Operation { remove_needed: names(&["libgreet.so.1"]), ..Operation::default() },
        ),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p");
    for (arguments, operation) in edits {
        fs::write(&path, program()).unwrap();
        let output = Command::new("patchelf").args(arguments).arg(&path).output();
        if !output.is_ok_and(|output| output.status.success()) {
            continue;
        }
        let violations = verify(program(), &fs::read(&path).unwrap(), &operation);
        // It leaves the versions of what it removes, over which ld.so aborts.
        let expected: &[&str] = if operation.remove_needed.is_empty() { &[] } else { &[VERSIONS, SYMBOLS] };
        let found = rules(&violations);
        assert_eq!(found, expected.iter().copied().collect(), "{arguments:?}: {violations:?}");
    }
}
