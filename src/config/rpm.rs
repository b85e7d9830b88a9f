//! What `[rpm]` adds to the package.

use std::collections::BTreeMap;

use toml::Spanned;

use super::document::Document;
use super::relations::{self, RelationKind, Relations};
use super::schema::Schema;
use super::{environment, text};
use crate::error::Result;
use crate::path::{InstallPath, printable};

/// What only an .rpm has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rpm {
    /// Besides those of `[package]`.
    pub relations: Relations,
    /// `[overrides.rpm]`: instead of those of `[package]`.
    pub overrides: BTreeMap<RelationKind, Vec<String>>,
    /// What must be there before postinstall runs.
    pub requires_post: Vec<String>,
    /// Instead of the programs' own, as it is.
    pub arch: Option<String>,
    pub group: Option<String>,
    /// Instead of the package's.
    pub summary: Option<String>,
    /// Instead of the package's maintainer.
    pub packager: Option<String>,
    pub buildhost: Option<String>,
    /// What `rpm -i --relocate` may move.
    pub prefixes: Vec<InstallPath>,
}

impl Rpm {
    pub(super) fn from_schema(document: &Document, schema: &Schema) -> Result<Self> {
        let rpm = &schema.rpm;
        let mut requires_post = relations::list(document, &rpm.requires_post)?;
        requires_post.extend(relations::list(document, &rpm.requires.post)?);
        let packager = environment::expand_optional(document, &rpm.packager)?;
        Ok(Rpm {
            relations: Relations::from_schema(document, &**rpm)?,
            overrides: relations::overrides(document, &schema.overrides.rpm)?,
            requires_post,
            arch: rpm.arch.as_ref().map(|value| architecture(document, value)).transpose()?,
            group: text::optional_line(document, &rpm.group)?,
            summary: text::optional_line(document, &rpm.summary)?,
            packager: text::optional_line(document, &packager)?,
            buildhost: rpm.buildhost.as_ref().map(|value| host(document, value)).transpose()?,
            prefixes: rpm
                .prefixes
                .iter()
                .map(|value| text::install_path(document, value))
                .collect::<Result<_>>()?,
        })
    }
}

/// `x86_64`, `noarch`: letters, digits and `_`, as rpm's rpmrc has them.
fn architecture(document: &Document, value: &Spanned<String>) -> Result<String> {
    let name = text::line(document, value)?;
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(document
            .wrong(value.span(), format!("is no architecture of rpm's: `{}`", printable(name.as_bytes())))
            .remedy("`x86_64`, `aarch64` and `noarch` are such; it follows from the programs where you leave it out"));
    }
    Ok(name)
}

fn host(document: &Document, value: &Spanned<String>) -> Result<String> {
    let name = text::line(document, value)?;
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c)) {
        return Err(document
            .wrong(value.span(), format!("is no name of a host: `{}`", printable(name.as_bytes())))
            .remedy("letters, digits and `-._` may be in it"));
    }
    Ok(name)
}
