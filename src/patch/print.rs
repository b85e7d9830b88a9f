//! The fields that can be printed, and how their values look.

use serde_json::json;

use crate::path::printable;

use super::failure::Lack;

/// In the order that patchelf prints them in, whatever that of the options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    Interpreter,
    OsAbi,
    Soname,
    RunPath,
    ExecutableStack,
    Needed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Text(Vec<u8>),
    List(Vec<Vec<u8>>),
    Flag(bool),
    /// The field may be missing, and is.
    Nothing,
    /// The file is not of the kind that has the field.
    Missing(Lack),
    /// It is the field of another file, of which this one has but the debug information; or one that nobody reads.
    Elsewhere,
}

impl Field {
    /// Its name in JSON: that of patchelf's option.
    pub fn name(self) -> &'static str {
        match self {
            Field::Interpreter => "interpreter",
            Field::OsAbi => "os-abi",
            Field::Soname => "soname",
            Field::RunPath => "rpath",
            Field::ExecutableStack => "execstack",
            Field::Needed => "needed",
        }
    }
}

impl Value {
    /// patchelf's lines: none for a soname that is missing, an empty one for a run path.
    pub fn write(&self, field: Field, out: &mut Vec<u8>) {
        let mut line = |text: &[u8]| {
            out.extend_from_slice(text);
            out.push(b'\n');
        };
        match (self, field) {
            (Value::Text(text), _) => line(text),
            (Value::List(names), _) => names.iter().for_each(|name| line(name)),
            (Value::Flag(true), _) => line(b"execstack: X"),
            (Value::Flag(false), _) => line(b"execstack: -"),
            (Value::Nothing, Field::ExecutableStack) => line(b"execstack: ?"),
            (Value::Nothing, Field::RunPath) => line(b""),
            (Value::Nothing | Value::Missing(_) | Value::Elsewhere, _) => {}
        }
    }

    pub fn json(&self) -> serde_json::Value {
        match self {
            Value::Text(text) => json!(printable(text)),
            Value::List(names) => names.iter().map(|name| printable(name)).collect(),
            Value::Flag(set) => json!(set),
            Value::Nothing | Value::Missing(_) | Value::Elsewhere => json!(null),
        }
    }
}
