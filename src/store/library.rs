//! The store as ld.so sees it: each ELF file opened once, each folder listed once.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{Destination, Store};
use crate::elf::Elf;
use crate::elf::ldso::{Files, Object};
use crate::path::StoreFile;

/// ELF files by their real paths, and the folders that were searched.
pub struct Libraries<'a> {
    store: &'a Store,
    /// `None`: no ELF file, or one that cannot be read.
    parsed: RefCell<HashMap<StoreFile, Option<Arc<Elf>>>>,
    /// Names in a folder; searching a run path asks for many that are not there.
    listed: RefCell<HashMap<StoreFile, HashSet<Vec<u8>>>>,
}

impl<'a> Libraries<'a> {
    pub fn new(store: &'a Store, parsed: HashMap<StoreFile, Option<Arc<Elf>>>) -> Self {
        Libraries { store, parsed: RefCell::new(parsed), listed: RefCell::default() }
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

    fn holds(&self, folder: &StoreFile, name: &[u8]) -> bool {
        if let Some(names) = self.listed.borrow().get(folder) {
            return names.contains(name);
        }
        let names: HashSet<Vec<u8>> = match self.store.follow(folder) {
            Destination::Folder(real) => self.store.list(&real).unwrap_or_default().into_iter().collect(),
            _ => HashSet::new(),
        };
        let holds = names.contains(name);
        self.listed.borrow_mut().insert(folder.clone(), names);
        holds
    }
}

impl Files for Libraries<'_> {
    fn open(&self, path: &[u8]) -> Option<Object> {
        let found_as = StoreFile::new(path)?;
        let folder = found_as.parent()?;
        if !folder.starts_with(self.store.dir()) || !self.holds(&folder, found_as.file_name()) {
            return None;
        }
        let Destination::File(real) = self.store.follow(&found_as) else { return None };
        let elf = self.elf(&real)?;
        Some(Object { path: real.as_bytes().to_vec(), found_as: found_as.as_bytes().to_vec(), elf })
    }

    fn folders(&self, path: &[u8]) -> Vec<Vec<u8>> {
        let Some(folder) = StoreFile::new(path) else { return Vec::new() };
        let Some(parent) = folder.parent() else { return Vec::new() };
        if !folder.starts_with(self.store.dir()) || !self.holds(&parent, folder.file_name()) {
            return Vec::new();
        }
        match self.store.follow(&folder) {
            Destination::Folder(real) => self.store.list(&real).unwrap_or_default(),
            _ => Vec::new(),
        }
    }
}
