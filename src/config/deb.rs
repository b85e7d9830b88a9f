//! What `[deb]` adds to the package.

use std::collections::BTreeMap;

use toml::Spanned;

use super::document::Document;
use super::relations::{self, RelationKind, Relations};
use super::schema::{self, Schema, Strings};
use super::{environment, text};
use crate::error::{Error, Result};
use crate::path::printable;

/// What only a .deb has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deb {
    /// Besides those of `[package]`.
    pub relations: Relations,
    /// `[overrides.deb]`: instead of those of `[package]`.
    pub overrides: BTreeMap<RelationKind, Vec<String>>,
    pub breaks: Vec<String>,
    pub predepends: Vec<String>,
    /// Instead of the programs' own, as it is.
    pub arch: Option<String>,
    /// Ubuntu's `Architecture-Variant`, such as amd64v3.
    pub arch_variant: Option<String>,
    /// Further fields of the control file.
    pub fields: Vec<(String, String)>,
    pub triggers: Vec<DebTrigger>,
}

/// One line of the `triggers` file (deb-triggers(5)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebTrigger {
    /// `interest`, `activate-noawait` and so on.
    pub directive: &'static str,
    pub name: String,
}

impl Deb {
    pub(super) fn from_schema(document: &Document, schema: &Schema) -> Result<Self> {
        let deb = &schema.deb;
        Ok(Deb {
            relations: Relations::from_schema(document, &**deb)?,
            overrides: relations::overrides(document, &schema.overrides.deb)?,
            breaks: relations::list(document, &deb.breaks)?,
            predepends: relations::list(document, &deb.predepends)?,
            arch: deb.arch.as_ref().map(|value| architecture(document, value)).transpose()?,
            arch_variant: deb.arch_variant.as_ref().map(|value| architecture(document, value)).transpose()?,
            fields: fields(document, &deb.fields)?,
            triggers: triggers(document, &deb.triggers)?,
        })
    }
}

/// `[a-z0-9-]` (Debian Policy 11.1).
fn architecture(document: &Document, value: &Spanned<String>) -> Result<String> {
    let name = text::line(document, value)?;
    if !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
        return Err(document
            .wrong(value.span(), format!("is no architecture of dpkg's: `{}`", printable(name.as_bytes())))
            .remedy(
                "`amd64`, `arm64` and `all` are such; it follows from the programs where you leave it out",
            ));
    }
    Ok(name)
}

fn triggers(document: &Document, schema: &schema::DebTriggers) -> Result<Vec<DebTrigger>> {
    let lists: [(&str, &Strings); 6] = [
        ("interest", &schema.interest),
        ("interest-await", &schema.interest_await),
        ("interest-noawait", &schema.interest_noawait),
        ("activate", &schema.activate),
        ("activate-await", &schema.activate_await),
        ("activate-noawait", &schema.activate_noawait),
    ];
    let mut triggers = Vec::new();
    for (directive, names) in lists {
        for name in names {
            triggers.push(DebTrigger { directive, name: trigger(document, name)? });
        }
    }
    Ok(triggers)
}

/// The name of a trigger, or a path (dpkg's lib/dpkg/trigname.c: printable ASCII without spaces).
fn trigger(document: &Document, value: &Spanned<String>) -> Result<String> {
    let name = text::line(document, value)?;
    if !name.chars().all(|c| c.is_ascii_graphic()) {
        return Err(document
            .wrong(value.span(), format!("is no name of a trigger: `{}`", printable(name.as_bytes())))
            .remedy("write a name without spaces, as `update-initramfs`, or a path"));
    }
    Ok(name)
}

/// The fields of a binary package's control file that explant writes from other keys.
const WRITTEN_FIELDS: &[(&str, &str)] = &[
    ("Package", "package.name"),
    ("Version", "package.version"),
    ("Architecture", "deb.arch"),
    ("Architecture-Variant", "deb.arch_variant"),
    ("Installed-Size", ""),
    ("Maintainer", "package.maintainer"),
    ("Description", "package.summary"),
    ("Section", "package.section"),
    ("Priority", "package.priority"),
    ("Homepage", "package.homepage"),
    ("Depends", "deb.depends"),
    ("Pre-Depends", "deb.predepends"),
    ("Recommends", "deb.recommends"),
    ("Suggests", "deb.suggests"),
    ("Breaks", "deb.breaks"),
    ("Conflicts", "deb.conflicts"),
    ("Replaces", "deb.replaces"),
    ("Provides", "deb.provides"),
];

/// Further fields of the control file, in the order of their names. An empty one is left out, as nfpm does.
fn fields(document: &Document, schema: &schema::Table<String>) -> Result<Vec<(String, String)>> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for (name, value) in schema {
        field_name(document, name)?;
        if fields.iter().any(|(other, _)| other.eq_ignore_ascii_case(name.get_ref())) {
            return Err(document
                .wrong(name.span(), "is there a second time; dpkg does not tell upper from lower case")
                .remedy("write it once"));
        }
        let value = environment::expand(document, value)?;
        if !value.get_ref().trim().is_empty() {
            fields.push((name.get_ref().clone(), text::line(document, &value)?));
        }
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
