//! Which parts of a file matter when it runs, and which of some functions it takes from others.

use std::collections::BTreeSet;
use std::ops::Range;

use goblin::elf::header::Header;
use goblin::elf::section_header::{SHF_ALLOC, SHN_UNDEF, SHT_NOBITS};
use goblin::elf::sym::Sym;
use scroll::Pread;

use super::image::Image;
use super::sections::sections;
use super::symbols::Symbols;
use super::{Elf, FileOffset};

impl Elf {
    /// Those of `wanted` that the file imports.
    pub fn imports<'w>(&self, bytes: &[u8], wanted: &'w BTreeSet<String>) -> BTreeSet<&'w str> {
        let names = self.imported_names(Image::new(bytes, self.abi));
        names.filter_map(|name| wanted.get(std::str::from_utf8(name).ok()?).map(String::as_str)).collect()
    }

    /// The names of the symbols that the file takes from others.
    pub(super) fn imported_names<'b>(&self, image: Image<'b>) -> impl Iterator<Item = &'b [u8]> {
        let strings = image.bytes.get(self.layout.strings.start as usize..).unwrap_or_default();
        let symbols = Symbols::find(&image, &self.layout, self.abi).into_iter();
        let places =
            symbols.flat_map(|table| (0..table.count).map(move |index| table.at + index * table.size));
        places.filter_map(move |at| {
            let symbol = image.read::<Sym>(at)?;
            let is_imported = symbol.st_shndx == SHN_UNDEF as usize && symbol.st_name != 0;
            let string = strings.get(symbol.st_name..).filter(|_| is_imported)?;
            Some(&string[..memchr::memchr(0, string)?])
        })
    }

    /// Whether a place lies in a string that ld.so or the kernel reads as what it is: the interpreter, or a string of the dynamic
    /// string table (needed entries, run paths).
    pub fn is_header_string(&self, at: FileOffset) -> bool {
        let in_range = |range: &Range<u64>| range.contains(&at.0);
        self.layout.interpreter.as_ref().is_some_and(in_range) || in_range(&self.layout.strings)
    }

    /// The parts of the file that nothing loads, and that are not the program's own either: sections for debuggers. What lies
    /// behind all sections is none of them: a program may read a payload there.
    pub fn unloaded_sections(&self, bytes: &[u8]) -> Vec<Range<u64>> {
        let image = Image::new(bytes, self.abi);
        let Ok(header) = bytes.pread::<Header>(0) else { return Vec::new() };
        let is_unloaded = |flags: u64, kind: u32| flags & u64::from(SHF_ALLOC) == 0 && kind != SHT_NOBITS;
        sections(&image, &header)
            .iter()
            .filter(|section| is_unloaded(section.sh_flags, section.sh_type))
            .filter_map(|section| Some(section.sh_offset..section.sh_offset.checked_add(section.sh_size)?))
            .collect()
    }
}
