//! The store as ld.so sees it: each ELF file opened once, each folder listed once.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::{Destination, Store};
use crate::elf::Elf;
use crate::elf::ldso::{self, Files, Object, Opened};
use crate::path::StoreFile;

/// ELF files by their real paths, and the folders that were searched.
pub struct Libraries<'a> {
    store: &'a Store,
    /// `None`: no ELF file, or one that cannot be read.
    parsed: RefCell<HashMap<StoreFile, Option<Arc<Elf>>>>,
    /// Searching a run path asks for many names that are not there, and for one library again and again.
    listed: RefCell<HashMap<StoreFile, Arc<Listing>>>,
    /// Where each path leads that was asked for.
    real: RefCell<HashMap<StoreFile, Option<StoreFile>>>,
    opened: Opened,
}

/// A folder with all links followed, and the names in it.
struct Listing {
    real: Option<StoreFile>,
    names: HashSet<Vec<u8>>,
}

impl<'a> Libraries<'a> {
    pub fn new(store: &'a Store) -> Self {
        let (parsed, listed, real) = Default::default();
        Libraries { store, parsed, listed, real, opened: Opened::default() }
    }

    /// The ELF file at a real path, parsed the first time that it is asked for.
    pub fn elf(&self, file: &StoreFile) -> Option<Arc<Elf>> {
        if let Some(known) = self.parsed.borrow().get(file) {
            return known.clone();
        }
        let elf = parse(self.store, file);
        self.parsed.borrow_mut().insert(file.clone(), elf.clone());
        elf
    }

    /// The same of a file that was parsed before; `None` also where it was not.
    pub fn parsed(&self, file: &StoreFile) -> Option<Arc<Elf>> {
        self.parsed.borrow().get(file).cloned().flatten()
    }

    /// Parses those that were not, on all cores: which these are.
    pub fn parse(&self, files: BTreeSet<StoreFile>) -> Vec<StoreFile> {
        let mut parsed = self.parsed.borrow_mut();
        let new: Vec<StoreFile> = files.into_iter().filter(|file| !parsed.contains_key(file)).collect();
        let store = self.store;
        let elfs: Vec<_> = new.par_iter().map(|file| parse(store, file)).collect();
        parsed.extend(new.iter().cloned().zip(elfs));
        new
    }

    /// The files that a parsed file's needed entries lead to by its own run path.
    pub fn needed_by(&self, file: &StoreFile) -> Vec<StoreFile> {
        let Some(elf) = self.parsed(file) else { return Vec::new() };
        let Some(origin) = file.parent() else { return Vec::new() };
        let folders = ldso::folders(&elf, elf.run_path().unwrap_or_default(), origin.as_bytes());
        let folders: Vec<StoreFile> = folders.iter().filter_map(StoreFile::new).collect();
        let first = |name: &Vec<u8>| folders.iter().find_map(|folder| self.real(&folder.join(name)));
        elf.needed.iter().filter(|name| !name.contains(&b'/')).filter_map(first).collect()
    }

    /// Takes a file that was parsed already.
    pub fn know(&self, file: &StoreFile, elf: Option<Arc<Elf>>) {
        self.parsed.borrow_mut().insert(file.clone(), elf);
    }

    fn listing(&self, folder: &StoreFile) -> Arc<Listing> {
        if let Some(known) = self.listed.borrow().get(folder) {
            return known.clone();
        }
        let real = match self.store.follow(folder) {
            Destination::Folder(real) => Some(real),
            _ => None,
        };
        let names = real.as_ref().and_then(|real| self.store.list(real).ok()).unwrap_or_default();
        let listing = Arc::new(Listing { real, names: names.into_iter().collect() });
        self.listed.borrow_mut().insert(folder.clone(), listing.clone());
        listing
    }

    /// The file that a path leads to.
    fn real(&self, path: &StoreFile) -> Option<StoreFile> {
        if let Some(known) = self.real.borrow().get(path) {
            return known.clone();
        }
        let real = self.follow(path);
        self.real.borrow_mut().insert(path.clone(), real.clone());
        real
    }

    fn follow(&self, path: &StoreFile) -> Option<StoreFile> {
        let folder = path.parent().filter(|folder| folder.starts_with(self.store.dir()))?;
        let listing = self.listing(&folder);
        if !listing.names.contains(path.file_name()) {
            return None;
        }
        match self.store.follow(&listing.real.as_ref()?.join(path.file_name())) {
            Destination::File(real) => Some(real),
            _ => None,
        }
    }

    fn open_anew(&self, path: &[u8]) -> Option<Object> {
        let found_as = StoreFile::new(path)?;
        let real = self.real(&found_as)?;
        let elf = self.elf(&real)?;
        Some(Object { path: real.as_bytes().to_vec(), found_as: found_as.as_bytes().to_vec(), elf })
    }
}

fn parse(store: &Store, file: &StoreFile) -> Option<Arc<Elf>> {
    let bytes = store.map_sparsely(file).ok()?;
    Elf::parse_for_process(&bytes).ok().flatten().map(Arc::new)
}

impl Files for Libraries<'_> {
    fn open(&self, path: &[u8]) -> Option<Object> {
        self.opened.get_or(path, || self.open_anew(path))
    }

    fn folders(&self, path: &[u8]) -> Vec<Vec<u8>> {
        let Some(folder) = StoreFile::new(path) else { return Vec::new() };
        let Some(parent) = folder.parent().filter(|parent| parent.starts_with(self.store.dir())) else {
            return Vec::new();
        };
        if !self.listing(&parent).names.contains(folder.file_name()) {
            return Vec::new();
        }
        let mut names: Vec<Vec<u8>> = self.listing(&folder).names.iter().cloned().collect();
        names.sort();
        names
    }
}
