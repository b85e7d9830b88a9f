//! By what chain each file of a bundle is reached: `explant plan --why`.

use std::collections::BTreeMap;

use super::carried::{How, Reason};
use super::{Entry, Kind, Plan, Source};
use crate::error::{Error, Result};
use crate::path::{InstallPath, StoreFile};
use crate::store::Store;

/// Why what of the store is in the bundle.
#[derive(Debug)]
pub struct Why {
    store: Store,
    carried: Carried,
}

/// What of the store is in the bundle, besides what the results hold.
#[derive(Clone, Debug, Default)]
pub struct Carried {
    /// What has no reason is a result's own.
    pub reasons: BTreeMap<StoreFile, Reason>,
    /// Links and folders by their places in the bundle.
    pub places: BTreeMap<InstallPath, StoreFile>,
}

/// One step from a file to the result.
#[derive(Debug, serde::Serialize)]
pub struct Step {
    /// For people: `perl-5.40/bin/perl`.
    pub file: String,
    /// How it is reached from the next.
    pub how: &'static str,
}

impl Why {
    pub(crate) fn new(store: &Store, carried: Carried) -> Self {
        Why { store: store.clone(), carried }
    }

    fn file(&self, entry: &Entry) -> Option<StoreFile> {
        match &entry.kind {
            Kind::File { source: Source::Store(disk), .. } => self.store.undisk(disk),
            _ => self.carried.places.get(&entry.path).cloned(),
        }
    }
}

impl Plan {
    /// The steps by which a path of the bundle, or of the store, is reached; the last is the result's own.
    ///
    /// Errors: the bundle does not have it.
    pub fn why(&self, path: &str) -> Result<Vec<Step>> {
        let why = &self.why;
        let asked = InstallPath::new(path).and_then(|path| why.file(self.entry(&path)?));
        let in_store = || {
            let file = StoreFile::new(path)?;
            let is_shipped = |entry: &&Entry| why.file(entry).as_ref() == Some(&file);
            self.entries.iter().find(is_shipped).map(|_| file.clone())
        };
        let mut file = asked.or_else(in_store).ok_or_else(|| {
            Error::usage(format!("nothing of the store is installed as {path}"))
                .remedy("name a path as `explant plan` tells it, or a file of the store")
        })?;
        let mut steps = Vec::new();
        loop {
            let reason = why.carried.reasons.get(&file);
            let how = reason.map_or("which the result holds", |reason| words(reason.how));
            steps.push(Step { file: why.store.origin(&file), how });
            match reason.and_then(|reason| reason.by.clone()) {
                Some(by) if steps.len() <= why.carried.reasons.len() => file = by,
                _ => return Ok(steps),
            }
        }
    }
}

fn words(how: How) -> &'static str {
    match how {
        How::Named => "is named by",
        How::Link => "is led to by the link",
        How::Folder => "is in the folder",
        How::BesideProgram => "is beside the program",
        How::Needed => "is needed by",
        How::RunPath => "is in the run path of",
        How::Added => "is asked for by `runtime.add`",
    }
}
