//! The original and the edited file, side by side.

use std::ops::Range;

use super::bytes::{first_content, outside};
use super::reader::{File, Section, Segment};
use super::view::{View, symbol_size};
use super::wanted::Wanted;
use crate::elf::Operation;

/// What the last bytes of a segment begin with that an operation added, so that a later one may use it again.
const MARKER: &[u8] = b"explant\0";
const MARKER_LEN: usize = 16;

pub(super) struct Pair<'a> {
    pub before: &'a View<'a>,
    pub after: &'a View<'a>,
    pub wanted: Wanted<'a>,
    /// What is known to be the same in both.
    unchanged: Vec<Range<u64>>,
    /// The segment that an earlier operation added: the only one that may become different.
    pub old_annex: Option<Segment>,
    /// So many symbols of ld.so's table follow their sections: those that a section describes.
    pub symbols_follow: u64,
    /// The PT_LOADs of the edited file that the original, its annex apart, does not have.
    pub added: Vec<Segment>,
    /// Another one: that of the stub that the operation plants.
    pub planted: Option<Segment>,
}

impl<'a> Pair<'a> {
    pub fn new(
        before: &'a View<'a>,
        after: &'a View<'a>,
        unchanged: Vec<Range<u64>>,
        operation: &'a Operation,
    ) -> Self {
        let old_annex = annex(&before.file);
        let kept = |load: &Segment| {
            before.file.loads().any(|old| old.vaddr == load.vaddr && Some(*old) != old_annex)
        };
        let mut added: Vec<Segment> = after.file.loads().filter(|load| !kept(load)).copied().collect();
        let entry = after.file.header.entry();
        let planted =
            added.iter().position(|load| operation.stub.is_some() && load.memory().contains(&entry));
        let planted = planted.map(|at| added.remove(at));
        let table = before.symbol_section();
        let symbols_follow = table.map_or(0, |table| table.size / symbol_size(&before.file));
        let wanted = Wanted::new(before, operation);
        Pair { before, after, wanted, unchanged, old_annex, symbols_follow, added, planted }
    }

    /// What of a range is to be compared, that some others lie in left out.
    pub fn to_compare(&self, range: Range<u64>, but: impl Iterator<Item = Range<u64>>) -> Vec<Range<u64>> {
        outside(range, but.chain(self.unchanged.iter().cloned()))
    }

    /// Whether a range of the original and one of the edited file have the same bytes, or both are in neither.
    pub fn are_same(&self, old: &Range<u64>, new: &Range<u64>) -> bool {
        let of = |range: Range<u64>| (self.before.file.slice(range.clone()), self.after.file.slice(range));
        match (self.before.file.slice(old.clone()), self.after.file.slice(new.clone())) {
            (Some(_), Some(_)) if old == new => self
                .to_compare(old.clone(), std::iter::empty())
                .into_iter()
                .map(of)
                .all(|(old, new)| old == new),
            (old, new) => old == new,
        }
    }

    /// The value and size of a symbol, which follow its section where that moves: `_DYNAMIC`, and a symbol for PT_INTERP's string. What
    /// reaches to the section's end still does.
    pub fn follow(&self, section: u64, value: u64, size: u64) -> (u64, u64) {
        let at = |file: &File| file.sections.get(usize::try_from(section).ok()?).copied();
        let (Some(old), Some(new)) = (at(&self.before.file), at(&self.after.file)) else {
            return (value, size);
        };
        let inside = value.checked_sub(old.addr).filter(|into| *into < old.size && old.addr != new.addr);
        let Some(into) = inside else { return (value, size) };
        let to_end = into.checked_add(size) == Some(old.size);
        (new.addr.wrapping_add(into), if to_end { new.size.saturating_sub(into) } else { size })
    }

    /// Whether what lies in an added segment may have moved there.
    pub fn has_grown(&self) -> bool {
        !self.added.is_empty() || self.planted.is_some()
    }

    /// What was added, a stub included.
    pub fn all_added(&self) -> impl Iterator<Item = &Segment> {
        self.added.iter().chain(&self.planted)
    }

    /// Whether a place in the original is in the annex, which is built anew.
    pub fn was_in_annex(&self, offset: u64) -> bool {
        self.old_annex.is_some_and(|annex| annex.file().contains(&offset))
    }

    /// Where the original's last byte is that a growing file keeps: what may follow is an annex, and the names and headers of
    /// sections.
    pub fn tail_start(&self) -> u64 {
        let file = &self.before.file;
        let segments = file.segments.iter().map(Segment::file);
        let names = file.movable_names();
        let stays = |section: &&Section| section.is_loaded() || Some(section.file()) != names;
        let sections = file.sections.iter().filter(stays).map(Section::file);
        // Whatever lies where a table should be that is none stays.
        let unknown = if file.sections.is_empty() { file.section_table() } else { 0..0 };
        let tables = [file.segment_table(), 0..file.header.ehsize(), unknown];
        let kept = segments.chain(sections).chain(tables);
        let kept = kept.filter(|range| !range.is_empty() && !self.was_in_annex(range.start));
        kept.map(|range| range.end).filter(|end| *end <= file.len()).fold(0, u64::max)
    }

    /// What of the original's tail may become different.
    pub fn tail(&self) -> Vec<Range<u64>> {
        let file = &self.before.file;
        let (start, end) = (self.tail_start(), file.len());
        let mut known = vec![file.section_table()];
        known.extend(file.movable_names());
        known.extend(self.old_annex.map(|annex| annex.file()));
        let is_empty =
            |gap: &Range<u64>| file.slice(gap.clone()).is_some_and(|bytes| first_content(bytes).is_none());
        let gaps = outside(start..end, known.iter().cloned());
        known.extend(gaps.into_iter().filter(|gap| is_empty(gap)));
        known.into_iter().filter(|range| range.start >= start).collect()
    }

    /// What lies in the original's tail and is no part of the image: a payload.
    pub fn payload(&self) -> Vec<Range<u64>> {
        outside(self.tail_start()..self.before.file.len(), self.tail().into_iter())
    }
}

/// The last segment by address, if it ends with the marker.
fn annex(file: &File) -> Option<Segment> {
    let last = file.loads().max_by_key(|load| load.vaddr)?;
    let marker = file.slice(last.file())?.last_chunk::<MARKER_LEN>()?;
    marker.starts_with(MARKER).then_some(*last)
}
