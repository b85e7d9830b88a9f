//! Which ELF files load which, as ld.so would have it in the store.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use globset::GlobSet;

use super::Finding;
use crate::config::Glibc;
use crate::config::glibc_set::is_glibc_set;
use crate::elf::ldso::{self, Memo, Object, Process, Search};
use crate::elf::{Abi, Elf, Opens, Priority};
use crate::path::{StoreFile, file_name, printable};
use crate::store::library::Libraries;
use crate::store::{Destination, Store};

/// A node's name: its group, and its file with all links followed. One library that programs of two loaders use is
/// two nodes.
pub type NodeId = (usize, StoreFile);

/// Programs that run on one loader, and all that they load: one library folder.
#[derive(Debug)]
pub struct Group {
    pub abi: Abi,
    /// `None` for libraries that no program of the results loads.
    pub loader: Option<Loader>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Loader {
    /// As the programs name it.
    pub interpreter: StoreFile,
    /// With all links followed.
    pub file: StoreFile,
}

#[derive(Debug)]
pub struct Node {
    pub elf: Arc<Elf>,
    /// The names that it is asked for by.
    pub names: BTreeSet<Vec<u8>>,
    pub needs: BTreeMap<Vec<u8>, Need>,
    /// Names that it needs and the target provides.
    pub baseline: BTreeSet<Vec<u8>>,
    /// The `glibc-hwcaps` folder that it was found in, such as `x86-64-v3`.
    pub hwcaps: Option<Vec<u8>>,
    /// The programs that load it.
    pub programs: BTreeSet<NodeId>,
}

/// What serves one needed entry: mostly one file. Two, where the entry is found by the run path of whoever loads the
/// library, and programs differ.
#[derive(Debug, Default)]
pub struct Need {
    /// By the real file.
    pub served_by: BTreeMap<StoreFile, Served>,
}

#[derive(Debug)]
pub struct Served {
    /// The path that led there.
    pub found_as: StoreFile,
    /// In the processes of these programs.
    pub programs: BTreeSet<NodeId>,
}

/// A needed entry that nothing serves.
#[derive(Debug)]
pub struct Missing {
    /// The program that cannot start; `None` where only a library or plugin that no program loads is concerned.
    pub program: Option<StoreFile>,
    pub by: StoreFile,
    pub name: Vec<u8>,
    pub tried: Vec<Vec<u8>>,
}

#[derive(Debug, Default)]
pub struct Graph {
    pub groups: Vec<Group>,
    pub nodes: BTreeMap<NodeId, Node>,
    pub missing: Vec<Missing>,
    /// Programs whose interpreter is not in the store.
    pub foreign: Vec<StoreFile>,
    pub findings: Vec<Finding>,
}

impl Graph {
    /// Whether a program of the bundle is started by it.
    pub fn is_loader(&self, file: &StoreFile) -> bool {
        self.groups.iter().any(|group| group.loader.as_ref().is_some_and(|loader| loader.file == *file))
    }
}

/// Builds a [`Graph`].
pub struct Loading<'a> {
    store: &'a Store,
    libraries: &'a Libraries<'a>,
    searches: &'a Searches,
    baseline: Baseline<'a>,
    graph: Graph,
    /// By group.
    searched: Vec<Rc<Searched>>,
    /// What files open themselves and do not find in the store: the names that will do.
    unmet: Vec<(Vec<Vec<u8>>, Finding)>,
}

/// What the target provides.
pub struct Baseline<'a> {
    pub names: &'a GlobSet,
    pub glibc: Glibc,
}

/// What was found for groups before: a graph is built more than once.
#[derive(Default)]
pub struct Searches(RefCell<HashMap<Kin, Rc<Searched>>>);

/// What the processes of a group have in common: ABI and loader.
type Kin = (Abi, Option<Loader>);

/// What the searches of a group have in common.
struct Searched {
    /// The loader's own folders.
    folders: Vec<Vec<u8>>,
    memo: Memo,
}

impl<'a> Loading<'a> {
    pub fn new(
        store: &'a Store,
        libraries: &'a Libraries<'a>,
        searches: &'a Searches,
        baseline: Baseline<'a>,
    ) -> Self {
        let (graph, searched, unmet) = Default::default();
        Loading { store, libraries, searches, baseline, graph, searched, unmet }
    }

    pub fn finish(self) -> Graph {
        let Loading { mut graph, unmet, .. } = self;
        let names: HashSet<&[u8]> =
            graph.nodes.values().flat_map(|node| &node.names).map(Vec::as_slice).collect();
        // In a bundle they lie side by side: what another file has brought is found.
        let is_met = |wanted: &[Vec<u8>]| wanted.iter().any(|name| names.contains(name.as_slice()));
        let missing: Vec<Finding> =
            unmet.into_iter().filter(|(wanted, _)| !is_met(wanted)).map(|(_, finding)| finding).collect();
        graph.findings.extend(missing);
        graph
    }

    /// Takes a program and all that it loads.
    pub fn program(&mut self, file: &StoreFile, elf: &Arc<Elf>) {
        let Some(loader) = self.loader(elf) else {
            self.graph.foreign.push(file.clone());
            return;
        };
        let group = self.group(elf.abi, Some(loader));
        self.take(group, object(file, elf), true);
    }

    /// Takes libraries that a result holds or the user adds, and all that they load. To be called after every program.
    pub fn library(&mut self, file: &StoreFile, elf: &Arc<Elf>, name: Option<&[u8]>) {
        let of_abi = self.graph.groups.iter().position(|group| group.abi == elf.abi);
        let group = of_abi.unwrap_or_else(|| self.group(elf.abi, None));
        let known = self.graph.nodes.contains_key(&(group, file.clone()));
        if !known {
            self.take(group, object(file, elf), false);
        }
        if let (Some(name), Some(node)) = (name, self.graph.nodes.get_mut(&(group, file.clone()))) {
            node.names.insert(name.to_vec());
        }
    }

    /// The program's interpreter, if the store has it.
    fn loader(&self, elf: &Elf) -> Option<Loader> {
        let interpreter = StoreFile::new(elf.interpreter.as_deref()?)?;
        match self.store.follow(&interpreter) {
            Destination::File(file) => Some(Loader { interpreter, file }),
            _ => None,
        }
    }

    fn group(&mut self, abi: Abi, loader: Option<Loader>) -> usize {
        let file = |loader: &Option<Loader>| loader.as_ref().map(|loader| loader.file.clone());
        let known = self
            .graph
            .groups
            .iter()
            .position(|group| group.abi == abi && file(&group.loader) == file(&loader));
        known.unwrap_or_else(|| {
            let mut searches = self.searches.0.borrow_mut();
            let searched = searches.entry((abi, loader.clone())).or_insert_with(|| {
                let folders = loader.as_ref().map(|loader| self.loader_folders(loader)).unwrap_or_default();
                Rc::new(Searched { folders, memo: Memo::default() })
            });
            self.searched.push(searched.clone());
            self.graph.groups.push(Group { abi, loader });
            self.graph.groups.len() - 1
        })
    }

    /// Where a loader looks last: its own folder, and those compiled into it.
    fn loader_folders(&self, loader: &Loader) -> Vec<Vec<u8>> {
        let own =
            [&loader.interpreter, &loader.file].map(|file| file.parent().unwrap_or_else(StoreFile::root));
        let mut folders: Vec<Vec<u8>> = own.iter().map(|folder| folder.as_bytes().to_vec()).collect();
        if let Ok(bytes) = self.store.map(&loader.file) {
            let compiled = ldso::loader_folders(&bytes, self.store.dir().as_bytes());
            folders.extend(
                compiled.iter().filter(|(_, text)| text.ends_with(b"/")).map(|(_, text)| text.to_vec()),
            );
        }
        let mut seen = BTreeSet::new();
        folders.retain(|folder| seen.insert(StoreFile::new(folder)));
        folders
    }

    fn take(&mut self, group: usize, start: Object, is_program: bool) {
        let Searched { folders, memo } = &*self.searched[group].clone();
        let search = Search { files: self.libraries, default_folders: folders, memo };
        let process = search.load(start);
        let reached = self.reached(&process);
        let program = is_program.then(|| id(group, &process.objects[0].object));
        for index in &reached {
            self.add_object(group, &process, *index, program.as_ref());
        }
        for index in &reached {
            self.add_needs(group, &process, *index, program.as_ref());
        }
        if let Some(program) = program {
            self.add_loader(group, &program);
        }
        for index in reached {
            self.add_dlopened(group, &process, index, &search);
        }
    }

    /// The objects of a process that the bundle provides: what the target does, it loads by itself.
    fn reached(&self, process: &Process) -> BTreeSet<usize> {
        let mut reached = BTreeSet::new();
        let mut todo = vec![0];
        while let Some(index) = todo.pop() {
            if reached.insert(index) {
                let needs = process.objects[index].needs.iter();
                todo.extend(
                    needs.filter(|need| !self.is_baseline(&need.name)).filter_map(|need| need.served_by),
                );
            }
        }
        reached
    }

    /// Whether the target provides it. A name with a slash stands for the file it names.
    fn is_baseline(&self, name: &[u8]) -> bool {
        let name = file_name(name);
        let Baseline { names, glibc } = self.baseline;
        (glibc == Glibc::Host && is_glibc_set(name)) || names.is_match(printable(name))
    }

    fn add_object(&mut self, group: usize, process: &Process, index: usize, program: Option<&NodeId>) {
        let loaded = &process.objects[index];
        let node = self.node(group, &loaded.object);
        if index > 0 {
            node.names.insert(file_name(&loaded.name).to_vec());
        }
        node.programs.extend(program.cloned());
    }

    fn node(&mut self, group: usize, object: &Object) -> &mut Node {
        self.graph.nodes.entry(id(group, object)).or_insert_with(|| Node {
            elf: object.elf.clone(),
            names: BTreeSet::new(),
            needs: BTreeMap::new(),
            baseline: BTreeSet::new(),
            hwcaps: None,
            programs: BTreeSet::new(),
        })
    }

    fn add_needs(&mut self, group: usize, process: &Process, index: usize, program: Option<&NodeId>) {
        let loaded = &process.objects[index];
        let consumer = id(group, &loaded.object);
        for need in &loaded.needs {
            let name = file_name(&need.name).to_vec();
            if self.is_baseline(&name) {
                self.node(group, &loaded.object).baseline.insert(name);
                continue;
            }
            let Some(served_by) = need.served_by.map(|index| &process.objects[index].object) else {
                self.graph.missing.push(Missing {
                    program: program.map(|program| program.1.clone()),
                    by: consumer.1.clone(),
                    name,
                    tried: need.lookup.tried.clone(),
                });
                continue;
            };
            self.node(group, served_by).names.insert(name.clone());
            // Another library of that name was loaded first: the consumer's own run path has no part in it.
            if let Some(found) = need.lookup.found.as_ref().filter(|found| found.path == served_by.path) {
                self.serve(&consumer, &name, found, program);
            }
            for build in &need.lookup.hwcaps {
                self.add_hwcaps(group, build, &name, program);
            }
        }
    }

    fn serve(&mut self, consumer: &NodeId, name: &[u8], by: &Object, program: Option<&NodeId>) {
        let (Some(real), Some(found_as)) = (StoreFile::new(&by.path), StoreFile::new(&by.found_as)) else {
            return;
        };
        if let Some(node) = self.graph.nodes.get_mut(consumer) {
            let need = node.needs.entry(name.to_vec()).or_default();
            let served = need.served_by.entry(real).or_insert(Served { found_as, programs: BTreeSet::new() });
            served.programs.extend(program.cloned());
        }
    }

    /// A build of a library for newer processors lies in a `glibc-hwcaps` folder beside the plain one.
    fn add_hwcaps(&mut self, group: usize, build: &Object, name: &[u8], program: Option<&NodeId>) {
        let mut components = build.found_as.rsplit(|b| *b == b'/');
        let folder = components.nth(1).map(<[u8]>::to_vec);
        let node = self.node(group, build);
        node.names.insert(name.to_vec());
        node.programs.extend(program.cloned());
        node.hwcaps = folder;
    }

    fn add_loader(&mut self, group: usize, program: &NodeId) {
        if self.baseline.glibc == Glibc::Host {
            return;
        }
        let Some(Loader { interpreter, file }) = &self.graph.groups[group].loader else { return };
        let (name, file) = (interpreter.file_name().to_vec(), file.clone());
        let Some(elf) = self.libraries.elf(&file) else { return };
        let node = self.node(group, &object(&file, &elf));
        node.names.insert(name);
        node.programs.insert(program.clone());
    }

    /// Libraries that a file opens itself.
    fn add_dlopened(&mut self, group: usize, process: &Process, index: usize, search: &Search) {
        let chain = chain(process, index);
        let object = chain[0];
        for Opens { names, note } in process.opens(index) {
            let provided = note.is_some() && names.iter().any(|name| self.is_baseline(name));
            if !provided
                && !self.dlopen(group, &chain, &names, search)
                && let Some(note) = note
            {
                let wanted = names.iter().map(|name| name.to_vec()).collect();
                self.unmet.push((wanted, dlopen_missing(self.store, object, note)));
            }
        }
    }

    /// Takes the first of `names` that is found. False if none is.
    fn dlopen(&mut self, group: usize, chain: &[&Object], names: &[&[u8]], search: &Search) -> bool {
        let consumer = id(group, chain[0]);
        for name in names {
            let lookup = search.find(name, chain, chain[0].elf.abi);
            let Some(found) = lookup.found else { continue };
            if !self.graph.nodes.contains_key(&id(group, &found)) {
                self.take(group, found.clone(), false);
            }
            let programs =
                self.graph.nodes.get(&consumer).map(|node| node.programs.clone()).unwrap_or_default();
            let node = self.node(group, &found);
            node.names.insert(name.to_vec());
            node.programs.extend(programs);
            self.serve(&consumer, name, &found, None);
            return true;
        }
        false
    }
}

/// Who loaded whom, from the object up to the program.
fn chain(process: &Process, index: usize) -> Vec<&Object> {
    let mut chain = Vec::new();
    let mut at = Some(index);
    while let Some(index) = at {
        chain.push(&process.objects[index].object);
        at = process.objects[index].by;
    }
    chain
}

fn dlopen_missing(store: &Store, object: &Object, note: &crate::elf::DlopenNote) -> Finding {
    let names: Vec<String> = note.sonames.iter().map(|name| printable(name)).collect();
    let origin = StoreFile::new(&object.path).map(|file| store.origin(&file)).unwrap_or_default();
    let message = format!(
        "{origin} opens {} for {:?}, and the closure does not have it",
        names.join(" or "),
        note.feature
    );
    let finding = match note.priority {
        Priority::Required => Finding::warning("dlopen-missing", message),
        _ => Finding::note("dlopen-missing", message),
    };
    finding.remedy("add it to the build's inputs and run path, or to `runtime.baseline` if the target has it")
}

fn object(file: &StoreFile, elf: &Arc<Elf>) -> Object {
    Object { path: file.as_bytes().to_vec(), found_as: file.as_bytes().to_vec(), elf: elf.clone() }
}

fn id(group: usize, object: &Object) -> NodeId {
    (group, StoreFile::new(&object.path).unwrap_or_else(StoreFile::root))
}
