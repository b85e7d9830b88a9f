//! Reads and edits one ELF image. Knows nothing of bundles.

use std::sync::Arc;

/// So many bytes from the start of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FileOffset(pub u64);

/// New bytes for a place in a file. Never changes the file's length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    pub at: FileOffset,
    /// Shared, since one rewritten reference may stand in a thousand places.
    pub bytes: Arc<[u8]>,
}

impl Patch {
    pub fn new(at: FileOffset, bytes: impl Into<Arc<[u8]>>) -> Self {
        Patch { at, bytes: bytes.into() }
    }

    /// The offset behind its last byte.
    pub fn end(&self) -> FileOffset {
        FileOffset(self.at.0 + self.bytes.len() as u64)
    }
}
