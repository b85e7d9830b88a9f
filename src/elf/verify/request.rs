//! Whether the file says what was asked for, and elsewhere what it said.

use std::fmt;

use goblin::elf::dynamic::{
    DF_1_NODEFLIB, DF_1_PIE, DT_DEBUG, DT_FLAGS_1, DT_NEEDED, DT_RPATH, DT_RUNPATH, DT_SONAME, DT_STRSZ,
    DT_STRTAB, DT_VERNEED, DT_VERNEEDNUM, DT_VERSYM,
};

use super::dynamic::{DT_MIPS_RLD_MAP_REL, Dynamic, Entry};
use super::pair::Pair;
use super::pointers::STRINGS;
use super::reader::{EM_MIPS, ET_EXEC, File, PT_INTERP};
use super::segments::{self, PATH_MAX};
use super::{Report, rule, text};

/// A string in a message.
struct Shown<'a>(&'a [u8]);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", text(self.0))
    }
}

fn shown<'a>(names: impl IntoIterator<Item = &'a [u8]>) -> Vec<Shown<'a>> {
    names.into_iter().map(Shown).collect()
}

/// Compares what a field should say with what it says.
fn expect<T: PartialEq + fmt::Debug>(report: &mut Report, field: &str, wanted: T, found: T) {
    if wanted != found {
        report.add(rule::REQUEST, field, format!("is {found:?}, not {wanted:?}"));
    }
}

fn expect_strings(report: &mut Report, field: &str, wanted: &[&[u8]], found: &[&[u8]]) {
    if wanted != found {
        let (wanted, found) = (shown(wanted.iter().copied()), shown(found.iter().copied()));
        report.add(rule::REQUEST, field, format!("is {found:?}, not {wanted:?}"));
    }
}

pub(super) fn check(pair: &Pair, report: &mut Report) {
    let operation = pair.wanted.operation;
    let (before, after) = (&pair.before.file, &pair.after.file);
    expect(report, "EI_OSABI", operation.os_abi.unwrap_or(before.header.ident[7]), after.header.ident[7]);
    let stack = operation.executable_stack.or(segments::executable_stack(before));
    expect(report, "the executable stack", stack, segments::executable_stack(after));
    let path = operation.interpreter.as_deref().or_else(|| interpreter(before));
    // The stub finds the loader.
    let path = path.filter(|_| operation.stub.is_none());
    expect_strings(report, "the interpreter", path.as_slice(), interpreter(after).as_slice());
    check_strings(pair, report);
    check_run_path(pair, report);
    check_flags(pair, report);
    check_cache(pair, report);
    check_rest(pair, report);
}

/// The note about libraries is what was asked for, or goes with what it was true of.
fn check_cache(pair: &Pair, report: &mut Report) {
    let (operation, wanted) = (pair.wanted.operation, &pair.wanted);
    let dynamic = &pair.before.dynamic;
    let heeded = dynamic.named(DT_RUNPATH).last().or(dynamic.named(DT_RPATH).last());
    let turns = operation.run_path.as_ref().is_some_and(|path| heeded.unwrap_or_default() != path.folders);
    let edits_needed =
        wanted.removes_needed() || wanted.replaces_needed() || !operation.add_needed.is_empty();
    let goes = operation.remove_run_path && operation.run_path.is_none();
    let is_false = turns || edits_needed || goes;
    let kept = pair.before.file.cache().filter(|_| !is_false);
    let wanted = operation.resolution_cache.as_deref().or(kept);
    expect_strings(report, "the note of libraries", wanted.as_slice(), pair.after.file.cache().as_slice());
}

/// The string that PT_INTERP names, if the kernel would take it.
fn interpreter<'a>(file: &File<'a>) -> Option<&'a [u8]> {
    let bytes = file.slice(file.first(PT_INTERP)?.file())?;
    if bytes.last() != Some(&0) || bytes.len() as u64 > PATH_MAX || !file.is_loaded() {
        return None;
    }
    bytes.split(|byte| *byte == 0).next()
}

fn check_strings(pair: &Pair, report: &mut Report) {
    let (before, after) = (&pair.before.dynamic, &pair.after.dynamic);
    for (name, tag) in STRINGS {
        let found: Vec<_> = after.named(tag).collect();
        let wanted: Vec<_> = match (tag, &pair.wanted.operation.soname) {
            (DT_RPATH | DT_RUNPATH, _) => continue,
            (DT_NEEDED, _) => pair.wanted.needed(pair.before).collect(),
            // All of them, or the one that ld.so heeds alone.
            (DT_SONAME, Some(soname)) => vec![soname.as_slice(); found.len().max(1)],
            _ => before.named(tag).collect(),
        };
        expect_strings(report, name, &wanted, &found);
    }
}

fn check_run_path(pair: &Pair, report: &mut Report) {
    let operation = pair.wanted.operation;
    let paths = |dynamic: &Dynamic<'_>| -> Vec<(bool, Vec<u8>)> {
        let entries = dynamic.entries.iter().filter(|entry| matches!(entry.tag, DT_RPATH | DT_RUNPATH));
        let path =
            |entry: &Entry| Some((entry.tag == DT_RUNPATH, dynamic.strings.get(entry.value)?.to_vec()));
        entries.filter_map(path).collect()
    };
    let found = paths(&pair.after.dynamic);
    let wanted = match &operation.run_path {
        // Every entry, so that whatever reads the file reads the same.
        Some(path) => vec![(path.runpath, path.folders.clone()); found.len().max(1)],
        None if operation.remove_run_path => Vec::new(),
        None => paths(&pair.before.dynamic),
    };
    if wanted != found {
        let show = |paths: &[(bool, Vec<u8>)]| -> Vec<String> {
            let tag = |runpath| if runpath { "DT_RUNPATH" } else { "DT_RPATH" };
            paths.iter().map(|(runpath, path)| format!("{} {:?}", tag(*runpath), text(path))).collect()
        };
        report.add(rule::REQUEST, "the run path", format!("is {:?}, not {:?}", show(&found), show(&wanted)));
    }
    // glibc's start-up code of a static-pie crashes over a run path.
    let file = &pair.before.file;
    let dynamic = &pair.before.dynamic;
    let pie = dynamic.get(DT_FLAGS_1).is_some_and(|flags| flags & DF_1_PIE != 0);
    let starts_alone = file.first(PT_INTERP).is_none() && dynamic.get(DT_NEEDED).is_none();
    let is_static = starts_alone && (pie || file.header.kind() == ET_EXEC);
    let gained = !found.is_empty() && paths(&pair.before.dynamic).is_empty();
    report.check(!(is_static && gained), rule::REQUEST, "a static program", "was given a run path");
}

fn check_flags(pair: &Pair, report: &mut Report) {
    let operation = pair.wanted.operation;
    let (before, after) = (&pair.before.dynamic, &pair.after.dynamic);
    let asked = if operation.no_default_lib { DF_1_NODEFLIB } else { 0 };
    let flags = before.get(DT_FLAGS_1);
    let wanted = if asked == 0 { flags } else { Some(flags.unwrap_or(0) | asked) };
    expect(report, "DT_FLAGS_1", wanted, after.get(DT_FLAGS_1));
    let tags = before.all(DT_DEBUG).count();
    let wanted = if operation.debug_tag { tags.max(1) } else { tags };
    expect(report, "the number of DT_DEBUG", wanted, after.all(DT_DEBUG).count());
}

/// The tags that have nothing to do with any operation.
fn check_rest(pair: &Pair, report: &mut Report) {
    let is_mips = pair.before.file.header.machine() == EM_MIPS;
    let rest = |dynamic: &Dynamic| -> Vec<(u64, u64)> {
        let is_checked = |tag| match tag {
            DT_FLAGS_1 | DT_DEBUG => true,
            // Checked as what they lead to.
            DT_STRTAB | DT_STRSZ => pair.has_grown(),
            DT_VERSYM | DT_VERNEED | DT_VERNEEDNUM => pair.wanted.clears_versions(),
            _ => STRINGS.iter().any(|(_, other)| *other == tag),
        };
        let entries = dynamic.entries.iter().filter(|entry| !is_checked(entry.tag));
        let value = |entry: &Entry| match entry.tag {
            // Counted from its own entry, which may have moved.
            DT_MIPS_RLD_MAP_REL if is_mips => {
                entry.value.wrapping_add(entry.address) & pair.before.file.address_mask()
            }
            _ => entry.value,
        };
        let mut rest: Vec<_> = entries.map(|entry| (entry.tag, value(entry))).collect();
        // Of one tag the last counts, so the order among those of one tag matters, and no other.
        rest.sort_by_key(|(tag, _)| *tag);
        rest
    };
    let (before, after) = (rest(&pair.before.dynamic), rest(&pair.after.dynamic));
    if before != after {
        let first = before.iter().zip(&after).find(|(old, new)| old != new).map(|(old, _)| *old);
        let longer = if before.len() > after.len() { &before } else { &after };
        let first = first.or_else(|| longer.get(before.len().min(after.len())).copied());
        let tag = first.map_or(0, |(tag, _)| tag);
        report.add(rule::DYNAMIC, format!("the dynamic entry of tag {tag:#x}"), "changed, came or went");
    }
}
