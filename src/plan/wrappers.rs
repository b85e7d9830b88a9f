//! Wrappers, and scripts of a tarball that runs from any folder. A wrapper is a process and a shell that nobody asked for; in such a
//! tarball it names by an absolute path what it starts, and a script its interpreter, and neither is known there.
//!
//! A wrapper of a program that lies hidden beside it, as nixpkgs' wrapProgram leaves it, becomes that program itself, whose stub does
//! what the wrapper did. What wraps a program of another folder, which may look for its data around itself, becomes a starter of it.
//! So does a script in a folder of programs, of its interpreter; it lies in a folder beside that one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use rayon::prelude::*;

use super::context::Context;
use super::draft::Draft;
use super::entries::Entries;
use super::scripts;
use super::starters::Starters;
use super::stubs::Lack;
use super::{Entry, Kind, Role};
use crate::config::Formats;
use crate::error::Result;
use crate::inspect::{self, Action, Wrapper};
use crate::path::InstallPath;
use crate::payload;
use crate::stub::{self, Anchor, Change};

/// What became of wrappers and scripts.
#[derive(Default)]
pub struct Replaced {
    /// In artifacts that are at their places below the prefix.
    pub fixed: Wrapped,
    /// In the tarball that may be anywhere.
    pub anywhere: Wrapped,
    pub lacks: Vec<Lack>,
}

/// The programs that took the places of their wrappers, by their paths.
pub type Wrapped = BTreeMap<InstallPath, Unwrapped>;

/// A program that took the place of a wrapper.
pub struct Unwrapped {
    /// What its stub is to do.
    pub changes: Vec<Change>,
    /// The wrapper, as the disk has it.
    pub wrapper: PathBuf,
}

/// A wrapper, and what it starts.
struct Wrapping<'a> {
    entry: &'a Entry,
    wrapper: Wrapper,
    /// As the wrapper names it.
    program: InstallPath,
    /// The file that is there, links followed.
    file: InstallPath,
    changes: Vec<Change>,
}

/// A program and its first bytes.
type Program<'a> = (&'a Entry, &'a [u8]);

/// Puts what stands for wrappers into all artifacts, and into a tarball that may be anywhere what stands for scripts; there, starters
/// open `anchor`.
pub fn replace(context: &Context, draft: &mut Draft, anchor: Option<&Anchor>) -> Result<Replaced> {
    let Some(abi) = draft.abi() else { return Ok(Replaced::default()) };
    let is_program = |entry: &&Entry| entry.role == Role::Program;
    let programs: Vec<&Entry> = draft.entries.iter().filter(is_program).collect();
    let beginnings: Vec<Vec<u8>> =
        programs.par_iter().map(|entry| beginning(entry)).collect::<Result<_>>()?;
    let programs: Vec<Program> = programs.into_iter().zip(beginnings.iter().map(Vec::as_slice)).collect();

    let sites = [(Formats::ALL.without(context.anywhere()), false), (context.anywhere(), true)];
    let [fixed, anywhere] = sites.map(|(formats, anywhere)| {
        let anchor = anchor.filter(|_| anywhere);
        let starters = Starters { context, abi, anchor, relocation: &draft.relocation, formats, anywhere };
        let programs = programs.iter().filter(|(entry, _)| starters.has(entry)).copied().collect();
        let mut replacing = Replacing::new(starters, &draft.entries);
        replacing.replace(programs);
        replacing
    });
    let new: Vec<Entry> = fixed.new.into_iter().chain(anywhere.new).collect();
    // A wrapper that stays what it is does at its own place what it did.
    let replaced = Replaced { fixed: fixed.wrapped, anywhere: anywhere.wrapped, lacks: anywhere.lacks };
    new.into_iter().for_each(|entry| draft.entries.supersede(entry));
    Ok(replaced)
}

/// As much of a file as tells what it is: no wrapper is longer.
fn beginning(entry: &Entry) -> Result<Vec<u8>> {
    let window = payload::open(entry)?.and_then(|mut body| body.next()).transpose()?;
    Ok(window.map(|window| window.to_vec()).unwrap_or_default())
}

/// Whether the interpreter of a script is not needed, since it is a wrapper that need not stay one.
pub fn needs_no_shell(script: &[u8]) -> bool {
    let wrapper = inspect::wrapper(script).filter(|wrapper| wrapper.program.is_exact);
    wrapper.is_some_and(|wrapper| stub::changes(&wrapper).is_ok())
}

/// What is put into the artifacts of one kind.
struct Replacing<'a> {
    starters: Starters<'a>,
    entries: &'a Entries,
    new: Vec<Entry>,
    wrapped: Wrapped,
    lacks: Vec<Lack>,
}

impl<'a> Replacing<'a> {
    fn new(starters: Starters<'a>, entries: &'a Entries) -> Self {
        Replacing { starters, entries, new: Vec::new(), wrapped: BTreeMap::new(), lacks: Vec::new() }
    }

    fn replace(&mut self, programs: Vec<Program>) {
        let mut wrappings = BTreeMap::new();
        let mut others = Vec::new();
        for (entry, bytes) in programs {
            match self.wrapping(entry, bytes) {
                Some(Ok(wrapping)) => {
                    wrappings.insert(entry.path.clone(), wrapping);
                    continue;
                }
                Some(Err(reason)) => {
                    let reason = format!("a wrapper that stays what it is: {reason}");
                    self.lacks.push(Lack::start(&entry.path, reason));
                }
                None => {}
            }
            others.push((entry, bytes));
        }
        let taken = self.take_places(&wrappings);
        for (path, wrapping) in wrappings.iter().filter(|(path, _)| !taken.contains(*path)) {
            let changes = wrapping.changes_of_starter(&self.starters);
            match self.starters.instead_of(wrapping.entry, &wrapping.program, changes) {
                Ok(starter) => self.new.push(starter),
                Err(reason) => self.lacks.push(Lack::start(path, reason)),
            }
        }
        if self.starters.anywhere {
            scripts::replace(&self.starters, self.entries, &others, &mut self.new, &mut self.lacks);
        }
    }

    /// What a wrapper of a program of the bundle does, or why a table cannot. `None`: it is none, or is to stay one.
    fn wrapping<'e>(
        &self,
        entry: &'e Entry,
        bytes: &[u8],
    ) -> Option<std::result::Result<Wrapping<'e>, String>> {
        let (starters, entries) = (&self.starters, self.entries);
        let wrapper = inspect::wrapper(bytes)?;
        let program = InstallPath::new(&wrapper.program.bytes)
            .filter(|_| wrapper.program.is_exact && wrapper.program.bytes.starts_with(b"/"))?;
        let file = entries.follow(&program).1.filter(|file| file.role == Role::Program)?;
        let formats = starters.special(entry).formats;
        if file.special.formats.and(formats) != formats {
            return None;
        }
        // A stub refuses to start a process of more rights than its user has (AT_SECURE).
        let is_privileged = |entry: &Entry| entry.mode & 0o6000 != 0 || entry.caps.is_some();
        let stays = starters.context.scripts.contains(entry.disk()?);
        if !starters.anywhere && (stays || is_privileged(entry) || is_privileged(file)) {
            return None;
        }
        let changes = stub::changes(&wrapper).and_then(|changes| {
            changes.into_iter().map(|change| starters.rooted_change(entries, change)).collect()
        });
        Some(changes.map(|changes| Wrapping { entry, wrapper, program, file: file.path.clone(), changes }))
    }

    /// Lets hidden programs take the places of their wrappers; the hidden names become links. The paths of those wrappers.
    fn take_places(&mut self, wrappings: &BTreeMap<InstallPath, Wrapping>) -> BTreeSet<InstallPath> {
        let mut users: BTreeMap<&InstallPath, usize> = BTreeMap::new();
        wrappings.values().for_each(|wrapping| *users.entry(&wrapping.file).or_default() += 1);
        let is_hidden = |path: &InstallPath| {
            users.keys().any(|file| **file == *path && path.file_name().starts_with(b"."))
        };
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
            let program = self.entries.get(file).filter(|_| is_whole).filter(|entry| is_dynamic(entry));
            let (Some(program), Some(wrapper)) = (program, wrapping.entry.disk()) else { continue };
            self.new.push(in_place_of(wrapping.entry, program, &self.starters));
            for name in names {
                let link = Entry::link(name.clone(), path.file_name().to_vec());
                self.new.push(Entry { special: self.starters.special(wrapping.entry), ..link });
                taken.insert(name);
            }
            self.wrapped.insert(path.clone(), Unwrapped { changes, wrapper: wrapper.clone() });
            taken.insert(path.clone());
        }
        taken
    }
}

/// A program as it stands where a wrapper stood, which is what users and their settings (`[[install.files]]`) know.
fn in_place_of(wrapper: &Entry, program: &Entry, starters: &Starters) -> Entry {
    let (owner, group) = (wrapper.owner.clone(), wrapper.group.clone());
    let (path, special) = (wrapper.path.clone(), starters.special(wrapper));
    Entry { path, mode: wrapper.mode, owner, group, special, ..program.clone() }
}

impl Wrapping<'_> {
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
    /// A change of a wrapper's with paths of the bundle below the root, where that may be anywhere.
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

    /// A text in which paths of lib-dir begin with the root, where that may be anywhere.
    pub fn rooted_text(&self, entries: &Entries, text: Vec<u8>) -> std::result::Result<Vec<u8>, String> {
        if memchr::memmem::find(&text, b"${root}").is_some() {
            return Err("it says \"${root}\", which would be taken for the bundle's folder".into());
        }
        if !self.anywhere {
            return Ok(text);
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
            // A store path of which nothing is carried, too: nobody else's is to be found where packages would have it.
            let named = lib_dir.join(name);
            match !name.is_empty() && (entries.holds(&named) || self.relocation.holds(&named)) {
                true => new.extend(self.rooted(lib_dir)),
                false => new.extend_from_slice(lib_dir.as_bytes()),
            }
            rest = behind;
        }
        new.extend_from_slice(rest);
        Ok(new)
    }
}
