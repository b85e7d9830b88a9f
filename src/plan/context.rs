//! What making a plan stands on.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::Finding;
use super::arrange::{Face, Tree, target_below};
use super::carried::Rules;
use super::choose::{self, Choice};
use crate::config::{Config, Format, Formats, Package};
use crate::error::{Error, Result};
use crate::path::{InstallPath, StoreFile};
use crate::store::closure::{Known, Pending};
use crate::store::inventory::{self, Item, Items, is_folder};
use crate::store::{Destination, Store, StorePath};

pub struct Context<'a> {
    pub config: &'a Config,
    pub store: &'a Store,
    pub results: &'a [StorePath],
    /// Being found; only what looks for references waits for it.
    pub pending: Pending,
    pub package: Package,
    pub prefix: InstallPath,
    /// Where the system looks for units, desktop files and the like.
    pub system: InstallPath,
    pub lib_dir: InstallPath,
    pub choice: Choice,
    /// What settles references.
    pub rules: Rules,
    /// Whether the tarball is to run from any folder.
    pub relocatable: bool,
    /// Wrappers, as the disk has them, that stay scripts: an attempt has shown that nothing can stand for them.
    pub scripts: BTreeSet<PathBuf>,
    /// Seconds since 1970.
    pub mtime: u32,
}

impl Context<'_> {
    pub fn face(&self) -> Face<'_> {
        Face { prefix: &self.prefix, system: &self.system }
    }

    /// Whether references lead through a descriptor in the tarball, if there are any.
    pub fn anchors(&self) -> bool {
        self.relocatable && self.config.anchor
    }

    /// The artifacts that may be in any folder; all others are at their places below the prefix.
    pub fn anywhere(&self) -> Formats {
        if self.relocatable { Formats::only(Format::Tar) } else { Formats::NONE }
    }

    /// The closure and the scanner for its hashes.
    pub fn known(&self) -> Result<&Known> {
        self.pending.known()
    }

    /// The results' files, links dereferenced, those that are shipped.
    pub fn trees(&self, findings: &mut Vec<Finding>) -> Result<Vec<Tree>> {
        let mut trees = Vec::new();
        for path in self.results {
            let mut items = inventory::dereferenced(self.store, path, findings)?;
            items.retain(|below, item| matches!(item, Item::EmptyFolder) || self.choice.of_result(below));
            drop_dangling(&mut items);
            trees.push(Tree { path: path.clone(), items });
        }
        if trees.iter().all(|tree| tree.items.values().all(|item| matches!(item, Item::EmptyFolder))) {
            return Err(Error::failure(
                "there is nothing to ship: the results hold no files, or all are left out",
            )
            .remedy(
                "look at `install.include` and `install.exclude`; development files are left out by default",
            ));
        }
        Ok(trees)
    }

    /// The libraries that `runtime.add` names, found in the library folders of the closure: each real file and its name.
    ///
    /// Errors: a glob that no library matches.
    pub fn added_libraries(&self) -> Result<BTreeSet<(StoreFile, Vec<u8>)>> {
        let mut found = BTreeSet::new();
        for pattern in &self.config.runtime.add {
            let glob = choose::globs("runtime.add", [pattern])?;
            let before = found.len();
            for path in self.known()?.closure.paths() {
                let folder = self.store.file(path).join("lib");
                let Destination::Folder(real) = self.store.follow(&folder) else { continue };
                for name in self.store.list(&real)? {
                    if !glob.is_match(crate::path::printable(&name)) {
                        continue;
                    }
                    if let Destination::File(file) = self.store.follow(&real.join(&name)) {
                        found.insert((file, name));
                    }
                }
            }
            if found.len() == before {
                return Err(Error::usage(format!(
                    "`runtime.add` asks for {pattern:?}, and no library of the closure matches"
                ))
                .remedy("make it an input of the build, so that the result refers to it"));
            }
        }
        Ok(found)
    }

    /// The setting of `[[install.files]]` for a file of a result.
    pub fn install_file(&self, below: &[u8]) -> Option<&crate::config::InstallFile> {
        self.config.install.files.iter().find(|file| file.path.trim_matches('/').as_bytes() == below)
    }

    /// Whether the kernel starts a file with AT_SECURE: ld.so then ignores `$ORIGIN`.
    pub fn is_privileged(&self, below: &[u8]) -> bool {
        self.install_file(below)
            .is_some_and(|file| file.caps.is_some() || file.mode.is_some_and(|mode| mode & 0o6000 != 0))
    }
}

/// Links whose target was left out go with it.
fn drop_dangling(items: &mut Items) {
    loop {
        let dangling: Vec<Vec<u8>> = items
            .iter()
            .filter(|(below, item)| match item {
                Item::Link { target } if !target.starts_with(b"/") => {
                    !leads_into(items, &target_below(below, target))
                }
                _ => false,
            })
            .map(|(below, _)| below.clone())
            .collect();
        if dangling.is_empty() {
            return;
        }
        for below in dangling {
            items.remove(&below);
        }
    }
}

/// Whether a path, or a link on the way to it, is among the items.
fn leads_into(items: &Items, path: &[u8]) -> bool {
    let folder_link = |end: usize| matches!(items.get(&path[..end]), Some(Item::Link { .. }));
    path.is_empty()
        || items.contains_key(path)
        || is_folder(items, path)
        || path.iter().enumerate().any(|(end, byte)| *byte == b'/' && folder_link(end))
}
