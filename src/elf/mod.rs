//! Reads and edits one ELF image. Knows nothing of bundles.
//!
//! The program headers and PT_DYNAMIC are the truth (they are what the kernel and ld.so read); section headers are a
//! view for tools and may be missing.

pub mod describe;
mod edit;
#[cfg(test)]
pub(crate) mod fixture;
mod image;
pub mod ldso;
mod note;
mod opens;
pub mod operation;
pub mod planted;
pub mod read;
mod runtime;
mod sections;
mod symbols;
mod symver;
pub mod verify;

use std::sync::Arc;

pub use opens::Opens;
pub use operation::{Operation, Refusal, RunPath};
pub use planted::{Planted, Stub};
pub use read::Malformed;

/// So many bytes from the start of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FileOffset(pub u64);

/// New bytes for a place in a file. Behind its end they make it longer; what lies between is NULs.
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

    /// Puts it into the file's bytes, as far as they reach.
    pub fn write_to(&self, file: &mut [u8]) {
        self.write_within(0, file);
    }

    /// Puts as much of it as lies there into a part of the file's bytes, which begins at `start`.
    pub fn write_within(&self, start: u64, part: &mut [u8]) {
        let (from, to) = (self.at.0.max(start), self.end().0.min(start + part.len() as u64));
        if from < to {
            let bytes = &self.bytes[(from - self.at.0) as usize..(to - self.at.0) as usize];
            part[(from - start) as usize..(to - start) as usize].copy_from_slice(bytes);
        }
    }
}

/// The length of a file of `len` bytes once it is patched.
pub fn patched_len(len: u64, patches: &[Patch]) -> u64 {
    patches.iter().map(|patch| patch.end().0).fold(len, u64::max)
}

/// The descriptor of the note that tells nixpkgs' ld.so where a program's libraries are, if it has one.
pub fn resolution_cache(bytes: &[u8], elf: &Elf) -> Option<Vec<u8>> {
    edit::resolution_cache(bytes, elf)
}

/// What the file will be, in memory.
pub fn patched(bytes: &[u8], patches: &[Patch]) -> Vec<u8> {
    let mut whole = bytes.to_vec();
    whole.resize(patched_len(bytes.len() as u64, patches) as usize, 0);
    patches.iter().for_each(|patch| patch.write_to(&mut whole));
    whole
}

/// Patches of a file, and those of what it has become through them, as patches of the file: sorted, apart from each other.
pub fn patches_after(mut first: Vec<Patch>, then: Vec<Patch>) -> Vec<Patch> {
    first.sort_by_key(|patch| patch.at);
    let mut covers: Vec<(u64, u64)> = then.iter().map(|patch| (patch.at.0, patch.end().0)).collect();
    covers.sort();
    let mut all = then;
    for patch in first {
        let part = |from: u64, to: u64| {
            let start = patch.at.0;
            Patch::new(FileOffset(from), &patch.bytes[(from - start) as usize..(to - start) as usize])
        };
        let (mut from, end) = (patch.at.0, patch.end().0);
        for (start, stop) in covers.iter().filter(|(start, stop)| *stop > patch.at.0 && *start < end) {
            if *start > from {
                all.push(part(from, *start));
            }
            from = from.max(*stop);
        }
        if from < end {
            all.push(part(from, end));
        }
    }
    all.sort_by_key(|patch| patch.at);
    all
}

/// What must agree for two images to run in one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Abi {
    pub machine: u16,
    pub is_64: bool,
    pub is_little_endian: bool,
}

/// What an ELF file is to the loader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Started by name, through its interpreter, or a stub that finds one.
    Program,
    /// Started by name, needs no loader (static, static-pie).
    StaticProgram,
    /// Loaded by ld.so: a library, a plugin, or the loader itself. May have an interpreter (libc.so.6, libcap.so.2).
    Library,
    /// Neither: an object file, a separate debug file, a core.
    Other,
}

/// Libraries that one file of verneed names, and the versions of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionNeed {
    pub file: Vec<u8>,
    pub versions: Vec<Vec<u8>>,
}

/// How much a program wants a library that it opens itself (UAPI group's ELF dlopen note).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    Suggested,
    Recommended,
    Required,
}

/// One entry of a `.note.dlopen`: any one of `sonames` will do, the first is liked best.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DlopenNote {
    pub sonames: Vec<Vec<u8>>,
    pub priority: Priority,
    pub feature: String,
    pub description: String,
}

/// One ELF file, parsed once; owns what it says, so that the file need not stay mapped. To operate on it, its
/// bytes are needed again (but not parsed again).
#[derive(Clone, Debug)]
pub struct Elf {
    pub abi: Abi,
    /// ET_EXEC or ET_DYN; ET_NONE for what is no program or library.
    pub e_type: u16,
    pub class: Class,
    /// PT_INTERP's string.
    pub interpreter: Option<Vec<u8>>,
    /// DT_NEEDED, in order.
    pub needed: Vec<Vec<u8>>,
    pub soname: Option<Vec<u8>>,
    pub rpath: Option<Vec<u8>>,
    pub runpath: Option<Vec<u8>>,
    pub versions_needed: Vec<VersionNeed>,
    pub dlopen: Vec<DlopenNote>,
    /// Whether it imports a function for which glibc unwinds a stack: what only libgcc_s can, which glibc opens itself. Known of what
    /// was parsed [for a process](Elf::parse_for_process).
    pub unwinds: bool,
    /// What it begins with instead of an interpreter.
    pub stub: Option<Planted>,
    /// Where in the file the strings and tags lie that an operation edits.
    pub(crate) layout: read::Layout,
}
