//! What PT_DYNAMIC leads to: tables within one segment, strings that end, versions of files that are needed.

use std::collections::HashSet;

use goblin::elf::dynamic::{
    DT_AUDIT, DT_CONFIG, DT_DEPAUDIT, DT_FINI, DT_FINI_ARRAY, DT_FINI_ARRAYSZ, DT_HASH, DT_INIT,
    DT_INIT_ARRAY, DT_INIT_ARRAYSZ, DT_JMPREL, DT_NEEDED, DT_PLTRELSZ, DT_PREINIT_ARRAY, DT_PREINIT_ARRAYSZ,
    DT_REL, DT_RELA, DT_RELASZ, DT_RELSZ, DT_RPATH, DT_RUNPATH, DT_SONAME, DT_STRSZ, DT_STRTAB, DT_SYMTAB,
    DT_VERDEFNUM, DT_VERNEEDNUM, DT_VERSYM,
};

use super::dynamic::{DT_AUXILIARY, DT_FILTER, DT_RELR, DT_RELRSZ, Dynamic};
use super::hash::{Gnu, Sysv, gnu_tags, sysv};
use super::reader::File;
use super::view::{View, symbol_size};
use super::{Report, rule, text};

/// Tags whose value is a string.
pub(super) const STRINGS: [(&str, u64); 9] = [
    ("DT_NEEDED", DT_NEEDED),
    ("DT_SONAME", DT_SONAME),
    ("DT_RPATH", DT_RPATH),
    ("DT_RUNPATH", DT_RUNPATH),
    ("DT_AUDIT", DT_AUDIT),
    ("DT_DEPAUDIT", DT_DEPAUDIT),
    ("DT_CONFIG", DT_CONFIG),
    ("DT_AUXILIARY", DT_AUXILIARY),
    ("DT_FILTER", DT_FILTER),
];

pub(super) fn check(view: &View, report: &mut Report) {
    for (name, tag, size) in tables(view) {
        let Some(address) = view.dynamic.get(tag) else { continue };
        // A table of nothing may be anywhere, as that of a program without imports.
        let inside = size == Some(0) || size.is_some_and(|size| view.file.place(address, size).is_some());
        report.check(inside, rule::POINTERS, name, "leads out of the segments that are loaded from the file");
    }
    check_strings(view, report);
    check_versions(view, report);
}

/// Every table with its size; `None` where that cannot be told.
fn tables(view: &View) -> Vec<(&'static str, u64, Option<u64>)> {
    let (file, dynamic, count) = (&view.file, &view.dynamic, view.symbols.count);
    let sized = [
        ("DT_STRTAB", DT_STRTAB, DT_STRSZ),
        ("DT_RELA", DT_RELA, DT_RELASZ),
        ("DT_REL", DT_REL, DT_RELSZ),
        ("DT_JMPREL", DT_JMPREL, DT_PLTRELSZ),
        ("DT_RELR", DT_RELR, DT_RELRSZ),
        ("DT_INIT_ARRAY", DT_INIT_ARRAY, DT_INIT_ARRAYSZ),
        ("DT_FINI_ARRAY", DT_FINI_ARRAY, DT_FINI_ARRAYSZ),
        ("DT_PREINIT_ARRAY", DT_PREINIT_ARRAY, DT_PREINIT_ARRAYSZ),
    ];
    let mut tables: Vec<_> = sized.map(|(name, tag, size)| (name, tag, dynamic.get(size))).into();
    tables.extend([
        // 0 stands for none (glibc's call_init passes nothing by, but linkers write it).
        ("DT_INIT", DT_INIT, Some(u64::from(dynamic.get(DT_INIT) != Some(0)))),
        ("DT_FINI", DT_FINI, Some(u64::from(dynamic.get(DT_FINI) != Some(0)))),
        ("DT_SYMTAB", DT_SYMTAB, Some(count * symbol_size(file))),
        ("DT_VERSYM", DT_VERSYM, Some(2 * count)),
        ("DT_HASH", DT_HASH, Sysv::read(file, dynamic).map(|table| table.size())),
    ]);
    tables.extend(gnu_tags(file).map(|(name, tag)| (name, tag, gnu_size(file, dynamic, tag, count))));
    tables
}

fn gnu_size(file: &File, dynamic: &Dynamic, tag: u64, count: u64) -> Option<u64> {
    let place = Gnu::read(file, dynamic, tag)?.place(count)?;
    Some(place.end - place.start)
}

/// That every string begins within the table and ends there.
fn check_strings(view: &View, report: &mut Report) {
    let table = view.dynamic.strings.table;
    // What begins before the last NUL ends.
    let end = memchr::memrchr(0, table).map_or(0, |last| last as u64 + 1);
    for (name, tag) in STRINGS {
        let inside = view.dynamic.all(tag).all(|at| at < end);
        report.check(inside, rule::STRINGS, name, "is outside of the string table, or does not end");
    }
    for index in 0..view.symbols.count {
        if view.symbol(index).is_some_and(|symbol| symbol.name >= end && symbol.name > 0) {
            report.add(rule::STRINGS, format!("symbol {index}"), "has a name outside of the string table");
        }
    }
}

fn check_versions(view: &View, report: &mut Report) {
    let versions = &view.versions;
    report.check(versions.whole, rule::VERSIONS, "a table of versions", "cannot be followed to its end");
    let counted = |count: usize, tag| view.dynamic.get(tag).is_none_or(|told| told == count as u64);
    let counts =
        counted(versions.needs.len(), DT_VERNEEDNUM) && counted(versions.definitions.len(), DT_VERDEFNUM);
    report.check(counts, rule::VERSIONS, "a table of versions", "has not as many entries as its tag says");
    let needed: HashSet<_> = view.dynamic.named(DT_NEEDED).collect();
    let end = view.dynamic.strings.table.len() as u64;
    for need in &versions.needs {
        // ld.so looks the file up among the needed ones, and aborts (dl-version.c, find_needed).
        let is_needed = need.file_at < end && needed.contains(need.file);
        let subject = format!("{}, of which versions are asked for,", text(need.file));
        report.check(is_needed, rule::VERSIONS, subject, "is not needed");
        for version in &need.versions {
            let right = version.name_at < end && version.hash == sysv(version.name);
            let subject = format!("version {}", text(version.name));
            report.check(right, rule::VERSIONS, subject, "has not the hash of its name");
        }
    }
}
