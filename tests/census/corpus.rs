//! The files: whatever of the unpacked packages begins as ELF does and is no object file.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use explant::elf::{Class, Elf};
use memmap2::Mmap;

use crate::worlds::OURS;

pub struct Entry {
    pub path: PathBuf,
    /// Debian's name of its architecture: the folder's.
    pub arch: String,
    /// The folder that is its file system's root.
    pub root: PathBuf,
}

impl Entry {
    pub fn map(&self) -> io::Result<Mmap> {
        // SAFETY: nobody writes to the corpus while it is counted.
        unsafe { Mmap::map(&File::open(&self.path)?) }
    }

    /// Its path as a program in its root sees it.
    pub fn inner(&self) -> PathBuf {
        Path::new("/").join(self.path.strip_prefix(&self.root).unwrap_or(&self.path))
    }
}

pub fn kind(elf: &Elf) -> &'static str {
    match elf.class {
        Class::Program => "program",
        Class::StaticProgram => "static",
        Class::Library => "library",
        Class::Other => "other",
    }
}

/// The largest first, so that none is left to a single thread at the end.
pub fn files(folder: &Path) -> io::Result<Vec<Entry>> {
    let mut found = Vec::new();
    for root in std::fs::read_dir(folder.join("root"))? {
        let root = root?.path();
        if !root.is_dir() {
            continue;
        }
        let arch = root.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let walk = walkdir::WalkDir::new(&root).sort_by_file_name().into_iter();
        for entry in walk.filter_entry(|entry| entry.depth() != 1 || entry.file_name() != OURS) {
            let entry = entry?;
            if entry.file_type().is_file() && is_loadable(entry.path()) {
                let size = entry.metadata()?.len();
                found.push((size, Entry { path: entry.into_path(), arch: arch.clone(), root: root.clone() }));
            }
        }
    }
    found.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
    Ok(found.into_iter().map(|(_, entry)| entry).collect())
}

/// ET_EXEC or ET_DYN.
fn is_loadable(path: &Path) -> bool {
    let mut start = [0; 18];
    let Ok(()) = File::open(path).and_then(|mut file| file.read_exact(&mut start)) else { return false };
    let e_type = if start[5] == 2 { start[17] } else { start[16] };
    start.starts_with(b"\x7fELF") && matches!(e_type, 2 | 3)
}
