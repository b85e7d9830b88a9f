//! Files of this machine, or below another root, as the loader of a system that has its root there sees them.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memmap2::Mmap;
use rustix::fs::OFlags;

use crate::elf::Elf;
use crate::elf::ldso::{Files, Object, Opened};
use crate::path::MAX_LINKS;
use crate::stub;

/// A file system's root. Paths are absolute below it, and so are links, which are never left to the kernel.
pub struct Disk {
    root: PathBuf,
    opened: Opened,
}

/// As many needed entries, times bytes of the folders that each is looked for in, as are taken on: more is no library, but an
/// attempt to keep explant busy. Large programs of today come to some hundred thousand.
const MOST_WORK: usize = 1 << 24;
/// What the loader's own folders come to.
const OWN_FOLDERS: usize = 1 << 10;

/// Whether the libraries that a file names can be looked for in all the folders that it names.
pub(super) fn can_be_searched(elf: &Elf) -> bool {
    let folders = elf.run_path().map_or(0, <[u8]>::len) + OWN_FOLDERS;
    elf.needed.len().saturating_mul(folders) <= MOST_WORK
}

impl Disk {
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Disk { root: root.into(), opened: Opened::default() }
    }

    /// Where an absolute path leads when every link is followed, below the root.
    pub fn follow(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        let mut real: Vec<u8> = Vec::new();
        // What is still to be walked, the next component last.
        let mut rest: Vec<Vec<u8>> = Vec::new();
        let push = |rest: &mut Vec<Vec<u8>>, path: &[u8]| {
            rest.extend(path.split(|byte| *byte == b'/').rev().map(<[u8]>::to_vec));
        };
        push(&mut rest, path);
        let mut links = 0;
        while let Some(component) = rest.pop() {
            match component.as_slice() {
                b"" | b"." => continue,
                b".." => {
                    real.truncate(real.iter().rposition(|byte| *byte == b'/').unwrap_or(0));
                    continue;
                }
                name => {
                    let parent = real.len();
                    real.push(b'/');
                    real.extend_from_slice(name);
                    let here = self.host(&real);
                    if fs::symlink_metadata(&here)?.is_symlink() {
                        links += 1;
                        if links > MAX_LINKS {
                            return Err(io::Error::other("too many links"));
                        }
                        let target = fs::read_link(&here)?.into_os_string().into_vec();
                        real.truncate(if target.starts_with(b"/") { 0 } else { parent });
                        push(&mut rest, &target);
                    }
                }
            }
        }
        Ok(if real.is_empty() { b"/".to_vec() } else { real })
    }

    /// The bytes of a file.
    pub fn bytes(&self, path: &[u8]) -> io::Result<Mmap> {
        // A pipe would be waited for, were it opened as a file is.
        let file = File::options()
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(self.host(&self.follow(path)?))?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        // SAFETY: it is only read, and no two reads are taken to agree. If somebody shortens the file meanwhile, the kernel
        // ends explant, as it ends every program that maps files.
        unsafe { Mmap::map(&file) }
    }

    /// The names in a folder, sorted; none where there is no such folder.
    pub fn list(&self, path: &[u8]) -> Vec<Vec<u8>> {
        let entries = self.follow(path).and_then(|real| fs::read_dir(self.host(&real)));
        let mut names: Vec<_> =
            entries.into_iter().flatten().flatten().map(|entry| entry.file_name().into_vec()).collect();
        names.sort();
        names
    }

    /// Where this machine has a path without links.
    fn host(&self, real: &[u8]) -> PathBuf {
        let below = real.strip_prefix(b"/").unwrap_or(real);
        self.root.join(Path::new(OsStr::from_bytes(below)))
    }

    fn open_anew(&self, path: &[u8]) -> Option<Object> {
        let real = self.follow(path).ok()?;
        let mut elf = Elf::parse(&self.bytes(&real).ok()?).ok()??;
        stub::see_through(&mut elf, &real);
        let object = Object { path: real, found_as: path.to_vec(), elf: Arc::new(elf) };
        Some(object).filter(|object| can_be_searched(&object.elf))
    }
}

impl Files for Disk {
    fn open(&self, path: &[u8]) -> Option<Object> {
        self.opened.get_or(path, || self.open_anew(path))
    }

    fn folders(&self, path: &[u8]) -> Vec<Vec<u8>> {
        let is_folder = |name: &Vec<u8>| {
            let real = self.follow(&[path, b"/", name].concat());
            real.is_ok_and(|real| self.host(&real).is_dir())
        };
        self.list(path).into_iter().filter(is_folder).collect()
    }
}
