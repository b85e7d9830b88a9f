//! What the program headers say of a file that is to be loaded.

use goblin::elf::dynamic::{DF_1_NOW, DF_BIND_NOW, DF_TEXTREL, DT_BIND_NOW, DT_FLAGS, DT_TEXTREL};
use goblin::elf::header::Header;
use goblin::elf::program_header::{
    PF_W, PF_X, PT_GNU_PROPERTY, PT_GNU_RELRO, PT_GNU_STACK, PT_LOAD, PT_NOTE, ProgramHeader,
};

use super::notes::{Notes, Reader};
use crate::elf::image::Image;
use crate::elf::read::Layout;

/// How much of what the loader writes becomes read-only before the program starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relro {
    None,
    /// All but the addresses of functions that are looked up when they are first called.
    Partial,
    Full,
}

/// What keeps an attacker from going on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protection {
    pub relro: Relro,
    /// Every function is looked up before the program starts.
    pub bind_now: bool,
    /// `None`: it does not say, and many systems then make it so.
    pub executable_stack: Option<bool>,
    /// A segment can be written to and executed.
    pub writable_code: bool,
    /// The loader has to write into code.
    pub text_relocations: bool,
}

pub(super) fn protection(image: &Image, header: &Header, layout: &Layout) -> Protection {
    let segments = || segments(image, header);
    let flags = layout.value(DT_FLAGS).unwrap_or(0);
    let bind_now =
        layout.value(DT_BIND_NOW).is_some() || flags & DF_BIND_NOW != 0 || layout.has_flag_1(DF_1_NOW);
    let relro = match segments().any(|segment| segment.p_type == PT_GNU_RELRO) {
        false => Relro::None,
        true if bind_now => Relro::Full,
        true => Relro::Partial,
    };
    Protection {
        relro,
        bind_now,
        executable_stack: segments()
            .find(|segment| segment.p_type == PT_GNU_STACK)
            .map(|segment| segment.p_flags & PF_X != 0),
        writable_code: segments()
            .any(|segment| segment.p_type == PT_LOAD && segment.p_flags & (PF_W | PF_X) == PF_W | PF_X),
        text_relocations: layout.value(DT_TEXTREL).is_some() || flags & DF_TEXTREL != 0,
    }
}

pub(super) fn notes(image: &Image, header: &Header) -> Notes {
    let mut reader = Reader::new(image);
    for segment in
        segments(image, header).filter(|segment| matches!(segment.p_type, PT_NOTE | PT_GNU_PROPERTY))
    {
        reader.take(segment.p_offset, segment.p_filesz, segment.p_align);
    }
    reader.done()
}

/// What parsing has found to be whole.
fn segments<'a>(image: &'a Image, header: &'a Header) -> impl Iterator<Item = ProgramHeader> + 'a {
    let size = ProgramHeader::size(image.ctx) as u64;
    (0..u64::from(header.e_phnum))
        .map_while(move |index| image.read(header.e_phoff.checked_add(index * size)?))
}
