//! The view that tools have: not needed to run, but strip and gdb go by it.

use goblin::elf::dynamic::{DT_STRSZ, DT_STRTAB, DT_SYMTAB};

use super::pair::Pair;
use super::reader::*;
use super::view::View;
use super::{Report, rule, text};

/// The rules of one file.
pub(super) fn check(view: &View, report: &mut Report) {
    let file = &view.file;
    let count = file.header.shnum;
    let whole = file.sections.len() as u64 == count;
    report.check(whole, rule::SECTIONS, "the section header table", "leads out of the file, or is none");
    let named = count == 0 || !file.section_names_place.is_empty();
    report.check(named, rule::SECTIONS, "the names of sections", "are not all in their table");
    for (index, section) in file.sections.iter().enumerate() {
        if section.kind == SHT_NULL {
            continue;
        }
        let mut check = |holds, what| report.check(holds, rule::SECTIONS, format!("section {index}"), what);
        check(is_loaded_right(file, section), "is not loaded from its offset to its address");
        let info = matches!(section.kind, SHT_REL | SHT_RELA) || section.flags & SHF_INFO_LINK != 0;
        check(section.link < count && (!info || section.info < count), "is linked to no section");
        check(agrees(view, section), "is not what PT_DYNAMIC leads to");
    }
}

fn is_loaded_right(file: &File, section: &Section) -> bool {
    // A .tbss takes no room in memory, only in each thread's.
    let nowhere = section.flags & SHF_TLS != 0 && section.kind == SHT_NOBITS;
    // Nothing of an object file is loaded as it is.
    if !section.is_loaded() || section.size == 0 || nowhere || file.segments.is_empty() {
        return true;
    }
    if section.kind == SHT_NOBITS {
        let end = section.addr.saturating_add(section.size);
        return file.loads().any(|load| load.memory().start <= section.addr && end <= load.memory().end);
    }
    file.place(section.addr, section.size) == Some(section.file())
}

/// Whether the sections that repeat what PT_DYNAMIC says repeat it.
fn agrees(view: &View, section: &Section) -> bool {
    let dynamic = &view.dynamic;
    if !matches!(section.kind, SHT_DYNAMIC | SHT_DYNSYM) || dynamic.entries.is_empty() {
        return true;
    }
    let table = usize::try_from(section.link).ok().and_then(|index| view.file.sections.get(index));
    let strings = table.is_some_and(|table| {
        let told = (dynamic.get(DT_STRTAB), dynamic.get(DT_STRSZ));
        table.kind == SHT_STRTAB && told == (Some(table.addr), Some(table.size))
    });
    strings && (section.kind != SHT_DYNSYM || dynamic.get(DT_SYMTAB) == Some(section.addr))
}

/// The rules of two files.
pub(super) fn compare(pair: &Pair, report: &mut Report) {
    let (before, after) = (&pair.before.file, &pair.after.file);
    if drops_table(pair) {
        return;
    }
    let (old_names, new_names) = (before.section_names(), after.section_names());
    // Those of the annex that no linker makes come again where it is made anew.
    let is_own = |section: &Section| {
        pair.was_in_annex(section.offset) && OWN.contains(&old_names.get(section.name).unwrap_or_default())
    };
    let own = before.sections.iter().rev().take_while(|section| pair.has_grown() && is_own(section)).count();
    let kept = before.sections.len() - own;
    for (index, old) in before.sections[..kept].iter().enumerate() {
        if is_false_note(pair, old) {
            continue;
        }
        let Some(new) = after.sections.get(index) else {
            report.add(rule::SECTIONS, format!("section {index}"), "is gone");
            continue;
        };
        let mut name = old_names.get(old.name);
        let mut expected = Section { name: new.name, ..*old };
        if moves(pair, index, old) {
            let Section { addr, offset, size, align, .. } = *new;
            expected = Section { addr, offset, size, align, ..expected };
        }
        if old.kind == SHT_DYNAMIC && pair.has_grown() {
            expected.flags = new.flags;
        }
        // Without a file to need versions of, or versions at all, they are none.
        if matches!(old.kind, SHT_GNU_VERNEED | SHT_GNU_VERSYM) && pair.wanted.clears_versions() {
            (expected.size, expected.info) = (new.size, new.info);
            if new.kind == SHT_PROGBITS {
                expected.kind = SHT_PROGBITS;
                name = Some(b"");
            }
        }
        let same = expected == *new && name == new_names.get(new.name);
        let subject = format!("section {index} {}", text(old_names.get(old.name).unwrap_or_default()));
        report.check(same, rule::SECTIONS, subject, "changed");
    }
    for section in after.sections.iter().skip(kept) {
        let file = section.file();
        let inside =
            pair.all_added().any(|annex| annex.file().start <= file.start && file.end <= annex.file().end);
        report.check(inside, rule::SECTIONS, "a new section", "is not in the added segment");
    }
    // Without a name for it nobody makes a section, and what had none gets none.
    let covers = before.movable_names().is_some() && describes_all(pair);
    for annex in pair.all_added().filter(|_| covers) {
        check_cover(after, annex, report);
    }
}

/// Whether there is a section for each table that may move into the added segment.
fn describes_all(pair: &Pair) -> bool {
    let (file, dynamic) = (&pair.before.file, &pair.before.dynamic);
    let path = file.first(PT_INTERP).map_or(0, |segment| segment.offset);
    let tables = [dynamic.place.start, dynamic.string_place.start, path].into_iter().filter(|at| *at > 0);
    let is_described =
        |at: u64| file.sections.iter().any(|section| section.is_loaded() && section.offset == at);
    tables.into_iter().all(is_described)
}

/// Whether the section headers are gone that lay behind the file's end, where something else is now.
pub(super) fn drops_table(pair: &Pair) -> bool {
    let (before, after) = (&pair.before.file, &pair.after.file);
    let was_outside = before.section_table().end > before.len();
    let none = (after.header.shoff, after.header.shnum, after.header.shstrndx) == (0, 0, 0);
    pair.has_grown() && was_outside && none
}

/// Sections of the annex that no linker makes.
const OWN: [&[u8]; 3] = [b".note.nixos.ldcache", b".phdrs", b".explant"];

/// Whether it is a note about libraries that is not true any more.
fn is_false_note(pair: &Pair, section: &Section) -> bool {
    let is_note = |segment: &&Segment| segment.offset == section.offset && pair.before.file.is_cache(segment);
    pair.before.file.segments.iter().any(|segment| is_note(&segment))
        && pair.after.file.sections.iter().all(|after| after.offset != section.offset)
}

/// Whether a section is one of the few that an operation gives another place.
fn moves(pair: &Pair, index: usize, section: &Section) -> bool {
    if pair.was_in_annex(section.offset) {
        return true;
    }
    let dynamic = &pair.before.dynamic;
    let interpreter = pair.before.file.first(PT_INTERP).map(|segment| segment.vaddr);
    let are_names = index as u64 == pair.before.file.header.shstrndx;
    let moved = are_names && pair.before.file.movable_names().is_some()
        || section.kind == SHT_DYNAMIC
        || section.kind == SHT_STRTAB && dynamic.get(DT_STRTAB) == Some(section.addr)
        || section.is_loaded() && interpreter == Some(section.addr);
    moved && pair.has_grown()
}

/// Sections cover all of the added segment: strip moves what none covers (seen with a program header table of polyfill-glibc).
/// But for room at its beginning, as long as the table, if it holds that: binutils writes the table there.
fn check_cover(file: &File, annex: &Segment, report: &mut Report) {
    let inside = |section: &&Section| section.is_loaded() && annex.memory().contains(&section.addr);
    let mut sections: Vec<_> = file.sections.iter().filter(inside).collect();
    sections.sort_by_key(|section| section.addr);
    let (table, place) = (file.segment_table(), annex.file());
    let has_table = place.start <= table.start && table.end <= place.end;
    let room = if has_table { table.end - table.start } else { 0 };
    let mut end = annex.vaddr.saturating_add(room);
    let mut gaps = false;
    for section in &sections {
        let padding = section.align.max(1).min(annex.align);
        gaps |= end.checked_next_multiple_of(padding).is_none_or(|end| end < section.addr);
        end = end.max(section.addr.saturating_add(section.size));
    }
    let covered = !gaps && end == annex.memory().end;
    report.check(covered, rule::SECTIONS, "the added segment", "is not covered by sections");
}
