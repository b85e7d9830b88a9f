//! The dynamic symbols: what a file takes from others and gives to them.

use goblin::elf::dynamic::DT_VERSYM;
use goblin::elf::section_header::SHN_UNDEF;
use goblin::elf::sym::{self, Sym};
use goblin::elf::symver::{VERSYM_HIDDEN, VERSYM_VERSION};

use crate::elf::Elf;
use crate::elf::image::Image;
use crate::elf::read::{Malformed, Strings};
use crate::elf::symbols::Symbols;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Binding {
    Global,
    Weak,
    /// One for the whole process, however often it is loaded.
    Unique,
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SymbolKind {
    Function,
    Object,
    ThreadLocal,
    /// A function that picks the one to call.
    Indirect,
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    pub name: Vec<u8>,
    pub binding: Binding,
    pub kind: SymbolKind,
    /// It is another file's.
    pub is_imported: bool,
    /// The index of its version, if it has one.
    pub version: Option<u16>,
    /// Found by those alone who ask for its very version (`name@VERSION`, where others have `name@@VERSION`).
    pub is_hidden: bool,
}

/// The symbols that are not local, in the table's order.
///
/// Errors: a name lies outside of the string table.
pub fn symbols(elf: &Elf, bytes: &[u8]) -> Result<Vec<Symbol>, Malformed> {
    let image = Image::new(bytes, elf.abi);
    let Some(table) = Symbols::find(&image, &elf.layout, elf.abi) else { return Ok(Vec::new()) };
    let strings = Strings::new(&image, &elf.layout.strings);
    let version_table = elf.layout.place(DT_VERSYM);
    let mut symbols = Vec::new();
    for index in 0..table.count {
        let Some(symbol) = image.read::<Sym>(table.at + index * table.size) else { break };
        if symbol.st_name == 0 || symbol.st_bind() == sym::STB_LOCAL {
            continue;
        }
        let version = version_table.and_then(|at| image.u16(at.checked_add(2 * index)?)).unwrap_or(0);
        symbols.push(Symbol {
            name: strings.get(symbol.st_name as u64, "symbol table")?,
            binding: binding(symbol.st_bind()),
            kind: kind(symbol.st_type()),
            is_imported: symbol.st_shndx == SHN_UNDEF as usize,
            // 0 and 1 are for symbols without a version.
            version: Some(version & VERSYM_VERSION).filter(|version| *version > 1),
            is_hidden: version & VERSYM_HIDDEN != 0,
        });
    }
    Ok(symbols)
}

fn binding(bind: u8) -> Binding {
    match bind {
        sym::STB_GLOBAL => Binding::Global,
        sym::STB_WEAK => Binding::Weak,
        sym::STB_GNU_UNIQUE => Binding::Unique,
        _ => Binding::Other,
    }
}

fn kind(kind: u8) -> SymbolKind {
    match kind {
        sym::STT_FUNC => SymbolKind::Function,
        sym::STT_OBJECT | sym::STT_COMMON => SymbolKind::Object,
        sym::STT_TLS => SymbolKind::ThreadLocal,
        sym::STT_GNU_IFUNC => SymbolKind::Indirect,
        _ => SymbolKind::Other,
    }
}
