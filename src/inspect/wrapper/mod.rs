//! Wrappers: programs that set up an environment and then become another program, as nixpkgs makes them.

mod binary;
mod script;
mod shell;
#[cfg(test)]
mod tests;
mod text;

pub(super) use binary::wrapper as of_program;
pub(super) use script::wrapper as of_script;
pub use text::Text;

/// How a wrapper came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Maker {
    /// nixpkgs' makeBinaryWrapper, which leaves its command in the program.
    MakeBinaryWrapper,
    /// nixpkgs' makeWrapper, or somebody who wrote a script that does the same.
    Script,
}

/// What a wrapper does before it becomes `program`. What it says, as exactly as can be.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Wrapper {
    pub maker: Maker,
    pub program: Text,
    /// In order.
    pub actions: Vec<Action>,
    /// Lines of a script that say something else.
    pub other_lines: usize,
}

/// Named as the flags of makeWrapper are.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    Set {
        variable: Text,
        value: Text,
    },
    SetDefault {
        variable: Text,
        value: Text,
    },
    Unset {
        variable: Text,
    },
    Prefix {
        variable: Text,
        separator: Text,
        value: Text,
    },
    Suffix {
        variable: Text,
        separator: Text,
        value: Text,
    },
    Chdir {
        folder: Text,
    },
    /// What the program takes for its own name.
    Argv0 {
        name: Text,
    },
    /// It takes the name by which the wrapper was called.
    InheritArgv0,
    /// The same, looked up in PATH.
    ResolveArgv0,
    /// Arguments before those of the user.
    AddFlags {
        flags: Vec<Text>,
    },
    /// Arguments behind those of the user.
    AppendFlags {
        flags: Vec<Text>,
    },
}
