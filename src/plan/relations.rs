//! What the target must have: relations to other packages, from the sonames and symbol versions that the bundle's files need and
//! leave to the target.

use std::cell::LazyCell;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::arch::Architecture;
use super::choose::globs;
use super::context::Context;
use super::draft::Draft;
use super::graph::Graph;
use super::{Entry, Finding, Kind, Source};
use crate::config::glibc_set::{is_glibc_set, version};
use crate::config::{Format, Glibc, RelationKind, SonameRelation};
use crate::elf::{Abi, Elf, ldso};
use crate::error::{Error, Result};
use crate::path::{InstallPath, printable};
use crate::payload;

/// The packages of the libraries that bundles often leave to the target.
const KNOWN: &str = include_str!("../../templates/relations.toml");

const ELF_MAGIC: &[u8] = b"\x7fELF";

/// A library, and the versions of symbols that it must have.
type Libraries = BTreeMap<(Abi, String), BTreeSet<String>>;

/// What is needed of the target.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    libraries: Libraries,
    /// Libraries that a file opens itself: the names of which any will do.
    opened: BTreeSet<(Abi, Vec<String>)>,
    /// Whether its loader must know DT_GNU_HASH.
    gnu_hash: bool,
}

impl Needs {
    pub fn of(graph: &Graph, glibc: Glibc) -> Self {
        let mut needs = Needs::default();
        for node in graph.nodes.values() {
            needs.gnu_hash |= glibc == Glibc::Host && node.elf.has_gnu_hash_alone();
            needs.add(&node.elf, node.baseline.iter());
        }
        needs
    }

    /// Of a file, and those of the libraries it needs that the target has.
    fn add<'n>(&mut self, elf: &Elf, of_target: impl Iterator<Item = &'n Vec<u8>>) {
        for name in of_target {
            let versions = elf.versions_needed.iter().filter(|need| need.file == *name);
            let versions = versions.flat_map(|need| &need.versions).map(|version| printable(version));
            self.libraries.entry((elf.abi, printable(name))).or_default().extend(versions);
        }
        let opened = elf.opens().map(|opens| (elf.abi, opens.names.into_iter().map(printable).collect()));
        self.opened.extend(opened);
    }

    /// With those of the user's own programs and libraries, which are shipped as they are. What the bundle has no file for is the
    /// target's; into its private library directory leads a run path alone.
    ///
    /// Errors: a file cannot be read.
    fn with_contents(&self, context: &Context, draft: &Draft, format: Format) -> Result<Self> {
        let mut needs = self.clone();
        let names = |wanted: &dyn Fn(&Entry) -> bool| -> BTreeSet<&[u8]> {
            draft.entries.iter().filter(|entry| wanted(entry)).map(|entry| entry.path.file_name()).collect()
        };
        let all = LazyCell::new(|| names(&|_| true));
        let beside = LazyCell::new(|| names(&|entry| !entry.path.starts_with(&context.lib_dir)));
        let is_users = |entry: &&Entry| matches!(entry.kind, Kind::File { source: Source::User(_), .. });
        for entry in draft.entries.iter().filter(is_users).filter(|entry| entry.is_in(format)) {
            let Some(elf) = elf(entry)? else { continue };
            let shipped = if leads_to(entry, &elf, &context.lib_dir) { &*all } else { &*beside };
            needs.gnu_hash |= elf.has_gnu_hash_alone() && !elf.needed.is_empty();
            needs.add(&elf, elf.needed.iter().filter(|name| !shipped.contains(name.as_slice())));
        }
        Ok(needs)
    }

    /// The libraries that files open themselves, if they are left to the target: what is named first, of those that will do.
    fn wanted(&self, is_baseline: impl Fn(&str) -> bool) -> Libraries {
        let first = |(abi, names): &(Abi, Vec<String>)| {
            let name = names.iter().find(|name| is_baseline(name))?;
            Some(((*abi, name.clone()), BTreeSet::new()))
        };
        let needed = |key: &(Abi, String)| self.libraries.contains_key(key);
        self.opened.iter().filter_map(first).filter(|(key, _)| !needed(key)).collect()
    }
}

/// Whether the run path of what is installed as `entry` has a folder below `place`.
fn leads_to(entry: &Entry, elf: &Elf, place: &InstallPath) -> bool {
    let origin = entry.path.parent().unwrap_or_else(InstallPath::root);
    let run_paths = elf.rpath.iter().chain(&elf.runpath);
    let mut folders = run_paths.flat_map(|path| ldso::folders(elf, path, origin.as_bytes()));
    folders.any(|folder| InstallPath::new(folder).is_some_and(|folder| folder.starts_with(place)))
}

/// `None`: it is no ELF file, or a malformed one.
fn elf(entry: &Entry) -> Result<Option<Elf>> {
    let Some(mut body) = payload::open(entry)? else { return Ok(None) };
    let Some(first) = body.next() else { return Ok(None) };
    if !first?.starts_with(ELF_MAGIC) {
        return Ok(None);
    }
    let whole = payload::whole(entry)?.unwrap_or_default();
    Ok(Elf::parse(&whole).ok().flatten())
}

/// Writes the relations into the package.
///
/// Errors: a file of the user's cannot be read.
pub fn settle(context: &Context, draft: &mut Draft, architecture: Architecture) -> Result<()> {
    let needs = std::mem::take(&mut draft.needs);
    let runtime = &context.config.runtime;
    let baseline = globs("runtime.baseline", &runtime.baseline)?;
    let is_baseline = |name: &str| {
        (runtime.glibc == Glibc::Host && is_glibc_set(name.as_bytes())) || baseline.is_match(name)
    };
    let own = &context.config.relations;
    let of_rpm = needs.with_contents(context, draft, Format::Rpm)?;
    let relations = &mut draft.package.rpm.relations;
    relations.depends.extend(rpm(&of_rpm.libraries, of_rpm.gnu_hash, own));
    relations.recommends.extend(rpm(&of_rpm.wanted(is_baseline), false, own));

    let table = Table::new(own, architecture)?;
    let of_deb = needs.with_contents(context, draft, Format::Deb)?;
    let (depends, unknown) = table.packages(&of_deb.libraries);
    draft.findings.extend(no_version(table.newer(&of_deb.libraries)));
    // A package that is not known of a library that is only wanted is no loss.
    let (recommends, _) = table.packages(&of_deb.wanted(is_baseline));
    let mut named = named(draft, &[RelationKind::Depends]);
    let depends = unnamed(depends, &mut named);
    named.extend(self::named(draft, &[RelationKind::Recommends]));
    let recommends = unnamed(recommends, &mut named);
    let relations = &mut draft.package.deb.relations;
    relations.depends.extend(depends);
    relations.recommends.extend(recommends);
    draft.findings.extend(no_package(unknown));
    Ok(())
}

/// The Debian packages that the user's own relations of these kinds name.
fn named(draft: &Draft, kinds: &[RelationKind]) -> BTreeSet<String> {
    let relations = kinds.iter().flat_map(|kind| draft.package.relations_in(Format::Deb, *kind));
    relations.flat_map(|(_, text)| names(text).map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Relations to those that are not named yet; they are then.
fn unnamed(packages: Packages, named: &mut BTreeSet<String>) -> Vec<String> {
    let is_new = |(package, _): &(String, Option<String>)| {
        !package.is_empty() && !names(package).any(|name| named.contains(name))
    };
    let new: Vec<_> = packages.into_iter().filter(is_new).collect();
    named.extend(new.iter().flat_map(|(package, _)| names(package)).map(str::to_owned));
    new.iter().map(|(package, bound)| relation(package, bound.as_deref())).collect()
}

fn no_package(unknown: Vec<String>) -> Option<Finding> {
    let message = "the target must have libraries for which no Debian package is known: the .deb does not depend on them";
    let example =
        format!("name it in bundle.toml: `[relations]`, `\"{}\" = {{ deb = \"...\" }}`", unknown.first()?);
    let mut finding = Finding::warning("unknown-package", message).remedy(example);
    finding.subjects = unknown;
    Some(finding)
}

fn no_version(newer: Vec<String>) -> Option<Finding> {
    let message = "libraries of the target must have symbol versions that are newer than all that explant knows of: the .deb \
                   asks for no version that has them";
    newer.first()?;
    let remedy = "name the package with its version in bundle.toml: `[relations]`, `\"libx.so.1\" = { deb = \"libx1 (>= 1.2)\" }`";
    let mut finding = Finding::warning("unknown-package-version", message).remedy(remedy);
    finding.subjects = newer;
    Some(finding)
}

/// A package, as alternatives, and the least version of it.
type Packages = BTreeMap<String, Option<String>>;

/// Which package has a library.
struct Table<'a> {
    /// The user's.
    own: &'a BTreeMap<String, SonameRelation>,
    known: BTreeMap<String, Known>,
    architecture: Architecture,
}

impl<'a> Table<'a> {
    fn new(own: &'a BTreeMap<String, SonameRelation>, architecture: Architecture) -> Result<Self> {
        let known = toml::from_str(KNOWN)
            .map_err(|error| Error::failure(format!("templates/relations.toml is broken: {error}")))?;
        Ok(Table { own, known, architecture })
    }

    /// The packages of the libraries; and those of which none is known.
    fn packages(&self, libraries: &Libraries) -> (Packages, Vec<String>) {
        let (mut packages, mut unknown) = (Packages::new(), Vec::new());
        for ((abi, soname), versions) in libraries {
            if Architecture::of(*abi) != Some(self.architecture) {
                continue;
            }
            let Some((package, since)) = self.package(soname, versions) else {
                unknown.push(soname.clone());
                continue;
            };
            let bound = packages.entry(package).or_default();
            *bound = bound.take().into_iter().chain(since).max_by(|a, b| compare(a, b));
        }
        (packages, unknown)
    }

    /// Symbol versions that came after all that are known of their libraries.
    fn newer(&self, libraries: &Libraries) -> Vec<String> {
        let of_target =
            libraries.iter().filter(|((abi, _), _)| Architecture::of(*abi) == Some(self.architecture));
        let unsaid = of_target.filter(|((_, soname), _)| !self.own.contains_key(soname));
        let newer = unsaid.flat_map(|((_, soname), versions)| {
            let newer = self.known.get(soname).and_then(|known| known.newest_of(versions));
            newer.map(|version| format!("{soname} ({version})"))
        });
        newer.collect()
    }

    fn package(&self, soname: &str, versions: &BTreeSet<String>) -> Option<(String, Option<String>)> {
        if let Some(package) = self.own.get(soname).and_then(|own| own.deb.clone()) {
            return Some((package, None));
        }
        if is_glibc_set(soname.as_bytes()) {
            return Some(("libc6".to_owned(), glibc(versions)));
        }
        self.known.get(soname).map(|known| (known.deb.clone(), known.since(versions)))
    }
}

/// What rpm's own elfdeps writes (rpm 4.18, tools/elfdeps.c): each soname, each version of its symbols, and for 64 bits a mark.
fn rpm(libraries: &Libraries, gnu_hash: bool, own: &BTreeMap<String, SonameRelation>) -> BTreeSet<String> {
    let mut requires = BTreeSet::new();
    for ((abi, soname), versions) in libraries {
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
    if gnu_hash {
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

    /// The highest of `versions` that is higher than all of its family that are known.
    fn newest_of<'v>(&self, versions: &'v BTreeSet<String>) -> Option<&'v String> {
        let is_newer = |version: &&String| {
            let (family, number) = family(version);
            let known = self.since.iter().filter_map(|line| Some(self::family(line.split_once(' ')?.0)));
            let of_family = known.filter(|(other, _)| *other == family).map(|(_, number)| number);
            of_family.max_by(|a, b| compare(a, b)).is_some_and(|highest| compare(number, highest).is_gt())
        };
        versions.iter().filter(is_newer).max_by(|a, b| compare(a, b))
    }
}

/// `GLIBCXX_3.4.30`: the name before the number, and the number.
fn family(version: &str) -> (&str, &str) {
    let start = version.rfind(|c: char| c.is_ascii_alphabetic()).map_or(0, |at| at + 1);
    version.split_at(start)
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
        let newer = versions(&["GLIBCXX_3.4.9", "GLIBCXX_3.4.99", "CXXABI_1.3.13", "OTHER_1"]);
        assert_eq!(stdcxx.newest_of(&newer).map(String::as_str), Some("GLIBCXX_3.4.99"));
        assert_eq!(stdcxx.newest_of(&versions(&["GLIBCXX_3.4.9", "CXXABI_FLOAT128"])), None);
        assert_eq!(glibc(&versions(&["GLIBC_2.2.5", "GLIBC_2.34", "GLIBC_2.4"])).as_deref(), Some("2.34"));
        assert_eq!(
            relation("libasound2t64 | libasound2", Some("1.2.6")),
            "libasound2t64 (>= 1.2.6) | libasound2 (>= 1.2.6)"
        );
    }
}
