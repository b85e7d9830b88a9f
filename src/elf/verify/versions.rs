//! Symbol versions (LSB core, "Symbol Versioning"), followed as ld.so does: by vn_next and its like, never by counts.

use std::collections::HashMap;
use std::ops::Range;

use goblin::elf::dynamic::{DT_VERDEF, DT_VERNEED, DT_VERSYM};

use super::dynamic::Dynamic;
use super::reader::File;

/// A version is an index of 15 bits, so no honest table names more; a definition names its parents, too.
const MOST: usize = 2 * 0x7fff;

/// An Elfxx_Vernaux.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Needed<'a> {
    pub hash: u64,
    pub flags: u64,
    pub index: u64,
    pub name_at: u64,
    pub name: &'a [u8],
}

/// An Elfxx_Verneed.
#[derive(Debug)]
pub(super) struct Need<'a> {
    pub file_at: u64,
    pub file: &'a [u8],
    pub versions: Vec<Needed<'a>>,
}

/// An Elfxx_Verdef: its fields but vd_aux and vd_next, and its names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Definition<'a> {
    pub flags: u64,
    pub index: u64,
    pub hash: u64,
    pub names: Vec<&'a [u8]>,
}

/// What a symbol is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Version<'a> {
    Local,
    Any,
    Named {
        file: Option<&'a [u8]>,
        name: &'a [u8],
    },
    /// The index of no version.
    Unknown(u64),
}

#[derive(Default)]
pub(super) struct Versions<'a> {
    pub needs: Vec<Need<'a>>,
    pub definitions: Vec<Definition<'a>>,
    /// Whether both tables could be followed to their ends.
    pub whole: bool,
    /// What the table of needed ones spans of the file.
    pub needs_place: Range<u64>,
    /// Where versym lies in the file.
    pub symbols: Option<u64>,
    by_index: HashMap<u64, Version<'a>>,
}

impl<'a> Versions<'a> {
    pub fn read(file: &File<'a>, dynamic: &Dynamic<'a>) -> Self {
        let mut versions = Versions { whole: true, ..Versions::default() };
        let place = |tag| dynamic.get(tag).map(|address| file.tail(address).map(|tail| tail.start));
        for (tag, read) in [
            (DT_VERNEED, Self::read_needs as fn(&mut Self, &_, &_, _) -> _),
            (DT_VERDEF, Self::read_definitions),
        ] {
            if let Some(place) = place(tag) {
                let read = place.and_then(|at| read(&mut versions, file, dynamic, at));
                versions.whole &= read.is_some();
            }
        }
        versions.symbols = place(DT_VERSYM).flatten();
        for need in &versions.needs {
            let named = |version: &Needed<'a>| Version::Named { file: Some(need.file), name: version.name };
            versions
                .by_index
                .extend(need.versions.iter().map(|version| (version.index & 0x7fff, named(version))));
        }
        for definition in &versions.definitions {
            // The first is the version, the others its parents. 1 is the file's own name, which no symbol is bound to.
            if let (Some(name), true) = (definition.names.first(), definition.index > 1) {
                versions.by_index.insert(definition.index & 0x7fff, Version::Named { file: None, name });
            }
        }
        versions
    }

    fn read_needs(&mut self, file: &File<'a>, dynamic: &Dynamic<'a>, mut at: u64) -> Option<()> {
        let mut budget = MOST;
        self.needs_place = at..at;
        loop {
            let [_, _, file_at, aux, next] = file.fields(at, [2, 2, 4, 4, 4])?;
            let name = dynamic.strings.get(file_at).unwrap_or_default();
            self.needs_place.end = self.needs_place.end.max(at + 16);
            let mut need = Need { file_at, file: name, versions: Vec::new() };
            let mut aux_at = at.checked_add(aux)?;
            loop {
                let [hash, flags, index, name_at, next] = file.fields(aux_at, [4, 2, 2, 4, 4])?;
                budget = budget.checked_sub(1)?;
                self.needs_place.end = self.needs_place.end.max(aux_at + 16);
                let name = dynamic.strings.get(name_at).unwrap_or_default();
                need.versions.push(Needed { hash, flags, index, name_at, name });
                if next == 0 {
                    break;
                }
                aux_at = aux_at.checked_add(next)?;
            }
            self.needs.push(need);
            if next == 0 {
                return Some(());
            }
            at = at.checked_add(next)?;
        }
    }

    fn read_definitions(&mut self, file: &File<'a>, dynamic: &Dynamic<'a>, mut at: u64) -> Option<()> {
        let mut budget = MOST;
        loop {
            let [_, flags, index, count, hash, aux, next] = file.fields(at, [2, 2, 2, 2, 4, 4, 4])?;
            budget = budget.checked_sub(1)?;
            let mut definition = Definition { flags, index, hash, names: Vec::new() };
            let mut aux_at = at.checked_add(aux)?;
            // A definition may have no name (vd_cnt); then there is nothing to follow.
            let mut left = count > 0;
            while left {
                let [name, next] = file.fields(aux_at, [4, 4])?;
                budget = budget.checked_sub(1)?;
                definition.names.push(dynamic.strings.get(name).unwrap_or_default());
                aux_at = aux_at.checked_add(next)?;
                left = next != 0;
            }
            self.definitions.push(definition);
            if next == 0 {
                return Some(());
            }
            at = at.checked_add(next)?;
        }
    }

    /// Whether each number stands for the same version.
    pub fn have_the_same_numbers(&self, other: &Self) -> bool {
        self.by_index == other.by_index
    }

    /// What versym says of a symbol, and whether the symbol is hidden from those that ask for no version.
    pub fn of(&self, file: &File, symbol: u64) -> (Version<'a>, bool) {
        let entry = self.symbols.and_then(|at| file.number(at.checked_add(2 * symbol)?, 2)).unwrap_or(1);
        let version = match entry & 0x7fff {
            0 => Version::Local,
            1 => Version::Any,
            index => self.by_index.get(&index).copied().unwrap_or(Version::Unknown(index)),
        };
        (version, entry & 0x8000 != 0)
    }
}
