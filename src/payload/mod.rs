//! Walks the plan in order and hands out each file with its final bytes: the source mapped, the edits applied.

use std::fs::File;
use std::io::Read;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use memmap2::{MmapMut, MmapOptions};

use crate::elf::Patch;
use crate::error::{Error, IoContext, Result};
use crate::plan::{Entry, Kind, Source};

/// A file's final bytes.
pub enum Body {
    /// Mapped privately; only the pages that an edit touches are copied.
    Mapped(MmapMut),
    Shared(Arc<[u8]>),
    Owned(Vec<u8>),
}

impl Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Body::Mapped(map) => map,
            Body::Shared(bytes) => bytes,
            Body::Owned(bytes) => bytes,
        }
    }
}

/// The final bytes of a file; `None` for what has none (folders, links, ghosts).
///
/// Errors: the source cannot be read, or is not what it was when the plan was made.
pub fn open(entry: &Entry) -> Result<Option<Body>> {
    let Kind::File { source, size, patches, .. } = &entry.kind else { return Ok(None) };
    let body = match source {
        Source::Made(bytes) => Body::Shared(bytes.clone()),
        Source::User(path) => Body::Owned(read(path)?),
        Source::Store(path) => map(path, patches)?,
    };
    if body.len() as u64 != *size {
        return Err(Error::failure(format!(
            "{} was {size} bytes when it was planned and is {} now",
            entry.origin,
            body.len()
        )));
    }
    Ok(Some(body))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)).while_doing("read", path)?;
    Ok(bytes)
}

fn map(path: &Path, patches: &[Patch]) -> Result<Body> {
    let file = File::open(path).while_doing("read", path)?;
    // SAFETY: store paths are immutable; the mapping is private, so that edits never reach the file.
    let mut map = unsafe { MmapOptions::new().map_copy(&file) }.while_doing("map", path)?;
    for patch in patches {
        let range = patch.at.0 as usize..patch.end().0 as usize;
        let place = map.get_mut(range).ok_or_else(|| {
            Error::failure(format!("{} is shorter than it was when it was planned", path.display()))
        })?;
        place.copy_from_slice(&patch.bytes);
    }
    Ok(Body::Mapped(map))
}
