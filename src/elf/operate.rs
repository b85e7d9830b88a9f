//! Edits an image in place: no byte moves, and the file keeps its length.
//!
//! A new string goes, in this order: nowhere, where it is there already; to a place in the string table that holds it, be it the end
//! of a longer string; over an old one, as far as nothing else uses its bytes; into dead NULs of the table. What the operation
//! frees is filled with NULs, so that nobody finds a store path there that nothing reads.

use std::ops::Range;

use goblin::elf::dynamic::{DT_NEEDED, DT_NULL, DT_RPATH, DT_RUNPATH, DT_VERNEED};

use super::image::Image;
use super::operation::{Operation, Refusal, RunPath};
use super::read::DynamicEntry;
use super::referrers::Referrers;
use super::strings::Table;
use super::{Class, Elf, FileOffset, Patch, symver};

const INTERPRETER: &str = "interpreter";
const RUN_PATH: &str = "run path";
const NEEDED: &str = "needed entry";

fn impossible(field: &'static str, reason: &str) -> Refusal {
    Refusal::Impossible { field, reason: reason.into() }
}

/// A field that holds an offset into the string table.
#[derive(Clone, Copy)]
enum Slot {
    /// A dynamic entry, and the tag that it is to have.
    Entry { entry: DynamicEntry, tag: u64 },
    /// A vn_file, at a file offset.
    File { at: u64, string: u64 },
}

impl Slot {
    fn at(self) -> u64 {
        match self {
            Slot::Entry { entry, .. } => entry.at,
            Slot::File { at, .. } => at,
        }
    }

    /// The offset of the string that it names now; `None` for a spare entry.
    fn string(self) -> Option<u64> {
        match self {
            Slot::Entry { entry, .. } => (entry.tag != DT_NULL).then_some(entry.value),
            Slot::File { string, .. } => Some(string),
        }
    }

    fn patch(self, image: &Image, string: u64) -> Option<Patch> {
        let bytes = match self {
            Slot::Entry { entry, tag } if (entry.tag, entry.value) == (tag, string) => return None,
            Slot::Entry { tag, .. } => [image.word_bytes(tag), image.word_bytes(string)].concat(),
            Slot::File { string: old, .. } if old == string => return None,
            // Table::place gives no offset that takes more than 32 bits.
            Slot::File { .. } => image.u32_bytes(string as u32),
        };
        Some(Patch::new(FileOffset(self.at()), bytes))
    }
}

/// One new string, and all the fields that are to name it.
struct Edit {
    field: &'static str,
    new: Vec<u8>,
    slots: Vec<Slot>,
    /// Where the string is already, in a slot that keeps it.
    kept: Option<u64>,
}

impl Elf {
    /// The patches that carry out `operation` on the file, whose bytes are given: sorted, apart from each other.
    ///
    /// A patch covers the whole of every string that it changes, so that an edit of another kind (a rewritten store
    /// reference) either meets no patch or lies within one, and is then void.
    pub fn operate(&self, bytes: &[u8], operation: &Operation) -> Result<Vec<Patch>, Refusal> {
        let image = Image::new(bytes, self.abi);
        let mut patches = Vec::new();
        if let Some(interpreter) = &operation.interpreter {
            patches.extend(self.set_interpreter(&image, interpreter)?);
        }
        let mut edits = self.needed_edits(&image, &operation.replace_needed)?;
        if let Some(run_path) = &operation.run_path {
            edits.push(self.run_path_edit(run_path)?);
        }
        if !edits.is_empty() {
            patches.extend(self.edit_strings(&image, edits)?);
        }
        patches.sort_by_key(|patch| patch.at);
        let within = patches.last().is_none_or(|last| last.end().0 <= image.len());
        if !within || patches.windows(2).any(|pair| pair[0].end() > pair[1].at) {
            return Err(impossible("headers", "they overlap each other"));
        }
        Ok(patches)
    }

    /// Over the old one, within PT_INTERP, whose size stays as it is.
    fn set_interpreter(&self, image: &Image, new: &[u8]) -> Result<Option<Patch>, Refusal> {
        check_string(INTERPRETER, new)?;
        check_not_empty(INTERPRETER, new)?;
        let (Some(old), Some(place)) = (&self.interpreter, &self.layout.interpreter) else {
            return Err(impossible(INTERPRETER, "it has none, as it is static or a library"));
        };
        if old == new {
            return Ok(None);
        }
        let size = (place.end - place.start) as usize;
        if size <= new.len() {
            return Err(Refusal::NeedsGrowth {
                field: INTERPRETER,
                room: size.saturating_sub(1),
                wanted: new.len(),
            });
        }
        if overlap(place, &self.layout.strings) || place.end > image.len() {
            return Err(Refusal::Shared { field: INTERPRETER });
        }
        let mut bytes = new.to_vec();
        // The kernel wants a NUL at PT_INTERP's very end.
        bytes.resize(size, 0);
        Ok(Some(Patch::new(FileOffset(place.start), bytes)))
    }

    /// Renames every entry of a name, and the verneed file of that name: ld.so looks it up among the needed ones
    /// (dl-version.c, find_needed).
    fn needed_edits(&self, image: &Image, renames: &[(Vec<u8>, Vec<u8>)]) -> Result<Vec<Edit>, Refusal> {
        let is_first = |index: usize| !renames[..index].iter().any(|(old, _)| *old == renames[index].0);
        let firsts = (0..renames.len()).filter(|index| is_first(*index)).map(|index| &renames[index]);
        let renames: Vec<_> = firsts.filter(|(old, new)| old != new && self.needed.contains(old)).collect();
        if renames.is_empty() {
            return Ok(Vec::new());
        }
        let entries = self.layout.dynamic.iter().filter(|entry| entry.tag == DT_NEEDED);
        let entries: Vec<_> = entries.zip(&self.needed).collect();
        let table =
            self.layout.place(DT_VERNEED).and_then(|at| symver::verneed(image, at)).unwrap_or_default();
        let mut edits: Vec<Edit> = Vec::new();
        for (old, new) in renames {
            check_string(NEEDED, new)?;
            check_not_empty(NEEDED, new)?;
            let named = entries.iter().filter(|(_, name)| *name == old);
            let mut slots: Vec<_> =
                named.map(|(entry, _)| Slot::Entry { entry: **entry, tag: DT_NEEDED }).collect();
            let files = table.iter().zip(&self.versions_needed).filter(|(_, need)| need.file == *old);
            slots.extend(files.map(|(need, _)| Slot::File { at: need.file.at, string: need.file.string }));
            edits.push(Edit { field: NEEDED, new: new.clone(), slots, kept: None });
        }
        Ok(edits)
    }

    /// Every DT_RPATH and DT_RUNPATH gets the same tag and string, so that whatever reads the file reads the new one.
    fn run_path_edit(&self, run_path: &RunPath) -> Result<Edit, Refusal> {
        check_string(RUN_PATH, &run_path.folders)?;
        if !matches!(self.class, Class::Program | Class::Library) || self.layout.dynamic.is_empty() {
            return Err(impossible(RUN_PATH, "it loads no libraries, as it is static or no program at all"));
        }
        let tag = if run_path.runpath { DT_RUNPATH } else { DT_RPATH };
        let slot = |entry: &DynamicEntry| Slot::Entry { entry: *entry, tag };
        let entries = &self.layout.dynamic;
        let present = entries.iter().filter(|entry| matches!(entry.tag, DT_RPATH | DT_RUNPATH));
        let mut slots: Vec<_> = present.map(slot).collect();
        if slots.is_empty() {
            // The last DT_NULL must stay.
            let spare =
                entries.iter().position(|entry| entry.tag == DT_NULL).filter(|at| at + 1 < entries.len());
            let wanted = run_path.folders.len();
            let spare = spare.ok_or(Refusal::NeedsGrowth { field: RUN_PATH, room: 0, wanted })?;
            slots.push(slot(&entries[spare]));
        }
        let heeded = self.layout.value(DT_RUNPATH).or_else(|| self.layout.value(DT_RPATH));
        let kept = heeded.filter(|_| self.run_path() == Some(&run_path.folders));
        Ok(Edit { field: RUN_PATH, new: run_path.folders.clone(), slots, kept })
    }

    /// Finds a place for every new string and lets the fields name it.
    fn edit_strings(&self, image: &Image, mut edits: Vec<Edit>) -> Result<Vec<Patch>, Refusal> {
        let slots = edits.iter().flat_map(|edit| &edit.slots);
        let retired: Vec<u64> = slots.clone().filter_map(|slot| slot.string()).collect();
        let edited = slots.map(|slot| slot.at()).collect();
        let referrers = Referrers { image: *image, layout: &self.layout, abi: self.abi, edited };
        let mut table = Table::new(image, &self.layout.strings, &referrers, &retired);
        for kept in edits.iter().filter_map(|edit| edit.kept) {
            table.keep(kept);
        }
        // The longest first: it is the hardest to place.
        edits.sort_by_key(|edit| std::cmp::Reverse(edit.new.len()));
        let mut patches = Vec::new();
        for edit in &edits {
            let old = edit.slots.iter().find_map(|slot| slot.string());
            let place = edit.kept.or_else(|| table.place(&edit.new, old)).ok_or_else(|| {
                let strings = edit.slots.iter().filter_map(|slot| slot.string());
                let room = strings.map(|at| table.string_len(at)).max().unwrap_or(0);
                let wanted = edit.new.len();
                let growth = Refusal::NeedsGrowth { field: edit.field, room, wanted };
                if room >= wanted { Refusal::Shared { field: edit.field } } else { growth }
            })?;
            patches.extend(edit.slots.iter().filter_map(|slot| slot.patch(image, place)));
        }
        patches.extend(table.patches());
        Ok(patches)
    }
}

fn check_string(field: &'static str, new: &[u8]) -> Result<(), Refusal> {
    if new.contains(&0) { Err(impossible(field, "the new one holds a NUL")) } else { Ok(()) }
}

fn check_not_empty(field: &'static str, new: &[u8]) -> Result<(), Refusal> {
    if new.is_empty() { Err(impossible(field, "the new one is empty")) } else { Ok(()) }
}

fn overlap(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start < b.end && b.start < a.end
}

#[cfg(test)]
mod tests;
