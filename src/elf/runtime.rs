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
        let image = Image::new(bytes, self.abi);
        let Some(table) = Symbols::find(&image, &self.layout, self.abi) else { return BTreeSet::new() };
        let strings = bytes.get(self.layout.strings.start as usize..).unwrap_or_default();
        let name = |index: u64| {
            let symbol = image.read::<Sym>(table.at + index * table.size)?;
            let is_imported = symbol.st_shndx == SHN_UNDEF as usize && symbol.st_name != 0;
            let string = strings.get(symbol.st_name..).filter(|_| is_imported)?;
            let name = std::str::from_utf8(&string[..memchr::memchr(0, string)?]).ok()?;
            wanted.get(name).map(String::as_str)
        };
        (0..table.count).filter_map(name).collect()
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
