//! The end of a file that grows: what is written there anew, section names and section headers.

use goblin::elf::section_header::SHF_ALLOC;
use memchr::memmem;

use super::annex::Old;
use super::headers::{Headers, encoded, has_no_bytes};
use crate::elf::image::Image;
use crate::elf::operation::Refusal;
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
    let header = &headers.header;
    let table = (header.e_phoff, u64::from(header.e_phnum) * u64::from(header.e_phentsize));
    let segments = headers.segments.iter().map(|segment| (segment.p_offset, segment.p_filesz));
    let names = if can_move_names(headers) { usize::from(header.e_shstrndx) } else { usize::MAX };
    let sections = headers.sections.iter().enumerate();
    let sections = sections.filter(|(index, section)| *index != names && !has_no_bytes(section));
    let sections = sections.map(|(_, section)| (section.sh_offset, section.sh_size));
    let used = segments.chain(sections).chain([table, (0, u64::from(header.e_ehsize))]);
    let used = used.filter(|(at, _)| !old.is_some_and(|old| old.holds(*at)));
    let used =
        used.map(|(at, len)| at.saturating_add(len)).filter(|end| *end <= image.len()).max().unwrap_or(0);

    let has_content = |from: u64, to: u64| {
        let bytes = to.checked_sub(from).and_then(|len| image.slice(from, len));
        bytes.is_some_and(|bytes| bytes.iter().any(|byte| *byte != 0))
    };
    if let Some(old) = old
        && has_content(used, old.segment.p_offset)
    {
        return Ok(old.segment.p_offset);
    }
    let section_headers = u64::from(header.e_shnum) * u64::from(header.e_shentsize);
    let section_headers = header.e_shoff.saturating_add(section_headers);
    let names = headers.names().map_or(0, |names| names.sh_offset.saturating_add(names.sh_size));
    // A table that is said to reach beyond the file tells nothing of what is in it.
    let ends = [section_headers, names, old.map_or(0, Old::end)];
    let end = ends.into_iter().filter(|end| *end <= image.len()).fold(used, u64::max);
    let has_payload = has_content(end, image.len());
    if has_payload && !may_cover_payload {
        return Err(Refusal::Payload { len: image.len() - end });
    }
    // Whatever it is that e_shoff leads to stays.
    let is_unknown = headers.sections.is_empty() && header.e_shoff != 0;
    Ok(if has_payload || is_unknown { image.len() } else { used })
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
        let header = &mut headers.header;
        let len = u64::from(header.e_shnum) * u64::from(header.e_shentsize);
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
