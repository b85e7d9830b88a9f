//! PT_DYNAMIC and the string table, as ld.so reads them.

use std::ops::Range;

use goblin::elf::dynamic::{DT_NULL, DT_STRSZ, DT_STRTAB};

use super::reader::{File, Strings};

/// What goblin does not name (glibc's elf.h).
pub(super) const DT_RELRSZ: u64 = 35;
pub(super) const DT_RELR: u64 = 36;
pub(super) const DT_AUXILIARY: u64 = 0x7fff_fffd;
pub(super) const DT_FILTER: u64 = 0x7fff_ffff;
pub(super) const DT_MIPS_SYMTABNO: u64 = 0x7000_0011;
pub(super) const DT_MIPS_GOTSYM: u64 = 0x7000_0013;
pub(super) const DT_MIPS_RLD_MAP_REL: u64 = 0x7000_0035;
pub(super) const DT_MIPS_XHASH: u64 = 0x7000_0036;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub tag: u64,
    pub value: u64,
    pub address: u64,
}

pub(super) struct Dynamic<'a> {
    /// Up to the first DT_NULL.
    pub entries: Vec<Entry>,
    /// Whether there is one.
    pub ended: bool,
    /// What the entries and the DT_NULL span of the file.
    pub place: Range<u64>,
    pub strings: Strings<'a>,
    /// Where the string table lies in the file.
    pub string_place: Range<u64>,
}

impl<'a> Dynamic<'a> {
    pub fn read(file: &File<'a>) -> Self {
        let (strings, string_place) = (file.strings(0..0), 0..0);
        let mut dynamic = Dynamic { entries: Vec::new(), ended: false, place: 0..0, strings, string_place };
        let Some(segment) = file.dynamic().filter(|_| file.is_loaded()) else { return dynamic };
        let Some(tail) = file.tail(segment.vaddr) else { return dynamic };
        let word = file.word_size();
        dynamic.place = tail.start..tail.start;
        while let Some([tag, value]) = file.fields(dynamic.place.end, [word, word]) {
            if dynamic.place.end + 2 * word > tail.end {
                break;
            }
            let address = segment.vaddr.wrapping_add(dynamic.place.end - tail.start);
            dynamic.place.end += 2 * word;
            if tag == DT_NULL {
                dynamic.ended = true;
                break;
            }
            dynamic.entries.push(Entry { tag, value, address });
        }
        if let Some(table) = dynamic.get(DT_STRTAB).and_then(|address| file.tail(address)) {
            let size = dynamic.get(DT_STRSZ).unwrap_or(u64::MAX).min(table.end - table.start);
            dynamic.string_place = table.start..table.start + size;
            dynamic.strings = file.strings(dynamic.string_place.clone());
        }
        dynamic
    }

    /// The last entry's value, which is the one that ld.so heeds (elf_get_dynamic_info).
    pub fn get(&self, tag: u64) -> Option<u64> {
        self.all(tag).last()
    }

    /// The values of a tag.
    pub fn all(&self, tag: u64) -> impl Iterator<Item = u64> + Clone {
        self.entries.iter().filter(move |entry| entry.tag == tag).map(|entry| entry.value)
    }

    /// The strings that a tag names, those that cannot be read left out.
    pub fn named(&self, tag: u64) -> impl Iterator<Item = &'a [u8]> {
        self.all(tag).filter_map(|at| self.strings.get(at))
    }
}
