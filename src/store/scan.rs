//! Finds references the way Nix does: by the hash of a store path, wherever it stands
//! (nix/src/libstore/references.cc).

use std::collections::HashSet;
use std::ops::Range;

use memchr::memmem::Finder;
use memmap2::UncheckedAdvice;

use super::path::{HASH_LENGTH, IN_ALPHABET, StoreHash};
use crate::content::Content;
use crate::elf::FileOffset;

/// How much of a mapped file is scanned before it leaves memory: a multiple of every page size.
const RELEASED: usize = 1 << 20;

/// Wherever a hash begins, it holds a whole one of the blocks of this length that a file is cut into.
const BLOCK: usize = HASH_LENGTH / 2;

/// A hash that stands in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Of the hash's first character.
    pub at: FileOffset,
    pub hash: StoreHash,
    /// Whether `<store_dir>/` stands before it and `-` behind: a path, which can be rewritten.
    pub is_path: bool,
}

/// What is found in a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub hits: Vec<Hit>,
    /// Hashes in UTF-16.
    pub wide: Vec<Hit>,
    /// Where the paths outside of the store begin that are looked for as well.
    pub outside: Vec<FileOffset>,
}

/// Looks for a fixed set of hashes.
pub struct Scanner {
    wanted: HashSet<StoreHash>,
    /// `/nix/store/`
    before: Vec<u8>,
    /// The same in UTF-16.
    wide_before: Finder<'static>,
    /// Paths outside of the store.
    outside: Vec<Finder<'static>>,
}

/// A text as it is in UTF-16, little-endian.
pub fn wide(text: &[u8]) -> Vec<u8> {
    text.iter().flat_map(|byte| [*byte, 0]).collect()
}

impl Scanner {
    /// `store_dir` is what references call the store: `/nix/store`.
    pub fn new(store_dir: &[u8], wanted: impl IntoIterator<Item = StoreHash>) -> Self {
        let before = [store_dir, b"/"].concat();
        let wide_before = Finder::new(&wide(&before)).into_owned();
        Scanner { wanted: wanted.into_iter().collect(), before, wide_before, outside: Vec::new() }
    }

    /// Finds paths outside of the store, too.
    pub fn and_outside(mut self, paths: &[String]) -> Self {
        self.outside = paths.iter().map(|path| Finder::new(path).into_owned()).collect();
        self
    }

    /// Every wanted hash in the bytes, in order.
    pub fn scan(&self, bytes: &[u8]) -> Vec<Hit> {
        let mut hits = Vec::new();
        self.scan_part(bytes, 0..bytes.len(), &mut hits);
        hits
    }

    /// All that is to be found in a file's bytes. Of a mapped file, what is behind the scanner leaves memory, so that large files
    /// take none.
    pub fn scan_content(&self, content: &Content) -> Found {
        let mut found = Found::default();
        for start in (0..content.len()).step_by(RELEASED) {
            let part = start..content.len().min(start + RELEASED);
            self.scan_part(content, part.clone(), &mut found.hits);
            self.scan_texts(content, part.clone(), &mut found);
            if let Content::Mapped(map) = content {
                // SAFETY: the mapping is of a file and read only: a page that is wanted again, for what stands before a hash, is
                // read again.
                let _ = unsafe { map.unchecked_advise_range(UncheckedAdvice::DontNeed, start, part.len()) };
            }
        }
        found
    }

    /// The hashes whose first whole block is in a part of the bytes, which begins with a block.
    fn scan_part(&self, bytes: &[u8], part: Range<usize>, hits: &mut Vec<Hit>) {
        let blocks = bytes[part.clone()].chunks_exact(BLOCK);
        for (number, _) in blocks.enumerate().filter(|(_, block)| may_be_of_a_hash(block)) {
            self.scan_around(bytes, part.start + number * BLOCK, hits);
        }
    }

    /// The hashes whose first whole block is the one at `block`.
    fn scan_around(&self, bytes: &[u8], block: usize, hits: &mut Vec<Hit>) {
        let behind_the_last = hits.last().map_or(0, |hit| hit.at.0 as usize + HASH_LENGTH);
        let mut start = behind_the_last.max((block + 1).saturating_sub(BLOCK));
        while start <= block {
            let Some(window) = bytes.get(start..start + HASH_LENGTH) else { return };
            // None begins before or at a byte that is not of the alphabet.
            if let Some(last) = window.iter().rposition(|b| !IN_ALPHABET[*b as usize]) {
                start += last + 1;
                continue;
            }
            match StoreHash::new(window).filter(|hash| self.wanted.contains(hash)) {
                Some(hash) => {
                    let is_path = bytes[..start].ends_with(&self.before)
                        && bytes.get(start + HASH_LENGTH) == Some(&b'-');
                    hits.push(Hit { at: FileOffset(start as u64), hash, is_path });
                    start += HASH_LENGTH;
                }
                None => start += 1,
            }
        }
    }

    /// Every path of the store with a wanted hash that is written in UTF-16 (little-endian), and every path outside of it that is
    /// looked for, that begins in a part of the bytes, in order.
    fn scan_texts(&self, bytes: &[u8], part: Range<usize>, found: &mut Found) {
        let starts = |text: &Finder| -> Vec<usize> {
            let len = text.needle().len();
            let within = &bytes[part.start..bytes.len().min(part.end + len - 1)];
            text.find_iter(within).map(|start| part.start + start).collect()
        };
        let wide = starts(&self.wide_before).into_iter();
        found.wide.extend(wide.filter_map(|start| self.wide_hit(bytes, start + 2 * self.before.len())));
        let outside = self.outside.iter().flat_map(starts);
        found.outside.extend(outside.map(|start| FileOffset(start as u64)));
    }

    /// A hash in UTF-16.
    fn wide_hit(&self, bytes: &[u8], at: usize) -> Option<Hit> {
        let units = bytes.get(at..at + 2 * HASH_LENGTH)?.chunks_exact(2);
        let narrow: Vec<u8> = units.map_while(|unit| (unit[1] == 0).then_some(unit[0])).collect();
        let hash = StoreHash::new(&narrow).filter(|hash| self.wanted.contains(hash))?;
        let is_path = bytes.get(at + 2 * HASH_LENGTH..)?.starts_with(b"-\0");
        Some(Hit { at: FileOffset(at as u64), hash, is_path })
    }
}

/// Whether a block is of digits and small letters, as all of Nix's alphabet are: without steps that depend on a byte, for the
/// compiler to look at all of a block at once.
fn may_be_of_a_hash(block: &[u8]) -> bool {
    block.iter().fold(true, |all, byte| all & (byte.is_ascii_digit() | byte.is_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HASH: &[u8; 32] = b"l5zk7hn88za59mxzan3hkpl5k8lxn7cn";

    fn scanner() -> Scanner {
        Scanner::new(b"/nix/store", StoreHash::new(HASH)).and_outside(&["/run/drivers".to_owned()])
    }

    #[test]
    fn tells_a_path_from_a_bare_hash() {
        let text = [b"x/nix/store/", HASH.as_slice(), b"-jq /nix/store/", HASH, b" ", HASH].concat();
        let hits: Vec<_> = scanner().scan(&text).iter().map(|hit| (hit.at.0, hit.is_path)).collect();
        assert_eq!(hits, [(12, true), (59, false), (92, false)]);
    }

    #[test]
    fn finds_what_is_written_in_utf_16_and_outside_of_the_store() {
        let text = [b"x/nix/store/".as_slice(), HASH, b"-jq/nix/store/", HASH].concat();
        let wide: Vec<u8> = text.iter().flat_map(|byte| [*byte, 0]).collect();
        let outside = wide.len() as u64 + 1;
        let wide = [wide.as_slice(), b":/run/drivers/lib"].concat();
        let texts = |bytes: &[u8], cut: usize| {
            let mut found = Found::default();
            for part in [0..cut, cut..bytes.len()] {
                scanner().scan_texts(bytes, part, &mut found);
            }
            found
        };
        let found = texts(&wide, 0);
        let hits: Vec<_> = found.wide.iter().map(|hit| (hit.at.0, hit.is_path)).collect();
        assert_eq!(hits, [(24, true), (24 + 64 + 28, false)]);
        assert_eq!(found.outside, [FileOffset(outside)]);
        for cut in 0..wide.len() {
            assert_eq!(texts(&wide, cut), found, "each once, wherever the file is cut");
        }
        assert!(scanner().scan(&wide).is_empty());
        assert_eq!(texts(&text, 0), Found::default());
    }

    #[test]
    fn finds_a_hash_behind_characters_of_the_alphabet() {
        let text = [b"abcd".as_slice(), HASH, b"-x"].concat();
        assert_eq!(scanner().scan(&text)[0].at.0, 4);
    }

    proptest! {
        #[test]
        fn finds_what_a_plain_search_finds(pieces in prop::collection::vec(prop_oneof![
            Just(HASH.to_vec()), Just(b"/nix/store/".to_vec()), Just(b"-".to_vec()),
            prop::collection::vec(any::<u8>(), 0..80), "[0-9a-z]{0,40}".prop_map(String::into_bytes),
        ], 0..12)) {
            let text = pieces.concat();
            let mut wanted: Vec<u64> = Vec::new();
            let mut from = 0;
            while let Some(found) = text[from..].windows(32).position(|w| w == HASH) {
                wanted.push((from + found) as u64);
                from += found + 32;
            }
            let found: Vec<u64> = scanner().scan(&text).iter().map(|hit| hit.at.0).collect();
            prop_assert_eq!(found, wanted);
        }
    }
}
