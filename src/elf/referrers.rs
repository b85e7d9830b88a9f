//! Whatever names a string of the dynamic string table: linkers let one string be the end of another, so bytes may be
//! overwritten only where nobody else reads them.

use std::collections::HashSet;

use goblin::elf::dynamic::{
    DT_GNU_HASH, DT_HASH, DT_JMPREL, DT_REL, DT_RELA, DT_STRTAB, DT_SYMTAB, DT_VERDEF, DT_VERNEED, DT_VERSYM,
};
use goblin::elf::header::{EM_S390, Header};
use goblin::elf::section_header::SectionHeader;
use goblin::elf::sym::Sym;
use scroll::Pread;

use super::image::{Image, file_offset};
use super::read::{Layout, string_tag};
use super::{Abi, symver};

/// The number that Linux has always used for Alpha, before the official one (elf-em.h); goblin has no name for it.
const EM_ALPHA: u16 = 0x9026;

pub(super) struct Referrers<'a> {
    pub image: Image<'a>,
    pub layout: &'a Layout,
    pub abi: Abi,
    /// File offsets of the fields that the operation changes: they count for nothing.
    pub edited: HashSet<u64>,
}

impl Referrers<'_> {
    /// Calls `visit` with the offset into the string table of each string that is named. `None`: a table cannot be followed, so
    /// that nobody knows.
    pub fn visit(&self, visit: &mut dyn FnMut(u64)) -> Option<()> {
        let dynamic = self.layout.dynamic.iter().filter(|entry| string_tag(entry.tag).is_some());
        dynamic.filter(|entry| !self.edited.contains(&entry.at)).for_each(|entry| visit(entry.value));
        if self.layout.value(DT_VERNEED).is_some() {
            for need in symver::verneed(&self.image, self.layout.place(DT_VERNEED)?)? {
                need.versions.iter().for_each(|version| visit(version.string));
                if !self.edited.contains(&need.file.at) {
                    visit(need.file.string);
                }
            }
        }
        if self.layout.value(DT_VERDEF).is_some() {
            symver::verdef(&self.image, self.layout.place(DT_VERDEF)?)?
                .iter()
                .for_each(|name| visit(name.string));
        }
        self.visit_symbols(visit)?;
        self.visit_section_names(visit);
        Some(())
    }

    fn visit_symbols(&self, visit: &mut dyn FnMut(u64)) -> Option<()> {
        let Some(address) = self.layout.value(DT_SYMTAB) else { return Some(()) };
        let (start, room) = file_offset(&self.layout.loads, address)?;
        let size = Sym::size(self.image.ctx.container) as u64;
        let count = self
            .count_by_hash()
            .or_else(|| self.count_by_gnu_hash())
            .unwrap_or_else(|| self.bytes_until_next_table(address, room) / size);
        for index in 0..count.min(room / size) {
            // st_name comes first in both classes (gABI, "Symbol Table").
            visit(self.image.u32(start + index * size)?.into());
        }
        Some(())
    }

    /// nchain of DT_HASH is the number of symbols (gABI, "Hash Table"). Its words have 64 bits on Alpha and 64-bit s390.
    fn count_by_hash(&self) -> Option<u64> {
        let at = self.layout.place(DT_HASH)?;
        if self.abi.is_64 && matches!(self.abi.machine, EM_ALPHA | EM_S390) {
            let bytes = self.image.slice(at.checked_add(8)?, 8)?;
            return bytes.pread_with(0, self.image.ctx.le).ok();
        }
        self.image.u32(at.checked_add(4)?).map(u64::from)
    }

    /// DT_GNU_HASH covers the symbols from symoffset to the last, in the order of its buckets, so the chain of the highest
    /// bucket ends with the last symbol. `None` where it is empty: then it says nothing of their number.
    fn count_by_gnu_hash(&self) -> Option<u64> {
        let at = self.layout.place(DT_GNU_HASH)?;
        let word = |index: u64| self.image.u32(at.checked_add(index.checked_mul(4)?)?);
        let (buckets, first, bloom) = (u64::from(word(0)?), word(1)?, u64::from(word(2)?));
        let buckets_at = 4 + bloom * if self.abi.is_64 { 2 } else { 1 };
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
    fn bytes_until_next_table(&self, address: u64, room: u64) -> u64 {
        let tables =
            [DT_STRTAB, DT_HASH, DT_GNU_HASH, DT_VERSYM, DT_VERNEED, DT_VERDEF, DT_REL, DT_RELA, DT_JMPREL];
        let later = self.layout.dynamic.iter().filter(|entry| tables.contains(&entry.tag));
        let distances =
            later.filter_map(|entry| entry.value.checked_sub(address).filter(|distance| *distance > 0));
        distances.min().unwrap_or(room).min(room)
    }

    /// Names of sections, where their table shares bytes with the dynamic one (seen in files that were stripped by other
    /// tools). Tools read them; the loader does not, so a section table that makes no sense is none.
    fn visit_section_names(&self, visit: &mut dyn FnMut(u64)) {
        let Ok(header) = self.image.bytes.pread::<Header>(0) else { return };
        let size = SectionHeader::size(self.image.ctx) as u64;
        let section = |index: u16| -> Option<SectionHeader> {
            self.image.read(header.e_shoff.checked_add(u64::from(index) * size)?)
        };
        let strings = &self.layout.strings;
        let Some(names) = section(header.e_shstrndx).filter(|_| header.e_shstrndx < header.e_shnum) else {
            return;
        };
        if names.sh_offset >= strings.end || names.sh_offset.saturating_add(names.sh_size) <= strings.start {
            return;
        }
        for section in (0..header.e_shnum).map_while(section) {
            let at = names.sh_offset.saturating_add(section.sh_name as u64);
            // A name that begins before the table may reach into its first string.
            visit(at.saturating_sub(strings.start));
        }
    }
}
