//! Sources of every length, and patches inside of them, across their end, and far behind it.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::elf::FileOffset;
use crate::path::InstallPath;
use crate::plan::Role;

/// A file of the store with its patches, as the plan has it.
struct Planned {
    entry: Entry,
    _folder: tempfile::TempDir,
}

fn planned(content: &[u8], patches: Vec<Patch>) -> Planned {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    std::fs::write(&source, content).unwrap();
    let size = patched_len(content.len() as u64, &patches);
    let kind = Kind::File {
        source: Source::Store(source),
        size,
        grown: size - content.len() as u64,
        patches,
        surgery: Vec::new(),
    };
    let mut entry = Entry::folder(InstallPath::new("/opt/x").unwrap());
    (entry.kind, entry.role, entry.origin) = (kind, Role::Data, "x-1.0/x".into());
    Planned { entry, _folder: folder }
}

fn by_hand(content: &[u8], patches: &[Patch]) -> Vec<u8> {
    let mut bytes = content.to_vec();
    bytes.resize(patched_len(content.len() as u64, patches) as usize, 0);
    for patch in patches {
        bytes[patch.at.0 as usize..][..patch.bytes.len()].copy_from_slice(&patch.bytes);
    }
    bytes
}

fn whole(entry: &Entry) -> Vec<u8> {
    open(entry).unwrap().unwrap().whole().unwrap()
}

fn patches_of(entry: &Entry) -> &[Patch] {
    match &entry.kind {
        Kind::File { patches, .. } => patches,
        other => panic!("{other:?}"),
    }
}

fn source(entry: &Entry) -> &Path {
    match &entry.kind {
        Kind::File { source: Source::Store(path), .. } => path,
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_at_all_is_a_file_too() {
    assert!(open(&planned(b"", Vec::new()).entry).unwrap().unwrap().next().is_none());
    let patches = vec![Patch::new(FileOffset(5), *b"x")];
    assert_eq!(whole(&planned(b"", patches).entry), *b"\0\0\0\0\0x");
}

#[test]
fn a_source_that_changed_since_it_was_planned_is_refused_also_where_it_is_to_grow() {
    let patches = vec![Patch::new(FileOffset(10_000), *b"behind")];
    for patches in [Vec::new(), patches] {
        let planned = planned(&[1; 5000], patches);
        for len in [4999, 5001] {
            std::fs::write(source(&planned.entry), vec![1; len]).unwrap();
            let error = open(&planned.entry).map(|_| ()).unwrap_err().to_string();
            assert!(
                error.contains(&format!("x-1.0/x was 5000 bytes when it was planned and is {len} now")),
                "{error}"
            );
        }
    }
}

/// The memory of this process that is no file's, in bytes (proc(5), smaps_rollup).
fn private_memory() -> u64 {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("Anonymous:")).unwrap();
    line.trim().split(' ').next().unwrap().parse::<u64>().unwrap() << 10
}

#[test]
fn a_hole_takes_no_memory() {
    let hole = 256 << 20;
    let planned = planned(b"program", vec![Patch::new(FileOffset(hole), *b"segment")]);
    let before = private_memory();
    let map = patched(&File::open(source(&planned.entry)).unwrap(), 7, patches_of(&planned.entry)).unwrap();
    assert!(map.starts_with(b"program\0") && map.ends_with(b"\0segment"));
    assert!(map[7..hole as usize].iter().all(|byte| *byte == 0));
    let mut size = 0;
    for window in open(&planned.entry).unwrap().unwrap() {
        size += window.unwrap().len() as u64;
    }
    assert_eq!(size, hole + 7);
    // Other tests run beside this one.
    assert!(private_memory() < before + (128 << 20), "{} after {before}", private_memory());
}

#[test]
fn a_source_that_shrinks_while_it_is_read_is_told() {
    let planned = planned(&vec![1; 3 * WINDOW as usize], Vec::new());
    let mut body = open(&planned.entry).unwrap().unwrap();
    body.next().unwrap().unwrap();
    File::options().write(true).open(source(&planned.entry)).unwrap().set_len(WINDOW + 5).unwrap();
    let error = body.next().unwrap().unwrap_err().to_string();
    assert!(error.contains(&format!("and is {} now", WINDOW + 5)), "{error}");
    assert!(body.next().is_none());
}

/// Patches across the border of two windows, and whole windows of nothing but zeros.
#[test]
fn windows_are_patched_where_they_meet() {
    let content: Vec<u8> = (0..WINDOW + 100).map(|at| at as u8 | 1).collect();
    let patches =
        [WINDOW - 3, 2 * WINDOW - 1, 5 * WINDOW + 1].map(|at| Patch::new(FileOffset(at), *b"seven b"));
    let wanted = by_hand(&content, &patches);
    assert!(whole(&planned(&content, patches.to_vec()).entry) == wanted);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_bytes_are_those_of_the_patches_by_hand(
        len in prop_oneof![0usize..10, 4090usize..4100, 0usize..20_000],
        gaps in prop::collection::vec((prop_oneof![0u64..10, 4000u64..4200, 0u64..40_000], 1usize..5000), 0..5),
    ) {
        let content: Vec<u8> = (0..len).map(|at| at as u8 | 1).collect();
        let mut at = 0;
        let patches: Vec<Patch> = gaps
            .into_iter()
            .map(|(gap, len)| {
                let patch = Patch::new(FileOffset(at + gap), vec![0xfe; len]);
                at = patch.end().0;
                patch
            })
            .collect();
        let wanted = by_hand(&content, &patches);
        let planned = planned(&content, patches);
        prop_assert!(whole(&planned.entry) == wanted);
        prop_assert!(*patched(&File::open(source(&planned.entry)).unwrap(), len as u64, patches_of(&planned.entry)).unwrap() == *wanted);
        // The source is as it was.
        prop_assert!(std::fs::read(source(&planned.entry)).unwrap() == content);
    }
}
