//! The operation on each ELF file of the flat layout: interpreter, run path, needed entries.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::arrange::{Arranged, Tree};
use super::context::Context;
use super::draft::{Draft, Operated};
use super::graph::{Graph, Group, Node, NodeId};
use super::homes::Homes;
use super::relocation::Relocation;
use super::run_path::{self, Wanted};
use super::{Finding, Surgery, host, survey};
use crate::config::glibc_set::is_glibc_set;
use crate::config::{Glibc, RunPathTag};
use crate::elf::{Class, Operation, Refusal, RunPath};
use crate::error::{Error, Result};
use crate::path::{InstallPath, StoreFile, file_name, printable};

/// What the operations are worked out from.
pub struct Bundle<'a> {
    pub context: &'a Context<'a>,
    pub graph: &'a Graph,
    pub relocation: &'a Relocation,
    pub trees: &'a [Tree],
    pub arranged: &'a Arranged,
    /// Where the results' own files lie.
    pub fixed: &'a BTreeMap<StoreFile, InstallPath>,
}

/// Works out every operation and carries it out on paper: patches by install path.
///
/// Libraries come first. What one of them must find and has no run path to say, the programs that load it say: ld.so looks
/// in a program's DT_RPATH for what its libraries need (ld.so(8)).
pub fn all(bundle: &Bundle, homes: &mut Homes, draft: &mut Draft) -> Result<BTreeMap<InstallPath, Operated>> {
    let wanted = bundle.wanted(homes);
    let present = bundle.present(homes);
    // A library that shares the home of another of the same content is not operated on.
    let own_bytes = bundle
        .graph
        .nodes
        .iter()
        .filter(|(id, _)| homes.shipped.contains(id) || bundle.fixed.contains_key(&id.1));
    let (programs, libraries): (Vec<_>, Vec<_>) =
        own_bytes.partition(|(_, node)| node.elf.class == Class::Program);
    let [programs, libraries] =
        [programs, libraries].map(|nodes| nodes.into_iter().map(|(id, _)| id).collect::<Vec<_>>());
    let surgeon = Surgeon { bundle, homes, present: &present };

    let outcomes = surgeon.operate_all(&libraries, &wanted.own)?;
    let mut inherited = wanted.inherited;
    let mut operated = BTreeMap::new();
    for (id, outcome) in outcomes {
        if outcome.refusal.is_some() {
            for program in &bundle.graph.nodes[&id].programs {
                inherited
                    .entry(program.clone())
                    .or_default()
                    .extend(wanted.own.get(&id).into_iter().flatten().cloned());
            }
        }
        operated.insert(homes.of[&id].clone(), outcome.operated);
    }
    let mut of_programs = wanted.own;
    for (program, more) in inherited {
        of_programs.entry(program).or_default().extend(more);
    }
    for (id, outcome) in surgeon.operate_all(&programs, &of_programs)? {
        if let Some(refusal) = outcome.refusal {
            let wanted = of_programs.get(&id).into_iter().flatten();
            surgeon.without_run_path(&id, &refusal, wanted, draft)?;
        }
        operated.insert(homes.of[&id].clone(), outcome.operated);
    }
    surgeon.report_baseline(&programs, draft);
    Ok(operated)
}

#[derive(Default)]
struct AllWanted {
    /// What a file's own run path is to find.
    own: BTreeMap<NodeId, BTreeSet<Wanted>>,
    /// What a program's is to find for its libraries.
    inherited: BTreeMap<NodeId, BTreeSet<Wanted>>,
}

impl Bundle<'_> {
    fn wanted(&self, homes: &mut Homes) -> AllWanted {
        let mut wanted = AllWanted::default();
        for (id, node) in &self.graph.nodes {
            for (name, need) in &node.needs {
                for (real, served) in &need.served_by {
                    let Some(folder) = self.folder_of(homes, &(id.0, real.clone()), name, &served.found_as)
                    else {
                        continue;
                    };
                    let entry = (name.clone(), folder);
                    if need.served_by.len() == 1 {
                        wanted.own.entry(id.clone()).or_default().insert(entry);
                        continue;
                    }
                    for program in &served.programs {
                        wanted.inherited.entry(program.clone()).or_default().insert(entry.clone());
                    }
                }
            }
        }
        wanted
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

    /// The folder of a file of a result that stays together, if the file is shipped there.
    fn kept_folder(&self, file: &StoreFile) -> Option<InstallPath> {
        let (path, below) = self.context.store.split(file)?;
        let place = self.relocation.folder(path.hash())?;
        let tree = self.trees.iter().find(|tree| tree.path == path)?;
        tree.items.contains_key(below).then(|| place.join(below).parent())?
    }

    /// Every path at which a library may be found.
    fn present(&self, homes: &Homes) -> BTreeSet<InstallPath> {
        let files = self.arranged.files.iter().map(|file| &file.path);
        let links = self.arranged.links.iter().map(|link| &link.path);
        files.chain(links).chain(homes.of.values()).chain(homes.links.keys()).cloned().collect()
    }
}

struct Surgeon<'a> {
    bundle: &'a Bundle<'a>,
    homes: &'a Homes,
    present: &'a BTreeSet<InstallPath>,
}

/// How an operation went.
struct Outcome {
    operated: Operated,
    /// Why the run path could not be set; the rest was done.
    refusal: Option<Refusal>,
}

impl Surgeon<'_> {
    fn operate_all(
        &self,
        ids: &[&NodeId],
        wanted: &BTreeMap<NodeId, BTreeSet<Wanted>>,
    ) -> Result<Vec<(NodeId, Outcome)>> {
        let none = BTreeSet::new();
        ids.par_iter()
            .map(|id| Ok(((*id).clone(), self.operate(id, wanted.get(*id).unwrap_or(&none))?)))
            .collect()
    }

    fn operate(&self, id: &NodeId, wanted: &BTreeSet<Wanted>) -> Result<Outcome> {
        let (context, node) = (self.bundle.context, &self.bundle.graph.nodes[id]);
        let group = &self.bundle.graph.groups[id.0];
        if group.loader.as_ref().is_some_and(|loader| loader.file == id.1) && node.elf.run_path().is_none() {
            return Ok(Outcome { operated: self.send_loader_home(id)?, refusal: None });
        }
        let mut operation = Operation {
            interpreter: self.interpreter(id, group, node),
            replace_needed: bare_names(node),
            run_path: self.run_path(id, node, wanted)?,
            ..Operation::default()
        };
        let elf = &node.elf;
        let first = survey::operate(context.store, &id.1, elf, &operation)?;
        let (patches, refusal) = match (first, operation.run_path.is_some()) {
            (Ok(patches), _) => (patches, None),
            (Err(refusal), true) => {
                operation.run_path = self.old_run_path(id, node);
                // A run path that names the store is of no use, and one that stays is a leftover.
                if operation.run_path.is_none() && elf.run_path().is_some() {
                    return Err(self.refused(id, &refusal));
                }
                let rest = survey::operate(context.store, &id.1, elf, &operation)?;
                (rest.map_err(|refusal| self.refused(id, &refusal))?, Some(refusal))
            }
            (Err(refusal), false) => return Err(self.refused(id, &refusal)),
        };
        let surgery = words(node, &operation);
        Ok(Outcome { operated: Operated { patches, surgery }, refusal })
    }

    /// The old run path with the right tag, where it leads to folders of the bundle and no others: what it does not serve,
    /// the programs that load the file do.
    fn old_run_path(&self, id: &NodeId, node: &Node) -> Option<RunPath> {
        self.old_folders(id, node)?;
        let runpath = self.bundle.context.config.runtime.rpath == RunPathTag::Runpath;
        Some(RunPath { folders: node.elf.run_path()?.to_vec(), runpath })
    }

    /// The folders of the old run path as they are from the file's new place; `None` if one lies outside of the bundle.
    fn old_folders(&self, id: &NodeId, node: &Node) -> Option<Vec<InstallPath>> {
        let from = self.homes.of[id].parent()?;
        let entries = node.elf.run_path()?.split(|b| *b == b':');
        let folder = |entry: &[u8]| {
            let below = entry.strip_prefix(b"$ORIGIN").or_else(|| entry.strip_prefix(b"${ORIGIN}"))?;
            Some(from.join(below)).filter(|folder| folder.starts_with(&self.bundle.context.lib_dir))
        };
        entries.map(folder).collect()
    }

    /// The loader's own folders become the library folder, for programs without a run path.
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
        let name = group.loader.as_ref().map_or(file_name(old), |loader| loader.interpreter.file_name());
        Some(self.homes.folders[id.0].join(name).as_bytes().to_vec())
    }

    fn run_path(&self, id: &NodeId, node: &Node, wanted: &BTreeSet<Wanted>) -> Result<Option<RunPath>> {
        // glibc's own libraries need each other alone, which are loaded by then.
        let soname = node.elf.soname.as_deref().unwrap_or(id.1.file_name());
        if node.elf.run_path().is_none() && node.elf.class == Class::Library && is_glibc_set(soname) {
            return Ok(None);
        }
        if wanted.is_empty() && node.elf.run_path().is_none() && node.elf.class == Class::Library {
            return Ok(None);
        }
        let context = self.bundle.context;
        let own = &self.homes.folders[id.0];
        let mut also = self.kept_folders(id, node);
        if holds(self.present, own) {
            also.insert(0, own.clone());
        }
        let has = |folder: &InstallPath, name: &[u8]| self.present.contains(&folder.join(name));
        let folders = run_path::order(wanted, &also, &has).ok_or_else(|| {
            Error::failure(format!(
                "no run path serves {}: two folders of the bundle each have a library that it must take from the other",
                context.store.origin(&id.1)
            ))
        })?;
        if folders.is_empty() && node.elf.run_path().is_none() {
            return Ok(None);
        }
        let home = &self.homes.of[id];
        let from = home.parent().unwrap_or_else(InstallPath::root);
        let mut text = run_path::text(&folders, &from, self.is_privileged(id));
        if context.config.runtime.glibc == Glibc::Bundled && self.uses_baseline(id) {
            for folder in host::library_folders(node.elf.abi) {
                text = [text.as_slice(), b":", folder.as_bytes()].concat();
            }
        }
        let runpath = context.config.runtime.rpath == RunPathTag::Runpath;
        Ok(Some(RunPath { folders: text, runpath }))
    }

    fn is_privileged(&self, id: &NodeId) -> bool {
        if self.bundle.context.config.install.files.is_empty() {
            return false;
        }
        let mut files = self.bundle.arranged.files.iter().filter(|file| file.source == id.1);
        files.any(|file| self.bundle.context.is_privileged(&file.below))
    }

    /// Folders of results that stay together, in the file's old run path: they may be there for a dlopen.
    fn kept_folders(&self, id: &NodeId, node: &Node) -> Vec<InstallPath> {
        let store = self.bundle.context.store;
        let origin = id.1.parent().unwrap_or_else(StoreFile::root);
        let mut kept = Vec::new();
        for folder in node.elf.run_path().unwrap_or_default().split(|b| *b == b':') {
            let folder = match folder.strip_prefix(b"$ORIGIN") {
                Some(rest) => origin.join(rest),
                None => StoreFile::root().join(folder),
            };
            let Some((path, below)) = store.split(&folder) else { continue };
            let Some(place) = self.bundle.relocation.folder(path.hash()) else { continue };
            let place = place.join(below);
            if holds(self.present, &place) && !kept.contains(&place) {
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

    fn report_baseline(&self, programs: &[&NodeId], draft: &mut Draft) {
        if self.bundle.context.config.runtime.glibc == Glibc::Host {
            return;
        }
        let names: BTreeSet<String> = self
            .bundle
            .graph
            .nodes
            .values()
            .flat_map(|node| &node.baseline)
            .map(|name| printable(name))
            .collect();
        if names.is_empty() || programs.is_empty() {
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

    /// A program whose run path cannot be set still finds what lies in the loader's own folder, and where its old run path
    /// leads.
    fn without_run_path<'w>(
        &self,
        id: &NodeId,
        refusal: &Refusal,
        mut wanted: impl Iterator<Item = &'w Wanted>,
        draft: &mut Draft,
    ) -> Result<()> {
        let mut found_in = self.old_folders(id, &self.bundle.graph.nodes[id]).unwrap_or_default();
        found_in.push(self.homes.folders[id.0].clone());
        let elsewhere = wanted.any(|(_, folder)| !found_in.contains(folder));
        if elsewhere || self.uses_baseline(id) || self.bundle.context.config.runtime.glibc == Glibc::Host {
            return Err(self.refused(id, refusal));
        }
        draft.without_run_path.push(self.homes.of[id].to_string());
        Ok(())
    }

    fn refused(&self, id: &NodeId, refusal: &Refusal) -> Error {
        Error::failure(format!("{} cannot be operated on: {refusal}", self.bundle.context.store.origin(&id.1)))
            .remedy("leave it out with `install.exclude`, or use `install.layout = \"store\"`, which changes no lengths")
    }
}

/// Whether something lies below a folder.
fn holds(present: &BTreeSet<InstallPath>, folder: &InstallPath) -> bool {
    present.range(folder..).find(|path| *path != folder).is_some_and(|path| path.starts_with(folder))
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
    if let Some(run_path) = &operation.run_path {
        words.push(Surgery::RunPath { to: printable(&run_path.folders), runpath: run_path.runpath });
    }
    for (from, to) in &operation.replace_needed {
        words.push(Surgery::Needed { from: printable(from), to: printable(to) });
    }
    words
}
