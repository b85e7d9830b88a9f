//! The store as ld.so sees it: each ELF file opened once, each folder listed once.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{Destination, Store};
use crate::elf::Elf;
use crate::elf::ldso::{Files, Object, Opened};
use crate::path::StoreFile;

/// ELF files by their real paths, and the folders that were searched.
pub struct Libraries<'a> {
    store: &'a Store,
    /// `None`: no ELF file, or one that cannot be read.
    parsed: RefCell<HashMap<StoreFile, Option<Arc<Elf>>>>,
    /// Searching a run path asks for many names that are not there, and for one library again and again.
    listed: RefCell<HashMap<StoreFile, Arc<Listing>>>,
    opened: Opened,
}

/// A folder with all links followed, and the names in it.
struct Listing {
    real: Option<StoreFile>,
    names: HashSet<Vec<u8>>,
}

impl<'a> Libraries<'a> {
    pub fn new(store: &'a Store) -> Self {
        Libraries { store, parsed: RefCell::default(), listed: RefCell::default(), opened: Opened::default() }
    }

    /// The ELF file at a real path, parsed the first time that it is asked for.
    pub fn elf(&self, file: &StoreFile) -> Option<Arc<Elf>> {
        if let Some(known) = self.parsed.borrow().get(file) {
            return known.clone();
        }
        let elf = self.store.map(file).ok().and_then(|bytes| Elf::parse(&bytes).ok().flatten()).map(Arc::new);
        self.parsed.borrow_mut().insert(file.clone(), elf.clone());
        elf
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

    fn open_anew(&self, path: &[u8]) -> Option<Object> {
        let found_as = StoreFile::new(path)?;
        let folder = found_as.parent().filter(|folder| folder.starts_with(self.store.dir()))?;
        let listing = self.listing(&folder);
        if !listing.names.contains(found_as.file_name()) {
            return None;
        }
        let Destination::File(real) = self.store.follow(&listing.real.as_ref()?.join(found_as.file_name()))
        else {
            return None;
        };
        let elf = self.elf(&real)?;
        Some(Object { path: real.as_bytes().to_vec(), found_as: found_as.as_bytes().to_vec(), elf })
    }
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
