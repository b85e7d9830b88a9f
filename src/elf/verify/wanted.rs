//! What an operation makes of the names of a file.

use std::collections::{HashMap, HashSet};

use goblin::elf::dynamic::DT_NEEDED;

use super::versions::Version;
use super::view::View;
use crate::elf::Operation;

pub(super) struct Wanted<'a> {
    pub operation: &'a Operation,
    /// Needed entries that went.
    removed: HashSet<&'a [u8]>,
    /// Needed entries that have another name now.
    replaced: HashMap<&'a [u8], &'a [u8]>,
    cleared: HashSet<&'a [u8]>,
    renamed: HashMap<&'a [u8], &'a [u8]>,
}

/// Of two new names for one the first counts.
fn firsts(pairs: &[(Vec<u8>, Vec<u8>)]) -> impl Iterator<Item = (&[u8], &[u8])> {
    pairs.iter().rev().map(|(old, new)| (old.as_slice(), new.as_slice()))
}

fn set(names: &[Vec<u8>]) -> impl Iterator<Item = &[u8]> {
    names.iter().map(Vec::as_slice)
}

impl<'a> Wanted<'a> {
    pub fn new(before: &View<'a>, operation: &'a Operation) -> Self {
        let needed: HashSet<_> = before.dynamic.named(DT_NEEDED).collect();
        let removed: HashSet<_> =
            set(&operation.remove_needed).filter(|name| needed.contains(name)).collect();
        let is_there = |name: &&[u8]| needed.contains(name) && !removed.contains(name);
        let replaced = firsts(&operation.replace_needed).filter(|(old, _)| is_there(old)).collect();
        let cleared = set(&operation.clear_versions).collect();
        let renamed = firsts(&operation.rename_symbols).collect();
        Wanted { operation, removed, replaced, cleared, renamed }
    }

    /// The needed entries of a file that had these.
    pub fn needed<'b>(&'b self, before: &'b View<'a>) -> impl Iterator<Item = &'a [u8]> + 'b {
        let kept = before.dynamic.named(DT_NEEDED).filter_map(|name| self.file(name));
        set(&self.operation.add_needed).chain(kept)
    }

    /// A needed file's name, unless it went.
    pub fn file(&self, name: &'a [u8]) -> Option<&'a [u8]> {
        let kept = !self.removed.contains(name);
        kept.then(|| self.replaced.get(name).copied().unwrap_or(name))
    }

    pub fn symbol(&self, name: &'a [u8]) -> &'a [u8] {
        self.renamed.get(name).copied().unwrap_or(name)
    }

    /// The version that a symbol of a name is bound to, and whether it is hidden.
    pub fn version(&self, name: &[u8], (version, hidden): (Version<'a>, bool)) -> (Version<'a>, bool) {
        match version {
            Version::Local => (version, hidden),
            _ if self.cleared.contains(name) => (Version::Any, false),
            Version::Named { file: Some(file), name } => match self.file(file) {
                Some(file) => (Version::Named { file: Some(file), name }, hidden),
                None => (Version::Any, false),
            },
            _ => (version, hidden),
        }
    }

    /// Whether anything is asked for at all.
    pub fn is_anything(&self) -> bool {
        let Operation { page_size, fill, grow_before_payload, .. } = *self.operation;
        *self.operation != Operation { page_size, fill, grow_before_payload, ..Operation::default() }
    }

    pub fn renames_symbols(&self) -> bool {
        !self.renamed.is_empty()
    }

    pub fn removes_needed(&self) -> bool {
        !self.removed.is_empty()
    }

    pub fn clears_versions(&self) -> bool {
        !self.cleared.is_empty() || self.removes_needed()
    }

    pub fn replaces_needed(&self) -> bool {
        !self.replaced.is_empty()
    }
}
