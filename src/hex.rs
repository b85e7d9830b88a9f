//! Digests and the like, for people and for formats that have them as text.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Lower case hexadecimal digits. By hand: an .rpm of many files has a digest of each, and to format byte by byte takes ten times as long.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}
