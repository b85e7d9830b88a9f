//! The headers that the kernel and ld.so read first.

use std::ops::Range;

use super::pair::Pair;
use super::reader::*;
use super::view::View;
use super::{Report, rule, stub};

/// The longest path of an interpreter (the kernel's load_elf_binary).
pub(super) const PATH_MAX: u64 = 4096;

/// The smallest page of all machines.
const SMALLEST_PAGE: u64 = 4096;

const PF_X: u64 = 1;
const PF_W: u64 = 2;

/// The largest page that a machine's kernel may be built with, as its linker assumes (bfd's ELF_MAXPAGESIZE).
pub(super) fn page_size(machine: u64) -> u64 {
    match machine {
        // MIPS, PowerPC, IA-64, AArch64, Tile, LoongArch, Alpha.
        EM_MIPS | 20 | 21 | 50 | 183 | 187 | 188 | 191 | 258 | 0x9026 => 0x10000,
        // SPARC.
        2 | 18 | 43 => 0x2000,
        _ => SMALLEST_PAGE,
    }
}

fn name(kind: u64) -> String {
    match kind {
        PT_LOAD => "PT_LOAD".into(),
        PT_DYNAMIC => "PT_DYNAMIC".into(),
        PT_INTERP => "PT_INTERP".into(),
        PT_NOTE => "PT_NOTE".into(),
        PT_PHDR => "PT_PHDR".into(),
        PT_TLS => "PT_TLS".into(),
        PT_GNU_EH_FRAME => "PT_GNU_EH_FRAME".into(),
        PT_GNU_STACK => "PT_GNU_STACK".into(),
        PT_GNU_RELRO => "PT_GNU_RELRO".into(),
        PT_GNU_PROPERTY => "PT_GNU_PROPERTY".into(),
        _ => format!("a segment of type {kind:#x}"),
    }
}

pub(super) fn load_name(load: &Segment) -> String {
    format!("PT_LOAD at {:#x}", load.vaddr)
}

/// The rules of one file.
pub(super) fn check(view: &View, report: &mut Report) {
    let file = &view.file;
    let whole = file.segments.len() as u64 == file.header.phnum;
    report.check(whole, rule::HEADER, "the program header table", "ends behind the file");
    for load in file.loads() {
        let fits = load.filesz <= load.memsz && load.file().end <= file.len();
        report.check(
            fits,
            rule::SEGMENTS,
            load_name(load),
            "ends behind the file, or in it behind its memory",
        );
        let aligned = load.align <= 1
            || load.align.is_power_of_two() && load.offset % load.align == load.vaddr % load.align;
        report.check(aligned, rule::ALIGNMENT, load_name(load), "is not aligned in the file as in memory");
    }
    for (load, next) in file.loads().zip(file.loads().skip(1)) {
        let end = load.memory().end.checked_next_multiple_of(SMALLEST_PAGE);
        let apart = end.is_some_and(|end| end <= next.vaddr - next.vaddr % SMALLEST_PAGE);
        report.check(
            apart,
            rule::SEGMENTS,
            load_name(next),
            "is not behind the one before it, on pages of its own",
        );
    }
    check_table(file, report);
    check_interpreter(file, report);
    check_dynamic(view, report);
}

/// Where programs find their program headers: PT_PHDR, and AT_PHDR of kernels older than 5.18, which add e_phoff to where the first
/// PT_LOAD's byte 0 would be (load_elf_binary, create_elf_tables).
fn check_table(file: &File, report: &mut Report) {
    let table = file.segment_table();
    if let Some(index) = file.segments.iter().position(|segment| segment.kind == PT_PHDR) {
        let segment = &file.segments[index];
        let describes =
            segment.file() == table && file.place(segment.vaddr, segment.filesz) == Some(table.clone());
        let first = file.segments[..index].iter().all(|earlier| earlier.kind != PT_LOAD);
        report.check(describes, rule::PROGRAM_HEADERS, "PT_PHDR", "is not where e_phoff is, in a PT_LOAD");
        report.check(first, rule::PROGRAM_HEADERS, "PT_PHDR", "comes after a PT_LOAD");
    }
    // It may have a section of its own, which does not grow with it. What is said to reach beyond the file is nowhere.
    let is_own = |other: &Range<u64>| other.start == table.start && other.end <= table.end;
    let overlaps = |other: &Range<u64>| {
        !is_own(other) && other.end <= file.len() && other.start < table.end && table.start < other.end
    };
    let sections = file.sections.iter().map(Section::file);
    let others = file.segments.iter().filter(|segment| !matches!(segment.kind, PT_LOAD | PT_PHDR));
    let alone = !sections.chain(others.map(Segment::file)).any(|other| overlaps(&other));
    report.check(alone, rule::PROGRAM_HEADERS, "the program header table", "covers something else");
    let is_program = file.header.kind() == ET_EXEC || file.first(PT_INTERP).is_some();
    let (true, Some(first)) = (is_program, file.loads().next()) else { return };
    let address = table.start.wrapping_sub(first.offset).wrapping_add(first.vaddr);
    let size = table.end - table.start;
    // A table that is in no segment at all is found nowhere, by no kernel.
    let loaded = file.loads().any(|load| load.file().start <= table.start && table.end <= load.file().end);
    let found = !loaded || file.place(address, size) == Some(table);
    report.check(
        found,
        rule::PROGRAM_HEADERS,
        "AT_PHDR",
        "of a kernel before 5.18 would miss the program headers",
    );
}

fn check_interpreter(file: &File, report: &mut Report) {
    let Some(segment) = file.first(PT_INTERP) else { return };
    let mut check = |holds, what| report.check(holds, rule::INTERPRETER, "PT_INTERP", what);
    let bytes = file.slice(segment.file()).unwrap_or_default();
    let ends = bytes.len() > 1 && bytes.last() == Some(&0) && bytes.len() as u64 <= PATH_MAX;
    check(ends, "does not end with a NUL, is too long, or outside of the file");
    let loaded = file.place(segment.vaddr, segment.filesz) == Some(segment.file());
    check(loaded, "is not what its address leads to in a PT_LOAD");
}

fn check_dynamic(view: &View, report: &mut Report) {
    let file = &view.file;
    let Some(segment) = file.dynamic() else { return };
    let mut check = |holds, what| report.check(holds, rule::DYNAMIC, "PT_DYNAMIC", what);
    check(
        file.place(segment.vaddr, segment.filesz) == Some(segment.file()),
        "is not what its address leads to",
    );
    check(view.dynamic.ended && view.dynamic.place.end <= segment.file().end, "has no DT_NULL");
    let load = file.loads().rev().find(|load| load.memory().contains(&segment.vaddr));
    // ld.so relocates its entries in place and writes DT_DEBUG there, but on MIPS (glibc's DL_RO_DYN_SECTION).
    let writable = file.header.machine() == EM_MIPS || load.is_some_and(|load| load.flags & PF_W != 0);
    report.check(writable, rule::DYNAMIC, "PT_DYNAMIC's segment", "is not writable");
    for section in file.sections.iter().filter(|section| section.kind == SHT_DYNAMIC) {
        let same = (section.addr, section.file()) == (segment.vaddr, segment.file());
        report.check(same, rule::DYNAMIC, "section .dynamic", "is not what PT_DYNAMIC is");
    }
}

/// The rules of two files.
pub(super) fn compare(pair: &Pair, report: &mut Report) {
    compare_headers(pair, report);
    let (before, after) = (&pair.before.file, &pair.after.file);
    let kept: Vec<_> = before.loads().filter(|load| Some(**load) != pair.old_annex).collect();
    for old in &kept {
        let stays = after.loads().any(|new| new == *old);
        report.check(stays, rule::SEGMENTS, load_name(old), "is gone, or changed");
    }
    let counted = kept.len() + pair.all_added().count() == after.loads().count();
    report.check(counted, rule::SEGMENTS, "the number of PT_LOAD", "is another");
    report.check(pair.added.len() <= 1, rule::GROWTH, "more than one PT_LOAD", "was added");
    for annex in &pair.added {
        check_annex(pair, annex, report);
    }
    stub::check(pair, report);
    compare_others(pair, report);
}

fn compare_headers(pair: &Pair, report: &mut Report) {
    let (before, after) = (&pair.before.file, &pair.after.file);
    let (old, mut new) = (before.header.clone(), after.header.clone());
    // EI_OSABI has a rule of its own.
    new.ident[7] = old.ident[7];
    if pair.has_grown() {
        (new.phoff, new.phnum) = (old.phoff, old.phnum);
        if pair.planted.is_some() {
            new.fixed[3] = old.fixed[3];
        }
        if super::sections::drops_table(pair) {
            (new.shoff, new.shnum, new.shstrndx) = (old.shoff, old.shnum, old.shstrndx);
        } else if !before.sections.is_empty() {
            (new.shoff, new.shnum) = (old.shoff, old.shnum);
        }
    }
    report.check(old == new, rule::HEADER, "the ELF header", "changed");
}

/// The segment that an operation added comes after all else, both in the file and in memory.
fn check_annex(pair: &Pair, annex: &Segment, report: &mut Report) {
    let file = &pair.after.file;
    let others = || file.loads().filter(|load| *load != annex && Some(**load) != pair.planted);
    let page = pair.wanted.operation.page_size.unwrap_or(page_size(file.header.machine()));
    let name = load_name(annex);
    let aligned = annex.align >= page && page.is_power_of_two();
    report.check(aligned, rule::ALIGNMENT, &name, format!("is not aligned to {page:#x}"));
    let physical = |load: &Segment| load.paddr.wrapping_sub(load.vaddr) & file.address_mask();
    let like_others = others().any(|load| physical(load) == physical(annex));
    let plain = annex.flags & PF_X == 0 && annex.filesz == annex.memsz && like_others;
    report.check(plain, rule::SEGMENTS, &name, "has code, memory that is not in the file, or an odd p_paddr");
    let memory = others().map(|load| load.memory().end).fold(0, u64::max);
    let memory = memory.checked_add(page.saturating_sub(1)).map(|end| end - end % page.max(1));
    let above = memory.is_some_and(|end| end <= annex.vaddr - annex.vaddr % page.max(1));
    report.check(above, rule::SEGMENTS, &name, "is not above all others, on pages of its own");
    let behind = annex.offset >= pair.tail_start();
    report.check(behind, rule::SEGMENTS, &name, "is not behind all that was in the file");
    let holds = |segment: &Segment| segment.kind == PT_DYNAMIC && annex.memory().contains(&segment.vaddr);
    let wanted = annex.flags & PF_W == 0 || file.segments.iter().any(holds);
    report.check(wanted, rule::SEGMENTS, &name, "is writable without need");
}

/// All that is not PT_LOAD stays, but for what is asked for and what moves into the annex.
fn compare_others(pair: &Pair, report: &mut Report) {
    let operation = pair.wanted.operation;
    let (before, after) = (&pair.before.file, &pair.after.file);
    let adds_stack = operation.executable_stack.is_some() && before.first(PT_GNU_STACK).is_none();
    // Only what ld.so starts needs a PT_PHDR, and that only where it may be anywhere.
    let needs_table = before.header.kind() == ET_DYN && before.first(PT_INTERP).is_some();
    let drops_table = pair.has_grown() && !needs_table && after.first(PT_PHDR).is_none();
    let others = |file: &'_ File, skipped: u64| -> Vec<Segment> {
        let is_other = |kind| !matches!(kind, PT_NULL | PT_LOAD) && kind != skipped;
        // The note about libraries has a rule of its own.
        let others = file.segments.iter().filter(|segment| is_other(segment.kind) && !file.is_cache(segment));
        others.copied().collect()
    };
    let mut old = others(before, if drops_table { PT_PHDR } else { PT_NULL });
    if pair.planted.is_some() {
        old.retain(|segment| segment.kind != PT_INTERP);
    }
    let new = others(after, if adds_stack { PT_GNU_STACK } else { PT_NULL });
    report.check(old.len() == new.len(), rule::SEGMENTS, "the number of segments", "changed");
    for (old, new) in old.iter().zip(&new) {
        let moves = match old.kind {
            PT_PHDR | PT_DYNAMIC => pair.has_grown(),
            // Its string may make room for the table.
            PT_INTERP => operation.interpreter.is_some() || pair.has_grown(),
            _ => false,
        };
        let Segment { offset, vaddr, paddr, filesz, memsz, .. } = *old;
        let mut same = if moves { Segment { offset, vaddr, paddr, filesz, memsz, ..*new } } else { *new };
        if old.kind == PT_GNU_STACK && operation.executable_stack.is_some() {
            same.flags = same.flags & !PF_X | old.flags & PF_X;
        }
        report.check(same == *old, rule::SEGMENTS, name(old.kind), "changed");
    }
}

/// Whether the stack is executable, if the file tells.
pub(super) fn executable_stack(file: &File) -> Option<bool> {
    file.first(PT_GNU_STACK).map(|segment| segment.flags & PF_X != 0)
}
