//! The tables of headers, as they are and as they are to be.

use goblin::container::Ctx;
use goblin::elf::header::{ET_EXEC, Header};
use goblin::elf::program_header::{PT_INTERP, PT_LOAD, PT_NULL, PT_PHDR, ProgramHeader};
use goblin::elf::section_header::{SHT_NOBITS, SHT_NULL, SectionHeader};
use scroll::ctx::TryIntoCtx;
use scroll::{Pread, Pwrite};

use crate::elf::image::Image;

pub(super) struct Headers {
    pub header: Header,
    pub segments: Vec<ProgramHeader>,
    /// Empty where there are none, or none that make sense.
    pub sections: Vec<SectionHeader>,
}

impl Headers {
    /// `None`: the program headers cannot be read.
    pub fn read(image: &Image) -> Option<Headers> {
        let header: Header = image.bytes.pread(0).ok()?;
        let size = ProgramHeader::size(image.ctx) as u64;
        let segment = |index: u64| image.read(header.e_phoff.checked_add(index * size)?);
        let segments = (0..u64::from(header.e_phnum)).map(segment).collect::<Option<_>>()?;
        let sections = sections(image, &header).unwrap_or_default();
        Some(Headers { header, segments, sections })
    }

    pub fn loads(&self) -> impl Iterator<Item = &ProgramHeader> {
        self.segments.iter().filter(|segment| segment.p_type == PT_LOAD)
    }

    /// The section that names the others.
    pub fn names(&self) -> Option<&SectionHeader> {
        self.sections.get(usize::from(self.header.e_shstrndx))
    }

    /// The bytes of the program header table.
    pub fn segments_len(&self, ctx: Ctx) -> u64 {
        (self.segments.len() * ProgramHeader::size(ctx)) as u64
    }

    /// How many headers [`Headers::free_header`] can take out.
    pub fn free_headers(&self) -> usize {
        self.segments.iter().filter(|segment| self.is_free(segment)).count()
    }

    /// Makes room for a header in the table as it is: takes out one that nothing needs. PT_PHDR tells a position independent
    /// program where it is (glibc's rtld.c), and any other one nothing that it does not know.
    pub fn free_header(&mut self) -> bool {
        match self.segments.iter().position(|segment| self.is_free(segment)) {
            Some(index) => {
                self.segments.remove(index);
                true
            }
            None => false,
        }
    }

    fn is_free(&self, segment: &ProgramHeader) -> bool {
        let is_fixed = self.header.e_type == ET_EXEC || !self.has(PT_INTERP);
        segment.p_type == PT_NULL || segment.p_type == PT_PHDR && is_fixed
    }

    pub fn has(&self, kind: u32) -> bool {
        self.segments.iter().any(|segment| segment.p_type == kind)
    }

    /// Puts a segment behind the last one that is loaded, whose addresses are lower: ld.so and the kernel want them in order.
    pub fn add_load(&mut self, load: ProgramHeader) {
        let last = self.segments.iter().rposition(|segment| segment.p_type == PT_LOAD);
        self.segments.insert(last.map_or(self.segments.len(), |last| last + 1), load);
    }
}

/// `None`: the table or what it describes leaves the file, or it has more sections than the header can say.
fn sections(image: &Image, header: &Header) -> Option<Vec<SectionHeader>> {
    let size = SectionHeader::size(image.ctx) as u64;
    if header.e_shoff == 0 || header.e_shnum == 0 || u64::from(header.e_shentsize) != size {
        return None;
    }
    let section = |index: u64| image.read::<SectionHeader>(header.e_shoff.checked_add(index * size)?);
    let sections: Vec<SectionHeader> = (0..u64::from(header.e_shnum)).map(section).collect::<Option<_>>()?;
    let is_inside = |section: &SectionHeader| {
        has_no_bytes(section)
            || section.sh_offset.checked_add(section.sh_size).is_some_and(|end| end <= image.len())
    };
    (sections.iter().all(is_inside) && usize::from(header.e_shstrndx) < sections.len()).then_some(sections)
}

/// Whether it takes nothing of the file.
pub(super) fn has_no_bytes(section: &SectionHeader) -> bool {
    matches!(section.sh_type, SHT_NOBITS | SHT_NULL) || section.sh_size == 0
}

/// A structure of goblin's as the file has it.
pub(super) fn encoded<T: TryIntoCtx<Ctx, Error = goblin::error::Error>>(item: T, ctx: Ctx) -> Vec<u8> {
    // As large as the largest of them, Elf64_Shdr.
    let mut bytes = [0; 64];
    let len = bytes.pwrite_with(item, 0, ctx).unwrap_or_default();
    bytes[..len].to_vec()
}

/// The file header as the file has it.
pub(super) fn encoded_header(header: Header, ctx: Ctx) -> Vec<u8> {
    let mut bytes = [0; 64];
    let len = bytes.pwrite_with(header, 0, ctx.le).unwrap_or_default();
    bytes[..len].to_vec()
}
