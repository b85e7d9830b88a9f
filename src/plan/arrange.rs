//! Where the files of one result go: the public face into prefix, the rest together (design.md section 5).

use std::collections::{BTreeMap, BTreeSet};

use super::Entry;
use super::face::{self, Place};
use crate::path::{InstallPath, StoreFile, file_name};
use crate::store::StorePath;
use crate::store::inventory::{Item, Items, is_folder};

/// A result's files, those that are shipped.
pub struct Tree {
    pub path: StorePath,
    pub items: Items,
}

/// A file and where it is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    pub path: InstallPath,
    /// Its path below the result.
    pub below: Vec<u8>,
    pub source: StoreFile,
    /// In bytes.
    pub size: u64,
    pub executable: bool,
    /// A file of `etc/`: a conffile.
    pub is_config: bool,
}

/// What becomes of a tree.
#[derive(Debug, Default)]
pub struct Arranged {
    pub files: Vec<Placed>,
    pub links: Vec<Entry>,
    pub folders: Vec<InstallPath>,
    /// Links that would lead to themselves on the target: left out.
    pub circular: Vec<InstallPath>,
}

impl Arranged {
    pub fn append(&mut self, mut other: Arranged) {
        self.files.append(&mut other.files);
        self.links.append(&mut other.links);
        self.folders.append(&mut other.folders);
        self.circular.append(&mut other.circular);
    }
}

/// Where public files go.
pub struct Face<'a> {
    pub prefix: &'a InstallPath,
    /// Where the system looks for what concerns it.
    pub system: &'a InstallPath,
}

impl Face<'_> {
    /// Where a path of a result is installed as part of the public face.
    pub fn path(&self, below: &[u8]) -> InstallPath {
        match Place::of(below) {
            Place::Config => face::config(self.prefix, below),
            Place::Public if face::is_for_system(below) => self.system.join(below),
            _ => self.prefix.join(below),
        }
    }
}

/// Whether a result holds nothing but programs and public files, so that it can be laid into prefix.
pub fn is_public(tree: &Tree) -> bool {
    tree.items.iter().all(|(below, item)| match item {
        Item::EmptyFolder => true,
        // `sbin -> bin` is no content of its own.
        Item::Link { target } if leads_to_folder(tree, below, target) => true,
        _ => Place::of(below) != Place::Private,
    })
}

/// Lays a result into prefix.
pub fn into_prefix(tree: &Tree, face: &Face) -> Arranged {
    let mut arranged = Arranged::default();
    let first = first_of_each_source(tree);
    for (below, item) in &tree.items {
        let path = face.path(below);
        match item {
            Item::EmptyFolder => {}
            Item::Link { target } => link_into_prefix(tree, below, target, path, face, &mut arranged),
            Item::File { source, .. } => match first.get(source) {
                Some(other) if other != below => {
                    arranged.links.push(Entry::link_to(path, &face.path(other)));
                }
                _ => arranged.files.extend(placed(path, below, item)),
            },
        }
    }
    arranged
}

/// Keeps a result together at `place`, with links from prefix to its programs; what the system looks for in prefix lies there,
/// and a link in its old place leads to it.
pub fn together(tree: &Tree, place: &InstallPath, face: &Face) -> Arranged {
    let mut arranged = public_face(tree, place, face);
    let first = first_of_each_source(tree);
    for (below, item) in &tree.items {
        let path = place.join(below);
        match item {
            Item::EmptyFolder => arranged.folders.push(path),
            Item::Link { target } => arranged.links.push(Entry::link(path, target.clone())),
            Item::File { .. } if is_moved(below) => {
                arranged.links.push(Entry::link_to(path, &face.path(below)));
            }
            Item::File { source, .. } => match first.get(source).filter(|other| !is_moved(other)) {
                Some(other) if other != below => {
                    arranged.links.push(Entry::link_to(path, &place.join(other)));
                }
                _ => arranged.files.extend(placed(path, below, item)),
            },
        }
    }
    arranged
}

/// The part of [`together`] that lies in prefix and /etc.
pub fn public_face(tree: &Tree, place: &InstallPath, face: &Face) -> Arranged {
    let mut arranged = Arranged::default();
    for (below, item) in &tree.items {
        let path = face.path(below);
        match (Place::of(below), item) {
            (Place::Private, _) | (_, Item::EmptyFolder) => {}
            (_, Item::Link { target }) if leads_to_folder(tree, below, target) => {}
            (Place::Program, _) => {
                arranged.links.push(Entry::link_to(path, &place.join(below)));
            }
            (_, Item::Link { target }) => link_into_prefix(tree, below, target, path, face, &mut arranged),
            (_, Item::File { .. }) => arranged.files.extend(placed(path, below, item)),
        }
    }
    arranged
}

/// Whether a file of a result that stays together lies in prefix or /etc all the same.
pub fn is_moved(below: &[u8]) -> bool {
    matches!(Place::of(below), Place::Public | Place::Config)
}

fn placed(path: InstallPath, below: &[u8], item: &Item) -> Option<Placed> {
    let Item::File { source, size, executable } = item else { return None };
    let is_config = Place::of(below) == Place::Config;
    let (source, size, executable) = (source.clone(), *size, *executable);
    Some(Placed { path, below: below.to_vec(), source, size, executable, is_config })
}

/// A link of the result's, in prefix: what it led to is now elsewhere.
fn link_into_prefix(
    tree: &Tree,
    below: &[u8],
    target: &[u8],
    path: InstallPath,
    face: &Face,
    arranged: &mut Arranged,
) {
    if target.starts_with(b"/") {
        if InstallPath::new(target).as_ref() == Some(&path) {
            arranged.circular.push(path);
        } else {
            arranged.links.push(Entry::link(path, target.to_vec()));
        }
        return;
    }
    let there = target_below(below, target);
    if !leads_to_folder(tree, below, target) {
        arranged.links.push(Entry::link_to(path, &face.path(&there)));
    }
}

/// Where a relative link leads, below the result.
pub fn target_below(below: &[u8], target: &[u8]) -> Vec<u8> {
    InstallPath::root().join(below).link_target(target).relative().to_vec()
}

/// Whether a relative link stands for a folder of its tree.
fn leads_to_folder(tree: &Tree, below: &[u8], target: &[u8]) -> bool {
    if target.starts_with(b"/") {
        return false;
    }
    let mut there = target_below(below, target);
    let mut seen = BTreeSet::new();
    while let Some(Item::Link { target }) = tree.items.get(&there) {
        if target.starts_with(b"/") || !seen.insert(there.clone()) {
            return false;
        }
        there = target_below(&there, target);
    }
    there.is_empty()
        || is_folder(&tree.items, &there)
        || matches!(tree.items.get(&there), Some(Item::EmptyFolder))
}

/// A join has one file under many names (`ls`, `cp`, ... of a multi-call program, each an absolute link): it is shipped
/// once, under its own name where that is among them.
fn first_of_each_source(tree: &Tree) -> BTreeMap<StoreFile, Vec<u8>> {
    let mut first: BTreeMap<StoreFile, Vec<u8>> = BTreeMap::new();
    for (below, item) in &tree.items {
        if let Item::File { source, .. } = item {
            let has_own_name = |below: &[u8]| file_name(below) == source.file_name();
            let known = first.entry(source.clone()).or_insert_with(|| below.clone());
            if has_own_name(below) && !has_own_name(known) {
                *known = below.clone();
            }
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Kind;

    fn path(text: &str) -> InstallPath {
        InstallPath::new(text).unwrap()
    }

    fn tree(items: &[(&str, &str)]) -> Tree {
        let item = |what: &str| match what.strip_prefix("-> ") {
            Some(target) => Item::Link { target: target.as_bytes().to_vec() },
            None => Item::File { source: StoreFile::new(what).unwrap(), size: 1, executable: true },
        };
        Tree {
            path: StorePath::parse(b"l5zk7hn88za59mxzan3hkpl5k8lxn7cn-x-1").unwrap(),
            items: items.iter().map(|(below, what)| (below.as_bytes().to_vec(), item(what))).collect(),
        }
    }

    fn lines(arranged: &Arranged) -> Vec<String> {
        let files = arranged.files.iter().map(|file| format!("{} = {}", file.path, file.source));
        let links = arranged.links.iter().map(|link| match &link.kind {
            Kind::Link { target } => format!("{} -> {}", link.path, String::from_utf8_lossy(target)),
            other => panic!("{other:?}"),
        });
        let mut lines: Vec<String> = files.chain(links).collect();
        lines.sort();
        lines
    }

    #[test]
    fn programs_and_public_files_are_laid_into_prefix() {
        let tree = tree(&[
            ("bin/x", "/s/bin/x"),
            ("bin/y", "-> x"),
            ("etc/x.conf", "/s/etc/x.conf"),
            ("sbin", "-> bin"),
            ("share/man/man1/x.1", "/s/x.1"),
        ]);
        assert!(is_public(&tree));
        let prefix = path("/usr");
        assert_eq!(
            lines(&into_prefix(&tree, &Face { prefix: &prefix, system: &prefix })),
            [
                "/etc/x.conf = /s/etc/x.conf",
                "/usr/bin/x = /s/bin/x",
                "/usr/bin/y -> x",
                "/usr/share/man/man1/x.1 = /s/x.1"
            ]
        );
    }

    #[test]
    fn a_result_with_more_stays_together() {
        let tree = tree(&[
            ("bin/x", "/s/bin/x"),
            ("etc/x.conf", "/s/etc/x.conf"),
            ("lib/libx.so", "/s/libx.so"),
            ("lib64", "-> lib"),
        ]);
        assert!(!is_public(&tree));
        let prefix = path("/usr");
        assert_eq!(
            lines(&together(&tree, &path("/usr/lib/x/h-x"), &Face { prefix: &prefix, system: &prefix })),
            [
                "/etc/x.conf = /s/etc/x.conf",
                "/usr/bin/x -> ../lib/x/h-x/bin/x",
                "/usr/lib/x/h-x/bin/x = /s/bin/x",
                "/usr/lib/x/h-x/etc/x.conf -> /etc/x.conf",
                "/usr/lib/x/h-x/lib/libx.so = /s/libx.so",
                "/usr/lib/x/h-x/lib64 -> lib",
            ]
        );
    }

    #[test]
    fn one_file_under_many_names_is_shipped_once() {
        let tree = tree(&[
            ("bin/cp", "/s/bin/coreutils"),
            ("bin/coreutils", "/s/bin/coreutils"),
            ("bin/ls", "/s/bin/coreutils"),
        ]);
        let prefix = path("/usr");
        assert_eq!(
            lines(&into_prefix(&tree, &Face { prefix: &prefix, system: &prefix })),
            ["/usr/bin/coreutils = /s/bin/coreutils", "/usr/bin/cp -> coreutils", "/usr/bin/ls -> coreutils"]
        );
    }

    #[test]
    fn a_name_that_only_ends_like_its_own_is_not_its_own() {
        let tree = tree(&[("bin/als", "/s/bin/ls"), ("bin/ls", "/s/bin/ls")]);
        let prefix = path("/usr");
        assert_eq!(
            lines(&into_prefix(&tree, &Face { prefix: &prefix, system: &prefix })),
            ["/usr/bin/als -> ls", "/usr/bin/ls = /s/bin/ls"]
        );
    }

    #[test]
    fn a_link_to_its_own_place_is_left_out() {
        let tree = tree(&[("bin/x", "-> /usr/bin/x"), ("bin/y", "-> /usr/bin/z")]);
        let prefix = path("/usr");
        let arranged = into_prefix(&tree, &Face { prefix: &prefix, system: &prefix });
        assert_eq!(arranged.circular, [path("/usr/bin/x")]);
        assert_eq!(lines(&arranged), ["/usr/bin/y -> /usr/bin/z"]);
    }

    #[test]
    fn what_the_system_looks_for_goes_where_it_looks() {
        let tree = tree(&[
            ("bin/x", "/s/bin/x"),
            ("lib/systemd/system/x.service", "/s/x.service"),
            ("share/applications/x.desktop", "/s/x.desktop"),
            ("share/doc/x/README", "/s/README"),
            ("share/man/man1/x.1", "/s/x.1"),
        ]);
        let (prefix, system) = (path("/opt/acme/x"), path("/usr"));
        assert_eq!(
            lines(&into_prefix(&tree, &Face { prefix: &prefix, system: &system })),
            [
                "/opt/acme/x/bin/x = /s/bin/x",
                "/opt/acme/x/share/doc/x/README = /s/README",
                "/opt/acme/x/share/man/man1/x.1 = /s/x.1",
                "/usr/lib/systemd/system/x.service = /s/x.service",
                "/usr/share/applications/x.desktop = /s/x.desktop",
            ]
        );
    }
}
