//! Hands out each file of the plan with its final bytes: the source read a window at a time, the edits applied.

mod digest;

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use memmap2::{MmapMut, MmapOptions};
use rustix::mm::{MapFlags, ProtFlags, mmap};

use crate::elf::{Patch, patched_len};
use crate::error::{Error, IoContext, Result};
use crate::plan::{Entry, Kind, Source};

pub use digest::complete_bill;

/// How much of a file is in memory at a time.
pub const WINDOW: u64 = 1 << 20;

/// A file's final bytes, one window after the other. Read, not mapped: a mapping counts as memory for as long as it lives, and
/// a file that shrinks or a disk that fails under it kills the process.
pub struct Body<'a> {
    source: Bytes<'a>,
    entry: &'a Entry,
    patches: &'a [Patch],
    /// What the source has, and what the file will have.
    planned: u64,
    size: u64,
    at: u64,
}

enum Bytes<'a> {
    Made(&'a [u8]),
    File(File),
}

/// The final bytes of a file; `None` for what has none (folders, links, ghosts).
///
/// Errors: the source cannot be read, or is not what it was when the plan was made.
pub fn open(entry: &Entry) -> Result<Option<Body<'_>>> {
    let Kind::File { source, size, grown, patches, .. } = &entry.kind else { return Ok(None) };
    let planned = size - grown;
    let (source, now) = match source {
        Source::Made(bytes) => (Bytes::Made(bytes), bytes.len() as u64),
        Source::User(path) | Source::Store(path) => {
            let file = File::open(path).while_doing("read", path)?;
            let now = file.metadata().while_doing("read", path)?.len();
            (Bytes::File(file), now)
        }
    };
    if now != planned {
        return Err(changed(entry, planned, now));
    }
    Ok(Some(Body { source, entry, patches, planned, size: *size, at: 0 }))
}

fn changed(entry: &Entry, planned: u64, now: u64) -> Error {
    Error::failure(format!("{} was {planned} bytes when it was planned and is {now} now", entry.origin))
}

/// The whole of a file's final bytes; `None` for what has none.
///
/// Errors: as those of [`open`].
pub fn whole(entry: &Entry) -> Result<Option<Vec<u8>>> {
    open(entry)?.map(Body::whole).transpose()
}

impl Body<'_> {
    /// Without the edits: the source's own bytes.
    pub fn unedited(mut self) -> Self {
        (self.patches, self.size) = (&[], self.planned);
        self
    }

    /// Whether it is not what the source has.
    fn is_edited(&self) -> bool {
        !self.patches.is_empty()
    }

    /// The whole of it.
    pub fn whole(self) -> Result<Vec<u8>> {
        let mut whole = Vec::with_capacity(self.size as usize);
        for window in self {
            whole.extend_from_slice(&window?);
        }
        Ok(whole)
    }

    /// The next window, and on its way there `see` the bytes of it that the source has, before they are edited.
    fn next_after(&mut self, see: impl FnOnce(&[u8])) -> Option<Result<Arc<Vec<u8>>>> {
        let length = (self.size - self.at).min(WINDOW);
        if length == 0 {
            return None;
        }
        let window = self.window(length, see).map(Arc::new);
        // Nothing comes after an error.
        self.at = if window.is_ok() { self.at + length } else { self.size };
        Some(window)
    }

    /// The next bytes, as many as the window has; zeros behind the source's end.
    fn window(&mut self, length: u64, see: impl FnOnce(&[u8])) -> Result<Vec<u8>> {
        let left = self.planned.saturating_sub(self.at).min(length) as usize;
        let mut window = Vec::with_capacity(length as usize);
        match &mut self.source {
            Bytes::Made(bytes) if left > 0 => window.extend_from_slice(&bytes[self.at as usize..][..left]),
            Bytes::Made(_) => {}
            Bytes::File(file) => {
                let read = file.take(left as u64).read_to_end(&mut window);
                let got = read.while_doing("read", &self.entry.origin)?;
                if got < left {
                    return Err(changed(self.entry, self.planned, self.at + got as u64));
                }
            }
        }
        see(&window);
        window.resize(length as usize, 0);
        self.patches.iter().for_each(|patch| patch.write_within(self.at, &mut window));
        Ok(window)
    }
}

impl Iterator for Body<'_> {
    type Item = Result<Arc<Vec<u8>>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_after(|_| {})
    }
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
