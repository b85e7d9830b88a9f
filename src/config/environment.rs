//! Variables of the environment in values: `${VERSION}`, as a build service sets it.

use toml::Spanned;

use super::document::Document;
use super::schema::Value;
use crate::error::Result;
use crate::path::printable;

/// The value with each `${NAME}` replaced by what the environment holds, and each `${NAME:-other}` by that or by `other`,
/// as the shell has it. `$${` stands for `${`; a `$` before anything else is a dollar.
///
/// Errors: a variable that is not set and has no other, or something else in the braces.
pub(super) fn expand(document: &Document, value: &Spanned<String>) -> Result<Spanned<String>> {
    let mut text = String::new();
    let mut rest = value.get_ref().as_str();
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        if let Some(before) = before.strip_suffix('$') {
            text.push_str(before);
            text.push_str("${");
            rest = &from[2..];
            continue;
        }
        text.push_str(before);
        let Some((inner, after)) = from[2..].split_once('}') else {
            return Err(document
                .wrong(value.span(), "has a `${` without its `}`")
                .remedy("write `$${` where no variable is meant"));
        };
        text.push_str(&variable(document, value, inner)?);
        rest = after;
    }
    text.push_str(rest);
    Ok(Spanned::new(value.span(), text))
}

pub(super) fn expand_optional(document: &Document, value: &Value<String>) -> Result<Value<String>> {
    value.as_ref().map(|value| expand(document, value)).transpose()
}

/// What stands for `NAME` or `NAME:-other`.
fn variable(document: &Document, value: &Spanned<String>, inner: &str) -> Result<String> {
    let (name, other) = match inner.split_once(":-") {
        Some((name, other)) => (name, Some(other)),
        None => (inner, None),
    };
    let shown = printable(name.as_bytes());
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(legal) || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(document
            .wrong(value.span(), format!("names no variable: `${{{shown}}}`"))
            .remedy("write `$${` where no variable is meant"));
    }
    // The shell's `:-` takes an empty variable for one that is not set.
    let held = document.variable(name).filter(|held| other.is_none() || !held.is_empty());
    held.or_else(|| other.map(str::to_owned)).ok_or_else(|| {
        document
            .wrong(value.span(), format!("needs the environment variable {shown}, which is not set"))
            .remedy(format!("set it, or write `${{{shown}:-}}` for nothing in its place"))
    })
}
