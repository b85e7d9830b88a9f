//! The dynamic string table under an edit: where new strings can go.

use std::collections::HashSet;
use std::ops::Range;

use memchr::{memchr, memmem, memrchr};

use super::referrers::Referrers;

/// The table while one edit is made of it.
pub(super) struct Table<'t> {
    /// The table as earlier edits left it; longer than in the file, perhaps.
    bytes: &'t [u8],
    referrers: &'t Referrers<'t>,
    /// Strings that fields other than the edited ones name.
    others: &'t [u64],
    /// What becomes of freed bytes.
    fill: u8,
    /// What nothing reads any more once the edit is made.
    freed: Vec<Range<usize>>,
    /// What of that is left for new strings.
    free: Vec<Range<usize>>,
    /// Strings of the table that the edit has come to rely on, NUL included.
    kept: Vec<Range<usize>>,
    /// New strings with their NUL.
    written: Vec<(usize, Vec<u8>)>,
    /// Where the next string that finds no room goes.
    end: usize,
}

impl<'t> Table<'t> {
    /// `retired`: the strings that the edited fields named until now.
    pub fn new(
        bytes: &'t [u8],
        referrers: &'t Referrers<'t>,
        others: &'t [u64],
        retired: &[u64],
        fill: u8,
    ) -> Self {
        let freed = freed(bytes, referrers, others, retired);
        Table {
            bytes,
            referrers,
            others,
            fill,
            free: freed.clone(),
            freed,
            kept: Vec::new(),
            written: Vec::new(),
            // A string that the linker's table does not end must not run on into a new one; nor is there a string at 0 but the
            // empty one (gABI, "String Table").
            end: if bytes.last() == Some(&0) { bytes.len() } else { bytes.len() + 1 },
        }
    }

    /// Relies on the string at an offset.
    pub fn keep(&mut self, string: u64) {
        if let Some(range) = string_range(self.bytes, string) {
            cut(&mut self.free, &range);
            self.kept.push(range);
        }
    }

    /// The offset that a field has to hold to name `new`; best where the string at `old` was, at the end of the table if there is
    /// no room in it.
    pub fn place(&mut self, new: &[u8], old: Option<u64>) -> u64 {
        let needle = [new, b"\0"].concat();
        let fits = |range: &&Range<usize>| range.len() >= needle.len();
        // Over the old one first: then a table of megabytes need not be searched.
        let over_old = self.free.iter().filter(fits).find(|range| Some(range.start as u64) == old);
        if let Some(at) = over_old.map(|range| range.start) {
            return self.write(at, needle);
        }
        if let Some(at) = self.find(&needle) {
            self.keep(at as u64);
            return at as u64;
        }
        if let Some((at, string)) = self.written.iter().find(|(_, string)| string.ends_with(&needle)) {
            return (at + string.len() - needle.len()) as u64;
        }
        let at = self.free.iter().find(fits).map(|range| range.start);
        let Some(at) = at.or_else(|| self.dead(needle.len())) else { return self.append(new) };
        self.write(at, needle)
    }

    fn write(&mut self, at: usize, needle: Vec<u8>) -> u64 {
        cut(&mut self.free, &(at..at + needle.len()));
        self.written.push((at, needle));
        at as u64
    }

    /// The same, at the end of the table.
    pub fn append(&mut self, new: &[u8]) -> u64 {
        let at = self.end;
        self.end += new.len() + 1;
        self.written.push((at, [new, b"\0"].concat()));
        at as u64
    }

    /// What changes: offsets and bytes, apart from each other.
    pub fn changes(&self) -> Vec<(usize, Vec<u8>)> {
        let apart = self.written.iter().filter(|(at, _)| !self.freed.iter().any(|range| range.contains(at)));
        let apart = apart.map(|(at, string)| *at..at + string.len());
        let changed = self.freed.iter().cloned().chain(apart);
        let changed = changed.map(|range| (range.start, self.content(range)));
        changed.filter(|(at, content)| self.bytes.get(*at..at + content.len()) != Some(content)).collect()
    }

    /// What a range will hold: filling, but for what is kept and what is new.
    fn content(&self, range: Range<usize>) -> Vec<u8> {
        let mut content: Vec<Option<u8>> = vec![None; range.len()];
        let kept = self.kept.iter().map(|kept| (kept.start, &self.bytes[kept.clone()]));
        let written = self.written.iter().map(|(at, string)| (*at, string.as_slice()));
        for (at, string) in kept.chain(written) {
            let (from, to) = (at.max(range.start), (at + string.len()).min(range.end));
            for place in from..to {
                content[place - range.start] = Some(string[place - at]);
            }
        }
        let filled = (0..content.len()).map(|index| {
            // The last byte before a string, or before the end, is a NUL: nothing is to become the end of the filling.
            let is_last = content.get(index + 1).is_none_or(Option::is_some);
            let was_nul = self.bytes.get(range.start + index).is_none_or(|byte| *byte == 0);
            content[index].unwrap_or(if is_last || was_nul { 0 } else { self.fill })
        });
        filled.collect()
    }

    /// Where the table has these bytes, and will have them still.
    fn find(&self, needle: &[u8]) -> Option<usize> {
        let is_written = |range: Range<usize>| {
            self.written.iter().any(|(at, string)| range.start < at + string.len() && *at < range.end)
        };
        memmem::find_iter(self.bytes, needle).find(|at| !is_written(*at..at + needle.len()))
    }

    /// Room of `len` bytes that no field points at: NULs that earlier operations left, or patchelf's `X`s.
    fn dead(&self, len: usize) -> Option<usize> {
        let nuls = vec![0; len + 1];
        // The first NUL ends the string before it.
        let nuls = memmem::find_iter(self.bytes, &nuls).map(|at| at + 1..at + 1 + len);
        let marks = [b"\0".as_slice(), &vec![b'X'; len - 1]].concat();
        let marks = memmem::find_iter(self.bytes, &marks).map(|at| at + 1).filter_map(|start| {
            // No other string begins among the `X`s, so the NUL at their end stays what it was.
            let run = self.bytes[start..].iter().take_while(|byte| **byte == b'X').count();
            (self.bytes.get(start + run) == Some(&0)).then_some(start..start + run + 1)
        });
        let is_apart = |range: &Range<usize>| {
            let from = |other: &Range<usize>| other.end <= range.start || range.end <= other.start;
            self.written.iter().all(|(at, string)| from(&(*at..at + string.len())))
                && self.kept.iter().chain(&self.freed).all(from)
        };
        let mut rooms: Vec<_> =
            nuls.take(MOST_ROOMS).chain(marks.take(MOST_ROOMS)).filter(is_apart).collect();
        let mut look =
            |string: u64| rooms.retain(|room| !(room.start as u64..room.end as u64).contains(&string));
        self.others.iter().for_each(|string| look(*string));
        self.referrers.visit(&mut look)?;
        rooms.first().map(|room| room.start)
    }
}

/// How many stretches of dead bytes are looked at: each is held against every string that is named.
const MOST_ROOMS: usize = 8;

/// The bytes of the string at an offset, NUL included.
pub(super) fn string_range(bytes: &[u8], string: u64) -> Option<Range<usize>> {
    let start = usize::try_from(string).ok()?;
    let len = memchr(0, bytes.get(start..)?)?;
    Some(start..start + len + 1)
}

/// The bytes of the retired strings that no other field reads; none where nobody can tell.
fn freed(bytes: &[u8], referrers: &Referrers, others: &[u64], retired: &[u64]) -> Vec<Range<usize>> {
    let named: HashSet<&u64> = others.iter().collect();
    let mut retired: Vec<_> = retired.iter().copied().filter(|string| !named.contains(string)).collect();
    if retired.is_empty() {
        return Vec::new();
    }
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
    let mut look = |string: u64| {
        let before = windows.partition_point(|window| window.end as u64 <= string);
        if windows.get(before).is_some_and(|window| window.start as u64 <= string) {
            readers.push(string);
        }
    };
    others.iter().for_each(|string| look(*string));
    if referrers.visit(&mut look).is_none() {
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
