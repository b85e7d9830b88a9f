//! `.note.dlopen`: what a program says it opens itself (UAPI group, "ELF dlopen metadata").

use serde::Deserialize;

use super::image::Image;
use super::{DlopenNote, Priority};

const DLOPEN_OWNER: &[u8] = b"FDO\0";
const DLOPEN_TYPE: u32 = 0x407c_0c0a;

#[derive(Deserialize)]
struct Json {
    soname: Vec<String>,
    #[serde(default)]
    priority: String,
    #[serde(default)]
    feature: String,
    #[serde(default)]
    description: String,
}

/// The dlopen notes of a PT_NOTE of `len` bytes and alignment `align` at a file offset. Notes that make no sense are
/// passed over: nothing that loads the file reads them.
pub(super) fn dlopen_notes(image: &Image, at: u64, len: u64, align: u64) -> Vec<DlopenNote> {
    // gABI: 4 or, in x86's property notes, 8; binutils takes anything less for 4.
    let align = if align == 8 { 8 } else { 4 };
    let mut notes = Vec::new();
    let mut at = at;
    let end = at.saturating_add(len);
    while at < end {
        let Some((name, kind, content, next)) = note(image, at, align) else { break };
        if name == DLOPEN_OWNER && kind == DLOPEN_TYPE {
            notes.extend(dlopen_note(content));
        }
        at = next;
    }
    notes
}

pub(super) type Note<'a> = (&'a [u8], u32, &'a [u8], u64);

/// The note at `at`: owner, type, content, and where the next one begins.
pub(super) fn note<'a>(image: &Image<'a>, at: u64, align: u64) -> Option<Note<'a>> {
    let name_len = image.u32(at)?.into();
    let content_len = image.u32(at.checked_add(4)?)?.into();
    let kind = image.u32(at.checked_add(8)?)?;
    let name = image.slice(at.checked_add(12)?, name_len)?;
    // Aligned within the segment, which is itself aligned.
    let content_at = at.checked_add((12 + name_len).next_multiple_of(align))?;
    let content = image.slice(content_at, content_len)?;
    Some((name, kind, content, content_at.checked_add(content_len.next_multiple_of(align))?))
}

fn dlopen_note(content: &[u8]) -> Vec<DlopenNote> {
    let text = content.split(|byte| *byte == 0).next().unwrap_or_default();
    let entries: Vec<Json> = serde_json::from_slice(text).unwrap_or_default();
    entries
        .into_iter()
        .map(|entry| DlopenNote {
            sonames: entry.soname.into_iter().map(String::into_bytes).collect(),
            priority: match entry.priority.as_str() {
                "required" => Priority::Required,
                "suggested" => Priority::Suggested,
                _ => Priority::Recommended,
            },
            feature: entry.feature,
            description: entry.description,
        })
        .collect()
}
