use std::collections::BTreeSet;
use std::path::PathBuf;

use goblin::elf::header::{ET_CORE, ET_REL};

use super::*;
use crate::elf::Priority;
use crate::elf::fixture::{Fixture, abis};
use crate::elf::opens::UNWINDING;

/// The ELF files that this machine's own programs and libraries are.
pub(crate) fn system_files() -> Vec<PathBuf> {
    let folders = [
        "/usr/bin",
        "/usr/sbin",
        "/usr/lib/x86_64-linux-gnu",
        "/lib/x86_64-linux-gnu",
        "/usr/lib64",
        "/usr/lib",
    ];
    let mut files: Vec<PathBuf> = folders
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .filter_map(|entry| std::fs::canonicalize(entry.ok()?.path()).ok())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files.dedup();
    files
}

/// goblin's own reading of the same files, which goes by other ways (it counts verneed, say), is the witness.
#[test]
fn reads_what_goblin_reads_of_every_file_of_the_system() {
    let mut seen = 0;
    for path in system_files() {
        let bytes = std::fs::read(&path).unwrap_or_default();
        let Some(elf) =
            Elf::parse_for_process(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        else {
            continue;
        };
        let witness = goblin::elf::Elf::parse(&bytes).unwrap();
        let show = path.display();
        if elf.class == Class::Other {
            continue;
        }
        seen += 1;
        let text =
            |bytes: &Option<Vec<u8>>| bytes.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        assert_eq!(text(&elf.interpreter).as_deref(), witness.interpreter, "{show}");
        assert_eq!(text(&elf.soname).as_deref(), witness.soname, "{show}");
        assert_eq!(
            elf.needed,
            witness.libraries.iter().map(|name| name.as_bytes()).collect::<Vec<_>>(),
            "{show}"
        );
        assert_eq!(text(&elf.runpath).into_iter().collect::<Vec<_>>(), witness.runpaths, "{show}");
        assert_eq!(text(&elf.rpath).into_iter().collect::<Vec<_>>(), witness.rpaths, "{show}");
        let imported = witness.dynsyms.iter().filter(|symbol| symbol.st_shndx == 0 && symbol.st_name != 0);
        let imported: BTreeSet<String> = imported
            .filter_map(|symbol| witness.dynstrtab.get_at(symbol.st_name).map(str::to_owned))
            .collect();
        assert!(elf.imports(&bytes, &imported).into_iter().eq(&imported), "{show}");
        assert_eq!(elf.unwinds, UNWINDING.iter().any(|function| imported.contains(*function)), "{show}");
        let versions = elf.versions_needed.iter().map(|need| need.versions.len()).sum::<usize>();
        let counted: usize =
            witness.verneed.iter().flat_map(|section| section.iter()).map(|need| need.iter().count()).sum();
        assert_eq!(versions, counted, "{show}");
    }
    assert!(seen > 100, "{seen}");
}

fn parse(fixture: &Fixture) -> Elf {
    Elf::parse(&fixture.build()).unwrap().unwrap()
}

#[test]
fn reads_every_class_and_byte_order() {
    for abi in abis() {
        let elf = parse(&Fixture {
            abi,
            interpreter: Some("/lib/ld.so"),
            strings: vec![
                (DT_NEEDED, "libb.so.1"),
                (DT_NEEDED, "liba.so.1"),
                (DT_RUNPATH, "/r:$ORIGIN"),
                (DT_RPATH, "/old"),
                (DT_AUDIT, "/audit.so"),
            ],
            versions: vec![("libb.so.1", vec!["B_1", "B_2"]), ("liba.so.1", vec!["A_1"])],
            note: Some(
                r#"[{"soname":["libx.so.2","libx.so.1"],"feature":"x"},{"soname":["y"],"priority":"required"}]"#,
            ),
            ..Fixture::default()
        });
        assert_eq!((elf.abi, elf.class), (abi, Class::Program));
        assert_eq!(elf.interpreter.as_deref(), Some(&b"/lib/ld.so"[..]));
        assert_eq!(elf.needed, [b"libb.so.1", b"liba.so.1"]);
        assert_eq!(elf.run_path(), Some(&b"/r:$ORIGIN"[..]));
        assert_eq!(elf.rpath.as_deref(), Some(&b"/old"[..]));
        assert_eq!(elf.versions_needed[0].versions, [b"B_1", b"B_2"]);
        assert_eq!(elf.versions_needed[1].file, b"liba.so.1");
        assert_eq!(elf.dlopen[0].sonames, [b"libx.so.2", b"libx.so.1"]);
        assert_eq!(
            (elf.dlopen[0].priority, elf.dlopen[1].priority),
            (Priority::Recommended, Priority::Required)
        );
        assert_eq!(elf.dlopen[0].feature, "x");
        let fields: Vec<_> = elf.header_strings().map(|(field, _)| field).collect();
        let wanted = "PT_INTERP DT_RPATH DT_RUNPATH DT_NEEDED DT_NEEDED vn_file vn_file DT_AUDIT";
        assert_eq!(fields.join(" "), wanted);
    }
}

#[test]
fn classes_follow_what_the_kernel_and_the_loader_do() {
    let soname = || vec![(DT_SONAME, "libx.so.1")];
    let needed = || vec![(DT_NEEDED, "libc.so.6")];
    let interpreter = Some("/lib/ld.so");
    let table = [
        (Class::Program, Fixture { interpreter, ..Fixture::default() }),
        (Class::Program, Fixture { interpreter, e_type: ET_EXEC, strings: soname(), ..Fixture::default() }),
        (Class::Program, Fixture { interpreter, flags_1: DF_1_PIE, strings: soname(), ..Fixture::default() }),
        (Class::Library, Fixture { interpreter, strings: soname(), ..Fixture::default() }),
        (Class::Library, Fixture { strings: needed(), ..Fixture::default() }),
        (Class::Library, Fixture::default()),
        (Class::StaticProgram, Fixture { e_type: ET_EXEC, ..Fixture::default() }),
        (Class::StaticProgram, Fixture { flags_1: DF_1_PIE, ..Fixture::default() }),
        (Class::Library, Fixture { flags_1: DF_1_PIE, strings: needed(), ..Fixture::default() }),
        (Class::Other, Fixture { e_type: ET_REL, ..Fixture::default() }),
        (Class::Other, Fixture { e_type: ET_CORE, ..Fixture::default() }),
    ];
    for (index, (class, fixture)) in table.iter().enumerate() {
        assert_eq!(parse(fixture).class, *class, "{index}");
    }
}

#[test]
fn an_interpreter_without_an_end_matters_where_something_can_start() {
    for abi in abis() {
        let library = Fixture { abi, interpreter: Some("/lib/ld.so"), ..Fixture::default() };
        let damaged = |fixture: &Fixture, entry: u8| {
            let mut bytes = fixture.build();
            let end = memchr::memmem::find(&bytes, b"/lib/ld.so\0").unwrap() + 10;
            bytes[end] = b'x';
            bytes[if abi.is_little_endian { 24 } else { 27 }] = entry;
            Elf::parse(&bytes)
        };
        let elf = damaged(&library, 0).unwrap().unwrap();
        assert_eq!((elf.interpreter, elf.class), (None, Class::Library));
        damaged(&library, 1).unwrap_err();
        damaged(&Fixture { e_type: ET_EXEC, ..library }, 0).unwrap_err();
    }
}

#[test]
fn what_a_later_tag_overrules_is_still_a_header_string() {
    let strings = vec![(DT_RUNPATH, "/first"), (DT_RUNPATH, "/last")];
    let elf = parse(&Fixture { strings, ..Fixture::default() });
    assert_eq!(elf.runpath.as_deref(), Some(&b"/last"[..]));
    assert!(elf.header_strings().any(|(_, string)| string == b"/first"));
}

#[test]
fn a_note_that_makes_no_sense_is_none() {
    for note in ["", "{", "[{}]", r#"{"soname":["a"]}"#, r#"[{"soname":"a"}]"#] {
        assert!(parse(&Fixture { note: Some(note), ..Fixture::default() }).dlopen.is_empty(), "{note}");
    }
}

#[test]
fn other_files_are_no_elf_files() {
    for bytes in [&b""[..], b"\x7fEL", b"#!/bin/sh\n", b"MZ\x90\0"] {
        assert!(Elf::parse(bytes).unwrap().is_none());
    }
}

#[test]
fn a_file_that_is_cut_off_says_so() {
    for abi in abis() {
        let bytes = Fixture { abi, interpreter: Some("/lib/ld.so"), ..Fixture::default() }.build();
        for len in 4..bytes.len() {
            let error = Elf::parse(&bytes[..len]).unwrap_err().to_string();
            assert!(error.starts_with("it is cut off: "), "{len}: {error}");
        }
    }
    let error = Elf::parse(b"\x7fELF\x07\x01").unwrap_err().to_string();
    assert_eq!(error, "its ELF header has an unknown class or byte order");
}

#[test]
fn a_versions_chain_that_loops_ends() {
    let bytes = Fixture { versions: vec![("l", vec!["A"]), ("m", vec!["B"])], ..Fixture::default() }.build();
    let elf = Elf::parse(&bytes).unwrap().unwrap();
    let at = elf.layout.place(DT_VERNEED).unwrap() as usize;
    // vn_aux, then vn_next and vna_next, lead to a sea of ones: tables a byte apart, as many as there are bytes.
    for field in [8, 12, 28] {
        let mut hostile = bytes.clone();
        let sea = (hostile.len() - at + 64) as u32;
        hostile[at + field..at + field + 4].copy_from_slice(&sea.to_le_bytes());
        hostile.extend([1, 0, 0, 0].repeat(1 << 18));
        let error = Elf::parse(&hostile).unwrap_err().to_string();
        assert!(error.contains("cannot be followed") || error.contains("string outside"), "{error}");
    }
}

#[test]
fn strings_that_overlap_are_not_copied_for_ever() {
    let long: &'static str = "x".repeat(10_000).leak();
    let parse = |count| {
        Elf::parse(&Fixture { strings: vec![(DT_NEEDED, long); count], ..Fixture::default() }.build())
    };
    assert_eq!(parse(1).unwrap().unwrap().needed.len(), 1);
    assert_eq!(parse(2_000).unwrap_err().to_string(), "its strings are longer than itself");
}

#[test]
fn a_separate_debug_file_is_nothing_to_the_loader() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("m.c"), "int main(void) { return 0; }").unwrap();
    for (name, flags) in
        [("dynamic", &["-g"][..]), ("static", &["-g", "-static"]), ("library", &["-g", "-shared", "-fPIC"])]
    {
        run("cc", &[flags, &[path("m.c").to_str().unwrap(), "-o", path(name).to_str().unwrap()]].concat());
        let debug = path(&format!("{name}.debug"));
        run("objcopy", &["--only-keep-debug", path(name).to_str().unwrap(), debug.to_str().unwrap()]);
        let whole = Elf::parse(&std::fs::read(path(name)).unwrap()).unwrap().unwrap();
        let debug = Elf::parse(&std::fs::read(debug).unwrap()).unwrap().unwrap();
        assert_ne!(whole.class, Class::Other, "{name}");
        assert_eq!(debug.class, Class::Other, "{name}");
    }
}

pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let output = std::process::Command::new(program).args(arguments).env("LC_ALL", "C").output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
