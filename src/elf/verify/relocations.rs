//! The relocations that ld.so carries out.

use std::ops::Range;

use goblin::elf::dynamic::{DT_JMPREL, DT_PLTREL, DT_PLTRELSZ, DT_REL, DT_RELA, DT_RELASZ, DT_RELSZ};

use super::dynamic::{DT_RELR, DT_RELRSZ, Dynamic};
use super::reader::{EM_MIPS, File};

/// A table of relocations.
pub(super) struct Table {
    pub name: &'static str,
    pub place: Range<u64>,
    /// How many bytes an entry has; `None` where entries name no symbols (RELR).
    entry: Option<u64>,
}

/// A relocation as far as it has to do with symbols: the symbol, and all else.
#[derive(PartialEq, Eq)]
pub(super) struct Relocation {
    pub symbol: u64,
    pub rest: [u64; 3],
}

pub(super) fn tables(file: &File, dynamic: &Dynamic) -> Vec<Table> {
    let word = file.word_size();
    let plt = if dynamic.get(DT_PLTREL) == Some(DT_RELA) { 3 * word } else { 2 * word };
    let tables = [
        ("DT_REL", DT_REL, DT_RELSZ, Some(2 * word)),
        ("DT_RELA", DT_RELA, DT_RELASZ, Some(3 * word)),
        ("DT_JMPREL", DT_JMPREL, DT_PLTRELSZ, Some(plt)),
        ("DT_RELR", DT_RELR, DT_RELRSZ, None),
    ];
    let found = tables.into_iter().filter_map(|(name, tag, size, entry)| {
        let place = file.place(dynamic.get(tag)?, dynamic.get(size)?)?;
        Some(Table { name, place, entry })
    });
    found.collect()
}

impl Table {
    pub fn names_symbols(&self) -> bool {
        self.entry.is_some()
    }

    pub fn relocations<'a>(&self, file: &'a File) -> impl Iterator<Item = Relocation> + use<'a> {
        let word = file.word_size();
        let (size, place) = (self.entry.unwrap_or(1), self.place.clone());
        let count = if self.entry.is_some() { (place.end - place.start) / size } else { 0 };
        let read = move |index| {
            let at = place.start + index * size;
            let [offset, info] = file.fields(at, [word; 2])?;
            let addend = if size == 3 * word { file.number(at + 2 * word, word)? } else { 0 };
            let (symbol, kind) = split_info(file, info);
            Some(Relocation { symbol, rest: [offset, kind, addend] })
        };
        (0..count).map_while(read)
    }
}

/// r_info's symbol and type.
fn split_info(file: &File, info: u64) -> (u64, u64) {
    match (file.wide, file.header.machine() == EM_MIPS && file.is_little_endian()) {
        (false, _) => (info >> 8, info & 0xff),
        (true, false) => (info >> 32, info & 0xffff_ffff),
        // MIPS' 64-bit ABI has no word there, but a symbol of 32 bits followed by four bytes.
        (true, true) => (info & 0xffff_ffff, info >> 32),
    }
}

pub(super) fn last_symbol(file: &File, dynamic: &Dynamic) -> Option<u64> {
    let tables = tables(file, dynamic);
    tables.iter().flat_map(|table| table.relocations(file)).map(|relocation| relocation.symbol).max()
}
