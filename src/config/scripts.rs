//! `[scripts]`: what runs when a package is installed or removed.

use toml::Spanned;

use super::document::Document;
use super::schema::{self, Value};
use super::text::{self, Wanted};
use crate::error::Result;
use crate::path::printable;

/// Maintainer scripts, their text. Each begins with a `#!` line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scripts {
    pub preinstall: Option<String>,
    pub postinstall: Option<String>,
    pub preremove: Option<String>,
    pub postremove: Option<String>,
}

impl Scripts {
    pub(super) fn from_schema(document: &Document, schema: &schema::Scripts) -> Result<Self> {
        let read = |value: &Value<String>| value.as_ref().map(|value| script(document, value)).transpose();
        Ok(Scripts {
            preinstall: read(&schema.preinstall)?,
            postinstall: read(&schema.postinstall)?,
            preremove: read(&schema.preremove)?,
            postremove: read(&schema.postremove)?,
        })
    }
}

/// Reads a script. One without a `#!` line gets the shell's: rpm runs it so, and dpkg cannot run it at all.
fn script(document: &Document, value: &Spanned<String>) -> Result<String> {
    let path = text::user_file(document, value, Wanted::File)?;
    let shown = printable(std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()));
    let bytes = std::fs::read(&path)
        .map_err(|cause| document.wrong(value.span(), format!("cannot be read: {shown}: {cause}")))?;
    let text = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0')).ok_or_else(|| {
        document.wrong(value.span(), format!("is no text: {shown}")).remedy("name a script")
    })?;
    let first_line = text.split('\n').next().unwrap_or_default();
    if first_line.starts_with("#!") && first_line.ends_with('\r') {
        return Err(document
            .wrong(value.span(), format!("has a `#!` line that ends in a carriage return: {shown}"))
            .remedy(
                "save it with Unix line ends; the kernel takes the carriage return for a part of the name",
            ));
    }
    Ok(if text.starts_with("#!") { text } else { format!("#!/bin/sh\n{text}") })
}
