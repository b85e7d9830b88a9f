//! The versions of symbols that a file defines and needs (LSB core, "Symbol Versioning").

use goblin::elf::dynamic::{DT_VERDEF, DT_VERNEED};
use goblin::elf::symver::{VER_FLG_BASE, VER_FLG_WEAK};

use crate::elf::image::Image;
use crate::elf::read::{Malformed, Strings};
use crate::elf::{Elf, symver};

/// A version that a library has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefinedVersion {
    pub name: Vec<u8>,
    /// How DT_VERSYM names it.
    pub index: u16,
    /// It stands for the file itself, and is the version of no symbol.
    pub is_base: bool,
}

/// A version that a file wants of a library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeededVersion {
    pub library: Vec<u8>,
    pub name: Vec<u8>,
    /// How DT_VERSYM names it.
    pub index: u16,
    /// ld.so does not mind if it is not there.
    pub is_weak: bool,
}

/// In the order of the tables.
#[derive(Clone, Debug, Default)]
pub struct Versions {
    pub defined: Vec<DefinedVersion>,
    pub needed: Vec<NeededVersion>,
}

impl Versions {
    /// Of the file that `elf` was parsed from.
    pub(super) fn read(elf: &Elf, image: &Image) -> Result<Self, Malformed> {
        let strings = Strings::new(image, &elf.layout.strings);
        Ok(Versions { defined: defined(elf, image, &strings)?, needed: needed(elf, image, &strings)? })
    }

    /// Of the file that `elf` was parsed from.
    pub fn of(elf: &Elf, bytes: &[u8]) -> Result<Self, Malformed> {
        Versions::read(elf, &Image::new(bytes, elf.abi))
    }
}

fn defined(elf: &Elf, image: &Image, strings: &Strings) -> Result<Vec<DefinedVersion>, Malformed> {
    if elf.layout.value(DT_VERDEF).is_none() {
        return Ok(Vec::new());
    }
    let table =
        elf.layout.place(DT_VERDEF).and_then(|at| symver::definitions(image, at)).ok_or_else(|| {
            Malformed("its table of defined symbol versions (DT_VERDEF) cannot be followed".into())
        })?;
    let named = table.iter().filter_map(|definition| Some((definition, definition.names.first()?)));
    named
        .map(|(definition, name)| {
            Ok(DefinedVersion {
                name: strings.get(name.string, "DT_VERDEF")?,
                index: definition.index,
                is_base: definition.flags & VER_FLG_BASE != 0,
            })
        })
        .collect()
}

fn needed(elf: &Elf, image: &Image, strings: &Strings) -> Result<Vec<NeededVersion>, Malformed> {
    let table = elf.layout.place(DT_VERNEED).and_then(|at| symver::verneed(image, at)).unwrap_or_default();
    let mut needed = Vec::new();
    for need in &table {
        for version in &need.versions {
            // In an Elfxx_Vernaux, flags and index come right before the name.
            let before = |bytes| version.at.checked_sub(bytes).and_then(|at| image.u16(at)).unwrap_or(0);
            needed.push(NeededVersion {
                library: strings.get(need.file.string, "DT_VERNEED")?,
                name: strings.get(version.string, "DT_VERNEED")?,
                index: before(2),
                is_weak: before(4) & VER_FLG_WEAK != 0,
            });
        }
    }
    Ok(needed)
}
