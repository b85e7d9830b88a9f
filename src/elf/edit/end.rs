//! The end of a file that grows: what is written there anew, section names and section headers.

use std::ops::Range;

use goblin::elf::section_header::{SHF_ALLOC, SectionHeader};
use memchr::memmem;

use super::annex::Old;
use super::headers::{Headers, encoded};
use crate::elf::image::Image;
use crate::elf::operation::Refusal;
use crate::elf::sections::has_no_bytes;
use crate::elf::{FileOffset, Patch};

/// What a section is named that is still to be.
pub(super) const UNNAMED: usize = usize::MAX;

/// Whether the section names can be written anew behind what is added.
pub(super) fn can_move_names(headers: &Headers) -> bool {
    headers.names().is_some_and(|names| names.sh_flags & u64::from(SHF_ALLOC) == 0)
}

/// Where the file ends without what is written anew: the old annex, section names and section headers.
///
/// Errors: a payload lies behind it, and may not be covered.
pub(super) fn of_file(
    image: &Image,
    headers: &Headers,
    old: Option<&Old>,
    may_cover_payload: bool,
) -> Result<u64, Refusal> {
    let used = of_used(image, headers, old);
    let mut anew = written_anew(headers, old);
    anew.sort_by_key(|range| range.start);
    let mut end = used;
    let mut at = used;
    for range in anew.into_iter().chain(std::iter::once(image.len()..image.len())) {
        let gap = at..range.start.max(at);
        at = range.end.max(at);
        let bytes = image.slice(gap.start, gap.end - gap.start).unwrap_or_default();
        if bytes.iter().all(|byte| *byte == 0) {
            continue;
        }
        // Whatever it is, it stays; and at the very end a program may look for it.
        if gap.end == image.len() && !may_cover_payload {
            return Err(Refusal::Payload { len: gap.end - gap.start });
        }
        end = gap.end;
    }
    Ok(end)
}

/// Where all ends that stays as it is.
fn of_used(image: &Image, headers: &Headers, old: Option<&Old>) -> u64 {
    let header = &headers.header;
    let table = (header.e_phoff, u64::from(header.e_phnum) * u64::from(header.e_phentsize));
    let segments = headers.segments.iter().map(|segment| (segment.p_offset, segment.p_filesz));
    let names = if can_move_names(headers) { usize::from(header.e_shstrndx) } else { usize::MAX };
    let sections = headers.sections.iter().enumerate();
    let sections = sections.filter(|(index, section)| *index != names && !has_no_bytes(section));
    let sections = sections.map(|(_, section)| (section.sh_offset, section.sh_size));
    // binutils takes an empty section where the annex begins for a part of it (seen: .mdebug.abi32, PT_INTERP).
    let len = image.len();
    let is_empty = |section: &&SectionHeader| has_no_bytes(section) && section.sh_offset <= len;
    let behind_empty = headers.sections.iter().filter(is_empty).map(|section| section.sh_offset + 1);
    // Whatever it is that e_shoff leads to.
    let unknown = Some((header.e_shoff, sections_len(headers))).filter(|_| headers.sections.is_empty());
    let used = segments.chain(sections).chain(unknown).chain([table, (0, u64::from(header.e_ehsize))]);
    let used = used.filter(|(at, _)| !old.is_some_and(|old| old.holds(*at)));
    // A table that is said to reach beyond the file tells nothing of what is in it.
    let ends = used.map(|(at, size)| at.saturating_add(size)).filter(|end| *end <= len);
    ends.chain(behind_empty).max().unwrap_or(0)
}

/// Bytes of the section header table, by the file header.
fn sections_len(headers: &Headers) -> u64 {
    u64::from(headers.header.e_shnum) * u64::from(headers.header.e_shentsize)
}

/// The places of what is written anew behind all that stays.
fn written_anew(headers: &Headers, old: Option<&Old>) -> Vec<Range<u64>> {
    let start = headers.header.e_shoff;
    let table = Some(start..start.saturating_add(sections_len(headers)));
    let names = headers.names().filter(|_| can_move_names(headers));
    let names = names.map(|names| names.sh_offset..names.sh_offset + names.sh_size);
    let old = old.map(|old| old.segment.p_offset..old.end());
    let table = table.filter(|_| !headers.sections.is_empty());
    table.into_iter().chain(names).chain(old).collect()
}

/// NULs from one offset to another, if there is anything else.
pub(super) fn wiped(image: &Image, from: u64, to: u64) -> Option<Patch> {
    let bytes = to.checked_sub(from).and_then(|len| image.slice(from, len)).unwrap_or_default();
    let has_content = bytes.iter().any(|byte| *byte != 0);
    has_content.then(|| Patch::new(FileOffset(from), vec![0; bytes.len()]))
}

/// Puts section names and section headers behind what is added, the bytes of `blob`, which begin at `offset`. `new` names the
/// sections that have no name yet.
pub(super) fn write_sections(
    image: &Image,
    headers: &mut Headers,
    new: &[&[u8]],
    blob: &mut Vec<u8>,
    offset: u64,
) {
    if headers.sections.is_empty() {
        let len = sections_len(headers);
        let header = &mut headers.header;
        // Where a table would lie behind the file's end there is something else from now on.
        if header.e_shoff.saturating_add(len) > image.len() {
            (header.e_shoff, header.e_shnum, header.e_shstrndx) = (0, 0, 0);
        }
        return;
    }
    if can_move_names(headers) {
        let index = usize::from(headers.header.e_shstrndx);
        let old = &headers.sections[index];
        let mut names = image.slice(old.sh_offset, old.sh_size).unwrap_or_default().to_vec();
        let unnamed = headers.sections.iter_mut().filter(|section| section.sh_name == UNNAMED);
        for (section, name) in unnamed.zip(new) {
            let name = [b"\0", *name, b"\0"].concat();
            section.sh_name = match memmem::find(&names, &name) {
                Some(at) => at + 1,
                None => {
                    names.extend_from_slice(&name[1..]);
                    names.len() + 1 - name.len()
                }
            };
        }
        let section = &mut headers.sections[index];
        (section.sh_offset, section.sh_size) = (offset + blob.len() as u64, names.len() as u64);
        blob.extend(names);
    }
    let table: Vec<u8> =
        headers.sections.iter().flat_map(|section| encoded(section.clone(), image.ctx)).collect();
    let file_len = image.len();
    let at = (offset + blob.len() as u64).next_multiple_of(8);
    // A file never gets shorter.
    let at = at.max(file_len.saturating_sub(table.len() as u64).next_multiple_of(8));
    blob.resize((at - offset) as usize, 0);
    blob.extend(table);
    headers.header.e_shoff = at;
    headers.header.e_shnum = headers.sections.len() as u16;
}
