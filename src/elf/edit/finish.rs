//! From a draft to patches: what fits where it is.

use std::ops::Range;

use goblin::elf::dynamic::{DT_NULL, DT_VERSYM, Dyn};
use goblin::elf::header::{EI_OSABI, EM_MIPS};
use goblin::elf::program_header::{PF_X, PT_GNU_STACK, ProgramHeader};
use goblin::elf::section_header::{SHT_GNU_VERNEED, SHT_GNU_VERSYM, SHT_PROGBITS};

use super::annex;
use super::cache::{self, Cache};
use super::draft::Draft;
use super::headers::{Headers, encoded};
use crate::elf::{FileOffset, Patch};

/// The difference between the address of ld.so's pointer for debuggers and that of the entry that says so (binutils'
/// elf/mips.h); goblin has no name for it.
const DT_MIPS_RLD_MAP_REL: u64 = 0x7000_0035;

/// Which parts of a draft have room where they are.
pub(super) struct Fit {
    pub interpreter: bool,
    pub dynamic: bool,
    pub strings: bool,
    pub stack: bool,
    pub cache: bool,
}

impl Fit {
    pub fn of(draft: &Draft) -> Fit {
        let layout = &draft.elf.layout;
        let interpreter = draft.interpreter.as_ref().is_none_or(|new| {
            let place = layout.interpreter.clone().unwrap_or_default();
            let is_apart = place.end <= layout.strings.start || layout.strings.end <= place.start;
            new.len() < (place.end - place.start) as usize && is_apart && place.end <= draft.image.len()
        });
        let headers = draft.stack.and_then(|_| Headers::read(&draft.image));
        Fit {
            interpreter,
            // The DT_NULL at the end must stay.
            dynamic: layout.dynamic.is_empty() || draft.dynamic.len() < layout.dynamic.len(),
            strings: !draft.strings.has_grown(),
            stack: draft.stack.is_none() || headers.is_some_and(|headers| headers.has(PT_GNU_STACK)),
            cache: match &draft.cache {
                Cache::Stays => true,
                Cache::Goes => !annex::is_cache_in_annex(&draft.image),
                Cache::New(_) => false,
            },
        }
    }

    pub fn all(&self) -> bool {
        self.interpreter && self.dynamic && self.strings && self.stack && self.cache
    }
}

/// The patches of a draft that fits.
pub(super) fn in_place(mut draft: Draft) -> Vec<Patch> {
    let mut patches = fields(&draft);
    patches.extend(dynamic_in_place(&draft));
    patches.extend(interpreter_in_place(&draft));
    if let Some(abi) = draft.os_abi {
        patches.push(Patch::new(FileOffset(EI_OSABI as u64), vec![abi]));
    }
    patches.extend(headers_in_place(&draft));
    patches.extend(draft.strings.patches());
    patches
}

pub(super) fn set_executable(segment: &mut ProgramHeader, is_executable: bool) {
    segment.p_flags = if is_executable { segment.p_flags | PF_X } else { segment.p_flags & !PF_X };
}

/// The headers that differ from the file's.
fn headers_in_place(draft: &Draft) -> Vec<Patch> {
    if draft.stack.is_none() && draft.version_files.is_none() && draft.cache == Cache::Stays {
        return Vec::new();
    }
    let Some(mut headers) = Headers::read(&draft.image) else { return Vec::new() };
    let (segments, sections) = (headers.segments.clone(), headers.sections.clone());
    let mut patches = Vec::new();
    if draft.cache == Cache::Goes {
        patches.extend(cache::take_out(&draft.image, &mut headers));
    }
    if let Some(is_executable) = draft.stack {
        let stack = headers.segments.iter_mut().filter(|segment| segment.p_type == PT_GNU_STACK);
        stack.for_each(|segment| set_executable(segment, is_executable));
    }
    version_sections(draft, &mut headers);
    let ctx = draft.image.ctx;
    let mut patch = |table: u64, index: usize, bytes: Vec<u8>| {
        patches.push(Patch::new(FileOffset(table + (index * bytes.len()) as u64), bytes));
    };
    for (index, (old, new)) in segments.iter().zip(&headers.segments).enumerate() {
        if old != new {
            patch(headers.header.e_phoff, index, encoded(new.clone(), ctx));
        }
    }
    for (index, (old, new)) in sections.iter().zip(&headers.sections).enumerate() {
        if old != new {
            patch(headers.header.e_shoff, index, encoded(new.clone(), ctx));
        }
    }
    patches
}

/// Fields outside of PT_DYNAMIC and the strings.
pub(super) fn fields(draft: &Draft) -> Vec<Patch> {
    let mut patches = draft.patches.clone();
    let image = &draft.image;
    let files = draft.versions.iter().map(|need| (need.file.at, need.file.string));
    for (at, string) in files.chain(draft.names.iter().copied()) {
        // Draft::edit_strings gives no offset that takes more than 32 bits.
        let bytes = image.u32_bytes(string as u32);
        if image.slice(at, 4) != Some(&bytes[..]) {
            patches.push(Patch::new(FileOffset(at), bytes.to_vec()));
        }
    }
    if let Some((at, versym)) = &draft.versym
        && image.slice(*at, versym.len() as u64) != Some(versym)
    {
        patches.push(Patch::new(FileOffset(*at), versym.clone()));
    }
    patches
}

/// What a removal leaves of the sections of versions: the sh_info of the needed ones is the number of files. Where none is left they
/// are plain bytes, without the names by which eu-elflint would expect versions there.
pub(super) fn version_sections(draft: &Draft, headers: &mut Headers) {
    let Some(files) = draft.version_files else { return };
    let keeps_versym = draft.entries(DT_VERSYM).next().is_some();
    let names = headers.names().and_then(|names| draft.image.slice(names.sh_offset, 1));
    let no_name = names.is_some_and(|first| first == [0]);
    for section in &mut headers.sections {
        match section.sh_type {
            SHT_GNU_VERNEED if files > 0 => section.sh_info = files as u32,
            SHT_GNU_VERNEED if no_name => {
                (section.sh_name, section.sh_type, section.sh_info) = (0, SHT_PROGBITS, 0);
            }
            SHT_GNU_VERNEED => (section.sh_size, section.sh_info) = (0, 0),
            SHT_GNU_VERSYM if no_name && !keeps_versym => {
                (section.sh_name, section.sh_type) = (0, SHT_PROGBITS);
            }
            _ => {}
        }
    }
}

/// PT_INTERP's string, with its NUL.
pub(super) fn interpreter(draft: &Draft) -> Vec<u8> {
    let string = draft.interpreter.as_ref().or(draft.elf.interpreter.as_ref());
    [string.map_or(&[][..], Vec::as_slice), b"\0"].concat()
}

/// Over the old one, within PT_INTERP, whose size stays as it is: the kernel wants a NUL at its very end.
pub(super) fn interpreter_in_place(draft: &Draft) -> Option<Patch> {
    draft.interpreter.as_ref()?;
    let place = draft.elf.layout.interpreter.as_ref()?;
    let mut bytes = interpreter(draft);
    bytes.resize((place.end - place.start) as usize, 0);
    Some(Patch::new(FileOffset(place.start), bytes))
}

/// Bytes of PT_DYNAMIC with one DT_NULL at its end.
pub(super) fn dynamic_len(draft: &Draft) -> usize {
    (draft.dynamic.len() + 1) * Dyn::size(draft.image.ctx.container)
}

/// PT_DYNAMIC's bytes, for an address, with one DT_NULL at its end.
pub(super) fn dynamic_table(draft: &Draft, address: u64) -> Vec<u8> {
    let size = Dyn::size(draft.image.ctx.container) as u64;
    let mut table = Vec::with_capacity(dynamic_len(draft));
    for (index, entry) in draft.dynamic.iter().enumerate() {
        let mut value = entry.value;
        if let Some(from) = entry.from
            && entry.tag == DT_MIPS_RLD_MAP_REL
            && draft.elf.abi.machine == EM_MIPS
        {
            let old = draft.elf.layout.dynamic_address.wrapping_add(from as u64 * size);
            value = value.wrapping_add(old).wrapping_sub(address.wrapping_add(index as u64 * size));
        }
        draft.image.push_word(&mut table, entry.tag);
        draft.image.push_word(&mut table, value);
    }
    draft.image.push_word(&mut table, DT_NULL);
    draft.image.push_word(&mut table, 0);
    table
}

/// What PT_DYNAMIC spans of the file, the DT_NULLs at its end included.
pub(super) fn dynamic_place(draft: &Draft) -> Option<Range<u64>> {
    let entries = &draft.elf.layout.dynamic;
    let size = Dyn::size(draft.image.ctx.container) as u64;
    Some(entries.first()?.at..entries.last()?.at + size)
}

/// The entries that differ from the file's. What else a DT_NULL says is nobody's business.
pub(super) fn dynamic_in_place(draft: &Draft) -> Vec<Patch> {
    let layout = &draft.elf.layout;
    let Some(first) = layout.dynamic.first() else { return Vec::new() };
    let size = Dyn::size(draft.image.ctx.container);
    let mut table = dynamic_table(draft, layout.dynamic_address);
    table.resize(layout.dynamic.len() * size, 0);
    let is_end = |index: usize| index >= draft.dynamic.len() && layout.dynamic[index].tag == DT_NULL;
    let entries = table.chunks_exact(size).enumerate().filter(|(index, _)| !is_end(*index));
    let placed = entries.map(|(index, bytes)| (first.at + (index * size) as u64, bytes));
    let changed = placed.filter(|(at, bytes)| draft.image.slice(*at, size as u64) != Some(*bytes));
    changed.map(|(at, bytes)| Patch::new(FileOffset(at), bytes)).collect()
}
