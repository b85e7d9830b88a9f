//! What an annex is made of, and how one is known again.

use goblin::elf::program_header::{PT_LOAD, ProgramHeader};
use goblin::elf::section_header::{SHF_ALLOC, SHT_DYNAMIC, SHT_PROGBITS, SHT_STRTAB, SectionHeader};
use scroll::Pread;

use super::cache;
use super::growth::Growth;
use super::headers::Headers;
use crate::elf::image::Image;

/// What the marker begins with; the length that the string table had before anything was added to it follows, in 8 bytes.
const MAGIC: &[u8; 8] = b"explant\0";
const MARKER_LEN: u64 = 16;

/// Sections of the annex that no linker makes: they cover its bytes, since eu-strip keeps no others.
pub(super) const TABLE_SECTION: &[u8] = b".phdrs";
pub(super) const MARKER_SECTION: &[u8] = b".explant";
pub(super) const CACHE_SECTION: &[u8] = b".note.nixos.ldcache";

/// Where a header leads that is still to be filled in.
pub(super) const NOWHERE: u64 = u64::MAX;

/// What can lie in an annex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Interpreter,
    Strings,
    Dynamic,
    Cache,
    Table,
    Marker,
}

/// What becomes of the program header table.
pub(super) enum Table {
    /// It has room for what is added.
    Stays,
    /// There is room behind it.
    Grows,
    /// Into the annex.
    Moves,
}

/// A part of the annex.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub kind: Kind,
    /// The section that describes it.
    pub section: Option<usize>,
    pub bytes: Vec<u8>,
    pub align: u64,
    /// From the annex's beginning.
    pub at: u64,
}

/// The annex that an earlier edit left.
pub(super) struct Old {
    pub segment: ProgramHeader,
    /// The string table's length before anything was added to it.
    pub base: u64,
}

impl Old {
    pub fn holds(&self, offset: u64) -> bool {
        self.segment.p_offset <= offset && offset - self.segment.p_offset < self.segment.p_filesz
    }

    pub fn end(&self) -> u64 {
        self.segment.p_offset + self.segment.p_filesz
    }
}

impl Growth<'_> {
    /// Whether it is a section of the annex that no linker makes.
    pub fn is_own(&self, section: &SectionHeader) -> bool {
        let is_named = |name: &&[u8]| self.name_of(section).is_some_and(|own| own == *name);
        self.is_in_old(section.sh_offset)
            && [CACHE_SECTION, TABLE_SECTION, MARKER_SECTION].iter().any(is_named)
    }

    /// The section that describes what is to move.
    pub fn section_of(&self, kind: Kind) -> Option<usize> {
        let layout = &self.draft.elf.layout;
        let (at, section_type) = match kind {
            Kind::Interpreter => (layout.interpreter.as_ref()?.start, SHT_PROGBITS),
            Kind::Strings => (layout.strings.start, SHT_STRTAB),
            Kind::Dynamic => (layout.dynamic.first()?.at, SHT_DYNAMIC),
            Kind::Cache => return self.section_named(CACHE_SECTION),
            Kind::Table => return self.section_named(TABLE_SECTION),
            Kind::Marker => return self.section_named(MARKER_SECTION),
        };
        self.headers.sections.iter().position(|section| {
            section.sh_offset == at
                && section.sh_type == section_type
                && section.sh_flags & u64::from(SHF_ALLOC) != 0
                && section.sh_size > 0
        })
    }

    pub fn section_named(&self, name: &[u8]) -> Option<usize> {
        let is_it = |section: &SectionHeader| self.is_own(section) && self.name_of(section) == Some(name);
        self.headers.sections.iter().rposition(is_it)
    }

    pub fn name_of(&self, section: &SectionHeader) -> Option<&[u8]> {
        let names = self.headers.names()?;
        let names = self.draft.image.slice(names.sh_offset, names.sh_size)?;
        names.get(section.sh_name..)?.split(|byte| *byte == 0).next()
    }
}

/// Whether the note about libraries lies in the annex that an earlier edit left.
pub(super) fn is_cache_in_annex(image: &Image) -> bool {
    let Some(headers) = Headers::read(image) else { return false };
    let annex = find_old(image, &headers);
    let cache = cache::find(image, &headers.segments).and_then(|index| headers.segments.get(index));
    annex.zip(cache).is_some_and(|((_, old), cache)| old.holds(cache.p_offset))
}

/// The annex that an earlier edit left, and its number: the last segment by address, with a marker at its end.
pub(super) fn find_old(image: &Image, headers: &Headers) -> Option<(usize, Old)> {
    let segments = &headers.segments;
    let loads = (0..segments.len()).filter(|index| segments[*index].p_type == PT_LOAD);
    let index = loads.max_by_key(|index| segments[*index].p_vaddr)?;
    let segment = segments[index].clone();
    let marker = segment.p_offset.checked_add(segment.p_filesz.checked_sub(MARKER_LEN)?)?;
    let marker = image.slice(marker, MARKER_LEN).filter(|marker| marker.starts_with(MAGIC))?;
    let base = marker.pread_with(MAGIC.len(), image.ctx.le).ok()?;
    Some((index, Old { segment, base }))
}

/// The marker's bytes.
pub(super) fn marker(image: &Image, base: u64) -> Vec<u8> {
    let mut marker = MAGIC.to_vec();
    marker.extend(image.u64_bytes(base));
    marker
}
