//! Files that grew, put together by hand as the surgeon would: with a program header table, a string table and a marker in a new
//! segment behind all else.

use goblin::elf::dynamic::{DT_RUNPATH, DT_STRSZ, DT_STRTAB};

use super::damage::Victim;
use super::images::IMAGES;
use super::run_path;
use crate::elf::Operation;
use crate::elf::verify::reader::*;
use crate::elf::verify::rule::*;
use crate::elf::verify::verify;

/// What can be done wrong.
#[derive(Clone, Copy, Default, Debug)]
struct Wrong {
    rights: u64,
    align: u64,
    /// To the address, but not the offset.
    shift: u64,
    no_marker: bool,
    stray: bool,
}

/// Where things go.
struct Place {
    page: u64,
    /// Addresses less offsets.
    delta: u64,
    offset: u64,
    strings: u64,
    marker: u64,
    end: u64,
}

impl Place {
    fn new(image: &Victim, folders: &str) -> Option<Self> {
        let file = &image.view.file;
        let first = file.loads().next()?;
        let delta = first.vaddr - first.offset;
        let memory = file.loads().map(|load| load.memory().end).max()?;
        let page = file.loads().map(|load| load.align).max()?;
        let offset = memory.max(file.len() + delta).next_multiple_of(page) - delta;
        let table = file.segment_table();
        let strings = offset + table.end - table.start + file.segment_size();
        let len = image.view.dynamic.strings.table.len() + folders.len() + 1;
        let marker = (strings + len as u64).next_multiple_of(8);
        Some(Place { page, delta, offset, strings, marker, end: marker + 16 })
    }
}

/// The name of the sections that are new.
const NAME: &[u8] = b".explant\0";

/// Gives an image another DT_RUNPATH, in a string table that moves into a new segment.
fn grow(original: &[u8], folders: &str, wrong: Wrong) -> Option<Vec<u8>> {
    let mut grown = Victim::new(original);
    let place = Place::new(&grown, folders)?;
    let (table, strings) = (grown.view.file.segment_table(), grown.view.dynamic.strings.table);
    let wiped = grown.view.dynamic.string_place.clone();
    grown.bytes[wiped.start as usize..wiped.end as usize].fill(0);

    grown.set_value(DT_RUNPATH, strings.len() as u64)?;
    grown.set_value(DT_STRTAB, place.strings + place.delta)?;
    grown.set_value(DT_STRSZ, (strings.len() + folders.len() + 1) as u64)?;
    grown.bytes.resize(place.offset as usize, 0);
    grown.bytes.extend_from_slice(&original[table.start as usize..table.end as usize]);
    grown.bytes.resize(place.strings as usize, 0);
    grown.bytes.extend_from_slice(strings);
    grown.bytes.extend_from_slice(folders.as_bytes());
    grown.bytes.resize(place.marker as usize, 0);
    grown.bytes.extend_from_slice(b"explant\0");
    grown.bytes.resize(place.end as usize, 0);
    add_segment(&mut grown, &place, wrong)?;
    add_sections(&mut grown, &place, strings.len() + folders.len() + 1, wrong)?;
    Some(grown.bytes)
}

/// The program headers: in their new place, with one more.
fn add_segment(grown: &mut Victim, place: &Place, wrong: Wrong) -> Option<()> {
    let (entry, count) = (grown.view.file.segment_size(), grown.view.file.header.phnum);
    grown.set_word(grown.by_class(32, 28), place.offset)?;
    grown.set(grown.by_class(56, 44), 2, count + 1)?;
    let address = place.offset + place.delta;
    let size = place.end - place.offset;
    let load = Segment {
        kind: PT_LOAD,
        flags: 4 | wrong.rights,
        offset: place.offset,
        vaddr: address + wrong.shift,
        paddr: address + wrong.shift,
        filesz: size,
        memsz: size,
        align: if wrong.align == 0 { place.page } else { wrong.align },
    };
    set_segment(grown, place.strings - entry, load)?;
    let index = grown.view.file.segments.iter().position(|segment| segment.kind == PT_PHDR);
    let Some(index) = index else { return Some(()) };
    let (filesz, offset) = (place.strings - place.offset, place.offset);
    let old = grown.view.file.segments[index];
    let moved = Segment { offset, vaddr: address, paddr: address, filesz, memsz: filesz, ..old };
    set_segment(grown, offset + index as u64 * entry, moved)
}

/// The section headers, with two more, and their names: at the end.
fn add_sections(grown: &mut Victim, place: &Place, strings_len: usize, wrong: Wrong) -> Option<()> {
    let (old, entry) = (grown.view.file.section_table(), grown.view.file.section_size());
    let (dynstr, shstrtab) = (grown.section(".dynstr")?, grown.section(".shstrtab")?);
    let names = grown.view.file.section_names().table;
    let names_at = grown.bytes.len() as u64;
    grown.bytes.extend_from_slice(names);
    grown.bytes.extend_from_slice(NAME);
    grown.bytes.extend_from_slice(&[u8::from(wrong.stray)]);
    let table = (grown.bytes.len() as u64).next_multiple_of(8);
    grown.bytes.resize(table as usize, 0);
    grown.bytes.extend_from_within(old.start as usize..old.end as usize);
    let new = grown.bytes.len() as u64;
    grown.bytes.resize((new + 2 * entry) as usize, 0);
    grown.set_word(grown.by_class(40, 32), table)?;
    grown.set(grown.by_class(60, 48), 2, (new - table) / entry + 2)?;

    let moved = |header: u64| table + header - old.start;
    set_section(grown, moved(dynstr), [place.strings + place.delta, place.strings, strings_len as u64])?;
    set_section(grown, moved(shstrtab), [0, names_at, (names.len() + NAME.len()) as u64])?;
    let headers = [(new, place.offset, place.strings), (new + entry, place.marker, place.end)];
    for (header, start, end) in headers.into_iter().take(if wrong.no_marker { 1 } else { 2 }) {
        grown.set(header, 4, names.len() as u64)?;
        grown.set(header + 4, 4, 1)?;
        grown.set_word(header + 8, SHF_ALLOC)?;
        grown.set_word(header + grown.by_class(48, 32), 8)?;
        set_section(grown, header, [start + place.delta, start, end - start])?;
    }
    Some(())
}

fn set_segment(grown: &mut Victim, at: u64, segment: Segment) -> Option<()> {
    let Segment { kind, flags, offset, vaddr, paddr, filesz, memsz, align } = segment;
    grown.set(at, 4, kind)?;
    grown.set(at + grown.by_class(4, 24), 4, flags)?;
    let word = grown.view.file.word_size();
    let words = (0..).zip([offset, vaddr, paddr, filesz, memsz]);
    let first = at + grown.by_class(8, 4);
    words.into_iter().try_for_each(|(index, value)| grown.set_word(first + index * word, value))?;
    grown.set_word(at + grown.by_class(48, 28), align)
}

/// Its address, offset and size.
fn set_section(grown: &mut Victim, at: u64, values: [u64; 3]) -> Option<()> {
    let (first, word) = (at + grown.by_class(16, 12), grown.view.file.word_size());
    (0..).zip(values).try_for_each(|(index, value)| grown.set_word(first + index * word, value))
}

/// Every image that can grow so, before and after.
fn grown(folders: &str, wrong: Wrong) -> Vec<(&'static str, &'static [u8], Vec<u8>)> {
    let images = IMAGES.iter();
    let pairs = images.filter_map(|image| {
        let grown = grow(&image.bytes, folders, wrong)?;
        Some((image.name.as_str(), &image.bytes[..], grown))
    });
    pairs.collect()
}

const LONG: &str = "/a/path/that/is/longer/than/the/one/that/was/there";

#[test]
fn a_file_that_grew_is_right() {
    let images = grown(LONG, Wrong::default());
    assert!(images.len() >= 3);
    for (name, before, after) in &images {
        assert_eq!(verify(before, after, &run_path(LONG)), [], "{name}");
        // With all that an empty operation must not do.
        let found = verify(before, after, &Operation::default());
        assert!(found.iter().any(|it| it.rule == REQUEST), "{name}");
    }
}

#[test]
fn the_added_segment_is_built_anew() {
    let longer = LONG.repeat(40);
    let again = grown(&longer, Wrong::default());
    for ((name, _, once), (_, _, twice)) in grown(LONG, Wrong::default()).iter().zip(&again) {
        assert_eq!(verify(once, twice, &run_path(&longer)), [], "{name}");
        assert_eq!(verify(twice, once, &run_path(LONG)), [], "{name}");
    }
}

#[test]
fn what_grows_wrong_is_told() {
    let right = Wrong::default();
    let wrongs: [(Wrong, &[&str]); 6] = [
        (Wrong { rights: 1, ..right }, &[SEGMENTS]),
        (Wrong { rights: 2, ..right }, &[SEGMENTS]),
        (Wrong { align: 0x100, ..right }, &[ALIGNMENT]),
        (Wrong { shift: 8, ..right }, &[ALIGNMENT]),
        (Wrong { no_marker: true, ..right }, &[SECTIONS]),
        (Wrong { stray: true, ..right }, &[GROWTH]),
    ];
    for (wrong, rules) in wrongs {
        for (name, before, after) in grown(LONG, wrong) {
            let violations = verify(before, &after, &run_path(LONG));
            let found: Vec<_> = violations.iter().map(|it| it.rule).collect();
            let found = rules.iter().all(|rule| found.contains(rule));
            assert!(found, "{name}: {wrong:?}: {violations:?}");
        }
    }
}

#[test]
fn a_payload_stays_where_it_is() {
    for (name, before, after) in grown(LONG, Wrong::default()).into_iter().take(3) {
        let with_payload = [before, b"payload"].concat();
        let mut kept = after.clone();
        kept[before.len()..with_payload.len()].copy_from_slice(b"payload");
        let asked = run_path(LONG);
        let found = verify(&with_payload, &kept, &asked);
        assert_eq!(found.iter().map(|it| it.rule).collect::<Vec<_>>(), [GROWTH], "{name}");
        let allowed = Operation { grow_before_payload: true, ..asked };
        assert_eq!(verify(&with_payload, &kept, &allowed), [], "{name}");
        let lost = verify(&with_payload, &after, &allowed);
        assert_eq!(lost.iter().map(|it| it.rule).collect::<Vec<_>>(), [BYTES], "{name}");
    }
}
