//! Relations to other packages.

use toml::Spanned;

use super::document::Document;
use super::schema::{self, Strings};
use super::text;
use crate::error::Result;
use crate::path::printable;

/// Relations to other packages, as the user wrote them; each format maps the names of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Relations {
    pub depends: Vec<String>,
    pub recommends: Vec<String>,
    pub suggests: Vec<String>,
    pub conflicts: Vec<String>,
    pub replaces: Vec<String>,
    pub provides: Vec<String>,
}

impl Relations {
    pub(super) fn from_schema(document: &Document, schema: &schema::Package) -> Result<Self> {
        Ok(Relations {
            depends: list(document, &schema.depends)?,
            recommends: list(document, &schema.recommends)?,
            suggests: list(document, &schema.suggests)?,
            conflicts: list(document, &schema.conflicts)?,
            replaces: list(document, &schema.replaces)?,
            provides: list(document, &schema.provides)?,
        })
    }
}

pub(super) fn list(document: &Document, values: &Strings) -> Result<Vec<String>> {
    values.iter().map(|value| relation(document, value)).collect()
}

/// One relation: a name (or, in rpm, a file or a capability), and a version or not.
pub(super) fn relation(document: &Document, value: &Spanned<String>) -> Result<String> {
    let relation = text::line(document, value)?;
    let shown = printable(relation.as_bytes());
    if relation.contains(',') {
        return Err(document
            .wrong(value.span(), format!("holds more than one relation: `{shown}`"))
            .remedy("write each as a string of its own"));
    }
    let opened = relation.matches('(').count();
    if !relation.starts_with(|c: char| c.is_ascii_alphanumeric() || "/(_".contains(c))
        || opened != relation.matches(')').count()
    {
        return Err(document
            .wrong(value.span(), format!("is no relation: `{shown}`"))
            .remedy("write a name, or a name and a version, as `libc6 (>= 2.34)`"));
    }
    Ok(relation)
}
