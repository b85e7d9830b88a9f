//! What random tests do to a program and its library.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Which of the two files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Victim {
    Program,
    Library,
}

#[derive(Clone, Debug)]
pub enum Edit {
    RemoveRunPath(Victim),
    RunPath {
        of: Victim,
        folders: String,
        runpath: bool,
    },
    /// So many folders deep; none: as short as can be.
    Interpreter(usize),
    Soname(String),
    ExecutableStack(Victim, bool),
    RemoveSpare,
    RemoveExtra,
    /// The new name of the library that the program cannot do without.
    ReplaceNeeded(String),
    AddExtra,
    ClearVersion(u16),
    NoDefaultLib(Victim),
    DebugTag(Victim),
    /// Each in both files, `sym_<number>` by the number.
    RenameSymbols(Vec<(u16, String)>),
}

fn victim() -> impl Strategy<Value = Victim> {
    select(vec![Victim::Program, Victim::Library])
}

/// From one character to more than a page.
fn text(characters: &'static str) -> impl Strategy<Value = String> {
    let character = select(characters.chars().collect::<Vec<_>>());
    let of = |len: std::ops::Range<usize>| vec(character.clone(), len).prop_map(String::from_iter);
    prop_oneof![
        4 => of(1..20),
        4 => of(20..200),
        1 => (4000..9000usize).prop_map(|len| "long/".repeat(len / 5)),
    ]
}

fn file_name() -> impl Strategy<Value = String> {
    "d[a-z0-9_.]{0,12}|d[a-z0-9_.]{100,200}"
}

/// Symbols that the program does not look up by name.
fn symbol() -> impl Strategy<Value = u16> {
    1000..2300u16
}

/// An edit that can be undone by another.
pub fn reversible() -> impl Strategy<Value = Edit> {
    let renames = vec((symbol(), "s[a-zA-Z0-9_]{0,40}"), 1..4);
    let many = vec((symbol(), "s[a-z0-9_]{10,20}"), 200..400);
    prop_oneof![
        2 => victim().prop_map(Edit::RemoveRunPath),
        6 => (victim(), text("abcdefghijklmnop/$:"), any::<bool>()).prop_map(|(of, folders, runpath)| Edit::RunPath { of, folders, runpath }),
        1 => victim().prop_map(|of| Edit::RunPath { of, folders: String::new(), runpath: true }),
        4 => prop_oneof![Just(0), 1..60usize].prop_map(Edit::Interpreter),
        3 => text("abcdefghij.0123456789").prop_map(Edit::Soname),
        2 => (victim(), any::<bool>()).prop_map(|(of, executable)| Edit::ExecutableStack(of, executable)),
        4 => file_name().prop_map(Edit::ReplaceNeeded),
        2 => Just(Edit::AddExtra),
        1 => Just(Edit::RemoveExtra),
        3 => renames.prop_map(Edit::RenameSymbols),
        1 => many.prop_map(Edit::RenameSymbols),
    ]
}

/// Any edit.
pub fn any_edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        8 => reversible(),
        1 => Just(Edit::RemoveSpare),
        1 => symbol().prop_map(Edit::ClearVersion),
        1 => victim().prop_map(Edit::NoDefaultLib),
        1 => victim().prop_map(Edit::DebugTag),
    ]
}

/// The edits of one operation.
pub fn step(edit: impl Strategy<Value = Edit>) -> impl Strategy<Value = Vec<Edit>> {
    vec(edit, 1..4).prop_map(|mut edits| {
        // One of a kind: an operation has room for no more.
        let mut kinds = Vec::new();
        edits.retain(|edit| {
            let kind = (std::mem::discriminant(edit), edit.victim());
            let is_new = !kinds.contains(&kind);
            kinds.push(kind);
            is_new
        });
        edits
    })
}

impl Edit {
    /// Whom it is for; `None`: both.
    pub fn victim(&self) -> Option<Victim> {
        Some(match self {
            Edit::RemoveRunPath(of)
            | Edit::RunPath { of, .. }
            | Edit::ExecutableStack(of, _)
            | Edit::NoDefaultLib(of)
            | Edit::DebugTag(of) => *of,
            Edit::Soname(_) => Victim::Library,
            Edit::RenameSymbols(_) => return None,
            _ => Victim::Program,
        })
    }
}
