//! Walks the plan in order and hands out each file with its final bytes: the source mapped, the edits applied.

mod digest;

use std::fs::File;
use std::io::{self, Read};
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use memmap2::{MmapMut, MmapOptions};
use rustix::mm::{MapFlags, ProtFlags, mmap};

use crate::elf::{Patch, patched_len};
use crate::error::{Error, IoContext, Result};
use crate::plan::{Entry, Kind, Source};

pub use digest::complete_bill;

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
    let Kind::File { source, size, grown, patches, .. } = &entry.kind else { return Ok(None) };
    let planned = size - grown;
    let check = |now: u64| {
        let message = || format!("{} was {planned} bytes when it was planned and is {now} now", entry.origin);
        if now == planned { Ok(()) } else { Err(Error::failure(message())) }
    };
    Ok(Some(match source {
        Source::Made(bytes) => Body::Shared(bytes.clone()),
        Source::User(path) => {
            let bytes = read(path)?;
            check(bytes.len() as u64)?;
            Body::Owned(bytes)
        }
        Source::Store(path) => {
            let file = File::open(path).while_doing("read", path)?;
            check(file.metadata().while_doing("read", path)?.len())?;
            Body::Mapped(patched(&file, planned, patches).while_doing("map", path)?)
        }
    }))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)).while_doing("read", path)?;
    Ok(bytes)
}

/// A file of the store, of `len` bytes, as it is with its patches. Only the pages that they touch are copied.
///
/// The new length is reserved, and the file mapped over its beginning. What lies between the two is the kernel's one page of
/// NULs, again and again.
pub fn patched(file: &File, len: u64, patches: &[Patch]) -> io::Result<MmapMut> {
    let mut map = MmapOptions::new().len(patched_len(len, patches) as usize).no_reserve_swap().map_anon()?;
    if len > 0 {
        let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
        // SAFETY: the place is a part of `map`, which is at least as long and nobody else's, and which unmaps it. Store paths are
        // immutable; the mapping is private, so that edits never reach the file.
        let mapped = unsafe {
            mmap(map.as_mut_ptr().cast(), len as usize, ProtFlags::READ | ProtFlags::WRITE, flags, file, 0)
        };
        if let Err(cause) = mapped {
            // The place may be free by now, or another thread's, so it is not for us to unmap.
            std::mem::forget(map);
            return Err(cause.into());
        }
    }
    patches.iter().for_each(|patch| patch.write_to(&mut map));
    Ok(map)
}

#[cfg(test)]
mod tests;
