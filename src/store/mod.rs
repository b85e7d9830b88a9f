//! The Nix store: where its files are, what a closure holds, what each file is. Only ever read.

pub mod closure;
pub mod graph_file;
pub mod inventory;
pub mod library;
pub mod packed;
pub mod path;
pub mod result;
pub mod scan;

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{File, FileType, Metadata};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use crate::content::Content;
use crate::error::{IoContext, Result};
use crate::path::{MAX_LINKS, StoreFile};

pub use path::{StoreHash, StorePath};

/// Where the store is, and what references call it. The two differ for a chroot store (`--store ROOT`: files are
/// under ROOT/nix/store, references say /nix/store).
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
    dir: StoreFile,
    /// Folders that were found with no link on the way to them: most of what is asked for lies in a few, and store paths are
    /// immutable.
    real: Arc<RwLock<HashSet<StoreFile>>>,
}

/// Where a path leads once every link on the way is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    File(StoreFile),
    Folder(StoreFile),
    /// A place outside of the store, which is the target system's to provide. Not looked at.
    Outside(StoreFile),
    /// Nothing is there.
    Missing(StoreFile),
    /// Links lead in a circle: each hop, the first one again at the end.
    Cycle(Vec<StoreFile>),
}

/// Files up to this many bytes are read.
const SMALL: u64 = 1 << 20;

impl Store {
    /// The store below `root`, which is `/` but for a chroot store.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Store { root: root.into(), dir: StoreFile::root().join("nix/store"), real: Arc::default() }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `/nix/store`, as references say it.
    pub fn dir(&self) -> &StoreFile {
        &self.dir
    }

    /// The file of a store path.
    pub fn file(&self, path: &StorePath) -> StoreFile {
        self.dir.join(path.component())
    }

    /// Where the disk has a file of the store.
    pub fn disk(&self, file: &StoreFile) -> PathBuf {
        self.root.join(OsStr::from_bytes(file.relative()))
    }

    /// The file of the store that the disk has there.
    pub fn undisk(&self, disk: &Path) -> Option<StoreFile> {
        let below = disk.as_os_str().as_bytes().strip_prefix(self.root.as_os_str().as_bytes())?;
        Some(StoreFile::root().join(below))
    }

    /// The store path that a file belongs to, and the path below it.
    pub fn split<'a>(&self, file: &'a StoreFile) -> Option<(StorePath, &'a [u8])> {
        path::split(&self.dir, file)
    }

    /// A file's name for people: without store folder and hash (`jq-1.7.1/bin/jq`).
    pub fn origin(&self, file: &StoreFile) -> String {
        match self.split(file) {
            Some((path, b"")) => path.name().to_owned(),
            Some((path, below)) => format!("{}/{}", path.name(), crate::path::printable(below)),
            None => file.to_string(),
        }
    }

    pub fn metadata(&self, file: &StoreFile) -> Result<Metadata> {
        let disk = self.disk(file);
        disk.symlink_metadata().while_doing("read", &disk)
    }

    /// A link's target, as it stands there.
    pub fn read_link(&self, link: &StoreFile) -> Result<Vec<u8>> {
        let disk = self.disk(link);
        Ok(disk.read_link().while_doing("read the link", &disk)?.into_os_string().into_vec())
    }

    /// A regular file's bytes: mapped, or read where that costs less.
    pub fn map(&self, file: &StoreFile) -> Result<Content> {
        Ok(self.map_with_metadata(file)?.0)
    }

    /// The same, and what is known of the file besides.
    pub fn map_with_metadata(&self, file: &StoreFile) -> Result<(Content, Metadata)> {
        self.open(file, SMALL)
    }

    /// A regular file's bytes where few of them are looked at.
    pub fn map_sparsely(&self, file: &StoreFile) -> Result<Content> {
        Ok(self.open(file, 0)?.0)
    }

    fn open(&self, file: &StoreFile, small: u64) -> Result<(Content, Metadata)> {
        let disk = self.disk(file);
        let open = File::open(&disk).while_doing("read", &disk)?;
        let metadata = open.metadata().while_doing("read", &disk)?;
        // SAFETY: store paths are immutable, so nobody truncates the file while it is mapped.
        let content = unsafe { Content::of(&open, metadata.len(), small) }.while_doing("read", &disk)?;
        Ok((content, metadata))
    }

    /// The names in a folder, sorted by their bytes.
    pub fn list(&self, folder: &StoreFile) -> Result<Vec<Vec<u8>>> {
        Ok(self.entries(folder)?.into_iter().map(|(name, _)| name).collect())
    }

    /// The names in a folder, sorted by their bytes, and what they are: most file systems tell along with the name, so that
    /// nothing needs to be looked at.
    pub fn entries(&self, folder: &StoreFile) -> Result<Vec<(Vec<u8>, FileType)>> {
        let disk = self.disk(folder);
        let mut entries = Vec::new();
        for entry in disk.read_dir().while_doing("list", &disk)? {
            let entry = entry.while_doing("list", &disk)?;
            let kind = entry.file_type().while_doing("read", &disk)?;
            entries.push((entry.file_name().into_vec(), kind));
        }
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(entries)
    }

    /// Follows every link of a path, the folders' too, under the store's root and never by the running system.
    pub fn follow(&self, path: &StoreFile) -> Destination {
        let mut hops = Vec::new();
        let mut path = path.clone();
        loop {
            match self.first_link(&path) {
                Step::There(destination) => return destination,
                Step::Link { link, leads_to } => {
                    if let Some(start) = hops.iter().position(|hop| *hop == link) {
                        hops.push(link);
                        return Destination::Cycle(hops.split_off(start));
                    }
                    hops.push(link);
                    if hops.len() > MAX_LINKS {
                        return Destination::Cycle(hops);
                    }
                    path = leads_to;
                }
            }
        }
    }

    /// Whether something is there, all links followed.
    pub fn is_there(&self, path: &StoreFile) -> bool {
        !matches!(self.follow(path), Destination::Missing(_) | Destination::Cycle(_))
    }

    /// The first link on the way to a path, or at it, and where the path leads by it.
    pub fn hop(&self, path: &StoreFile) -> Option<(StoreFile, StoreFile)> {
        match self.first_link(path) {
            Step::Link { link, leads_to } => Some((link, leads_to)),
            Step::There(_) => None,
        }
    }

    fn is_real(&self, folder: &StoreFile) -> bool {
        self.real.read().unwrap_or_else(PoisonError::into_inner).contains(folder)
    }

    /// Walks down from the store folder to the first link on the way, if there is one.
    fn first_link(&self, path: &StoreFile) -> Step {
        if !path.starts_with(&self.dir) {
            return Step::There(Destination::Outside(path.clone()));
        }
        let known = path.parent().filter(|parent| self.is_real(parent));
        let mut here = known.unwrap_or_else(|| self.dir.clone());
        let below = &path.as_bytes()[here.as_bytes().len()..];
        let mut rest = below.split(|b| *b == b'/').filter(|c| !c.is_empty()).peekable();
        let mut is_folder = true;
        while let Some(component) = rest.next() {
            here = here.join(component);
            let disk = self.disk(&here);
            let Ok(metadata) = disk.symlink_metadata() else {
                return Step::There(Destination::Missing(path.clone()));
            };
            if metadata.is_symlink() {
                let Ok(target) = disk.read_link() else {
                    return Step::There(Destination::Missing(path.clone()));
                };
                let mut leads_to = here.link_target(target.as_os_str().as_bytes());
                for component in rest {
                    leads_to = leads_to.join(component);
                }
                return Step::Link { link: here, leads_to };
            }
            is_folder = metadata.is_dir();
            let is_file = metadata.is_file();
            if !(is_folder || is_file && rest.peek().is_none()) {
                return Step::There(Destination::Missing(path.clone()));
            }
            if rest.peek().is_some() {
                self.real.write().unwrap_or_else(PoisonError::into_inner).insert(here.clone());
            }
        }
        Step::There(if is_folder { Destination::Folder(here) } else { Destination::File(here) })
    }
}

enum Step {
    There(Destination),
    Link { link: StoreFile, leads_to: StoreFile },
}
