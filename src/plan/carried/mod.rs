//! What a flat bundle carries besides what the results hold: everything that is reached from them (design.md section 7).
//!
//! `rules` says what becomes of a reference, `reference` which file one names, `walk` what comes along with a file, `lay` where
//! it lies in the bundle. Here they are put together, round by round until nothing new is reached. A round looks at everything
//! that is known, in the order of its paths, so that the outcome does not depend on who was reached first.

pub mod lay;
pub mod reference;
mod rules;
pub mod settled;
mod walk;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use globset::GlobSet;
use rayon::prelude::*;

use super::arrange::{self, Tree};
use super::context::Context;
use super::graph::{Baseline, Graph, Loading, Searches};
use super::named::Named;
use super::run_path;
use super::survey::Survey;
use super::wrappers;
use crate::elf::{Class, Elf};
use crate::error::{Error, Result};
use crate::path::StoreFile;
use crate::store::closure::Known;
use crate::store::inventory::{self, Item};
use crate::store::library::Libraries;
use crate::store::{Destination, Store, StorePath};

use reference::{Place, Reference};
pub use rules::Rules;
use rules::{Matching, Settlement};
use walk::Walk;
pub use walk::{How, Reason};

/// A file of the store, looked at once.
pub struct Seen {
    pub survey: Survey,
    pub named: Named,
    pub places: Vec<Place>,
    /// Each reference of those places, and the rules that match it; `None` where another name follows the hash: nothing is meant.
    references: BTreeMap<Reference, Option<Matching>>,
    /// In bytes.
    pub size: u64,
    pub executable: bool,
    /// Functions that it calls, of those that rules ask for.
    imports: BTreeSet<String>,
    /// A wrapper that a program is to stand for: its interpreter is not among the references.
    needs_no_shell: bool,
}

/// What is reached.
pub struct Reached<'a> {
    pub seen: HashMap<StoreFile, Seen>,
    pub graph: Graph,
    walk: Walk<'a>,
    rules: &'a Rules,
    /// The functions that the bundle calls, of those that rules ask for.
    imported: BTreeSet<String>,
    /// What each reference that is carried names, if anything is there.
    named: HashMap<Reference, Option<StoreFile>>,
    /// Libraries that are opened by their names, with those names.
    opened: BTreeMap<StoreFile, (BTreeSet<Vec<u8>>, Reason)>,
}

/// Follows everything that the results' files name, until nothing new is reached.
pub fn reach<'a>(context: &'a Context, trees: &[Tree], libraries: &Libraries) -> Result<Reached<'a>> {
    let rules = &context.rules;
    let walk = Walk::new(context.store, context.results, &context.choice, rules);
    let mut reaching = Reaching {
        context,
        libraries,
        searches: Searches::default(),
        loaded: Roots::default(),
        early: None,
        own: own_files(trees),
        baseline: super::choose::globs("runtime.baseline", &context.config.runtime.baseline)?,
        reached: Reached {
            seen: HashMap::new(),
            graph: Graph::default(),
            walk,
            rules,
            imported: BTreeSet::new(),
            named: HashMap::new(),
            opened: BTreeMap::new(),
        },
    };
    reaching.begin(trees.iter().flat_map(programs).collect());
    reaching.take_programs_of_joins(trees)?;
    reaching.add_asked_for()?;
    while reaching.look_at_new()? {
        reaching.load();
        reaching.open_run_paths()?;
        reaching.follow()?;
    }
    Ok(reaching.reached)
}

/// The results' own files, links followed.
fn own_files(trees: &[Tree]) -> BTreeSet<StoreFile> {
    let items = trees.iter().flat_map(|tree| tree.items.values());
    items
        .filter_map(|item| match item {
            Item::File { source, .. } => Some(source.clone()),
            _ => None,
        })
        .collect()
}

/// The files of a result that may be programs, or what programs load.
fn programs(tree: &Tree) -> impl Iterator<Item = StoreFile> {
    tree.items.values().filter_map(|item| match item {
        Item::File { source, executable: true, .. } => Some(source.clone()),
        _ => None,
    })
}

/// What processes are worked out from.
#[derive(Default, PartialEq, Eq)]
struct Roots {
    /// ELF files, by their paths.
    files: Vec<StoreFile>,
    /// Libraries that are opened by their names.
    opened: BTreeMap<StoreFile, BTreeSet<Vec<u8>>>,
}

struct Reaching<'a, 'l> {
    context: &'a Context<'a>,
    libraries: &'l Libraries<'l>,
    searches: Searches,
    /// What the graph was made of.
    loaded: Roots,
    /// The graph of what was known before the closure was.
    early: Option<(Roots, Graph)>,
    own: BTreeSet<StoreFile>,
    baseline: GlobSet,
    reached: Reached<'a>,
}

impl Reaching<'_, '_> {
    /// A program that a result only links to finds what it needs beside itself, in its own store path.
    fn take_programs_of_joins(&mut self, trees: &[Tree]) -> Result<()> {
        let store = self.context.store;
        let mut linked: BTreeMap<StorePath, &StoreFile> = BTreeMap::new();
        for (below, item) in trees.iter().flat_map(|tree| &tree.items) {
            let Item::File { source, .. } = item else { continue };
            let Some((path, inside)) = store.split(source) else { continue };
            let is_own = self.context.results.contains(&path);
            if walk::is_program(inside) && !is_own && !arrange::is_moved(below) {
                linked.entry(path).or_insert(source);
            }
        }
        for (path, program) in linked {
            if !is_public(self.context, &path)? {
                let reason = Reason { by: Some(program.clone()), how: How::BesideProgram };
                self.reached.walk.whole(&path, &reason)?;
            }
        }
        Ok(())
    }

    fn add_asked_for(&mut self) -> Result<()> {
        for (file, name) in self.context.added_libraries()? {
            if self.libraries.elf(&file).is_none() {
                return Err(Error::failure(format!(
                    "{file}, which `runtime.add` asks for, is no ELF library"
                )));
            }
            self.reached.open(file, name, Reason { by: None, how: How::Added });
        }
        Ok(())
    }

    /// Looks at every file that is known and was not looked at, on all cores. False if there is none.
    fn look_at_new(&mut self) -> Result<bool> {
        let Reached { seen, graph, walk, opened, rules, .. } = &mut self.reached;
        let nodes = graph.nodes.keys().map(|(_, file)| file);
        let known = self.own.iter().chain(walk.files.keys()).chain(nodes).chain(opened.keys());
        let new: BTreeSet<&StoreFile> = known.filter(|file| !seen.contains_key(*file)).collect();
        let new: Vec<StoreFile> = new.into_iter().cloned().collect();
        let (context, known) = (self.context, self.context.known()?);
        let parsed: Vec<Option<Arc<Elf>>> = new.iter().map(|file| self.libraries.parsed(file)).collect();
        let look = |(file, elf): (&StoreFile, &Option<Arc<Elf>>)| {
            Seen::look(context, known, rules, file, elf.clone())
        };
        // One by one: files differ in size by a thousand times, and a thread is not to have several large ones before it.
        let found: Vec<Seen> =
            new.par_iter().zip(&parsed).with_max_len(1).map(look).collect::<Result<_>>()?;
        for (file, found) in new.iter().zip(&found) {
            self.libraries.know(file, found.survey.elf.clone());
        }
        seen.extend(new.iter().cloned().zip(found));
        // What was parsed before was gone through then.
        let unparsed: Vec<StoreFile> =
            new.iter().zip(&parsed).filter(|(_, elf)| elf.is_none()).map(|(file, _)| file.clone()).collect();
        self.parse_needed_by(&unparsed);
        Ok(!new.is_empty())
    }

    /// Parses what files will load, as far as their own run paths tell, on all cores; the rest is parsed when it is asked for.
    fn parse_needed_by(&self, files: &[StoreFile]) {
        let needed: BTreeSet<StoreFile> =
            files.iter().flat_map(|file| self.libraries.needed_by(file)).collect();
        let new = self.libraries.parse(needed);
        if !new.is_empty() {
            self.parse_needed_by(&new);
        }
    }

    /// Works out what the results' programs load while Nix is still being asked for the closure, which that does not need.
    fn begin(&mut self, programs: BTreeSet<StoreFile>) {
        let programs = self.libraries.parse(programs);
        self.parse_needed_by(&programs);
        self.load();
        self.early = Some((std::mem::take(&mut self.loaded), std::mem::take(&mut self.reached.graph)));
    }

    /// Every program's process anew, with all that is known by now, if that is more than before.
    fn load(&mut self) {
        let files: BTreeSet<&StoreFile> = self.own.iter().chain(self.reached.walk.files.keys()).collect();
        let elfs: Vec<(&StoreFile, Arc<Elf>)> =
            files.into_iter().filter_map(|file| Some((file, self.libraries.parsed(file)?))).collect();
        let opened = &self.reached.opened;
        let roots = Roots {
            files: elfs.iter().map(|(file, _)| (*file).clone()).collect(),
            opened: opened.iter().map(|(file, (names, _))| (file.clone(), names.clone())).collect(),
        };
        if roots == self.loaded {
            return;
        }
        self.reached.graph = match self.early.take() {
            Some((early, graph)) if early == roots => graph,
            _ => self.graph(&elfs),
        };
        self.loaded = roots;
    }

    fn graph(&self, elfs: &[(&StoreFile, Arc<Elf>)]) -> Graph {
        let context = self.context;
        let baseline = Baseline { names: &self.baseline, glibc: context.config.runtime.glibc };
        let mut loading = Loading::new(context.store, self.libraries, &self.searches, baseline);
        for (file, elf) in elfs.iter().filter(|(_, elf)| elf.class == Class::Program) {
            loading.program(file, elf);
        }
        for (file, elf) in elfs.iter().filter(|(_, elf)| elf.class == Class::Library) {
            loading.library(file, elf, None);
        }
        for (file, (names, _)) in &self.reached.opened {
            let Some(elf) = self.libraries.elf(file) else { continue };
            for name in names {
                loading.library(file, &elf, Some(name));
            }
        }
        loading.finish()
    }

    /// Libraries in a folder of a run path that serves no needed entry: they are there for a dlopen.
    fn open_run_paths(&mut self) -> Result<()> {
        let store = self.context.store;
        let mut found = Vec::new();
        for ((_, file), node) in &self.reached.graph.nodes {
            let served = node.needs.values().flat_map(|need| need.served_by.values());
            let serving: BTreeSet<StoreFile> = served.filter_map(|served| served.found_as.parent()).collect();
            let is_left_out = |names: &[Vec<u8>]| names.iter().any(|name| node.baseline.contains(name));
            for folder in run_path::in_store(file, &node.elf) {
                let Some((path, _)) = store.split(&folder) else { continue };
                let stays = self.context.results.contains(&path) || self.reached.walk.wholes.contains(&path);
                if stays || serving.contains(&folder) || self.reached.rules.is_alone(&path.to_string()) {
                    continue;
                }
                let Destination::Folder(real) = store.follow(&folder) else { continue };
                let names = store.list(&real)?;
                if is_left_out(&names) {
                    continue;
                }
                for name in names.into_iter().filter(|name| is_library_name(name)) {
                    let Destination::File(library) = store.follow(&real.join(&name)) else { continue };
                    if self.libraries.elf(&library).is_some_and(|elf| elf.class == Class::Library) {
                        found.push((library, name, Reason { by: Some(file.clone()), how: How::RunPath }));
                    }
                }
            }
        }
        for (library, name, reason) in found {
            self.reached.open(library, name, reason);
        }
        Ok(())
    }

    /// The references that are carried and were not followed in an earlier round, each with the file that has it and the first path.
    fn asked(&self) -> Result<BTreeMap<Reference, (StorePath, StoreFile)>> {
        let closure = &self.context.known()?.closure;
        let mut asked: BTreeMap<Reference, (StorePath, StoreFile)> = BTreeMap::new();
        for file in self.reached.in_order() {
            for (reference, matching) in &self.reached.seen[file].references {
                if self.reached.named.contains_key(reference) || asked.contains_key(reference) {
                    continue;
                }
                let Some(path) = closure.get(reference.hash) else { continue };
                let settlement = self.reached.settle(path, matching.as_ref());
                if settlement == Some(Settlement::Carried) {
                    asked.insert(reference.clone(), (path.clone(), file.clone()));
                }
            }
        }
        Ok(asked)
    }

    /// Takes what references name, as far as the rules let it.
    fn follow(&mut self) -> Result<()> {
        let store = self.context.store;
        self.reached.imported = self.reached.all_imported();
        let asked = self.asked()?;
        let there: Vec<Option<StoreFile>> =
            asked.par_iter().map(|(reference, (path, _))| reference.existing(store, path)).collect();
        let mut named: BTreeMap<StoreFile, Reason> = BTreeMap::new();
        let mut passed: BTreeMap<StoreFile, Reason> = BTreeMap::new();
        for ((reference, (path, by)), there) in asked.iter().zip(&there) {
            let Some(there) = there else { continue };
            let reason = Reason { by: Some(by.clone()), how: How::Named };
            for folder in reference.passed(store, path) {
                earliest(&mut passed, folder, &reason);
            }
            earliest(&mut named, there.clone(), &reason);
        }
        self.reached.named.extend(asked.into_keys().zip(there));
        for (path, reason) in &named {
            self.reached.walk.reach(path, reason)?;
        }
        for (folder, reason) in passed {
            if let Destination::Folder(real) = store.follow(&folder) {
                self.reached.walk.folders.entry(real).or_insert(reason);
            }
        }
        Ok(())
    }
}

/// Keeps the reason whose file has the first path.
fn earliest(reasons: &mut BTreeMap<StoreFile, Reason>, file: StoreFile, reason: &Reason) {
    let known = reasons.entry(file).or_insert_with(|| reason.clone());
    if reason.by < known.by {
        *known = reason.clone();
    }
}

impl Reached<'_> {
    fn open(&mut self, library: StoreFile, name: Vec<u8>, reason: Reason) {
        let (names, _) = self.opened.entry(library).or_insert_with(|| (BTreeSet::new(), reason));
        names.insert(name);
    }

    /// Wrappers, as the disk has them, whose shells are not reached.
    pub fn without_shell(&self, store: &Store) -> BTreeSet<PathBuf> {
        let wrappers = self.seen.iter().filter(|(_, seen)| seen.needs_no_shell);
        wrappers.map(|(file, _)| store.disk(file)).collect()
    }

    /// The names of libraries that are opened by them.
    pub fn opened(&self) -> impl Iterator<Item = (&StoreFile, &BTreeSet<Vec<u8>>)> {
        self.opened.iter().map(|(file, (names, _))| (file, names))
    }

    /// Every file that was looked at, by its path.
    fn in_order(&self) -> Vec<&StoreFile> {
        let mut files: Vec<&StoreFile> = self.seen.keys().collect();
        files.sort();
        files
    }

    /// What the bundle calls. glibc's own libraries call each other's whatever the programs do.
    fn all_imported(&self) -> BTreeSet<String> {
        let own = |seen: &&Seen| {
            let soname = seen.survey.elf.as_ref().and_then(|elf| elf.soname.as_deref());
            !soname.is_some_and(crate::config::glibc_set::is_glibc_set)
        };
        self.seen.values().filter(own).flat_map(|seen| seen.imports.iter().cloned()).collect()
    }

    /// What becomes of a reference. `None` where nothing is meant.
    fn settle(&self, path: &StorePath, matching: Option<&Matching>) -> Option<Settlement<'_>> {
        let matching = matching?;
        if self.walk.results.contains(path) {
            return Some(Settlement::Carried);
        }
        Some(self.rules.settle(matching, &self.imported))
    }
}

impl Seen {
    /// `elf` is what was parsed of it before, if anything was.
    fn look(
        context: &Context,
        known: &Known,
        rules: &Rules,
        file: &StoreFile,
        elf: Option<Arc<Elf>>,
    ) -> Result<Self> {
        let store = context.store;
        let (bytes, metadata) = store.map_with_metadata(file)?;
        let survey = match elf {
            Some(elf) => Survey { elf: Some(elf), ..Survey::default() },
            None => Survey::of(&bytes),
        };
        let elf = survey.elf.as_deref();
        let imports = survey.imports(&bytes, &rules.functions);
        let mut places = Vec::new();
        let named = Named::look(&known.scanner, &bytes, |within, hits| {
            places.extend(reference::read(within, hits, elf));
        });
        places.extend(reference::read_wide(&bytes, &named.wide));
        let (size, executable) = (metadata.len(), inventory::is_executable(&metadata));
        let needs_no_shell = survey.is_script
            && executable
            && !context.scripts.contains(&store.disk(file))
            && wrappers::needs_no_shell(&bytes);
        let by = store.split(file).map(|(_, below)| below).unwrap_or_default();
        let mut references: BTreeMap<Reference, Option<Matching>> = BTreeMap::new();
        for Place { reference, is_shebang, .. } in &places {
            if *is_shebang && needs_no_shell || references.contains_key(reference) {
                continue;
            }
            let path = known.closure.get(reference.hash);
            let named = path.and_then(|path| reference.component(store, path));
            references.insert(reference.clone(), named.map(|named| rules.matching(named, by)));
        }
        Ok(Seen { survey, named, places, references, size, executable, imports, needs_no_shell })
    }
}

/// `libx.so`, `libx.so.1.2`
fn is_library_name(name: &[u8]) -> bool {
    let after = memchr::memmem::find(name, b".so").map(|at| &name[at + 3..]);
    after.is_some_and(|after| after.is_empty() || after.starts_with(b"."))
}

/// Whether a store path holds nothing but programs and public files.
fn is_public(context: &Context, path: &StorePath) -> Result<bool> {
    let mut items = inventory::physical(context.store, path)?;
    items.retain(|below, _| context.choice.of_closure(below));
    Ok(arrange::is_public(&Tree { path: path.clone(), items }))
}
