//! Whose the bundled files are: the store path that each comes from, and the project that was packaged in it.

use std::collections::BTreeMap;

use super::Entry;
use super::context::Context;
use super::entries::Entries;
use crate::config::names;
use crate::path::InstallPath;
use crate::store::StorePath;

/// What Nix calls a package: all outputs of a derivation have its name and version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Project {
    pub name: String,
    pub version: Option<String>,
}

impl Project {
    pub fn of(path: &StorePath) -> Self {
        let (name, version) = names::parse_store_name(path.name());
        Project { name, version }
    }
}

/// A bundled file's place in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub path: StorePath,
    /// Below it.
    pub below: Vec<u8>,
}

/// The file that an entry is made from, if the store has it.
pub fn origin(context: &Context, entry: &Entry) -> Option<Origin> {
    let file = context.store.undisk(entry.disk()?)?;
    let (path, below) = context.store.split(&file)?;
    Some(Origin { path, below: below.to_vec() })
}

/// Every bundled file that comes from the store.
pub fn origins(context: &Context, entries: &Entries) -> BTreeMap<InstallPath, Origin> {
    entries.iter().filter_map(|entry| Some((entry.path.clone(), origin(context, entry)?))).collect()
}
