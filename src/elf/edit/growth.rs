//! Growth: one further PT_LOAD behind everything, the *annex*, which later edits use again. Nothing else of the file moves.
//!
//! What is in it, in the order of the file's sections: what did not fit in its place (PT_INTERP's string, PT_DYNAMIC, the
//! dynamic string table), the program header table where it has no room for one more, and a marker by which it is known again. The
//! annex is made anew each time that it has to grow, so two edits give what both at once do.

use std::ops::Range;

use goblin::elf::header::ET_EXEC;
use goblin::elf::program_header::{
    PF_R, PF_W, PT_GNU_STACK, PT_LOAD, PT_NOTE, PT_NULL, PT_PHDR, ProgramHeader,
};

use super::annex::{Kind, NOWHERE, Old, Piece, Table, find_old, marker};
use super::cache::{self, Cache};
use super::draft::Draft;
use super::headers::Headers;
use super::place::{self, Place};
use super::verbs::TABLES;
use super::{end, finish, tail};
use crate::elf::Patch;
use crate::elf::operation::{Operation, Refusal};

/// A draft that needs an annex.
pub(super) struct Growth<'a> {
    pub draft: Draft<'a>,
    pub headers: Headers,
    pub old: Option<Old>,
    pub pieces: Vec<Piece>,
    pub patches: Vec<Patch>,
}

/// The patches of a draft that does not fit in the file as it is.
pub(super) fn grow(draft: Draft, operation: &Operation) -> Result<Vec<Patch>, Refusal> {
    let headers = Headers::read(&draft.image)
        .filter(|headers| headers.loads().any(|load| load.p_memsz > 0))
        .ok_or(Refusal::NoPlace { reason: "it has no segments that are loaded" })?;
    let mut growth = Growth { draft, headers, old: None, pieces: Vec::new(), patches: Vec::new() };
    growth.check_ends()?;
    growth.take_out_old();
    growth.take_out_cache();
    growth.choose_pieces();
    growth.check_dynamic()?;
    growth.check_names()?;
    growth.check_counts()?;
    growth.lay_out();
    let end = end::of_file(
        &growth.draft.image,
        &growth.headers,
        growth.old.as_ref(),
        operation.grow_before_payload,
    )?;
    let place = growth.place(end, operation.page_size)?;
    growth.check_pointers(place)?;
    growth.move_in(place);
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

    /// Takes out the header of a note about libraries that is not true any more, or will be written anew.
    fn take_out_cache(&mut self) {
        let index = cache::find(&self.draft.image, &self.headers.segments);
        let Some(index) = index.filter(|_| self.draft.cache != Cache::Stays) else { return };
        if self.is_in_old(self.headers.segments[index].p_offset) {
            self.headers.segments.remove(index);
        } else {
            self.patches.extend(cache::take_out(&self.draft.image, &mut self.headers));
        }
    }

    pub fn is_in_old(&self, offset: u64) -> bool {
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
            Table::Grows => {
                let end = self.headers.header.e_phoff + self.headers.segments_len(self.draft.image.ctx);
                let is_in_the_way =
                    interpreter.is_some_and(|at| self.headers.header.e_phoff < at && at < end);
                if is_in_the_way && !self.has(Kind::Interpreter) {
                    self.add_piece(Kind::Interpreter);
                }
            }
            Table::Moves => self.add_piece(Kind::Table),
        }
        self.add_piece(Kind::Marker);
    }

    /// The header of a note about libraries in the old annex.
    fn old_cache(&self) -> Option<&ProgramHeader> {
        let index = cache::find(&self.draft.image, &self.headers.segments)?;
        self.headers.segments.get(index).filter(|segment| self.is_in_old(segment.p_offset))
    }

    fn add_piece(&mut self, kind: Kind) {
        let section = self.section_of(kind);
        self.pieces.push(Piece { kind, section, bytes: Vec::new(), align: 1, at: 0 });
    }

    /// A loader relocates itself by the place at which the linker put its dynamic section. The kernel begins at its e_entry, so that a
    /// library without one is none (binutils since 2.35 gives libraries none).
    fn check_dynamic(&self) -> Result<(), Refusal> {
        let elf = self.draft.elf;
        let may_start = self.headers.header.e_entry != 0;
        let may_be_loader = may_start && elf.interpreter.is_none() && elf.needed.is_empty();
        let moves = |place: Range<u64>| self.has(Kind::Dynamic) && !self.is_in_old(place.start);
        if may_be_loader && finish::dynamic_place(&self.draft).is_some_and(moves) {
            let reason = "its dynamic section has no room for a further entry, and must stay where it is, as it needs \
                          no library, has an entry point and may be a loader";
            return Err(Refusal::NoPlace { reason });
        }
        Ok(())
    }

    /// What lies behind the string table would be another string where the table is longer.
    fn check_names(&self) -> Result<(), Refusal> {
        let strings = &self.draft.elf.layout.strings;
        let mut outside = false;
        if self.has(Kind::Strings) {
            let _ =
                self.draft.referrers().visit(&mut |string| outside |= string >= strings.end - strings.start);
        }
        match outside {
            true => {
                Err(Refusal::NoPlace { reason: "a symbol or version has a name outside of the string table" })
            }
            false => Ok(()),
        }
    }

    /// A tag that leads nowhere would lead into the annex.
    fn check_pointers(&self, place: Place) -> Result<(), Refusal> {
        let annex = place.address..place.address + self.len();
        let is_in_old = |address: u64| {
            let old = self.old.as_ref().map(|old| &old.segment);
            old.is_some_and(|old| (old.p_vaddr..old.p_vaddr.saturating_add(old.p_memsz)).contains(&address))
        };
        let mut pointers = self.draft.elf.layout.dynamic.iter().filter(|entry| TABLES.contains(&entry.tag));
        match pointers.any(|entry| annex.contains(&entry.value) && !is_in_old(entry.value)) {
            true => Err(Refusal::NoPlace { reason: "one of its tables is said to lie behind its segments" }),
            false => Ok(()),
        }
    }

    /// What would be in the annex by an old header's word.
    fn check_ends(&self) -> Result<(), Refusal> {
        let (header, len) = (&self.headers.header, self.draft.image.len());
        let is_behind = |segment: &ProgramHeader| {
            segment.p_filesz > 0 && segment.p_offset.saturating_add(segment.p_filesz) > len
        };
        let is_in_header = header.e_shoff != 0 && header.e_shoff < u64::from(header.e_ehsize);
        if is_in_header || self.headers.segments.iter().any(is_behind) {
            return Err(Refusal::NoPlace {
                reason: "its headers lead behind its end, or into the file header",
            });
        }
        if !self.headers.are_loadable() {
            return Err(Refusal::NoPlace {
                reason: "its segments do not follow each other in memory, or have more bytes in the file than there",
            });
        }
        Ok(())
    }

    /// More headers than the file header can say are counted elsewhere (PN_XNUM, SHN_LORESERVE), in no file that was ever seen.
    fn check_counts(&self) -> Result<(), Refusal> {
        let (segments, sections) = (self.headers.segments.len(), self.headers.sections.len());
        if segments >= 0xffff || sections + self.pieces.len() >= 0xff00 {
            return Err(Refusal::NoPlace { reason: "it has as many headers as can be" });
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
        // Such an annex begins wherever the loaded bytes end, be it at an odd address ([`place`]).
        let (mut at, skew) = match self.has(Kind::Table) {
            true => (table_len, place::data_end(&self.headers).unwrap_or(0) % 16),
            false => (0, 0),
        };
        for piece in &mut self.pieces {
            piece.at = (skew + at).next_multiple_of(piece.align) - skew;
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

    pub fn has(&self, kind: Kind) -> bool {
        self.pieces.iter().any(|piece| piece.kind == kind)
    }

    pub fn len(&self) -> u64 {
        self.pieces.last().map_or(0, |piece| piece.at + piece.bytes.len() as u64)
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
}
