//! Other names for dynamic symbols: the names, and the hash tables by which ld.so finds them.
//!
//! DT_GNU_HASH wants its symbols in the order of their buckets, so a new name may move symbols; whatever counts them
//! (versym, relocations) follows.

use std::collections::{HashMap, HashSet};

use goblin::elf::dynamic::{
    DT_GNU_HASH, DT_HASH, DT_JMPREL, DT_PLTREL, DT_PLTRELSZ, DT_REL, DT_RELA, DT_RELASZ, DT_RELSZ, DT_VERSYM,
};
use goblin::elf::header::EM_MIPS;
use scroll::{Pread, Pwrite};

use super::draft::{Draft, Edit, Field};
use crate::elf::operation::Refusal;
use crate::elf::symbols::{Symbols, hash_word};
use crate::elf::{FileOffset, Patch};

const SYMBOLS: &str = "symbol names";

fn impossible(reason: &str) -> Refusal {
    Refusal::impossible(SYMBOLS, reason)
}

impl Draft<'_> {
    pub fn rename_symbols(&mut self, renames: &[(Vec<u8>, Vec<u8>)]) -> Result<(), Refusal> {
        let renames: HashMap<&[u8], &Vec<u8>> =
            renames.iter().rev().map(|(old, new)| (old.as_slice(), new)).collect();
        if renames.is_empty() {
            return Ok(());
        }
        let is_bad = |(old, new): (&&[u8], &&Vec<u8>)| old.is_empty() || new.is_empty() || new.contains(&0);
        if renames.iter().any(is_bad) {
            return Err(impossible("one is empty, or a new one holds a NUL"));
        }
        let cut_off = || impossible("its symbols cannot be followed");
        let symbols = Symbols::agreed(&self.image, &self.elf.layout, self.elf.abi).ok_or_else(cut_off)?;
        let mut names = self.symbol_names(symbols)?;
        let mut renamed: HashMap<Vec<u8>, Vec<u64>> = HashMap::new();
        for (index, name) in names.iter_mut().enumerate() {
            if let Some(new) = renames.get(name.as_slice()).filter(|new| *new != &name) {
                name.clone_from(new);
                renamed.entry(name.clone()).or_default().push(index as u64);
            }
        }
        if renamed.is_empty() {
            return Ok(());
        }
        let order = self.gnu_order(symbols, &names)?;
        self.name_symbols(symbols, renamed, &order)?;
        self.reorder(symbols, &order)?;
        let names: Vec<&[u8]> = order.iter().map(|old| names[*old as usize].as_slice()).collect();
        self.rebuild_hash(symbols, &names, &order)?;
        self.rebuild_gnu_hash(&names)
    }

    /// Gives the symbols their new names, at the places that they will have.
    fn name_symbols(
        &mut self,
        symbols: Symbols,
        renamed: HashMap<Vec<u8>, Vec<u64>>,
        order: &[u64],
    ) -> Result<(), Refusal> {
        let mut place: Vec<u64> = vec![0; order.len()];
        for (new, old) in order.iter().enumerate() {
            place[*old as usize] = new as u64;
        }
        // In one order, whatever a hash map's is.
        let mut renamed: Vec<_> = renamed.into_iter().collect();
        renamed.sort();
        let mut edits = Vec::new();
        for (new, indexes) in renamed {
            let mut fields = Vec::new();
            for index in indexes {
                let old = symbols.name(&self.image, index).unwrap_or(0);
                fields.push(Field::Symbol(self.names.len()));
                self.names.push((symbols.at + place[index as usize] * symbols.size, old));
            }
            edits.push(Edit { new: Some(new), fields });
        }
        self.edit_strings(edits)
    }

    /// The symbols' old numbers in the order that DT_GNU_HASH wants them in under their new names.
    fn gnu_order(&self, symbols: Symbols, names: &[Vec<u8>]) -> Result<Vec<u64>, Refusal> {
        let mut order: Vec<u64> = (0..symbols.count).collect();
        let Some(table) = self.gnu_table()? else { return Ok(order) };
        if !symbols.is_counted && (table.first as usize) < order.len() {
            return Err(impossible("no table tells how many symbols it has"));
        }
        if let Some(hashed) = order.get_mut(table.first as usize..).filter(|_| !table.is_empty) {
            let bucket = |index: &u64| u64::from(gnu_hash(&names[*index as usize])) % table.buckets;
            hashed.sort_by_key(bucket);
        }
        let moves = order.iter().enumerate().any(|(new, old)| new as u64 != *old);
        if moves && self.elf.abi.machine == EM_MIPS {
            return Err(impossible("MIPS wants them in the order of its global offset table"));
        }
        Ok(order)
    }

    fn gnu_table(&self) -> Result<Option<GnuTable>, Refusal> {
        let layout = &self.elf.layout;
        if layout.value(DT_MIPS_XHASH).is_some() {
            return Err(impossible("it finds them by DT_MIPS_XHASH"));
        }
        if layout.value(DT_GNU_HASH).is_none() {
            return Ok(None);
        }
        let cut_off = || impossible("its DT_GNU_HASH cannot be followed");
        let at = layout.place(DT_GNU_HASH).ok_or_else(cut_off)?;
        let word = |index: u64| self.image.u32(at + index * 4).map(u64::from).ok_or_else(cut_off);
        let (buckets, bloom) = (word(0)?, word(2)?);
        let mut is_empty = true;
        for bucket in 0..buckets {
            is_empty &= word(4 + bloom * (self.image.ctx.size() as u64 / 4) + bucket)? == 0;
        }
        let table = GnuTable { at, buckets, first: word(1)?, bloom, shift: word(3)? as u32, is_empty };
        if table.buckets == 0 || table.bloom == 0 || table.shift > 31 {
            return Err(cut_off());
        }
        Ok(Some(table))
    }

    /// Moves the symbols, and what counts them.
    fn reorder(&mut self, symbols: Symbols, order: &[u64]) -> Result<(), Refusal> {
        let moved: HashMap<u64, u64> = order
            .iter()
            .enumerate()
            .map(|(new, old)| (*old, new as u64))
            .filter(|(old, new)| old != new)
            .collect();
        if moved.is_empty() {
            return Ok(());
        }
        let image = self.image;
        let named: HashSet<u64> = self.names.iter().map(|(at, _)| *at).collect();
        for (new, old) in order.iter().enumerate().filter(|(new, old)| *new as u64 != **old) {
            // Without st_name, which is a field of its own where it changes.
            let (from, to) = (symbols.at + old * symbols.size, symbols.at + new as u64 * symbols.size);
            let Some(symbol) = image.slice(from, symbols.size) else { continue };
            if !named.contains(&to) {
                self.names.push((to, symbols.name(&image, *old).unwrap_or(0)));
            }
            self.patches.push(Patch::new(FileOffset(to + 4), &symbol[4..]));
        }
        if let Some(at) = self.elf.layout.place(DT_VERSYM) {
            let versym = self.versym.take().map(|(_, versym)| versym);
            let versym = versym.or_else(|| image.slice(at, order.len() as u64 * 2).map(<[u8]>::to_vec));
            let versym = versym.ok_or_else(|| impossible("their versions cannot be followed"))?;
            let entry = |old: &u64| &versym[*old as usize * 2..][..2];
            self.versym = Some((at, order.iter().flat_map(entry).copied().collect()));
        }
        self.follow_in_relocations(&moved)
    }

    /// Lets relocations name their symbols by the new numbers.
    fn follow_in_relocations(&mut self, moved: &HashMap<u64, u64>) -> Result<(), Refusal> {
        let layout = &self.elf.layout;
        let word = self.image.ctx.size() as u64;
        let plt = if layout.value(DT_PLTREL) == Some(DT_RELA) { 3 } else { 2 };
        let tables = [(DT_REL, DT_RELSZ, 2), (DT_RELA, DT_RELASZ, 3), (DT_JMPREL, DT_PLTRELSZ, plt)];
        let mut seen = HashSet::new();
        for (table, len, words) in tables {
            if layout.value(table).is_none() {
                continue;
            }
            let at = layout.place(table).ok_or_else(|| impossible("its relocations cannot be followed"))?;
            let count = layout.value(len).unwrap_or(0) / (words * word);
            for info in (0..count).map(|index| at + index * words * word + word) {
                let cut_off = || impossible("its relocations cannot be followed");
                let old = self.image.slice(info, word).ok_or_else(cut_off)?;
                // DT_JMPREL may be the end of DT_RELA.
                if let Some(new) = renumbered(old, moved, self.image.ctx.le)
                    && seen.insert(info)
                {
                    self.patches.push(Patch::new(FileOffset(info), new));
                }
            }
        }
        Ok(())
    }

    /// DT_HASH, with the symbols that are in it, in place (gABI, "Hash Table").
    fn rebuild_hash(&mut self, symbols: Symbols, names: &[&[u8]], order: &[u64]) -> Result<(), Refusal> {
        let Some(at) = self.elf.layout.place(DT_HASH) else { return Ok(()) };
        let cut_off = || impossible("its DT_HASH cannot be followed");
        let size = hash_word(self.elf.abi);
        let image = self.image;
        let word = |index: u64| {
            let at = at.checked_add(index.checked_mul(size)?)?;
            let bytes = image.slice(at, size)?;
            match size {
                8 => bytes.pread_with::<u64>(0, image.ctx.le).ok(),
                _ => bytes.pread_with::<u32>(0, image.ctx.le).ok().map(u64::from),
            }
        };
        let (buckets, chains) = (word(0).ok_or_else(cut_off)?, word(1).ok_or_else(cut_off)?);
        if buckets == 0 || chains != symbols.count {
            return Err(cut_off());
        }
        let mut members = vec![false; chains as usize];
        for bucket in 0..buckets {
            let mut index = word(2 + bucket).ok_or_else(cut_off)?;
            while index != 0 {
                let member =
                    members.get_mut(index as usize).filter(|member| !**member).ok_or_else(cut_off)?;
                *member = true;
                index = word(2 + buckets + index).ok_or_else(cut_off)?;
            }
        }
        let mut table = vec![0u64; (buckets + chains) as usize];
        for index in (0..names.len()).filter(|index| members[order[*index] as usize]) {
            let bucket = (u64::from(sysv_hash(names[index])) % buckets) as usize;
            table[buckets as usize + index] = table[bucket];
            table[bucket] = index as u64;
        }
        let bytes: Vec<u8> = match size {
            8 => table.iter().flat_map(|word| image.u64_bytes(*word)).collect(),
            _ => table.iter().flat_map(|word| image.u32_bytes(*word as u32)).collect(),
        };
        self.patches.push(Patch::new(FileOffset(at + 2 * size), bytes));
        Ok(())
    }

    /// DT_GNU_HASH, in place: its size depends on the number of symbols alone.
    fn rebuild_gnu_hash(&mut self, names: &[&[u8]]) -> Result<(), Refusal> {
        let Some(table) = self.gnu_table()? else { return Ok(()) };
        let Some(hashed) =
            names.get(table.first as usize..).filter(|hashed| !hashed.is_empty() && !table.is_empty)
        else {
            return Ok(());
        };
        let le = self.image.ctx.le;
        let word = self.image.ctx.size() as u64;
        let bloom_len = table.bloom * word;
        let len = bloom_len + 4 * (table.buckets + hashed.len() as u64);
        let at = table.at + 16;
        let old = self.image.slice(at, len);
        let mut bytes = vec![0; old.ok_or_else(|| impossible("its DT_GNU_HASH cannot be followed"))?.len()];
        let (bloom, rest) = bytes.split_at_mut(bloom_len as usize);
        let (buckets, chains) = rest.split_at_mut(4 * table.buckets as usize);
        let hashes: Vec<u32> = hashed.iter().map(|name| gnu_hash(name)).collect();
        for (index, hash) in hashes.iter().enumerate() {
            let bits = word as u32 * 8;
            let mask = 1u64 << (hash % bits) | 1u64 << ((hash >> table.shift) % bits);
            let entry = (u64::from(hash / bits) % table.bloom) as usize;
            set_bits(bloom, entry, mask, word, le);
            let bucket = u64::from(*hash) % table.buckets;
            let place = bucket as usize * 4;
            let first = table.first as u32 + index as u32;
            // Index 0 is no symbol's that can be looked up, so an empty bucket is 0.
            if buckets[place..place + 4] == [0; 4] {
                buckets[place..place + 4].copy_from_slice(&self.image.u32_bytes(first));
            }
            let is_last = hashes.get(index + 1).is_none_or(|next| u64::from(*next) % table.buckets != bucket);
            let chain = hash & !1 | u32::from(is_last);
            chains[index * 4..][..4].copy_from_slice(&self.image.u32_bytes(chain));
        }
        self.patches.push(Patch::new(FileOffset(at), bytes));
        Ok(())
    }
}

/// binutils' elf/mips.h; goblin has no name for it.
const DT_MIPS_XHASH: u64 = 0x7000_0036;

/// The header of DT_GNU_HASH.
struct GnuTable {
    at: u64,
    buckets: u64,
    /// The first symbol that is in it (symoffset).
    first: u64,
    /// Words of the bloom filter.
    bloom: u64,
    shift: u32,
    /// Nothing is found by it, as in programs that export nothing; bfd says all the same that it begins with symbol 1.
    is_empty: bool,
}

fn set_bits(bloom: &mut [u8], entry: usize, mask: u64, word: u64, le: scroll::Endian) {
    let at = entry * word as usize;
    // Within the filter: entries are counted modulo its words.
    if word == 8 {
        let old: u64 = bloom.pread_with(at, le).unwrap_or(0);
        let _ = bloom.pwrite_with(old | mask, at, le);
    } else {
        let old: u32 = bloom.pread_with(at, le).unwrap_or(0);
        let _ = bloom.pwrite_with(old | mask as u32, at, le);
    }
}

/// An r_info whose symbol has another number; `None` where it has not.
fn renumbered(info: &[u8], moved: &HashMap<u64, u64>, le: scroll::Endian) -> Option<Vec<u8>> {
    let mut bytes = info.to_vec();
    if info.len() == 8 {
        let info: u64 = info.pread_with(0, le).ok()?;
        let new = moved.get(&(info >> 32))?;
        bytes.pwrite_with(new << 32 | info & 0xffff_ffff, 0, le).ok()?;
    } else {
        let info: u32 = info.pread_with(0, le).ok()?;
        let new = moved.get(&(info >> 8).into())?;
        bytes.pwrite_with((*new as u32) << 8 | info & 0xff, 0, le).ok()?;
    }
    Some(bytes)
}

/// gABI, "Hash Table".
fn sysv_hash(name: &[u8]) -> u32 {
    name.iter().fold(0u32, |hash, byte| {
        let hash = (hash << 4).wrapping_add(u32::from(*byte));
        let high = hash & 0xf000_0000;
        (hash ^ high >> 24) & !high
    })
}

/// glibc's dl_new_hash.
fn gnu_hash(name: &[u8]) -> u32 {
    name.iter().fold(5381u32, |hash, byte| hash.wrapping_mul(33).wrapping_add(u32::from(*byte)))
}
