//! Wrappers and scripts of a tarball that runs from any folder. A wrapper names by an absolute path what it starts, and a script its
//! interpreter; neither is known there.
//!
//! A wrapper of a program that lies hidden beside it, as nixpkgs' wrapProgram leaves it, becomes that program itself, whose stub does
//! what the wrapper did. What wraps a program of another folder, which may look for its data around itself, becomes a starter of it.
//! So does a script in a folder of programs, of its interpreter; it lies in a folder beside that one.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::context::Context;
use super::draft::Draft;
use super::entries::Entries;
use super::scripts;
use super::starters::{Starters, in_tarball};
use super::stubs::Lack;
use super::{Entry, Kind, Role};
use crate::config::Format;
use crate::error::Result;
use crate::inspect::{self, Action, Wrapper};
use crate::path::InstallPath;
use crate::payload;
use crate::stub::{self, Anchor, Change};

/// What became of wrappers and scripts.
#[derive(Default)]
pub struct Replaced {
    /// What the stubs of the programs at these paths are to do, in the tarball.
    pub changes: BTreeMap<InstallPath, Vec<Change>>,
    pub lacks: Vec<Lack>,
}

/// A wrapper, and what it starts.
struct Wrapping {
    wrapper: Wrapper,
    /// As the wrapper names it.
    program: InstallPath,
    /// The file that is there, links followed.
    file: InstallPath,
    changes: Vec<Change>,
}

/// Puts into the tarball what stands for its wrappers and scripts; starters open `anchor`.
pub fn replace(context: &Context, draft: &mut Draft, anchor: Option<&Anchor>) -> Result<Replaced> {
    let mut replaced = Replaced::default();
    let Some(abi) = draft.abi().filter(|_| context.relocatable) else { return Ok(replaced) };
    let starters = Starters { context, abi, anchor };
    let is_program = |entry: &&Entry| entry.is_in(Format::Tar) && entry.role == Role::Program;
    let programs: Vec<&Entry> = draft.entries.iter().filter(is_program).collect();
    let beginnings: Vec<Vec<u8>> =
        programs.par_iter().map(|entry| beginning(entry)).collect::<Result<_>>()?;

    let mut wrappings = BTreeMap::new();
    for (entry, bytes) in programs.iter().zip(&beginnings) {
        match wrapping(&starters, &draft.entries, bytes) {
            Some(Ok(wrapping)) => {
                wrappings.insert(entry.path.clone(), wrapping);
            }
            Some(Err(reason)) => {
                let reason = format!("a wrapper that stays what it is: {reason}");
                replaced.lacks.push(Lack::start(&entry.path, reason));
            }
            None => {}
        }
    }
    let mut new = Vec::new();
    let taken = take_places(&wrappings, &draft.entries, &mut new, &mut replaced);
    for (path, wrapping) in wrappings.iter().filter(|(path, _)| !taken.contains(*path)) {
        let Some(entry) = draft.entries.get(path) else { continue };
        match starters.instead_of(entry, &wrapping.program, wrapping.changes_of_starter(&starters)) {
            Ok(starter) => new.push(starter),
            Err(reason) => replaced.lacks.push(Lack::start(path, reason)),
        }
    }
    let others = programs.iter().zip(&beginnings).filter(|(entry, _)| !wrappings.contains_key(&entry.path));
    let others: Vec<(&Entry, &[u8])> = others.map(|(entry, bytes)| (*entry, bytes.as_slice())).collect();
    scripts::replace(&starters, &draft.entries, &others, &mut new, &mut replaced.lacks);
    new.into_iter().for_each(|entry| draft.entries.supersede(entry));
    Ok(replaced)
}

/// As much of a file as tells what it is: no wrapper is longer.
fn beginning(entry: &Entry) -> Result<Vec<u8>> {
    let window = payload::open(entry)?.and_then(|mut body| body.next()).transpose()?;
    Ok(window.map(|window| window.to_vec()).unwrap_or_default())
}

/// What a wrapper of a program of the bundle does, or why a table cannot. `None`: it is none.
fn wrapping(
    starters: &Starters,
    entries: &Entries,
    bytes: &[u8],
) -> Option<std::result::Result<Wrapping, String>> {
    let wrapper = inspect::wrapper(bytes)?;
    let program = InstallPath::new(&wrapper.program.bytes)
        .filter(|_| wrapper.program.is_exact && wrapper.program.bytes.starts_with(b"/"))?;
    let file = entries.follow(&program).1.filter(|file| file.role == Role::Program)?.path.clone();
    let changes = stub::changes(&wrapper).and_then(|changes| {
        changes.into_iter().map(|change| starters.rooted_change(entries, change)).collect()
    });
    Some(changes.map(|changes| Wrapping { wrapper, program, file, changes }))
}

impl Wrapping {
    /// The changes of a program that becomes the wrapped one: that has its own path for a name, if the wrapper says nothing of it.
    fn changes_of_starter(&self, starters: &Starters) -> Vec<Change> {
        let is_name = |action: &&Action| {
            matches!(action, Action::Argv0 { .. } | Action::InheritArgv0 | Action::ResolveArgv0)
        };
        let mut changes = self.changes.clone();
        if !self.wrapper.actions.iter().any(|action| is_name(&action)) {
            changes.push(Change::Argv0(starters.rooted(&self.program)));
        }
        changes
    }
}

/// Lets hidden programs take the places of their wrappers, in `new`; the hidden names become links. The paths of those wrappers.
fn take_places(
    wrappings: &BTreeMap<InstallPath, Wrapping>,
    entries: &Entries,
    new: &mut Vec<Entry>,
    replaced: &mut Replaced,
) -> BTreeSet<InstallPath> {
    let mut users: BTreeMap<&InstallPath, usize> = BTreeMap::new();
    wrappings.values().for_each(|wrapping| *users.entry(&wrapping.file).or_default() += 1);
    let is_hidden =
        |path: &InstallPath| users.keys().any(|file| **file == *path && path.file_name().starts_with(b"."));
    let mut taken = BTreeSet::new();
    for (path, wrapping) in wrappings.iter().filter(|(path, _)| !is_hidden(path)) {
        // Wrappers of wrappers, all beside each other.
        let (mut changes, mut file, mut names) = (wrapping.changes.clone(), &wrapping.file, vec![]);
        while hides(path, file) && users[file] == 1 {
            names.push(file.clone());
            let Some(inner) = wrappings.get(file) else { break };
            changes = composed(changes, &inner.changes);
            file = &inner.file;
        }
        let is_whole = names.last() == Some(file);
        let program = entries.get(file).filter(|_| is_whole).filter(|entry| is_dynamic(entry));
        let Some(program) = program else { continue };
        new.push(Entry { path: path.clone(), special: in_tarball(program), ..program.clone() });
        for name in names {
            let link = Entry::link(name.clone(), path.file_name().to_vec());
            new.push(Entry { special: in_tarball(program), ..link });
            taken.insert(name);
        }
        replaced.changes.insert(path.clone(), changes);
        taken.insert(path.clone());
    }
    taken
}

/// Whether `file` is `.NAME-wrapped`, underscores behind it, beside NAME (nixpkgs, wrap-program of make-wrapper.sh).
fn hides(path: &InstallPath, file: &InstallPath) -> bool {
    let hidden = [b".", path.file_name(), b"-wrapped"].concat();
    let rest = file.file_name().strip_prefix(hidden.as_slice());
    path.parent() == file.parent() && rest.is_some_and(|rest| rest.iter().all(|byte| *byte == b'_'))
}

/// Whether a stub can be planted: its loader was edited.
fn is_dynamic(entry: &Entry) -> bool {
    let Kind::File { surgery, .. } = &entry.kind else { return false };
    surgery.iter().any(|edit| matches!(edit, super::Surgery::Interpreter(_)))
}

/// What a wrapper and then one that it starts do: the inner one's arguments surround the outer one's.
fn composed(outer: Vec<Change>, inner: &[Change]) -> Vec<Change> {
    let is_argument = |change: &Change| matches!(change, Change::Argument(_));
    let (outer_arguments, outer): (Vec<_>, Vec<_>) = outer.into_iter().partition(is_argument);
    let (inner_arguments, inner): (Vec<_>, Vec<_>) = inner.iter().cloned().partition(is_argument);
    [outer, inner, inner_arguments, outer_arguments].concat()
}

impl Starters<'_> {
    /// A change of a wrapper's with paths of the bundle below the root.
    ///
    /// Errors: a sentence on what a table cannot say.
    fn rooted_change(&self, entries: &Entries, change: Change) -> std::result::Result<Change, String> {
        let rooted = |text: Vec<u8>| self.rooted_text(entries, text);
        Ok(match change {
            Change::Set { variable, value } => Change::Set { variable, value: rooted(value)? },
            Change::Default { variable, value } => Change::Default { variable, value: rooted(value)? },
            Change::Prefix { variable, separator, value } => {
                Change::Prefix { variable, separator, value: rooted(value)? }
            }
            Change::Suffix { variable, separator, value } => {
                Change::Suffix { variable, separator, value: rooted(value)? }
            }
            Change::Argv0(text) => Change::Argv0(rooted(text)?),
            Change::Argument(text) => Change::Argument(rooted(text)?),
            Change::LastArgument(text) => Change::LastArgument(rooted(text)?),
            Change::Folder(text) => Change::Folder(rooted(text)?),
            change @ (Change::Unset { .. } | Change::Argv0Started) => change,
        })
    }

    /// A text in which paths of lib-dir begin with the root.
    pub fn rooted_text(&self, entries: &Entries, text: Vec<u8>) -> std::result::Result<Vec<u8>, String> {
        if memchr::memmem::find(&text, b"${root}").is_some() {
            return Err("it says \"${root}\", which would be taken for the bundle's folder".into());
        }
        let lib_dir = &self.context.lib_dir;
        let mut new = Vec::with_capacity(text.len());
        let mut rest = text.as_slice();
        while let Some(at) = memchr::memmem::find(rest, lib_dir.as_bytes()) {
            let (before, from) = rest.split_at(at);
            let behind = &from[lib_dir.as_bytes().len()..];
            let below = behind.strip_prefix(b"/").unwrap_or_default();
            let end = below.iter().position(|byte| *byte == b'/' || super::carried::reference::ends(*byte));
            let name = &below[..end.unwrap_or(below.len())];
            new.extend_from_slice(before);
            match !name.is_empty() && entries.holds(&lib_dir.join(name)) {
                true => new.extend(self.rooted(lib_dir)),
                false => new.extend_from_slice(lib_dir.as_bytes()),
            }
            rest = behind;
        }
        new.extend_from_slice(rest);
        Ok(new)
    }
}
