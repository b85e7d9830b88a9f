//! Relations to other packages.

use std::collections::BTreeMap;

use toml::Spanned;

use super::document::Document;
use super::schema::{self, Strings};
use super::{environment, text};
use crate::error::Result;
use crate::path::printable;

/// The kinds of relation that both formats have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RelationKind {
    Depends,
    Recommends,
    Suggests,
    Conflicts,
    Replaces,
    Provides,
}

impl RelationKind {
    pub const ALL: [RelationKind; 6] = [
        RelationKind::Depends,
        RelationKind::Recommends,
        RelationKind::Suggests,
        RelationKind::Conflicts,
        RelationKind::Replaces,
        RelationKind::Provides,
    ];

    /// Its key in bundle.toml.
    pub fn key(self) -> &'static str {
        match self {
            RelationKind::Depends => "depends",
            RelationKind::Recommends => "recommends",
            RelationKind::Suggests => "suggests",
            RelationKind::Conflicts => "conflicts",
            RelationKind::Replaces => "replaces",
            RelationKind::Provides => "provides",
        }
    }
}

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
    pub fn of(&self, kind: RelationKind) -> &[String] {
        match kind {
            RelationKind::Depends => &self.depends,
            RelationKind::Recommends => &self.recommends,
            RelationKind::Suggests => &self.suggests,
            RelationKind::Conflicts => &self.conflicts,
            RelationKind::Replaces => &self.replaces,
            RelationKind::Provides => &self.provides,
        }
    }

    /// From the lists of a table that has all of them.
    pub(super) fn from_schema(document: &Document, table: &impl Related) -> Result<Self> {
        let [depends, recommends, suggests, conflicts, replaces, provides] = table.lists();
        Ok(Relations {
            depends: list(document, depends)?,
            recommends: list(document, recommends)?,
            suggests: list(document, suggests)?,
            conflicts: list(document, conflicts)?,
            replaces: list(document, replaces)?,
            provides: list(document, provides)?,
        })
    }
}

/// A table with the lists of all kinds.
pub(super) trait Related {
    /// In the order of [`RelationKind::ALL`].
    fn lists(&self) -> [&Strings; 6];
}

macro_rules! related {
    ($($table:ty)*) => {$(
        impl Related for $table {
            fn lists(&self) -> [&Strings; 6] {
                [
                    &self.depends,
                    &self.recommends,
                    &self.suggests,
                    &self.conflicts,
                    &self.replaces,
                    &self.provides,
                ]
            }
        }
    )*};
}
related!(schema::Package schema::Deb schema::Rpm);

/// What a format has instead of the lists of `[package]`.
pub(super) fn overrides(
    document: &Document,
    schema: &schema::Override,
) -> Result<BTreeMap<RelationKind, Vec<String>>> {
    let lists = [
        &schema.depends,
        &schema.recommends,
        &schema.suggests,
        &schema.conflicts,
        &schema.replaces,
        &schema.provides,
    ];
    let given = RelationKind::ALL.into_iter().zip(lists);
    given
        .filter_map(|(kind, values)| Some((kind, values.as_ref()?)))
        .map(|(kind, values)| Ok((kind, list(document, values)?)))
        .collect()
}

/// What is empty once its variables are replaced is left out.
pub(super) fn list(document: &Document, values: &Strings) -> Result<Vec<String>> {
    let mut relations = Vec::new();
    for value in values {
        let expanded = environment::expand(document, value)?;
        if expanded == *value || !expanded.get_ref().trim().is_empty() {
            relations.push(relation(document, &expanded)?);
        }
    }
    Ok(relations)
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
