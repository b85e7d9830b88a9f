//! One file and all that ld.so sees of it.

use goblin::elf::dynamic::{DT_GNU_HASH, DT_SYMTAB};

use super::dynamic::{DT_MIPS_SYMTABNO, DT_MIPS_XHASH, Dynamic};
use super::hash::{Gnu, Sysv, gnu_tags};
use super::reader::{File, SHT_DYNSYM, Section};
use super::relocations;
use super::versions::{Version, Versions};

/// The dynamic symbol table's place in the file.
#[derive(Default)]
pub(super) struct Symbols {
    pub at: u64,
    pub count: u64,
}

/// An Elfxx_Sym.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Symbol {
    pub name: u64,
    pub info: u64,
    pub other: u64,
    pub section: u64,
    pub value: u64,
    pub size: u64,
}

impl Symbol {
    pub fn is_local(&self) -> bool {
        self.info >> 4 == 0
    }

    pub fn is_undefined(&self) -> bool {
        self.section == 0
    }

    /// Whether others may look it up.
    pub fn is_definition(&self) -> bool {
        !self.is_local() && !self.is_undefined()
    }
}

pub(super) struct View<'a> {
    pub file: File<'a>,
    pub dynamic: Dynamic<'a>,
    pub versions: Versions<'a>,
    pub symbols: Symbols,
}

impl<'a> View<'a> {
    pub fn new(file: File<'a>) -> Self {
        let dynamic = Dynamic::read(&file);
        let versions = Versions::read(&file, &dynamic);
        let symbols = Symbols::find(&file, &dynamic);
        View { file, dynamic, versions, symbols }
    }

    pub fn symbol(&self, index: u64) -> Option<Symbol> {
        if index >= self.symbols.count {
            return None;
        }
        let at = self.symbols.at + index * symbol_size(&self.file);
        Some(if self.file.wide {
            let [name, info, other, section, value, size] = self.file.fields(at, [4, 1, 1, 2, 8, 8])?;
            Symbol { name, info, other, section, value, size }
        } else {
            let [name, value, size, info, other, section] = self.file.fields(at, [4, 4, 4, 1, 1, 2])?;
            Symbol { name, info, other, section, value, size }
        })
    }

    pub fn name(&self, index: u64) -> Option<&'a [u8]> {
        self.dynamic.strings.get(self.symbol(index)?.name)
    }

    /// The section that describes the table of symbols.
    pub fn symbol_section(&self) -> Option<&Section> {
        let is_it = |section: &&Section| section.kind == SHT_DYNSYM && section.offset == self.symbols.at;
        self.file.sections.iter().find(is_it)
    }

    /// The raw table of symbols.
    pub fn symbol_table(&self) -> &'a [u8] {
        let size = self.symbols.count * symbol_size(&self.file);
        self.file.slice(self.symbols.at..self.symbols.at + size).unwrap_or_default()
    }

    /// The version of a symbol, and whether it is hidden from those that ask for none. To an undefined symbol 0 and 1 mean the same:
    /// ld.so's l_versions has nothing for either.
    pub fn version(&self, index: u64) -> (Version<'a>, bool) {
        let symbol = self.symbol(index).unwrap_or_default();
        if symbol.is_local() {
            // Nobody asks for it, whatever the table says, or whether there is one.
            return (Version::Local, false);
        }
        let (version, hidden) = self.versions.of(&self.file, index);
        let any = version == Version::Local && symbol.is_undefined();
        (if any { Version::Any } else { version }, hidden)
    }

    /// The raw versym table.
    pub fn version_table(&self) -> Option<&'a [u8]> {
        let at = self.versions.symbols?;
        self.file.slice(at..at.saturating_add(2 * self.symbols.count))
    }
}

pub(super) fn symbol_size(file: &File) -> u64 {
    if file.wide { 24 } else { 16 }
}

impl Symbols {
    /// Nothing tells the number but what uses the table; never more than its segment holds.
    fn find(file: &File, dynamic: &Dynamic) -> Self {
        let Some(address) = dynamic.get(DT_SYMTAB) else { return Symbols::default() };
        let Some(tail) = file.tail(address) else { return Symbols::default() };
        let most = (tail.end - tail.start) / symbol_size(file);
        let count = count(file, dynamic, address).unwrap_or(0);
        Symbols { at: tail.start, count: count.min(most) }
    }
}

fn count(file: &File, dynamic: &Dynamic, address: u64) -> Option<u64> {
    let mips = dynamic.get(DT_MIPS_SYMTABNO).filter(|_| gnu_tags(file).any(|(_, tag)| tag == DT_MIPS_XHASH));
    let told = mips.or_else(|| Sysv::read(file, dynamic).map(|table| table.symbols()));
    if told.is_some() {
        return told;
    }
    let is_table = |kind, addr| kind == SHT_DYNSYM && addr == address;
    let section = file.sections.iter().find(|section| is_table(section.kind, section.addr));
    let section = section.map(|section| section.size / symbol_size(file));
    let gnu = Gnu::read(file, dynamic, DT_GNU_HASH).and_then(|table| table.symbols(file));
    match (section, gnu) {
        // The table of a program that exports nothing tells nothing of what it imports.
        (None, gnu) => gnu.max(relocations::last_symbol(file, dynamic).map(|last| last + 1)),
        (section, gnu) => section.max(gnu),
    }
}
