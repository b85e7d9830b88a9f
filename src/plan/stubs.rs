//! Programs that begin in a stub: those of a tarball that runs from any folder, those that nixpkgs wraps, and all where `[runtime.env]`
//! has something for them. What a stub is: `crate::stub`.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use rayon::prelude::*;

use super::context::Context;
use super::draft::Draft;
use super::entries::Entries;
use super::relocatable::Place;
use super::wrappers::{self, Replaced, Unwrapped, Wrapped};
use super::{Entry, Finding, Kind, Role, Surgery, starters};
use crate::config::{Format, Formats, Layout, Setting};
use crate::elf::verify::verify;
use crate::elf::{Class, Elf, Operation, RunPath, patched, patched_len, patches_after};
use crate::error::{Error, Result};
use crate::path::{InstallPath, printable};
use crate::payload;
use crate::stub::{ANCHOR, Anchor, Change, Root, Table, stub};

/// What cannot be done for a program.
pub struct Lack {
    pub path: InstallPath,
    /// In words.
    pub reason: String,
    /// It starts from any folder all the same.
    pub starts: bool,
    /// A stub cannot be planted, so that it starts at its own place alone.
    pub is_tied: bool,
    /// A script that lies where programs do not: an interpreter's module, most likely, which nobody starts by its name.
    pub is_module: bool,
}

impl Lack {
    /// It does not start as it should from any folder.
    pub fn start(path: &InstallPath, reason: String) -> Self {
        Lack { path: path.clone(), reason, starts: false, is_tied: false, is_module: false }
    }

    /// The same of a script that lies where programs do not.
    pub fn module(path: &InstallPath) -> Self {
        let reason = "its interpreter is named by a path that leads through the bundle's descriptor";
        Lack { is_module: true, ..Lack::start(path, reason.to_owned()) }
    }

    fn tied(path: &InstallPath, reason: String) -> Self {
        Lack { is_tied: true, ..Lack::start(path, reason) }
    }

    /// It does not get what `[runtime.env]` says.
    fn environment(path: &InstallPath, reason: &str) -> Self {
        Lack { starts: true, ..Lack::start(path, reason.to_owned()) }
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.reason)
    }
}

/// A program's entries: in packages and at a fixed place, and in a tarball that may be anywhere.
#[derive(Default)]
struct Planted {
    fixed: Option<Entry>,
    anywhere: Option<Entry>,
    lack: Option<Lack>,
    /// The wrapper that it cannot stand for.
    stays: Option<PathBuf>,
}

/// What could not be done.
pub struct Undone {
    pub lacks: Vec<Lack>,
    /// Wrappers, as the disk has them, that no program can stand for: the packages need them.
    pub wrappers: BTreeSet<PathBuf>,
}

/// Plants the stubs, which open `anchor`. The tarball's programs become entries of their own where their bytes differ from the
/// packages'.
pub fn plant(context: &Context, draft: &mut Draft, anchor: Option<&InstallPath>) -> Result<Undone> {
    let changes = changes(context);
    let place = Place { prefix: &context.prefix };
    let anchor = anchor.map(|folder| Anchor { descriptor: ANCHOR, folder: place.below(folder) });
    let replaced = wrappers::replace(context, draft, anchor.as_ref())?;
    let Replaced { fixed, anywhere, mut lacks } = replaced;
    let planter = Planter { context, entries: &draft.entries, changes, fixed, anywhere, anchor };
    let is_wanted = |entry: &&Entry| entry.role == Role::Program && planter.is_wanted(entry);
    let programs: Vec<&Entry> = draft.entries.iter().filter(is_wanted).collect();
    let planted: Vec<Planted> =
        programs.par_iter().map(|entry| planter.plant(entry)).collect::<Result<Vec<_>>>()?;
    let mut wrappers = BTreeSet::new();
    for Planted { fixed, anywhere, lack, stays } in planted {
        lacks.extend(lack);
        wrappers.extend(stays);
        for entry in fixed.into_iter().chain(anywhere) {
            draft.entries.supersede(entry);
        }
    }
    report(context, &lacks, &mut draft.findings);
    Ok(Undone { lacks, wrappers })
}

fn report(context: &Context, lacks: &[Lack], findings: &mut Vec<Finding>) {
    let what = match context.relocatable {
        true => "programs do not start as they should from any folder, or lack what `[runtime.env]` says",
        false => "programs lack what `[runtime.env]` says",
    };
    let programs = Finding::warning("no-stub", what)
        .remedy("wrap scripts where they are built, or start what they call through a program of the bundle");
    let modules = Finding::note(
        "relocatable-script",
        "from any folder, scripts outside of bin, sbin and libexec start in processes of the bundle alone",
    )
    .remedy("start such a script through its interpreter: `bin/python3 FILE`");
    for (mut finding, is_module) in [(programs, false), (modules, true)] {
        let lacks = lacks.iter().filter(|lack| lack.is_module == is_module);
        finding.subjects = match is_module {
            true => lacks.map(|lack| lack.path.to_string()).collect(),
            false => lacks.map(Lack::to_string).collect(),
        };
        findings.extend((!finding.subjects.is_empty()).then_some(finding));
    }
}

/// What `[runtime.env]` makes of every program's environment.
fn changes(context: &Context) -> Vec<Change> {
    let env = context.config.runtime.env.iter();
    env.flat_map(|(name, settings)| settings.iter().map(move |setting| change(name, setting))).collect()
}

fn change(name: &str, setting: &Setting) -> Change {
    let variable = name.as_bytes().to_vec();
    let bytes = |text: &String| text.as_bytes().to_vec();
    match setting {
        Setting::Set(value) => Change::Set { variable, value: bytes(value) },
        Setting::Default(value) => Change::Default { variable, value: bytes(value) },
        Setting::Unset => Change::Unset { variable },
        Setting::Prefix { value, separator } => {
            Change::Prefix { variable, separator: bytes(separator), value: bytes(value) }
        }
        Setting::Suffix { value, separator } => {
            Change::Suffix { variable, separator: bytes(separator), value: bytes(value) }
        }
    }
}

struct Planter<'a> {
    context: &'a Context<'a>,
    entries: &'a Entries,
    changes: Vec<Change>,
    fixed: Wrapped,
    anywhere: Wrapped,
    anchor: Option<Anchor>,
}

impl Planter<'_> {
    fn plant(&self, entry: &Entry) -> Result<Planted> {
        let mut planted = Planted::default();
        if starters::is_starter(entry) {
            return Ok(planted);
        }
        let Some(bytes) = payload::whole(entry)? else { return Ok(planted) };
        // A malformed one was told of when it was surveyed.
        let Ok(elf) = Elf::parse(&bytes) else { return Ok(planted) };
        let program = elf.filter(|elf| elf.class == Class::Program);
        let Some((elf, loader)) =
            program.and_then(|elf| Some((elf.interpreter.clone()?, elf))).map(|(l, e)| (e, l))
        else {
            if !self.changes.is_empty() {
                let reason = "it is a script, or static, so it starts with the user's environment";
                planted.lack = Some(Lack::environment(&entry.path, reason));
            }
            return Ok(planted);
        };
        let subject = Subject { context: self.context, entry, bytes: &bytes, elf: &elf };
        let unwrapped = self.fixed.get(&entry.path);
        let changes = self.changes_of(unwrapped);
        if self.is_fixed(entry) && !changes.is_empty() {
            let root = Root::At(self.context.prefix.as_bytes().to_vec());
            let table = Table { root, loader: loader.clone(), anchor: None, changes };
            match (subject.with(&table, false)?, unwrapped) {
                (Ok(entry), _) => planted.fixed = Some(entry),
                (Err(_), Some(unwrapped)) => planted.stays = Some(unwrapped.wrapper.clone()),
                (Err(reason), None) => planted.lack = Some(Lack::start(&entry.path, reason)),
            }
        }
        if self.is_anywhere(entry) {
            match self.anywhere(entry, &loader).map(|table| subject.with(&table, true)).transpose()? {
                Some(Ok(entry)) => planted.anywhere = Some(entry),
                Some(Err(reason)) => planted.lack = Some(Lack::tied(&entry.path, reason)),
                None => {}
            }
        }
        Ok(planted)
    }

    /// Whether there is anything to plant, or to tell of: only then is it read.
    fn is_wanted(&self, entry: &Entry) -> bool {
        let is_changed = !self.changes.is_empty() || self.fixed.contains_key(&entry.path);
        self.is_anywhere(entry) || is_changed && self.is_fixed(entry)
    }

    /// Whether an artifact has it at its place below the prefix.
    fn is_fixed(&self, entry: &Entry) -> bool {
        entry.special.formats.without(self.context.anywhere()) != Formats::NONE
    }

    /// Whether an artifact that may be in any folder has it.
    fn is_anywhere(&self, entry: &Entry) -> bool {
        entry.special.formats.and(self.context.anywhere()) != Formats::NONE
    }

    /// What its wrapper did, and what is to be done for all.
    fn changes_of(&self, unwrapped: Option<&Unwrapped>) -> Vec<Change> {
        let wrapped = unwrapped.into_iter().flat_map(|unwrapped| &unwrapped.changes);
        wrapped.chain(&self.changes).cloned().collect()
    }

    /// The table of a program that may be anywhere. `None`: its loader is the target's own, and it wants nothing else.
    fn anywhere(&self, entry: &Entry, loader: &[u8]) -> Option<Table> {
        let place = Place { prefix: &self.context.prefix };
        let root = place.root_above(&entry.path)?;
        let bundled = InstallPath::new(loader).filter(|path| self.entries.follow(path).1.is_some());
        let changes = self.changes_of(self.anywhere.get(&entry.path));
        if bundled.is_none() && changes.is_empty() && self.anchor.is_none() {
            return None;
        }
        let loader = bundled.map_or(loader.to_vec(), |path| place.below(&path));
        Some(Table { root, loader, anchor: self.anchor.clone(), changes })
    }
}

/// A program as it is without a stub.
struct Subject<'a> {
    context: &'a Context<'a>,
    entry: &'a Entry,
    bytes: &'a [u8],
    elf: &'a Elf,
}

impl Subject<'_> {
    /// The entry with a stub; why there can be none.
    ///
    /// Errors: what came of it is not sound, and it was asked for.
    fn with(&self, table: &Table, anywhere: bool) -> Result<std::result::Result<Entry, String>> {
        let stub = match stub(self.elf.abi, table) {
            Ok(stub) => Some(stub),
            Err(reason) => return Ok(Err(reason)),
        };
        let run_path = if anywhere { self.run_path_anywhere() } else { None };
        let folders = run_path.as_ref().map(|run_path| printable(&run_path.folders));
        let operation = Operation { stub, run_path, ..Operation::default() };
        let added = match self.elf.operate(self.bytes, &operation) {
            Ok(patches) => patches,
            Err(refusal) => return Ok(Err(refusal.to_string())),
        };
        if let Some(violation) = verify(self.bytes, &patched(self.bytes, &added), &operation).first() {
            let message = format!("the stub of {} is not sound: {violation}", self.entry.origin);
            if anywhere && self.context.config.relocatable.is_none() {
                return Ok(Err(message));
            }
            return Err(Error::failure(message).remedy("this is a mistake in explant; leave the file out"));
        }
        let mut entry = self.entry.clone();
        if let Kind::File { size, grown, patches, surgery, .. } = &mut entry.kind {
            let source = *size - *grown;
            *patches = patches_after(std::mem::take(patches), added);
            *size = patched_len(source, patches);
            *grown = *size - source;
            for edit in surgery.iter_mut() {
                if let (Surgery::RunPath { to, .. }, Some(folders)) = (edit, &folders) {
                    to.clone_from(folders);
                }
            }
            surgery.push(Surgery::Stub { anywhere, environment: !table.changes.is_empty() });
        }
        if anywhere {
            entry.special.formats = Formats::only(Format::Tar);
            // Its stub would refuse to start, and nobody who unpacks an archive wants a program of root's.
            entry.mode &= 0o777;
            entry.caps = None;
        }
        Ok(Ok(entry))
    }

    /// The run path of a program that is privileged in packages, and so has whole paths there, as it holds in any folder. In the
    /// store layout those are references, and anchored.
    fn run_path_anywhere(&self) -> Option<RunPath> {
        let prefix = &self.context.prefix;
        let place = Place { prefix };
        let old = self.elf.run_path().filter(|_| self.context.config.install.layout == Layout::Flat)?;
        let own = |folder: &[u8]| InstallPath::new(folder).filter(|folder| folder.starts_with(prefix));
        let here = InstallPath::root().join(place.below(&self.entry.path)).parent()?;
        let folders: Vec<Vec<u8>> = old
            .split(|byte| *byte == b':')
            .map(|folder| match own(folder) {
                Some(own) => {
                    let there = InstallPath::root().join(place.below(&own));
                    [b"$ORIGIN/".as_slice(), &there.relative_to(&here)].concat()
                }
                None => folder.to_vec(),
            })
            .collect();
        let folders = folders.join(&b':');
        (folders != old).then(|| RunPath { folders, runpath: self.elf.runpath.is_some() })
    }
}
