use goblin::elf::dynamic::*;
use goblin::elf::header::ET_EXEC;

use super::*;
use crate::elf::fixture::{Fixture, Hash, X86_64, abis};
use crate::elf::operation::RunPath;
use crate::elf::patched_len;
use crate::elf::verify::verify;

pub(super) fn apply(bytes: &[u8], patches: &[Patch]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(patched_len(bytes.len() as u64, patches) as usize, 0);
    let mut last = 0;
    for patch in patches {
        assert!(patch.at.0 >= last && !patch.bytes.is_empty(), "{patches:?}");
        last = patch.end().0;
        bytes[patch.at.0 as usize..last as usize].copy_from_slice(&patch.bytes);
    }
    bytes
}

pub(super) fn parse(bytes: &[u8]) -> Elf {
    Elf::parse(bytes).unwrap().unwrap()
}

/// Carries the operation out and shows that a second time it has nothing to do.
pub(super) fn operate(bytes: &[u8], operation: &Operation) -> Result<(Vec<u8>, Elf), Refusal> {
    let patches = parse(bytes).operate(bytes, operation)?;
    let done = apply(bytes, &patches);
    let elf = parse(&done);
    assert_eq!(elf.operate(&done, operation), Ok(Vec::new()), "{operation:?}");
    assert_eq!(verify(bytes, &done, operation), [], "{operation:?}");
    Ok((done, elf))
}

pub(super) fn interpreter(path: &str) -> Operation {
    Operation { interpreter: Some(path.into()), ..Operation::default() }
}

pub(super) fn rpath(folders: &str) -> Operation {
    let run_path = RunPath { folders: folders.into(), runpath: false };
    Operation { run_path: Some(run_path), ..Operation::default() }
}

pub(super) fn rename(names: &[(&str, &str)]) -> Operation {
    Operation {
        replace_needed: names.iter().map(|(old, new)| ((*old).into(), (*new).into())).collect(),
        ..Operation::default()
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    memchr::memmem::find(bytes, text.as_bytes()).is_some()
}

fn program() -> Fixture {
    Fixture {
        interpreter: Some("/nix/store/hash-glibc/lib/ld.so"),
        strings: vec![
            (DT_NEEDED, "libb.so.1"),
            (DT_NEEDED, "libc.so.6"),
            (DT_RUNPATH, "/nix/store/hash-b/lib"),
        ],
        versions: vec![("libc.so.6", vec!["GLIBC_2.2.5", "GLIBC_2.34"])],
        ..Fixture::default()
    }
}

#[test]
fn does_all_at_once_in_every_class_and_byte_order() {
    for abi in abis() {
        let bytes = Fixture { abi, ..program() }.build();
        let operation = Operation {
            interpreter: Some(b"/usr/lib/b/ld.so".to_vec()),
            replace_needed: vec![(b"libc.so.6".to_vec(), b"libx.so".to_vec())],
            ..rpath("$ORIGIN/../lib/b")
        };
        let (done, elf) = operate(&bytes, &operation).unwrap();
        assert_eq!(elf.interpreter.as_deref(), Some(&b"/usr/lib/b/ld.so"[..]));
        assert_eq!((elf.rpath.as_deref(), elf.runpath), (Some(&b"$ORIGIN/../lib/b"[..]), None));
        assert_eq!(elf.needed, [&b"libb.so.1"[..], b"libx.so"]);
        assert_eq!(elf.versions_needed[0].file, b"libx.so");
        assert_eq!(elf.versions_needed[0].versions, parse(&bytes).versions_needed[0].versions);
        assert_eq!(done.len(), bytes.len());
        assert!(!contains(&done, "/nix/store") && !contains(&done, "libc.so.6"));
    }
}

#[test]
fn nothing_to_do_is_no_patch() {
    let bytes = program().build();
    let elf = parse(&bytes);
    let same = Operation {
        interpreter: elf.interpreter.clone(),
        run_path: Some(RunPath { folders: elf.runpath.clone().unwrap(), runpath: true }),
        replace_needed: vec![
            (b"libb.so.1".to_vec(), b"libb.so.1".to_vec()),
            (b"absent".to_vec(), b"x".to_vec()),
        ],
        ..Operation::default()
    };
    assert_eq!(elf.operate(&bytes, &same), Ok(Vec::new()));
    assert_eq!(elf.operate(&bytes, &Operation::default()), Ok(Vec::new()));
}

#[test]
fn the_same_folders_only_turn_the_tag() {
    let bytes = program().build();
    let patches = parse(&bytes).operate(&bytes, &rpath("/nix/store/hash-b/lib")).unwrap();
    assert_eq!(patches.len(), 1);
    let changed = apply(&bytes, &patches).iter().zip(&bytes).filter(|(new, old)| new != old).count();
    assert_eq!(changed, 1, "DT_RUNPATH is 29, DT_RPATH 15: one byte");
}

#[test]
fn where_both_tags_are_the_one_that_is_heeded_decides_and_both_become_alike() {
    let strings = vec![(DT_RPATH, "/nix/store/stale"), (DT_RUNPATH, "/nix/store/heeded")];
    let bytes = Fixture { strings, ..program() }.build();
    let (done, elf) = operate(&bytes, &rpath("/nix/store/heeded")).unwrap();
    assert_eq!(elf.runpath, None);
    assert!(
        elf.header_strings()
            .filter(|(field, _)| *field == "DT_RPATH")
            .all(|(_, s)| s == b"/nix/store/heeded")
    );
    assert!(!contains(&done, "stale"));
    // The two old ones together are room enough.
    let (_, elf) = operate(&bytes, &rpath("/longer/than/one")).unwrap();
    assert_eq!(elf.rpath.as_deref(), Some(&b"/longer/than/one"[..]));
}

#[test]
fn a_string_that_is_there_serves_again_be_it_the_end_of_another() {
    let needed = "/nix/store/hash-x/lib/libx.so";
    let bytes = Fixture { strings: vec![(DT_NEEDED, needed)], ..program() }.build();
    let (done, elf) = operate(&bytes, &rename(&[(needed, "libx.so")])).unwrap();
    assert_eq!(elf.needed, [b"libx.so"]);
    assert!(!contains(&done, "hash-x"), "what is not read any more is gone");
    // Longer than the old one, but a symbol has that name.
    let symbols = vec!["$ORIGIN/where/the/libraries/are"];
    let bytes = Fixture { symbols, strings: vec![(DT_RPATH, "/x")], ..program() }.build();
    let (_, elf) = operate(&bytes, &rpath("$ORIGIN/where/the/libraries/are")).unwrap();
    assert_eq!(elf.rpath.as_deref(), Some(&b"$ORIGIN/where/the/libraries/are"[..]));
}

#[test]
fn bytes_that_something_else_reads_are_left_alone() {
    let run_path = "/nix/store/hash-b/lib";
    let strings = vec![(DT_RUNPATH, run_path)];
    let base = Fixture { strings, versions: vec![], ..program() };
    let with = |tag| Fixture { strings: vec![(DT_RUNPATH, run_path), (tag, run_path)], ..base.clone() };
    let readers = [
        ("symbol", Fixture { symbols: vec!["a", run_path], ..base.clone() }),
        ("symbol by gnu hash", Fixture { symbols: vec!["a", run_path], hash: Hash::Gnu, ..base.clone() }),
        ("symbol by no hash", Fixture { symbols: vec!["a", run_path], hash: Hash::EmptyGnu, ..base.clone() }),
        ("vn_file", Fixture { versions: vec![(run_path, vec!["V"])], ..base.clone() }),
        ("vna_name", Fixture { versions: vec![("f", vec!["V", run_path])], ..base.clone() }),
        ("vda_name", Fixture { definitions: vec!["V", run_path], ..base.clone() }),
        ("soname", with(DT_SONAME)),
        ("needed", with(DT_NEEDED)),
        ("audit", with(DT_AUDIT)),
        ("filter", with(0x7fff_ffff)),
    ];
    for (name, fixture) in readers {
        for abi in abis() {
            let bytes = Fixture { abi, ..fixture.clone() }.build();
            let (done, elf) = operate(&bytes, &rpath("/new")).unwrap();
            assert_eq!(elf.rpath.as_deref(), Some(&b"/new"[..]), "{name}");
            assert!(contains(&done, run_path), "{name}");
        }
    }
}

#[test]
fn the_part_of_a_string_that_nothing_else_reads_is_used() {
    let symbols = vec!["h-b/lib"];
    let bytes = Fixture { symbols, ..program() }.build();
    let (done, elf) = operate(&bytes, &rpath("/new/path")).unwrap();
    assert_eq!(elf.rpath.as_deref(), Some(&b"/new/path"[..]));
    assert!(contains(&done, "\0h-b/lib\0"));
    // "/nix/store/has" is free, 14 bytes, and one is for the NUL.
    assert_eq!(operate(&bytes, &rpath("/13-bytes-lon")).unwrap().0.len(), bytes.len());
    assert!(operate(&bytes, &rpath("/13-bytes-long")).unwrap().0.len() > bytes.len());
}

#[test]
fn renames_may_be_chained() {
    let strings = vec![(DT_NEEDED, "liba.so.1"), (DT_NEEDED, "libb.so.1"), (DT_NEEDED, "liba.so.1")];
    let bytes =
        Fixture { strings, versions: vec![("liba.so.1", vec!["A"]), ("libb.so.1", vec!["B"])], ..program() };
    let bytes = bytes.build();
    let operation = rename(&[("liba.so.1", "libb.so.1"), ("libb.so.1", "liba.so.1")]);
    let done = apply(&bytes, &parse(&bytes).operate(&bytes, &operation).unwrap());
    let elf = parse(&done);
    assert_eq!(elf.needed, [b"libb.so.1", b"liba.so.1", b"libb.so.1"]);
    assert_eq!(elf.versions_needed[0].file, b"libb.so.1");
}

#[test]
fn a_new_run_path_takes_a_spare_entry() {
    let without = Fixture { strings: vec![(DT_NEEDED, "/nix/store/hash-x/libx.so")], nulls: 2, ..program() };
    let both = Operation { ..rename(&[("/nix/store/hash-x/libx.so", "libx.so")]) };
    let both = Operation { run_path: rpath("$ORIGIN").run_path, ..both };
    let (_, elf) = operate(&without.build(), &both).unwrap();
    assert_eq!((elf.rpath.as_deref(), elf.needed), (Some(&b"$ORIGIN"[..]), vec![b"libx.so".to_vec()]));
    // Without a spare entry, or room for the string, the file grows.
    for (nulls, operation) in [(1, &both), (2, &rpath("$ORIGIN"))] {
        let bytes = Fixture { nulls, ..without.clone() }.build();
        let (done, elf) = operate(&bytes, operation).unwrap();
        assert_eq!(elf.rpath.as_deref(), Some(&b"$ORIGIN"[..]));
        assert!(done.len() > bytes.len());
    }
}

#[test]
fn what_an_earlier_operation_left_free_is_used() {
    let bytes = program().build();
    let (short, _) = operate(&bytes, &rpath("$ORIGIN")).unwrap();
    let (again, elf) = operate(&short, &rpath("$ORIGIN/../lib")).unwrap();
    assert_eq!(elf.rpath.as_deref(), Some(&b"$ORIGIN/../lib"[..]));
    assert_eq!(elf.needed, parse(&bytes).needed);
    assert_eq!(again.len(), bytes.len());
    let (longer, _) = operate(&again, &rpath("$ORIGIN/../../../too/long")).unwrap();
    assert!(longer.len() > bytes.len());
}

#[test]
fn an_empty_run_path_is_the_empty_string() {
    let (done, elf) = operate(&program().build(), &rpath("")).unwrap();
    assert_eq!(elf.rpath.as_deref(), Some(&b""[..]));
    assert!(!contains(&done, "hash-b"));
}

#[test]
fn an_interpreter_fills_its_place() {
    let bytes = program().build();
    let old = "/nix/store/hash-glibc/lib/ld.so";
    let same_length = "/".to_string() + &"y".repeat(old.len() - 1);
    assert!(operate(&bytes, &interpreter(&same_length)).is_ok());
    let longer = same_length + "y";
    let (done, elf) = operate(&bytes, &interpreter(&longer)).unwrap();
    assert_eq!(elf.interpreter.as_deref(), Some(longer.as_bytes()));
    assert!(done.len() > bytes.len());
    // The room stays, however short the one that is there.
    let (short, _) = operate(&bytes, &interpreter("/x")).unwrap();
    assert_eq!(operate(&short, &interpreter(old)).unwrap().0, bytes);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let fixed = Fixture { interpreter: None, e_type: ET_EXEC, strings: vec![], ..program() }.build();
    let pie =
        Fixture { interpreter: None, flags_1: DF_1_PIE, strings: vec![], nulls: 5, ..program() }.build();
    for bytes in [&fixed, &pie] {
        assert!(matches!(operate(bytes, &rpath("")), Err(Refusal::Impossible { field: "run path", .. })));
        assert!(matches!(
            operate(bytes, &interpreter("/x")),
            Err(Refusal::Impossible { field: "interpreter", .. })
        ));
    }
    for operation in [rpath("a\0b"), interpreter("a\0"), interpreter(""), rename(&[("libb.so.1", "")])] {
        assert!(
            matches!(operate(&program().build(), &operation), Err(Refusal::Impossible { .. })),
            "{operation:?}"
        );
    }
}

#[test]
fn bytes_of_another_file_make_no_panic() {
    let bytes = program().build();
    let elf = parse(&bytes);
    let operation = Operation { interpreter: Some(b"/x".to_vec()), ..rpath("/new") };
    for len in 0..bytes.len() {
        let _ = elf.operate(&bytes[..len], &operation);
    }
    assert_eq!(elf.abi, X86_64);
}

#[path = "verb_tests.rs"]
mod verb_tests;

#[path = "real_tests.rs"]
mod real;

#[path = "section_tests.rs"]
mod section_tests;

/// Found by fuzzing: a table of sections that the file is too short for does not hide what lies there instead.
#[test]
fn a_section_table_beyond_the_end_hides_no_payload() {
    let mut bytes = Fixture { abi: X86_64, ..program() }.build();
    bytes.extend_from_slice(b"the payload");
    let (e_shoff, e_shentsize, e_shnum) = (0x28, 0x3a, 0x3c);
    let beyond = bytes.len() as u64 + 100;
    bytes[e_shoff..e_shoff + 8].copy_from_slice(&beyond.to_le_bytes());
    bytes[e_shentsize..e_shentsize + 2].copy_from_slice(&64u16.to_le_bytes());
    bytes[e_shnum..e_shnum + 2].copy_from_slice(&3u16.to_le_bytes());
    let refusal = operate(&bytes, &rpath(&"/a long folder".repeat(30))).unwrap_err();
    assert!(matches!(refusal, Refusal::Payload { .. }), "{refusal:?}");
}

/// Found by fuzzing.
#[test]
fn the_file_header_is_not_edited_where_the_segments_lie_over_it() {
    let mut bytes = Fixture { abi: X86_64, ..program() }.build();
    let (e_phoff, e_phnum) = (0x20, 0x38);
    bytes[e_phoff..e_phoff + 8].fill(0);
    bytes[e_phnum] = 1;
    let operation = Operation { os_abi: Some(29), ..Operation::default() };
    let refused = parse(&bytes).operate(&bytes, &operation);
    assert!(matches!(refused, Err(Refusal::Impossible { field: "OS ABI", .. })), "{refused:?}");
}

#[test]
fn the_loader_of_glibc_gets_no_run_path() {
    let strings = vec![(DT_SONAME, "ld-linux-x86-64.so.2")];
    let bytes = Fixture { interpreter: None, strings, nulls: 5, ..program() }.build();
    assert!(matches!(operate(&bytes, &rpath("/x")), Err(Refusal::Impossible { field: "run path", .. })));
}

#[test]
fn a_new_run_path_takes_the_place_of_one_that_is_to_go() {
    let operation = Operation { remove_run_path: true, ..rpath("/x") };
    let (done, elf) = operate(&program().build(), &operation).unwrap();
    assert_eq!((elf.rpath.as_deref(), elf.runpath), (Some(&b"/x"[..]), None));
    assert_eq!(done, operate(&program().build(), &rpath("/x")).unwrap().0);
}

/// Found by reading: what somebody puts behind the annex is a payload as well.
#[test]
fn a_payload_behind_the_annex_is_not_written_over() {
    let (grown, _) = operate(&program().build(), &rpath(&"/a".repeat(100))).unwrap();
    let bytes = [&grown[..], b"the payload"].concat();
    let longer = rpath(&"/b".repeat(200));
    assert!(matches!(operate(&bytes, &longer), Err(Refusal::Payload { len: 11 })));
    let (done, _) = operate(&bytes, &Operation { grow_before_payload: true, ..longer }).unwrap();
    assert_eq!(&done[grown.len()..bytes.len()], b"the payload");
}

/// Where the fixture's program headers lie, and what they have of 8 bytes each.
const E_PHOFF: usize = 0x40;
const P_OFFSET: usize = 8;
const P_FILESZ: usize = 32;

/// Found by fuzzing, in many ways: where tables share bytes, nobody can change one and leave the other as it was.
#[test]
fn tables_that_share_bytes_are_not_edited() {
    let mut bytes = program().build();
    let strings = parse(&bytes).layout.strings;
    let interpreter = E_PHOFF + 3 * 56;
    let fields = [(P_OFFSET, strings.start), (P_FILESZ, strings.end - strings.start)];
    for (field, value) in fields {
        bytes[interpreter + field..][..8].copy_from_slice(&value.to_le_bytes());
    }
    let refused = parse(&bytes).operate(&bytes, &rpath("$ORIGIN")).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "its headers cannot be set: its interpreter and its DT_STRTAB share bytes"
    );
}

#[test]
fn segments_that_share_addresses_are_not_edited() {
    let mut bytes = Fixture { note: None, ..program() }.build();
    let (load, unused) = (E_PHOFF, E_PHOFF + 2 * 56);
    bytes.copy_within(load..load + 56, unused);
    let refused = parse(&bytes).operate(&bytes, &rpath("$ORIGIN")).unwrap_err();
    assert!(refused.to_string().ends_with("two of its segments lie at the same addresses"), "{refused}");
}

#[test]
fn a_page_that_no_machine_has_is_refused() {
    for page in [0, 1, 2048, 4097] {
        let operation = Operation { page_size: Some(page), ..rpath("/x") };
        let bytes = program().build();
        assert!(parse(&bytes).operate(&bytes, &operation).is_err(), "{page}");
    }
}

/// The kernel begins at a loader's entry point, and a loader relocates itself by its dynamic section's place.
#[test]
fn the_dynamic_section_of_what_may_be_a_loader_stays() {
    let strings = vec![(DT_SONAME, "libx.so")];
    let mut bytes = Fixture { interpreter: None, strings, ..program() }.build();
    let (done, elf) = operate(&bytes, &rpath("/x")).unwrap();
    assert!(done.len() > bytes.len() && elf.rpath.is_some());
    let e_entry = 0x18;
    bytes[e_entry..e_entry + 8].copy_from_slice(&0x10000u64.to_le_bytes());
    let refused = parse(&bytes).operate(&bytes, &rpath("/x"));
    assert!(matches!(refused, Err(Refusal::NoPlace { .. })), "{refused:?}");
}
