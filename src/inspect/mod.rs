//! Tells people and programs what a file says: what `readelf -d`, `ldd`, `lddtree` and `objdump -T` are used for. Nothing
//! of a file is ever run.

mod disk;
mod hardening;
mod loader;
pub mod report;
mod symbols;
#[cfg(test)]
mod tests;
mod text;
mod tree;
mod versions;
mod wrapper;

use crate::elf::{Elf, Malformed};
use crate::error::{Error, Result};
use crate::path::printable;

pub use disk::Disk;
pub use report::first_line;
use report::{Content, Image, Report, Script};
use symbols::Symbols;
pub use text::text;
use tree::Tree;
pub use wrapper::{Action, Maker, Text, Wrapper};

/// What a program's or a script's bytes do, if they are a wrapper's.
pub fn wrapper(bytes: &[u8]) -> Option<Wrapper> {
    match Script::read(bytes) {
        Some(script) => script.wrapper,
        None => wrapper::of_program(bytes),
    }
}

/// What is asked for, apart from the fields.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    pub symbols: bool,
    pub tree: bool,
}

/// Reads the file at an absolute path below the disk's root; `name` is what people call it.
///
/// Errors: it cannot be read, or is neither a whole ELF file nor a script.
pub fn inspect(disk: &Disk, path: &[u8], name: &str, wanted: Wanted) -> Result<Report> {
    let bytes = disk.bytes(path).map_err(|cause| Error::failure(format!("cannot read {name}: {cause}")))?;
    let content = match Elf::parse(&bytes) {
        Ok(Some(elf)) => image(disk, path, &elf, &bytes, wanted).map(|image| Content::Elf(Box::new(image))),
        Ok(None) => match Script::read(&bytes) {
            Some(script) => Ok(Content::Script(script)),
            None => return Err(Error::failure(format!("{name} is not an ELF file, nor a script"))),
        },
        Err(malformed) => Err(malformed),
    };
    let content = content.map_err(|Malformed(reason)| {
        Error::failure(format!("{name} is not an ELF file that can be read: {reason}"))
    })?;
    Ok(Report { file: name.to_owned(), content })
}

fn image(
    disk: &Disk,
    path: &[u8],
    elf: &Elf,
    bytes: &[u8],
    wanted: Wanted,
) -> std::result::Result<Image, Malformed> {
    let mut image = Image::read(elf, bytes)?;
    if wanted.symbols {
        image.symbols = Some(Symbols::read(elf, bytes)?);
    }
    if wanted.tree {
        image.tree = Some(Tree::read(disk, path, elf)?);
    }
    Ok(image)
}

impl Report {
    /// Of a file that could not be inspected.
    pub fn error(file: &[u8], error: &Error) -> Self {
        Report { file: printable(file), content: Content::Error { error: error.to_string() } }
    }

    /// False: it could not be inspected.
    pub fn is_told(&self) -> bool {
        !matches!(self.content, Content::Error { .. })
    }

    /// False: something that the file needs is not there.
    pub fn is_complete(&self) -> bool {
        match &self.content {
            Content::Elf(image) => image.tree.as_ref().is_none_or(Tree::is_complete),
            Content::Script(_) => true,
            Content::Error { .. } => false,
        }
    }
}
