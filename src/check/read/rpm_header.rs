//! The header structure of an .rpm (rpm's docs/manual/format_header.md): an index of tags and a store of values.

use std::io::{self, Read};

use super::limit::read_vec;
use super::malformed;

const MAGIC: [u8; 8] = [0x8e, 0xad, 0xe8, 0x01, 0, 0, 0, 0];
/// What rpm itself takes at most (lib/header_internal.h, HEADER_DATA_MAX and HEADER_TAGS_MAX).
const STORE_MAX: u32 = 256 << 20;
const TAGS_MAX: u32 = 65_535;
const ENTRY: usize = 16;

const INT16: u32 = 3;
const INT32: u32 = 4;
const INT64: u32 = 5;
const STRING: u32 = 6;
const STRING_ARRAY: u32 = 8;
const I18N_STRING: u32 = 9;

/// A header, read whole; its values are looked up where they lie.
pub struct RpmHeader {
    /// Magic, counts, index and store: what the signature header's digests are of.
    pub bytes: Vec<u8>,
    tags: usize,
}

struct Value<'a> {
    kind: u32,
    count: usize,
    /// From its offset to the end of the store.
    store: &'a [u8],
}

impl RpmHeader {
    pub fn read(source: &mut dyn Read) -> io::Result<Self> {
        let mut bytes = read_vec(source, 16)?;
        let (tags, store) = (be32(&bytes, 8), be32(&bytes, 12));
        if !bytes.starts_with(&MAGIC) || tags > TAGS_MAX || store > STORE_MAX {
            return Err(malformed("the .rpm's headers are corrupted"));
        }
        let tags = tags as usize;
        bytes.append(&mut read_vec(source, (tags * ENTRY) as u64 + u64::from(store))?);
        Ok(RpmHeader { bytes, tags })
    }

    fn find(&self, tag: u32) -> Option<Value<'_>> {
        let (index, store) = self.bytes.get(16..)?.split_at_checked(self.tags * ENTRY)?;
        let entry = index.chunks_exact(ENTRY).find(|entry| be32(entry, 0) == tag)?;
        let store = store.get(be32(entry, 8) as usize..)?;
        Some(Value { kind: be32(entry, 4), count: be32(entry, 12) as usize, store })
    }

    /// The first of the tag's strings.
    pub fn string(&self, tag: u32) -> Option<&[u8]> {
        self.strings(tag).next()
    }

    /// The tag's strings; none where it is absent or no string.
    pub fn strings(&self, tag: u32) -> impl Iterator<Item = &[u8]> {
        let value = self.find(tag).filter(|v| matches!(v.kind, STRING | STRING_ARRAY | I18N_STRING));
        let (count, store) = value.map_or((0, &[][..]), |value| (value.count, value.store));
        // Every string ends in a NUL, so that what is behind the last NUL is none.
        let whole = store.iter().rposition(|b| *b == 0).map_or(&[][..], |end| &store[..=end]);
        whole.split_inclusive(|b| *b == 0).map(|text| &text[..text.len() - 1]).take(count)
    }

    /// The tag's numbers, of whatever width; none where it is absent or no number.
    pub fn numbers(&self, tag: u32) -> impl Iterator<Item = u64> {
        let value = self.find(tag);
        let width = match value.as_ref().map(|value| value.kind) {
            Some(INT16) => 2,
            Some(INT32) => 4,
            Some(INT64) => 8,
            _ => usize::MAX,
        };
        let (count, store) = value.map_or((0, &[][..]), |value| (value.count, value.store));
        store
            .chunks_exact(width)
            .map(|number| number.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
            .take(count)
    }
}

/// The big-endian number at `at`; 0 where there is none.
fn be32(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |four| four.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
}
