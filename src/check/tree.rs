//! What an artifact installs, as the target's kernel will see it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::sync::Arc;

use super::read::{Kind, Member};
use crate::elf::ldso::{Files, Object};
use crate::elf::{Abi, Elf};
use crate::path::{InstallPath, MAX_LINKS};
use crate::stub::Table;

/// Every member by its path; every parent of a member is a folder, listed or not.
#[derive(Default)]
pub(super) struct Tree {
    nodes: HashMap<InstallPath, Node>,
    hard_links: Vec<(InstallPath, InstallPath)>,
    /// The names of the folders in each folder, sorted; made when all is in.
    folders: HashMap<InstallPath, Vec<Vec<u8>>>,
    /// About what the tree takes in memory.
    weight: usize,
}

#[derive(Clone, Debug)]
pub(super) enum Node {
    Folder {
        mode: u32,
        /// Listed as a member of its own, not only the parent of one.
        listed: bool,
    },
    File(FileNode),
    Link(Vec<u8>),
    Special,
}

#[derive(Clone, Debug)]
pub(super) struct FileNode {
    pub mode: u32,
    pub caps: bool,
    pub content: Content,
}

/// As much of a file as the checks want.
#[derive(Clone, Debug)]
pub(super) enum Content {
    Elf {
        elf: Arc<Elf>,
        /// The folders that it looks in last, where it is glibc's loader.
        loader_folders: Vec<Vec<u8>>,
        /// What a launcher starts, and how.
        launches: Option<Box<Table>>,
    },
    /// Begins as an ELF file, and why it is none.
    Malformed(String),
    /// A script's first line, without `#!`.
    Script(Vec<u8>),
    Data,
}

/// A member, as [`Tree::sorted`] has it.
pub(super) type Sorted<'t> = (&'t InstallPath, &'t Node);

/// Why nothing is at a path: the first place on the way there where nothing is, or that no folder is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Missing(pub InstallPath);

/// As long as a link can be (PATH_MAX, linux/limits.h).
const LINK_MAX: usize = 4096;
/// What a tree may take: a few million files. A tiny archive can name that many.
const WEIGHT_MAX: usize = 1 << 30;
/// What a member takes besides its names, roughly.
const NODE_WEIGHT: usize = 256;

impl Tree {
    /// Adds a member; `content` is what a regular file holds.
    ///
    /// Errors: the path is taken, or lies below what is no folder; the tree grows beyond all measure.
    pub fn add(&mut self, member: Member, content: Content) -> io::Result<()> {
        let Member { path, mode, caps, kind } = member;
        self.weight += 2 * path.as_bytes().len() + NODE_WEIGHT;
        let node = match kind {
            Kind::Folder => Node::Folder { mode, listed: true },
            Kind::File => Node::File(FileNode { mode, caps, content }),
            Kind::Link(target) => {
                if target.len() > LINK_MAX {
                    return Err(io::Error::other(format!("the link {path} leads to an absurdly long name")));
                }
                self.weight += target.len();
                Node::Link(target)
            }
            Kind::Special => Node::Special,
            Kind::HardLink(to) => {
                self.weight += to.as_bytes().len();
                self.hard_links.push((path, to));
                return self.weigh();
            }
        };
        self.insert(path, node)?;
        self.weigh()
    }

    fn weigh(&self) -> io::Result<()> {
        if self.weight > WEIGHT_MAX { Err(io::Error::other("it holds too many files")) } else { Ok(()) }
    }

    fn insert(&mut self, path: InstallPath, node: Node) -> io::Result<()> {
        self.imply_parents(&path)?;
        match self.nodes.entry(path) {
            Entry::Vacant(place) => {
                place.insert(node);
            }
            Entry::Occupied(mut place) => match (place.get(), &node) {
                (Node::Folder { listed: false, .. }, Node::Folder { .. }) => {
                    place.insert(node);
                }
                (Node::Folder { listed: false, .. }, _) => {
                    return Err(not_a_folder(place.key()));
                }
                _ => return Err(io::Error::other(format!("it holds {} twice", place.key()))),
            },
        }
        Ok(())
    }

    fn imply_parents(&mut self, path: &InstallPath) -> io::Result<()> {
        let mut parent = path.parent();
        while let Some(folder) = parent {
            match self.nodes.get(&folder) {
                // Its own parents are there too.
                Some(Node::Folder { .. }) => return Ok(()),
                Some(_) => return Err(not_a_folder(&folder)),
                None => {
                    parent = folder.parent();
                    self.weight += folder.as_bytes().len() + NODE_WEIGHT;
                    self.nodes.insert(folder, Node::Folder { mode: 0o755, listed: false });
                }
            }
        }
        Ok(())
    }

    /// Adds a link that is no member.
    ///
    /// Errors: the path is taken, or lies below what is no folder.
    pub fn add_link(&mut self, path: InstallPath, target: Vec<u8>) -> io::Result<()> {
        self.insert(path, Node::Link(target))
    }

    /// The names of what is right in a folder that has no link in its path.
    pub fn names_in(&self, folder: &InstallPath) -> impl Iterator<Item = &[u8]> {
        self.nodes.keys().filter(|path| path.parent().as_ref() == Some(folder)).map(InstallPath::file_name)
    }

    /// To be called when all members are in: gives hard links what they are links to, and lists folders.
    ///
    /// Errors: a hard link leads to what is no file of the artifact.
    pub fn complete(&mut self) -> io::Result<()> {
        for (path, to) in std::mem::take(&mut self.hard_links) {
            let Some(node @ Node::File(_)) = self.nodes.get(&to).cloned() else {
                return Err(io::Error::other(format!(
                    "{path} is a hard link to {to}, which is no file in it"
                )));
            };
            self.insert(path, node)?;
        }
        for (path, node) in &self.nodes {
            if let (Node::Folder { .. }, Some(parent)) = (node, path.parent()) {
                self.folders.entry(parent).or_default().push(path.file_name().to_vec());
            }
        }
        self.folders.values_mut().for_each(|names| names.sort());
        Ok(())
    }

    /// Every member, sorted by path.
    pub fn sorted(&self) -> Vec<Sorted<'_>> {
        let mut all: Vec<_> = self.nodes.iter().collect();
        all.sort_by_key(|(path, _)| *path);
        all
    }

    /// What is at a path that has no link in it.
    pub fn get(&self, path: &InstallPath) -> Option<&Node> {
        self.nodes.get(path)
    }

    /// Why the kernel would not run what is at a path for a program of an ABI. `None` also where there is no file.
    pub fn why_not_run(&self, path: &InstallPath, abi: Abi) -> Option<String> {
        match self.get(path)? {
            Node::File(FileNode { mode, .. }) if mode & 0o111 == 0 => {
                Some(format!("is not executable (mode {mode:04o})"))
            }
            Node::File(FileNode { content: Content::Elf { elf, .. }, .. }) if elf.abi != abi => {
                Some("is built for another processor".to_owned())
            }
            _ => None,
        }
    }

    /// Follows links as the target's kernel does where the artifact is its root: where `path` leads in the end.
    pub fn resolve(&self, path: &[u8]) -> Result<InstallPath, Missing> {
        self.walk(InstallPath::root(), path)
    }

    /// Where the link at `path`, which says `target`, leads in the end.
    pub fn follow(&self, path: &InstallPath, target: &[u8]) -> Result<InstallPath, Missing> {
        self.walk(path.parent().unwrap_or_else(InstallPath::root), target)
    }

    fn walk(&self, from: InstallPath, path: &[u8]) -> Result<InstallPath, Missing> {
        let mut here = if path.starts_with(b"/") { InstallPath::root() } else { from };
        // What is still to be walked, the next component last.
        let mut pending: Vec<&[u8]> = components(path).collect();
        let mut links = 0;
        while let Some(component) = pending.pop() {
            if component == b".." {
                here = here.parent().unwrap_or(here);
                continue;
            }
            let next = here.join(component);
            match self.nodes.get(&next) {
                Some(Node::Folder { .. }) => here = next,
                Some(Node::Link(target)) => {
                    links += 1;
                    if links > MAX_LINKS || target.is_empty() {
                        return Err(Missing(next));
                    }
                    if target.starts_with(b"/") {
                        here = InstallPath::root();
                    }
                    pending.extend(components(target));
                }
                Some(_) if pending.is_empty() => return Ok(next),
                Some(_) | None => return Err(Missing(next)),
            }
        }
        Ok(here)
    }

    /// The ELF file that `path` leads to.
    pub fn elf(&self, path: &[u8]) -> Option<(InstallPath, &Arc<Elf>)> {
        let resolved = self.resolve(path).ok()?;
        match self.nodes.get(&resolved) {
            Some(Node::File(FileNode { content: Content::Elf { elf, .. }, .. })) => Some((resolved, elf)),
            _ => None,
        }
    }
}

/// The components of a path, the last first.
fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.rsplit(|b| *b == b'/').filter(|component| !matches!(*component, b"" | b"."))
}

fn not_a_folder(path: &InstallPath) -> io::Error {
    io::Error::other(format!("it holds {path} both as a folder and as something else"))
}

impl Files for Tree {
    fn open(&self, path: &[u8]) -> Option<Object> {
        let (resolved, elf) = self.elf(path)?;
        Some(Object { path: resolved.as_bytes().to_vec(), found_as: path.to_vec(), elf: elf.clone() })
    }

    fn folders(&self, path: &[u8]) -> Vec<Vec<u8>> {
        self.resolve(path).ok().and_then(|folder| self.folders.get(&folder)).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> InstallPath {
        InstallPath::new(text).unwrap()
    }

    fn tree(links: &[(&str, &str)], files: &[&str]) -> Tree {
        let mut tree = Tree::default();
        let mut add = |name: &str, kind| {
            tree.add(Member { path: path(name), mode: 0o755, caps: false, kind }, Content::Data).unwrap();
        };
        links.iter().for_each(|(name, target)| add(name, Kind::Link(target.as_bytes().to_vec())));
        files.iter().for_each(|name| add(name, Kind::File));
        tree.complete().unwrap();
        tree
    }

    #[test]
    fn links_are_followed_as_the_kernel_does() {
        let links = [
            ("/a/up", "../b/c"),
            ("/abs", "/b"),
            ("/b/out", "../../../../b/f"),
            ("/loop", "loop"),
            ("/l1", "l2/x"),
            ("/l2", "b"),
        ];
        let tree = tree(&links, &["/b/f", "/b/c/g"]);
        for (name, wanted) in [
            ("/b/f", Ok("/b/f")),
            ("//b/./f", Ok("/b/f")),
            ("/a/up/g", Ok("/b/c/g")),
            // Where the link leads counts, not where it is.
            ("/a/up/../f", Ok("/b/f")),
            ("/abs/out", Ok("/b/f")),
            ("/b/f/", Ok("/b/f")),
            ("/b/f/x", Err("/b/f")),
            ("/b/f/../f", Err("/b/f")),
            ("/loop", Err("/loop")),
            ("/l1", Err("/b/x")),
            ("/gone/x", Err("/gone")),
            ("/", Ok("/")),
        ] {
            assert_eq!(
                tree.resolve(name.as_bytes()),
                wanted.map(path).map_err(|at| Missing(path(at))),
                "{name}"
            );
        }
    }

    #[test]
    fn folders_are_listed() {
        let tree = tree(&[("/c", "a")], &["/a/y/1", "/a/x/1", "/a/file"]);
        assert_eq!(tree.folders(b"/c"), [b"x", b"y"]);
        assert!(tree.folders(b"/a/file").is_empty() && tree.folders(b"/gone").is_empty());
    }
}
