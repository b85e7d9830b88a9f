//! The dynamic symbol table: where it lies, and how many symbols it has, which no tag says.

use goblin::elf::dynamic::{
    DT_GNU_HASH, DT_HASH, DT_JMPREL, DT_REL, DT_RELA, DT_STRTAB, DT_SYMTAB, DT_VERDEF, DT_VERNEED, DT_VERSYM,
};
use goblin::elf::header::{EM_S390, Header};
use goblin::elf::section_header::{SHT_DYNSYM, SectionHeader};
use goblin::elf::sym::Sym;
use scroll::Pread;

use super::Abi;
use super::image::{Image, file_offset};
use super::read::Layout;

/// The number that Linux has always used for Alpha, before the official one (elf-em.h); goblin has no name for it.
pub(super) const EM_ALPHA: u16 = 0x9026;

/// The dynamic symbol table, as far as it lies in its segment.
#[derive(Clone, Copy)]
pub(super) struct Symbols {
    /// Where it lies in the file.
    pub at: u64,
    /// Bytes of a symbol.
    pub size: u64,
    pub count: u64,
    /// Whether a hash table tells the number, or the section, or the next table that begins right behind it.
    pub is_counted: bool,
}

impl Symbols {
    /// `None`: there is none, or it cannot be followed.
    pub fn find(image: &Image, layout: &Layout, abi: Abi) -> Option<Symbols> {
        let address = layout.value(DT_SYMTAB)?;
        let (at, room) = file_offset(&layout.loads, address)?;
        let size = Sym::size(image.ctx.container) as u64;
        let counted = count_by_hash(image, layout, abi).or_else(|| count_by_gnu_hash(image, layout, abi));
        let until_next = bytes_until_next_table(layout, address, room);
        let section =
            section_len(image, address).filter(|len| *len <= until_next && len.is_multiple_of(size));
        let counted = counted.or_else(|| section.map(|len| len / size));
        let count = counted.unwrap_or(until_next / size);
        // Padding is shorter than a symbol, so without a remainder there is none.
        let is_counted = counted.is_some() || until_next.is_multiple_of(size);
        Some(Symbols { at, size, count: count.min(room / size), is_counted })
    }

    /// The st_name of a symbol, which comes first in both classes (gABI, "Symbol Table").
    pub fn name(&self, image: &Image, index: u64) -> Option<u64> {
        image.u32(self.at + index * self.size).map(u64::from)
    }
}

/// The length of the section of dynamic symbols at an address.
fn section_len(image: &Image, address: u64) -> Option<u64> {
    let header: Header = image.bytes.pread(0).ok()?;
    let size = SectionHeader::size(image.ctx) as u64;
    let section = |index: u16| image.read(header.e_shoff.checked_add(u64::from(index) * size)?);
    let mut sections = (0..header.e_shnum).map_while(section);
    let symbols = |section: &SectionHeader| section.sh_type == SHT_DYNSYM && section.sh_addr == address;
    sections.find(symbols).map(|section| section.sh_size)
}

/// Bytes of a word of DT_HASH: 8 on Alpha and 64-bit s390.
pub(super) fn hash_word(abi: Abi) -> u64 {
    if abi.is_64 && matches!(abi.machine, EM_ALPHA | EM_S390) { 8 } else { 4 }
}

/// nchain of DT_HASH is the number of symbols (gABI, "Hash Table").
fn count_by_hash(image: &Image, layout: &Layout, abi: Abi) -> Option<u64> {
    let at = layout.place(DT_HASH)?;
    if hash_word(abi) == 8 {
        return image.slice(at.checked_add(8)?, 8)?.pread_with(0, image.ctx.le).ok();
    }
    image.u32(at.checked_add(4)?).map(u64::from)
}

/// DT_GNU_HASH covers the symbols from symoffset to the last, in the order of its buckets, so the chain of the highest
/// bucket ends with the last symbol. `None` where it is empty: then it says nothing of their number.
fn count_by_gnu_hash(image: &Image, layout: &Layout, abi: Abi) -> Option<u64> {
    let at = layout.place(DT_GNU_HASH)?;
    let word = |index: u64| image.u32(at.checked_add(index.checked_mul(4)?)?);
    let (buckets, first, bloom) = (u64::from(word(0)?), word(1)?, u64::from(word(2)?));
    let buckets_at = 4 + bloom * if abi.is_64 { 2 } else { 1 };
    let mut last = 0;
    for index in 0..buckets {
        last = last.max(word(buckets_at + index)?);
    }
    if last < first || last == 0 {
        return None;
    }
    let chain = buckets_at + buckets;
    let mut index = u64::from(last - first);
    while word(chain + index)? & 1 == 0 {
        index += 1;
    }
    Some(u64::from(first) + index + 1)
}

/// From an address to the next one that a tag holds. More than the table has, perhaps, but never less.
fn bytes_until_next_table(layout: &Layout, address: u64, room: u64) -> u64 {
    let tables =
        [DT_STRTAB, DT_HASH, DT_GNU_HASH, DT_VERSYM, DT_VERNEED, DT_VERDEF, DT_REL, DT_RELA, DT_JMPREL];
    let later = layout.dynamic.iter().filter(|entry| tables.contains(&entry.tag));
    let distances =
        later.filter_map(|entry| entry.value.checked_sub(address).filter(|distance| *distance > 0));
    distances.min().unwrap_or(room).min(room)
}
