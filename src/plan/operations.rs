//! The operation on each ELF file of the flat layout: interpreter, run path, needed entries.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::arrange::Arranged;
use super::carried::lay;
use super::context::Context;
use super::draft::{Draft, Operated};
use super::graph::{Graph, Group, Node, NodeId};
use super::homes::Homes;
use super::relocation::Relocation;
use super::run_path::{self, Wanted};
use super::survey::{self, Edit};
use super::{Finding, Surgery, host};
use crate::config::glibc_set::is_glibc_set;
use crate::config::{Glibc, RunPathTag};
use crate::elf::{Class, Operation, RunPath};
use crate::error::{Error, Result};
use crate::path::{InstallPath, StoreFile, file_name, printable};

/// What the operations are worked out from.
pub struct Bundle<'a> {
    pub context: &'a Context<'a>,
    pub graph: &'a Graph,
    pub relocation: &'a Relocation,
    /// The results' own.
    pub arranged: &'a Arranged,
    /// The paths of all files and links but those of libraries that lie with each other.
    pub laid: &'a BTreeSet<InstallPath>,
    /// Folders that hold files of store paths which stay together, and not only links to where libraries lie.
    pub kept: &'a BTreeSet<InstallPath>,
    /// Where each file of the store lies, but those libraries.
    pub fixed: &'a BTreeMap<StoreFile, InstallPath>,
}

/// Works out every operation and carries it out on paper: patches by install path.
pub fn all(bundle: &Bundle, homes: &mut Homes, draft: &mut Draft) -> Result<BTreeMap<InstallPath, Operated>> {
    let led = bundle.led_by_programs();
    let wanted = bundle.wanted(homes, &led);
    let present = bundle.present(homes);
    let filled = present.iter().filter_map(InstallPath::parent).collect();
    let surgeon = Surgeon { bundle, homes, led: &led, wanted: &wanted, present: &present, filled: &filled };
    surgeon.report_baseline(draft);
    // A library that shares the home of another of the same content is not operated on.
    let nodes = bundle.graph.nodes.par_iter();
    let own_bytes = nodes.filter(|(id, _)| homes.shipped.contains(id) || bundle.fixed.contains_key(&id.1));
    let operated: Vec<_> = own_bytes
        .map(|(id, node)| Ok((homes.of[id].clone(), surgeon.operate(id, node)?)))
        .collect::<Result<_>>()?;
    let mut all = BTreeMap::new();
    for (path, (operated, edit)) in operated {
        all.insert(path, operated);
        draft.edits.extend(edit);
    }
    Ok(all)
}

impl Bundle<'_> {
    /// Libraries for which programs differ in what serves a needed entry, and those that load them: what they need is found by
    /// their programs' run paths. Their own would be searched first, whatever the program.
    fn led_by_programs(&self) -> BTreeSet<NodeId> {
        let mut led = BTreeSet::new();
        // DT_RUNPATH serves none but its own file.
        if self.context.config.runtime.rpath == RunPathTag::Runpath {
            return led;
        }
        loop {
            let is_led = |(id, node): &(&NodeId, &Node)| {
                let mut needs = node.needs.values().map(|need| &need.served_by);
                node.elf.class == Class::Library
                    && !node.programs.is_empty()
                    && needs
                        .any(|by| by.len() > 1 || by.keys().any(|file| led.contains(&(id.0, file.clone()))))
            };
            let now: BTreeSet<NodeId> =
                self.graph.nodes.iter().filter(is_led).map(|(id, _)| id.clone()).collect();
            if now.len() == led.len() {
                return led;
            }
            led = now;
        }
    }

    /// What each file's run path is to find.
    fn wanted(&self, homes: &mut Homes, led: &BTreeSet<NodeId>) -> BTreeMap<NodeId, BTreeSet<Wanted>> {
        let mut wanted: BTreeMap<NodeId, BTreeSet<Wanted>> = BTreeMap::new();
        for (id, node) in &self.graph.nodes {
            for (name, need) in &node.needs {
                for (real, served) in &need.served_by {
                    let Some(folder) = self.folder_of(homes, &(id.0, real.clone()), name, &served.found_as)
                    else {
                        continue;
                    };
                    // For a setuid program ld.so ignores $ORIGIN in its libraries' run paths, too.
                    let by_program = |program: &&NodeId| led.contains(id) || self.is_privileged(program);
                    let programs = served.programs.iter().filter(by_program);
                    for finder in programs.chain(Some(id).filter(|id| !led.contains(id))) {
                        wanted.entry(finder.clone()).or_default().insert((name.clone(), folder.clone()));
                    }
                }
            }
        }
        wanted
    }

    fn is_privileged(&self, id: &NodeId) -> bool {
        if self.context.config.install.files.is_empty() {
            return false;
        }
        let mut files = self.arranged.files.iter().filter(|file| file.source == id.1);
        files.any(|file| self.context.is_privileged(&file.below))
    }

    /// The folder in which a library is found by `name`; where it lies under other names only, a link is added.
    fn folder_of(
        &self,
        homes: &mut Homes,
        id: &NodeId,
        name: &[u8],
        found_as: &StoreFile,
    ) -> Option<InstallPath> {
        let home = homes.of.get(id)?.clone();
        if homes.shipped.contains(id) || home.starts_with(&homes.folders[id.0]) && home.file_name() == name {
            return home.parent();
        }
        if let Some(folder) = self.kept_folder(found_as) {
            return Some(folder);
        }
        if home.file_name() == name || homes.links.get(&home.parent()?.join(name)) == Some(&home) {
            return home.parent();
        }
        let folder = homes.folders[id.0].clone();
        homes.links.entry(folder.join(name)).or_insert(home);
        Some(folder)
    }

    /// The folder of a file that lies where its store path is rewritten to, if it does.
    fn kept_folder(&self, file: &StoreFile) -> Option<InstallPath> {
        let place = lay::place(self.context, self.relocation, file)?;
        self.laid.contains(&place).then(|| place.parent())?
    }

    /// Every path at which a library may be found.
    fn present(&self, homes: &Homes) -> BTreeSet<InstallPath> {
        self.laid.iter().chain(homes.of.values()).chain(homes.links.keys()).cloned().collect()
    }
}

struct Surgeon<'a> {
    bundle: &'a Bundle<'a>,
    homes: &'a Homes,
    led: &'a BTreeSet<NodeId>,
    wanted: &'a BTreeMap<NodeId, BTreeSet<Wanted>>,
    present: &'a BTreeSet<InstallPath>,
    /// The folders that something of it lies right in.
    filled: &'a BTreeSet<InstallPath>,
}

impl Surgeon<'_> {
    fn operate(&self, id: &NodeId, node: &Node) -> Result<(Operated, Option<Edit>)> {
        let store = self.bundle.context.store;
        let group = &self.bundle.graph.groups[id.0];
        if self.bundle.graph.is_loader(&id.1) {
            return Ok((self.send_loader_home(id)?, None));
        }
        let is_led = self.led.contains(id);
        let operation = Operation {
            interpreter: self.interpreter(id, group, node),
            remove_run_path: is_led && node.elf.run_path().is_some(),
            run_path: if is_led { None } else { self.run_path(id, node)? },
            replace_needed: bare_names(node),
            ..Operation::default()
        };
        let patches = survey::operate(store, &id.1, &node.elf, &operation)?;
        let patches = patches.map_err(|refusal| {
            Error::failure(format!("{} cannot be operated on: {refusal}", store.origin(&id.1))).remedy(
                "leave it out with `install.exclude`, or use `install.layout = \"store\"`, where it finds its libraries as \
                 it does in the store",
            )
        })?;
        let operated = Operated { patches: patches.clone(), surgery: words(node, &operation) };
        let edit = Edit { file: id.1.clone(), operation, patches };
        Ok((operated, Some(edit).filter(|edit| edit.operation != Operation::default())))
    }

    /// The loader's own folders become the library folder, for who starts a program by it.
    fn send_loader_home(&self, id: &NodeId) -> Result<Operated> {
        let store = self.bundle.context.store;
        let bytes = store.map(&id.1)?;
        let patches = survey::loader_folders(&bytes, store.dir().as_bytes(), &self.homes.folders[id.0]);
        let surgery = if patches.is_empty() { Vec::new() } else { vec![Surgery::LoaderFolders] };
        Ok(Operated { patches, surgery })
    }

    /// Programs start by the bundled loader; libc.so.6 and libcap.so.2 name it too.
    fn interpreter(&self, id: &NodeId, group: &Group, node: &Node) -> Option<Vec<u8>> {
        let old = node.elf.interpreter.as_ref()?;
        if node.elf.class == Class::Library && !old.starts_with(self.bundle.context.store.dir().as_bytes()) {
            return None;
        }
        if self.bundle.context.config.runtime.glibc == Glibc::Host {
            return host::interpreter(node.elf.abi).map(|path| path.as_bytes().to_vec());
        }
        let loader = group.loader.as_ref().map(|loader| &loader.interpreter);
        let name = loader.map_or(file_name(old), |loader| loader.file_name());
        // A result that stays together may be a glibc.
        let kept = loader.and_then(|loader| self.bundle.kept_folder(loader));
        let folder = kept.unwrap_or_else(|| self.homes.folders[id.0].clone());
        Some(folder.join(name).as_bytes().to_vec())
    }

    fn run_path(&self, id: &NodeId, node: &Node) -> Result<Option<RunPath>> {
        let has_one = node.elf.run_path().is_some();
        if !has_one && !can_use_run_path(id, node) {
            return Ok(None);
        }
        let context = self.bundle.context;
        let own = &self.homes.folders[id.0];
        let mut also = self.kept_folders(id, node);
        if self.filled.contains(own) {
            also.insert(0, own.clone());
        }
        let has = |folder: &InstallPath, name: &[u8]| self.present.contains(&folder.join(name));
        let none = BTreeSet::new();
        let wanted = self.wanted.get(id).unwrap_or(&none);
        let folders = run_path::order(wanted, &also, &has).ok_or_else(|| {
            Error::failure(format!(
                "no run path serves {}: two folders of the bundle each have a library that it must take from the other",
                context.store.origin(&id.1)
            ))
        })?;
        if folders.is_empty() && !has_one {
            return Ok(None);
        }
        let home = &self.homes.of[id];
        let from = home.parent().unwrap_or_else(InstallPath::root);
        let mut text = run_path::text(&folders, &from, self.bundle.is_privileged(id));
        for folder in self.of_target(id, node) {
            if !text.is_empty() {
                text.push(b':');
            }
            text.extend_from_slice(&folder);
        }
        let runpath = context.config.runtime.rpath == RunPathTag::Runpath;
        Ok(Some(RunPath { folders: text, runpath }))
    }

    /// Folders of the target that come last: those of the old run path that are the target's in any bundle, and where it has its
    /// libraries.
    fn of_target(&self, id: &NodeId, node: &Node) -> Vec<Vec<u8>> {
        let context = self.bundle.context;
        let outside = context.rules.outside.in_run_path(&node.elf);
        let uses_target = !outside.is_empty() || self.uses_baseline(id);
        let mut folders: Vec<Vec<u8>> = outside.into_iter().map(<[u8]>::to_vec).collect();
        if context.config.runtime.glibc == Glibc::Bundled && uses_target {
            folders.extend(host::library_folders(node.elf.abi).into_iter().map(String::into_bytes));
        }
        folders
    }

    /// Folders of store paths that stay together, in the file's old run path: they may be there for a dlopen.
    fn kept_folders(&self, id: &NodeId, node: &Node) -> Vec<InstallPath> {
        let store = self.bundle.context.store;
        let mut kept = Vec::new();
        for folder in run_path::in_store(&id.1, &node.elf) {
            let Some((path, below)) = store.split(&folder) else { continue };
            let Some(place) = self.bundle.relocation.folder(path.hash()) else { continue };
            let place = place.join(below);
            if self.bundle.kept.contains(&place) && !kept.contains(&place) {
                kept.push(place);
            }
        }
        kept
    }

    /// Whether a program, or a library that it loads, needs what the target provides.
    fn uses_baseline(&self, id: &NodeId) -> bool {
        let nodes = &self.bundle.graph.nodes;
        nodes[id].elf.class == Class::Program
            && nodes
                .iter()
                .any(|(other, node)| (other == id || node.programs.contains(id)) && !node.baseline.is_empty())
    }

    fn report_baseline(&self, draft: &mut Draft) {
        if self.bundle.context.config.runtime.glibc == Glibc::Host {
            return;
        }
        let nodes = || self.bundle.graph.nodes.values();
        let names: BTreeSet<String> =
            nodes().flat_map(|node| &node.baseline).map(|name| printable(name)).collect();
        if names.is_empty() || !nodes().any(|node| node.elf.class == Class::Program) {
            return;
        }
        let mut finding = Finding::warning(
            "baseline-library",
            "libraries come from the target; one that was built for a newer glibc than the bundle's does not load",
        )
        .remedy("bundle them (`runtime.baseline`), unless they must match the target's drivers");
        finding.subjects = names.into_iter().collect();
        draft.findings.push(finding);
    }
}

/// Whether a file without a run path is to have one.
fn can_use_run_path(id: &NodeId, node: &Node) -> bool {
    if node.elf.class == Class::Program {
        return node.elf.is_dynamic();
    }
    // What needs nothing may be a loader or an old static-pie, which would crash over a run path.
    //
    // What needs nothing but glibc's libraries stays as it is, as do those themselves: the file need not grow. libc.so.6 is looked
    // up for libm.so.6 by libm's own run path, and then by the DT_RPATH of those that libm was loaded for, up to the program. All
    // these have one, and none has DT_RUNPATH, so LD_LIBRARY_PATH does not get its turn before the library is found.
    let needs_glibc_alone = node.elf.needed.iter().all(|name| is_glibc_set(file_name(name)));
    !needs_glibc_alone && !is_glibc_set(node.elf.soname.as_deref().unwrap_or(id.1.file_name()))
}

/// A needed entry with a slash becomes a bare name, to be found by the run path.
fn bare_names(node: &Node) -> Vec<(Vec<u8>, Vec<u8>)> {
    let with_slash = node.elf.needed.iter().filter(|name| name.contains(&b'/'));
    let mut renamed: Vec<_> = with_slash.map(|name| (name.clone(), file_name(name).to_vec())).collect();
    renamed.dedup();
    renamed
}

fn words(node: &Node, operation: &Operation) -> Vec<Surgery> {
    let mut words = Vec::new();
    if let Some(new) = operation.interpreter.as_ref().filter(|new| node.elf.interpreter.as_ref() != Some(new))
    {
        words.push(Surgery::Interpreter(printable(new)));
    }
    if operation.remove_run_path {
        words.push(Surgery::NoRunPath);
    }
    if let Some(run_path) = &operation.run_path {
        words.push(Surgery::RunPath { to: printable(&run_path.folders), runpath: run_path.runpath });
    }
    for (from, to) in &operation.replace_needed {
        words.push(Surgery::Needed { from: printable(from), to: printable(to) });
    }
    words
}
