//! Kinds of values, and how each is written in bundle.toml.

use super::value::{self, Variables, expanded, list, quoted};
use crate::yaml::{Node, Value};

#[derive(Clone, Copy)]
pub enum Kind {
    Text(Variables),
    Texts(Variables),
    Number,
    Mode,
    Truth,
    /// A codec and its level.
    Compression,
}

use Kind::{Compression, Mode, Number, Text, Texts, Truth};

impl Kind {
    /// The value as TOML; `None` for an empty one, which nfpm takes for one that is not there.
    ///
    /// Errors: what it is not.
    pub fn written(self, node: &Node) -> Result<Option<String>, &'static str> {
        let written = match (self, &node.value) {
            (_, Value::Null) => return Ok(None),
            (Text(_) | Compression, Value::Text(text)) if text.is_empty() => return Ok(None),
            (Texts(_), Value::List(items)) if items.is_empty() => return Ok(None),
            (Mode, Value::Text(text)) if value::mode(text) == Some(0) => return Ok(None),
            (Text(variables), Value::Text(text)) => Some(quoted(&expanded(text, variables))),
            (Texts(variables), Value::List(items)) => texts(items, variables).map(|texts| list(&texts)),
            (Number, Value::Text(text)) => text.parse::<u32>().ok().map(|number| number.to_string()),
            (Mode, Value::Text(text)) => value::mode(text).map(|mode| format!("0o{mode:o}")),
            (Truth, Value::Text(text)) => value::truth(text).map(|truth| truth.to_string()),
            // Go's way to say a codec's own level.
            (Compression, Value::Text(text)) => Some(quoted(if text == "gzip:-1" { "gzip" } else { text })),
            _ => None,
        };
        written.map(Some).ok_or(self.denied())
    }

    fn denied(self) -> &'static str {
        match self {
            Text(_) | Compression => "it is no text",
            Texts(_) => "it is no list of texts",
            Number => "it is no whole number",
            Mode => "it is no file mode",
            Truth => "it is neither true nor false",
        }
    }
}

/// The empty ones left out, as nfpm does.
fn texts(items: &[Node], variables: Variables) -> Option<Vec<String>> {
    let texts: Option<Vec<&str>> =
        items.iter().map(|item| if item.value == Value::Null { Some("") } else { item.text() }).collect();
    let given = texts?.into_iter().filter(|text| !text.trim().is_empty());
    Some(given.map(|text| expanded(text, variables)).collect())
}
