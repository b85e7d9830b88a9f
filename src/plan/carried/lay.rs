//! Where what is carried lies: each store path in the folder that references to it are rewritten to.

use std::collections::{BTreeMap, BTreeSet};

use super::{Reached, Reason, Seen};
use crate::error::{Error, Result};
use crate::path::{InstallPath, StoreFile};
use crate::plan::arrange::{self, Arranged, Face, Placed, Tree, target_below};
use crate::plan::context::Context;
use crate::plan::relocation::Relocation;
use crate::plan::{Entry, store_layout};
use crate::store::inventory::{Item, is_folder};

/// What is carried, laid out.
#[derive(Default)]
pub struct Laid {
    pub arranged: Arranged,
    /// Libraries that are named by their paths and needed by their names: they go where libraries go, and links lead to them from
    /// here.
    pub libraries: Vec<Placed>,
    /// What of the store stands where, files left out.
    pub places: BTreeMap<InstallPath, StoreFile>,
}

impl Reached<'_> {
    /// A place for every store path of the closure, so that no reference leads into the store of the target: none is shipped there,
    /// but somebody may have one.
    ///
    /// Errors: lib-dir is too long, and something must be carried.
    pub fn relocation(&self, context: &Context, trees: &[Tree]) -> Result<Relocation> {
        let all = Relocation::new(context.store.dir(), &context.lib_dir, context.known()?.closure.paths());
        let needs_none = trees.iter().all(arrange::is_public)
            && self.walk.files.is_empty()
            && self.walk.links.is_empty()
            && self.walk.of_results.is_empty();
        match all {
            Err(_) if needs_none => Ok(Relocation::default()),
            all => all,
        }
    }

    /// The results' files that are carried as a part of their own store path become links to it there; but what the system looks
    /// for in prefix or /etc is no link.
    pub fn lead_results(&self, context: &Context, relocation: &Relocation, arranged: &mut Arranged) {
        let mut links = Vec::new();
        arranged.files.retain(|file| {
            let own = context.store.split(&file.source).map(|(path, _)| path);
            let is_whole = own.is_some_and(|path| self.walk.wholes.contains(&path));
            let there =
                is_whole && self.walk.files.contains_key(&file.source) && !arrange::is_moved(&file.below);
            match place(context, relocation, &file.source).filter(|_| there) {
                Some(place) => {
                    links.push(Entry::link_to(file.path.clone(), &place));
                    false
                }
                None => true,
            }
        });
        arranged.links.append(&mut links);
    }

    /// Lays out what is carried. `fixed` is where the results' files lie.
    pub fn lay(
        &self,
        context: &Context,
        trees: &[Tree],
        relocation: &Relocation,
        fixed: &BTreeMap<StoreFile, InstallPath>,
    ) -> Result<Laid> {
        let mut laid = Laid::default();
        let asked_by_name = self.asked_by_name();
        for file in self.walk.files.keys() {
            let Some(path) = place(context, relocation, file) else { return Err(without_place(file)) };
            if let Some(there) = fixed.get(file) {
                laid.places.insert(path.clone(), file.clone());
                if *there != path {
                    laid.arranged.links.push(Entry::link_to(path, there));
                }
                continue;
            }
            let placed = self.placed(context, file, path);
            let is_whole =
                context.store.split(file).is_some_and(|(path, _)| self.walk.wholes.contains(&path));
            match asked_by_name.contains(file) && !is_whole {
                true => {
                    laid.places.insert(placed.path.clone(), file.clone());
                    laid.libraries.push(placed);
                }
                false => laid.arranged.files.push(placed),
            }
        }
        for (link, (target, _)) in &self.walk.links {
            let Some(path) = place(context, relocation, link) else { return Err(without_place(link)) };
            let target = store_layout::link_target(
                context.store,
                relocation,
                &context.known()?.scanner,
                link,
                &path,
                target,
            );
            laid.places.insert(path.clone(), link.clone());
            laid.arranged.links.push(Entry::link(path, target));
        }
        for folder in self.walk.folders.keys() {
            let Some(path) = place(context, relocation, folder) else { return Err(without_place(folder)) };
            laid.places.insert(path.clone(), folder.clone());
            laid.arranged.folders.push(path);
        }
        let face = context.face();
        for file in self.walk.of_results.keys() {
            let Some((path, below)) = context.store.split(file) else { continue };
            let tree = trees.iter().find(|tree| tree.path == path && arrange::is_public(tree));
            if let (Some(tree), Some(place)) = (tree, relocation.folder(path.hash())) {
                lead_into_prefix(tree, place, below, &face, &mut laid.arranged, &mut BTreeSet::new());
            }
        }
        Ok(laid)
    }

    fn placed(&self, context: &Context, file: &StoreFile, path: InstallPath) -> Placed {
        let below = context.store.split(file).map(|(_, below)| below.to_vec()).unwrap_or_default();
        // Whatever is reached was looked at.
        let Seen { size, executable, .. } = self.seen[file];
        Placed { path, below, source: file.clone(), size, executable, is_config: false }
    }

    /// Libraries that something asks for by a name: they lie with all others.
    fn asked_by_name(&self) -> BTreeSet<&StoreFile> {
        let named = self.graph.nodes.iter().filter(|(_, node)| !node.names.is_empty());
        named.map(|((_, file), _)| file).collect()
    }

    /// Why each file of the store is in the bundle.
    pub fn reasons(&self) -> BTreeMap<StoreFile, Reason> {
        let Reached { walk, opened, graph, .. } = self;
        let links = walk.links.iter().map(|(link, (_, reason))| (link, reason));
        let opened = opened.iter().map(|(file, (_, reason))| (file, reason));
        let mut reasons: BTreeMap<StoreFile, Reason> = walk
            .files
            .iter()
            .chain(links)
            .chain(&walk.folders)
            .chain(&walk.of_results)
            .chain(opened)
            .map(|(file, reason)| (file.clone(), reason.clone()))
            .collect();
        for (id, node) in &graph.nodes {
            let loader = graph.groups[id.0].loader.as_ref().map(|loader| &loader.file);
            let loader = loader.filter(|_| node.elf.interpreter.is_some());
            let needed = node.needs.values().flat_map(|need| need.served_by.keys()).chain(loader);
            for library in needed {
                let by = Some(id.1.clone());
                reasons.entry(library.clone()).or_insert(Reason { by, how: super::How::Needed });
            }
        }
        reasons
    }
}

fn without_place(file: &StoreFile) -> Error {
    Error::failure(format!("{file} has no place in the bundle: two store paths have its hash"))
}

/// The rewritten place of a file of the store.
pub fn place(context: &Context, relocation: &Relocation, file: &StoreFile) -> Option<InstallPath> {
    let (path, below) = context.store.split(file)?;
    Some(relocation.folder(path.hash())?.join(below))
}

/// Links at the rewritten place of a result that is laid into prefix, to what is at `below` there.
fn lead_into_prefix(
    tree: &Tree,
    place: &InstallPath,
    below: &[u8],
    face: &Face,
    arranged: &mut Arranged,
    seen: &mut BTreeSet<Vec<u8>>,
) {
    if !seen.insert(below.to_vec()) {
        return;
    }
    let ends =
        below.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at).chain([below.len()]);
    let link = ends.into_iter().find_map(|end| match tree.items.get(&below[..end]) {
        Some(Item::Link { target }) if !target.starts_with(b"/") => Some((&below[..end], target)),
        _ => None,
    });
    if let Some((link, target)) = link {
        arranged.links.push(Entry::link(place.join(link), target.clone()));
        let there = [target_below(link, target).as_slice(), &below[link.len()..]].concat();
        return lead_into_prefix(tree, place, &there, face, arranged, seen);
    }
    match tree.items.get(below) {
        Some(Item::EmptyFolder) => arranged.folders.push(place.join(below)),
        Some(_) => arranged.links.push(Entry::link_to(place.join(below), &face.path(below))),
        None if below.is_empty() || is_folder(&tree.items, below) => {
            let inside = tree
                .items
                .keys()
                .filter(|item| below.is_empty() || item.starts_with(&[below, b"/"].concat()));
            for item in inside {
                lead_into_prefix(tree, place, item, face, arranged, seen);
            }
        }
        None => {}
    }
}
