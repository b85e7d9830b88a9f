//! `[runtime]`: what a bundle runs on.

use std::collections::BTreeMap;

use toml::Spanned;

use super::document::{Document, listed, suggest};
use super::{Layout, glibc_set, schema, targets, text};
use crate::error::Result;
use crate::path::printable;

/// Which glibc set a bundle runs on (design.md section 5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Glibc {
    #[default]
    Bundled,
    Host,
}

/// The tag that carries a run path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunPathTag {
    #[default]
    Rpath,
    Runpath,
}

/// `[runtime]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runtime {
    pub glibc: Glibc,
    /// Soname globs that are never copied.
    pub baseline: Vec<String>,
    pub rpath: RunPathTag,
    /// Soname globs that are copied though nothing needs them.
    pub add: Vec<String>,
    /// What a `host` bundle must run on: `debian-12`.
    pub targets: Vec<String>,
    /// `[runtime.env]`, by variable.
    pub env: BTreeMap<String, Vec<Setting>>,
}

/// What becomes of a variable of programs' environment; values hold `${root}` for where the bundle is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    Set(String),
    Default(String),
    Unset,
    Prefix { value: String, separator: String },
    Suffix { value: String, separator: String },
}

impl Runtime {
    pub(super) fn from_schema(document: &Document, schema: &schema::Runtime, layout: Layout) -> Result<Self> {
        let glibc = schema.glibc.as_ref().map(|glibc| *glibc.get_ref()).unwrap_or_default();
        if layout == Layout::Store {
            whole_closure(document, schema)?;
        }
        for value in &schema.baseline {
            if let (Glibc::Bundled, Some(part)) = (glibc, part_of_glibc(document, value)?) {
                return Err(half_a_glibc(document, value, part));
            }
        }
        for value in &schema.add {
            if let (Glibc::Host, Some(part)) = (glibc, part_of_glibc(document, value)?) {
                return Err(another_glibc(document, value, part));
            }
        }
        Ok(Runtime {
            glibc,
            baseline: text::globs(document, &schema.baseline)?,
            rpath: schema.rpath.as_ref().map(|tag| *tag.get_ref()).unwrap_or_default(),
            add: text::globs(document, &schema.add)?,
            targets: schema.targets.iter().map(|value| target(document, value)).collect::<Result<_>>()?,
            env: env(document, schema)?,
        })
    }
}

fn env(document: &Document, schema: &schema::Runtime) -> Result<BTreeMap<String, Vec<Setting>>> {
    schema
        .env
        .iter()
        .map(|(name, variable)| Ok((variable_name(document, name)?, settings(document, variable)?)))
        .collect()
}

/// POSIX forbids `=` and NUL alone; what shells cannot set is a mistake.
fn variable_name(document: &Document, name: &Spanned<String>) -> Result<String> {
    let text = name.get_ref();
    let is_letter = |c: char| c == '_' || c.is_ascii_alphanumeric();
    if text.is_empty() || !text.chars().all(is_letter) || text.starts_with(|c: char| c.is_ascii_digit()) {
        let message = "is no name of a variable";
        return Err(document.wrong(name.span(), message).remedy("it has letters, digits and underscores"));
    }
    if text.starts_with("LD_") {
        return Err(document.wrong(name.span(), "is the loader's, and goes on to every process that the program starts").remedy(
            "leave it out: programs find the bundle's libraries by their run paths; `runtime.add` ships further ones",
        ));
    }
    Ok(text.clone())
}

/// What one variable's keys say. Only a prefix and a suffix go together, in that order.
fn settings(
    document: &Document,
    variable: &Spanned<schema::Keyed<schema::Variable>>,
) -> Result<Vec<Setting>> {
    let keys: &schema::Variable = variable.get_ref();
    let value =
        |value: &schema::Value<String>| value.as_ref().map(|it| setting_value(document, it)).transpose();
    let separator = value(&keys.separator)?;
    let joined = || separator.clone().unwrap_or_else(|| ":".to_owned());
    let unset = keys.unset.as_ref().is_some_and(|unset| *unset.get_ref());
    let (set, default) = (value(&keys.set)?, value(&keys.default)?);
    let (prefix, suffix) = (value(&keys.prefix)?, value(&keys.suffix)?);
    let is_extended = prefix.is_some() || suffix.is_some();
    let alone = [set.is_some(), default.is_some(), unset, is_extended].into_iter().filter(|is| *is).count();
    if alone != 1 || separator.is_some() && !is_extended {
        return Err(document
            .wrong(variable.span(), "does not say what becomes of the variable")
            .remedy("give it one of set, default, unset = true, or prefix and suffix with a separator"));
    }
    let mut settings = Vec::new();
    settings.extend(set.map(Setting::Set));
    settings.extend(default.map(Setting::Default));
    settings.extend(unset.then_some(Setting::Unset));
    settings.extend(prefix.map(|value| Setting::Prefix { value, separator: joined() }));
    settings.extend(suffix.map(|value| Setting::Suffix { value, separator: joined() }));
    Ok(settings)
}

fn setting_value(document: &Document, value: &Spanned<String>) -> Result<String> {
    let text = value.get_ref();
    // NUL ends it, and 1 stands for the root in the stub's table.
    if text.contains(['\0', '\u{1}']) {
        return Err(document.wrong(value.span(), "holds a control character").remedy("leave it out"));
    }
    Ok(text.clone())
}

/// The store layout ships every store path, so nothing of it can be left to the target.
fn whole_closure(document: &Document, schema: &schema::Runtime) -> Result<()> {
    let flat = "use `layout = \"flat\"`, or leave it out";
    if let Some(first) = schema.baseline.first() {
        return Err(document
            .wrong(
                first.span(),
                "leaves a library to the target, but `layout = \"store\"` carries the whole closure",
            )
            .remedy(flat));
    }
    match &schema.glibc {
        Some(glibc) if *glibc.get_ref() == Glibc::Host => Err(document
            .wrong(
                glibc.span(),
                "cannot be `host`: `layout = \"store\"` carries the whole closure, its glibc too",
            )
            .remedy(flat)),
        _ => Ok(()),
    }
}

fn part_of_glibc(document: &Document, value: &Spanned<String>) -> Result<Option<&'static str>> {
    Ok(glibc_set::first_match(&text::glob(document, value)?))
}

fn half_a_glibc(document: &Document, value: &Spanned<String>, part: &str) -> crate::Error {
    document
        .wrong(
            value.span(),
            format!(
                "takes in {part}, a part of the glibc set: the loader, libc, libm and their kin fit each other in one \
                 build only, so a bundled loader over the target's libc dies at start"
            ),
        )
        .remedy(
            "either `glibc = \"bundled\"` with nothing of the set in the baseline, or `glibc = \"host\"`, which \
             leaves all of it to the target",
        )
}

fn another_glibc(document: &Document, value: &Spanned<String>, part: &str) -> crate::Error {
    document
        .wrong(
            value.span(),
            format!("takes in {part}, a part of the glibc set, but `glibc = \"host\"` leaves the set to the target"),
        )
        .remedy("name libraries of the glibc set neither here nor in the baseline")
}

fn target(document: &Document, value: &Spanned<String>) -> Result<String> {
    let name = value.get_ref();
    let shown = printable(name.as_bytes());
    if targets::glibc_of(name).is_some() {
        return Ok(name.clone());
    }
    if targets::is_musl(name) {
        return Err(document
            .wrong(
                value.span(),
                format!("names `{shown}`, whose C library is musl: it has no glibc to run on"),
            )
            .remedy("leave it out; a bundle with `glibc = \"bundled\"` runs there as it is"));
    }
    Err(document
        .wrong(value.span(), format!("names a target that is not known: `{shown}`"))
        .remedy(known_targets(name)))
}

/// The releases of the same distribution, else the nearest name, else all.
fn known_targets(name: &str) -> String {
    let known = targets::names();
    let family = name.trim_end_matches(|c: char| c != '-');
    let releases: Vec<_> =
        known.iter().copied().filter(|known| !family.is_empty() && known.starts_with(family)).collect();
    if releases.is_empty() {
        suggest(name, &known, "a target")
    } else {
        format!("known are {}", listed(&releases))
    }
}
