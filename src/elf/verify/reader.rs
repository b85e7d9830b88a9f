//! Reads headers straight from the bytes, by the gABI's tables. Written apart from the editor's reader on purpose: a fault of
//! one is not in the other. Every read is bounded.

use std::cell::Cell;
use std::ops::Range;

pub(super) const PT_NULL: u64 = 0;
pub(super) const PT_LOAD: u64 = 1;
pub(super) const PT_DYNAMIC: u64 = 2;
pub(super) const PT_INTERP: u64 = 3;
pub(super) const PT_NOTE: u64 = 4;
pub(super) const PT_PHDR: u64 = 6;
pub(super) const PT_TLS: u64 = 7;
pub(super) const PT_GNU_EH_FRAME: u64 = 0x6474_e550;
pub(super) const PT_GNU_STACK: u64 = 0x6474_e551;
pub(super) const PT_GNU_RELRO: u64 = 0x6474_e552;
pub(super) const PT_GNU_PROPERTY: u64 = 0x6474_e553;

pub(super) const ET_EXEC: u64 = 2;
pub(super) const ET_DYN: u64 = 3;

pub(super) const EM_MIPS: u64 = 8;

/// The number of segments stands in section 0 when it is too large for the file header (gABI, "ELF Header").
const PN_XNUM: u64 = 0xffff;

/// Linkers write about ten; a limit keeps what asks them about many addresses linear.
const MOST_LOADS: usize = 512;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub ident: [u8; 16],
    /// e_type, e_machine, e_version, e_entry, e_flags, e_ehsize, e_phentsize, e_shentsize.
    pub fixed: [u64; 8],
    pub phoff: u64,
    pub shoff: u64,
    /// Wherever it stands.
    pub phnum: u64,
    pub shnum: u64,
    pub shstrndx: u64,
}

impl Header {
    pub fn kind(&self) -> u64 {
        self.fixed[0]
    }

    pub fn machine(&self) -> u64 {
        self.fixed[1]
    }

    pub fn entry(&self) -> u64 {
        self.fixed[3]
    }

    pub fn ehsize(&self) -> u64 {
        self.fixed[5]
    }

    fn shentsize(&self) -> u64 {
        self.fixed[7]
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub kind: u64,
    pub flags: u64,
    pub offset: u64,
    pub vaddr: u64,
    pub paddr: u64,
    pub filesz: u64,
    pub memsz: u64,
    pub align: u64,
}

impl Segment {
    /// What it spans of the file.
    pub fn file(&self) -> Range<u64> {
        self.offset..self.offset.saturating_add(self.filesz)
    }

    /// What it spans of the address space.
    pub fn memory(&self) -> Range<u64> {
        self.vaddr..self.vaddr.saturating_add(self.memsz)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Section {
    pub name: u64,
    pub kind: u64,
    pub flags: u64,
    pub addr: u64,
    pub offset: u64,
    pub size: u64,
    pub link: u64,
    pub info: u64,
    pub align: u64,
    pub entsize: u64,
}

pub(super) const SHT_PROGBITS: u64 = 1;
pub(super) const SHT_SYMTAB: u64 = 2;
pub(super) const SHT_STRTAB: u64 = 3;
pub(super) const SHT_NULL: u64 = 0;
pub(super) const SHT_RELA: u64 = 4;
pub(super) const SHT_DYNAMIC: u64 = 6;
pub(super) const SHT_NOBITS: u64 = 8;
pub(super) const SHT_REL: u64 = 9;
pub(super) const SHT_DYNSYM: u64 = 11;
pub(super) const SHT_GNU_VERNEED: u64 = 0x6fff_fffe;
pub(super) const SHT_GNU_VERSYM: u64 = 0x6fff_ffff;

pub(super) const SHF_ALLOC: u64 = 2;
pub(super) const SHF_TLS: u64 = 0x400;
pub(super) const SHF_INFO_LINK: u64 = 0x40;

impl Section {
    /// What it spans of the file.
    pub fn file(&self) -> Range<u64> {
        let size = if matches!(self.kind, SHT_NOBITS | SHT_NULL) { 0 } else { self.size };
        self.offset..self.offset.saturating_add(size)
    }

    pub fn is_loaded(&self) -> bool {
        self.flags & SHF_ALLOC != 0
    }
}

/// A string table, read with a limit: strings may overlap, and a hostile file could let one be read as many times as there
/// are symbols.
pub(super) struct Strings<'a> {
    pub table: &'a [u8],
    budget: Cell<usize>,
}

impl<'a> Strings<'a> {
    pub fn get(&self, at: u64) -> Option<&'a [u8]> {
        let tail = self.table.get(usize::try_from(at).ok()?..)?;
        let tail = &tail[..tail.len().min(self.budget.get())];
        let end = memchr::memchr(0, tail);
        self.budget.set(self.budget.get() - end.unwrap_or(tail.len()));
        end.map(|end| &tail[..end])
    }
}

pub(super) struct File<'a> {
    pub bytes: &'a [u8],
    /// Of the 64-bit class.
    pub wide: bool,
    little: bool,
    pub header: Header,
    /// As many as can be read.
    pub segments: Vec<Segment>,
    /// All, or none if they are not believed.
    pub sections: Vec<Section>,
    /// What their names span of the file, if those are believed.
    pub section_names_place: Range<u64>,
}

impl<'a> File<'a> {
    /// Errors: why the bytes are no ELF file that can be checked.
    pub fn read(bytes: &'a [u8]) -> Result<Self, &'static str> {
        let ident: [u8; 16] = bytes.first_chunk().copied().ok_or("it is shorter than an ELF header")?;
        if !ident.starts_with(b"\x7fELF") {
            return Err("it is no ELF file");
        }
        if !matches!(ident[4], 1 | 2) || !matches!(ident[5], 1 | 2) {
            return Err("its class or byte order is unknown");
        }
        let header = Header { ident, fixed: [0; 8], phoff: 0, shoff: 0, phnum: 0, shnum: 0, shstrndx: 0 };
        let mut file = File {
            bytes,
            wide: ident[4] == 2,
            little: ident[5] == 1,
            header,
            segments: Vec::new(),
            sections: Vec::new(),
            section_names_place: 0..0,
        };
        file.read_header().ok_or("it is shorter than an ELF header")?;
        file.segments = file.table(file.header.phoff, file.header.phnum, file.segment_size(), Self::segment);
        file.sections = file.table(file.header.shoff, file.header.shnum, file.section_size(), Self::section);
        if !file.believes_sections() {
            file.forget_sections();
        }
        file.section_names_place = file.find_section_names().unwrap_or(0..0);
        if file.loads().count() > MOST_LOADS {
            return Err("it has more segments to be loaded than any linker writes");
        }
        Ok(file)
    }

    fn read_header(&mut self) -> Option<()> {
        let word = self.word_size();
        let [
            kind,
            machine,
            version,
            entry,
            phoff,
            shoff,
            flags,
            ehsize,
            phentsize,
            phnum,
            shentsize,
            shnum,
            shstrndx,
        ] = self.fields(16, [2, 2, 4, word, word, word, 4, 2, 2, 2, 2, 2, 2])?;
        self.header.fixed = [kind, machine, version, entry, flags, ehsize, phentsize, shentsize];
        let first = if shoff == 0 { None } else { self.section(shoff) };
        (self.header.phoff, self.header.shoff) = (phoff, shoff);
        (self.header.shnum, self.header.shstrndx) = (shnum, shstrndx);
        self.header.phnum = match first {
            Some(section) if phnum == PN_XNUM => section.info,
            _ => phnum,
        };
        Some(())
    }

    /// What docs/design.md says of it ("What of a section table is believed"). More sections than the ELF header can count no file
    /// has that is loaded.
    fn believes_sections(&self) -> bool {
        let header = &self.header;
        let is_inside = |section: &Section| section.file().is_empty() || section.file().end <= self.len();
        header.shoff != 0
            && header.shentsize() == self.section_size()
            && header.shstrndx < header.shnum
            && self.sections.len() as u64 == header.shnum
            && self.sections.iter().all(is_inside)
    }

    pub fn forget_sections(&mut self) {
        (self.sections, self.section_names_place) = (Vec::new(), 0..0);
    }

    /// Every name begins there, and the last one ends. Index 0 stands for none (SHN_UNDEF).
    fn find_section_names(&self) -> Option<Range<u64>> {
        if self.header.shstrndx == 0 {
            return None;
        }
        let place = self.sections.get(usize::try_from(self.header.shstrndx).ok()?)?.file();
        let table = self.slice(place.clone())?;
        let begins = |section: &Section| section.name < table.len() as u64;
        (table.last() == Some(&0) && self.sections.iter().all(begins)).then_some(place)
    }

    /// `count` entries at an offset, or as many as the file holds.
    fn table<T>(&self, at: u64, count: u64, size: u64, read: fn(&Self, u64) -> Option<T>) -> Vec<T> {
        let places = (0..count).map_while(|index| at.checked_add(index.checked_mul(size)?));
        places.map_while(|at| read(self, at)).collect()
    }

    fn segment(&self, at: u64) -> Option<Segment> {
        if self.wide {
            let [kind, flags, offset, vaddr, paddr, filesz, memsz, align] =
                self.fields(at, [4, 4, 8, 8, 8, 8, 8, 8])?;
            Some(Segment { kind, flags, offset, vaddr, paddr, filesz, memsz, align })
        } else {
            let [kind, offset, vaddr, paddr, filesz, memsz, flags, align] = self.fields(at, [4; 8])?;
            Some(Segment { kind, flags, offset, vaddr, paddr, filesz, memsz, align })
        }
    }

    fn section(&self, at: u64) -> Option<Section> {
        let word = self.word_size();
        let [name, kind, flags, addr, offset, size, link, info, align, entsize] =
            self.fields(at, [4, 4, word, word, word, word, 4, 4, word, word])?;
        Some(Section { name, kind, flags, addr, offset, size, link, info, align, entsize })
    }

    pub fn word_size(&self) -> u64 {
        if self.wide { 8 } else { 4 }
    }

    /// The bits of an address.
    pub fn address_mask(&self) -> u64 {
        if self.wide { u64::MAX } else { u64::from(u32::MAX) }
    }

    pub fn segment_size(&self) -> u64 {
        if self.wide { 56 } else { 32 }
    }

    pub fn section_size(&self) -> u64 {
        if self.wide { 64 } else { 40 }
    }

    pub fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub fn is_little_endian(&self) -> bool {
        self.little
    }

    pub fn slice(&self, range: Range<u64>) -> Option<&'a [u8]> {
        self.bytes.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
    }

    /// Numbers that follow each other, of so many bytes each (8 at most).
    pub fn fields<const N: usize>(&self, at: u64, sizes: [u64; N]) -> Option<[u64; N]> {
        let mut rest = self.bytes.get(usize::try_from(at).ok()?..)?;
        let mut values = [0; N];
        for (value, size) in values.iter_mut().zip(sizes) {
            let (number, tail) = rest.split_at_checked(size as usize)?;
            let shift = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
            *value =
                if self.little { number.iter().rev().fold(0, shift) } else { number.iter().fold(0, shift) };
            rest = tail;
        }
        Some(values)
    }

    pub fn number(&self, at: u64, size: u64) -> Option<u64> {
        self.fields(at, [size]).map(|[value]| value)
    }

    pub fn loads(&self) -> impl DoubleEndedIterator<Item = &Segment> {
        self.segments.iter().filter(|segment| segment.kind == PT_LOAD)
    }

    /// Whether the kernel or ld.so load it, and so read anything of it.
    pub fn is_loaded(&self) -> bool {
        matches!(self.header.kind(), ET_EXEC | ET_DYN)
    }

    /// The PT_DYNAMIC that ld.so takes: the last one, and an empty one is none (dl-load.c).
    pub fn dynamic(&self) -> Option<&Segment> {
        self.segments.iter().rfind(|segment| segment.kind == PT_DYNAMIC && segment.filesz > 0)
    }

    pub fn first(&self, kind: u64) -> Option<&Segment> {
        self.segments.iter().find(|segment| segment.kind == kind)
    }

    /// The bytes from an address to the end of what its segment has in the file. A later segment covers an earlier one, as
    /// ld.so maps them in their order (dl-map-segments.h).
    pub fn tail(&self, vaddr: u64) -> Option<Range<u64>> {
        self.loads().rev().find_map(|load| {
            let into = vaddr.checked_sub(load.vaddr).filter(|into| *into < load.filesz)?;
            let end = load.file().end.min(self.len());
            load.offset.checked_add(into).filter(|start| *start <= end).map(|start| start..end)
        })
    }

    /// Where `size` bytes at an address lie in the file, if one segment has all of them.
    pub fn place(&self, vaddr: u64, size: u64) -> Option<Range<u64>> {
        let tail = self.tail(vaddr)?;
        (tail.end - tail.start >= size).then(|| tail.start..tail.start + size)
    }

    /// A string table at a place in the file.
    pub fn strings(&self, range: Range<u64>) -> Strings<'a> {
        // Whoever names a string takes bytes too, so the strings of an honest file come to less than the file, and there are
        // but a few passes over them.
        let budget = Cell::new(self.bytes.len().saturating_mul(8));
        Strings { table: self.slice(range).unwrap_or_default(), budget }
    }

    /// The names of sections.
    pub fn section_names(&self) -> Strings<'a> {
        self.strings(self.section_names_place.clone())
    }

    /// What the names span that can be written anew elsewhere: those that are not loaded.
    pub fn movable_names(&self) -> Option<Range<u64>> {
        let place = self.section_names_place.clone();
        let section = self.sections.get(self.header.shstrndx as usize)?;
        (!place.is_empty() && !section.is_loaded()).then_some(place)
    }

    /// Whether it is the note that tells nixpkgs' ld.so where the libraries are.
    pub fn is_cache(&self, segment: &Segment) -> bool {
        let words = self.fields(segment.offset, [4, 4, 4]);
        let owner = self.slice(segment.offset.saturating_add(12)..segment.offset.saturating_add(18));
        let is_it = |words: [u64; 3]| words[0] == 6 && words[2] == 0x63a8_6cb6 && owner == Some(b"NixOS\0");
        segment.kind == PT_NOTE && words.is_some_and(is_it)
    }

    /// The descriptor of that note.
    pub fn cache(&self) -> Option<&'a [u8]> {
        let segment = self.segments.iter().find(|segment| self.is_cache(segment))?;
        let len = self.fields(segment.offset, [4, 4])?[1];
        let start = segment.offset.checked_add(20)?;
        self.slice(start..start.checked_add(len)?)
    }

    /// The program header table's place.
    pub fn segment_table(&self) -> Range<u64> {
        let size = self.header.phnum.saturating_mul(self.segment_size());
        self.header.phoff..self.header.phoff.saturating_add(size)
    }

    /// The section header table's place; where there is said to be one, if it is not believed.
    pub fn section_table(&self) -> Range<u64> {
        let size = self.header.shnum.saturating_mul(self.header.shentsize());
        self.header.shoff..self.header.shoff.saturating_add(size)
    }
}
