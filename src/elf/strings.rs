//! The dynamic string table under operation: where new strings can go.

use std::ops::Range;

use memchr::{memchr, memmem, memrchr};

use super::image::Image;
use super::referrers::Referrers;
use super::{FileOffset, Patch};

pub(super) struct Table<'a> {
    bytes: &'a [u8],
    /// Where it lies in the file.
    at: u64,
    referrers: &'a Referrers<'a>,
    /// What nothing reads any more once the operation is done; filled with NULs.
    freed: Vec<Range<usize>>,
    /// What of that is left for new strings.
    free: Vec<Range<usize>>,
    /// Strings of the table that the operation has come to rely on, NUL included.
    kept: Vec<Range<usize>>,
    /// New strings with their NUL.
    written: Vec<(usize, Vec<u8>)>,
}

impl<'a> Table<'a> {
    /// `retired`: the strings that the operation's fields named until now.
    pub fn new(image: &Image<'a>, place: &Range<u64>, referrers: &'a Referrers<'a>, retired: &[u64]) -> Self {
        // vn_file has 32 bits in both classes, so nothing beyond them is a place for a string.
        let len = place.end.saturating_sub(place.start).min(u32::MAX.into());
        let bytes = image.slice(place.start, len).unwrap_or_default();
        let freed = freed(bytes, referrers, retired);
        Table {
            bytes,
            at: place.start,
            referrers,
            free: freed.clone(),
            freed,
            kept: Vec::new(),
            written: Vec::new(),
        }
    }

    /// Relies on the string at an offset.
    pub fn keep(&mut self, string: u64) {
        if let Some(range) = string_range(self.bytes, string) {
            cut(&mut self.free, &range);
            self.kept.push(range);
        }
    }

    /// The length of the string at an offset, without its NUL.
    pub fn string_len(&self, string: u64) -> usize {
        string_range(self.bytes, string).map_or(0, |range| range.len() - 1)
    }

    /// The offset that a field has to hold to name `new`; best where the string at `old` was. `None`: there is no room.
    pub fn place(&mut self, new: &[u8], old: Option<u64>) -> Option<u64> {
        let needle = [new, b"\0"].concat();
        if let Some(at) = self.find(&needle) {
            self.keep(at as u64);
            return Some(at as u64);
        }
        if let Some((at, string)) = self.written.iter().find(|(_, string)| string.ends_with(&needle)) {
            return Some((at + string.len() - needle.len()) as u64);
        }
        let fits = |range: &&Range<usize>| range.len() >= needle.len();
        let over_old = self.free.iter().filter(fits).find(|range| Some(range.start as u64) == old);
        let at = over_old.or_else(|| self.free.iter().find(fits)).map(|range| range.start);
        let at = at.or_else(|| self.dead_nuls(needle.len()))?;
        cut(&mut self.free, &(at..at + needle.len()));
        self.written.push((at, needle));
        Some(at as u64)
    }

    /// The changed parts of the table.
    pub fn patches(&self) -> Vec<Patch> {
        let dead = self.written.iter().filter(|(at, _)| !self.freed.iter().any(|range| range.contains(at)));
        let dead = dead.map(|(at, string)| *at..at + string.len());
        let changed =
            self.freed.iter().cloned().chain(dead).map(|range| (range.clone(), self.content(range)));
        changed
            .filter(|(range, content)| self.bytes[range.clone()] != content[..])
            .map(|(range, content)| Patch::new(FileOffset(self.at + range.start as u64), content))
            .collect()
    }

    /// What a range will hold: NULs, but for what is kept and what is new.
    fn content(&self, range: Range<usize>) -> Vec<u8> {
        let mut content = vec![0; range.len()];
        let kept = self.kept.iter().map(|kept| (kept.start, &self.bytes[kept.clone()]));
        let written = self.written.iter().map(|(at, string)| (*at, string.as_slice()));
        for (at, string) in kept.chain(written) {
            let (from, to) = (at.max(range.start), (at + string.len()).min(range.end));
            if from < to {
                content[from - range.start..to - range.start].copy_from_slice(&string[from - at..to - at]);
            }
        }
        content
    }

    /// Where the table has these bytes, and will have them still.
    fn find(&self, needle: &[u8]) -> Option<usize> {
        let is_written = |range: Range<usize>| {
            self.written.iter().any(|(at, string)| range.start < at + string.len() && *at < range.end)
        };
        memmem::find_iter(self.bytes, needle).find(|at| !is_written(*at..at + needle.len()))
    }

    /// NULs that no string ends with and no field points at: what earlier operations left. `len` of them.
    fn dead_nuls(&self, len: usize) -> Option<usize> {
        // The first one ends the string before it.
        let run = memmem::find_iter(self.bytes, &vec![0; len + 1]).find(|run| {
            let range = run + 1..run + 1 + len;
            let is_apart = |other: &Range<usize>| other.end <= range.start || range.end <= other.start;
            self.written.iter().all(|(at, string)| is_apart(&(*at..at + string.len())))
                && self.kept.iter().chain(&self.freed).all(is_apart)
        })?;
        let range = run as u64 + 1..(run + 1 + len) as u64;
        let mut is_named = false;
        self.referrers.visit(&mut |string| is_named |= range.contains(&string))?;
        (!is_named).then_some(run + 1)
    }
}

/// The bytes of the string at an offset, NUL included.
fn string_range(bytes: &[u8], string: u64) -> Option<Range<usize>> {
    let start = usize::try_from(string).ok()?;
    let len = memchr(0, bytes.get(start..)?)?;
    Some(start..start + len + 1)
}

/// The bytes of the retired strings that no other field reads; none where nobody can tell.
fn freed(bytes: &[u8], referrers: &Referrers, retired: &[u64]) -> Vec<Range<usize>> {
    let mut retired = retired.to_vec();
    retired.sort();
    retired.dedup();
    // With the NULs behind it: what an earlier operation left of a longer string.
    let with_nuls = |range: Range<usize>| {
        let nuls = bytes[range.end..].iter().take_while(|byte| **byte == 0).count();
        range.start..range.end + nuls
    };
    let ranges = retired.iter().filter_map(|string| string_range(bytes, *string).map(with_nuls));
    let mut freed: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match freed.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => freed.push(range),
        }
    }
    // A string that begins before a retired one reads it as its end, unless a NUL comes between.
    let windows: Vec<_> = freed
        .iter()
        .map(|range| memrchr(0, &bytes[..range.start]).map_or(0, |nul| nul + 1)..range.end)
        .collect();
    let mut readers = Vec::new();
    let counted = referrers.visit(&mut |string| {
        let before = windows.partition_point(|window| window.end as u64 <= string);
        if windows.get(before).is_some_and(|window| window.start as u64 <= string) {
            readers.push(string);
        }
    });
    if counted.is_none() {
        return Vec::new();
    }
    // Offset 0 is the empty string (gABI, "String Table").
    readers.push(0);
    readers.sort();
    let mut read_until = 0;
    for string in readers {
        // The first reader of a string reads all that later ones do.
        if string < read_until {
            continue;
        }
        if let Some(range) = string_range(bytes, string) {
            cut(&mut freed, &range);
            read_until = range.end as u64;
        }
    }
    freed
}

/// Takes a range out of ranges.
fn cut(ranges: &mut Vec<Range<usize>>, out: &Range<usize>) {
    let pieces = ranges.iter().flat_map(|range| {
        [
            range.start..range.end.min(out.start).max(range.start),
            range.start.max(out.end).min(range.end)..range.end,
        ]
    });
    *ranges = pieces.filter(|range| !range.is_empty()).collect();
}
