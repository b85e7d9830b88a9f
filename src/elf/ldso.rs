//! What ld.so would load, by its own rules (ld.so(8), glibc's elf/dl-load.c), without running anything.

use std::sync::Arc;

use super::{Abi, Elf};

/// A tree of files to look in: the store, an artifact.
pub trait Files {
    /// The ELF file at an absolute path, links followed. `None`: nothing is there, or it is no ELF file that can be read.
    fn open(&self, path: &[u8]) -> Option<Object>;

    /// The names of the folders in a folder (for `glibc-hwcaps`), sorted; empty where there is none.
    fn folders(&self, path: &[u8]) -> Vec<Vec<u8>>;
}

/// An ELF file and where it is.
#[derive(Clone, Debug)]
pub struct Object {
    /// Absolute, links followed.
    pub path: Vec<u8>,
    /// Absolute, as it was found: its folder is what `$ORIGIN` stands for in glibc (dl-origin takes the path that was opened).
    pub found_as: Vec<u8>,
    pub elf: Arc<Elf>,
}

/// What one needed entry comes to.
#[derive(Clone, Debug)]
pub struct Lookup {
    pub found: Option<Object>,
    /// Further builds of the library for newer processors, in `glibc-hwcaps` folders that come before `found`.
    pub hwcaps: Vec<Object>,
    /// The folders looked in, in order.
    pub tried: Vec<Vec<u8>>,
}

/// How libraries are searched for.
pub struct Search<'a> {
    pub files: &'a dyn Files,
    /// The loader's own folders, last.
    pub default_folders: &'a [Vec<u8>],
}

/// A process as ld.so would build it.
#[derive(Clone, Debug)]
pub struct Process {
    /// In load order; the program is the first.
    pub objects: Vec<Loaded>,
}

#[derive(Clone, Debug)]
pub struct Loaded {
    pub object: Object,
    /// The name it was first asked for by; empty for the program.
    pub name: Vec<u8>,
    /// Index of the object that asked first; `None` for the program.
    pub by: Option<usize>,
    /// One for each needed entry, in order.
    pub needs: Vec<Need>,
}

#[derive(Clone, Debug)]
pub struct Need {
    pub name: Vec<u8>,
    /// Index of the object that serves it.
    pub served_by: Option<usize>,
    /// What its own search says, whether or not the name was loaded already.
    pub lookup: Lookup,
}

impl Search<'_> {
    /// Looks for `name`, needed by `chain[0]`, which was loaded by `chain[1]`, and so on to the program.
    pub fn find(&self, _name: &[u8], _chain: &[&Object], _abi: Abi) -> Lookup {
        unimplemented!()
    }

    /// Loads `program` and all that it needs, breadth first; a name that is loaded already (as it was asked for, or by
    /// its soname) is not searched for again by ld.so.
    pub fn load(&self, _program: Object) -> Process {
        unimplemented!()
    }
}
