//! The dynamic symbols with their versions, and the libraries that the versions name: `objdump -T`, sorted.

use std::collections::HashMap;

use serde::Serialize;

use super::versions::compare;
use crate::elf::describe::{Binding, Symbol, SymbolKind, Versions, symbols};
use crate::elf::{Elf, Malformed};
use crate::path::printable;

/// Each list by library, then version, the highest last, then name.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Symbols {
    pub imported: Vec<VersionedSymbol>,
    pub exported: Vec<VersionedSymbol>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct VersionedSymbol {
    pub name: String,
    pub version: Option<String>,
    /// Whose the version is, if it is another's: who has an imported symbol, or a variable that a program has a copy of.
    pub library: Option<String>,
    pub binding: Binding,
    pub symbol_kind: SymbolKind,
    /// It is what is linked to by default (`@@`). No imported symbol is.
    pub default: bool,
}

/// What the index of a version stands for.
struct Label {
    version: String,
    library: Option<String>,
    /// Its place among all.
    rank: usize,
}

type Labels = HashMap<u16, Label>;

/// Versions are told with every symbol that has them. Where that comes to more than so many times the file, their names are
/// not meant to be read.
const MOST_TEXT: usize = 16;

impl Symbols {
    pub(super) fn read(elf: &Elf, bytes: &[u8]) -> Result<Self, Malformed> {
        let labels = labels(&Versions::of(elf, bytes)?);
        let label = |symbol: &Symbol| symbol.version.and_then(|index| labels.get(&index));
        let mut symbols = symbols(elf, bytes)?;
        let len = |label: &Label| label.version.len() + label.library.as_ref().map_or(0, String::len);
        let text: usize = symbols.iter().filter_map(label).map(len).fold(0, usize::saturating_add);
        if text > bytes.len().saturating_mul(MOST_TEXT) {
            return Err(Malformed("the names of its symbol versions are too long to be told".into()));
        }
        symbols.sort_by(|a, b| {
            let rank = |symbol| label(symbol).map(|label| label.rank);
            rank(a).cmp(&rank(b)).then_with(|| a.name.cmp(&b.name))
        });
        let (imported, exported): (Vec<_>, Vec<_>) = symbols.iter().partition(|symbol| symbol.is_imported);
        let told = |symbols: Vec<&Symbol>| symbols.iter().map(|symbol| told(symbol, label(symbol))).collect();
        Ok(Symbols { imported: told(imported), exported: told(exported) })
    }
}

fn labels(versions: &Versions) -> Labels {
    let defined = versions.defined.iter().map(|version| (version.index, printable(&version.name), None));
    let needed = versions
        .needed
        .iter()
        .map(|version| (version.index, printable(&version.name), Some(printable(&version.library))));
    let mut labels: Vec<_> = defined.chain(needed).collect();
    labels
        .sort_by(|(_, a, a_library), (_, b, b_library)| a_library.cmp(b_library).then_with(|| compare(a, b)));
    let ranked = labels.into_iter().enumerate();
    ranked.map(|(rank, (index, version, library))| (index, Label { version, library, rank })).collect()
}

fn told(symbol: &Symbol, label: Option<&Label>) -> VersionedSymbol {
    VersionedSymbol {
        name: printable(&symbol.name),
        version: label.map(|label| label.version.clone()),
        library: label.and_then(|label| label.library.clone()),
        binding: symbol.binding,
        symbol_kind: symbol.kind,
        default: label.is_some_and(|label| label.library.is_none()) && !symbol.is_hidden,
    }
}
