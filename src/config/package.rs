//! `[package]`, and what `[scripts]`, `[deb]` and `[rpm]` add to it.

use std::path::PathBuf;

use toml::Spanned;

use super::document::{Document, suggest};
use super::schema::{self, Schema, Value};
use super::scripts::Scripts;
use super::text::{self, Wanted};
use super::{names, relations::Relations};
use crate::error::{Error, Result};
use crate::path::printable;

/// `[package]`, `[scripts]` and what `[deb]` and `[rpm]` add, before name and version are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackageConfig {
    pub name: Option<String>,
    pub version: Option<String>,
    pub release: Option<String>,
    pub epoch: u32,
    pub summary: Option<String>,
    pub description: Option<String>,
    pub license: Option<String>,
    pub homepage: Option<String>,
    pub maintainer: Option<String>,
    pub vendor: Option<String>,
    pub section: Option<String>,
    pub priority: Option<String>,
    /// A file that is there.
    pub changelog: Option<PathBuf>,
    pub relations: Relations,
    pub scripts: Scripts,
    pub deb_depends: Vec<String>,
    pub deb_fields: Vec<(String, String)>,
    pub rpm_depends: Vec<String>,
    pub rpm_group: Option<String>,
    pub rpm_requires_post: Vec<String>,
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
    pub maintainer: String,
    pub vendor: String,
    pub section: String,
    pub priority: String,
    pub relations: Relations,
    pub scripts: Scripts,
    pub deb_depends: Vec<String>,
    pub deb_fields: Vec<(String, String)>,
    pub rpm_requires: Vec<String>,
    pub rpm_group: String,
    pub rpm_requires_post: Vec<String>,
}

/// rpm refuses a package without a License tag; a store path does not say.
const DEFAULT_LICENSE: &str = "unknown";
/// dpkg warns of a package without a Maintainer, and lintian of one at localhost. `.invalid` is nobody's, for ever
/// (RFC 2606, section 2).
const DEFAULT_MAINTAINER: &str = "Unknown <unknown@explant.invalid>";
/// Debian's section for what fits no other.
const DEFAULT_SECTION: &str = "utils";
/// What nearly every package of Debian has (Debian Policy 2.5).
const DEFAULT_PRIORITY: &str = "optional";
/// What a program is among rpm's groups; rpmlint takes rpm's own "Unspecified" for none.
const DEFAULT_GROUP: &str = "Applications/System";
/// The version of a store path that has none.
const DEFAULT_VERSION: &str = "0";

impl Package {
    /// Fills in the defaults; `store_name` is a store path's name without hash (`jq-1.7.1-bin`).
    pub fn resolve(config: &PackageConfig, store_name: &str) -> Package {
        let (name, version) = names::parse_store_name(store_name);
        let name = config.name.clone().unwrap_or(name);
        let or = |value: &Option<String>, default: &str| value.clone().unwrap_or_else(|| default.to_owned());
        Package {
            version: config.version.clone().or(version).unwrap_or_else(|| DEFAULT_VERSION.to_owned()),
            release: config.release.clone(),
            epoch: config.epoch,
            summary: config.summary.clone().unwrap_or_else(|| format!("{name}, built with Nix")),
            description: or(&config.description, ""),
            license: or(&config.license, DEFAULT_LICENSE),
            homepage: or(&config.homepage, ""),
            maintainer: or(&config.maintainer, DEFAULT_MAINTAINER),
            vendor: or(&config.vendor, ""),
            section: or(&config.section, DEFAULT_SECTION),
            priority: or(&config.priority, DEFAULT_PRIORITY),
            relations: config.relations.clone(),
            scripts: config.scripts.clone(),
            deb_depends: config.deb_depends.clone(),
            deb_fields: config.deb_fields.clone(),
            rpm_requires: config.rpm_depends.clone(),
            rpm_group: or(&config.rpm_group, DEFAULT_GROUP),
            rpm_requires_post: config.rpm_requires_post.clone(),
            name,
        }
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
        Ok(PackageConfig {
            name: each(&package.name, name)?,
            version: each(&package.version, version)?,
            release: each(&package.release, release)?,
            epoch: epoch(document, &package.epoch)?,
            summary: text::optional_line(document, &package.summary)?,
            description: each(&package.description, text::paragraphs)?,
            license: text::optional_line(document, &package.license)?,
            homepage: each(&package.homepage, homepage)?,
            maintainer: each(&package.maintainer, maintainer)?,
            vendor: vendor(document, &package.vendor)?,
            section: each(&package.section, section)?,
            priority: each(&package.priority, priority)?,
            changelog: changelog(document, &package.changelog)?,
            relations: Relations::from_schema(document, package)?,
            scripts: Scripts::from_schema(document, &schema.scripts)?,
            deb_depends: super::relations::list(document, &schema.deb.depends)?,
            deb_fields: fields(document, &schema.deb.fields)?,
            rpm_depends: super::relations::list(document, &schema.rpm.depends)?,
            rpm_group: text::optional_line(document, &schema.rpm.group)?,
            rpm_requires_post: super::relations::list(document, &schema.rpm.requires_post)?,
        })
    }
}

/// Checks one value that is there.
type Check = fn(&Document, &Spanned<String>) -> Result<String>;

fn optional(document: &Document, value: &Value<String>, check: Check) -> Result<Option<String>> {
    value.as_ref().map(|value| check(document, value)).transpose()
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

/// `Name <mail>` (Debian Policy 5.6.2).
fn maintainer(document: &Document, value: &Spanned<String>) -> Result<String> {
    let text = text::line(document, value)?;
    let is_mail = |mail: &str| {
        matches!(mail.split_once('@'), Some((user, host)) if !user.is_empty() && !host.is_empty() && !host.contains('@'))
            && !mail.contains(char::is_whitespace)
            && !mail.contains(['<', '>'])
    };
    let parts = text.strip_suffix('>').and_then(|text| text.split_once('<'));
    match parts {
        Some((name, mail)) if !name.trim().is_empty() && !name.contains('>') && is_mail(mail) => Ok(text),
        _ => Err(document
            .wrong(value.span(), "is not of the form `Name <mail>`")
            .remedy("write it as `Jane Doe <jane@example.org>`")),
    }
}

/// May be empty: that is its default.
fn vendor(document: &Document, value: &Value<String>) -> Result<Option<String>> {
    match value {
        Some(vendor) if vendor.get_ref().is_empty() => Ok(None),
        value => text::optional_line(document, value),
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

fn changelog(document: &Document, value: &Value<String>) -> Result<Option<PathBuf>> {
    value.as_ref().map(|value| text::user_file(document, value, Wanted::File)).transpose()
}

/// The fields of a binary package's control file that explant writes from other keys.
const WRITTEN_FIELDS: &[(&str, &str)] = &[
    ("Package", "package.name"),
    ("Version", "package.version"),
    ("Architecture", ""),
    ("Installed-Size", ""),
    ("Maintainer", "package.maintainer"),
    ("Description", "package.summary"),
    ("Section", "package.section"),
    ("Priority", "package.priority"),
    ("Homepage", "package.homepage"),
    ("Depends", "deb.depends"),
    ("Recommends", "package.recommends"),
    ("Suggests", "package.suggests"),
    ("Conflicts", "package.conflicts"),
    ("Replaces", "package.replaces"),
    ("Provides", "package.provides"),
];

/// Further fields of the control file, in the order of their names.
fn fields(document: &Document, schema: &schema::Table<String>) -> Result<Vec<(String, String)>> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for (name, value) in schema {
        field_name(document, name)?;
        if fields.iter().any(|(other, _)| other.eq_ignore_ascii_case(name.get_ref())) {
            return Err(document
                .wrong(name.span(), "is there a second time; dpkg does not tell upper from lower case")
                .remedy("write it once"));
        }
        fields.push((name.get_ref().clone(), text::line(document, value)?));
    }
    Ok(fields)
}

/// deb-control(5) and deb822(5): printable ASCII but `:`, and neither `#` nor `-` first.
fn field_name(document: &Document, name: &Spanned<String>) -> Result<()> {
    let text = name.get_ref();
    let is_valid = !text.is_empty()
        && text.chars().all(|c| c.is_ascii_graphic() && c != ':')
        && !text.starts_with(['#', '-']);
    if !is_valid {
        return Err(document
            .wrong(name.span(), "is no name of a control field")
            .remedy("printable ASCII without spaces and `:`, and neither `#` nor `-` first"));
    }
    match WRITTEN_FIELDS.iter().find(|(field, _)| field.eq_ignore_ascii_case(text)) {
        None => Ok(()),
        Some((_, key)) => Err(written_by_us(document, name, key)),
    }
}

fn written_by_us(document: &Document, name: &Spanned<String>, key: &str) -> Error {
    let error = document.wrong(name.span(), "is a field that explant writes itself");
    match key {
        "" => error.remedy("leave it out: it follows from the result"),
        key => error.remedy(format!("set `{key}`")),
    }
}
