//! nixpkgs' wrappers as what a stub does: the program itself starts, with the wrapper's environment and arguments.

use super::Change;
use crate::inspect::{Action, Maker, Text, Wrapper};
use crate::plan::table::counted;

/// What a program's stub is to do, so that no wrapper is needed.
///
/// Where nothing is said of argv\[0\] it stays what the user called the program by, with makeBinaryWrapper's wrappers, too, which
/// would give the store's path.
///
/// Errors: what the wrapper does besides, as a sentence about "it" without a full stop.
pub fn changes(wrapper: &Wrapper) -> Result<Vec<Change>, String> {
    if wrapper.other_lines > 0 {
        return Err(format!(
            "it runs {} of a script of its own",
            counted(wrapper.other_lines, "line", "lines")
        ));
    }
    let mut changes = Vec::new();
    for action in &wrapper.actions {
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
            // A script's `$0` is its path, whatever it was called by.
            Action::InheritArgv0 if wrapper.maker == Maker::Script => vec![Change::Argv0Started],
            // The program is called by its own name.
            Action::InheritArgv0 => Vec::new(),
            Action::ResolveArgv0 => vec![Change::Argv0Started],
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
/// Errors: it says more than itself.
fn exact(text: &Text) -> Result<Vec<u8>, String> {
    match text.is_exact {
        true => Ok(text.bytes.clone()),
        false => Err(format!("it says \"{text}\", which depends on more than the wrapper")),
    }
}
