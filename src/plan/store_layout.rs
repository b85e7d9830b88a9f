//! `layout = "store"`: the run-time part of the whole closure below lib-dir, each store path in a folder of its own, every
//! reference rewritten at the same length. Nothing is resolved: it works for whatever runs from the store.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rayon::prelude::*;

use super::arrange::{self, Arranged, Placed, Tree};
use super::context::Context;
use super::draft::{Draft, Operated};
use super::flat::entry_of;
use super::named::{self, Named};
use super::relocation::Relocation;
use super::survey::{self, Edit, Survey};
use super::{Entry, Finding, Surgery};
use crate::config::RunPathTag;
use crate::elf::{Class, Elf, Operation, Refusal, RunPath};
use crate::error::{Error, Result};
use crate::path::{InstallPath, StoreFile, printable};
use crate::store::closure::Known;
use crate::store::inventory::{self, Item, Items};
use crate::store::packed::Packing;
use crate::store::scan::{Hit, Scanner};
use crate::store::{Destination, Store, StoreHash, StorePath};

/// Fills the draft.
pub fn plan(context: &Context, draft: &mut Draft) -> Result<()> {
    context.added_libraries()?;
    let trees = context.trees(&mut draft.findings)?;
    let known = context.known()?;
    let closure = Shipped::survey(context, known, &trees)?;
    let alive = closure.alive(context, known, &trees);
    let relocation = Relocation::new(context.store.dir(), &context.lib_dir, &alive)?;
    let face = public_face(context, &trees, &relocation);
    let layout = Layout { context, known, closure: &closure, relocation: &relocation };
    let moved: BTreeMap<(StorePath, Vec<u8>), InstallPath> = moved(&trees, context);
    for path in &alive {
        draft.store_needs.insert(path.clone(), closure.needs(context, known, path));
        for (below, item) in &closure.items[path] {
            match moved.get(&(path.clone(), below.clone())) {
                Some(public) => {
                    let at = layout.place(path)?.join(below);
                    draft.entries.add(Entry::link_to(at, public))?;
                }
                None => layout.item(path, below, item, draft)?,
            }
        }
    }
    layout.add_face(face, draft)?;
    draft.entries.drop_dangling(&context.lib_dir);
    layout.report(draft);
    draft.relocation = relocation;
    Ok(())
}

/// The closure's files that are shipped if their store path is.
struct Shipped {
    items: BTreeMap<StorePath, Items>,
    surveys: HashMap<StoreFile, Surveyed>,
}

#[derive(Clone, Default)]
struct Surveyed {
    survey: Survey,
    named: Named,
    /// Functions that it calls, of those that rules ask for.
    imports: BTreeSet<String>,
}

impl Shipped {
    fn survey(context: &Context, known: &Known, trees: &[Tree]) -> Result<Self> {
        let paths: Vec<&StorePath> = known.closure.paths().collect();
        let items: BTreeMap<StorePath, Items> = paths
            .par_iter()
            .map(|path| {
                let mut items = inventory::physical(context.store, path)?;
                let is_result = context.results.contains(path);
                items.retain(|below, item| match item {
                    Item::EmptyFolder => true,
                    _ if is_result => context.choice.of_result(below),
                    _ => context.choice.of_closure(below),
                });
                Ok(((*path).clone(), items))
            })
            .collect::<Result<_>>()?;
        // A result's public files may lie in parts of other store paths that are left out there (their manuals).
        let public =
            trees.iter().flat_map(|tree| tree.items.iter().filter(|(below, _)| arrange::is_moved(below)));
        let files: BTreeSet<&StoreFile> = items
            .values()
            .flat_map(|items| items.values())
            .chain(public.map(|(_, item)| item))
            .filter_map(|item| match item {
                Item::File { source, .. } => Some(source),
                _ => None,
            })
            .collect();
        let files: Vec<&StoreFile> = files.into_iter().collect();
        let surveys = files
            .par_iter()
            .map(|file| {
                let bytes = context.store.map(file)?;
                let named = Named::look(&known.scanner, &bytes, |_, _| ());
                let survey = Survey::of(&bytes);
                let imports = survey.imports(&bytes, &context.rules.functions);
                Ok(((*file).clone(), Surveyed { survey, named, imports }))
            })
            .collect::<Result<_>>()?;
        Ok(Shipped { items, surveys })
    }

    /// The store paths that a store path names.
    fn needs(&self, context: &Context, known: &Known, path: &StorePath) -> BTreeSet<StorePath> {
        let file = context.store.file(path);
        let items = self.items.get(path).into_iter().flatten();
        items.flat_map(|(below, item)| self.names(context, known, Some(file.join(below)), item)).collect()
    }

    /// The closure, computed again: what nothing that is shipped names any more is gone.
    fn alive(&self, context: &Context, known: &Known, trees: &[Tree]) -> BTreeSet<StorePath> {
        let mut alive: BTreeSet<StorePath> = BTreeSet::new();
        let mut todo: Vec<StorePath> = context.results.to_vec();
        for item in
            trees.iter().flat_map(|tree| tree.items.iter()).filter(|(below, _)| arrange::is_moved(below))
        {
            todo.extend(self.names(context, known, None, item.1));
        }
        while let Some(path) = todo.pop() {
            if self.items.contains_key(&path) && alive.insert(path.clone()) {
                todo.extend(self.needs(context, known, &path));
            }
        }
        alive
    }

    /// The store paths that an item names; `at` is where a link lies.
    fn names(&self, context: &Context, known: &Known, at: Option<StoreFile>, item: &Item) -> Vec<StorePath> {
        let hashes: BTreeSet<StoreHash> = match item {
            Item::File { source, .. } => {
                self.surveys.get(source).into_iter().flat_map(|file| file.named.hashes()).collect()
            }
            Item::Link { target } => {
                let leads_to = at.map(|at| at.link_target(target));
                let into = leads_to.and_then(|place| Some(context.store.split(&place)?.0));
                return into.filter(|path| known.closure.contains(path)).into_iter().collect();
            }
            Item::EmptyFolder => BTreeSet::new(),
        };
        hashes.into_iter().filter_map(|hash| known.closure.get(hash).cloned()).collect()
    }
}

fn public_face(context: &Context, trees: &[Tree], relocation: &Relocation) -> Arranged {
    let mut all = Arranged::default();
    for tree in trees {
        if let Some(place) = relocation.folder(tree.path.hash()) {
            all.append(arrange::public_face(tree, place, &context.face()));
        }
    }
    all
}

/// The results' files that lie in prefix or /etc, by their old places.
fn moved(trees: &[Tree], context: &Context) -> BTreeMap<(StorePath, Vec<u8>), InstallPath> {
    let face = context.face();
    let files = trees.iter().flat_map(|tree| {
        let public = tree
            .items
            .iter()
            .filter(|(below, item)| arrange::is_moved(below) && matches!(item, Item::File { .. }));
        public.map(|(below, _)| ((tree.path.clone(), below.clone()), face.path(below)))
    });
    files.collect()
}

struct Layout<'a> {
    context: &'a Context<'a>,
    known: &'a Known,
    closure: &'a Shipped,
    relocation: &'a Relocation,
}

/// A link's new target: references rewritten; one that leads from store path to store path by `..` is written anew. `at` is the
/// link's place in the bundle.
pub fn link_target(
    store: &Store,
    relocation: &Relocation,
    scanner: &Scanner,
    link: &StoreFile,
    at: &InstallPath,
    target: &[u8],
) -> Vec<u8> {
    let leads_to = link.link_target(target);
    let there = store.split(&leads_to);
    let here = store.split(link);
    let folder = there.as_ref().and_then(|(path, _)| relocation.folder(path.hash()));
    match (here, there, folder) {
        (Some((from, _)), Some((to, below)), Some(folder)) if from != to && !target.starts_with(b"/") => {
            folder.join(below).relative_to(&at.parent().unwrap_or_else(InstallPath::root))
        }
        _ => relocation.rewrite(target, &scanner.scan(target)),
    }
}

impl Layout<'_> {
    fn place(&self, path: &StorePath) -> Result<&InstallPath> {
        self.relocation.folder(path.hash()).ok_or_else(|| {
            Error::failure(format!("{path} has no place in the bundle: two store paths have its hash"))
        })
    }

    fn item(&self, path: &StorePath, below: &[u8], item: &Item, draft: &mut Draft) -> Result<()> {
        let at = self.place(path)?.join(below);
        match item {
            Item::EmptyFolder => draft.entries.add(Entry::folder(at)),
            Item::Link { target } => {
                let link = self.context.store.file(path).join(below);
                let scanner = &self.known.scanner;
                let target = link_target(self.context.store, self.relocation, scanner, &link, &at, target);
                draft.entries.add(Entry::link(at, target))
            }
            Item::File { source, size, executable } => {
                let (source, size, executable) = (source.clone(), *size, *executable);
                let own = self.context.results.contains(path);
                let placed =
                    Placed { path: at, below: below.to_vec(), source, size, executable, is_config: false };
                self.file(&placed, own, draft)
            }
        }
    }

    fn file(&self, file: &Placed, is_result: bool, draft: &mut Draft) -> Result<()> {
        let Surveyed { survey, mut named, .. } =
            self.closure.surveys.get(&file.source).cloned().unwrap_or_default();
        if let Some(why) = &survey.malformed {
            let below = if is_result { file.below.as_slice() } else { b"" };
            draft.malformed(&file.source, below, why)?;
        }
        let mut operated = match &survey.elf {
            Some(elf) => self.operate(file, is_result, elf, draft)?,
            None => Operated::default(),
        };
        let (patches, words) = self.context.rules.outside.patches(&named, survey.elf.as_deref());
        operated.patches.extend(patches);
        operated.surgery.extend(words);
        let mut entry = entry_of(self.context, file, &survey);
        if file.executable {
            // ld.so and what is run through it must stay executable; here nothing is known of who starts what.
            entry.mode = 0o755;
        }
        if let Some(packing) = named.packing {
            let repacked = self.repacked(&file.source, packing)?;
            operated.surgery.extend(draft.members(&mut entry, &named, repacked, self.relocation));
            named = Named::default();
        }
        let below = is_result.then_some(file.below.as_slice());
        draft.file(self.context, entry, below, &named, operated, self.relocation)
    }

    /// A packed file with the references in its members rewritten, if it can be.
    fn repacked(&self, file: &StoreFile, packing: Packing) -> Result<Option<Vec<u8>>> {
        let bytes = self.context.store.map(file)?;
        let patches =
            |_: &[u8], hits: &[Hit]| hits.iter().filter_map(|hit| self.relocation.patch(hit)).collect();
        Ok(named::repacked(packing, &bytes, &self.known.scanner, patches))
    }

    /// Turns the tag of the run path, drops folders from it that are not shipped, and gives a program one that has none.
    fn operate(&self, file: &Placed, is_result: bool, elf: &Elf, draft: &mut Draft) -> Result<Operated> {
        draft.saw(elf, is_result);
        let runpath = self.context.config.runtime.rpath == RunPathTag::Runpath;
        let folders = match elf.run_path() {
            Some(old) => {
                let is_right = if runpath { elf.rpath.is_none() } else { elf.runpath.is_none() };
                let shipped = old.split(|b| *b == b':').filter(|folder| !self.is_gone(folder));
                let folders = shipped.collect::<Vec<_>>().join(&b':');
                if is_right && folders == old {
                    return Ok(Operated::default());
                }
                folders
            }
            None => match self.loader_folder(elf) {
                Some(folder) => folder,
                None => return Ok(Operated::default()),
            },
        };
        let to = self.relocation.rewrite(&folders, &self.known.scanner.scan(&folders));
        let operation = Operation { run_path: Some(RunPath { folders, runpath }), ..Operation::default() };
        match survey::operate(self.context.store, &file.source, elf, &operation)? {
            Ok(patches) => {
                let file = file.source.clone();
                draft.edits.push(Edit { file, operation, patches: patches.clone() });
                Ok(Operated { patches, surgery: vec![Surgery::RunPath { to: printable(&to), runpath }] })
            }
            // It finds its libraries all the same.
            Err(Refusal::Payload { .. }) if elf.run_path().is_none() => {
                draft.without_run_path.push(file.path.to_string());
                Ok(Operated::default())
            }
            Err(refusal) => {
                let origin = self.context.store.origin(&file.source);
                Err(Error::failure(format!("{origin} cannot be operated on: {refusal}"))
                    .remedy("leave it out with `install.exclude`"))
            }
        }
    }

    /// Where a program that has no run path finds its libraries: its loader's own folder. As the store has it, since the
    /// references in what is added to a file are rewritten like all others.
    ///
    /// What a library without a run path needs is found by those of its programs.
    fn loader_folder(&self, elf: &Elf) -> Option<Vec<u8>> {
        let loader = StoreFile::new(elf.interpreter.as_deref().filter(|_| elf.class == Class::Program)?)?;
        let (path, _) = self.context.store.split(&loader)?;
        self.relocation.folder(path.hash())?;
        Some(loader.parent()?.as_bytes().to_vec())
    }

    /// Whether a folder of a run path is in the store and not in the bundle.
    fn is_gone(&self, folder: &[u8]) -> bool {
        let Some(file) = StoreFile::new(folder).filter(|file| file.starts_with(self.context.store.dir()))
        else {
            return false;
        };
        let shipped =
            self.context.store.split(&file).and_then(|(path, _)| self.relocation.folder(path.hash()));
        shipped.is_none()
    }

    /// Tells of what the target has outside of the store.
    fn outside(&self) -> Vec<Finding> {
        let is_shipped = |path: &StorePath| self.relocation.folder(path.hash()).is_some();
        let items = self.closure.items.iter().filter(|(path, _)| is_shipped(path));
        let files = items.flat_map(|(_, items)| items.values()).filter_map(|item| match item {
            Item::File { source, .. } => {
                let Surveyed { named, imports, .. } = self.closure.surveys.get(source)?;
                Some((self.context.store.origin(source), named, imports))
            }
            _ => None,
        });
        self.context.rules.outside.findings(files)
    }

    fn add_face(&self, face: Arranged, draft: &mut Draft) -> Result<()> {
        for file in &face.files {
            self.file(file, true, draft)?;
        }
        for link in face.links {
            draft.entries.add(link)?;
        }
        Ok(())
    }

    fn report(&self, draft: &mut Draft) {
        draft.findings.extend(self.outside());
        let mut dangling = Vec::new();
        let mut outside = Vec::new();
        for (path, items) in &self.closure.items {
            // The results' own were told of when they were looked through.
            if self.relocation.folder(path.hash()).is_none() || self.context.results.contains(path) {
                continue;
            }
            for (below, _) in items.iter().filter(|(_, item)| matches!(item, Item::Link { .. })) {
                let link = self.context.store.file(path).join(below);
                let told = |place: StoreFile| format!("{} -> {place}", self.context.store.origin(&link));
                match self.context.store.follow(&link) {
                    Destination::Missing(place) => dangling.push(told(place)),
                    Destination::Outside(place) => outside.push(told(place)),
                    _ => {}
                }
            }
        }
        if !dangling.is_empty() {
            let mut finding =
                Finding::note("dangling-link", "links of the closure that lead nowhere are left out");
            finding.subjects = dangling;
            draft.findings.push(finding);
        }
        if !outside.is_empty() {
            let mut finding = Finding::note(
                "link-leaves-store",
                "links of the closure lead to the target system's files, as they do in the store",
            );
            finding.subjects = outside;
            draft.findings.push(finding);
        }
    }
}
