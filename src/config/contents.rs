//! `[[contents]]`: more files, as in nfpm.

use std::path::PathBuf;

use toml::Spanned;

use super::document::{Document, suggest};
use super::schema::{self, Keyed};
use super::text::{self, Wanted};
use crate::error::Result;
use crate::path::{InstallPath, printable};

/// One `[[contents]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// For a symlink, the target as it stands in bundle.toml; else a file or folder of the user's. Empty for a folder
    /// and a ghost, which have no source.
    pub src: PathBuf,
    pub dst: InstallPath,
    pub kind: ContentKind,
    pub mode: Option<u32>,
    pub owner: Option<String>,
    pub group: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContentKind {
    #[default]
    File,
    Folder,
    Tree,
    Symlink,
    Config {
        noreplace: bool,
        missingok: bool,
    },
    Doc,
    License,
    Readme,
    Ghost,
}

/// nfpm's names.
const KINDS: &[(&str, ContentKind)] = &[
    ("file", ContentKind::File),
    ("dir", ContentKind::Folder),
    ("tree", ContentKind::Tree),
    ("symlink", ContentKind::Symlink),
    ("config", ContentKind::Config { noreplace: false, missingok: false }),
    ("config|noreplace", ContentKind::Config { noreplace: true, missingok: false }),
    ("config|missingok", ContentKind::Config { noreplace: false, missingok: true }),
    ("doc", ContentKind::Doc),
    ("license", ContentKind::License),
    ("licence", ContentKind::License),
    ("readme", ContentKind::Readme),
    ("ghost", ContentKind::Ghost),
];

/// What nfpm has besides.
const NOT_YET: &[&str] = &[
    "config|tree",
    "config|noreplace|tree",
    "config|missingok|tree",
    "debian changelog",
    "debian changelog header",
    "implicit dir",
];

pub(super) fn from_schema(
    document: &Document,
    schema: &[Spanned<Keyed<schema::Content>>],
) -> Result<Vec<Content>> {
    let mut contents: Vec<Content> = Vec::new();
    for raw in schema {
        let content = content(document, raw)?;
        if contents.iter().any(|other| other.dst == content.dst) {
            return Err(document
                .wrong(raw.get_ref().dst.span(), format!("names {} a second time", content.dst))
                .remedy("one `[[contents]]` makes one path"));
        }
        contents.push(content);
    }
    Ok(contents)
}

fn content(document: &Document, raw: &Spanned<Keyed<schema::Content>>) -> Result<Content> {
    let schema = raw.get_ref();
    let kind = match &schema.kind {
        Some(value) => kind(document, value)?,
        None => ContentKind::default(),
    };
    if let (ContentKind::Symlink, Some(mode)) = (kind, &schema.mode) {
        return Err(document.wrong(mode.span(), "has no meaning for a symlink").remedy("leave it out"));
    }
    Ok(Content {
        src: source(document, raw, kind)?,
        dst: text::install_path(document, &schema.dst)?,
        kind,
        mode: text::mode(document, &schema.mode)?,
        owner: text::owner(document, &schema.owner)?,
        group: text::owner(document, &schema.group)?,
    })
}

fn kind(document: &Document, value: &Spanned<String>) -> Result<ContentKind> {
    let name = value.get_ref().as_str();
    if let Some((_, kind)) = KINDS.iter().find(|(known, _)| *known == name) {
        return Ok(*kind);
    }
    let shown = printable(name.as_bytes());
    if NOT_YET.contains(&name) {
        return Err(document
            .wrong(
                value.span(),
                format!("is `{shown}`, which is a type of nfpm's that is not carried out yet"),
            )
            .remedy("name the files one by one, or use `tree`"));
    }
    let known: Vec<_> = KINDS.iter().map(|(name, _)| *name).collect();
    Err(document.wrong(value.span(), format!("cannot be `{shown}`")).remedy(suggest(name, &known, "a type")))
}

fn source(document: &Document, raw: &Spanned<Keyed<schema::Content>>, kind: ContentKind) -> Result<PathBuf> {
    let src = &raw.get_ref().src;
    match (kind, src) {
        (ContentKind::Folder | ContentKind::Ghost, None) => Ok(PathBuf::new()),
        (ContentKind::Folder | ContentKind::Ghost, Some(src)) => Err(document
            .wrong(src.span(), "has no meaning for a folder or a ghost, which are made, not copied")
            .remedy("leave it out, or use `type = \"tree\"` to ship a folder with what it holds")),
        (_, None) => Err(document.wrong(raw.span(), "lacks `src`").remedy("add `src = \"...\"` to it")),
        (ContentKind::Symlink, Some(src)) => text::line(document, src).map(PathBuf::from),
        (ContentKind::Tree, Some(src)) => text::user_file(document, src, Wanted::Folder),
        (_, Some(src)) => text::user_file(document, src, Wanted::File),
    }
}
