//! Parses an image: what the kernel and ld.so read of it, and nothing else.

use std::cell::Cell;
use std::fmt;
use std::ops::Range;
use std::sync::OnceLock;

use goblin::elf::dynamic::{
    DF_1_PIE, DT_AUDIT, DT_CONFIG, DT_DEPAUDIT, DT_FLAGS_1, DT_GNU_HASH, DT_HASH, DT_NEEDED, DT_NULL,
    DT_RPATH, DT_RUNPATH, DT_SONAME, DT_STRSZ, DT_STRTAB, DT_VERNEED, Dyn,
};
use goblin::elf::header::{
    EI_CLASS, EI_DATA, ELFCLASS32, ELFCLASS64, ELFDATA2LSB, ELFDATA2MSB, ELFMAG, ET_DYN, ET_EXEC, ET_NONE,
    Header,
};
use goblin::elf::program_header::{PT_DYNAMIC, PT_INTERP, PT_LOAD, PT_NOTE, ProgramHeader};
use goblin::elf::section_header::{SHF_ALLOC, SHT_NOBITS, SHT_PROGBITS, SectionHeader};
use scroll::Pread;

use super::image::{Image, Load, file_offset};
use super::{Abi, Class, DlopenNote, Elf, VersionNeed, note, planted, symver};

/// Solaris' tags, which glibc heeds and goblin does not name (glibc's elf.h).
pub(super) const DT_AUXILIARY: u64 = 0x7fff_fffd;
pub(super) const DT_FILTER: u64 = 0x7fff_ffff;

/// Why bytes that begin as an ELF file are not one that can be read: a sentence about "it", without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(pub String);

/// How [`Malformed`] ends where a string's offset is beyond its table.
pub(crate) const OUTSIDE_OF_STRINGS: &str = "names a string outside of the string table";

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Malformed {}

/// An entry of PT_DYNAMIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DynamicEntry {
    /// Where it lies in the file.
    pub at: u64,
    pub tag: u64,
    pub value: u64,
}

/// Where things lie in the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layout {
    pub(super) loads: Vec<Load>,
    /// What PT_INTERP spans, its NUL included.
    pub(super) interpreter: Option<Range<u64>>,
    /// PT_DYNAMIC's address.
    pub(super) dynamic_address: u64,
    /// Its offset, by its header; what counts is its address.
    pub(super) dynamic_offset: u64,
    /// PT_DYNAMIC up to its first DT_NULL, and the DT_NULLs that follow that.
    pub(super) dynamic: Vec<DynamicEntry>,
    /// The dynamic string table, as far as it lies in the file.
    pub(super) strings: Range<u64>,
    /// Strings of the tags that [`Elf`] has no field for, and of tags that a later one of the kind overrules.
    pub(super) further_strings: Vec<(u64, Vec<u8>)>,
    /// Those that are believed; read when they are first asked for, since most files that are read are never edited, and an edit
    /// asks a dozen times.
    pub(super) sections: OnceLock<Vec<SectionHeader>>,
}

impl Layout {
    /// What ld.so takes for the value of a tag: that of the last entry.
    pub(super) fn value(&self, tag: u64) -> Option<u64> {
        self.dynamic.iter().rev().find(|entry| entry.tag == tag).map(|entry| entry.value)
    }

    pub(super) fn has_flag_1(&self, flag: u64) -> bool {
        self.value(DT_FLAGS_1).unwrap_or(0) & flag != 0
    }

    /// The file offset that a tag's address leads to.
    pub(super) fn place(&self, tag: u64) -> Option<u64> {
        Some(file_offset(&self.loads, self.value(tag)?)?.0)
    }
}

/// The name of a tag whose value is a string, as readelf and the gABI spell it.
pub(super) fn string_tag(tag: u64) -> Option<&'static str> {
    Some(match tag {
        DT_NEEDED => "DT_NEEDED",
        DT_SONAME => "DT_SONAME",
        DT_RPATH => "DT_RPATH",
        DT_RUNPATH => "DT_RUNPATH",
        DT_AUDIT => "DT_AUDIT",
        DT_DEPAUDIT => "DT_DEPAUDIT",
        DT_CONFIG => "DT_CONFIG",
        DT_AUXILIARY => "DT_AUXILIARY",
        DT_FILTER => "DT_FILTER",
        _ => return None,
    })
}

impl Elf {
    /// `None` where the bytes do not begin with the ELF magic.
    ///
    /// Errors: the file is cut off, or its headers contradict each other.
    pub fn parse(bytes: &[u8]) -> Result<Option<Elf>, Malformed> {
        if !bytes.starts_with(ELFMAG) {
            return Ok(None);
        }
        let (header, abi) = header(bytes)?;
        let image = Image::new(bytes, abi);
        let other = Elf::empty(abi);
        if !matches!(header.e_type, ET_EXEC | ET_DYN) || header.e_phnum == 0 {
            return Ok(Some(other));
        }
        match Elf::loadable(image, &header, abi) {
            // A separate debug file keeps the program headers of the file that it was split from, but not what they
            // describe, so they may say anything.
            Err(_) if is_debug_file(&image, &header) => Ok(Some(other)),
            Ok(elf) if elf.class == Class::StaticProgram && is_debug_file(&image, &header) => Ok(Some(other)),
            result => result.map(Some),
        }
    }

    /// The run path that ld.so heeds: DT_RUNPATH, else DT_RPATH (ld.so(8): DT_RPATH is ignored where there is a
    /// DT_RUNPATH).
    pub fn run_path(&self) -> Option<&[u8]> {
        self.runpath.as_deref().or(self.rpath.as_deref())
    }

    /// Whether it has a dynamic section that can be read.
    pub fn is_dynamic(&self) -> bool {
        !self.layout.dynamic.is_empty()
    }

    /// Whether its symbols can be looked up by DT_GNU_HASH alone, which glibc before 2.5 does not know.
    pub fn has_gnu_hash_alone(&self) -> bool {
        self.layout.value(DT_GNU_HASH).is_some() && self.layout.value(DT_HASH).is_none()
    }

    /// Every string of the headers that names a file or folder, with the name of its field. The files that verneed names are
    /// among them.
    pub fn header_strings(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        let single = [
            ("PT_INTERP", &self.interpreter),
            ("DT_SONAME", &self.soname),
            ("DT_RPATH", &self.rpath),
            ("DT_RUNPATH", &self.runpath),
        ];
        let further = &self.layout.further_strings;
        single
            .into_iter()
            .filter_map(|(field, string)| Some((field, string.as_deref()?)))
            .chain(self.needed.iter().map(|name| ("DT_NEEDED", name.as_slice())))
            .chain(self.versions_needed.iter().map(|need| ("vn_file", need.file.as_slice())))
            .chain(further.iter().filter_map(|(tag, string)| Some((string_tag(*tag)?, string.as_slice()))))
    }

    /// A file that says nothing to the loader.
    pub(crate) fn empty(abi: Abi) -> Elf {
        Elf {
            abi,
            e_type: ET_NONE,
            class: Class::Other,
            interpreter: None,
            needed: Vec::new(),
            soname: None,
            rpath: None,
            runpath: None,
            versions_needed: Vec::new(),
            dlopen: Vec::new(),
            unwinds: false,
            stub: None,
            layout: Layout::default(),
        }
    }

    /// A program or library.
    fn loadable(image: Image, header: &Header, abi: Abi) -> Result<Elf, Malformed> {
        let mut elf = Elf::empty(abi);
        elf.e_type = header.e_type;
        let segments = segments(&image, header)?;
        elf.layout.loads = segments.loads;
        if let Some(dynamic) = segments.dynamic {
            elf.layout.dynamic_address = dynamic.p_vaddr;
            elf.layout.dynamic_offset = dynamic.p_offset;
            elf.layout.dynamic = dynamic_entries(&image, &elf.layout.loads, &dynamic)?;
            elf.read_strings(&image)?;
        }
        if let Some(interpreter) = segments.interpreter {
            match interpreter_string(&image, &interpreter)? {
                Some(string) => {
                    elf.interpreter = Some(string);
                    elf.layout.interpreter = Some(interpreter);
                }
                // What a linker script makes of a library: nothing starts it, and ld.so looks at no interpreter.
                None if header.e_type == ET_DYN && header.e_entry == 0 => {}
                None => {
                    let words = "the path of its interpreter (PT_INTERP) does not end, or is too long";
                    return Err(Malformed(words.into()));
                }
            }
        }
        elf.dlopen = segments.dlopen;
        // Without a dynamic section it is none of ours.
        elf.stub = planted::find(&image, header).filter(|_| !elf.layout.dynamic.is_empty());
        elf.class = elf.classify(header.e_type);
        Ok(elf)
    }

    /// Fills in what the dynamic section says in strings.
    fn read_strings(&mut self, image: &Image) -> Result<(), Malformed> {
        self.layout.strings = string_table(&self.layout)?;
        let strings = Strings::new(image, &self.layout.strings);
        for entry in &self.layout.dynamic {
            let Some(field) = string_tag(entry.tag) else { continue };
            let string = strings.get(entry.value, field)?;
            let overruled = match entry.tag {
                DT_NEEDED => {
                    self.needed.push(string);
                    continue;
                }
                DT_SONAME => self.soname.replace(string),
                DT_RPATH => self.rpath.replace(string),
                DT_RUNPATH => self.runpath.replace(string),
                _ => Some(string),
            };
            self.layout.further_strings.extend(overruled.map(|string| (entry.tag, string)));
        }
        if self.layout.value(DT_VERNEED).is_some() {
            self.versions_needed = versions_needed(image, &self.layout, &strings)?;
        }
        Ok(())
    }

    fn classify(&self, e_type: u16) -> Class {
        let has_dynamic = !self.layout.dynamic.is_empty();
        let is_pie = self.layout.has_flag_1(DF_1_PIE);
        if self.stub.is_some() {
            return Class::Program;
        }
        if self.interpreter.is_some() {
            // libc.so.6 and libcap.so.2 can be started, too, but are libraries.
            let is_program = e_type == ET_EXEC || is_pie || self.soname.is_none();
            return if is_program { Class::Program } else { Class::Library };
        }
        match e_type {
            ET_EXEC => Class::StaticProgram,
            _ if is_pie && self.needed.is_empty() => Class::StaticProgram,
            _ if has_dynamic => Class::Library,
            _ => Class::Other,
        }
    }
}

/// The file header.
pub(super) fn header(bytes: &[u8]) -> Result<(Header, Abi), Malformed> {
    let class = bytes.get(EI_CLASS).copied();
    let data = bytes.get(EI_DATA).copied();
    if !matches!(class, None | Some(ELFCLASS32 | ELFCLASS64))
        || !matches!(data, None | Some(ELFDATA2LSB | ELFDATA2MSB))
    {
        return Err(Malformed("its ELF header has an unknown class or byte order".into()));
    }
    let header: Header = bytes.pread(0).map_err(|_| {
        Malformed(format!("it is cut off: it has {} bytes, fewer than an ELF header", bytes.len()))
    })?;
    let abi = Abi {
        machine: header.e_machine,
        is_64: class == Some(ELFCLASS64),
        is_little_endian: data == Some(ELFDATA2LSB),
    };
    Ok((header, abi))
}

/// What the program headers say.
#[derive(Default)]
struct Segments {
    loads: Vec<Load>,
    interpreter: Option<Range<u64>>,
    dynamic: Option<ProgramHeader>,
    dlopen: Vec<DlopenNote>,
}

fn segments(image: &Image, header: &Header) -> Result<Segments, Malformed> {
    let size = ProgramHeader::size(image.ctx) as u64;
    if u64::from(header.e_phentsize) != size {
        return Err(Malformed(format!(
            "its program headers have {} bytes each, not {size}",
            header.e_phentsize
        )));
    }
    let mut segments = Segments::default();
    let mut notes = 0u64;
    for index in 0..u64::from(header.e_phnum) {
        let segment: ProgramHeader =
            header.e_phoff.checked_add(index * size).and_then(|at| image.read(at)).ok_or_else(|| {
                cut_off(image, "its program headers end", header.e_phoff, header.e_phnum as u64 * size)
            })?;
        let (offset, filesz) = (segment.p_offset, segment.p_filesz);
        match segment.p_type {
            PT_LOAD if filesz > 0 => {
                let end = offset.checked_add(filesz);
                // No segment wraps around the address space: so sums of what lies in one never overflow.
                let end_in_memory = segment.p_vaddr.checked_add(filesz);
                if end.is_none_or(|end| end > image.len()) || end_in_memory.is_none() {
                    return Err(cut_off(image, "a segment to be loaded ends", offset, filesz));
                }
                segments.loads.push(Load { vaddr: segment.p_vaddr, offset, filesz });
            }
            // The kernel takes the first (load_elf_binary), ld.so the last.
            PT_INTERP if segments.interpreter.is_none() => {
                segments.interpreter = Some(offset..offset.saturating_add(filesz));
            }
            // An empty one is none: what linker scripts leave behind.
            PT_DYNAMIC if filesz > 0 => segments.dynamic = Some(segment),
            // Overlapping notes in a hostile file would be read again and again.
            PT_NOTE if notes.saturating_add(filesz) <= image.len() => {
                notes += filesz;
                segments.dlopen.extend(note::dlopen_notes(image, offset, filesz, segment.p_align));
            }
            _ => {}
        }
    }
    Ok(segments)
}

fn cut_off(image: &Image, what: &str, offset: u64, len: u64) -> Malformed {
    let end = u128::from(offset) + u128::from(len);
    Malformed(format!("it is cut off: {what} at byte {end}, but the file has only {}", image.len()))
}

/// `None`: the kernel would not take it.
fn interpreter_string(image: &Image, range: &Range<u64>) -> Result<Option<Vec<u8>>, Malformed> {
    let len = range.end - range.start;
    let bytes = image
        .slice(range.start, len)
        .ok_or_else(|| cut_off(image, "the path of its interpreter (PT_INTERP) ends", range.start, len))?;
    // The kernel's own rule (load_elf_binary): a NUL at the very end, and no more than PATH_MAX bytes.
    let end = bytes.iter().position(|byte| *byte == 0);
    let is_whole = bytes.last() == Some(&0) && len <= 4096;
    Ok(end.filter(|_| is_whole).map(|end| bytes[..end].to_vec()))
}

/// Reads PT_DYNAMIC where ld.so does: at its address, until the first DT_NULL.
fn dynamic_entries(
    image: &Image,
    loads: &[Load],
    segment: &ProgramHeader,
) -> Result<Vec<DynamicEntry>, Malformed> {
    let outside =
        || Malformed("its dynamic section (PT_DYNAMIC) lies outside of the segments to be loaded".into());
    let (start, room) = file_offset(loads, segment.p_vaddr).ok_or_else(outside)?;
    let size = Dyn::size(image.ctx.container) as u64;
    let mut entries = Vec::new();
    let mut ended = false;
    for index in 0..segment.p_filesz.min(room) / size {
        let at = start + index * size;
        let entry: Dyn = image.read(at).ok_or_else(outside)?;
        if ended && entry.d_tag != DT_NULL {
            break;
        }
        ended |= entry.d_tag == DT_NULL;
        entries.push(DynamicEntry { at, tag: entry.d_tag, value: entry.d_val });
    }
    if ended { Ok(entries) } else { Err(Malformed("its dynamic section has no end (DT_NULL)".into())) }
}

/// Where the dynamic string table lies: at DT_STRTAB, DT_STRSZ long, but no longer than its segment.
fn string_table(layout: &Layout) -> Result<Range<u64>, Malformed> {
    let Some(address) = layout.value(DT_STRTAB) else { return Ok(0..0) };
    let (start, room) = file_offset(&layout.loads, address).ok_or_else(|| {
        Malformed("its dynamic string table lies outside of the segments to be loaded".into())
    })?;
    let size = layout.value(DT_STRSZ).unwrap_or(room);
    Ok(start..start + size.min(room))
}

/// The dynamic string table, read with a limit: entries may overlap, and a hostile table could otherwise be copied as many
/// times as there are entries.
pub(super) struct Strings<'a> {
    table: &'a [u8],
    budget: Cell<usize>,
}

impl<'a> Strings<'a> {
    pub(super) fn new(image: &Image<'a>, range: &Range<u64>) -> Self {
        let table = image.slice(range.start, range.end - range.start).unwrap_or_default();
        // Each referrer takes bytes too, so the strings of an honest file come to less than the file.
        Strings { table, budget: Cell::new(image.bytes.len()) }
    }

    pub(super) fn get(&self, at: u64, field: &str) -> Result<Vec<u8>, Malformed> {
        let string = usize::try_from(at)
            .ok()
            .and_then(|at| self.table.get(at..))
            .and_then(|tail| Some(&tail[..memchr::memchr(0, tail)?]))
            .ok_or_else(|| Malformed(format!("its {field} {OUTSIDE_OF_STRINGS}")))?;
        let left = self.budget.get().checked_sub(string.len());
        self.budget.set(left.ok_or_else(|| Malformed("its strings are longer than itself".into()))?);
        Ok(string.to_vec())
    }
}

fn versions_needed(image: &Image, layout: &Layout, strings: &Strings) -> Result<Vec<VersionNeed>, Malformed> {
    let table = layout.place(DT_VERNEED).and_then(|at| symver::verneed(image, at)).ok_or_else(|| {
        Malformed("its table of needed symbol versions (DT_VERNEED) cannot be followed".into())
    })?;
    table
        .iter()
        .map(|need| {
            Ok(VersionNeed {
                file: strings.get(need.file.string, "DT_VERNEED")?,
                versions: need
                    .versions
                    .iter()
                    .map(|version| strings.get(version.string, "DT_VERNEED"))
                    .collect::<Result<_, _>>()?,
            })
        })
        .collect()
}

/// Whether nothing of what is to be loaded is there: `objcopy --only-keep-debug` and `eu-strip -f` turn every such section but
/// the notes into SHT_NOBITS.
pub(super) fn is_debug_file(image: &Image, header: &Header) -> bool {
    let size = SectionHeader::size(image.ctx) as u64;
    let mut nobits = 0;
    for index in 0..u64::from(header.e_shnum) {
        let at = header.e_shoff.checked_add(index * size);
        let Some(section) = at.and_then(|at| image.read::<SectionHeader>(at)) else { return false };
        match section.sh_type {
            SHT_NOBITS if section.sh_flags & u64::from(SHF_ALLOC) != 0 => nobits += 1,
            SHT_PROGBITS if section.sh_flags & u64::from(SHF_ALLOC) != 0 => return false,
            _ => {}
        }
    }
    nobits > 0
}

#[cfg(test)]
#[path = "read_tests.rs"]
pub(crate) mod tests;
