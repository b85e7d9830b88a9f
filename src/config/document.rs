//! bundle.toml's text, and how to point at a place in it.

use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::nfpm_keys;
use super::schema::Schema;
use crate::error::{Error, Result};
use crate::path::printable;

/// The most characters of a line that are shown around a place.
const SHOWN: usize = 100;

/// What a variable of the environment holds.
pub(super) type Environment<'e> = dyn Fn(&str) -> Option<String> + 'e;

/// One bundle.toml, parsed as TOML.
pub(super) struct Document<'a> {
    text: &'a str,
    file: &'a Path,
    environment: &'a Environment<'a>,
    root: Spanned<DeTable<'a>>,
}

impl<'a> Document<'a> {
    /// Errors: the text is no TOML.
    pub fn parse(text: &'a str, file: &'a Path, environment: &'a Environment<'a>) -> Result<Self> {
        let root = DeTable::parse(text).map_err(|error| {
            let place = error.span().unwrap_or(text.len()..text.len());
            Error::usage(point(text, file, place, &format!("not valid TOML: {}", error.message())))
                .remedy("mend it there or just before it; toml.io says what may stand where")
        })?;
        Ok(Document { text, file, environment, root })
    }

    /// Errors: a key that the schema does not have, or a value of another type.
    pub fn schema(&self) -> Result<Schema> {
        let deserializer = toml::de::Deserializer::from(self.root.clone());
        serde::Deserialize::deserialize(deserializer).map_err(|error| self.explain(&error))
    }

    /// The field at `place` is wrong: "`install.prefix` " and then `what`.
    pub fn wrong(&self, place: Range<usize>, what: impl AsRef<str>) -> Error {
        let field = self.field(&place);
        let message = if field.is_empty() {
            what.as_ref().to_owned()
        } else {
            format!("`{}` {}", printable(field.as_bytes()), what.as_ref())
        };
        Error::usage(point(self.text, self.file, place, &message))
    }

    /// The field at `place` belongs to the schema, but nothing stands behind it yet.
    pub fn not_yet(&self, place: Range<usize>) -> Error {
        self.wrong(place, "is not carried out yet").remedy("leave it out")
    }

    /// What is written at `place`.
    pub fn written(&self, place: Range<usize>) -> &str {
        self.text.get(place).unwrap_or_default()
    }

    /// What a variable of the environment holds; `None` where it is not set.
    pub fn variable(&self, name: &str) -> Option<String> {
        (self.environment)(name)
    }

    /// A file name of the user's, which is relative to the folder of bundle.toml.
    pub fn resolve(&self, name: &str) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).join(name)
    }

    /// An error of serde's, told in the words of bundle.toml.
    fn explain(&self, error: &toml::de::Error) -> Error {
        let place = error.span().unwrap_or(0..0);
        let names = quoted(error.message());
        let message = error.message();
        if message.starts_with("unknown field") {
            return self.unknown_key(place, &names);
        }
        if let (true, Some((given, known))) = (message.starts_with("unknown variant"), names.split_first()) {
            return self
                .wrong(place, format!("cannot be `{}`", printable(given.as_bytes())))
                .remedy(suggest(given, known, "a value"));
        }
        if let (true, Some(key)) = (message.starts_with("missing field"), names.first()) {
            return self.wrong(place, format!("lacks `{key}`")).remedy(format!("add `{key} = ...` to it"));
        }
        let (what, remedy) = wrong_type(message);
        let is_mode = self.field(&place).ends_with("mode");
        self.wrong(place, what).remedy(if is_mode { "write it in octal: `0o644`" } else { remedy })
    }

    /// `names`: the key, then those that its table has.
    fn unknown_key(&self, place: Range<usize>, names: &[&str]) -> Error {
        let Some((key, known)) = names.split_first() else { return self.wrong(place, "is no key") };
        let field = self.field(&place);
        let table = field.strip_suffix(key).map_or("", |table| table.trim_end_matches('.'));
        let table_name = without_indices(table);
        if let Some((what, remedy)) = nfpm_keys::explain(&table_name, key) {
            return self.wrong(place, what).remedy(remedy);
        }
        let within = match table {
            "" => "at the top of bundle.toml".to_owned(),
            table => format!("of `{}`", printable(table.as_bytes())),
        };
        self.wrong(place, format!("is not a key {within}")).remedy(suggest(key, known, "a key"))
    }

    /// The name of the smallest key or value that holds `place`: `install.files[0].mode`. Empty where none does.
    fn field(&self, place: &Range<usize>) -> String {
        let mut best = (usize::MAX, String::new());
        smallest_in_table(self.root.get_ref(), "", place, &mut best);
        best.1
    }
}

/// `best` is the length of the smallest span so far, and its name. Of equal ones the innermost is taken: the span of a
/// `[[list]]` is that of its first table.
fn smallest_in_table(table: &DeTable, name: &str, place: &Range<usize>, best: &mut (usize, String)) {
    for (key, value) in table {
        let name =
            if name.is_empty() { key.get_ref().to_string() } else { format!("{name}.{}", key.get_ref()) };
        take_smaller(key.span(), &name, place, best);
        smallest_in_value(value, &name, place, best);
    }
}

fn smallest_in_value(value: &Spanned<DeValue>, name: &str, place: &Range<usize>, best: &mut (usize, String)) {
    take_smaller(value.span(), name, place, best);
    match value.get_ref() {
        DeValue::Table(table) => smallest_in_table(table, name, place, best),
        DeValue::Array(array) => {
            for (index, value) in array.iter().enumerate() {
                smallest_in_value(value, &format!("{name}[{index}]"), place, best);
            }
        }
        _ => {}
    }
}

fn take_smaller(span: Range<usize>, name: &str, place: &Range<usize>, best: &mut (usize, String)) {
    if span.start <= place.start && place.end <= span.end && span.len() <= best.0 {
        *best = (span.len(), name.to_owned());
    }
}

/// `overrides.deb.contents[0]` is `overrides.deb.contents`.
fn without_indices(field: &str) -> String {
    let parts = field.split('[').map(|part| part.split_once(']').map_or(part, |(_, rest)| rest));
    parts.collect()
}

/// The names in backquotes of one of serde's messages: "unknown field `nam`, expected one of `name`, `version`".
/// The first may hold anything, so it ends at the last "`, " before the known ones.
fn quoted(message: &str) -> Vec<&str> {
    let Some((_, rest)) = message.split_once('`') else { return Vec::new() };
    let (first, known) = match rest.rsplit_once("`, expected ") {
        Some((first, known)) => (first, known),
        None => (rest.trim_end_matches('`'), ""),
    };
    let mut names = vec![first];
    names.extend(known.split('`').skip(1).step_by(2));
    names
}

/// serde's "invalid type: integer `3`, expected a string", in the words of TOML, and the remedy.
fn wrong_type(message: &str) -> (String, &'static str) {
    let parts = message.strip_prefix("invalid type: ").and_then(|message| message.rsplit_once(", expected "));
    let Some((given, wanted)) = parts else { return (format!("is wrong: {message}"), "write another value") };
    let given = match given {
        "map" => "a table",
        "sequence" => "a list",
        given => given,
    };
    let (wanted, remedy) = match wanted {
        "i64" => ("a whole number", "write it without quotes"),
        "a boolean" => ("`true` or `false`", "write it without quotes"),
        "a sequence" => ("a list", "write it in brackets: `[...]`"),
        "a map" | "a table" => ("a table", "write it as `[name]` with keys below, or as `{ key = value }`"),
        "a string" => ("a string", "write it in quotes"),
        wanted => (wanted, "write another value"),
    };
    (format!("must be {wanted}, not {}", printable(given.as_bytes())), remedy)
}

/// What the user may have meant by `given`; else all that is `known`.
pub(super) fn suggest(given: &str, known: &[&str], what: &str) -> String {
    let nearest = known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&given.to_lowercase(), name), name))
        .filter(|(distance, name)| *distance <= 1 + name.chars().count() / 3)
        .min();
    match nearest {
        Some((_, name)) => format!("did you mean `{name}`?"),
        None => format!("{what} may be {}", listed(known)),
    }
}

/// "`a`, `b` or `c`"
pub(super) fn listed(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// The message, then the file, line and column, the line itself, and a caret under the place, as rustc does it.
/// Columns count characters, from 1.
pub(super) fn point(text: &str, file: &Path, place: Range<usize>, message: &str) -> String {
    let start = floor(text, place.start);
    let end = floor(text, place.end).max(start);
    let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
    let number = text[..line_start].matches('\n').count() + 1;
    let column = text[line_start..start].chars().count();

    let before = visible(&text[line_start..start]);
    let marked = visible(&text[start..end.min(line_end)]);
    let after = visible(text[end.min(line_end)..line_end].trim_end());
    let (before, marked, after) = (tail(&before), head(&marked, SHOWN), head(&after, SHOWN));

    let gutter = " ".repeat(number.to_string().len());
    let indent = " ".repeat(before.chars().count());
    let carets = "^".repeat(marked.chars().count().max(1));
    let file = printable(file.as_os_str().as_bytes());
    let column = column + 1;
    [
        message.to_owned(),
        format!("{gutter}--> {file}:{number}:{column}"),
        format!("{gutter} |"),
        format!("{number} | {before}{marked}{after}"),
        format!("{gutter} | {indent}{carets}"),
    ]
    .join("\n")
}

/// The start of the character that `index` lies in.
fn floor(text: &str, index: usize) -> usize {
    let index = index.min(text.len());
    (0..=index).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0)
}

/// Tabs as one space, so that the caret stands where it should; other control characters escaped.
fn visible(text: &str) -> String {
    printable(text.replace('\t', " ").as_bytes())
}

fn head(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(most).collect();
    cut.push('…');
    cut
}

fn tail(text: &str) -> String {
    let length = text.chars().count();
    if length <= SHOWN {
        return text.to_owned();
    }
    let mut cut = String::from("…");
    cut.extend(text.chars().skip(length - SHOWN));
    cut
}
