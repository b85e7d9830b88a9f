//! `[[contents]]`: more files, as in nfpm.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use toml::Spanned;

use super::document::{Document, suggest};
use super::schema::{self, Keyed, Schema, Value};
use super::text::{self, Wanted};
use super::{Format, Formats, environment, globs, install};
use crate::error::Result;
use crate::path::{InstallPath, printable};

/// One path of `[[contents]]`, or a tree of them. A glob has become the files that it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// For a symlink, the target as it will be installed; else a file or folder of the user's. Empty for a folder and a
    /// ghost, which are made.
    pub src: PathBuf,
    pub dst: InstallPath,
    pub kind: ContentKind,
    pub mode: Option<u32>,
    /// Taken from the mode of what has none of its own.
    pub umask: u32,
    pub owner: Option<String>,
    pub group: Option<String>,
    /// In seconds since 1970; else everything's.
    pub mtime: Option<u32>,
    /// rpm's `%lang`.
    pub lang: Option<String>,
    /// In cap_from_text(3) form.
    pub caps: Option<String>,
    pub formats: Formats,
    /// Folders that the package does not own: globs of their paths.
    pub disowned: Vec<String>,
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
    /// A tree whose files are all configuration.
    ConfigTree {
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
    ("", ContentKind::File),
    ("file", ContentKind::File),
    ("dir", ContentKind::Folder),
    ("tree", ContentKind::Tree),
    ("symlink", ContentKind::Symlink),
    ("config", ContentKind::Config { noreplace: false, missingok: false }),
    ("config|noreplace", ContentKind::Config { noreplace: true, missingok: false }),
    ("config|missingok", ContentKind::Config { noreplace: false, missingok: true }),
    ("config|tree", ContentKind::ConfigTree { noreplace: false, missingok: false }),
    ("config|noreplace|tree", ContentKind::ConfigTree { noreplace: true, missingok: false }),
    ("config|missingok|tree", ContentKind::ConfigTree { noreplace: false, missingok: true }),
    ("doc", ContentKind::Doc),
    ("license", ContentKind::License),
    ("licence", ContentKind::License),
    ("readme", ContentKind::Readme),
    ("ghost", ContentKind::Ghost),
];

/// What nfpm makes by itself and nobody writes, and what to do.
const OF_NFPM: &[(&str, &str)] = &[
    ("implicit dir", "leave it out: folders above a file come by themselves"),
    ("debian changelog", "write `package.changelog`"),
    ("debian changelog header", "write `package.changelog`"),
];

/// What holds for all contents of one list.
struct Rules {
    globbing: bool,
    formats: Formats,
    /// Each with the formats that it holds in.
    umasks: Vec<(Formats, u32)>,
}

pub(super) fn from_schema(document: &Document, schema: &Schema) -> Result<Vec<Content>> {
    let globbing = !schema.package.disable_globbing.as_ref().is_some_and(|value| *value.get_ref());
    let overrides = [(Format::Deb, &schema.overrides.deb), (Format::Rpm, &schema.overrides.rpm)];
    let general = text::mode(document, &schema.package.umask)?.unwrap_or(0);
    let mut umasks = vec![(Formats::ALL, general)];
    let mut rest = Formats::ALL;
    for (format, table) in overrides {
        if let Some(umask) = text::mode(document, &table.umask)? {
            umasks[0].0 = umasks[0].0.without(Formats::only(format));
            umasks.push((Formats::only(format), umask));
        }
        if table.contents.is_some() {
            rest = rest.without(Formats::only(format));
        }
    }
    let mut rules = Rules { globbing, formats: rest, umasks };
    let mut contents = Vec::new();
    for raw in &schema.contents {
        add(document, raw, &rules, &mut contents)?;
    }
    for (format, table) in overrides {
        rules.formats = Formats::only(format);
        for raw in table.contents.iter().flatten() {
            add(document, raw, &rules, &mut contents)?;
        }
    }
    Ok(contents)
}

/// Adds what one `[[contents]]` stands for.
///
/// Errors: a path that is there already, in a format that has both.
fn add(
    document: &Document,
    raw: &Spanned<Keyed<schema::Content>>,
    rules: &Rules,
    contents: &mut Vec<Content>,
) -> Result<()> {
    for content in read(document, raw, rules)? {
        let collides = |other: &&Content| {
            other.dst == content.dst && other.formats.and(content.formats) != Formats::NONE
        };
        if contents.iter().any(|other| collides(&other)) {
            return Err(document
                .wrong(raw.get_ref().dst.span(), format!("names {} a second time", content.dst))
                .remedy("one `[[contents]]` makes one path; `packager` keeps those of the formats apart"));
        }
        for (formats, umask) in &rules.umasks {
            let formats = content.formats.and(*formats);
            if formats != Formats::NONE {
                contents.push(Content { formats, umask: *umask, ..content.clone() });
            }
        }
    }
    Ok(())
}

fn read(document: &Document, raw: &Spanned<Keyed<schema::Content>>, rules: &Rules) -> Result<Vec<Content>> {
    let schema = raw.get_ref();
    let kind = match &schema.kind {
        Some(value) => kind(document, value)?,
        None => ContentKind::default(),
    };
    let info = Info::read(document, schema)?;
    if let (ContentKind::Symlink, Some(mode)) = (kind, &info.mode) {
        return Err(document.wrong(mode.span(), "has no meaning for a symlink").remedy("leave it out"));
    }
    if let (Some(caps), ContentKind::Symlink | ContentKind::Folder | ContentKind::Ghost) =
        (&schema.caps, kind)
    {
        return Err(document.wrong(caps.span(), "is for files").remedy("leave it out"));
    }
    let (src, dst) = paths(document, schema)?;
    let one = Content {
        src: PathBuf::new(),
        dst: match kind {
            ContentKind::Tree | ContentKind::ConfigTree { .. } => text::install_folder(document, &dst)?,
            _ => text::install_path(document, &dst)?,
        },
        kind,
        mode: text::mode(document, &info.mode)?,
        umask: 0,
        owner: text::owner(document, &info.owner)?,
        group: text::owner(document, &info.group)?,
        mtime: info.mtime.as_ref().map(|value| text::moment(document, value)).transpose()?,
        lang: text::optional_line(document, &info.lang)?,
        caps: schema.caps.as_ref().map(|value| install::capabilities(document, value)).transpose()?,
        formats: formats(document, &schema.packager)?.and(rules.formats),
        disowned: text::globs(document, &schema.disown_subtree)?,
    };
    if one.formats == Formats::NONE {
        return Ok(Vec::new());
    }
    with_sources(document, raw, &src, &dst, one, rules)
}

/// `src` and `dst`, with their variables where `expand` asks for it.
fn paths(document: &Document, schema: &schema::Content) -> Result<(Value<String>, Spanned<String>)> {
    if schema.expand.as_ref().is_some_and(|expand| *expand.get_ref()) {
        let src = environment::expand_optional(document, &schema.src)?;
        return Ok((src, environment::expand(document, &schema.dst)?));
    }
    Ok((schema.src.clone(), schema.dst.clone()))
}

/// `one` for each file that `src` stands for.
fn with_sources(
    document: &Document,
    raw: &Spanned<Keyed<schema::Content>>,
    src: &Value<String>,
    dst: &Spanned<String>,
    one: Content,
    rules: &Rules,
) -> Result<Vec<Content>> {
    let Some(src) = src else {
        return match one.kind {
            ContentKind::Folder | ContentKind::Ghost => Ok(vec![one]),
            _ => Err(document.wrong(raw.span(), "lacks `src`").remedy("add `src = \"...\"` to it")),
        };
    };
    let with = |src: PathBuf| Content { src, ..one.clone() };
    match one.kind {
        ContentKind::Symlink => Ok(vec![with(PathBuf::from(text::line(document, src)?))]),
        ContentKind::Tree | ContentKind::ConfigTree { .. } => {
            Ok(vec![with(text::user_file(document, src, Wanted::Folder)?)])
        }
        ContentKind::Folder => {
            let folder = text::user_file(document, src, Wanted::Folder)?;
            Ok(vec![Content { mode: Some(one.mode.map_or_else(|| mode_of(&folder), Ok)?), ..one }])
        }
        ContentKind::Ghost => Err(document
            .wrong(src.span(), "has no meaning for a ghost, which is not shipped")
            .remedy("leave it out")),
        _ => {
            let found = globs::find(document, src, dst, rules.globbing)?;
            found.into_iter().map(|found| one.clone().found(found)).collect()
        }
    }
}

impl Content {
    /// Of one file that a glob or folder stands for; a link among them stays one.
    fn found(self, found: globs::Found) -> Result<Content> {
        if !found.is_link {
            return Ok(Content { src: found.src, dst: found.dst, ..self });
        }
        let target =
            found.src.read_link().map_err(|cause| crate::Error::io("read the link", &found.src, &cause))?;
        Ok(Content {
            src: target,
            dst: found.dst,
            kind: ContentKind::Symlink,
            mode: None,
            caps: None,
            ..self
        })
    }
}

fn mode_of(folder: &std::path::Path) -> Result<u32> {
    let metadata = folder.metadata().map_err(|cause| crate::Error::io("read", folder, &cause))?;
    Ok(metadata.permissions().mode() & 0o7777)
}

fn kind(document: &Document, value: &Spanned<String>) -> Result<ContentKind> {
    let name = value.get_ref().as_str();
    if let Some((_, kind)) = KINDS.iter().find(|(known, _)| *known == name) {
        return Ok(*kind);
    }
    let shown = printable(name.as_bytes());
    if let Some((_, remedy)) = OF_NFPM.iter().find(|(known, _)| *known == name) {
        return Err(document
            .wrong(value.span(), format!("is `{shown}`, which nfpm makes by itself"))
            .remedy(*remedy));
    }
    let known: Vec<_> = KINDS.iter().map(|(name, _)| *name).filter(|name| !name.is_empty()).collect();
    Err(document.wrong(value.span(), format!("cannot be `{shown}`")).remedy(suggest(name, &known, "a type")))
}

const PACKAGERS: &[(&str, Format)] =
    &[("deb", Format::Deb), ("rpm", Format::Rpm), ("tar", Format::Tar), ("tarball", Format::Tar)];

/// nfpm's formats that explant does not write: what is for them alone is in no artifact.
const NO_PACKAGERS: &[&str] = &["apk", "archlinux", "ipk", "msix", "srpm"];

fn formats(document: &Document, packager: &Value<String>) -> Result<Formats> {
    let Some(value) = packager.as_ref().filter(|value| !value.get_ref().is_empty()) else {
        return Ok(Formats::ALL);
    };
    let name = value.get_ref().as_str();
    if let Some((_, format)) = PACKAGERS.iter().find(|(known, _)| *known == name) {
        return Ok(Formats::only(*format));
    }
    if NO_PACKAGERS.contains(&name) {
        return Err(document
            .wrong(value.span(), format!("is `{name}`, a format that explant does not write"))
            .remedy("leave this `[[contents]]` out"));
    }
    let known: Vec<_> = PACKAGERS.iter().map(|(name, _)| *name).collect();
    Err(document.wrong(value.span(), format!("cannot be `{}`", printable(name.as_bytes()))).remedy(suggest(
        name,
        &known,
        "a packager",
    )))
}

/// The keys that may stand in `file_info` too.
struct Info<'s> {
    mode: Value<i64>,
    owner: Value<String>,
    group: Value<String>,
    mtime: &'s Value<toml::Value>,
    lang: Value<String>,
}

impl<'s> Info<'s> {
    fn read(document: &Document, schema: &'s schema::Content) -> Result<Self> {
        let nested = &schema.file_info;
        Ok(Info {
            mode: once(document, &schema.mode, &nested.mode)?.clone(),
            owner: once(document, &schema.owner, &nested.owner)?.clone(),
            group: once(document, &schema.group, &nested.group)?.clone(),
            mtime: once(document, &schema.mtime, &nested.mtime)?,
            lang: once(document, &schema.lang, &nested.lang)?.clone(),
        })
    }
}

/// The one of two spellings that is given.
fn once<'v, T>(document: &Document, flat: &'v Value<T>, nested: &'v Value<T>) -> Result<&'v Value<T>> {
    match (flat, nested) {
        (Some(_), Some(nested)) => Err(document
            .wrong(nested.span(), "is there a second time, without `file_info`")
            .remedy("write it once")),
        (None, _) => Ok(nested),
        _ => Ok(flat),
    }
}
