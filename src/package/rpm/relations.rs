//! What the package provides, requires and so on, the user's and rpm's own.

use super::super::relation::{Operator, Relation, no_choice};
use super::files::Files;
use super::header::{Header, Value};
use super::tag::{sense, tags};
use crate::config::{Compression, Format, Package, RelationKind};
use crate::error::Result;
use crate::plan::Architecture;

/// A name, rpmsenseFlags, a version. Sorted like this, as rpmbuild does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dependency {
    pub name: String,
    pub flags: u32,
    pub version: String,
}

impl Dependency {
    pub fn new(name: impl Into<String>, flags: u32, version: impl Into<String>) -> Self {
        Dependency { name: name.into(), flags, version: version.into() }
    }

    /// Something that the rpm which installs the package must be able to do.
    pub fn rpmlib(feature: &str, version: &str) -> Self {
        Self::new(format!("rpmlib({feature})"), sense::RPMLIB | sense::LESS | sense::EQUAL, version)
    }

    /// The interpreter of a scriptlet, or what else it needs when it runs.
    pub fn script(name: &str, when: u32) -> Self {
        Self::new(name, when, "")
    }

    /// From what the user wrote. `wide`: the tag may hold booleans.
    pub fn parse(field: &str, text: &str, when: u32, wide: bool) -> Result<Self> {
        // A boolean of rpm's own, `(foo if bar)`, goes through as it is (rpm's boolean_dependencies.md).
        let boolean = match text.trim() {
            own if own.starts_with('(') && own.ends_with(')') && !own.contains(char::is_control) => {
                own.to_owned()
            }
            _ => {
                let relation = Relation::parse(field, text)?;
                if let Some(single) = relation.single() {
                    let (flags, version) = match &single.bound {
                        Some((operator, version)) => (flags(*operator), version.as_str()),
                        None => (sense::ANY, ""),
                    };
                    return Ok(Self::new(single.rpm_name(), when | flags, version));
                }
                relation.rpm_boolean()
            }
        };
        if !wide {
            return Err(no_choice(field, text));
        }
        Ok(Self::new(boolean, when, ""))
    }
}

fn flags(operator: Operator) -> u32 {
    match operator {
        Operator::Less => sense::LESS,
        Operator::LessEqual => sense::LESS | sense::EQUAL,
        Operator::Equal => sense::EQUAL,
        Operator::GreaterEqual => sense::GREATER | sense::EQUAL,
        Operator::Greater => sense::GREATER,
    }
}

/// What the relations of the package are made of, besides its configuration.
pub struct Subject<'a> {
    pub package: &'a Package,
    /// As the .rpm has them.
    pub name: &'a str,
    /// `[epoch:]version-release`
    pub evr: &'a str,
    pub architecture: Architecture,
    pub compression: Compression,
    pub files: &'a Files<'a>,
    /// Interpreters of scriptlets.
    pub interpreters: Vec<Dependency>,
    /// Whether scriptlets set up units, accounts or temporary files.
    pub sets_up: bool,
}

/// What makes accounts and starts units, in Fedora and openSUSE: to be installed first, if it is installed with the package (a new
/// system in a folder), and not asked for. Their macros: %systemd_ordering, %sysusers_requires_compat.
const SETS_UP: [&str; 3] = ["shadow", "shadow-utils", "systemd"];

impl Subject<'_> {
    pub fn put(&self, header: &mut Header) -> Result<()> {
        let all = |kind: RelationKind, wide: bool| {
            let listed = self.package.relations_in(Format::Rpm, kind).into_iter();
            listed
                .map(|(key, text)| Dependency::parse(&key, text, sense::ANY, wide))
                .collect::<Result<Vec<_>>>()
        };
        let mut provides = all(RelationKind::Provides, false)?;
        provides.extend(self.own_provides());
        let mut requires = all(RelationKind::Depends, true)?;
        for text in &self.package.rpm.requires_post {
            requires.push(Dependency::parse("rpm.requires-post", text, sense::SCRIPT_POST, true)?);
        }
        let conflicts = all(RelationKind::Conflicts, true)?;
        let obsoletes = all(RelationKind::Replaces, false)?;
        let recommends = all(RelationKind::Recommends, true)?;
        let suggests = all(RelationKind::Suggests, true)?;

        let asked = [&requires, &conflicts, &recommends, &suggests];
        let mut features = self.features();
        if asked.iter().any(|list| list.iter().any(|one| one.name.starts_with('('))) {
            features.push(Dependency::rpmlib("RichDependencies", "4.12.0-1"));
        }
        features.extend(self.versions_features(asked.into_iter().chain([&provides, &obsoletes])));
        requires.extend(features);
        requires.extend(self.interpreters.iter().cloned());

        use tags::*;
        put(header, [PROVIDENAME, PROVIDEFLAGS, PROVIDEVERSION], provides);
        put(header, [REQUIRENAME, REQUIREFLAGS, REQUIREVERSION], requires);
        put(header, [CONFLICTNAME, CONFLICTFLAGS, CONFLICTVERSION], conflicts);
        put(header, [OBSOLETENAME, OBSOLETEFLAGS, OBSOLETEVERSION], obsoletes);
        put(header, [RECOMMENDNAME, RECOMMENDFLAGS, RECOMMENDVERSION], recommends);
        put(header, [SUGGESTNAME, SUGGESTFLAGS, SUGGESTVERSION], suggests);
        let first = SETS_UP.iter().filter(|_| self.sets_up);
        let first = first.map(|name| Dependency::new(*name, sense::ANY, "")).collect();
        put(header, [ORDERNAME, ORDERFLAGS, ORDERVERSION], first);
        Ok(())
    }

    /// The package itself, `jq = 1.7.1-1` and `jq(x86-64) = 1.7.1-1`, and its configuration.
    fn own_provides(&self) -> Vec<Dependency> {
        let mut provides = vec![Dependency::new(self.name, sense::EQUAL, self.evr)];
        if let Some(isa) = isa(self.architecture) {
            provides.push(Dependency::new(format!("{}({isa})", self.name), sense::EQUAL, self.evr));
        }
        provides.extend(self.config());
        provides
    }

    fn config(&self) -> Option<Dependency> {
        let named =
            || Dependency::new(format!("config({})", self.name), sense::CONFIG | sense::EQUAL, self.evr);
        self.files.has_config().then(named)
    }

    /// What the package asks of rpm, and of itself.
    fn features(&self) -> Vec<Dependency> {
        let mut features = vec![
            Dependency::rpmlib("CompressedFileNames", "3.0.4-1"),
            Dependency::rpmlib("FileDigests", "4.6.0-1"),
            Dependency::rpmlib("PayloadFilesHavePrefix", "4.0-1"),
        ];
        match self.compression {
            Compression::Zstd(_) => features.push(Dependency::rpmlib("PayloadIsZstd", "5.4.18-1")),
            Compression::Xz(_) => features.push(Dependency::rpmlib("PayloadIsXz", "5.2-1")),
            Compression::Gzip(_) | Compression::None => {}
        }
        if self.files.has_large() {
            features.push(Dependency::rpmlib("LargeFiles", "4.12.0-1"));
        }
        if self.files.has_caps() {
            features.push(Dependency::rpmlib("FileCaps", "4.6.1-1"));
        }
        features.extend(self.config());
        features
    }

    /// `~` and `^` in versions sort in ways that old rpms do not know.
    fn versions_features<'a>(&self, lists: impl Iterator<Item = &'a Vec<Dependency>>) -> Vec<Dependency> {
        let versions: Vec<&str> = lists.flatten().map(|one| one.version.as_str()).chain([self.evr]).collect();
        [('~', "TildeInVersions", "4.10.0-1"), ('^', "CaretInVersions", "4.15.0-1")]
            .into_iter()
            .filter(|(sign, ..)| versions.iter().any(|version| version.contains(*sign)))
            .map(|(_, feature, since)| Dependency::rpmlib(feature, since))
            .collect()
    }
}

fn put(header: &mut Header, [names, flags, versions]: [u32; 3], mut list: Vec<Dependency>) {
    if list.is_empty() {
        return;
    }
    list.sort();
    list.dedup();
    header.put(names, Value::texts(list.iter().map(|one| &one.name)));
    header.put(flags, Value::Int32(list.iter().map(|one| one.flags).collect()));
    header.put(versions, Value::texts(list.iter().map(|one| &one.version)));
}

/// rpm's `%_isa`: the instruction set and its word size.
fn isa(architecture: Architecture) -> Option<&'static str> {
    Some(match architecture {
        Architecture::X86_64 => "x86-64",
        Architecture::I386 => "x86-32",
        Architecture::Aarch64 => "aarch-64",
        Architecture::Arm => "armv7hl-32",
        Architecture::Riscv64 => "riscv-64",
        Architecture::Ppc64le => "ppc-64",
        Architecture::S390x => "s390-64",
        Architecture::Any => return None,
    })
}
