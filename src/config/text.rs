//! What the fields of bundle.toml have in common: single lines, names, globs, modes, files.

use std::ops::Range;
use std::path::PathBuf;

use globset::{Glob, GlobMatcher};
use toml::Spanned;

use super::date;
use super::document::Document;
use super::schema::{Strings, Value};
use crate::error::{Error, Result};
use crate::path::{InstallPath, printable};

/// The longest name of a user or group: tar's uname field less its NUL.
const MAX_OWNER: usize = 31;

/// A value that becomes one line of a control file or an rpm header: not empty, no control characters.
pub(super) fn line(document: &Document, value: &Spanned<String>) -> Result<String> {
    let text = value.get_ref();
    if text.trim().is_empty() {
        return Err(document.wrong(value.span(), "is empty").remedy("leave the key out for its default"));
    }
    if text.chars().any(char::is_control) {
        return Err(document
            .wrong(value.span(), "holds a line break or another control character")
            .remedy("write it in one line of plain text"));
    }
    Ok(text.trim().to_owned())
}

pub(super) fn optional_line(document: &Document, value: &Value<String>) -> Result<Option<String>> {
    value.as_ref().map(|value| line(document, value)).transpose()
}

/// Text of several lines; no control characters but tab and newline.
pub(super) fn paragraphs(document: &Document, value: &Spanned<String>) -> Result<String> {
    let text = value.get_ref().replace("\r\n", "\n");
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(document
            .wrong(value.span(), "holds control characters")
            .remedy("nothing but text, tabs and line breaks may be in it"));
    }
    Ok(text.trim_matches('\n').to_owned())
}

/// Globs, which are kept as text.
pub(super) fn globs(document: &Document, values: &Strings) -> Result<Vec<String>> {
    values.iter().map(|value| glob(document, value).map(|_| value.get_ref().clone())).collect()
}

pub(super) fn glob(document: &Document, value: &Spanned<String>) -> Result<GlobMatcher> {
    let text = line(document, value)?;
    let glob = Glob::new(&text).map_err(|error| {
        document
            .wrong(value.span(), format!("is no glob: {}", error.kind()))
            .remedy("`*`, `**`, `?`, `[a-z]` and `{a,b}` are special; a backslash takes that away")
    })?;
    Ok(glob.compile_matcher())
}

/// The permission bits, setuid and the like included.
const MODE_BITS: u32 = 0o7777;

/// A file mode; written in octal, since `644` would be 0o1204.
pub(super) fn mode(document: &Document, value: &Value<i64>) -> Result<Option<u32>> {
    let Some(value) = value else { return Ok(None) };
    let in_range = |mode: &u32| *mode <= MODE_BITS;
    let mode = u32::try_from(*value.get_ref()).ok().filter(in_range);
    let written = document.written(value.span()).replace('_', "");
    if written.starts_with("0o") || mode == Some(0) {
        return mode.map(Some).ok_or_else(|| no_mode(document, value));
    }
    match u32::from_str_radix(&written, 8).ok().filter(in_range).or(mode) {
        Some(meant) => Err(document
            .wrong(value.span(), "is not written in octal")
            .remedy(format!("write `0o{meant:o}`"))),
        None => Err(no_mode(document, value)),
    }
}

fn no_mode(document: &Document, value: &Spanned<i64>) -> Error {
    document
        .wrong(value.span(), format!("is no file mode: it must lie between 0o0 and 0o{MODE_BITS:o}"))
        .remedy("0o644, 0o755 and 0o4755 are usual")
}

/// A time in seconds since 1970: a date and time of TOML's, or the same as a string; without an offset it is UTC.
pub(super) fn moment(document: &Document, value: &Spanned<toml::Value>) -> Result<u32> {
    let text = match value.get_ref() {
        toml::Value::Datetime(time) => time.to_string(),
        toml::Value::String(text) => text.trim().to_owned(),
        _ => String::new(),
    };
    date::seconds(&text).and_then(|seconds| u32::try_from(seconds).ok()).ok_or_else(|| {
        document
            .wrong(value.span(), "is no time between 1970 and 2106")
            .remedy("write it as `2009-11-10T23:00:00Z`")
    })
}

/// The name of a user or group.
pub(super) fn owner(document: &Document, value: &Value<String>) -> Result<Option<String>> {
    let Some(value) = value else { return Ok(None) };
    let name = value.get_ref();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if name.is_empty() || name.len() > MAX_OWNER || name.starts_with('-') || !name.chars().all(allowed) {
        return Err(document.wrong(value.span(), "is no name of a user or group").remedy(format!(
            "letters, digits and `._-` may be in it, {MAX_OWNER} at most; `root` is the default"
        )));
    }
    Ok(Some(name.clone()))
}

/// An absolute path on the target, without `..`; not the root.
pub(super) fn install_path(document: &Document, value: &Spanned<String>) -> Result<InstallPath> {
    let path = install_folder(document, value)?;
    if path.is_root() {
        return Err(document.wrong(value.span(), "is the root folder itself").remedy("name a path below it"));
    }
    Ok(path)
}

/// The same, or the root.
pub(super) fn install_folder(document: &Document, value: &Spanned<String>) -> Result<InstallPath> {
    let text = line(document, value)?;
    climbs(document, &text, value.span())?;
    match InstallPath::new(&text) {
        Some(path) => Ok(path),
        None => Err(document
            .wrong(value.span(), format!("is not absolute: `{}`", printable(text.as_bytes())))
            .remedy(format!("write `/{}`", printable(text.as_bytes())))),
    }
}

/// A path relative to a folder, that stays in it; normalised: no `.` or empty component.
pub(super) fn relative_path(document: &Document, value: &Spanned<String>, folder: &str) -> Result<String> {
    let text = line(document, value)?;
    climbs(document, &text, value.span())?;
    if text.starts_with('/') {
        return Err(document
            .wrong(value.span(), format!("is absolute, but must be relative to {folder}"))
            .remedy(format!("leave the first `/` out: it is below {folder} anyway")));
    }
    let path = InstallPath::root().join(&text);
    if path.is_root() {
        return Err(document
            .wrong(value.span(), format!("is {folder} itself"))
            .remedy("name a path below it"));
    }
    Ok(String::from_utf8_lossy(path.relative()).into_owned())
}

/// Refuses `..`.
pub(super) fn climbs(document: &Document, text: &str, place: Range<usize>) -> Result<()> {
    if text.split('/').any(|component| component == "..") {
        return Err(document.wrong(place, "must not hold `..`").remedy("write the path that it comes to"));
    }
    Ok(())
}

/// What a file of the user's must be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    File,
    Folder,
}

/// A file of the user's, relative to the folder of bundle.toml, that is there.
pub(super) fn user_file(document: &Document, value: &Spanned<String>, wanted: Wanted) -> Result<PathBuf> {
    let name = line(document, value)?;
    let path = document.resolve(&name);
    let shown = printable(std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()));
    let metadata = std::fs::metadata(&path).map_err(|cause| {
        document
            .wrong(value.span(), format!("cannot be read: {shown}: {cause}"))
            .remedy("names of files are relative to the folder of bundle.toml, and are no globs")
    })?;
    match wanted {
        Wanted::File if !metadata.is_file() => Err(document
            .wrong(value.span(), format!("is not a regular file: {shown}"))
            .remedy("name a file; a whole folder is shipped by `[[contents]]` with `type = \"tree\"`")),
        Wanted::Folder if !metadata.is_dir() => Err(document
            .wrong(value.span(), format!("is not a folder: {shown}"))
            .remedy("name a folder; a file is shipped with `type = \"file\"`")),
        _ => Ok(path),
    }
}
