//! The original and the edited file, side by side.

use super::reader::{File, PT_LOAD, Segment};
use super::view::View;
use super::wanted::Wanted;
use crate::elf::Operation;

/// The section that marks the segment which an operation added, so that a later one may use it again.
const MARKER: &[u8] = b".explant";

pub(super) struct Pair<'a> {
    pub before: &'a View<'a>,
    pub after: &'a View<'a>,
    pub wanted: Wanted<'a>,
    /// The segment that an earlier operation added: the only one that may become different.
    pub old_annex: Option<Segment>,
    /// The PT_LOADs of the edited file that the original, its annex apart, does not have.
    pub added: Vec<Segment>,
}

impl<'a> Pair<'a> {
    pub fn new(before: &'a View<'a>, after: &'a View<'a>, operation: &'a Operation) -> Self {
        let old_annex = annex(&before.file);
        let kept = |load: &Segment| {
            before.file.loads().any(|old| old.vaddr == load.vaddr && Some(*old) != old_annex)
        };
        let added = after.file.loads().filter(|load| !kept(load)).copied().collect();
        Pair { before, after, wanted: Wanted::new(before, operation), old_annex, added }
    }

    /// Whether what lies in an added segment may have moved there.
    pub fn has_grown(&self) -> bool {
        !self.added.is_empty()
    }

    /// Whether a place in the original is in the annex, which is built anew.
    pub fn was_in_annex(&self, offset: u64) -> bool {
        self.old_annex.is_some_and(|annex| annex.file().contains(&offset))
    }
}

fn annex(file: &File) -> Option<Segment> {
    let names = file.section_names();
    let marker = file.sections.iter().find(|section| names.get(section.name) == Some(MARKER))?;
    let holds = |load: &&Segment| load.memory().contains(&marker.addr) && load.kind == PT_LOAD;
    file.loads().rev().find(holds).copied()
}
