//! What of a section header table is believed. The loader reads none of it, so it may say anything.

use goblin::elf::header::Header;
use goblin::elf::section_header::{SHT_NOBITS, SHT_NULL, SectionHeader};
use scroll::Pread;

use super::image::Image;
use super::read::Layout;

/// The sections, all or none: entries of the class's size, counted by the ELF header, one of which e_shstrndx names; and the table
/// and what is in the file of each section lie within the file. What e_shoff leads to otherwise is bytes like all others.
///
/// [`super::verify`] goes by the same rule, which docs/design.md has.
pub(super) fn sections(image: &Image, header: &Header) -> Vec<SectionHeader> {
    let size = SectionHeader::size(image.ctx) as u64;
    let count = u64::from(header.e_shnum);
    if header.e_shoff == 0 || u64::from(header.e_shentsize) != size || u64::from(header.e_shstrndx) >= count {
        return Vec::new();
    }
    // One look at the table's end instead of one at each entry's.
    let Some(table) = image.slice(header.e_shoff, count * size) else { return Vec::new() };
    let is_inside = |section: &SectionHeader| {
        has_no_bytes(section)
            || section.sh_offset.checked_add(section.sh_size).is_some_and(|end| end <= image.len())
    };
    let mut sections = Vec::with_capacity(count as usize);
    for entry in table.chunks_exact(size as usize) {
        match entry.pread_with::<SectionHeader>(0, image.ctx) {
            Ok(section) if is_inside(&section) => sections.push(section),
            _ => return Vec::new(),
        }
    }
    sections
}

impl Layout {
    /// [`sections`] of the file that it is the layout of.
    pub(super) fn sections(&self, image: &Image) -> &[SectionHeader] {
        let read = || image.bytes.pread(0).map_or_else(|_| Vec::new(), |header| sections(image, &header));
        self.sections.get_or_init(read)
    }
}

/// The section that names the others: all names begin in it, and the last one ends.
pub(super) fn names<'a>(
    image: &Image,
    header: &Header,
    sections: &'a [SectionHeader],
) -> Option<&'a SectionHeader> {
    // 0 is SHN_UNDEF: there are none.
    let index = Some(usize::from(header.e_shstrndx)).filter(|index| *index != 0)?;
    let names = sections.get(index).filter(|names| !has_no_bytes(names))?;
    let table = image.slice(names.sh_offset, names.sh_size)?;
    let are_inside = sections.iter().all(|section| section.sh_name < table.len());
    (table.last() == Some(&0) && are_inside).then_some(names)
}

/// Whether it takes nothing of the file.
pub(super) fn has_no_bytes(section: &SectionHeader) -> bool {
    matches!(section.sh_type, SHT_NOBITS | SHT_NULL) || section.sh_size == 0
}
