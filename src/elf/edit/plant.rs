//! Plants a stub: one further PT_LOAD, read-only and executable, behind all else; PT_INTERP gone, the entry point moved.
//!
//! PT_INTERP's place in the table of program headers serves the new segment, so the table never grows or moves. It is done last, on
//! what the other edits have left, an annex included: to such a file they find their way no more by its end.

use goblin::elf::program_header::{PF_R, PF_X, PT_INTERP, PT_LOAD, PT_PHDR, ProgramHeader};
use goblin::elf::section_header::{SHF_ALLOC, SHF_EXECINSTR, SHT_PROGBITS, SectionHeader};

use super::end;
use super::headers::{Headers, encoded, encoded_header};
use super::place::{self, Place};
use crate::elf::image::Image;
use crate::elf::operation::{Operation, Refusal};
use crate::elf::planted::Stub;
use crate::elf::sections::has_no_bytes;
use crate::elf::{Class, Elf, FileOffset, Patch, patched, patches_after};

const STUB: &str = "stub";

/// A section that covers the segment, since strip keeps no bytes that none covers.
const SECTION: &[u8] = b".stub";

/// The patches of a file, with those of its stub.
pub(super) fn plant(
    elf: &Elf,
    bytes: &[u8],
    patches: Vec<Patch>,
    stub: &Stub,
    operation: &Operation,
) -> Result<Vec<Patch>, Refusal> {
    let refuse = |reason: &str| Err(Refusal::impossible(STUB, reason));
    if let Some(planted) = &elf.stub {
        let table = stub.at(0, planted.entry).split_off(stub.table);
        let is_same = |at: &usize| (8..16).contains(at) || table.get(*at) == planted.table.get(*at);
        if (0..table.len().max(planted.table.len())).all(|at| is_same(&at)) {
            return Ok(patches);
        }
        return refuse("it has one already");
    }
    if elf.abi != stub.abi {
        return refuse("it is made for another processor");
    }
    if elf.class != Class::Program || elf.interpreter.is_none() {
        return refuse("it is no program that a loader starts");
    }
    if !elf.is_dynamic() {
        return refuse("it has no dynamic section, so its loader would have nothing to do");
    }
    let edited = patched(bytes, &patches);
    let mut planting = Planting::new(Image::new(&edited, elf.abi), operation)?;
    let added = planting.patches(stub)?;
    Ok(patches_after(patches, added))
}

struct Planting<'a> {
    image: Image<'a>,
    headers: Headers,
    place: Place,
    /// Where the file ends without what is written anew.
    end: u64,
}

impl<'a> Planting<'a> {
    fn new(image: Image<'a>, operation: &Operation) -> Result<Self, Refusal> {
        let headers = Headers::read(&image).filter(|headers| headers.loads().next().is_some());
        let headers = headers.ok_or(Refusal::NoPlace { reason: "it has no segments that are loaded" })?;
        // It gets one header in place of another.
        if headers.sections.len() + 1 >= 0xff00 {
            return Err(Refusal::NoPlace { reason: "it has as many headers as can be" });
        }
        let end = end::of_file(&image, &headers, None, operation.grow_before_payload)?;
        Ok(Planting { image, headers, place: Place::default(), end })
    }

    fn patches(&mut self, stub: &Stub) -> Result<Vec<Patch>, Refusal> {
        let len = stub.bytes.len() as u64;
        self.place = place::find(&place::Wanted {
            headers: &self.headers,
            abi: stub.abi,
            end: self.end,
            len,
            has_table: false,
            page: None,
        })?;
        let entry = self.headers.header.e_entry;
        let mut patches = self.drop_interpreter();
        self.add_segment(len);
        let mut blob = stub.at(self.place.address, entry);
        let own = self.add_section(len);
        end::write_sections(&self.image, &mut self.headers, &own, &mut blob, self.place.offset);
        let short = self.image.len().saturating_sub(self.place.offset + blob.len() as u64);
        blob.resize(blob.len() + short as usize, 0);
        if let Some(gap) = end::wiped(&self.image, self.end, self.place.offset.min(self.image.len())) {
            patches.push(gap);
        }
        patches.push(Patch::new(FileOffset(self.place.offset), blob));
        self.headers.header.e_entry = self.place.address;
        let ctx = self.image.ctx;
        let table = self.headers.segments.iter().flat_map(|segment| encoded(segment.clone(), ctx));
        patches.push(Patch::new(FileOffset(self.headers.header.e_phoff), table.collect::<Vec<u8>>()));
        patches.push(Patch::new(FileOffset(0), encoded_header(self.headers.header, ctx)));
        Ok(patches)
    }

    /// Takes out PT_INTERP, and puts NULs where its string is, if nothing else reads that: nobody is to take it for the loader.
    fn drop_interpreter(&mut self) -> Vec<Patch> {
        let mut patches = Vec::new();
        let image = self.image;
        let segments = &self.headers.segments;
        for interpreter in segments.iter().filter(|segment| segment.p_type == PT_INTERP) {
            let (start, len) = (interpreter.p_offset, interpreter.p_filesz);
            let overlaps = |at: u64, other: u64| at < start + len && start < at.saturating_add(other);
            let is_other = |kind| !matches!(kind, PT_INTERP | PT_LOAD | PT_PHDR);
            let is_shared =
                segments.iter().any(|it| is_other(it.p_type) && overlaps(it.p_offset, it.p_filesz))
                    || self.headers.sections.iter().any(|section| {
                        !has_no_bytes(section)
                            && overlaps(section.sh_offset, section.sh_size)
                            && (section.sh_offset, section.sh_size) != (start, len)
                    });
            if !is_shared && image.slice(start, len).is_some() {
                patches.push(Patch::new(FileOffset(start), vec![0; len as usize]));
            }
        }
        self.headers.segments.retain(|segment| segment.p_type != PT_INTERP);
        patches
    }

    fn add_segment(&mut self, len: u64) {
        self.headers.add_load(ProgramHeader {
            p_type: PT_LOAD,
            p_flags: PF_R | PF_X,
            p_offset: self.place.offset,
            p_vaddr: self.place.address,
            p_paddr: self.place.physical(self.place.address),
            p_filesz: len,
            p_memsz: len,
            p_align: self.place.align,
        });
        // A second PT_INTERP has left room as well.
        let count = usize::from(self.headers.header.e_phnum);
        self.headers.segments.resize(count, ProgramHeader::default());
    }

    /// Describes the segment to tools, where they have sections to go by; the name that is still to be written.
    fn add_section(&mut self, len: u64) -> Vec<&'static [u8]> {
        if self.headers.sections.is_empty() || !end::can_move_names(&self.headers) {
            return Vec::new();
        }
        self.headers.sections.push(SectionHeader {
            sh_name: end::UNNAMED,
            sh_type: SHT_PROGBITS,
            sh_flags: (SHF_ALLOC | SHF_EXECINSTR).into(),
            sh_addr: self.place.address,
            sh_offset: self.place.offset,
            sh_size: len,
            sh_addralign: 16,
            ..Default::default()
        });
        vec![SECTION]
    }
}
