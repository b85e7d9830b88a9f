//! `[install]`: where a bundle's files go.

use toml::Spanned;

use super::document::Document;
use super::schema::{self, Keyed};
use super::system::System;
use super::{caps, text};
use crate::error::Result;
use crate::path::{InstallPath, printable};

/// How the closure is laid out below the private library directory (design.md section 7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Libraries side by side, only what is reached is shipped.
    #[default]
    Flat,
    /// The whole closure, each store path in its own folder.
    Store,
}

/// `[install]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Install {
    pub prefix: InstallPath,
    /// Relative to prefix; `None`: `lib/<name>`.
    pub lib_dir: Option<String>,
    pub include: Vec<String>,
    pub exclude: Vec<String>,
    pub layout: Layout,
    pub files: Vec<InstallFile>,
    /// Link and its target, both absolute on the target system.
    pub links: Vec<(InstallPath, String)>,
    /// Whether a bill of materials is shipped, and written beside the artifacts.
    pub sbom: bool,
    /// Whether licence texts and Debian's copyright file are shipped.
    pub licenses: bool,
    pub system: System,
}

/// One `[[install.files]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstallFile {
    /// Relative to the result.
    pub path: String,
    pub mode: Option<u32>,
    pub owner: Option<String>,
    pub group: Option<String>,
    /// In cap_from_text(3) form.
    pub caps: Option<String>,
}

impl Default for Install {
    fn default() -> Self {
        Install {
            prefix: InstallPath::root().join("usr"),
            lib_dir: None,
            include: vec!["**".to_owned()],
            exclude: Vec::new(),
            layout: Layout::default(),
            files: Vec::new(),
            links: Vec::new(),
            sbom: true,
            licenses: true,
            system: System::default(),
        }
    }
}

/// Folders that a distribution's own programs search: a bundle's libraries there would shadow its.
const SHARED_FOLDERS: &[&str] =
    &["bin", "sbin", "lib", "lib32", "lib64", "libx32", "libexec", "share", "include", "etc", "local"];
/// The prefixes whose folders are shared.
const SHARED_PREFIXES: &[&str] = &["/usr", "/usr/local"];

impl Install {
    pub(super) fn from_schema(document: &Document, schema: &schema::Install) -> Result<Self> {
        let default = Install::default();
        let prefix = match &schema.prefix {
            Some(value) => prefix(document, value)?,
            None => default.prefix,
        };
        let lib_dir = schema.lib_dir.as_ref().map(|value| lib_dir(document, value, &prefix)).transpose()?;
        let include = match &schema.include {
            Some(globs) => text::globs(document, globs)?,
            None => default.include,
        };
        Ok(Install {
            prefix,
            lib_dir,
            include,
            exclude: text::globs(document, &schema.exclude)?,
            layout: schema.layout.as_ref().map(|layout| *layout.get_ref()).unwrap_or_default(),
            files: files(document, &schema.files)?,
            links: links(document, &schema.links)?,
            sbom: schema.sbom.as_ref().is_none_or(|sbom| *sbom.get_ref()),
            licenses: schema.licenses.as_ref().is_none_or(|licenses| *licenses.get_ref()),
            system: System::from_schema(document, &schema.system)?,
        })
    }
}

fn prefix(document: &Document, value: &Spanned<String>) -> Result<InstallPath> {
    let prefix = text::install_path(document, value)?;
    plain(document, value)?;
    Ok(prefix)
}

/// Absolute or relative as the user wrote it; relative to prefix as it is handed on.
fn lib_dir(document: &Document, value: &Spanned<String>, prefix: &InstallPath) -> Result<String> {
    let name = text::line(document, value)?;
    text::climbs(document, &name, value.span())?;
    plain(document, value)?;
    let path = InstallPath::new(&name).unwrap_or_else(|| prefix.join(&name));
    if !path.starts_with(prefix) {
        return Err(document
            .wrong(value.span(), format!("lies outside of `install.prefix`, which is {prefix}"))
            .remedy("write it relative to the prefix, as `lib/name`"));
    }
    let relative = printable(&path.relative_to(prefix));
    if path == *prefix {
        return Err(document
            .wrong(value.span(), "is the prefix itself")
            .remedy("give the libraries a folder of their own, as `lib/name`"));
    }
    if SHARED_PREFIXES.iter().any(|shared| prefix.as_bytes() == shared.as_bytes())
        && SHARED_FOLDERS.contains(&relative.as_str())
    {
        return Err(document
            .wrong(value.span(), format!("is {path}, which the target's own programs search"))
            .remedy(format!("give the libraries a folder of their own, as `{relative}/name`")));
    }
    Ok(relative)
}

/// A run path is split at `:` and its `$` are expanded, a `#!` line ends at a space: none of these may be in a folder
/// that stands in either.
fn plain(document: &Document, value: &Spanned<String>) -> Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/._+-@~".contains(c);
    match value.get_ref().chars().find(|c| !allowed(*c)) {
        None => Ok(()),
        Some(c) => Err(document.wrong(value.span(), format!("holds `{}`", c.escape_default())).remedy(
            "letters, digits and `/._+-@~` may be in it: it becomes part of run paths and of `#!` lines",
        )),
    }
}

fn files(document: &Document, schema: &[Keyed<schema::InstallFile>]) -> Result<Vec<InstallFile>> {
    let mut files: Vec<InstallFile> = Vec::new();
    for file in schema {
        let path = text::relative_path(document, &file.path, "the result")?;
        if files.iter().any(|other| other.path == path) {
            return Err(document
                .wrong(file.path.span(), format!("names {} a second time", printable(path.as_bytes())))
                .remedy("write one `[[install.files]]` for it"));
        }
        files.push(InstallFile {
            path,
            mode: text::mode(document, &file.mode)?,
            owner: text::owner(document, &file.owner)?,
            group: text::owner(document, &file.group)?,
            caps: file.caps.as_ref().map(|value| capabilities(document, value)).transpose()?,
        });
    }
    Ok(files)
}

pub(super) fn capabilities(document: &Document, value: &Spanned<String>) -> Result<String> {
    let text = text::line(document, value)?;
    match caps::check(&text) {
        Ok(()) => Ok(text),
        Err(wrong) => Err(document.wrong(value.span(), wrong.what).remedy(wrong.remedy)),
    }
}

fn links(document: &Document, schema: &schema::Table<String>) -> Result<Vec<(InstallPath, String)>> {
    let mut links: Vec<(InstallPath, String)> = Vec::new();
    for (link, target) in schema {
        let path = text::install_path(document, link)?;
        if links.iter().any(|(other, _)| *other == path) {
            return Err(document
                .wrong(link.span(), format!("names {path} a second time"))
                .remedy("a link has one target"));
        }
        let end = text::install_path(document, target)?;
        if end == path {
            return Err(document
                .wrong(target.span(), "leads to itself")
                .remedy("name the file that the link leads to"));
        }
        links.push((path, target.get_ref().trim().to_owned()));
    }
    links.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(links)
}
