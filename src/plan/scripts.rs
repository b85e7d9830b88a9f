//! Scripts of a tarball that runs from any folder, whose interpreter is the bundle's.

use std::collections::BTreeSet;

use super::entries::Entries;
use super::starters::{Starters, in_tarball};
use super::stubs::Lack;
use super::{Entry, Role};
use crate::inspect::first_line;
use crate::path::{InstallPath, file_name};
use crate::stub::Change;

/// Gives each script in a folder of programs a starter in its place in the tarball, in `new`; the script lies beside it. `files` are
/// the programs with their first bytes. What cannot be done goes to `lacks`.
pub fn replace(
    starters: &Starters,
    entries: &Entries,
    files: &[(&Entry, &[u8])],
    new: &mut Vec<Entry>,
    lacks: &mut Vec<Lack>,
) {
    let sourced: BTreeSet<&[u8]> = files.iter().flat_map(|(_, bytes)| sources(bytes)).collect();
    for (entry, bytes) in files {
        let Some((interpreter, argument)) = first_line(bytes) else { continue };
        let interpreter = InstallPath::new(interpreter).filter(|_| interpreter.starts_with(b"/"));
        let Some(interpreter) = interpreter.filter(|path| entries.follow(path).1.is_some()) else { continue };
        // In others are modules, which interpreters read though they can be executed.
        let folder = entry.path.parent().unwrap_or_else(InstallPath::root);
        let is_program =
            folder.components().any(|name| [b"bin".as_slice(), b"sbin", b"libexec"].contains(&name));
        let made = match (is_program, sourced.contains(entry.path.file_name())) {
            (false, _) => {
                Err("a script outside of bin, sbin and libexec, which names its interpreter by an \
                               absolute path"
                    .to_owned())
            }
            (_, true) => {
                Err("a script that others read, which names its interpreter by an absolute path".into())
            }
            _ => starter(starters, entries, entry, &interpreter, argument),
        };
        match made {
            Ok(both) => new.extend(both),
            Err(reason) => lacks.push(Lack::start(&entry.path, reason)),
        }
    }
}

/// The starter of a script, and the script.
fn starter(
    starters: &Starters,
    entries: &Entries,
    entry: &Entry,
    interpreter: &InstallPath,
    argument: &[u8],
) -> Result<[Entry; 2], String> {
    let path = beside(&entry.path);
    if entries.holds(&path) {
        return Err(format!("{path} is there already, where the script would lie"));
    }
    let mut changes = vec![Change::Argv0(starters.rooted(interpreter))];
    if !argument.is_empty() {
        changes.push(Change::Argument(starters.rooted_text(entries, argument.to_vec())?));
    }
    changes.push(Change::Argument(starters.rooted(&path)));
    let starter = starters.instead_of(entry, interpreter, changes)?;
    let special = in_tarball(entry);
    // Nobody is to start it by its first line.
    let script = Entry { path, mode: 0o644, role: Role::Data, special, ..(*entry).clone() };
    Ok([starter, script])
}

/// `.NAME-script` in the same folder: so a script finds its neighbours and what is above them by its own path.
fn beside(script: &InstallPath) -> InstallPath {
    let name = script.file_name();
    let dot: &[u8] = if name.starts_with(b".") { b"" } else { b"." };
    script.parent().unwrap_or_else(InstallPath::root).join([dot, name, b"-script"].concat())
}

/// The names of the files that a shell script reads: `. FILE`, `source FILE`.
fn sources(script: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = script.split(|byte| *byte == b'\n').filter(|_| script.starts_with(b"#!"));
    lines.filter_map(|line| {
        let line = line.trim_ascii_start();
        let rest = line.strip_prefix(b". ").or_else(|| line.strip_prefix(b"source "))?;
        let command = rest.split(|byte| b";&|".contains(byte)).next()?;
        // Of `"$(dirname "$0")/x" y` it is x.
        file_name(command.trim_ascii()).split(|byte| b" \t\"'".contains(byte)).find(|word| !word.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_scripts_read_is_known_by_its_name() {
        let script =
            b"#!/bin/sh\n. gettext.sh\n  . \"$(dirname \"$0\")/git-sh-setup\"\nsource /x/lib.sh; run\n.x\n";
        let names: Vec<&[u8]> = sources(script).collect();
        assert_eq!(names, [&b"gettext.sh"[..], b"git-sh-setup", b"lib.sh"]);
        assert_eq!(sources(b"\x7fELF\n. x\n").count(), 0);
    }
}
