//! Artifacts: all formats asked for are written in one pass over the payload, side by side, with bounded memory.

use std::path::{Path, PathBuf};

use crate::config::Compression;
use crate::error::Result;
use crate::plan::Plan;

/// The kinds of artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Deb,
    Rpm,
    Tar,
}

/// What to write, and where.
pub struct Order<'a> {
    pub plan: &'a Plan,
    pub formats: Vec<(Format, Compression)>,
    /// Exists already.
    pub folder: &'a Path,
    /// How many threads may work; the bytes do not depend on it.
    pub threads: usize,
    /// Called with the number of payload bytes taken since the last call.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

/// An artifact that is complete but has not got its name yet. Dropped without `publish`, it is gone.
pub struct Draft {
    pub format: Format,
    /// The name it will have, without folder.
    pub name: String,
    temporary: tempfile::NamedTempFile,
}

impl Draft {
    /// Where its bytes are now.
    pub fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// Gives it its name, replacing what had it.
    pub fn publish(self) -> Result<PathBuf> {
        unimplemented!()
    }
}

/// Writes every artifact of the order.
pub fn write(_order: &Order) -> Result<Vec<Draft>> {
    unimplemented!()
}

/// Removes what runs that were killed left in the folder.
pub fn clear_leftovers(_folder: &Path) -> Result<()> {
    unimplemented!()
}
