//! Every kind of damage is told by its rule, and by no other.

use std::collections::{BTreeMap, BTreeSet};

use goblin::elf::dynamic::*;

use super::images::IMAGES;
use crate::elf::verify::reader::*;
use crate::elf::verify::rule::*;
use crate::elf::verify::view::{View, symbol_size};
use crate::elf::verify::{Violation, verify, verify_patched};
use crate::elf::{FileOffset, Operation, Patch};

/// An image, and what becomes of it.
pub struct Victim<'a> {
    pub view: View<'a>,
    pub bytes: Vec<u8>,
}

impl<'a> Victim<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Victim { view: View::new(File::read(bytes).unwrap()), bytes: bytes.to_vec() }
    }

    pub fn set(&mut self, at: u64, size: u64, value: u64) -> Option<()> {
        let little = value.to_le_bytes();
        let mut number = little[..size as usize].to_vec();
        if !self.view.file.is_little_endian() {
            number.reverse();
        }
        self.bytes.get_mut(at as usize..(at + size) as usize)?.copy_from_slice(&number);
        Some(())
    }

    pub fn set_word(&mut self, at: u64, value: u64) -> Option<()> {
        self.set(at, self.view.file.word_size(), value)
    }

    /// One of two places, by class.
    pub fn by_class(&self, wide: u64, narrow: u64) -> u64 {
        if self.view.file.wide { wide } else { narrow }
    }

    /// The program header of a kind.
    pub fn segment(&self, kind: u64) -> Option<u64> {
        let file = &self.view.file;
        let index = file.segments.iter().position(|segment| segment.kind == kind)?;
        Some(file.header.phoff + index as u64 * file.segment_size())
    }

    /// The section header of a name.
    pub fn section(&self, name: &str) -> Option<u64> {
        let (file, names) = (&self.view.file, self.view.file.section_names());
        let index =
            file.sections.iter().position(|section| names.get(section.name) == Some(name.as_bytes()))?;
        Some(file.header.shoff + index as u64 * file.section_size())
    }

    /// The first dynamic entry of a tag.
    pub fn entry(&self, tag: u64) -> Option<u64> {
        let dynamic = &self.view.dynamic;
        let index = dynamic.entries.iter().position(|entry| entry.tag == tag)?;
        Some(dynamic.place.start + index as u64 * 2 * self.view.file.word_size())
    }

    pub fn set_value(&mut self, tag: u64, value: u64) -> Option<()> {
        self.set_word(self.entry(tag)? + self.view.file.word_size(), value)
    }

    /// The index of the symbol of a name.
    fn symbol(&self, name: &str) -> Option<u64> {
        (0..self.view.symbols.count).find(|index| self.view.name(*index) == Some(name.as_bytes()))
    }

    fn symbol_place(&self, name: &str) -> Option<u64> {
        Some(self.view.symbols.at + self.symbol(name)? * symbol_size(&self.view.file))
    }

    /// Where a tag leads to.
    fn table(&self, tag: u64) -> Option<u64> {
        Some(self.view.file.tail(self.view.dynamic.get(tag)?)?.start)
    }

    fn flip(&mut self, at: u64) -> Option<()> {
        *self.bytes.get_mut(at as usize)? ^= 0x55;
        Some(())
    }
}

/// `None`: the image has nothing to be damaged so.
type Hurt = fn(&mut Victim) -> Option<()>;

const HEADERS: [(&str, &[&str], Hurt); 13] = [
    ("entry", &[HEADER], |v| v.set_word(24, 0x40)),
    ("machine flags", &[HEADER], |v| v.flip(v.by_class(48, 36))),
    ("OS ABI", &[REQUEST], |v| v.set(7, 1, 9)),
    ("segment's rights", &[SEGMENTS], |v| v.set(v.segment(PT_LOAD)? + v.by_class(4, 24), 4, 7)),
    ("segment's alignment", &[SEGMENTS, ALIGNMENT], |v| {
        v.set_word(v.segment(PT_LOAD)? + v.by_class(48, 28), 0x1234)
    }),
    ("program header table", &[SEGMENTS, PROGRAM_HEADERS], |v| {
        let segment = *v.view.file.first(PT_PHDR)?;
        v.set_word(v.segment(PT_PHDR)? + v.by_class(16, 8), segment.vaddr + 8)
    }),
    ("thread-local segment's kind", &[SEGMENTS], |v| v.set(v.segment(PT_GNU_RELRO)?, 4, PT_TLS)),
    ("stack", &[REQUEST, SEGMENTS], |v| v.set(v.segment(PT_GNU_STACK)? + v.by_class(4, 24), 4, 7)),
    ("section's address", &[SECTIONS], |v| v.set_word(v.section(".dynstr")? + v.by_class(16, 12), 0x40)),
    ("section's link", &[SECTIONS], |v| v.set(v.section(".dynsym")? + v.by_class(40, 24), 4, 4000)),
    ("section's name", &[SECTIONS], |v| v.set(v.section(".text")?, 4, 0x00ff_ffff)),
    (".dynamic's address", &[SECTIONS, DYNAMIC], |v| {
        v.set_word(v.section(".dynamic")? + v.by_class(16, 12), v.view.file.first(PT_DYNAMIC)?.vaddr + 8)
    }),
    ("a longer file", &[GROWTH], |v| {
        v.bytes.push(1);
        Some(())
    }),
];

const CONTENTS: [(&str, &[&str], Hurt); 18] = [
    ("code", &[BYTES], |v| {
        let at = v.section(".text")? + v.by_class(24, 16);
        v.flip(v.view.file.number(at, v.view.file.word_size())?)
    }),
    ("build-id", &[BYTES], |v| v.flip(v.view.file.first(PT_NOTE)?.offset + 17)),
    ("payload", &[BYTES], |v| v.flip(v.bytes.len() as u64 - 1)),
    ("interpreter's end", &[INTERPRETER, REQUEST, BYTES], |v| {
        v.flip(v.view.file.first(PT_INTERP)?.file().end - 1)
    }),
    ("interpreter", &[REQUEST, BYTES], |v| v.flip(v.view.file.first(PT_INTERP)?.offset + 3)),
    ("symbol's value", &[SYMBOLS, BYTES], |v| v.flip(v.symbol_place("greet")? + v.by_class(8, 4))),
    ("symbol's name", &[SYMBOLS, LOOKUP, BYTES], |v| {
        let name = v.view.symbol(v.symbol("bye")?)?.name;
        v.set(v.symbol_place("bye")?, 4, name + 1)
    }),
    ("symbol's version", &[SYMBOLS, BYTES], |v| {
        v.set(v.view.versions.symbols? + 2 * v.symbol("twice")?, 2, 1)
    }),
    ("DT_GNU_HASH's buckets", &[LOOKUP, BYTES], |v| {
        let (at, file) = (v.table(DT_GNU_HASH)?, &v.view.file);
        let [buckets, _, words, _] = file.fields(at, [4; 4])?;
        let at = at + 16 + words * file.word_size();
        (0..buckets).try_for_each(|index| v.set(at + 4 * index, 4, 0))
    }),
    ("DT_GNU_HASH's bloom filter", &[LOOKUP, BYTES], |v| {
        let (at, size) = (v.table(DT_GNU_HASH)?, v.view.file.word_size());
        let words = v.view.file.number(at + 8, 4)?;
        (0..words).try_for_each(|index| v.set_word(at + 16 + size * index, 0))
    }),
    ("DT_HASH's chain", &[LOOKUP, BYTES], |v| {
        let (at, file) = (v.table(DT_HASH)?, &v.view.file);
        let [buckets, chains] = file.fields(at, [4; 2])?;
        (0..chains).try_for_each(|index| v.set(at + 8 + 4 * (buckets + index), 4, index))
    }),
    ("relocation", &[RELOCATIONS, BYTES], |v| v.flip(v.table(DT_RELA)? + 16)),
    ("relocation without addend", &[RELOCATIONS, BYTES], |v| v.flip(v.table(DT_REL)?)),
    ("version's hash", &[VERSIONS, BYTES], |v| {
        let aux = v.view.file.number(v.table(DT_VERNEED)? + 8, 4)?;
        v.flip(v.table(DT_VERNEED)? + aux)
    }),
    ("version's file", &[VERSIONS, BYTES], |v| v.set(v.table(DT_VERNEED)? + 4, 4, 1)),
    ("defined version", &[VERSIONS, BYTES], |v| v.flip(v.table(DT_VERDEF)? + 8)),
    ("string table's end", &[POINTERS, DYNAMIC, SECTIONS, BYTES], |v| v.set_value(DT_STRSZ, 0x1000_0000)),
    ("table's size", &[POINTERS, DYNAMIC, BYTES], |v| v.set_value(DT_INIT_ARRAYSZ, 0x1000_0000)),
];

const ENTRIES: [(&str, &[&str], Hurt); 7] = [
    ("needed entry", &[STRINGS, VERSIONS, REQUEST, BYTES], |v| v.set_value(DT_NEEDED, 0x00ff_ffff)),
    ("run path's tag", &[REQUEST, BYTES], |v| v.set_word(v.entry(DT_RUNPATH)?, DT_RPATH)),
    ("soname", &[REQUEST, BYTES], |v| v.set_value(DT_SONAME, v.view.dynamic.get(DT_SONAME)? + 1)),
    ("flags", &[REQUEST, BYTES], |v| v.set_value(DT_FLAGS_1, 0x800)),
    ("a tag that means nothing here", &[DYNAMIC, BYTES], |v| v.set_word(v.entry(DT_SYMENT)?, 0x6000_1234)),
    ("DT_DEBUG", &[REQUEST, DYNAMIC, BYTES], |v| v.set_word(v.entry(DT_DEBUG)?, 0x6000_1234)),
    ("the end", &[DYNAMIC, BYTES], |v| {
        let (word, end) = (v.view.file.word_size(), v.view.file.first(PT_DYNAMIC)?.file().end);
        let mut at = v.view.dynamic.place.end - 2 * word;
        while at < end {
            v.set_word(at, 0x6000_1234)?;
            at += 2 * word;
        }
        Some(())
    }),
];

fn rules_of(violations: &[Violation]) -> BTreeSet<&'static str> {
    violations.iter().map(|it| it.rule).collect()
}

/// What makes one file of the other; `None` where it became shorter, which no patch does.
fn difference(original: &[u8], damaged: &[u8]) -> Option<Vec<Patch>> {
    let (same_length, further) = damaged.split_at_checked(original.len())?;
    let bytes = same_length.iter().zip(original).enumerate().filter(|(_, (new, old))| new != old);
    let mut patches: Vec<Patch> =
        bytes.map(|(at, (new, _))| Patch::new(FileOffset(at as u64), [*new])).collect();
    patches.push(Patch::new(FileOffset(original.len() as u64), further));
    Some(patches)
}

#[test]
fn damage_is_told_by_its_rule() {
    let mut told: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for image in IMAGES.iter() {
        let payload = [&image.bytes[..], b"payload"].concat();
        for (name, rules, hurt) in HEADERS.iter().chain(&CONTENTS).chain(&ENTRIES) {
            let original = if *name == "payload" { &payload } else { &image.bytes };
            let mut victim = Victim::new(original);
            let done = hurt(&mut victim);
            if done.is_none() || victim.bytes == *original {
                continue;
            }
            let violations = verify(original, &victim.bytes, &Operation::default());
            let found = rules_of(&violations);
            // Whoever says where the damage is hides none of it.
            if let Some(patches) = difference(original, &victim.bytes) {
                let patched = verify_patched(original, &victim.bytes, &patches, &Operation::default());
                assert_eq!(rules_of(&patched), found, "{}: {name}", image.name);
            }
            if found != rules.iter().copied().collect() {
                wrong.push(format!("{}: {name}: {violations:?}", image.name));
            }
            *told.entry(name).or_default() += 1;
        }
    }
    println!("{told:?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let all = HEADERS.len() + CONTENTS.len() + ENTRIES.len();
    assert_eq!(told.len(), all, "{told:?}");
}
