//! `[references]`: what becomes of a store path that a shipped file names (design.md section 7).

use serde::Deserialize;
use toml::Spanned;

use super::document::Document;
use super::schema::{self, Keyed};
use super::{Layout, text};
use crate::error::Result;
use crate::path::InstallPath;

/// What becomes of a reference that no rule settles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// It is carried.
    #[default]
    Carry,
    /// What every distribution has is the target's, the rest is carried.
    Lean,
    /// It is an error.
    Strict,
}

/// `[references]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    pub policy: Policy,
    /// The first that matches settles a reference.
    pub rules: Vec<ReferenceRule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceRule {
    /// A glob for what is named, and all below it: `<hash>-<name>/<path>`; `*` stops at a slash.
    pub path: String,
    /// A glob for the files that it holds for, by their paths below their store paths.
    pub within: Option<String>,
    pub outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The bundle has it.
    Carried,
    /// The target has it, here.
    Host(InstallPath),
    /// The target has it in this folder, under its own name.
    HostFolder(InstallPath),
    /// Nobody asks for it.
    Ignored,
}

impl Outcome {
    /// From `carried`, `ignored`, `host:/path` or `host:/folder/`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "carried" => Some(Outcome::Carried),
            "ignored" => Some(Outcome::Ignored),
            _ => {
                let path = text.strip_prefix("host:").filter(|path| path.starts_with('/'))?;
                let is_folder = path.ends_with('/');
                InstallPath::new(path).map(if is_folder { Outcome::HostFolder } else { Outcome::Host })
            }
        }
    }
}

impl References {
    pub(super) fn from_schema(
        document: &Document,
        schema: &schema::References,
        layout: Layout,
    ) -> Result<Self> {
        let policy = schema.policy.as_ref();
        let first = policy.map(Spanned::span).or(schema.rules.first().map(Spanned::span));
        if let (Layout::Store, Some(place)) = (layout, first) {
            return Err(document
                .wrong(place, "settles a reference, but `layout = \"store\"` carries the whole closure")
                .remedy("use `layout = \"flat\"`, or leave it out"));
        }
        Ok(References {
            policy: policy.map(|policy| *policy.get_ref()).unwrap_or_default(),
            rules: schema.rules.iter().map(|rule| self::rule(document, rule)).collect::<Result<_>>()?,
        })
    }
}

fn rule(document: &Document, rule: &Spanned<Keyed<schema::Rule>>) -> Result<ReferenceRule> {
    let rule = rule.get_ref();
    text::glob(document, &rule.path)?;
    if let Some(within) = &rule.within {
        text::glob(document, within)?;
    }
    let outcome = Outcome::parse(rule.is.get_ref()).ok_or_else(|| {
        document
            .wrong(rule.is.span(), "is not what a reference can become")
            .remedy("write \"carried\", \"ignored\", or \"host:\" and an absolute path (\"host:/bin/sh\")")
    })?;
    let within = rule.within.as_ref().map(|within| within.get_ref().clone());
    Ok(ReferenceRule { path: rule.path.get_ref().clone(), within, outcome })
}
