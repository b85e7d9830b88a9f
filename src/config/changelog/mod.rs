//! Changelogs: what was released when. Read in the forms that packagers have them in, written in those of the formats.

mod chglog;
mod debian;
mod rpm;

use std::path::{Path, PathBuf};

use toml::Spanned;

use super::document::Document;
use super::text::{self, Wanted};
use crate::error::Result;
use crate::path::printable;

pub use debian::write as write_debian;

/// One release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// As the changelog has it.
    pub version: String,
    /// Since 1970.
    pub seconds: i64,
    /// `Name <mail>`
    pub author: String,
    /// Debian's: `unstable`.
    pub distribution: String,
    /// Debian's: `medium`.
    pub urgency: String,
    /// Each a paragraph of one line or more.
    pub notes: Vec<String>,
}

/// What Debian takes a changelog's entry to have where it says nothing (deb-changelog(5)).
const DISTRIBUTION: &str = "unstable";
const URGENCY: &str = "medium";

/// `package.changelog`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changelog {
    pub file: PathBuf,
    pub bytes: Vec<u8>,
    pub form: Form,
    /// Newest first; empty where the text is for people alone.
    pub releases: Vec<Release>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// nfpm's, goreleaser/chglog.
    Chglog,
    /// deb-changelog(5)
    Debian,
    /// A spec file's %changelog.
    Rpm,
    /// Any other.
    Text,
}

/// Reads the file that a value names.
///
/// Errors: it cannot be read, or begins in one of the forms and then has something else.
pub(super) fn read(document: &Document, value: &Spanned<String>) -> Result<Changelog> {
    let file = text::user_file(document, value, Wanted::File)?;
    let bytes = std::fs::read(&file).map_err(|cause| {
        document
            .wrong(value.span(), format!("cannot be read: {}: {cause}", shown(&file)))
            .remedy("name a file that can be read")
    })?;
    let (form, releases) = match std::str::from_utf8(&bytes) {
        Err(_) => (Form::Text, Vec::new()),
        Ok(text) => parse(text, &file).map_err(|(form, what)| {
            document
                .wrong(value.span(), format!("begins as {form}, but {what}: {}", shown(&file)))
                .remedy("mend it there; a text of another form is shipped as it is")
        })?,
    };
    Ok(Changelog { file, bytes, form, releases })
}

fn shown(file: &Path) -> String {
    printable(std::os::unix::ffi::OsStrExt::as_bytes(file.as_os_str()))
}

/// Errors: the name of the form that it begins in, and what is wrong.
fn parse(text: &str, file: &Path) -> std::result::Result<(Form, Vec<Release>), (&'static str, String)> {
    let is_yaml = file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    if is_yaml || chglog::is_one(text) {
        return chglog::read(text)
            .map(|releases| (Form::Chglog, releases))
            .map_err(|what| ("a changelog of goreleaser/chglog's", what));
    }
    if debian::is_one(text) {
        return debian::read(text)
            .map(|releases| (Form::Debian, releases))
            .map_err(|what| ("a Debian changelog", what));
    }
    if rpm::is_one(text) {
        return rpm::read(text).map(|releases| (Form::Rpm, releases)).map_err(|what| ("a %changelog", what));
    }
    Ok((Form::Text, Vec::new()))
}

#[cfg(test)]
mod tests;
