//! Where each library lies: once, under the name that it is needed by, further names as links to it.

use std::collections::{BTreeMap, BTreeSet};

use super::arrange::Placed;
use super::graph::{Graph, Node, NodeId};
use crate::error::Result;
use crate::path::{InstallPath, StoreFile};
use crate::store::Store;

/// Places of a bundle's ELF files.
#[derive(Debug, Default)]
pub struct Homes {
    /// Each group's library folder.
    pub folders: Vec<InstallPath>,
    pub of: BTreeMap<NodeId, InstallPath>,
    /// The nodes whose bytes are shipped from here; others of the same content share their home.
    pub shipped: BTreeSet<NodeId>,
    /// Further names of a library: link, and what it leads to.
    pub links: BTreeMap<InstallPath, InstallPath>,
}

/// Characters of a hash that tell two libraries of one name apart: 40 bits.
const VARIANT: usize = 8;

/// Gives every node a home. `fixed` are the files that lie elsewhere already: those of the results.
pub fn assign(
    store: &Store,
    graph: &Graph,
    lib_dir: &InstallPath,
    fixed: &BTreeMap<StoreFile, InstallPath>,
) -> Result<Homes> {
    let mut homes = Homes { folders: group_folders(store, graph, lib_dir), ..Homes::default() };
    let mut taken: BTreeMap<InstallPath, NodeId> = BTreeMap::new();
    for (id, node) in by_use(graph) {
        if let Some(home) = fixed.get(&id.1) {
            homes.of.insert(id.clone(), home.clone());
            continue;
        }
        let folder = match &node.hwcaps {
            Some(build) => homes.folders[id.0].join("glibc-hwcaps").join(build),
            None => homes.folders[id.0].clone(),
        };
        homes.place(store, graph, id, node, folder, &mut taken)?;
    }
    Ok(homes)
}

/// The most used come first, so that they get the plain names.
fn by_use(graph: &Graph) -> Vec<(&NodeId, &Node)> {
    let mut nodes: Vec<_> = graph.nodes.iter().collect();
    nodes.sort_by_key(|(id, node)| (id.0, std::cmp::Reverse(node.programs.len()), &id.1));
    nodes
}

/// The first group's libraries lie in lib-dir itself; those of another ABI or another glibc in a folder of their own.
fn group_folders(store: &Store, graph: &Graph, lib_dir: &InstallPath) -> Vec<InstallPath> {
    let mut folders: Vec<InstallPath> = Vec::new();
    for (index, group) in graph.groups.iter().enumerate() {
        if index == 0 {
            folders.push(lib_dir.clone());
            continue;
        }
        let name = match &group.loader {
            Some(loader) if group.abi == graph.groups[0].abi => store
                .split(&loader.file)
                .map_or_else(|| "loader".to_owned(), |(path, _)| path.name().to_owned()),
            _ => format!("machine-{}-{}", group.abi.machine, if group.abi.is_64 { 64 } else { 32 }),
        };
        let mut folder = lib_dir.join(&name);
        let mut count = 2;
        while folders.contains(&folder) {
            folder = lib_dir.join(format!("{name}-{count}"));
            count += 1;
        }
        folders.push(folder);
    }
    folders
}

impl Homes {
    /// Adds links to libraries that a result has in prefix.
    pub fn lead_to(&mut self, libraries: Vec<Placed>) {
        for library in libraries {
            let home = self.of.iter().find(|(id, _)| id.1 == library.source).map(|(_, home)| home.clone());
            self.links.extend(home.map(|home| (library.path, home)));
        }
    }

    /// Adds links by which libraries that lie elsewhere are found by their names.
    pub fn lead_by_name<'n>(&mut self, opened: impl Iterator<Item = (&'n StoreFile, &'n BTreeSet<Vec<u8>>)>) {
        for (file, names) in opened {
            let homes: Vec<(usize, InstallPath)> = self
                .of
                .iter()
                .filter(|(id, _)| id.1 == *file)
                .map(|(id, home)| (id.0, home.clone()))
                .collect();
            for (group, home) in homes {
                for name in names {
                    let link = self.folders[group].join(name);
                    if link != home && !self.of.values().any(|home| *home == link) {
                        self.links.entry(link).or_insert_with(|| home.clone());
                    }
                }
            }
        }
    }

    fn place(
        &mut self,
        store: &Store,
        graph: &Graph,
        id: &NodeId,
        node: &Node,
        folder: InstallPath,
        taken: &mut BTreeMap<InstallPath, NodeId>,
    ) -> Result<()> {
        let names = names(id, node);
        let mut candidate = folder.clone();
        for attempt in 1.. {
            let in_the_way: BTreeSet<&NodeId> =
                names.iter().filter_map(|name| taken.get(&candidate.join(name))).collect();
            let same = match in_the_way.first() {
                Some(other) if in_the_way.len() == 1 => {
                    same_library(store, graph, id, other)?.then(|| (*other).clone())
                }
                _ => None,
            };
            if in_the_way.is_empty() || same.is_some() {
                self.settle(id, &names, &candidate, same, taken);
                return Ok(());
            }
            candidate = folder.join(variant(store, id, attempt));
        }
        Ok(())
    }

    /// Puts the library into a folder in which its names are free, or the `same` library has them.
    fn settle(
        &mut self,
        id: &NodeId,
        names: &[Vec<u8>],
        folder: &InstallPath,
        same: Option<NodeId>,
        taken: &mut BTreeMap<InstallPath, NodeId>,
    ) {
        let home = same
            .as_ref()
            .and_then(|same| self.of.get(same))
            .cloned()
            .unwrap_or_else(|| folder.join(&names[0]));
        if same.is_none() {
            self.shipped.insert(id.clone());
        }
        for name in names {
            let path = folder.join(name);
            if path != home && !taken.contains_key(&path) {
                self.links.insert(path.clone(), home.clone());
            }
            taken.entry(path).or_insert_with(|| id.clone());
        }
        self.of.insert(id.clone(), home);
    }
}

/// What it is needed by: its soname first, if that is among the names.
fn names(id: &NodeId, node: &Node) -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = node.names.iter().cloned().collect();
    if names.is_empty() {
        names.push(id.1.file_name().to_vec());
    }
    names.sort_by_key(|name| Some(name.as_slice()) != node.elf.soname.as_deref());
    names
}

/// A folder's name for a further library of the same name: the hash of its store path, counted on if need be.
fn variant(store: &Store, id: &NodeId, attempt: usize) -> String {
    let hash = store.split(&id.1).map(|(path, _)| path.component()[..VARIANT].to_owned()).unwrap_or_default();
    if attempt == 1 { hash } else { format!("{hash}-{attempt}") }
}

/// Sameness is content and edits: the same bytes, served by the same libraries.
fn same_library(store: &Store, graph: &Graph, one: &NodeId, other: &NodeId) -> Result<bool> {
    let (Some(a), Some(b)) = (graph.nodes.get(one), graph.nodes.get(other)) else { return Ok(false) };
    let served = |node: &Node| -> Vec<(Vec<u8>, Vec<StoreFile>)> {
        node.needs
            .iter()
            .map(|(name, need)| (name.clone(), need.served_by.keys().cloned().collect()))
            .collect()
    };
    if one == other {
        return Ok(true);
    }
    if served(a) != served(b) || store.metadata(&one.1)?.len() != store.metadata(&other.1)?.len() {
        return Ok(false);
    }
    Ok(store.map(&one.1)?[..] == store.map(&other.1)?[..])
}
