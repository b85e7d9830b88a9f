//! The dynamic symbol table: where it lies, and how many symbols it has, which no tag says.

use goblin::elf::dynamic::{
    DT_GNU_HASH, DT_HASH, DT_JMPREL, DT_PLTREL, DT_PLTRELSZ, DT_REL, DT_RELA, DT_RELASZ, DT_RELSZ, DT_STRTAB,
    DT_SYMTAB, DT_VERDEF, DT_VERNEED, DT_VERSYM,
};
use goblin::elf::header::{EM_MIPS, EM_S390};
use goblin::elf::section_header::{SHT_DYNSYM, SectionHeader};
use goblin::elf::sym::Sym;
use scroll::Pread;

use super::Abi;
use super::image::{Image, file_offset};
use super::read::Layout;

/// The number that Linux has always used for Alpha, before the official one (elf-em.h); goblin has no name for it.
pub(super) const EM_ALPHA: u16 = 0x9026;

/// binutils' elf/mips.h; goblin has no name for it.
const DT_MIPS_SYMTABNO: u64 = 0x7000_0011;

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
        let section = section_len(image, layout).filter(|len| *len <= until_next && len.is_multiple_of(size));
        let counted = counted.or_else(|| section.map(|len| len / size));
        let count = counted.unwrap_or(until_next / size);
        // Padding is shorter than a symbol, so without a remainder there is none.
        let is_counted = counted.is_some() || until_next.is_multiple_of(size);
        Some(Symbols { at, size, count: count.min(room / size), is_counted })
    }

    /// Those that something uses; up to the next table, if nothing does.
    pub fn used(image: &Image, layout: &Layout, abi: Abi) -> Option<Symbols> {
        let symbols = Symbols::find(image, layout, abi)?;
        let counted = count_by_hash(image, layout, abi).or_else(|| count_by_gnu_hash(image, layout, abi));
        let count = told(image, layout, abi).max(counted).unwrap_or(symbols.count);
        let (_, room) = file_offset(&layout.loads, layout.value(DT_SYMTAB)?)?;
        Some(Symbols { count: count.min(room / symbols.size), ..symbols })
    }

    /// As many symbols as anything says there are that is asked: too many, if that contradicts itself.
    pub fn most(image: &Image, layout: &Layout, abi: Abi) -> Option<Symbols> {
        let mut symbols = Symbols::find(image, layout, abi)?;
        let address = layout.value(DT_SYMTAB)?;
        let told = told(image, layout, abi).unwrap_or(0);
        let (_, room) = file_offset(&layout.loads, address)?;
        symbols.count = symbols.count.max(told).min(room / symbols.size);
        Some(symbols)
    }

    /// Those that something uses. `None` also where nothing tells their number, or what does contradicts itself.
    pub fn agreed(image: &Image, layout: &Layout, abi: Abi) -> Option<Symbols> {
        let count = told(image, layout, abi)?;
        let most = Symbols::most(image, layout, abi)?.count;
        let symbols = Symbols::find(image, layout, abi)?;
        (symbols.count == most && count <= most).then_some(Symbols { count, ..symbols })
    }

    /// The st_name of a symbol, which comes first in both classes (gABI, "Symbol Table").
    pub fn name(&self, image: &Image, index: u64) -> Option<u64> {
        image.u32(self.at + index * self.size).map(u64::from)
    }
}

/// The length of the section of dynamic symbols at DT_SYMTAB's address.
fn section_len(image: &Image, layout: &Layout) -> Option<u64> {
    let address = layout.value(DT_SYMTAB)?;
    let symbols = |section: &&SectionHeader| section.sh_type == SHT_DYNSYM && section.sh_addr == address;
    layout.sections(image).iter().find(symbols).map(|section| section.sh_size)
}

/// Bytes of a word of DT_HASH: 8 on Alpha and 64-bit s390.
pub(super) fn hash_word(abi: Abi) -> u64 {
    if abi.is_64 && matches!(abi.machine, EM_ALPHA | EM_S390) { 8 } else { 4 }
}

/// How many symbols there are by what looks them up, or describes them. Where no section does, relocations may name more than
/// DT_GNU_HASH, which knows nothing of imports if it is empty.
fn told(image: &Image, layout: &Layout, abi: Abi) -> Option<u64> {
    let mips = layout.value(DT_MIPS_SYMTABNO).filter(|_| abi.machine == EM_MIPS);
    if let Some(count) = mips.or_else(|| count_by_hash(image, layout, abi)) {
        return Some(count);
    }
    let section = section_len(image, layout);
    let other = match section {
        Some(len) => Some(len / Sym::size(image.ctx.container) as u64),
        None => last_relocated(image, layout, abi).map(|last| last + 1),
    };
    other.max(count_by_gnu_hash(image, layout, abi))
}

/// The highest number of a symbol that a relocation names (gABI, "Relocation": r_info's upper part; MIPS' 64-bit ABI has the number
/// in the first four bytes).
fn last_relocated(image: &Image, layout: &Layout, abi: Abi) -> Option<u64> {
    let word = image.ctx.size() as u64;
    let plt = if layout.value(DT_PLTREL) == Some(DT_RELA) { 3 } else { 2 };
    let tables = [(DT_REL, DT_RELSZ, 2), (DT_RELA, DT_RELASZ, 3), (DT_JMPREL, DT_PLTRELSZ, plt)];
    let mut last = None;
    for (table, len, words) in tables {
        let place = layout.value(table).and_then(|address| file_offset(&layout.loads, address));
        let (Some((at, room)), Some(len)) = (place, layout.value(len)) else { continue };
        let count = len.min(room) / (words * word);
        for info in (0..count).map(|index| at + index * words * word + word) {
            let symbol = match (abi.is_64, abi.machine == EM_MIPS && abi.is_little_endian) {
                (false, _) => image.u32(info).map(|info| u64::from(info >> 8)),
                (true, is_first) => {
                    let at = if is_first || !abi.is_little_endian { info } else { info + 4 };
                    image.u32(at).map(u64::from)
                }
            };
            last = last.max(symbol);
        }
    }
    last
}

/// Bytes of DT_HASH.
pub(super) fn hash_len(image: &Image, layout: &Layout, abi: Abi) -> Option<u64> {
    let size = hash_word(abi);
    let word = |at: u64| match size {
        8 => image.slice(at, 8)?.pread_with::<u64>(0, image.ctx.le).ok(),
        _ => image.u32(at).map(u64::from),
    };
    let at = layout.place(DT_HASH)?;
    let (buckets, chains) = (word(at)?, word(at.checked_add(size)?)?);
    buckets.checked_add(chains)?.checked_add(2)?.checked_mul(size)
}

/// Bytes of DT_GNU_HASH.
pub(super) fn gnu_hash_len(image: &Image, layout: &Layout, abi: Abi) -> Option<u64> {
    let at = layout.place(DT_GNU_HASH)?;
    let word = |index: u64| image.u32(at.checked_add(4 * index)?).map(u64::from);
    let (buckets, first, bloom) = (word(0)?, word(1)?, word(2)?);
    let chains = count_by_gnu_hash(image, layout, abi).map_or(0, |count| count.saturating_sub(first));
    Some(16 + bloom * image.ctx.size() as u64 + 4 * (buckets + chains))
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
