//! `[relations]`: which packages have the libraries that are left to the target, by soname.

use std::collections::BTreeMap;

use super::document::Document;
use super::schema::{self, Keyed, Value};
use super::{relations, text};
use crate::error::Result;

/// What a needed soname becomes in each format. `None`: what explant knows; an empty text: no relation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SonameRelation {
    pub deb: Option<String>,
    pub rpm: Option<String>,
}

/// By soname.
pub type SonameRelations = BTreeMap<String, SonameRelation>;

pub(super) fn from_schema(
    document: &Document,
    schema: &schema::Table<Keyed<schema::SonameRelation>>,
) -> Result<SonameRelations> {
    schema
        .iter()
        .map(|(soname, value)| {
            let value = value.get_ref();
            let relation =
                SonameRelation { deb: relation(document, &value.deb)?, rpm: relation(document, &value.rpm)? };
            Ok((text::line(document, soname)?, relation))
        })
        .collect()
}

fn relation(document: &Document, value: &Value<String>) -> Result<Option<String>> {
    match value {
        Some(text) if text.get_ref().is_empty() => Ok(Some(String::new())),
        value => value.as_ref().map(|value| relations::relation(document, value)).transpose(),
    }
}
