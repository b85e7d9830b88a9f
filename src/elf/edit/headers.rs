//! The tables of headers, as they are and as they are to be.

use std::ops::Range;

use goblin::container::Ctx;
use goblin::elf::header::Header;
use goblin::elf::program_header::{PT_LOAD, PT_PHDR, ProgramHeader};
use goblin::elf::section_header::SectionHeader;
use scroll::ctx::TryIntoCtx;
use scroll::{Pread, Pwrite};

use crate::elf::image::Image;
use crate::elf::sections::{has_no_bytes, names, sections};

pub(super) struct Headers {
    pub header: Header,
    pub segments: Vec<ProgramHeader>,
    /// As far as they are believed.
    pub sections: Vec<SectionHeader>,
    has_names: bool,
}

/// The ELF header and the program headers. `None`: they cannot be read.
pub(super) fn segments(image: &Image) -> Option<(Header, Vec<ProgramHeader>)> {
    let header: Header = image.bytes.pread(0).ok()?;
    let size = ProgramHeader::size(image.ctx) as u64;
    // No table lies in the file header, which is written too.
    if header.e_phoff < Header::size(image.ctx) as u64 {
        return None;
    }
    let segment = |index: u64| image.read(header.e_phoff.checked_add(index * size)?);
    let segments = (0..u64::from(header.e_phnum)).map(segment).collect::<Option<_>>()?;
    Some((header, segments))
}

impl Headers {
    /// `None`: the program headers cannot be read.
    pub fn read(image: &Image) -> Option<Headers> {
        let (header, segments) = segments(image)?;
        let sections = sections(image, &header);
        let has_names = names(image, &header, &sections).is_some();
        Some(Headers { header, segments, sections, has_names })
    }

    pub fn loads(&self) -> impl Iterator<Item = &ProgramHeader> {
        self.segments.iter().filter(|segment| segment.p_type == PT_LOAD)
    }

    /// Whether the kernel and ld.so would load it: addresses ascend, and no segment has more in the file than in memory.
    pub fn are_loadable(&self) -> bool {
        let mut end = Some(0);
        self.loads().all(|load| {
            let follows = end.is_some_and(|end| end <= load.p_vaddr);
            end = load.p_vaddr.checked_add(load.p_memsz);
            follows && load.p_filesz <= load.p_memsz
        }) && end.is_some()
            && self.segments.iter().filter(|segment| segment.p_type == PT_PHDR).count() <= 1
    }

    /// The section that names the others, if it is believed.
    pub fn names(&self) -> Option<&SectionHeader> {
        self.sections.get(usize::from(self.header.e_shstrndx)).filter(|_| self.has_names)
    }

    /// The bytes of the program header table.
    pub fn segments_len(&self, ctx: Ctx) -> u64 {
        (self.segments.len() * ProgramHeader::size(ctx)) as u64
    }

    /// Takes out so many headers that nothing needs, PT_NULL or what `is_free` says, if there are so many.
    pub fn free_headers(&mut self, count: usize, is_free: impl Fn(&ProgramHeader) -> bool) -> bool {
        let free: Vec<usize> =
            (0..self.segments.len()).filter(|index| is_free(&self.segments[*index])).collect();
        if free.len() < count {
            return false;
        }
        for index in free[..count].iter().rev() {
            self.segments.remove(*index);
        }
        true
    }

    /// How many bytes behind the table hold nothing but PT_INTERP's string, if anything: a string can go elsewhere. Without
    /// sections nobody knows.
    pub fn room_behind_table(&self, image: &Image, table_len: u64, interpreter: Range<u64>) -> u64 {
        let start = self.header.e_phoff.saturating_add(table_len);
        let load = self.loads().find(|load| {
            load.p_offset <= self.header.e_phoff && start <= load.p_offset.saturating_add(load.p_filesz)
        });
        let (Some(load), false) = (load, self.sections.is_empty()) else { return 0 };
        let is_other = |at: u64, len: u64| {
            let end = at.saturating_add(len);
            end > start && len > 0 && (at..end) != interpreter
        };
        let sections = self.sections.iter().filter(|section| !has_no_bytes(section));
        let sections = sections.map(|section| (section.sh_offset, section.sh_size));
        let whole = |segment: &&ProgramHeader| !matches!(segment.p_type, PT_LOAD | PT_PHDR);
        let segments = self.segments.iter().filter(whole).map(|segment| (segment.p_offset, segment.p_filesz));
        let headers = (self.header.e_shoff, self.sections.len() as u64);
        let others = sections.chain(segments).chain([headers]).filter(|(at, len)| is_other(*at, *len));
        let end = others
            .map(|(at, _)| at)
            .min()
            .unwrap_or(u64::MAX)
            .min(load.p_offset.saturating_add(load.p_filesz));
        let is_free = |at: &u64| interpreter.contains(at) || image.slice(*at, 1) == Some(&[0]);
        (start..end).take_while(is_free).count() as u64
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
