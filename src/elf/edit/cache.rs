//! The note that tells nixpkgs' ld.so where a program's libraries are (patchelf 0.19, --build-resolution-cache): it must go
//! when it is no longer true.

use goblin::elf::program_header::{PT_NOTE, PT_NULL, ProgramHeader};
use goblin::elf::section_header::{SHT_NOTE, SHT_NULL, SectionHeader};

use super::headers::{Headers, segments};
use crate::elf::image::Image;
use crate::elf::note::note;
use crate::elf::{Elf, FileOffset, Patch};

/// What is to become of the note.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cache {
    Stays,
    Goes,
    New(Vec<u8>),
}

const OWNER: &[u8] = b"NixOS\0";
const TYPE: u32 = 0x63a8_6cb6;

/// The descriptor of the note, if a file has one.
pub(in crate::elf) fn resolution_cache(bytes: &[u8], elf: &Elf) -> Option<Vec<u8>> {
    let image = Image::new(bytes, elf.abi);
    let (_, segments) = segments(&image)?;
    let index = find(&image, &segments)?;
    Some(content(&image, &segments, index)?.to_vec())
}

/// Which segment it is.
pub(super) fn find(image: &Image, segments: &[ProgramHeader]) -> Option<usize> {
    (0..segments.len()).find(|index| content(image, segments, *index).is_some())
}

fn content<'a>(image: &Image<'a>, segments: &[ProgramHeader], index: usize) -> Option<&'a [u8]> {
    let segment = segments.get(index).filter(|segment| segment.p_type == PT_NOTE)?;
    let (owner, kind, content, _) = note(image, segment.p_offset, 4)?;
    (owner == OWNER && kind == TYPE).then_some(content)
}

/// The note's bytes.
pub(super) fn note_bytes(image: &Image, descriptor: &[u8]) -> Vec<u8> {
    let words = [OWNER.len() as u32, descriptor.len() as u32, TYPE];
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| image.u32_bytes(*word)).collect();
    for part in [OWNER, descriptor] {
        bytes.extend_from_slice(part);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    bytes
}

/// Takes a note out of the headers that lies where a linker, or patchelf, has put it: its bytes become NULs.
pub(super) fn take_out(image: &Image, headers: &mut Headers) -> Option<Patch> {
    let index = find(image, &headers.segments)?;
    let (at, len) = (headers.segments[index].p_offset, headers.segments[index].p_filesz);
    headers.segments[index].p_type = PT_NULL;
    let is_own = |section: &&mut SectionHeader| section.sh_type == SHT_NOTE && section.sh_offset == at;
    for section in headers.sections.iter_mut().filter(is_own) {
        *section = SectionHeader { sh_type: SHT_NULL, ..Default::default() };
    }
    image.slice(at, len)?;
    Some(Patch::new(FileOffset(at), vec![0; len as usize]))
}
