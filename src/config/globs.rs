//! The files that a `src` stands for, and where each goes: nfpm's rules (its internal/glob/glob.go, and tried with 2.48).

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use toml::Spanned;
use walkdir::WalkDir;

use super::document::Document;
use super::text;
use crate::error::Result;
use crate::path::{InstallPath, file_name, printable};

/// One file, or a link as it stands.
pub(super) struct Found {
    pub src: PathBuf,
    pub dst: InstallPath,
    pub is_link: bool,
}

/// What `src` stands for: a file; a folder's files, with the folders that they are in; or what matches a glob.
///
/// `dst` is a file's own name, and a folder for all else. With a slash at its end it is a folder that all files go right into.
///
/// Errors: it stands for nothing, or for what is no file.
pub(super) fn find(
    document: &Document,
    src: &Spanned<String>,
    dst: &Spanned<String>,
    globbing: bool,
) -> Result<Vec<Found>> {
    let name = text::line(document, src)?;
    let place = Place { path: text::install_path(document, dst)?, is_folder: dst.get_ref().ends_with('/') };
    if globbing && is_glob(&name) {
        return matching(document, src, &name, &place);
    }
    let path = document.resolve(&name);
    if !path.is_dir() {
        let path = text::user_file(document, src, text::Wanted::File)?;
        let to = if place.is_folder { base(&place.path, &path) } else { place.path };
        return Ok(vec![Found { src: path, dst: to, is_link: false }]);
    }
    let files = below(document, src, &path)?;
    if files.is_empty() {
        return Err(document
            .wrong(src.span(), format!("is a folder without files: {}", printable(name.as_bytes())))
            .remedy("ship an empty folder with `type = \"dir\"`"));
    }
    Ok(place_all(files, &path, &place))
}

/// Where files go.
struct Place {
    path: InstallPath,
    /// It was written with a slash at its end.
    is_folder: bool,
}

fn is_glob(name: &str) -> bool {
    name.contains(['*', '?', '[', '{', '\\'])
}

/// A folder's files and links, all the way down, sorted.
fn below(document: &Document, src: &Spanned<String>, folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for found in WalkDir::new(folder).sort_by_file_name() {
        let found = found.map_err(|error| {
            document.wrong(src.span(), format!("cannot be listed: {error}")).remedy("make it readable")
        })?;
        if !found.file_type().is_dir() {
            files.push(found.into_path());
        }
    }
    Ok(files)
}

fn matching(document: &Document, src: &Spanned<String>, name: &str, place: &Place) -> Result<Vec<Found>> {
    let (folder, pattern) = split(name);
    let matcher = compile(document, src, &pattern)?;
    let root = document.resolve(&folder);
    let root = if root.as_os_str().is_empty() { PathBuf::from(".") } else { root };
    let mut files = if root.is_dir() { below(document, src, &root)? } else { Vec::new() };
    // A folder that matches stands for all that it holds.
    let matches = |file: &PathBuf| {
        let relative = file.strip_prefix(&root).unwrap_or(file);
        relative.ancestors().any(|path| !path.as_os_str().is_empty() && matcher.is_match(path))
    };
    files.retain(matches);
    if files.is_empty() {
        return Err(document
            .wrong(src.span(), format!("matches no file: {}", printable(name.as_bytes())))
            .remedy(
                "globs are relative to the folder of bundle.toml; `package.disable_globbing` takes them for names",
            ));
    }
    let common = common_folder(&files);
    Ok(place_all(files, &common, place))
}

/// The folder that a glob begins in, and what is to be matched below it.
fn split(name: &str) -> (String, String) {
    let mut components: Vec<&str> = name
        .split('/')
        .enumerate()
        .filter(|(at, c)| *at == 0 || !matches!(*c, "" | "."))
        .map(|(_, c)| c)
        .collect();
    if components.first() == Some(&".") {
        components.remove(0);
    }
    let plain = components.iter().take_while(|component| !is_glob(component)).count();
    let folder = components[..plain].join("/");
    let folder = if folder.is_empty() && name.starts_with('/') { "/".to_owned() } else { folder };
    // nfpm's `**` before a slash is one folder at least; globset's may be none.
    let last = components.len() - 1;
    let pattern: Vec<&str> = components[plain..]
        .iter()
        .zip(plain..)
        .map(|(component, at)| if *component == "**" && at < last { "*/**" } else { component })
        .collect();
    (folder, pattern.join("/"))
}

fn compile(document: &Document, src: &Spanned<String>, pattern: &str) -> Result<GlobMatcher> {
    let glob = GlobBuilder::new(pattern).literal_separator(true).backslash_escape(true).build();
    glob.map(|glob| glob.compile_matcher()).map_err(|error| {
        document
            .wrong(src.span(), format!("is no glob: {}", error.kind()))
            .remedy("`*`, `**`, `?`, `[a-z]` and `{a,b}` are special; a backslash takes that away")
    })
}

/// The folder of the longest beginning that all names have in common.
fn common_folder(files: &[PathBuf]) -> PathBuf {
    let mut names = files.iter().map(|file| file.as_os_str().as_bytes());
    let first = names.next().unwrap_or_default();
    let common = names.fold(first.len(), |length, name| {
        first.iter().zip(name).take_while(|(a, b)| a == b).count().min(length)
    });
    let folder = first[..common].iter().rposition(|b| *b == b'/').map_or(&b""[..], |slash| &first[..slash]);
    PathBuf::from(OsStr::from_bytes(folder))
}

fn place_all(files: Vec<PathBuf>, root: &Path, place: &Place) -> Vec<Found> {
    let each = |src: PathBuf| {
        let relative = src.strip_prefix(root).unwrap_or(&src).as_os_str().as_bytes();
        let dst = if place.is_folder { base(&place.path, &src) } else { place.path.join(relative) };
        Found { dst, is_link: src.is_symlink(), src }
    };
    files.into_iter().map(each).collect()
}

fn base(folder: &InstallPath, file: &Path) -> InstallPath {
    folder.join(file_name(file.as_os_str().as_bytes()))
}
