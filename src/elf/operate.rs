//! Edits an image in place.

use super::{Elf, Patch};

/// A run path and the tag that is to carry it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunPath {
    /// Folders, joined by colons.
    pub folders: Vec<u8>,
    /// DT_RUNPATH rather than DT_RPATH.
    pub runpath: bool,
}

/// All that is to be done to one file; what is `None` or empty stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operation {
    pub interpreter: Option<Vec<u8>>,
    pub run_path: Option<RunPath>,
    /// Needed entries to rename, verneed kept in step: old, new.
    pub needed: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Why an operation is not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The file has no such field (a run path, an interpreter) and no room for one; or the new string is longer than
    /// what is there.
    NeedsGrowth { field: &'static str, room: usize, wanted: usize },
    /// The old string's bytes serve something else too, such as a symbol's name.
    Shared { field: &'static str },
    /// The operation makes no sense for this file.
    Impossible { field: &'static str, reason: String },
}

impl Elf {
    /// The patches that carry out `operation` on the file, whose bytes are given: sorted, apart from each other.
    pub fn operate(&self, _bytes: &[u8], _operation: &Operation) -> Result<Vec<Patch>, Refusal> {
        unimplemented!()
    }
}
