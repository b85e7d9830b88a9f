//! Parses an image.

use super::Elf;

/// Why bytes that begin as an ELF file are not one that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(pub String);

/// Where things lie in the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layout {}

impl Elf {
    /// `None` where the bytes do not begin with the ELF magic.
    pub fn parse(_bytes: &[u8]) -> Result<Option<Elf>, Malformed> {
        unimplemented!()
    }

    /// The run path that ld.so heeds: DT_RUNPATH, else DT_RPATH (ld.so(8): DT_RPATH is ignored where there is a
    /// DT_RUNPATH).
    pub fn run_path(&self) -> Option<&[u8]> {
        self.runpath.as_deref().or(self.rpath.as_deref())
    }
}
