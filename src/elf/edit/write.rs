//! The annex as bytes, and everything that leads to it.

use goblin::elf::dynamic::{DT_STRSZ, DT_STRTAB, DT_SYMTAB};
use goblin::elf::header::EI_OSABI;
use goblin::elf::program_header::{
    PF_R, PF_W, PT_DYNAMIC, PT_GNU_RELRO, PT_INTERP, PT_LOAD, PT_NOTE, PT_PHDR, ProgramHeader,
};
use goblin::elf::section_header::{SHF_ALLOC, SHT_NOTE, SHT_PROGBITS, SectionHeader};

use super::annex::{CACHE_SECTION, Kind, MARKER_SECTION, NOWHERE, Piece, TABLE_SECTION};
use super::growth::Growth;
use super::headers::{encoded, encoded_header};
use super::place::Place;
use super::{end, finish, symtab};
use crate::elf::sections::has_no_bytes;
use crate::elf::{FileOffset, Patch};

impl Growth<'_> {
    /// Lets everything that leads to a piece lead to its new place.
    pub fn move_in(&mut self, place: Place) {
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
            } else if !self.headers.sections.is_empty() && end::can_move_names(&self.headers) {
                self.add_section(piece.kind, offset, address, len, word);
            }
            if piece.kind == Kind::Table {
                self.headers.header.e_phoff = offset;
            }
        }
        let symbols = self.draft.elf.layout.place(DT_SYMTAB);
        let (image, sections) = (&self.draft.image, &self.headers.sections);
        self.patches.extend(symtab::follow(image, symbols, &sections_before, sections));
        self.pieces = pieces;
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
            sh_name: end::UNNAMED,
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
    pub fn write(&mut self, end: u64, place: Place) {
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
        self.patches.extend(end::wiped(&self.draft.image, end, place.offset.min(file_len)));
        self.patches.push(Patch::new(FileOffset(place.offset), blob));
        if let Some(abi) = self.draft.os_abi {
            self.headers.header.e_ident[EI_OSABI] = abi;
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

    /// Section names and section headers, behind the annex; `blob` begins at `offset`.
    fn write_sections(&mut self, blob: &mut Vec<u8>, offset: u64) {
        finish::version_sections(&self.draft, &mut self.headers);
        let kinds = self.pieces.iter().filter(|piece| piece.section.is_none()).map(|piece| piece.kind);
        let new = kinds.filter_map(|kind| match kind {
            Kind::Cache => Some(CACHE_SECTION),
            Kind::Table => Some(TABLE_SECTION),
            Kind::Marker => Some(MARKER_SECTION),
            _ => None,
        });
        let new: Vec<&[u8]> = new.collect();
        end::write_sections(&self.draft.image, &mut self.headers, &new, blob, offset);
    }
}
