//! nixpkgs' wrappers as what a stub does: the program itself starts, with the wrapper's environment and arguments.

use super::Change;
use crate::inspect::{Action, Maker, Wrapper};

/// What a program's stub is to do, so that no wrapper is needed.
///
/// Where nothing is said of argv\[0\] it stays what the user called the program by, with makeBinaryWrapper's wrappers, too, which
/// would give the store's path.
///
/// Errors: what the wrapper does besides, as a sentence about "it" without a full stop.
pub fn changes(wrapper: &Wrapper) -> Result<Vec<Change>, String> {
    if wrapper.other_lines > 0 {
        return Err(format!("it runs {} lines of a script of its own", wrapper.other_lines));
    }
    let mut changes = Vec::new();
    for action in &wrapper.actions {
        let exact = |text: &String| exact(wrapper.maker, text);
        changes.extend(match action {
            Action::Set { variable, value } => {
                vec![Change::Set { variable: exact(variable)?, value: exact(value)? }]
            }
            Action::SetDefault { variable, value } => {
                vec![Change::Default { variable: exact(variable)?, value: exact(value)? }]
            }
            Action::Unset { variable } => vec![Change::Unset { variable: exact(variable)? }],
            Action::Prefix { variable, separator, value } => vec![Change::Prefix {
                variable: exact(variable)?,
                separator: exact(separator)?,
                value: exact(value)?,
            }],
            Action::Suffix { variable, separator, value } => vec![Change::Suffix {
                variable: exact(variable)?,
                separator: exact(separator)?,
                value: exact(value)?,
            }],
            Action::Chdir { folder } => vec![Change::Folder(exact(folder)?)],
            Action::Argv0 { name } => vec![Change::Argv0(exact(name)?)],
            // The program is called by its own name.
            Action::InheritArgv0 | Action::ResolveArgv0 => Vec::new(),
            Action::AddFlags { flags } => {
                flags.iter().map(|flag| Ok(Change::Argument(exact(flag)?))).collect::<Result<_, String>>()?
            }
            Action::AppendFlags { flags } => flags
                .iter()
                .map(|flag| Ok(Change::LastArgument(exact(flag)?)))
                .collect::<Result<_, String>>()?,
        });
    }
    Ok(changes)
}

/// A text of the wrapper's as the bytes that it stands for.
///
/// Errors: it says more than itself. A wrapper's actions are text for people: what a script's variables hold is not known, and
/// bytes that are none of a text are shown by a backslash.
fn exact(maker: Maker, text: &str) -> Result<Vec<u8>, String> {
    let depends = maker == Maker::Script && text.contains('$');
    if depends || text.contains('\\') {
        return Err(format!("it says {text:?}, which depends on more than the wrapper"));
    }
    Ok(text.as_bytes().to_vec())
}
