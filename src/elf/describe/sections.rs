//! What the section headers add. Nothing of it counts for the loader, so a table that makes no sense is none.

use goblin::elf::header::Header;
use goblin::elf::section_header::{SHN_XINDEX, SHT_NOBITS, SHT_NOTE, SHT_SYMTAB, SectionHeader};

use super::notes::{Notes, Reader};
use crate::elf::image::Image;

/// What a debugger finds in a file, or from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DebugInfo {
    /// Its full symbol table is there: it is not stripped.
    pub symbol_table: bool,
    /// DWARF is there.
    pub dwarf: bool,
    /// The file that holds what was split off.
    pub link: Option<Vec<u8>>,
}

/// What there is of interest.
pub(super) struct Sections {
    pub debug: DebugInfo,
    pub is_kernel_module: bool,
    pub notes: Notes,
}

/// No name that is of interest is longer.
const NAME_MAX: usize = 64;

pub(super) fn read(image: &Image, header: &Header) -> Sections {
    let mut debug = DebugInfo::default();
    let mut is_kernel_module = false;
    let mut notes = Reader::new(image);
    let names = names(image, header);
    for section in sections(image, header) {
        let (at, len) = (section.sh_offset, section.sh_size);
        match section.sh_type {
            SHT_NOBITS => continue,
            SHT_SYMTAB => debug.symbol_table = true,
            SHT_NOTE => notes.take(at, len, section.sh_addralign),
            _ => {}
        }
        match name(names, section.sh_name) {
            b".debug_info" | b".zdebug_info" => debug.dwarf = true,
            b".gnu_debuglink" if debug.link.is_none() => debug.link = debug_link(image, at, len),
            b".gnu.linkonce.this_module" => is_kernel_module = true,
            _ => {}
        }
    }
    Sections { debug, is_kernel_module, notes: notes.done() }
}

fn section(image: &Image, header: &Header, index: u64) -> Option<SectionHeader> {
    let size = SectionHeader::size(image.ctx) as u64;
    image.read(header.e_shoff.checked_add(index.checked_mul(size)?)?)
}

/// Numbers that do not fit into the header are in the first section (gABI, "ELF header").
fn sections<'a>(image: &'a Image, header: &'a Header) -> impl Iterator<Item = SectionHeader> + 'a {
    let first = section(image, header, 0).filter(|_| header.e_shoff > 0);
    let count = match (header.e_shnum, first) {
        (0, Some(first)) => first.sh_size,
        (count, _) => count.into(),
    };
    (0..count).map_while(|index| section(image, header, index))
}

/// The table of the sections' names.
fn names<'a>(image: &Image<'a>, header: &Header) -> &'a [u8] {
    let index = match u32::from(header.e_shstrndx) {
        SHN_XINDEX => section(image, header, 0).map_or(0, |first| first.sh_link),
        index => index,
    };
    let table = section(image, header, index.into()).filter(|_| header.e_shoff > 0);
    table.and_then(|table| image.slice(table.sh_offset, table.sh_size)).unwrap_or_default()
}

fn name(names: &[u8], at: usize) -> &[u8] {
    let tail = names.get(at..).unwrap_or_default();
    let tail = &tail[..tail.len().min(NAME_MAX)];
    &tail[..memchr::memchr(0, tail).unwrap_or(tail.len())]
}

/// A file name with its NUL, then a checksum. No name is longer than a path can be.
fn debug_link(image: &Image, at: u64, len: u64) -> Option<Vec<u8>> {
    let content = image.slice(at, len.min(4096))?;
    Some(content[..memchr::memchr(0, content)?].to_vec())
}
