//! What a store path holds, each file classified.
//!
//! Two views of the same: [`physical`] has the links as they stand (for the store layout), [`dereferenced`] has what they
//! lead to (for a result: a symlinkJoin is nothing but links to files and folders of other store paths).

use std::collections::BTreeMap;
use std::fs::{FileType, Metadata};
use std::os::unix::fs::PermissionsExt;

use super::{Destination, Store, StorePath};
use crate::error::{Error, Result};
use crate::finding::Finding;
use crate::path::{StoreFile, printable};

/// One file, link or empty folder, by its path below the store path.
pub type Items = BTreeMap<Vec<u8>, Item>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    File {
        /// Where its bytes are, all links followed.
        source: StoreFile,
        /// In bytes.
        size: u64,
        executable: bool,
    },
    /// A link whose target stays as it is.
    Link { target: Vec<u8> },
    /// A folder with nothing in it.
    EmptyFolder,
}

/// A store path with the links as they stand.
pub fn physical(store: &Store, path: &StorePath) -> Result<Items> {
    let root = store.file(path);
    let item = |(below, kind): (Vec<u8>, FileType)| {
        let file = root.join(&below);
        let item = match kind {
            kind if kind.is_dir() => Item::EmptyFolder,
            kind if kind.is_symlink() => Item::Link { target: store.read_link(&file)? },
            _ => {
                let metadata = store.metadata(&file)?;
                file_item(file, &metadata)
            }
        };
        Ok((below, item))
    };
    kinds(store, path)?.into_iter().map(item).collect()
}

/// The files, the links and the empty folders of a store path, by their paths below it.
pub fn kinds(store: &Store, path: &StorePath) -> Result<BTreeMap<Vec<u8>, FileType>> {
    let root = store.file(path);
    let mut kinds = BTreeMap::new();
    let mut todo = vec![(Vec::new(), store.metadata(&root)?.file_type())];
    while let Some((below, kind)) = todo.pop() {
        let entries = if kind.is_dir() { store.entries(&root.join(&below))? } else { Vec::new() };
        todo.extend(entries.iter().map(|(name, kind)| (joined(&below, name), *kind)));
        // Nix allows nothing else in the store (nix/src/libutil/archive.cc).
        let is_known = kind.is_dir() || kind.is_symlink() || kind.is_file();
        if entries.is_empty() && is_known {
            kinds.insert(below, kind);
        }
    }
    Ok(kinds)
}

/// A result with what its links lead to in their place. Kept as links are those inside the result, and those to the
/// target system.
///
/// Errors: links in a circle, each hop named.
pub fn dereferenced(store: &Store, path: &StorePath, findings: &mut Vec<Finding>) -> Result<Items> {
    let mut walk = Walk {
        store,
        root: store.file(path),
        items: Items::new(),
        relative: Vec::new(),
        dangling: Vec::new(),
        outside: Vec::new(),
    };
    let top = walk.root.clone();
    match store.follow(&top) {
        Destination::Folder(folder) => walk.folder(Vec::new(), &folder, &mut Vec::new())?,
        Destination::File(file) => walk.single_file(path, file)?,
        Destination::Cycle(hops) => return Err(cycle(&hops)),
        Destination::Missing(_) | Destination::Outside(_) => {}
    }
    walk.settle_relative_links()?;
    walk.report(findings);
    Ok(walk.items)
}

fn joined(below: &[u8], name: &[u8]) -> Vec<u8> {
    if below.is_empty() { name.to_vec() } else { [below, b"/", name].concat() }
}

fn file_item(source: StoreFile, metadata: &Metadata) -> Item {
    Item::File { source, size: metadata.len(), executable: is_executable(metadata) }
}

/// Whether anybody may run it: of a file's mode, the store keeps no more.
pub fn is_executable(metadata: &Metadata) -> bool {
    metadata.permissions().mode() & 0o111 != 0
}

fn cycle(hops: &[StoreFile]) -> Error {
    let hops: Vec<String> = hops.iter().map(ToString::to_string).collect();
    Error::failure(format!("links lead in a circle: {}", hops.join(" -> ")))
        .remedy("mend the links in the build, or leave them out with `install.exclude`")
}

struct Walk<'a> {
    store: &'a Store,
    /// The result.
    root: StoreFile,
    items: Items,
    /// Links with a relative target: path below the result, the link itself, its target.
    relative: Vec<(Vec<u8>, StoreFile, Vec<u8>)>,
    dangling: Vec<String>,
    outside: Vec<String>,
}

impl Walk<'_> {
    /// A store path that is one file: a program if it is executable (writeShellScript and the like).
    fn single_file(&mut self, path: &StorePath, file: StoreFile) -> Result<()> {
        let item = file_item(file.clone(), &self.store.metadata(&file)?);
        let Item::File { executable: true, .. } = item else {
            return Err(Error::failure(format!(
                "{path} is a single file that is no program: there is nothing to install"
            ))
            .remedy("name a result that is a folder, or ship the file with [[contents]]"));
        };
        self.items.insert([b"bin/", path.name().as_bytes()].concat(), item);
        Ok(())
    }

    /// Takes what `real` holds as what `below` holds; `above` are the real folders on the way here.
    fn folder(&mut self, below: Vec<u8>, real: &StoreFile, above: &mut Vec<StoreFile>) -> Result<()> {
        if let Some(start) = above.iter().position(|folder| folder == real) {
            let mut hops = above.split_off(start);
            hops.push(real.clone());
            return Err(cycle(&hops));
        }
        let entries = self.store.entries(real)?;
        if entries.is_empty() {
            self.items.insert(below, Item::EmptyFolder);
            return Ok(());
        }
        above.push(real.clone());
        for (name, kind) in entries {
            let file = real.join(&name);
            let here = joined(&below, &name);
            if kind.is_dir() {
                self.folder(here, &file, above)?;
            } else if kind.is_file() {
                let metadata = self.store.metadata(&file)?;
                self.items.insert(here, file_item(file, &metadata));
            } else if kind.is_symlink() {
                self.link(here, file, above)?;
            }
        }
        above.pop();
        Ok(())
    }

    fn link(&mut self, below: Vec<u8>, link: StoreFile, above: &mut Vec<StoreFile>) -> Result<()> {
        let mut target = self.store.read_link(&link)?;
        if target.starts_with(b"/") && link.starts_with(&self.root) {
            // `ln -s $out/x $out/y`: inside the result, however it is written.
            let place = link.link_target(&target);
            if let Some(folder) = link.parent().filter(|_| place.starts_with(&self.root)) {
                target = place.relative_to(&folder);
            }
        }
        if target.starts_with(b"/") || !self.root.join(&below).link_target(&target).starts_with(&self.root) {
            return self.dereference(below, &link, above);
        }
        self.relative.push((below, link, target));
        Ok(())
    }

    /// Puts what a link leads to in its place.
    fn dereference(&mut self, below: Vec<u8>, link: &StoreFile, above: &mut Vec<StoreFile>) -> Result<()> {
        match self.store.follow(link) {
            Destination::File(file) => {
                let metadata = self.store.metadata(&file)?;
                self.items.insert(below, file_item(file, &metadata));
            }
            Destination::Folder(folder) => self.folder(below, &folder, above)?,
            Destination::Outside(place) => {
                self.outside.push(format!("{} -> {place}", printable(&below)));
                self.items.insert(below, Item::Link { target: place.as_bytes().to_vec() });
            }
            Destination::Missing(place) => self.dangling.push(format!("{} -> {place}", printable(&below))),
            Destination::Cycle(hops) => return Err(cycle(&hops)),
        }
        Ok(())
    }

    /// A relative link stays one where its target is in the tree too. In a folder that is itself linked from elsewhere it may
    /// not be: then what it leads to where it really lies takes its place.
    fn settle_relative_links(&mut self) -> Result<()> {
        while !self.relative.is_empty() {
            let links: BTreeMap<Vec<u8>, (StoreFile, Vec<u8>)> =
                self.relative.drain(..).map(|(below, link, target)| (below, (link, target))).collect();
            for (below, (link, target)) in &links {
                if self.leads_somewhere(below, target, &links) {
                    self.items.insert(below.clone(), Item::Link { target: target.clone() });
                } else {
                    self.dereference(below.clone(), link, &mut Vec::new())?;
                }
            }
        }
        Ok(())
    }

    /// Whether a relative link's target is in the tree, perhaps by way of further relative links.
    fn leads_somewhere(
        &self,
        below: &[u8],
        target: &[u8],
        links: &BTreeMap<Vec<u8>, (StoreFile, Vec<u8>)>,
    ) -> bool {
        let mut place = self.root.join(below).link_target(target);
        for _ in 0..links.len() + 1 {
            let there = below_root(&self.root, &place);
            if self.items.contains_key(there) || is_folder(&self.items, there) || there.is_empty() {
                return true;
            }
            // The target itself, or a folder on the way to it, may be a relative link.
            let hop = prefixes(there).find_map(|prefix| links.get(prefix).map(|link| (prefix, link)));
            let Some((prefix, (_, target))) = hop else { return false };
            let rest = there[prefix.len()..].to_vec();
            place = self.root.join(prefix).link_target(target).join(rest);
            if !place.starts_with(&self.root) {
                return false;
            }
        }
        false
    }

    fn report(&mut self, findings: &mut Vec<Finding>) {
        if !self.dangling.is_empty() {
            let mut finding = Finding::warning("dangling-link", "links that lead nowhere are left out")
                .remedy("mend them in the build, or leave them out with `install.exclude`");
            finding.subjects = std::mem::take(&mut self.dangling);
            findings.push(finding);
        }
        if !self.outside.is_empty() {
            let mut finding = Finding::warning(
                "link-leaves-store",
                "links that lead out of the store are shipped as they are: they lead to the target system's files",
            )
            .remedy("leave them out with `install.exclude` if that is not meant");
            finding.subjects = std::mem::take(&mut self.outside);
            findings.push(finding);
        }
    }
}

fn below_root<'a>(root: &StoreFile, place: &'a StoreFile) -> &'a [u8] {
    place.as_bytes().get(root.as_bytes().len() + 1..).unwrap_or_default()
}

/// The path and every folder above it, longest first.
fn prefixes(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = path.iter().enumerate().rev().filter(|(_, b)| **b == b'/').map(|(at, _)| at);
    std::iter::once(path.len()).chain(ends).map(|end| &path[..end])
}

/// Whether some item lies below `path`.
pub fn is_folder(items: &Items, path: &[u8]) -> bool {
    let below = joined(path, b"");
    items.range(below.clone()..).next().is_some_and(|(item, _)| item.starts_with(&below))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// A chroot store in a folder that goes away with it.
    struct Fixture {
        root: tempfile::TempDir,
        store: Store,
    }

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-a-1";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-b-1";

    impl Fixture {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            let store = Store::new(root.path());
            Fixture { root, store }
        }

        fn disk(&self, path: &str) -> std::path::PathBuf {
            let disk = self.root.path().join("nix/store").join(path);
            fs::create_dir_all(disk.parent().unwrap()).unwrap();
            disk
        }

        fn file(&self, path: &str) -> &Self {
            fs::write(self.disk(path), path).unwrap();
            self
        }

        fn link(&self, path: &str, target: &str) -> &Self {
            symlink(target, self.disk(path)).unwrap();
            self
        }

        fn items(&self) -> (Result<Vec<String>>, Vec<Finding>) {
            let mut findings = Vec::new();
            let items = dereferenced(&self.store, &StorePath::parse(A.as_bytes()).unwrap(), &mut findings);
            let line = |(below, item): (&Vec<u8>, &Item)| match item {
                Item::File { source, .. } => format!("{} = {}", printable(below), self.store.origin(source)),
                Item::Link { target } => format!("{} -> {}", printable(below), printable(target)),
                Item::EmptyFolder => format!("{}/", printable(below)),
            };
            (items.map(|items| items.iter().map(line).collect()), findings)
        }
    }

    #[test]
    fn a_chain_of_joins_becomes_files() {
        let f = Fixture::new();
        let c = "cccccccccccccccccccccccccccccccc-c-1";
        f.file(&format!("{c}/bin/x")).file(&format!("{c}/share/doc/x"));
        f.link(&format!("{B}/bin/x"), &format!("/nix/store/{c}/bin/x"));
        f.link(&format!("{B}/share"), &format!("/nix/store/{c}/share"));
        f.link(&format!("{A}/bin"), &format!("/nix/store/{B}/./bin"));
        f.link(&format!("{A}/share"), &format!("/nix/store/{B}/share"));
        assert_eq!(f.items().0.unwrap(), ["bin/x = c-1/bin/x", "share/doc/x = c-1/share/doc/x"]);
    }

    #[test]
    fn links_inside_stay_links_however_they_are_written() {
        let f = Fixture::new();
        f.file(&format!("{A}/lib/x.so.1")).link(&format!("{A}/lib/x.so"), "x.so.1");
        f.link(&format!("{A}/lib64"), "lib")
            .link(&format!("{A}/y.so"), &format!("/nix/store/{A}/lib/x.so.1"));
        f.link(&format!("{A}/z"), "lib64/x.so");
        assert_eq!(
            f.items().0.unwrap(),
            [
                "lib/x.so -> x.so.1",
                "lib/x.so.1 = a-1/lib/x.so.1",
                "lib64 -> lib",
                "y.so -> lib/x.so.1",
                "z -> lib64/x.so"
            ]
        );
    }

    #[test]
    fn a_relative_link_of_a_linked_folder_brings_what_it_leads_to() {
        let f = Fixture::new();
        f.file(&format!("{B}/lib/real")).link(&format!("{B}/share/x"), "../lib/real");
        f.link(&format!("{A}/share"), &format!("/nix/store/{B}/share"));
        assert_eq!(f.items().0.unwrap(), ["share/x = b-1/lib/real"]);
    }

    #[test]
    fn circles_are_errors_that_name_them() {
        let f = Fixture::new();
        f.link(&format!("{A}/x"), "y").link(&format!("{A}/y"), "x");
        let error = f.items().0.unwrap_err().to_string();
        assert!(error.contains("circle") && error.contains("a-1/x") && error.contains("a-1/y"), "{error}");
        // Folders: A/d is B/d, in which e leads back to A/d.
        let f = Fixture::new();
        f.file(&format!("{B}/d/file")).link(&format!("{B}/d/e"), &format!("/nix/store/{A}/d"));
        f.link(&format!("{A}/d"), &format!("/nix/store/{B}/d"));
        let error = f.items().0.unwrap_err().to_string();
        assert!(error.contains("circle") && error.contains("b-1/d"), "{error}");
    }

    #[test]
    fn dangling_links_are_left_out_and_told_of() {
        let f = Fixture::new();
        f.file(&format!("{A}/x")).link(&format!("{A}/gone"), "nowhere");
        f.link(&format!("{A}/far"), &format!("/nix/store/{B}/x")).link(&format!("{A}/host"), "/etc/passwd");
        f.link(&format!("{A}/up"), "../../../../etc/group");
        let (items, findings) = f.items();
        assert_eq!(items.unwrap(), ["host -> /etc/passwd", "up -> /etc/group", "x = a-1/x"]);
        let codes: Vec<_> = findings.iter().map(|finding| (finding.code, finding.subjects.len())).collect();
        assert_eq!(codes, [("dangling-link", 2), ("link-leaves-store", 2)]);
    }

    #[test]
    fn names_are_bytes() {
        use std::os::unix::ffi::OsStrExt;
        let f = Fixture::new();
        f.file(&format!("{A}/a b\nc"));
        let odd = f.disk(A).join(std::ffi::OsStr::from_bytes(b"\xff"));
        fs::write(odd, "").unwrap();
        assert_eq!(f.items().0.unwrap(), ["a b\\nc = a-1/a b\\nc", "\\xff = a-1/\\xff"]);
    }
}
