//! Whether what an edit changes means one thing and no other. No linker lets two tables share bytes, or two segments addresses; in
//! a file that does, nobody can change the one and leave the other as it was.

use std::ops::Range;

use goblin::elf::dynamic::*;
use goblin::elf::header::Header;
use goblin::elf::program_header::ProgramHeader;
use goblin::elf::section_header::SHT_SYMTAB;
use scroll::Pread;

use crate::elf::image::{Image, file_offset};
use crate::elf::operation::Refusal;
use crate::elf::symbols::{Symbols, gnu_hash_len, hash_len};
use crate::elf::symver::{verdef, verneed};
use crate::elf::{Elf, Patch};

const SEGMENTS: &str = "program header table";
/// What that takes behind its end where it grows.
const MORE_SEGMENTS: &str = "longer program header table";
const INTERPRETER: &str = "interpreter";

/// Tables whose size a tag tells in bytes. The first three may be parts of each other (DT_JMPREL the end of DT_RELA).
const SIZED: [(&str, u64, u64); 7] = [
    ("DT_REL", DT_REL, DT_RELSZ),
    ("DT_RELA", DT_RELA, DT_RELASZ),
    ("DT_JMPREL", DT_JMPREL, DT_PLTRELSZ),
    ("DT_RELR", DT_RELR, DT_RELRSZ),
    ("DT_PREINIT_ARRAY", DT_PREINIT_ARRAY, DT_PREINIT_ARRAYSZ),
    ("DT_INIT_ARRAY", DT_INIT_ARRAY, DT_INIT_ARRAYSZ),
    ("DT_FINI_ARRAY", DT_FINI_ARRAY, DT_FINI_ARRAYSZ),
];

/// glibc's elf.h; goblin does not name them.
const DT_RELRSZ: u64 = 35;
const DT_RELR: u64 = 36;

/// What the kernel or ld.so reads, and where it lies in the file.
struct Table {
    name: &'static str,
    place: Range<u64>,
}

/// Errors: an address means two places in the file.
pub(super) fn check_segments(elf: &Elf) -> Result<(), Refusal> {
    let loads = elf.layout.loads.iter().map(|load| load.vaddr..load.vaddr + load.filesz);
    let mut loads: Vec<_> = loads.collect();
    loads.sort_by_key(|load| load.start);
    match loads.windows(2).any(|pair| pair[0].end > pair[1].start) {
        true => Err(Refusal::impossible("headers", "two of its segments lie at the same addresses")),
        false => Ok(()),
    }
}

/// Errors: a patch changes what two tables have in common.
pub(super) fn check(elf: &Elf, image: &Image, patches: &[Patch]) -> Result<(), Refusal> {
    if patches.is_empty() {
        return Ok(());
    }
    let tables = tables(elf, image, patches);
    if let Some(needs) = elf.layout.place(DT_VERNEED).and_then(|at| needs(image, at))
        && needs.windows(2).any(|pair| pair[0].end > pair[1].start)
        && needs.iter().any(|record| patches.iter().any(|patch| changes(image, patch, record)))
    {
        return Err(Refusal::impossible("headers", "the records of its DT_VERNEED share bytes"));
    }
    for (index, one) in tables.iter().enumerate() {
        for other in tables[index + 1..].iter().filter(|other| !may_share(one.name, other.name)) {
            let start = one.place.start.max(other.place.start);
            let shared = start..one.place.end.min(other.place.end);
            if !shared.is_empty() && patches.iter().any(|patch| changes(image, patch, &shared)) {
                let reason = format!("its {} and its {} share bytes", one.name, other.name);
                return Err(Refusal::impossible("headers", reason));
            }
        }
    }
    Ok(())
}

fn may_share(one: &str, other: &str) -> bool {
    let is_relocations = |name| SIZED[..3].iter().any(|(other, ..)| *other == name);
    // That moves to make room.
    is_relocations(one) && is_relocations(other) || (one, other) == (MORE_SEGMENTS, INTERPRETER)
}

/// Whether any byte of a range of the file becomes another.
fn changes(image: &Image, patch: &Patch, range: &Range<u64>) -> bool {
    let (start, end) = (patch.at.0.max(range.start), patch.end().0.min(range.end));
    start < end
        && image.slice(start, end - start)
            != Some(&patch.bytes[(start - patch.at.0) as usize..(end - patch.at.0) as usize])
}

fn tables(elf: &Elf, image: &Image, patches: &[Patch]) -> Vec<Table> {
    let layout = &elf.layout;
    let mut tables = Vec::new();
    let mut add = |name, place: Option<Range<u64>>| {
        tables.extend(place.map(|place| Table { name, place }));
    };
    if let Ok(header) = image.bytes.pread::<Header>(0) {
        add("ELF header", Some(0..Header::size(image.ctx) as u64));
        let start = header.e_phoff;
        let end = start.saturating_add(u64::from(header.e_phnum) * ProgramHeader::size(image.ctx) as u64);
        add(SEGMENTS, Some(start..end));
        let longer = patches.iter().find(|patch| patch.at.0 == start && patch.end().0 > end);
        add(MORE_SEGMENTS, longer.map(|patch| end..patch.end().0));
        let debug = layout.sections(image).iter().find(|section| section.sh_type == SHT_SYMTAB);
        add(
            "symbol table for debuggers",
            debug.map(|table| table.sh_offset..table.sh_offset + table.sh_size),
        );
    }
    add(INTERPRETER, layout.interpreter.clone());
    let dynamic = &layout.dynamic;
    let size = Dyn::size(image.ctx.container) as u64;
    add("PT_DYNAMIC", dynamic.first().zip(dynamic.last()).map(|(first, last)| first.at..last.at + size));
    add("DT_STRTAB", Some(layout.strings.clone()));
    // As much of a table as lies in its segment.
    let at = |tag: u64, len: u64| {
        let (at, room) = file_offset(&layout.loads, layout.value(tag)?)?;
        Some(at..at + len.min(room))
    };
    let symbols = Symbols::used(image, layout, elf.abi);
    let count = symbols.map_or(0, |symbols| symbols.count);
    add("DT_SYMTAB", symbols.map(|symbols| symbols.at..symbols.at + symbols.count * symbols.size));
    add("DT_VERSYM", at(DT_VERSYM, 2 * count));
    add("DT_HASH", hash_len(image, layout, elf.abi).and_then(|len| at(DT_HASH, len)));
    add("DT_GNU_HASH", gnu_hash_len(image, layout, elf.abi).and_then(|len| at(DT_GNU_HASH, len)));
    let needs = layout.place(DT_VERNEED).and_then(|at| needs(image, at));
    add("DT_VERNEED", needs.and_then(|needs| Some(needs.first()?.start..needs.last()?.end)));
    add("DT_VERDEF", layout.place(DT_VERDEF).and_then(|at| definitions_place(image, at)));
    for (name, tag, size) in SIZED {
        add(name, layout.value(size).and_then(|len| at(tag, len)));
    }
    tables
}

/// The records of needed versions in their order: each has 16 bytes, and its vn_file is the second word, or its vna_name the third.
fn needs(image: &Image, at: u64) -> Option<Vec<Range<u64>>> {
    let needs = verneed(image, at)?;
    let files = needs.iter().map(|need| need.file.at - 4);
    let names = needs.iter().flat_map(|need| &need.versions).map(|version| version.at - 8);
    let mut records: Vec<_> = files.chain(names).map(|at| at..at + 16).collect();
    records.sort_by_key(|record| record.start);
    Some(records)
}

/// From the first record to the last name, which has 8 bytes.
fn definitions_place(image: &Image, at: u64) -> Option<Range<u64>> {
    let last = verdef(image, at)?.iter().map(|name| name.at + 8).max();
    Some(at..last.unwrap_or(at).max(at + 20))
}
