//! A file's bytes in memory: mapped, or read where that costs less.

use std::fs::File;
use std::io;
use std::ops::Deref;

use memmap2::Mmap;
use rustix::buffer::spare_capacity;
use rustix::io::read;

pub enum Content {
    /// Only those pages are ever read that are looked at.
    Mapped(Mmap),
    /// A file so small that to map it, page by page, costs more than to read it: threads wait for each other to map and to unmap.
    Read(Vec<u8>),
}

impl Content {
    /// Of a file of `len` bytes that was just opened; up to `small` of them are read.
    ///
    /// # Safety
    ///
    /// That of [`Mmap::map`]: the file is not cut short, nor do its bytes change under a reference, while it is mapped.
    pub unsafe fn of(file: &File, len: u64, small: u64) -> io::Result<Content> {
        if len <= small {
            // Not `read_exact_at`, which wants bytes that are zeroed first; nor `read_to_end`, which takes 8 KiB at once.
            let mut bytes = Vec::with_capacity(len as usize);
            while (bytes.len() as u64) < len {
                // At most to the capacity, which is `len` or a little more.
                if rustix::io::retry_on_intr(|| read(file, spare_capacity(&mut bytes)))? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            bytes.truncate(len as usize);
            return Ok(Content::Read(bytes));
        }
        // SAFETY: the caller's.
        unsafe { Mmap::map(file) }.map(Content::Mapped)
    }
}

impl Deref for Content {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Content::Mapped(map) => map,
            Content::Read(bytes) => bytes,
        }
    }
}
