//! From what is named to what is carried: files, links on the way, folders with all that is in them, store paths as far as
//! programs need them.

use std::collections::btree_map::Entry::Vacant;
use std::collections::{BTreeMap, BTreeSet};

use super::rules::{Rules, Settlement};
use crate::error::Result;
use crate::path::{MAX_LINKS, StoreFile};
use crate::plan::choose::Choice;
use crate::store::inventory;
use crate::store::{Store, StorePath};

/// Why something is carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What asks for it; `None` for bundle.toml.
    pub by: Option<StoreFile>,
    pub how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Its path stands in the file.
    Named,
    /// The link leads there.
    Link,
    /// A folder that is named holds it.
    Folder,
    /// Its program is carried, and may look for it beside itself.
    BesideProgram,
    /// The file needs it, or it is its interpreter.
    Needed,
    /// The file's run path leads to it, and nothing that the file needs lies there: it is opened by name.
    RunPath,
    /// `runtime.add` asks for it.
    Added,
}

/// What is carried so far. All paths are of the store, no link on the way to them.
pub struct Walk<'a> {
    store: &'a Store,
    pub results: BTreeSet<&'a StorePath>,
    choice: &'a Choice,
    rules: &'a Rules,
    pub files: BTreeMap<StoreFile, Reason>,
    /// With their targets as they stand.
    pub links: BTreeMap<StoreFile, (Vec<u8>, Reason)>,
    /// Folders that must be there though nothing in them is carried.
    pub folders: BTreeMap<StoreFile, Reason>,
    /// Store paths of which all that is needed at run time is carried.
    pub wholes: BTreeSet<StorePath>,
    /// Paths in the results that something names.
    pub of_results: BTreeMap<StoreFile, Reason>,
    /// Folders that were gone through.
    listed: BTreeSet<StoreFile>,
}

/// Whether a file is a program, by its path below its store path.
pub fn is_program(below: &[u8]) -> bool {
    [b"bin/".as_slice(), b"sbin/", b"libexec/"].iter().any(|folder| below.starts_with(folder))
}

impl<'a> Walk<'a> {
    pub fn new(store: &'a Store, results: &'a [StorePath], choice: &'a Choice, rules: &'a Rules) -> Self {
        Walk {
            store,
            results: results.iter().collect(),
            choice,
            rules,
            files: BTreeMap::new(),
            links: BTreeMap::new(),
            folders: BTreeMap::new(),
            wholes: BTreeSet::new(),
            of_results: BTreeMap::new(),
            listed: BTreeSet::new(),
        }
    }

    /// Takes what is at a path of the store, with every link on the way.
    pub fn reach(&mut self, path: &StoreFile, reason: &Reason) -> Result<()> {
        let mut path = path.clone();
        let mut reason = reason.clone();
        for _ in 0..MAX_LINKS {
            let Some((store_path, below)) = self.store.split(&path) else { return Ok(()) };
            if self.results.contains(&store_path) {
                self.of_results.entry(path).or_insert(reason);
                return Ok(());
            }
            if below.is_empty() && self.is_folder(&path)? {
                return self.whole(&store_path, &reason);
            }
            let Some((link, leads_to)) = self.store.hop(&path) else { return self.take(&path, &reason) };
            let target = self.store.read_link(&link)?;
            let named = link.link_target(&target);
            match self.settle(&link, &named) {
                Settlement::Host { to, len } => {
                    let target = [to.as_bytes(), &named.relative_to(self.store.dir())[len..]].concat();
                    self.links.entry(link).or_insert((target, reason));
                    return Ok(());
                }
                Settlement::Ignored { .. } => return Ok(()),
                Settlement::Carried | Settlement::Unsettled => {}
            }
            path = leads_to;
            self.links.entry(link.clone()).or_insert((target, reason));
            reason = Reason { by: Some(link), how: How::Link };
        }
        Ok(())
    }

    /// What becomes of what a link leads to, if it is in another store path.
    fn settle(&self, link: &StoreFile, leads_to: &StoreFile) -> Settlement<'a> {
        match (self.store.split(link), self.store.split(leads_to)) {
            (Some((from, below)), Some((to, _))) if from != to => {
                let named = leads_to.relative_to(self.store.dir());
                self.rules.settle(&self.rules.matching(named, below), &BTreeSet::new())
            }
            _ => Settlement::Carried,
        }
    }

    fn is_folder(&self, path: &StoreFile) -> Result<bool> {
        Ok(self.store.metadata(path)?.is_dir())
    }

    fn take(&mut self, path: &StoreFile, reason: &Reason) -> Result<()> {
        if self.is_folder(path)? { self.folder(path, reason) } else { self.file(path, reason) }
    }

    /// Takes all that is in a folder, but for development files.
    fn folder(&mut self, folder: &StoreFile, reason: &Reason) -> Result<()> {
        if !self.listed.insert(folder.clone()) {
            return Ok(());
        }
        let inside = Reason { by: Some(folder.clone()), how: How::Folder };
        for (name, kind) in self.store.entries(folder)? {
            let file = folder.join(name);
            if kind.is_symlink() {
                if self.store.is_there(&file) {
                    self.reach(&file, &inside)?;
                }
            } else if kind.is_dir() {
                self.folder(&file, &inside)?;
            } else if self.is_wanted(&file) {
                self.file(&file, &inside)?;
            }
        }
        // Who asks for the folder is the reason for all that is in it.
        self.folders.entry(folder.clone()).or_insert_with(|| reason.clone());
        Ok(())
    }

    fn is_wanted(&self, file: &StoreFile) -> bool {
        self.store.split(file).is_some_and(|(_, below)| self.choice.of_closure(below))
    }

    fn file(&mut self, file: &StoreFile, reason: &Reason) -> Result<()> {
        let Vacant(unknown) = self.files.entry(file.clone()) else { return Ok(()) };
        unknown.insert(reason.clone());
        match self.store.split(file) {
            Some((path, below)) if is_program(below) => {
                self.whole(&path, &Reason { by: Some(file.clone()), how: How::BesideProgram })
            }
            _ => Ok(()),
        }
    }

    /// Takes the run-time part of a store path.
    pub fn whole(&mut self, path: &StorePath, reason: &Reason) -> Result<()> {
        if self.wholes.contains(path) || self.rules.is_alone(&path.to_string()) {
            return Ok(());
        }
        self.wholes.insert(path.clone());
        let root = self.store.file(path);
        self.folders.entry(root.clone()).or_insert_with(|| reason.clone());
        let inside = Reason { by: Some(root.clone()), how: How::Folder };
        for (below, kind) in inventory::kinds(self.store, path)? {
            let file = root.join(&below);
            if kind.is_dir() {
                self.folders.entry(file).or_insert_with(|| inside.clone());
            } else if !self.choice.of_closure(&below) {
                continue;
            } else if kind.is_file() {
                self.file(&file, &inside)?;
            } else if self.store.is_there(&file) {
                self.reach(&file, &inside)?;
            }
        }
        Ok(())
    }
}
