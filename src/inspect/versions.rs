//! The names of symbol versions as families and numbers: of `GLIBC_2.2.5`, `GLIBC_2.34` and `GLIBC_PRIVATE` the second is the
//! highest of the family GLIBC, and the last is in none.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::config::glibc_set::{self, is_glibc_set};
use crate::elf::describe::NeededVersion;
use crate::path::printable;

/// A version's name, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Label<'a> {
    family: &'a str,
    number: &'a str,
}

/// Numbers stand at the end, with perhaps a letter or a word behind them, as in `1.1.1d` and `5.1.2alpha`. `None`: there are
/// none.
fn label(name: &str) -> Option<Label<'_>> {
    let bytes = name.trim_end_matches(|c: char| c.is_ascii_lowercase()).as_bytes();
    bytes.last().filter(|last| last.is_ascii_digit())?;
    let is_separator = |byte: &u8| matches!(byte, b'_' | b'.' | b'-');
    let is_of_number = |byte: &u8| byte.is_ascii_digit() || is_separator(byte);
    let start = bytes.iter().rposition(|byte| !is_of_number(byte)).map_or(1, |last| last + 1);
    let is_start =
        |at: &usize| is_separator(&bytes[*at]) && bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
    let at = (start..bytes.len()).find(is_start)?;
    Some(Label { family: &name[..at], number: &name[at + 1..] })
}

/// Orders the numbers of versions: part by part, as numbers where they are.
fn compare_numbers(a: &str, b: &str) -> Ordering {
    let parts = |text: &str| -> Vec<(u64, String)> {
        text.split(['.', '_', '-'])
            .map(|part| {
                let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
                (part[..digits].parse().unwrap_or(u64::MAX), part[digits..].to_owned())
            })
            .collect()
    };
    parts(a).cmp(&parts(b))
}

/// Orders versions: by family, then by number.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    match (label(a), label(b)) {
        (Some(x), Some(y)) => x.family.cmp(y.family).then_with(|| compare_numbers(x.number, y.number)),
        // What has no number comes after what has.
        (x, y) => x.is_none().cmp(&y.is_none()).then_with(|| a.cmp(b)),
    }
}

/// The versions of one library, or of many.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct VersionSet {
    /// In order: by family, then by number, and what has no number at the end.
    pub names: Vec<String>,
    /// The highest of each family, by the family.
    pub highest: BTreeMap<String, String>,
}

impl VersionSet {
    pub(super) fn new(names: impl Iterator<Item = String>) -> Self {
        let mut names: Vec<String> = names.collect();
        names.sort_by(|a, b| compare(a, b));
        names.dedup();
        let numbered = names.iter().filter_map(|name| Some((label(name)?.family.to_owned(), name.clone())));
        // In a family the last is the highest, and takes the place of those before it.
        let highest = numbered.collect();
        VersionSet { names, highest }
    }

    /// The names that are in no family.
    pub(super) fn others(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str).filter(|name| label(name).is_none())
    }

    /// How many there are of each family.
    pub(super) fn counts(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for label in self.names.iter().filter_map(|name| label(name)) {
            *counts.entry(label.family).or_default() += 1;
        }
        counts
    }
}

/// What is needed of one library.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LibraryVersions {
    pub library: String,
    #[serde(flatten)]
    pub versions: VersionSet,
}

/// All that is needed of other libraries.
#[derive(Clone, Debug, Default, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Needs {
    /// In the order of the table.
    pub libraries: Vec<LibraryVersions>,
    /// Of all libraries together, the highest of each family.
    pub highest: BTreeMap<String, String>,
    /// The oldest glibc that has all that is needed of it, as `2.34`.
    pub glibc: Option<String>,
    /// It needs what is promised to glibc's own libraries alone, and so the glibc that it was built with.
    pub glibc_private: bool,
}

impl Needs {
    pub(super) fn new(needed: &[NeededVersion]) -> Self {
        let mut names: Vec<(&[u8], Vec<String>)> = Vec::new();
        for need in needed {
            match names.last_mut() {
                Some((library, names)) if *library == need.library => names.push(printable(&need.name)),
                _ => names.push((&need.library, vec![printable(&need.name)])),
            }
        }
        let of_glibc = || needed.iter().filter(|need| is_glibc_set(&need.library));
        let glibc = of_glibc().filter_map(|need| glibc_set::version(&printable(&need.name))).max();
        Needs {
            libraries: names
                .into_iter()
                .map(|(library, names)| LibraryVersions {
                    library: printable(library),
                    versions: VersionSet::new(names.into_iter()),
                })
                .collect(),
            highest: VersionSet::new(needed.iter().map(|need| printable(&need.name))).highest,
            glibc: glibc.map(|(major, minor)| format!("{major}.{minor}")),
            glibc_private: of_glibc().any(|need| need.name == b"GLIBC_PRIVATE"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_is_the_highest_number() {
        let names =
            ["GLIBC_2.4", "GLIBC_2.34", "GLIBC_2.2.5", "GLIBC_PRIVATE", "GLIBC_ABI_DT_RELR", "OPENSSL_1_1_0"];
        let set = VersionSet::new(names.into_iter().map(String::from));
        assert_eq!(set.highest["GLIBC"], "GLIBC_2.34");
        assert_eq!(set.highest["OPENSSL"], "OPENSSL_1_1_0");
        assert_eq!(set.others().collect::<Vec<_>>(), ["GLIBC_ABI_DT_RELR", "GLIBC_PRIVATE"]);
        assert_eq!(set.counts(), BTreeMap::from([("GLIBC", 3), ("OPENSSL", 1)]));
    }

    #[test]
    fn families_end_where_the_number_begins() {
        for (name, family) in [
            ("GLIBCXX_3.4.30", Some("GLIBCXX")),
            ("CXXABI_TM_1", Some("CXXABI_TM")),
            ("OPENSSL_1_1_1d", Some("OPENSSL")),
            ("XZ_5.1.2alpha", Some("XZ")),
            ("LIBJPEG_6.2", Some("LIBJPEG")),
            ("libzstd.so.1", Some("libzstd.so")),
            ("Qt_5_PRIVATE_API", None),
            ("krb5_3_MIT", None),
            ("GLIBC_PRIVATE", None),
            ("_1", None),
            ("1_1", Some("1")),
            ("A_b", None),
            ("A__1", Some("A_")),
            ("", None),
            ("é_2", Some("é")),
        ] {
            assert_eq!(label(name).map(|label| label.family), family, "{name}");
        }
        // In no more time than its length takes.
        let long = "_1".repeat(1 << 20) + "X_1";
        assert_eq!(label(&long).map(|label| label.number), Some("1"));
        let ordered = ["A_1.2", "A_1.10", "A_1.10a", "A_99999999999999999999", "B_0.1", "PLAIN"];
        let mut names = ordered;
        names.reverse();
        names.sort_by(|a, b| compare(a, b));
        assert_eq!(names, ordered);
    }
}
