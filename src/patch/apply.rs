//! Carries patches out on a file: into the same inode, so that its hard links, mode, owner and attributes stay.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

use crate::content::Content;
use crate::elf::{FileOffset, Patch, patched_len};

use super::failure::{Doing, Failure};

/// The ELF header's size, of the larger class.
const HEADER: u64 = 64;

/// A file that is to be edited, as it was when it was opened.
pub(super) struct Source {
    pub path: PathBuf,
    pub file: File,
    /// Whether `file` may be written.
    is_writable: bool,
    pub content: Content,
    pub metadata: Metadata,
}

impl Source {
    /// Opens a file, to write it too where it `will_change`: to open it once more for that is a tenth of what a small file costs.
    /// Where that cannot be, the file may still have what it is to have, so that it is only an error once there is something to write.
    pub fn open(path: &Path, will_change: bool) -> Result<Source, Failure> {
        let writable = if will_change { options().write(true).open(path).ok() } else { None };
        let is_writable = writable.is_some();
        let file = writable.map_or_else(|| open(path), Ok)?;
        let metadata = file.metadata().map_err(Failure::io(Doing::Inspect, path))?;
        if metadata.is_dir() {
            return Err(Failure::io(Doing::Read, path)(Errno::ISDIR.into()));
        }
        if !metadata.is_file() {
            return Err(Failure::NotElf);
        }
        // SAFETY: who cuts the file short while it is edited gets a SIGBUS, here as with any tool that maps files. Bytes that
        // change are read as they come; no reference to them is kept across our own writes.
        let content = unsafe { Content::of(&file, metadata.len(), SMALL) };
        let content = content.map_err(Failure::io(Doing::Read, path))?;
        Ok(Source { path: path.to_owned(), file, is_writable, content, metadata })
    }

    pub fn len(&self) -> u64 {
        self.content.len() as u64
    }
}

/// Files up to this many bytes are read.
const SMALL: u64 = 64 << 10;

/// To read, without waiting for one who writes into a pipe.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    options
}

fn open(path: &Path) -> Result<File, Failure> {
    options().open(path).map_err(|cause| {
        // patchelf looks at the file first, and its words say at which of the two it failed.
        let doing = if fs::metadata(path).is_ok() { Doing::Open } else { Doing::Inspect };
        Failure::io(doing, path)(cause)
    })
}

/// The patches that change anything, in the order to write them in: what makes the file longer first, since nothing
/// refers to it yet and the disk may be full; the ELF header last, since it makes the new program headers count.
pub(super) fn changing(bytes: &[u8], mut patches: Vec<Patch>) -> Vec<Patch> {
    let len = bytes.len() as u64;
    patches.retain(|patch| patch.end().0 > len || bytes[inside(patch, len)] != *patch.bytes);
    patches.sort_by_key(|patch| (patch.end().0 <= len, patch.at < FileOffset(HEADER)));
    patches
}

/// The part of a patch that lies within a file of `len` bytes.
fn inside(patch: &Patch, len: u64) -> std::ops::Range<usize> {
    patch.at.0.min(len) as usize..patch.end().0.min(len) as usize
}

/// Writes into the file itself. When that fails, the file is put back to what it was.
pub(super) fn in_place(source: &Source, patches: &[Patch]) -> Result<(), Failure> {
    if patches.is_empty() {
        return Ok(());
    }
    let path = &source.path;
    let opened;
    let file = if source.is_writable {
        &source.file
    } else {
        opened = OpenOptions::new().write(true).open(path).map_err(Failure::io(Doing::Open, path))?;
        &opened
    };
    check_size_limit(patched_len(0, patches)).map_err(Failure::io(Doing::Write, path))?;
    // Copies, since the map shows what is written.
    let before: Vec<_> = patches
        .iter()
        .map(|patch| Patch::new(patch.at, &source.content[inside(patch, source.len())]))
        .collect();
    write(file, patches).map_err(|cause| {
        let put_back = before
            .iter()
            .try_for_each(|patch| file.write_all_at(&patch.bytes, patch.at.0))
            .and_then(|()| file.set_len(source.len()));
        match put_back {
            Ok(()) => Failure::io(Doing::Write, path)(cause),
            Err(further) => Failure::Torn { path: path.clone(), cause, further },
        }
    })
}

/// Writes patches in the order given. Between them and the old end a hole stays.
pub(super) fn write(file: &File, patches: &[Patch]) -> io::Result<()> {
    patches.iter().try_for_each(|patch| file.write_all_at(&patch.bytes, patch.at.0))
}

/// The kernel's answer to a write beyond RLIMIT_FSIZE is a signal that kills, in the midst of it.
pub(super) fn check_size_limit(end: u64) -> io::Result<()> {
    match getrlimit(Resource::Fsize).current {
        Some(limit) if end > limit => Err(Errno::FBIG.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

    use super::*;

    fn patch(at: u64, bytes: &[u8]) -> Patch {
        Patch::new(FileOffset(at), bytes)
    }

    #[test]
    fn growth_comes_first_and_the_header_last() {
        let bytes = [0; 200];
        let patches =
            vec![patch(0, b"e"), patch(100, b"i"), patch(150, &[0; 4]), patch(199, b"ss"), patch(300, b"g")];
        let order: Vec<_> = changing(&bytes, patches).iter().map(|patch| patch.at.0).collect();
        assert_eq!(order, [199, 300, 100, 0]);
    }

    /// A sealed file takes writes within its length and none beyond: what a full disk does in the worst place.
    #[test]
    fn a_failed_write_leaves_the_file_as_it_was() {
        let file = File::from(memfd_create("full", MemfdFlags::ALLOW_SEALING).unwrap());
        let old: Vec<u8> = (0..20_000u32).map(|n| n as u8).collect();
        file.write_all_at(&old, 0).unwrap();
        fcntl_add_seals(&file, SealFlags::GROW).unwrap();
        let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        let source = Source::open(&path, true).unwrap();
        let patches = changing(&source.content, vec![patch(10, b"x"), patch(100, &[b'y'; 30_000])]);
        // The first pages of the long patch arrive.
        assert!(write(&file, &patches).is_err());
        assert_ne!(fs::read(&path).unwrap(), old);
        file.write_all_at(&old, 0).unwrap();
        let failure = in_place(&source, &patches).unwrap_err();
        assert!(matches!(failure, Failure::Io { doing: Doing::Write, .. }), "{failure:?}");
        assert!(fs::read(&path).unwrap() == old);
    }
}
