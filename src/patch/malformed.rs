//! What patchelf objects to in a file, in its own words. It goes by the section headers, so all of them must be right
//! for it, even where neither the kernel nor ld.so ever looks. A file that has none at all is taken all the same.

use goblin::container::Ctx;
use goblin::elf::header::{
    EI_CLASS, EI_VERSION, ELFCLASS32, ELFCLASS64, ELFMAG, ET_DYN, ET_EXEC, EV_CURRENT, Header,
};
use goblin::elf::program_header::ProgramHeader;
use goblin::elf::section_header::{SHN_LORESERVE, SHT_DYNSYM, SHT_NOBITS, SHT_SYMTAB, SectionHeader};
use goblin::elf::sym::Sym;
use scroll::Pread;

use crate::elf::Malformed;
use crate::elf::read::OUTSIDE_OF_STRINGS;

use super::Request;

type Words = &'static str;

/// What patchelf calls something that our parser objects to.
pub(super) fn patchelf_words(malformed: &Malformed) -> Option<Words> {
    malformed.0.ends_with(OUTSIDE_OF_STRINGS).then_some("string table index out of bounds")
}

/// patchelf's checks, in its order, of what a request makes it look at.
pub(super) fn check(bytes: &[u8], request: &Request) -> Result<(), Words> {
    let Some(sections) = Sections::read(bytes)? else { return Ok(()) };
    if request.reads_dynamic() {
        sections.check_dynamic(request)?;
    }
    if !request.operation.rename_symbols.is_empty() {
        sections.check_gnu_hash()?;
    }
    Ok(())
}

/// Whether there is a section of a name, with content in the file.
pub(super) fn has_section(bytes: &[u8], name: &[u8]) -> bool {
    Sections::read(bytes).ok().flatten().is_some_and(|sections| sections.find_content(name).is_some())
}

/// patchelf's warning about a symbol whose section has no name: it finds sections by name.
pub(super) fn unnamed_section(bytes: &[u8]) -> Option<String> {
    let sections = Sections::read(bytes).ok()??;
    let has_name = |section: &SectionHeader| sections.name(section).is_some_and(|name| !name.is_empty());
    let unnamed: Vec<_> =
        (1..sections.headers.len()).filter(|at| !has_name(&sections.headers[*at])).collect();
    // Symbols are many; they need not be read where every section has a name.
    if unnamed.is_empty() {
        return None;
    }
    let tables = sections.headers.iter().filter(|section| matches!(section.sh_type, SHT_SYMTAB | SHT_DYNSYM));
    let size = Sym::size(sections.ctx.container);
    let symbols =
        tables.filter_map(|table| sections.content(table).ok()).flat_map(|table| table.chunks_exact(size));
    let indices = symbols
        .filter_map(|symbol| symbol.pread_with::<Sym>(0, sections.ctx).ok())
        .map(|symbol| symbol.st_shndx);
    let index =
        indices.into_iter().find(|index| *index < SHN_LORESERVE as usize && unnamed.contains(index))?;
    Some(format!("symbol table entry refers to an unnamed section (index {index}), skipping"))
}

/// The file header. goblin takes what patchelf does not, and the reverse.
fn header(bytes: &[u8]) -> Result<Header, Words> {
    const SMALLEST: usize = 52;
    if bytes.len() < SMALLEST {
        return Err("missing ELF header");
    }
    if !bytes.starts_with(ELFMAG) {
        return Err("not an ELF executable");
    }
    if bytes[EI_VERSION] != EV_CURRENT {
        return Err("unsupported ELF version");
    }
    if !matches!(bytes[EI_CLASS], ELFCLASS32 | ELFCLASS64) {
        return Err("ELF executable is not 32 or 64 bit");
    }
    let header: Header = bytes.pread(0).map_err(|_| "missing ELF header")?;
    if !matches!(header.e_type, ET_EXEC | ET_DYN) {
        return Err("wrong ELF type");
    }
    Ok(header)
}

fn is_within(bytes: &[u8], offset: u64, len: u64) -> bool {
    offset.checked_add(len).is_some_and(|end| end <= bytes.len() as u64)
}

struct Sections<'a> {
    bytes: &'a [u8],
    ctx: Ctx,
    headers: Vec<SectionHeader>,
    names: &'a [u8],
}

impl<'a> Sections<'a> {
    /// `None` where there are no section headers.
    fn read(bytes: &'a [u8]) -> Result<Option<Self>, Words> {
        let header = header(bytes)?;
        let ctx = Ctx::new(
            header.container().map_err(|_| "missing ELF header")?,
            header.endianness().map_err(|_| "missing ELF header")?,
        );
        let table = |count: u16, size: u16| u64::from(count) * u64::from(size);
        if !is_within(bytes, header.e_phoff, table(header.e_phnum, header.e_phentsize)) {
            return Err("program header table out of bounds");
        }
        if header.e_shnum == 0 {
            return Ok(None);
        }
        if !is_within(bytes, header.e_shoff, table(header.e_shnum, header.e_shentsize)) {
            return Err("section header table out of bounds");
        }
        if usize::from(header.e_phentsize) != ProgramHeader::size(ctx) {
            return Err("program headers have wrong size");
        }
        if usize::from(header.e_shentsize) != SectionHeader::size(ctx) {
            return Err("section headers have wrong size");
        }
        let headers = SectionHeader::parse(bytes, header.e_shoff as usize, header.e_shnum.into(), ctx)
            .map_err(|_| "section header table out of bounds")?;
        let names = names(bytes, headers.get(usize::from(header.e_shstrndx)))?;
        let sections = Sections { bytes, ctx, headers, names };
        match sections.headers.iter().skip(1).all(|section| sections.name(section).is_some()) {
            true => Ok(Some(sections)),
            false => Err("section name offset out of bounds"),
        }
    }

    fn name(&self, section: &SectionHeader) -> Option<&'a [u8]> {
        self.names.get(section.sh_name..)?.split(|byte| *byte == 0).next()
    }

    fn find(&self, name: &[u8]) -> Option<&SectionHeader> {
        self.headers.iter().skip(1).find(|section| self.name(section) == Some(name))
    }

    fn find_content(&self, name: &[u8]) -> Option<&SectionHeader> {
        self.find(name).filter(|section| section.sh_type != SHT_NOBITS)
    }

    fn content(&self, section: &SectionHeader) -> Result<&'a [u8], Words> {
        let (offset, len) = (section.sh_offset, section.sh_size);
        if !is_within(self.bytes, offset, len) {
            return Err("data offset extends past file end");
        }
        Ok(&self.bytes[offset as usize..(offset + len) as usize])
    }

    /// The dynamic section and its strings.
    fn check_dynamic(&self, request: &Request) -> Result<(), Words> {
        let Some(dynamic) = self.find_content(b".dynamic") else { return Ok(()) };
        let entries = self.content(dynamic)?;
        let word = if self.ctx.is_big() { 8 } else { 4 };
        if dynamic.sh_offset % word != 0 {
            return Err("section content is not naturally aligned");
        }
        if let Some(strings) = self.find(b".dynstr")
            && self.content(strings)?.last() != Some(&0)
        {
            return Err("string table is not NUL-terminated");
        }
        // Printing goes on to the section's end; to add an entry it needs to know where the last one is.
        let is_end = |entry: &[u8]| entry[..word as usize].iter().all(|byte| *byte == 0);
        let has_end = entries.chunks_exact(2 * word as usize).any(is_end);
        match has_end || !(request.run_path.is_some() || super::edits_dynamic(&request.operation)) {
            true => Ok(()),
            false => Err("setSubstr: write extends past end of section"),
        }
    }

    /// The header of DT_GNU_HASH's table, which renaming makes anew: counts of buckets and of words in the filter, two
    /// further words, then both.
    fn check_gnu_hash(&self) -> Result<(), Words> {
        let Some(section) = self.find(b".gnu.hash") else { return Ok(()) };
        let table = self.content(section)?;
        let word = |at: usize| table.pread_with::<u32>(at, self.ctx.le).map(u64::from);
        let (Ok(buckets), Ok(filters), Ok(_)) = (word(0), word(8), word(12)) else {
            return Err(".gnu.hash section is too small");
        };
        let size = 16 + buckets * 4 + filters * if self.ctx.is_big() { 8 } else { 4 };
        match buckets > 0 && filters > 0 && size <= table.len() as u64 {
            true => Ok(()),
            false => Err(".gnu.hash table header out of range"),
        }
    }
}

/// The section names' table.
fn names<'a>(bytes: &'a [u8], section: Option<&SectionHeader>) -> Result<&'a [u8], Words> {
    let section = section.ok_or("string table index out of bounds")?;
    let (offset, len) = (section.sh_offset, section.sh_size);
    if offset > bytes.len() as u64 {
        return Err("string table offset out of bounds");
    }
    if !is_within(bytes, offset, len) {
        return Err("data region extends past file end");
    }
    let names = &bytes[offset as usize..(offset + len) as usize];
    match names.last() {
        None => Err("string table size is zero"),
        Some(0) => Ok(names),
        Some(_) => Err("string table is not zero terminated"),
    }
}
