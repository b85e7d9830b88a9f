//! What tools tell of an image and no operation needs: its kind, identity, symbol versions, symbols, protections.
//!
//! What the kernel and ld.so act on is read where they read it. Section headers are asked only for what nothing else
//! tells: debug information, and the build-id of a file that is not to be loaded.

mod notes;
mod sections;
mod segments;
mod symbols;
#[cfg(test)]
mod tests;
mod versions;

use goblin::elf::header::{ET_CORE, ET_DYN, ET_EXEC, ET_REL};

use super::image::Image;
use super::read::{Malformed, header, is_debug_file};
use super::{Class, Elf};

pub use notes::{Feature, Notes};
pub use sections::DebugInfo;
pub use segments::{Protection, Relro};
pub use symbols::{Binding, Symbol, SymbolKind, symbols};
pub use versions::{DefinedVersion, NeededVersion, Versions};

/// What a file is to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Program,
    StaticProgram,
    Library,
    /// For a linker.
    Object,
    KernelModule,
    Core,
    /// Split off from a program or library.
    DebugFile,
    Other,
}

/// What [`Elf`] does not say of a file.
#[derive(Clone, Debug)]
pub struct Description {
    pub kind: Kind,
    /// Can be loaded at any address.
    pub is_position_independent: bool,
    pub versions: Versions,
    pub notes: Notes,
    /// Of what can be loaded.
    pub protection: Option<Protection>,
    pub debug: DebugInfo,
}

impl Description {
    /// Of the file that `elf` was parsed from.
    ///
    /// Errors: a table of symbol versions cannot be followed.
    pub fn read(elf: &Elf, bytes: &[u8]) -> Result<Self, Malformed> {
        let (header, abi) = header(bytes)?;
        let image = Image::new(bytes, abi);
        let sections = sections::read(&image, &header);
        let kind = match (header.e_type, elf.class) {
            (ET_REL, _) if sections.is_kernel_module => Kind::KernelModule,
            (ET_REL, _) => Kind::Object,
            (ET_CORE, _) => Kind::Core,
            (_, Class::Program) => Kind::Program,
            (_, Class::StaticProgram) => Kind::StaticProgram,
            (_, Class::Library) => Kind::Library,
            (ET_EXEC | ET_DYN, Class::Other) if is_debug_file(&image, &header) => Kind::DebugFile,
            (_, Class::Other) => Kind::Other,
        };
        let is_loaded = elf.class != Class::Other;
        Ok(Description {
            kind,
            is_position_independent: header.e_type == ET_DYN,
            versions: Versions::read(elf, &image)?,
            notes: match is_loaded {
                true => segments::notes(&image, &header).or_build_id(sections.notes),
                false => sections.notes,
            },
            protection: is_loaded.then(|| segments::protection(&image, &header, &elf.layout)),
            debug: sections.debug,
        })
    }
}
