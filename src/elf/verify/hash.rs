//! Whether ld.so finds every symbol: DT_HASH (gABI) and DT_GNU_HASH with its bloom filter (glibc's dl-lookup.c).
//!
//! Every chain is walked once and every symbol on it looked at, instead of looking up every symbol: that is linear, whatever
//! the tables say.

use std::ops::Range;

use goblin::elf::dynamic::{DT_GNU_HASH, DT_HASH};

use super::dynamic::{DT_MIPS_XHASH, Dynamic};
use super::pair::Pair;
use super::reader::{EM_MIPS, File};
use super::view::View;
use super::{Report, rule, text};

const EM_ALPHA: u64 = 0x9026;
const EM_S390: u64 = 22;

pub(super) fn sysv(name: &[u8]) -> u64 {
    name.iter().fold(0u64, |hash, byte| {
        let hash = (hash << 4) + u64::from(*byte);
        (hash ^ (hash >> 24 & 0xf0)) & 0x0fff_ffff
    })
}

pub(super) fn gnu(name: &[u8]) -> u64 {
    name.iter().fold(5381u32, |hash, byte| hash.wrapping_mul(33).wrapping_add((*byte).into())).into()
}

/// Reads at one place after the other.
struct Table {
    at: u64,
    size: u64,
}

impl Table {
    fn get(&self, file: &File, index: u64) -> Option<u64> {
        file.number(self.at.checked_add(index.checked_mul(self.size)?)?, self.size)
    }

    fn end(&self, count: u64) -> Option<u64> {
        self.at.checked_add(count.checked_mul(self.size)?)
    }
}

/// DT_HASH.
pub(super) struct Sysv {
    buckets: u64,
    chains: u64,
    table: Table,
}

impl Sysv {
    pub fn read(file: &File, dynamic: &Dynamic) -> Option<Self> {
        let at = file.tail(dynamic.get(DT_HASH)?)?.start;
        // Their psABIs make it a table of 64-bit words.
        let wide = file.wide && matches!(file.header.machine(), EM_ALPHA | EM_S390);
        let size = if wide { 8 } else { 4 };
        let [buckets, chains] = file.fields(at, [size, size])?;
        Some(Sysv { buckets, chains, table: Table { at, size } })
    }

    /// The number of symbols.
    pub fn symbols(&self) -> u64 {
        self.chains
    }

    pub fn size(&self) -> u64 {
        self.chains.saturating_add(self.buckets).saturating_add(2).saturating_mul(self.table.size)
    }

    /// Marks every symbol that a chain leads to, if it is the right one. `None`: the table leads out of the file, or in
    /// circles.
    fn walk(&self, view: &View, reached: &mut [bool]) -> Option<()> {
        let mut budget = self.chains;
        for bucket in 0..self.buckets {
            let mut symbol = self.table.get(&view.file, 2 + bucket)?;
            while symbol != 0 {
                budget = budget.checked_sub(1)?;
                let name = view.name(symbol)?;
                if sysv(name) % self.buckets == bucket {
                    *reached.get_mut(symbol as usize)? = true;
                }
                symbol = self.table.get(&view.file, self.buckets.checked_add(symbol)?.checked_add(2)?)?;
            }
        }
        Some(())
    }
}

/// DT_GNU_HASH, or DT_MIPS_XHASH, whose chains are in another order than the symbols.
pub(super) struct Gnu {
    tag: u64,
    start: u64,
    buckets: u64,
    /// The index of the first symbol that the table knows.
    first: u64,
    words: u64,
    shift: u64,
    bloom: Table,
    bucket: Table,
    chain: Table,
}

impl Gnu {
    pub fn read(file: &File, dynamic: &Dynamic, tag: u64) -> Option<Self> {
        let start = file.tail(dynamic.get(tag)?)?.start;
        let [buckets, first, words, shift] = file.fields(start, [4; 4])?;
        let bloom = Table { at: start + 16, size: file.word_size() };
        let bucket = Table { at: bloom.end(words)?, size: 4 };
        let chain = Table { at: bucket.end(buckets)?, size: 4 };
        Some(Gnu { tag, start, buckets, first, words, shift, bloom, bucket, chain })
    }

    /// The number of symbols that it tells of; those that no chain leads to it does not count.
    pub fn symbols(&self, file: &File) -> Option<u64> {
        let mut last = 0;
        for bucket in 0..self.buckets {
            last = last.max(self.bucket.get(file, bucket)?);
        }
        let mut at = last.checked_sub(self.first)?;
        while last != 0 && self.chain.get(file, at)? & 1 == 0 {
            at += 1;
        }
        Some(self.first + at + u64::from(last != 0))
    }

    pub fn place(&self, symbols: u64) -> Option<Range<u64>> {
        let chains = symbols.saturating_sub(self.first);
        let times = if self.tag == DT_MIPS_XHASH { 2 } else { 1 };
        Some(self.start..self.chain.end(chains.checked_mul(times)?)?)
    }

    /// The symbol at a place in the chains.
    fn symbol(&self, view: &View, at: u64) -> Option<u64> {
        if self.tag == DT_GNU_HASH {
            return self.first.checked_add(at);
        }
        // The chains are followed by a table of symbols (ELF_MACHINE_XHASH_SETUP, sysdeps/mips/ldsodefs.h).
        self.chain.get(&view.file, at.checked_add(view.symbols.count.checked_sub(self.first)?)?)
    }

    fn blooms(&self, file: &File, hash: u64) -> bool {
        let bits = 8 * file.word_size();
        let index = (hash / bits).checked_rem(self.words);
        let word = index.and_then(|index| self.bloom.get(file, index));
        let second = hash.checked_shr(self.shift as u32).unwrap_or(0);
        word.is_some_and(|word| word >> (hash % bits) & word >> (second % bits) & 1 == 1)
    }

    /// As [`Sysv::walk`].
    fn walk(&self, view: &View, reached: &mut [bool]) -> Option<()> {
        let file = &view.file;
        let mut budget = view.symbols.count;
        for bucket in 0..self.buckets {
            let first = self.bucket.get(file, bucket)?;
            if first == 0 {
                continue;
            }
            for at in first.checked_sub(self.first)?.. {
                budget = budget.checked_sub(1)?;
                let value = self.chain.get(file, at)?;
                let symbol = self.symbol(view, at)?;
                let hash = gnu(view.name(symbol)?);
                if hash | 1 == value | 1 && hash % self.buckets == bucket && self.blooms(file, hash) {
                    *reached.get_mut(symbol as usize)? = true;
                }
                if value & 1 == 1 {
                    break;
                }
            }
        }
        Some(())
    }
}

/// That every defined symbol is found.
pub(super) fn check(view: &View, report: &mut Report) {
    let (file, dynamic) = (&view.file, &view.dynamic);
    let nothing = || vec![false; view.symbols.count as usize];
    let mut check = |table: &str, whole: Option<()>, reached: &[bool]| {
        report.check(whole.is_some(), rule::LOOKUP, table, "leads out of the file, or in circles");
        let missing = (0..).zip(reached).filter(|(_, reached)| !**reached).map(|(symbol, _)| symbol);
        for index in missing.filter(|index| view.symbol(*index).is_some_and(|symbol| symbol.is_definition()))
        {
            // What is lost already may get another name.
            let name = text(view.name(index).unwrap_or_default());
            let subject = format!("symbol {index} of {table}");
            report.add(rule::LOOKUP, subject, format!("is not found by its name, {name}"));
        }
    };
    if dynamic.get(DT_HASH).is_some() {
        let mut reached = nothing();
        let whole = Sysv::read(file, dynamic).and_then(|table| table.walk(view, &mut reached));
        check("DT_HASH", whole, &reached);
    }
    for (name, tag) in gnu_tags(file) {
        if dynamic.get(tag).is_some() {
            let mut reached = nothing();
            let whole = Gnu::read(file, dynamic, tag).and_then(|table| table.walk(view, &mut reached));
            check(name, whole, &reached);
        }
    }
}

/// The tags of tables in the GNU style that mean something on the file's machine.
pub(super) fn gnu_tags(file: &File) -> impl Iterator<Item = (&'static str, u64)> {
    let mips = file.header.machine() == EM_MIPS;
    [("DT_GNU_HASH", DT_GNU_HASH)].into_iter().chain(mips.then_some(("DT_MIPS_XHASH", DT_MIPS_XHASH)))
}

/// What the tables span of the file.
pub(super) fn places(view: &View) -> Vec<Range<u64>> {
    let (file, dynamic) = (&view.file, &view.dynamic);
    let sysv =
        Sysv::read(file, dynamic).map(|table| table.table.at..table.table.at.saturating_add(table.size()));
    let gnu = gnu_tags(file).filter_map(|(_, tag)| Gnu::read(file, dynamic, tag)?.place(view.symbols.count));
    gnu.chain(sysv).collect()
}

/// Whether two files' tables are the same to the byte.
pub(super) fn are_same(pair: &Pair) -> bool {
    let (old, new) = (places(pair.before), places(pair.after));
    old.len() == new.len() && old.iter().zip(&new).all(|(old, new)| pair.are_same(old, new))
}
