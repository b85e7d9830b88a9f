//! Programs of explant's own that start another one of a bundle wherever it is (`crate::stub::launcher`): in a tarball that runs from
//! any folder, in the place of a script or a wrapper.

use super::context::Context;
use super::relocatable::Place;
use super::{Entry, Kind, Role, Special, Surgery};
use crate::config::{Format, Formats};
use crate::elf::Abi;
use crate::path::{InstallPath, printable};
use crate::stub::{Anchor, Change, Table, launcher};

/// What starters are made for.
pub struct Starters<'a> {
    pub context: &'a Context<'a>,
    pub abi: Abi,
    pub anchor: Option<&'a Anchor>,
}

impl Starters<'_> {
    fn place(&self) -> Place<'_> {
        Place { prefix: &self.context.prefix }
    }

    /// A path of the bundle as a value that a table has: below the root.
    pub fn rooted(&self, path: &InstallPath) -> Vec<u8> {
        match self.place().below(path) {
            root if root.is_empty() => b"${root}".to_vec(),
            below => [b"${root}/", below.as_slice()].concat(),
        }
    }

    /// The tarball's program in the place of `entry` that becomes `program` with `changes`; why there can be none.
    pub fn instead_of(
        &self,
        entry: &Entry,
        program: &InstallPath,
        changes: Vec<Change>,
    ) -> Result<Entry, String> {
        let root = self.place().root_above(&entry.path).ok_or("it lies too deep")?;
        let loader = self.place().below(program);
        let bytes = launcher(self.abi, &Table { root, loader, anchor: self.anchor.cloned(), changes })?;
        let mut starter = Entry::made(entry.path.clone(), bytes, Role::Program);
        starter.mode = 0o755;
        starter.origin = entry.origin.clone();
        starter.special = in_tarball(entry);
        if let Kind::File { surgery, .. } = &mut starter.kind {
            surgery.push(Surgery::Starts(printable(program.as_bytes())));
        }
        Ok(starter)
    }
}

/// What an entry is besides, for one of the tarball's alone.
pub fn in_tarball(entry: &Entry) -> Special {
    Special { formats: entry.special.formats.and(Formats::only(Format::Tar)), ..entry.special.clone() }
}

/// Whether an entry is one.
pub fn is_starter(entry: &Entry) -> bool {
    let Kind::File { surgery, .. } = &entry.kind else { return false };
    surgery.iter().any(|edit| matches!(edit, Surgery::Starts(_)))
}
