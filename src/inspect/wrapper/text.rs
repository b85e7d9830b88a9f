//! What a wrapper says, as bytes.

use std::fmt;

use super::shell::{Part, shown};
use crate::path::printable;

/// A value, a name, a flag. To people and in JSON it is shown without control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub bytes: Vec<u8>,
    /// It is what it says; else the script's variables stand in it by their names, and what they hold is not known.
    pub is_exact: bool,
}

impl Text {
    pub(super) fn exact(bytes: impl Into<Vec<u8>>) -> Self {
        Text { bytes: bytes.into(), is_exact: true }
    }

    /// Of a word of a script's.
    pub(super) fn of(word: &[Part]) -> Self {
        let is_exact = word.iter().all(|part| matches!(part, Part::Text(_)));
        Text { bytes: shown(word), is_exact }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Text::exact(text)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.bytes))
    }
}

impl serde::Serialize for Text {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
