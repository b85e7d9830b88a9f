//! Wrappers: programs that set up an environment and then become another program, as nixpkgs makes them.

mod binary;
mod script;
mod shell;
#[cfg(test)]
mod tests;

pub(super) use binary::wrapper as of_program;
pub(super) use script::wrapper as of_script;

/// How a wrapper came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Maker {
    /// nixpkgs' makeBinaryWrapper, which leaves its command in the program.
    MakeBinaryWrapper,
    /// nixpkgs' makeWrapper, or somebody who wrote a script that does the same.
    Script,
}

/// What a wrapper does before it becomes `program`. Everything is text for people.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Wrapper {
    pub maker: Maker,
    pub program: String,
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
        variable: String,
        value: String,
    },
    SetDefault {
        variable: String,
        value: String,
    },
    Unset {
        variable: String,
    },
    Prefix {
        variable: String,
        separator: String,
        value: String,
    },
    Suffix {
        variable: String,
        separator: String,
        value: String,
    },
    Chdir {
        folder: String,
    },
    /// What the program takes for its own name.
    Argv0 {
        name: String,
    },
    /// It takes the name by which the wrapper was called.
    InheritArgv0,
    /// The same, looked up in PATH.
    ResolveArgv0,
    /// Arguments before those of the user.
    AddFlags {
        flags: Vec<String>,
    },
    /// Arguments behind those of the user.
    AppendFlags {
        flags: Vec<String>,
    },
}
