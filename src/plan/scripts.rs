//! Scripts of a tarball that runs from any folder, whose interpreter is the bundle's.

use std::collections::{BTreeMap, BTreeSet};

use super::entries::Entries;
use super::starters::Starters;
use super::stubs::Lack;
use super::{Entry, Kind, Role};
use crate::inspect::first_line;
use crate::path::{InstallPath, file_name};
use crate::stub::Change;

/// A script that a starter starts.
struct Script<'a> {
    entry: &'a Entry,
    interpreter: InstallPath,
    argument: &'a [u8],
}

/// Gives each script in a folder of programs a starter in its place in the tarball, in `new`; the script lies in a folder beside
/// that one ([`script_of`]). `files` are the programs with their first bytes. What cannot be done goes to `lacks`.
pub fn replace(
    starters: &Starters,
    entries: &Entries,
    files: &[(&Entry, &[u8])],
    new: &mut Vec<Entry>,
    lacks: &mut Vec<Lack>,
) {
    let sourced: BTreeSet<&[u8]> = files.iter().flat_map(|(_, bytes)| sources(bytes)).collect();
    let mut scripts: BTreeMap<InstallPath, Script> = BTreeMap::new();
    for (entry, bytes) in files {
        let Some((interpreter, argument)) = first_line(bytes) else { continue };
        let interpreter = InstallPath::new(interpreter).filter(|_| interpreter.starts_with(b"/"));
        let Some(interpreter) = interpreter.filter(|path| entries.follow(path).1.is_some()) else { continue };
        let script = Script { entry, interpreter, argument };
        if let Some(lack) = why_not(entries, &entry.path, &sourced) {
            lacks.push(lack);
            continue;
        }
        match script.starter(starters, entries, &entry.path) {
            Ok(starter) => {
                new.extend([starter, script.moved(starters)]);
                scripts.insert(entry.path.clone(), script);
            }
            Err(reason) => lacks.push(Lack::start(&entry.path, reason)),
        }
    }
    new.extend(neighbours(starters, entries, &scripts));
}

/// Why a script stays what it is.
fn why_not(entries: &Entries, script: &InstallPath, sourced: &BTreeSet<&[u8]>) -> Option<Lack> {
    let (folder, moved) = (script.parent()?, script_of(script).parent()?);
    // In others are modules, which interpreters read though they can be executed.
    if !folder.components().any(|name| [b"bin".as_slice(), b"sbin", b"libexec"].contains(&name)) {
        return Some(Lack::module(script));
    }
    let reason = if sourced.contains(script.file_name()) {
        "a script that others read, which names its interpreter by an absolute path".to_owned()
    } else if entries.holds(&moved) {
        format!("{moved} is there already, where the script would lie")
    } else {
        return None;
    };
    Some(Lack::start(script, reason))
}

impl Script<'_> {
    /// What starts it under the name `path`.
    fn starter(&self, starters: &Starters, entries: &Entries, path: &InstallPath) -> Result<Entry, String> {
        let mut changes = vec![Change::Argv0(starters.rooted(&self.interpreter))];
        if !self.argument.is_empty() {
            changes.push(Change::Argument(starters.rooted_text(entries, self.argument.to_vec())?));
        }
        changes.push(Change::Argument(starters.rooted(&script_of(path))));
        let named = Entry { path: path.clone(), ..self.entry.clone() };
        starters.instead_of(&named, &self.interpreter, changes)
    }

    /// The script itself. What the bundle starts may start it by its first line, too: `exec "$0"`.
    fn moved(&self, starters: &Starters) -> Entry {
        let (path, special) = (script_of(&self.entry.path), starters.special(self.entry));
        Entry { path, role: Role::Data, special, ..self.entry.clone() }
    }
}

/// What else lies in the folders of scripts, as links beside the scripts: they look for it by their own path. A link to a script in
/// the same folder is another name of it, and gets a starter of its own.
fn neighbours(starters: &Starters, entries: &Entries, scripts: &BTreeMap<InstallPath, Script>) -> Vec<Entry> {
    let folders: BTreeSet<InstallPath> = scripts.keys().filter_map(InstallPath::parent).collect();
    let mut seen = BTreeSet::new();
    let mut new = Vec::new();
    for entry in entries.iter().filter(|entry| starters.has(entry)) {
        let is_in_one = |path: &InstallPath| path.parent().is_some_and(|folder| folders.contains(&folder));
        for path in entry.path.ancestors().filter(is_in_one) {
            if scripts.contains_key(&path) || !seen.insert(path.clone()) {
                continue;
            }
            let named = match &entry.kind {
                Kind::Link { target } if path == entry.path => scripts.get(&path.link_target(target)),
                _ => None,
            };
            let named = named.filter(|script| script.entry.path.parent() == path.parent());
            let starter = named.and_then(|script| script.starter(starters, entries, &path).ok());
            let target = match (named, &starter) {
                (Some(script), Some(_)) => script_of(&script.entry.path),
                _ => path.clone(),
            };
            let moved = script_of(&path);
            let target = target.relative_to(&moved.parent().unwrap_or_else(InstallPath::root));
            new.push(Entry { special: starters.special(entry), ..Entry::link(moved, target) });
            new.extend(starter);
        }
    }
    new
}

/// Where the script of a starter lies: under its own name, in a folder `.bin` beside `bin`. So it finds its name and, by its own path, its
/// neighbours and what is above them.
pub fn script_of(starter: &InstallPath) -> InstallPath {
    let folder = starter.parent().unwrap_or_else(InstallPath::root);
    let above = folder.parent().unwrap_or_else(InstallPath::root);
    above.join([b".", folder.file_name()].concat()).join(starter.file_name())
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
