//! Growth: one further PT_LOAD behind everything, the *annex*, which later edits use again. Nothing else of the file moves.
//!
//! What is in it, in the order of the file's sections: what did not fit in its place (PT_INTERP's string, PT_DYNAMIC, the
//! dynamic string table), the program header table where it has no room for one more, and a marker by which it is known again. The
//! annex is made anew each time that it has to grow, so two edits give what both at once do.

use std::ops::Range;

use goblin::elf::dynamic::{DT_STRSZ, DT_STRTAB};
use goblin::elf::header::ET_EXEC;
use goblin::elf::program_header::{
    PF_R, PF_W, PT_DYNAMIC, PT_GNU_RELRO, PT_GNU_STACK, PT_INTERP, PT_LOAD, PT_NOTE, PT_NULL, PT_PHDR,
    ProgramHeader,
};
use goblin::elf::section_header::{
    SHF_ALLOC, SHT_DYNAMIC, SHT_NOTE, SHT_PROGBITS, SHT_STRTAB, SectionHeader,
};

use memchr::memmem;
use scroll::Pread;

use super::cache::{self, Cache};
use super::draft::Draft;
use super::headers::{Headers, encoded, encoded_header, has_no_bytes};
use super::place::{self, Place};
use super::{finish, symtab, tail};
use crate::elf::image::Image;
use crate::elf::operation::{Operation, Refusal};
use crate::elf::{FileOffset, Patch};

/// What the marker begins with; the length that the string table had before anything was added to it follows, in 8 bytes.
const MAGIC: &[u8; 8] = b"explant\0";
const MARKER_LEN: u64 = 16;

/// Sections of the annex that no linker makes: they cover its bytes, since eu-strip keeps no others.
const TABLE_SECTION: &[u8] = b".phdrs";
const MARKER_SECTION: &[u8] = b".explant";
const CACHE_SECTION: &[u8] = b".note.nixos.ldcache";

/// Where a header leads that is still to be filled in.
const NOWHERE: u64 = u64::MAX;

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
enum Table {
    /// It has room for what is added.
    Stays,
    /// There is room behind it.
    Grows,
    /// Into the annex.
    Moves,
}

/// A part of the annex.
#[derive(Clone, Debug)]
struct Piece {
    kind: Kind,
    /// The section that describes it.
    section: Option<usize>,
    bytes: Vec<u8>,
    align: u64,
    /// From the annex's beginning.
    at: u64,
}

/// The annex that an earlier edit left.
struct Old {
    segment: ProgramHeader,
    /// The string table's length before anything was added to it.
    base: u64,
}

impl Old {
    fn holds(&self, offset: u64) -> bool {
        self.segment.p_offset <= offset && offset - self.segment.p_offset < self.segment.p_filesz
    }

    fn end(&self) -> u64 {
        self.segment.p_offset + self.segment.p_filesz
    }
}

pub(super) struct Growth<'a> {
    draft: Draft<'a>,
    headers: Headers,
    old: Option<Old>,
    pieces: Vec<Piece>,
    patches: Vec<Patch>,
}

/// The patches of a draft that does not fit in the file as it is.
pub(super) fn grow(draft: Draft, operation: &Operation) -> Result<Vec<Patch>, Refusal> {
    let headers = Headers::read(&draft.image)
        .filter(|headers| headers.loads().next().is_some())
        .ok_or(Refusal::NoPlace { reason: "it has no segments that are loaded" })?;
    let mut growth = Growth { draft, headers, old: None, pieces: Vec::new(), patches: Vec::new() };
    growth.take_out_old();
    growth.take_out_cache();
    growth.choose_pieces();
    growth.check_dynamic()?;
    growth.lay_out();
    let end = growth.end_of_file(operation.grow_before_payload)?;
    let place = growth.place(end, operation.page_size)?;
    growth.move_in(place)?;
    growth.write(end, place);
    Ok(growth.patches)
}

impl Growth<'_> {
    /// Takes the old annex's segment out of the table, if there is one.
    fn take_out_old(&mut self) {
        let Some((index, old)) = find_old(&self.draft.image, &self.headers) else { return };
        self.headers.segments.remove(index);
        self.old = Some(old);
        // They come again, in their order; no symbol or section knows them by their number.
        while self.headers.sections.last().is_some_and(|last| self.is_own(last)) {
            self.headers.sections.pop();
        }
    }

    /// Whether it is a section of the annex that no linker makes.
    fn is_own(&self, section: &SectionHeader) -> bool {
        let is_named = |name: &&[u8]| self.name_of(section).is_some_and(|own| own == *name);
        self.is_in_old(section.sh_offset)
            && [CACHE_SECTION, TABLE_SECTION, MARKER_SECTION].iter().any(is_named)
    }

    /// Takes out the header of a note about libraries that is not true any more, or will be written anew.
    fn take_out_cache(&mut self) {
        let index = cache::find(&self.draft.image, &self.headers);
        let Some(index) = index.filter(|_| self.draft.cache != Cache::Stays) else { return };
        if self.is_in_old(self.headers.segments[index].p_offset) {
            self.headers.segments.remove(index);
        } else {
            self.patches.extend(cache::take_out(&self.draft.image, &mut self.headers));
        }
    }

    fn is_in_old(&self, offset: u64) -> bool {
        self.old.as_ref().is_some_and(|old| old.holds(offset))
    }

    /// What goes into the annex: what has no room where it is, and what is in the old annex already.
    fn choose_pieces(&mut self) {
        let fit = finish::Fit::of(&self.draft);
        let layout = &self.draft.elf.layout;
        let interpreter = layout.interpreter.as_ref().map(|range| range.start);
        let dynamic = layout.dynamic.first().map(|entry| entry.at);
        let strings = Some(layout.strings.start).filter(|_| !layout.strings.is_empty());
        let moves = [
            (Kind::Interpreter, interpreter, fit.interpreter),
            (Kind::Dynamic, dynamic, fit.dynamic),
            (Kind::Strings, strings, fit.strings),
        ];
        for (kind, at, fits) in moves {
            if !fits || at.is_some_and(|at| self.is_in_old(at)) {
                self.add_piece(kind);
            }
        }
        if matches!(self.draft.cache, Cache::New(_)) || self.old_cache().is_some() {
            self.add_piece(Kind::Cache);
        }
        match self.make_headers(fit.stack) {
            Table::Stays => {}
            // PT_INTERP's string makes room.
            Table::Grows if self.has(Kind::Interpreter) || interpreter.is_none() => {}
            Table::Grows => self.add_piece(Kind::Interpreter),
            Table::Moves => self.add_piece(Kind::Table),
        }
        self.add_piece(Kind::Marker);
    }

    /// The header of a note about libraries in the old annex.
    fn old_cache(&self) -> Option<&ProgramHeader> {
        let index = cache::find(&self.draft.image, &self.headers)?;
        self.headers.segments.get(index).filter(|segment| self.is_in_old(segment.p_offset))
    }

    fn add_piece(&mut self, kind: Kind) {
        let section = self.section_of(kind);
        self.pieces.push(Piece { kind, section, bytes: Vec::new(), align: 1, at: 0 });
    }
    /// A loader relocates itself by the place at which the linker put its dynamic section.
    fn check_dynamic(&self) -> Result<(), Refusal> {
        let elf = self.draft.elf;
        let may_be_loader = elf.interpreter.is_none() && elf.needed.is_empty();
        let moves = |place: Range<u64>| self.has(Kind::Dynamic) && !self.is_in_old(place.start);
        if may_be_loader && finish::dynamic_place(&self.draft).is_some_and(moves) {
            let reason = "its dynamic section has no room for a further entry, and must stay where it is, as it needs \
                          no library and may be a loader";
            return Err(Refusal::NoPlace { reason });
        }
        Ok(())
    }

    /// Adds the headers that are wanted.
    fn make_headers(&mut self, stack_fits: bool) -> Table {
        let ctx = self.draft.image.ctx;
        let is_new_note = self.has(Kind::Cache) && self.old_cache().is_none();
        let more = usize::from(self.old.is_none()) + usize::from(!stack_fits) + usize::from(is_new_note);
        let more_len = (more * ProgramHeader::size(ctx)) as u64;
        let is_fixed = self.headers.header.e_type == ET_EXEC;
        let old_len = u64::from(self.headers.header.e_phnum) * u64::from(self.headers.header.e_phentsize);
        // One that nobody reads has no place of its own.
        let interpreter = self.draft.elf.layout.interpreter.clone().unwrap_or_default();
        let table = if self.is_in_old(self.headers.header.e_phoff) {
            Table::Moves
        } else if self.headers.free_headers(more, |segment| segment.p_type == PT_NULL) {
            Table::Stays
        } else if self.headers.room_behind_table(&self.draft.image, old_len, interpreter) >= more_len {
            Table::Grows
        // It tells a program where it is loaded (glibc's rtld.c), and one of fixed addresses nothing that it does not know.
        } else if self
            .headers
            .free_headers(more, |segment| segment.p_type == PT_NULL || segment.p_type == PT_PHDR && is_fixed)
        {
            Table::Stays
        } else {
            Table::Moves
        };
        self.headers.add_load(ProgramHeader { p_type: PT_LOAD, ..Default::default() });
        if is_new_note {
            let (p_offset, p_align) = (NOWHERE, 4);
            let note =
                ProgramHeader { p_type: PT_NOTE, p_flags: PF_R, p_offset, p_align, ..Default::default() };
            self.headers.segments.push(note);
        }
        if !stack_fits {
            let (p_flags, p_align) = (PF_R | PF_W, 16);
            let stack = ProgramHeader { p_type: PT_GNU_STACK, p_flags, p_align, ..Default::default() };
            self.headers.segments.push(stack);
        }
        if let Some(is_executable) = self.draft.stack {
            let stack = self.headers.segments.iter_mut().filter(|segment| segment.p_type == PT_GNU_STACK);
            stack.for_each(|segment| finish::set_executable(segment, is_executable));
        }
        table
    }

    /// The section that describes what is to move.
    fn section_of(&self, kind: Kind) -> Option<usize> {
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

    fn section_named(&self, name: &[u8]) -> Option<usize> {
        let is_it = |section: &SectionHeader| self.is_own(section) && self.name_of(section) == Some(name);
        self.headers.sections.iter().rposition(is_it)
    }

    fn name_of(&self, section: &SectionHeader) -> Option<&[u8]> {
        let names = self.headers.names()?;
        let names = self.draft.image.slice(names.sh_offset, names.sh_size)?;
        names.get(section.sh_name..)?.split(|byte| *byte == 0).next()
    }

    /// Gives every piece its place, in the order of their sections: binutils lays sections out in that order again.
    fn lay_out(&mut self) {
        let base = self.old.as_ref().map(|old| old.base);
        let base = base.unwrap_or(self.draft.strings.room as u64);
        if self.has(Kind::Strings) {
            tail::sort(&mut self.draft, base as usize);
        }
        let ctx = self.draft.image.ctx;
        let word = ctx.size() as u64;
        let table_len = self.headers.segments_len(ctx);
        let cache_bytes = self.cache_bytes();
        for piece in &mut self.pieces {
            let (bytes, align) = match piece.kind {
                Kind::Interpreter => (finish::interpreter(&self.draft), 1),
                Kind::Strings => (self.draft.strings.now().to_vec(), 1),
                Kind::Cache => (cache_bytes.clone(), 4),
                // Filled in once the addresses are known.
                Kind::Dynamic => (vec![0; finish::dynamic_len(&self.draft)], word),
                Kind::Table => (vec![0; table_len as usize], word),
                Kind::Marker => (marker(&self.draft.image, base), word),
            };
            (piece.bytes, piece.align) = (bytes, align);
        }
        let is_marker = |piece: &Piece| piece.kind == Kind::Marker;
        self.pieces.sort_by_key(|piece| (is_marker(piece), piece.section.unwrap_or(usize::MAX), piece.kind));
        // binutils puts a table that is not behind the file header at the beginning of its segment, before the first section.
        // Room for it there keeps the sections' addresses as they are through a strip.
        let mut at = if self.has(Kind::Table) { table_len } else { 0 };
        for piece in &mut self.pieces {
            piece.at = at.next_multiple_of(piece.align);
            at = piece.at + piece.bytes.len() as u64;
        }
    }

    /// The note about libraries, new or as it was.
    fn cache_bytes(&self) -> Vec<u8> {
        let image = &self.draft.image;
        if let Cache::New(descriptor) = &self.draft.cache {
            return cache::note_bytes(image, descriptor);
        }
        let old = self.old_cache().and_then(|segment| image.slice(segment.p_offset, segment.p_filesz));
        old.unwrap_or_default().to_vec()
    }

    fn has(&self, kind: Kind) -> bool {
        self.pieces.iter().any(|piece| piece.kind == kind)
    }

    fn len(&self) -> u64 {
        self.pieces.last().map_or(0, |piece| piece.at + piece.bytes.len() as u64)
    }

    /// Whether the section names can be written anew behind the annex.
    fn can_move_names(&self) -> bool {
        self.headers.names().is_some_and(|names| names.sh_flags & u64::from(SHF_ALLOC) == 0)
    }

    /// Where the file ends without what is written anew: the old annex, section names and section headers.
    fn end_of_file(&self, may_cover_payload: bool) -> Result<u64, Refusal> {
        let (header, image) = (&self.headers.header, &self.draft.image);
        let table = (header.e_phoff, u64::from(header.e_phnum) * u64::from(header.e_phentsize));
        let segments = self.headers.segments.iter().map(|segment| (segment.p_offset, segment.p_filesz));
        let names = if self.can_move_names() { usize::from(header.e_shstrndx) } else { usize::MAX };
        let sections = self.headers.sections.iter().enumerate();
        let sections = sections.filter(|(index, section)| *index != names && !has_no_bytes(section));
        let sections = sections.map(|(_, section)| (section.sh_offset, section.sh_size));
        let used = segments.chain(sections).chain([table, (0, u64::from(header.e_ehsize))]);
        let used = used.filter(|(at, _)| !self.is_in_old(*at));
        let used =
            used.map(|(at, len)| at.saturating_add(len)).filter(|end| *end <= image.len()).max().unwrap_or(0);

        if self.headers.sections.is_empty() && header.e_shoff != 0 {
            // Whatever it is that e_shoff leads to stays.
            return Ok(image.len());
        }
        let has_content = |from: u64, to: u64| {
            let bytes = to.checked_sub(from).and_then(|len| image.slice(from, len));
            bytes.is_some_and(|bytes| bytes.iter().any(|byte| *byte != 0))
        };
        if let Some(old) = &self.old
            && has_content(used, old.segment.p_offset)
        {
            return Ok(old.segment.p_offset);
        }
        let section_headers = u64::from(header.e_shnum) * u64::from(header.e_shentsize);
        let section_headers = header.e_shoff.saturating_add(section_headers);
        let names = self.headers.names().map_or(0, |names| names.sh_offset.saturating_add(names.sh_size));
        let ends = [used, section_headers, names, self.old.as_ref().map_or(0, Old::end)];
        let end = ends.into_iter().max().unwrap_or(used);
        if !has_content(end, image.len()) {
            return Ok(used);
        }
        if !may_cover_payload {
            return Err(Refusal::Payload { len: image.len() - end });
        }
        Ok(image.len())
    }

    fn place(&self, end: u64, page: Option<u64>) -> Result<Place, Refusal> {
        place::find(&place::Wanted {
            headers: &self.headers,
            abi: self.draft.elf.abi,
            end,
            len: self.len(),
            has_table: self.has(Kind::Table),
            page,
        })
    }

    /// Lets everything that leads to a piece lead to its new place.
    fn move_in(&mut self, place: Place) -> Result<(), Refusal> {
        let word = self.draft.image.ctx.size() as u64;
        let sections_before = self.headers.sections.clone();
        let pieces = std::mem::take(&mut self.pieces);
        self.wipe_old_places(&pieces);
        for piece in &pieces {
            let (offset, address) = (place.offset + piece.at, place.address + piece.at);
            let len = piece.bytes.len() as u64;
            let segment = match piece.kind {
                Kind::Interpreter => Some(PT_INTERP),
                Kind::Dynamic => Some(PT_DYNAMIC),
                Kind::Cache => Some(PT_NOTE),
                Kind::Table => Some(PT_PHDR),
                Kind::Strings | Kind::Marker => None,
            };
            let old = self.old.as_ref();
            let is_it = |it: &ProgramHeader| {
                let is_new = it.p_offset == NOWHERE || old.is_some_and(|old| old.holds(it.p_offset));
                Some(it.p_type) == segment && (piece.kind != Kind::Cache || is_new)
            };
            for segment in self.headers.segments.iter_mut().filter(|it| is_it(it)) {
                (segment.p_offset, segment.p_filesz, segment.p_memsz) = (offset, len, len);
                (segment.p_vaddr, segment.p_paddr) = (address, place.physical(address));
            }
            if piece.kind == Kind::Strings {
                self.draft.set_value(DT_STRTAB, address);
                self.draft.set_value(DT_STRSZ, len);
            }
            if let Some(section) = piece.section.map(|index| &mut self.headers.sections[index]) {
                (section.sh_offset, section.sh_addr, section.sh_size) = (offset, address, len);
            } else if !self.headers.sections.is_empty() && self.can_move_names() {
                self.add_section(piece.kind, offset, address, len, word);
            }
            if piece.kind == Kind::Table {
                self.headers.header.e_phoff = offset;
            }
        }
        self.patches.extend(symtab::follow(&self.draft.image, &sections_before, &self.headers.sections));
        self.pieces = pieces;
        Ok(())
    }

    /// A header for a section that no linker makes.
    fn add_section(&mut self, kind: Kind, offset: u64, address: u64, len: u64, align: u64) {
        let (sh_type, align) = match kind {
            Kind::Cache => (SHT_NOTE, 4),
            Kind::Table | Kind::Marker => (SHT_PROGBITS, align),
            _ => return,
        };
        self.headers.sections.push(SectionHeader {
            // Named when the names are written.
            sh_name: usize::MAX,
            sh_type,
            sh_flags: SHF_ALLOC.into(),
            sh_addr: address,
            sh_offset: offset,
            sh_size: len,
            sh_addralign: align,
            ..Default::default()
        });
    }

    /// NULs where something was that moved, so that nobody finds a store path there that nothing reads. A program that looks at
    /// `_DYNAMIC` itself finds an empty table.
    fn wipe_old_places(&mut self, pieces: &[Piece]) {
        let layout = &self.draft.elf.layout;
        let table_end = self.headers.header.e_phoff + self.headers.segments_len(self.draft.image.ctx);
        let is_table_inside = pieces.iter().any(|piece| piece.kind == Kind::Table);
        let table_end = if is_table_inside { 0 } else { table_end };
        for piece in pieces {
            let range = match piece.kind {
                Kind::Interpreter => layout.interpreter.clone(),
                Kind::Strings => Some(layout.strings.clone()),
                Kind::Dynamic => finish::dynamic_place(&self.draft),
                Kind::Cache | Kind::Table | Kind::Marker => None,
            };
            let Some(range) = range.filter(|range| !range.is_empty() && !self.is_in_old(range.start)) else {
                continue;
            };
            if self.is_alone(range.start, range.end, piece) {
                // What the table takes it writes itself.
                let range = range.start.max(table_end).min(range.end)..range.end;
                let nuls = vec![0; (range.end - range.start) as usize];
                self.patches.push(Patch::new(FileOffset(range.start), nuls));
            }
        }
    }

    /// Whether nothing else lies in a range of the file.
    fn is_alone(&self, start: u64, end: u64, piece: &Piece) -> bool {
        let overlaps = |at: u64, len: u64| len > 0 && at < end && start < at.saturating_add(len);
        let own = match piece.kind {
            Kind::Interpreter => PT_INTERP,
            Kind::Dynamic => PT_DYNAMIC,
            _ => PT_LOAD,
        };
        let segments = self
            .headers
            .segments
            .iter()
            .filter(|segment| !matches!(segment.p_type, PT_LOAD | PT_GNU_RELRO) && segment.p_type != own);
        let sections = self.headers.sections.iter().enumerate();
        let sections =
            sections.filter(|(index, section)| Some(*index) != piece.section && !has_no_bytes(section));
        let strings = &self.draft.elf.layout.strings;
        let is_string =
            piece.kind == Kind::Interpreter && overlaps(strings.start, strings.end - strings.start);
        !is_string
            && !segments.into_iter().any(|segment| overlaps(segment.p_offset, segment.p_filesz))
            && !sections.into_iter().any(|(_, section)| overlaps(section.sh_offset, section.sh_size))
    }

    /// Writes the annex, what follows it, and the headers.
    fn write(&mut self, end: u64, place: Place) {
        let ctx = self.draft.image.ctx;
        let len = self.len();
        let dynamic = self.pieces.iter().find(|piece| piece.kind == Kind::Dynamic);
        let dynamic = dynamic.map(|piece| (place.offset + piece.at, place.address + piece.at));
        let is_writable = dynamic.is_some();
        let annex = ProgramHeader {
            p_type: PT_LOAD,
            p_flags: if is_writable { PF_R | PF_W } else { PF_R },
            p_offset: place.offset,
            p_vaddr: place.address,
            p_paddr: place.physical(place.address),
            p_filesz: len,
            p_memsz: len,
            p_align: place.align,
        };
        if !self.has(Kind::Table) {
            let table_len = self.headers.segments_len(ctx);
            let table = self.headers.segments.iter_mut().filter(|segment| segment.p_type == PT_PHDR);
            table.for_each(|segment| (segment.p_filesz, segment.p_memsz) = (table_len, table_len));
        }
        // The one that was added for it.
        if let Some(last) = self.headers.segments.iter_mut().rfind(|segment| segment.p_type == PT_LOAD) {
            *last = annex;
        }
        let table: Vec<u8> =
            self.headers.segments.iter().flat_map(|segment| encoded(segment.clone(), ctx)).collect();
        let mut blob = vec![0; len as usize];
        for piece in &self.pieces {
            let bytes = match piece.kind {
                Kind::Table => &table,
                Kind::Dynamic => &finish::dynamic_table(&self.draft, place.address + piece.at),
                _ => &piece.bytes,
            };
            blob[piece.at as usize..][..bytes.len()].copy_from_slice(bytes);
        }
        if !self.has(Kind::Table) {
            self.patches.push(Patch::new(FileOffset(self.headers.header.e_phoff), table));
        }
        self.headers.header.e_phnum = self.headers.segments.len() as u16;
        self.write_sections(&mut blob, place.offset);
        let file_len = self.draft.image.len();
        let short = file_len.saturating_sub(place.offset + blob.len() as u64);
        blob.resize(blob.len() + short as usize, 0);
        self.wipe(end, place.offset.min(file_len));
        self.patches.push(Patch::new(FileOffset(place.offset), blob));
        if let Some(abi) = self.draft.os_abi {
            self.headers.header.e_ident[goblin::elf::header::EI_OSABI] = abi;
        }
        self.patches.push(Patch::new(FileOffset(0), encoded_header(self.headers.header, ctx)));
        self.patches.extend(finish::fields(&self.draft));
        if dynamic.is_none() {
            self.patches.extend(finish::dynamic_in_place(&self.draft));
        }
        if !self.has(Kind::Interpreter) {
            self.patches.extend(finish::interpreter_in_place(&self.draft));
        }
        if !self.has(Kind::Strings) {
            self.patches.extend(self.draft.strings.patches());
        }
    }

    /// NULs from one offset to another, if there is anything else.
    fn wipe(&mut self, from: u64, to: u64) {
        let bytes =
            to.checked_sub(from).and_then(|len| self.draft.image.slice(from, len)).unwrap_or_default();
        if bytes.iter().any(|byte| *byte != 0) {
            self.patches.push(Patch::new(FileOffset(from), vec![0; bytes.len()]));
        }
    }

    /// Section names and section headers, behind the annex; `blob` begins at `offset`.
    fn write_sections(&mut self, blob: &mut Vec<u8>, offset: u64) {
        if self.headers.sections.is_empty() {
            return;
        }
        let ctx = self.draft.image.ctx;
        finish::version_section(&self.draft, &mut self.headers.sections);
        if self.can_move_names() {
            let index = usize::from(self.headers.header.e_shstrndx);
            let old = &self.headers.sections[index];
            let mut names = self.draft.image.slice(old.sh_offset, old.sh_size).unwrap_or_default().to_vec();
            let kinds = self.pieces.iter().filter(|piece| piece.section.is_none()).map(|piece| piece.kind);
            let new = kinds.filter_map(|kind| match kind {
                Kind::Cache => Some(CACHE_SECTION),
                Kind::Table => Some(TABLE_SECTION),
                Kind::Marker => Some(MARKER_SECTION),
                _ => None,
            });
            let unnamed = self.headers.sections.iter_mut().filter(|section| section.sh_name == usize::MAX);
            for (section, name) in unnamed.zip(new) {
                let name = [b"\0", name, b"\0"].concat();
                section.sh_name = 1 + memmem::find(&names, &name).unwrap_or_else(|| {
                    names.extend_from_slice(&name[1..]);
                    names.len() - name.len()
                });
            }
            let section = &mut self.headers.sections[index];
            (section.sh_offset, section.sh_size) = (offset + blob.len() as u64, names.len() as u64);
            blob.extend(names);
        }
        let table: Vec<u8> =
            self.headers.sections.iter().flat_map(|section| encoded(section.clone(), ctx)).collect();
        let file_len = self.draft.image.len();
        let at = (offset + blob.len() as u64).next_multiple_of(8);
        // A file never gets shorter.
        let at = at.max(file_len.saturating_sub(table.len() as u64).next_multiple_of(8));
        blob.resize((at - offset) as usize, 0);
        blob.extend(table);
        self.headers.header.e_shoff = at;
        self.headers.header.e_shnum = self.headers.sections.len() as u16;
    }
}

/// Whether the note about libraries lies in the annex that an earlier edit left.
pub(super) fn is_cache_in_annex(image: &Image) -> bool {
    let Some(headers) = Headers::read(image) else { return false };
    let annex = find_old(image, &headers);
    let cache = cache::find(image, &headers).and_then(|index| headers.segments.get(index));
    annex.zip(cache).is_some_and(|((_, old), cache)| old.holds(cache.p_offset))
}

/// The annex that an earlier edit left, and its number: the last segment by address, with a marker at its end.
fn find_old(image: &Image, headers: &Headers) -> Option<(usize, Old)> {
    let segments = &headers.segments;
    let loads = (0..segments.len()).filter(|index| segments[*index].p_type == PT_LOAD);
    let index = loads.max_by_key(|index| segments[*index].p_vaddr)?;
    let segment = segments[index].clone();
    let marker = segment.p_offset.checked_add(segment.p_filesz.checked_sub(MARKER_LEN)?)?;
    let marker = image.slice(marker, MARKER_LEN).filter(|marker| marker.starts_with(MAGIC))?;
    let base = marker.pread_with(MAGIC.len(), image.ctx.le).ok()?;
    Some((index, Old { segment, base }))
}

fn marker(image: &Image, base: u64) -> Vec<u8> {
    let mut marker = MAGIC.to_vec();
    marker.extend(image.u64_bytes(base));
    marker
}
