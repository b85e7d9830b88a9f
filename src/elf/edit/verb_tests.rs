//! The verbs that only patchelf's users ask for, on files of the machine's compiler, with the verifier as judge.

use std::fs;
use std::process::Command;

use super::*;
use crate::elf::read::tests::run;

pub(super) fn library(source: &str, flags: &[&str]) -> Vec<u8> {
    compiled(source, &[&["-shared", "-fPIC"], flags].concat())
}

pub(super) fn compiled(source: &str, flags: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let (c, so) = (folder.path().join("l.c"), folder.path().join("l.so"));
    fs::write(&c, source).unwrap();
    let names = [c.to_str().unwrap(), "-o", so.to_str().unwrap()];
    run("cc", &[&names[..], flags].concat());
    fs::read(&so).unwrap()
}

fn names(names: &[(&str, &str)]) -> Vec<(Vec<u8>, Vec<u8>)> {
    names.iter().map(|(old, new)| ((*old).into(), (*new).into())).collect()
}

#[test]
fn symbols_get_other_names_and_are_found_by_every_hash() {
    let functions: String = (0..300).map(|n| format!("int f{n}(void) {{ return {n}; }}\n")).collect();
    let source = functions + "int puts(const char *); int call(void) { return puts(\"x\") + f7(); }";
    for hash in ["gnu", "sysv", "both"] {
        let bytes = library(&source, &[&format!("-Wl,--hash-style={hash}")]);
        let renames: Vec<_> = (0..300).map(|n| (format!("f{n}"), format!("another_{n}"))).collect();
        let all: Vec<_> = renames.iter().map(|(old, new)| (old.as_str(), new.as_str())).collect();
        for some in [&all[..1], &all[..200], &all[..]] {
            let operation = Operation { rename_symbols: names(some), ..Operation::default() };
            let (done, _) = operate(&bytes, &operation).unwrap();
            // And back again.
            let back: Vec<_> = some.iter().map(|(old, new)| (*new, *old)).collect();
            let operation = Operation { rename_symbols: names(&back), ..Operation::default() };
            let (back, _) = operate(&done, &operation).unwrap();
            assert_eq!(defined(&back), defined(&bytes));
            assert_ne!(defined(&done), defined(&bytes));
        }
    }
}

/// Names and addresses of defined symbols, told by readelf.
fn defined(bytes: &[u8]) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("l.so");
    fs::write(&path, bytes).unwrap();
    let output = Command::new("readelf").args(["--dyn-syms", "-W"]).arg(&path).output().unwrap();
    assert!(output.stderr.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let fields = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let mut symbols: Vec<_> = fields
        .filter(|fields| fields.len() == 8 && fields[6] != "UND")
        .map(|fields| (fields[7].to_owned(), fields[1].to_owned()))
        .collect();
    symbols.sort();
    symbols
}

#[test]
fn a_needed_entry_that_goes_takes_its_versions_with_it() {
    let source =
        "double sin(double); int puts(const char *); int f(double x) { return puts(\"\") + (int)sin(x); }";
    let bytes = library(source, &["-lm"]);
    for gone in [&["libm.so.6"][..], &["libc.so.6"], &["libm.so.6", "libc.so.6"]] {
        let remove_needed: Vec<Vec<u8>> = gone.iter().map(|name| name.as_bytes().to_vec()).collect();
        let operation = Operation { remove_needed, ..Operation::default() };
        let (done, elf) = operate(&bytes, &operation).unwrap();
        assert_eq!(elf.needed.len() + gone.len(), 2);
        assert_eq!(elf.versions_needed.len(), elf.needed.len());
        assert_eq!(done.len(), bytes.len());
    }
}

#[test]
fn every_verb_at_once_is_every_verb_one_after_the_other() {
    let bytes =
        library("int puts(const char *); int f(void) { return puts(\"\"); }", &["-Wl,-soname,l.so.1"]);
    let long = |letter: &str| letter.repeat(100).into_bytes();
    let verbs = [
        Operation { os_abi: Some(3), ..Operation::default() },
        Operation { soname: Some(long("s")), ..Operation::default() },
        Operation { executable_stack: Some(true), ..Operation::default() },
        Operation { run_path: Some(RunPath { folders: long("r"), runpath: true }), ..Operation::default() },
        Operation { replace_needed: vec![(b"libc.so.6".to_vec(), long("n"))], ..Operation::default() },
        Operation { add_needed: vec![long("a"), b"libb.so".to_vec()], ..Operation::default() },
        Operation { clear_versions: vec![b"puts".to_vec()], ..Operation::default() },
        Operation { no_default_lib: true, ..Operation::default() },
        Operation { debug_tag: true, ..Operation::default() },
        Operation { rename_symbols: names(&[("f", "ffffffff")]), ..Operation::default() },
    ];
    let mut one_by_one = bytes.clone();
    for verb in &verbs {
        let done = apply(&one_by_one, &parse(&one_by_one).operate(&one_by_one, verb).unwrap());
        assert_eq!(verify(&one_by_one, &done, verb), [], "{verb:?}");
        one_by_one = done;
    }
    let [abi, soname, stack, run_path, replaced, added, cleared, flag, tag, renamed] = verbs;
    let all = Operation {
        os_abi: abi.os_abi,
        soname: soname.soname,
        executable_stack: stack.executable_stack,
        run_path: run_path.run_path,
        replace_needed: replaced.replace_needed,
        add_needed: added.add_needed,
        clear_versions: cleared.clear_versions,
        no_default_lib: flag.no_default_lib,
        debug_tag: tag.debug_tag,
        rename_symbols: renamed.rename_symbols,
        ..Operation::default()
    };
    let at_once = apply(&bytes, &parse(&bytes).operate(&bytes, &all).unwrap());
    assert_eq!(verify(&bytes, &at_once, &all), []);
    assert!(at_once == one_by_one);
}

#[test]
fn two_hundred_edits_add_one_segment() {
    let bytes = library("int f(void) { return 1; }", &[]);
    let loads = |bytes: &[u8]| parse(bytes).layout.loads.len();
    let mut done = bytes.clone();
    for length in 0..200 {
        let folders = "x".repeat((length * 37) % 211);
        (done, _) = operate(&done, &rpath(&folders)).unwrap();
    }
    assert_eq!(loads(&done), loads(&bytes) + 1);
    assert!(done.len() < bytes.len() + 10_000, "{} to {}", bytes.len(), done.len());
}

#[test]
fn a_note_of_libraries_is_written_kept_and_goes_when_it_is_not_true_any_more() {
    let bytes = library("int puts(const char *); int f(void) { return puts(\"\"); }", &["-Wl,-rpath,/old"]);
    let cache = |bytes: &[u8]| crate::elf::resolution_cache(bytes, &parse(bytes));
    let note =
        |descriptor: &[u8]| Operation { resolution_cache: Some(descriptor.to_vec()), ..Operation::default() };
    let (with, _) = operate(&bytes, &note(b"libc.so.6\0=/lib/libc.so.6\0\0")).unwrap();
    assert_eq!(cache(&with).as_deref(), Some(&b"libc.so.6\0=/lib/libc.so.6\0\0"[..]));
    // Another growth carries it along, and what says nothing of libraries keeps it.
    let soname = Operation { soname: Some(b"x".repeat(300)), ..Operation::default() };
    let (with_soname, _) = operate(&with, &soname).unwrap();
    assert_eq!(cache(&with_soname), cache(&with));
    let (other, _) = operate(&with_soname, &note(b"\0")).unwrap();
    assert_eq!(cache(&other).as_deref(), Some(&b"\0"[..]));
    let add = Operation { add_needed: vec![b"libm.so.6".to_vec()], ..Operation::default() };
    let remove = Operation { remove_run_path: true, ..Operation::default() };
    let replace = rename(&[("libc.so.6", "libx.so")]);
    for operation in [rpath("/new"), rpath(&"/new".repeat(50)), add, remove, replace] {
        let done = apply(&other, &parse(&other).operate(&other, &operation).unwrap());
        assert_eq!(verify(&other, &done, &operation), [], "{operation:?}");
        assert_eq!(cache(&done), None, "{operation:?}");
    }
}

/// Its DT_GNU_HASH is empty, whatever the number of symbols, and the table of symbols lies right behind it.
#[test]
fn a_program_that_exports_nothing_gets_other_names_for_its_imports() {
    let source = "int puts(const char *); int main(void) { return puts(\"x\"); }";
    for hash in ["gnu", "both"] {
        let bytes = compiled(source, &["-pie", "-fPIE", &format!("-Wl,--hash-style={hash}")]);
        let rename_symbols = names(&[("puts", "another_name_for_it")]);
        let (done, _) = operate(&bytes, &Operation { rename_symbols, ..Operation::default() }).unwrap();
        let elf = goblin::elf::Elf::parse(&done).unwrap();
        let mut symbols = elf.dynsyms.iter().filter_map(|symbol| elf.dynstrtab.get_at(symbol.st_name));
        assert!(symbols.any(|name| name == "another_name_for_it"), "{hash}");
    }
}
