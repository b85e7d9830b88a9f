//! What the target must have: relations to other packages, from the sonames and symbol versions that the bundle's files need and
//! leave to the target.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::Finding;
use super::arch::Architecture;
use super::context::Context;
use super::draft::Draft;
use super::graph::Graph;
use crate::config::glibc_set::{is_glibc_set, version};
use crate::config::{Format, Glibc, RelationKind, SonameRelation};
use crate::elf::Abi;
use crate::error::{Error, Result};
use crate::path::printable;

/// The packages of the libraries that bundles often leave to the target.
const KNOWN: &str = include_str!("../../templates/relations.toml");

/// What is needed of the target.
#[derive(Debug, Default)]
pub struct Needs {
    /// Each library, and the versions of symbols that it must have.
    libraries: BTreeMap<(Abi, String), BTreeSet<String>>,
    /// Whether its loader must know DT_GNU_HASH.
    gnu_hash: bool,
}

impl Needs {
    pub fn of(graph: &Graph, glibc: Glibc) -> Self {
        let mut needs = Needs::default();
        for node in graph.nodes.values() {
            needs.gnu_hash |= glibc == Glibc::Host && node.elf.has_gnu_hash_alone();
            for name in &node.baseline {
                let versions = node.elf.versions_needed.iter().filter(|need| need.file == *name);
                let versions = versions.flat_map(|need| &need.versions).map(|version| printable(version));
                needs.libraries.entry((node.elf.abi, printable(name))).or_default().extend(versions);
            }
        }
        needs
    }
}

/// Writes the relations into the package.
pub fn settle(context: &Context, draft: &mut Draft, architecture: Architecture) -> Result<()> {
    let needs = std::mem::take(&mut draft.needs);
    let own = &context.config.relations;
    draft.package.rpm.relations.depends.extend(rpm(&needs, own));
    let known: BTreeMap<String, Known> = toml::from_str(KNOWN)
        .map_err(|error| Error::failure(format!("templates/relations.toml is broken: {error}")))?;
    let mut packages: BTreeMap<String, Option<String>> = BTreeMap::new();
    let mut unknown = Vec::new();
    for ((abi, soname), versions) in &needs.libraries {
        if Architecture::of(*abi) != Some(architecture) {
            continue;
        }
        let (package, since) = match own.get(soname).and_then(|own| own.deb.clone()) {
            Some(package) => (package, None),
            None if is_glibc_set(soname.as_bytes()) => ("libc6".to_owned(), glibc(versions)),
            None => match known.get(soname) {
                Some(known) => (known.deb.clone(), known.since(versions)),
                None => {
                    unknown.push(soname.clone());
                    continue;
                }
            },
        };
        let bound = packages.entry(package).or_default();
        *bound = bound.take().into_iter().chain(since).max_by(|a, b| compare(a, b));
    }
    let depends = draft.package.relations_in(Format::Deb, RelationKind::Depends);
    let named: BTreeSet<&str> = depends.iter().flat_map(|(_, text)| names(text)).collect();
    let derived: Vec<String> = packages
        .iter()
        .filter(|(package, _)| !package.is_empty() && !names(package).any(|name| named.contains(name)))
        .map(|(package, bound)| relation(package, bound.as_deref()))
        .collect();
    draft.package.deb.relations.depends.extend(derived);
    if !unknown.is_empty() {
        let message = "the target must have libraries for which no Debian package is known: the .deb does not depend on them";
        let mut finding = Finding::warning("unknown-package", message);
        let example =
            format!("name it in bundle.toml: `[relations]`, `\"{}\" = {{ deb = \"...\" }}`", unknown[0]);
        finding.subjects = unknown;
        draft.findings.push(finding.remedy(example));
    }
    Ok(())
}

/// What rpm's own elfdeps writes (rpm 4.18, tools/elfdeps.c): each soname, each version of its symbols, and for 64 bits a mark.
fn rpm(needs: &Needs, own: &BTreeMap<String, SonameRelation>) -> BTreeSet<String> {
    let mut requires = BTreeSet::new();
    for ((abi, soname), versions) in &needs.libraries {
        match own.get(soname).and_then(|own| own.rpm.as_deref()) {
            Some("") => {}
            Some(package) => {
                requires.insert(package.to_owned());
            }
            None if abi.is_64 => {
                requires.insert(format!("{soname}()(64bit)"));
                requires.extend(versions.iter().map(|version| format!("{soname}({version})(64bit)")));
            }
            None => {
                requires.insert(soname.clone());
                requires.extend(versions.iter().map(|version| format!("{soname}({version})")));
            }
        }
    }
    if needs.gnu_hash {
        requires.insert("rtld(GNU_HASH)".to_owned());
    }
    requires
}

/// The libc6 that has them: Debian's has the version of its symbols.
fn glibc(versions: &BTreeSet<String>) -> Option<String> {
    let (major, minor) = versions.iter().filter_map(|name| version(name)).max()?;
    Some(format!("{major}.{minor}"))
}

/// One library of templates/relations.toml.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    /// Alternatives.
    deb: String,
    /// A symbol version, and the package's version that brought it.
    #[serde(default)]
    since: Vec<String>,
}

impl Known {
    /// The package's version that has all of `versions`.
    fn since(&self, versions: &BTreeSet<String>) -> Option<String> {
        let since = self.since.iter().filter_map(|line| line.split_once(' '));
        let needed = since.filter(|(node, _)| versions.contains(*node)).map(|(_, since)| since.to_owned());
        needed.max_by(|a, b| compare(a, b))
    }
}

/// `libasound2t64 (>= 1.2.6) | libasound2 (>= 1.2.6)`
fn relation(package: &str, bound: Option<&str>) -> String {
    let Some(bound) = bound else { return package.to_owned() };
    let alternatives: Vec<String> =
        package.split('|').map(|name| format!("{} (>= {bound})", name.trim())).collect();
    alternatives.join(" | ")
}

/// The packages that a relation names.
fn names(relation: &str) -> impl Iterator<Item = &str> {
    relation.split('|').map(|one| one.trim().split([' ', '(', '<', '>', '=', ':']).next().unwrap_or_default())
}

/// Orders versions of Debian packages, as far as those of symbol versions go: the epoch, then numbers and what is between them
/// (deb-version(7); a `~` is before the end).
fn compare(a: &str, b: &str) -> Ordering {
    let split = |text: &str| match text.split_once(':') {
        Some((epoch, rest)) => (epoch.parse::<u64>().unwrap_or(0), rest.to_owned()),
        None => (0, text.to_owned()),
    };
    let ((epoch_a, a), (epoch_b, b)) = (split(a), split(b));
    epoch_a.cmp(&epoch_b).then_with(|| parts(&a).cmp(&parts(&b)))
}

/// A version as dpkg compares it: text and number by turns; in text a letter is before other signs, and `~` before all, the end
/// too.
fn parts(version: &str) -> Vec<(Vec<u16>, u64)> {
    let weight = |c: u8| match c {
        b'~' => 0,
        c if c.is_ascii_alphabetic() => 2 + u16::from(c),
        c => 2 + 256 + u16::from(c),
    };
    let mut parts = Vec::new();
    let mut rest = version.as_bytes();
    while !rest.is_empty() {
        let text = rest.iter().position(u8::is_ascii_digit).unwrap_or(rest.len());
        let number =
            rest[text..].iter().position(|c| !c.is_ascii_digit()).map_or(rest.len(), |end| text + end);
        let digits = std::str::from_utf8(&rest[text..number]).unwrap_or_default();
        let mut order: Vec<u16> = rest[..text].iter().map(|c| weight(*c)).collect();
        // Its end.
        order.push(1);
        parts.push((order, digits.parse().unwrap_or(0)));
        rest = &rest[number..];
    }
    parts.push((vec![1], 0));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_dpkg_orders_them() {
        let sorted =
            ["1.2~rc1", "1.2", "1.2.3", "1.2.10", "1.2.10+b", "2.34", "10", "1:0.9~alpha", "1:0.9", "1:0.9a"];
        for pair in sorted.windows(2) {
            let dpkg = std::process::Command::new("dpkg")
                .args(["--compare-versions", pair[0], "lt", pair[1]])
                .status()
                .unwrap();
            assert!(dpkg.success(), "{pair:?}");
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
            assert_eq!(compare(pair[1], pair[0]), Ordering::Greater, "{pair:?}");
            assert_eq!(compare(pair[0], pair[0]), Ordering::Equal);
        }
    }

    #[test]
    fn the_table_is_well_formed() {
        let known: BTreeMap<String, Known> = toml::from_str(KNOWN).unwrap();
        assert!(known.len() > 200);
        let is_name = |name: &str| {
            name.len() > 1
                && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c))
        };
        for (soname, known) in &known {
            assert!(known.deb.split(" | ").all(is_name), "{soname}: {}", known.deb);
            assert!(!is_glibc_set(soname.as_bytes()), "{soname}");
            for line in &known.since {
                let (_, since) = line.split_once(' ').unwrap();
                assert!(since.starts_with(|c: char| c.is_ascii_digit()), "{soname}: {line}");
            }
        }
    }

    #[test]
    fn the_newest_needed_symbol_decides() {
        let known: BTreeMap<String, Known> = toml::from_str(KNOWN).unwrap();
        let versions = |all: &[&str]| all.iter().map(|name| name.to_string()).collect::<BTreeSet<_>>();
        let stdcxx = &known["libstdc++.so.6"];
        assert_eq!(
            stdcxx.since(&versions(&["GLIBCXX_3.4", "GLIBCXX_3.4.30", "CXXABI_1.3.13"])).as_deref(),
            Some("12")
        );
        assert_eq!(stdcxx.since(&versions(&["GLIBCXX_3.4"])), None);
        assert_eq!(glibc(&versions(&["GLIBC_2.2.5", "GLIBC_2.34", "GLIBC_2.4"])).as_deref(), Some("2.34"));
        assert_eq!(
            relation("libasound2t64 | libasound2", Some("1.2.6")),
            "libasound2t64 (>= 1.2.6) | libasound2 (>= 1.2.6)"
        );
    }
}
