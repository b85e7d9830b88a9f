//! Programs of explant's own that start another one of a bundle (`crate::stub::launcher`), in the place of a wrapper; in a tarball that
//! runs from any folder, in the place of a script, too.

use super::context::Context;
use super::relocatable::Place;
use super::relocation::Relocation;
use super::{Entry, Kind, Role, Special, Surgery};
use crate::config::Formats;
use crate::elf::Abi;
use crate::path::{InstallPath, printable};
use crate::stub::{Anchor, Change, Root, Table, launcher};

/// What starters are made for.
pub struct Starters<'a> {
    pub context: &'a Context<'a>,
    pub abi: Abi,
    pub anchor: Option<&'a Anchor>,
    /// Where the store paths lie.
    pub relocation: &'a Relocation,
    /// The artifacts that they are in.
    pub formats: Formats,
    /// Those may be in any folder; else everything is at its place below the prefix.
    pub anywhere: bool,
}

impl Starters<'_> {
    fn place(&self) -> Place<'_> {
        Place { prefix: &self.context.prefix }
    }

    /// The root, from a program. `None`: no table can say it.
    fn root_of(&self, program: &InstallPath) -> Option<Root> {
        if self.anywhere {
            return self.place().root_above(program);
        }
        let prefix = &self.context.prefix;
        (!prefix.is_root()).then(|| Root::At(prefix.as_bytes().to_vec()))
    }

    /// A path of the bundle as a value that a table has: below the root, where that may be anywhere.
    pub fn rooted(&self, path: &InstallPath) -> Vec<u8> {
        if !self.anywhere {
            return path.as_bytes().to_vec();
        }
        match self.place().below(path) {
            root if root.is_empty() => b"${root}".to_vec(),
            below => [b"${root}/", below.as_slice()].concat(),
        }
    }

    /// The program in the place of `entry` that becomes `program` with `changes`; why there can be none.
    pub fn instead_of(
        &self,
        entry: &Entry,
        program: &InstallPath,
        changes: Vec<Change>,
    ) -> Result<Entry, String> {
        let root = self.root_of(&entry.path).ok_or("a table cannot say where the bundle is")?;
        let loader = self.place().below(program);
        let bytes = launcher(self.abi, &Table { root, loader, anchor: self.anchor.cloned(), changes })?;
        let mut starter = Entry::made(entry.path.clone(), bytes, Role::Program);
        (starter.mode, starter.owner, starter.group) = (entry.mode, entry.owner.clone(), entry.group.clone());
        starter.origin = entry.origin.clone();
        starter.special = self.special(entry);
        if let Kind::File { surgery, .. } = &mut starter.kind {
            surgery.push(Surgery::Starts(printable(program.as_bytes())));
        }
        Ok(starter)
    }

    /// Whether an entry is in the artifacts.
    pub fn has(&self, entry: &Entry) -> bool {
        entry.special.formats.and(self.formats) != Formats::NONE
    }

    /// What an entry is besides, for one of the artifacts' alone.
    pub fn special(&self, entry: &Entry) -> Special {
        Special { formats: entry.special.formats.and(self.formats), ..entry.special.clone() }
    }
}

/// Whether an entry is one.
pub fn is_starter(entry: &Entry) -> bool {
    let Kind::File { surgery, .. } = &entry.kind else { return false };
    surgery.iter().any(|edit| matches!(edit, Surgery::Starts(_)))
}
