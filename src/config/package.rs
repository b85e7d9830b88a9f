//! `[package]`, and what `[scripts]`, `[deb]` and `[rpm]` add to it.

use toml::Spanned;

use super::changelog::{self, Changelog, Release};
use super::deb::Deb;
use super::document::{Document, suggest};
use super::relations::{RelationKind, Relations};
use super::rpm::Rpm;
use super::schema::{Schema, Value, VersionSchema};
use super::scripts::Scripts;
use super::text;
use super::version::Version;
use super::{Format, environment, maintainer, names};
use crate::error::Result;
use crate::path::printable;

/// `[package]`, `[scripts]` and what `[deb]` and `[rpm]` add, before name and version are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackageConfig {
    pub name: Option<String>,
    pub version: Option<String>,
    pub prerelease: Option<String>,
    pub version_metadata: Option<String>,
    /// Whether the version is taken apart as a semantic one.
    pub semver: bool,
    pub release: Option<String>,
    pub epoch: u32,
    pub arch: Option<AskedArch>,
    pub summary: Option<String>,
    pub description: Option<String>,
    pub license: Option<String>,
    pub homepage: Option<String>,
    pub maintainer: Option<String>,
    pub vendor: Option<String>,
    pub section: Option<String>,
    pub priority: Option<String>,
    pub changelog: Option<Changelog>,
    /// The time of everything in the artifacts, in seconds since 1970.
    pub mtime: Option<u32>,
    pub relations: Relations,
    pub scripts: Scripts,
    pub deb: Deb,
    pub rpm: Rpm,
}

/// What the bundle is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedArch {
    /// As the user has it.
    pub written: String,
    /// Nix's name, or `any`.
    pub nix: &'static str,
}

/// What is known of a package once its result is: every default filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Package {
    /// As the user or the store path has it; the formats map what they forbid ([`crate::config::names`]).
    pub name: String,
    pub version: String,
    /// Unset: not part of the .deb's version, 1 in the .rpm's.
    pub release: Option<String>,
    pub epoch: u32,
    pub summary: String,
    /// May be empty; may have several lines.
    pub description: String,
    pub license: String,
    pub homepage: String,
    /// `Name <mail>`, or a name without a mail address.
    pub maintainer: String,
    pub vendor: String,
    pub section: String,
    pub priority: String,
    /// Newest first. What the .rpm says; the .deb has a file of it.
    pub changelog: Vec<Release>,
    pub relations: Relations,
    pub scripts: Scripts,
    pub deb: Deb,
    pub rpm: Rpm,
}

/// rpm refuses a package without a License tag; a store path does not say.
const DEFAULT_LICENSE: &str = "unknown";
/// Debian's section for what fits no other.
const DEFAULT_SECTION: &str = "utils";
/// What nearly every package of Debian has (Debian Policy 2.5).
const DEFAULT_PRIORITY: &str = "optional";
/// What a program is among rpm's groups; rpmlint takes rpm's own "Unspecified" for none.
pub const DEFAULT_GROUP: &str = "Applications/System";
/// The version of a store path that has none.
const DEFAULT_VERSION: &str = "0";

impl Package {
    /// Fills in the defaults; `store_name` is a store path's name without hash (`jq-1.7.1-bin`).
    pub fn resolve(config: &PackageConfig, store_name: &str) -> Package {
        let (name, version) = names::parse_store_name(store_name);
        let name = config.name.clone().unwrap_or(name);
        let or = |value: &Option<String>, default: &str| value.clone().unwrap_or_else(|| default.to_owned());
        Package {
            version: config.whole_version(version.as_deref().unwrap_or(DEFAULT_VERSION)),
            release: config.release.clone(),
            epoch: config.epoch,
            summary: or(&config.summary, &Package::default_summary(&name)),
            description: or(&config.description, ""),
            license: or(&config.license, DEFAULT_LICENSE),
            homepage: or(&config.homepage, ""),
            maintainer: or(&config.maintainer, &maintainer::for_deb("")),
            vendor: or(&config.vendor, ""),
            section: or(&config.section, DEFAULT_SECTION),
            priority: or(&config.priority, DEFAULT_PRIORITY),
            changelog: config.changelog.as_ref().map(|log| log.releases.clone()).unwrap_or_default(),
            relations: config.relations.clone(),
            scripts: config.scripts.clone(),
            deb: config.deb.clone(),
            rpm: config.rpm.clone(),
            name,
        }
    }

    /// What stands for a summary that nobody gives.
    pub fn default_summary(name: &str) -> String {
        format!("{name}, built with Nix")
    }

    /// The relations of one kind in a .deb or an .rpm, each with the key that it stands under in bundle.toml. A tarball has
    /// none.
    pub fn relations_in(&self, format: Format, kind: RelationKind) -> Vec<(String, &str)> {
        let (name, overrides, own) = match format {
            Format::Deb => ("deb", &self.deb.overrides, &self.deb.relations),
            Format::Rpm => ("rpm", &self.rpm.overrides, &self.rpm.relations),
            Format::Tar | Format::Run => return Vec::new(),
        };
        let key = kind.key();
        let (table, general) = match overrides.get(&kind) {
            Some(instead) => (format!("overrides.{name}.{key}"), &instead[..]),
            None => (format!("package.{key}"), self.relations.of(kind)),
        };
        let general = general.iter().map(|text| (table.clone(), text.as_str()));
        general.chain(own.of(kind).iter().map(|text| (format!("{name}.{key}"), text.as_str()))).collect()
    }
}

/// dpkg's epoch is an `int` (deb-version(7), lib/dpkg/parsehelp.c).
const MAX_EPOCH: u32 = i32::MAX as u32;
/// Name, version, release and architecture make the artifact's file name, which Linux ends at 255 bytes.
const MAX_NAME: usize = 100;
/// Debian Policy 2.5; `extra` is its old name for optional.
const PRIORITIES: &[&str] = &["required", "important", "standard", "optional", "extra"];

impl PackageConfig {
    pub(super) fn from_schema(document: &Document, schema: &Schema) -> Result<Self> {
        let package = &schema.package;
        let each = |value, check: Check| optional(document, value, check);
        linux_only(document, &package.platform)?;
        Ok(PackageConfig {
            name: each(&package.name, name)?,
            version: each(&package.version, version)?,
            prerelease: each(&package.prerelease, version)?,
            version_metadata: each(&package.version_metadata, version)?,
            semver: package.version_schema.as_ref().is_some_and(|s| *s.get_ref() == VersionSchema::Semver),
            release: each(&package.release, release)?,
            epoch: epoch(document, &package.epoch)?,
            arch: package.arch.as_ref().map(|value| arch(document, value)).transpose()?,
            summary: each(&package.summary, text::line)?,
            description: each(&package.description, text::paragraphs)?,
            license: each(&package.license, text::line)?,
            homepage: each(&package.homepage, homepage)?,
            maintainer: each(&package.maintainer, maintainer::check)?,
            vendor: vendor(document, &package.vendor)?,
            section: each(&package.section, section)?,
            priority: each(&package.priority, priority)?,
            changelog: package
                .changelog
                .as_ref()
                .map(|value| changelog::read(document, value))
                .transpose()?,
            mtime: package.mtime.as_ref().map(|value| text::moment(document, value)).transpose()?,
            relations: Relations::from_schema(document, &**package)?,
            scripts: Scripts::from_schema(document, schema)?,
            deb: Deb::from_schema(document, schema)?,
            rpm: Rpm::from_schema(document, schema)?,
        })
    }

    /// The version with what `prerelease` and `version_metadata` add; `default` is the store path's.
    fn whole_version(&self, default: &str) -> String {
        let text = self.version.as_deref().unwrap_or(default);
        let version = Some(text).filter(|_| self.semver).and_then(Version::semantic);
        let mut version = version.unwrap_or_else(|| Version { base: text.to_owned(), ..Version::default() });
        version.prerelease = self.prerelease.clone().or(version.prerelease);
        version.metadata = self.version_metadata.clone().or(version.metadata);
        version.joined()
    }
}

/// Checks one value that is there.
type Check = fn(&Document, &Spanned<String>) -> Result<String>;

/// With its variables replaced; what they leave empty is not there.
fn optional(document: &Document, value: &Value<String>, check: Check) -> Result<Option<String>> {
    let Some(value) = value else { return Ok(None) };
    let expanded = environment::expand(document, value)?;
    if expanded.get_ref() != value.get_ref() && expanded.get_ref().trim().is_empty() {
        return Ok(None);
    }
    check(document, &expanded).map(Some)
}

fn linux_only(document: &Document, platform: &Value<String>) -> Result<()> {
    match platform {
        Some(platform) if platform.get_ref() != "linux" => Err(document
            .wrong(
                platform.span(),
                format!("is `{}`, and explant bundles for Linux", printable(platform.get_ref().as_bytes())),
            )
            .remedy("leave it out")),
        _ => Ok(()),
    }
}

/// What a machine is called by Go, dpkg, rpm and the kernel, and by Nix.
const ARCHITECTURES: &[(&[&str], &str)] = &[
    (&["amd64", "x86_64"], "x86_64"),
    (&["386", "i386", "i686"], "i686"),
    (&["arm64", "aarch64"], "aarch64"),
    (&["arm7", "armhf", "armv7hl", "armv7l"], "armv7l"),
    (&["riscv64"], "riscv64"),
    (&["ppc64le", "ppc64el", "powerpc64le"], "powerpc64le"),
    (&["s390x"], "s390x"),
    (&["all", "any", "noarch"], "any"),
];

fn arch(document: &Document, value: &Spanned<String>) -> Result<AskedArch> {
    let value = environment::expand(document, value)?;
    let name = value.get_ref().trim();
    let known: Vec<&str> = ARCHITECTURES.iter().map(|(names, _)| names[0]).collect();
    let found = ARCHITECTURES.iter().find(|(names, _)| names.contains(&name));
    found.map(|(_, nix)| AskedArch { written: name.to_owned(), nix }).ok_or_else(|| {
        document
            .wrong(
                value.span(),
                format!("is no machine that explant bundles for: `{}`", printable(name.as_bytes())),
            )
            .remedy(suggest(name, &known, "it follows from the programs; an architecture"))
    })
}

fn name(document: &Document, value: &Spanned<String>) -> Result<String> {
    let name = short_line(document, value)?;
    if !name.chars().any(|c| c.is_ascii_alphanumeric()) || name.contains('/') {
        return Err(document
            .wrong(value.span(), format!("is no name of a package: `{}`", printable(name.as_bytes())))
            .remedy("letters, digits and `+.-` make one"));
    }
    Ok(name)
}

fn version(document: &Document, value: &Spanned<String>) -> Result<String> {
    let version = short_line(document, value)?;
    if version.contains(char::is_whitespace) || version.contains(['/', ':']) {
        return Err(document
            .wrong(value.span(), format!("is no version: `{}`", printable(version.as_bytes())))
            .remedy("letters, digits and `.+~-_` make one; an epoch has a key of its own, `epoch`"));
    }
    Ok(version)
}

fn short_line(document: &Document, value: &Spanned<String>) -> Result<String> {
    let text = text::line(document, value)?;
    if text.len() > MAX_NAME {
        return Err(document
            .wrong(value.span(), format!("has {} bytes", text.len()))
            .remedy(format!("{MAX_NAME} at most: it becomes part of the names of files")));
    }
    Ok(text)
}

/// What both a Debian revision and an rpm release may hold: neither is split further.
fn release(document: &Document, value: &Spanned<String>) -> Result<String> {
    let release = short_line(document, value)?;
    if !release.chars().all(|c| c.is_ascii_alphanumeric() || ".+~".contains(c)) {
        return Err(document
            .wrong(value.span(), format!("is no release: `{}`", printable(release.as_bytes())))
            .remedy("letters, digits and `.+~` may be in it"));
    }
    Ok(release)
}

fn epoch(document: &Document, value: &Value<i64>) -> Result<u32> {
    let Some(value) = value else { return Ok(0) };
    match u32::try_from(*value.get_ref()) {
        Ok(epoch) if epoch <= MAX_EPOCH => Ok(epoch),
        _ => Err(document
            .wrong(value.span(), "is no epoch")
            .remedy(format!("a whole number from 0 to {MAX_EPOCH}"))),
    }
}

fn homepage(document: &Document, value: &Spanned<String>) -> Result<String> {
    let url = text::line(document, value)?;
    if !url.contains("://") || url.contains(char::is_whitespace) {
        return Err(document
            .wrong(value.span(), format!("is no URL: `{}`", printable(url.as_bytes())))
            .remedy("write it whole, as `https://example.org`"));
    }
    Ok(url)
}

/// May be empty: that is its default.
fn vendor(document: &Document, value: &Value<String>) -> Result<Option<String>> {
    match value {
        Some(vendor) if vendor.get_ref().is_empty() => Ok(None),
        value => optional(document, value, text::line),
    }
}

fn section(document: &Document, value: &Spanned<String>) -> Result<String> {
    let section = text::line(document, value)?;
    if !section.chars().all(|c| c.is_ascii_alphanumeric() || "-/".contains(c)) {
        return Err(document
            .wrong(value.span(), format!("is no section: `{}`", printable(section.as_bytes())))
            .remedy("Debian's are such as `admin`, `net`, `utils`, `contrib/utils`"));
    }
    Ok(section)
}

fn priority(document: &Document, value: &Spanned<String>) -> Result<String> {
    let priority = text::line(document, value)?;
    if !PRIORITIES.contains(&priority.as_str()) {
        return Err(document
            .wrong(value.span(), format!("cannot be `{}`", printable(priority.as_bytes())))
            .remedy(suggest(&priority, PRIORITIES, "a priority")));
    }
    Ok(priority)
}
