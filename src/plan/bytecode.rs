//! Keeps Python's bytecode files valid: their headers hold the source's time or a hash of it (PEP 552), and a bundle's files
//! get new times and, where references are rewritten, new content. A stale .pyc is compiled again at every start.

use std::hash::Hasher;

use siphasher::sip::{SipHasher13, SipHasher24};

use super::{Entry, Kind, Source};
use crate::elf::{FileOffset, Patch};
use crate::error::Result;
use crate::path::InstallPath;
use crate::payload::{self, Body};

/// Bytes of a header: magic number, flags, then the source's time and size (4 bytes each) or its hash (8 bytes).
const HEADER: usize = 16;

/// The flags' bits (PEP 552).
const BY_HASH: u32 = 1;
const CHECKED: u32 = 2;

/// The first magic number of Python 3.11, whose source hash is SipHash-1-3; before, SipHash-2-4 (CPython,
/// Python/pyhash.c, gh-91102).
const FIRST_OF_3_11: u16 = 3450;

/// The .py that a .pyc was compiled from, if it is a .pyc: `__pycache__/x.cpython-313.pyc` or `x.pyc` beside it.
pub fn source_of(bytecode: &InstallPath) -> Option<InstallPath> {
    let name = bytecode.file_name().strip_suffix(b".pyc")?;
    let folder = bytecode.parent()?;
    if folder.file_name() != b"__pycache__" {
        return Some(folder.join([name, b".py"].concat()));
    }
    let end = name.iter().position(|b| *b == b'.').unwrap_or(name.len());
    Some(folder.parent()?.join([&name[..end], b".py"].concat()))
}

/// The patch that brings the header that `bytecode` has in the store in step with what `source` will be; `None` where it was stale
/// already, or stays valid as it is.
pub fn header_patch(bytecode: &Entry, source: &Entry, mtime: u32) -> Result<Option<Patch>> {
    let Some(mut old) = payload::open(bytecode)?.map(Body::unedited) else { return Ok(None) };
    let Kind::File { size: source_size, .. } = source.kind else { return Ok(None) };
    let Some(start) = old.next().transpose()? else { return Ok(None) };
    let Some(header) = start.get(..HEADER) else { return Ok(None) };
    let word = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let flags = word(4);
    let new: Vec<u8> = if flags & BY_HASH != 0 {
        if flags & CHECKED == 0 || header[8..] != source_hash(header, &original(source)?) {
            return Ok(None);
        }
        source_hash(header, &payload::whole(source)?.unwrap_or_default()).to_vec()
    } else {
        // The size never changes; the time in the header must have been the source's.
        if flags != 0 || word(12) != source_size as u32 || !is_time_of(source, word(8)) {
            return Ok(None);
        }
        mtime.to_le_bytes().to_vec()
    };
    Ok((header[8..8 + new.len()] != new).then(|| Patch::new(FileOffset(8), new)))
}

/// The source before its edits.
fn original(source: &Entry) -> Result<Vec<u8>> {
    Ok(payload::open(source)?.map(|body| body.unedited().whole()).transpose()?.unwrap_or_default())
}

/// CPython's `_imp.source_hash`: SipHash keyed with the magic number.
fn source_hash(header: &[u8], source: &[u8]) -> [u8; 8] {
    let magic = u16::from_le_bytes([header[0], header[1]]);
    let key = u64::from(u32::from_le_bytes([header[0], header[1], header[2], header[3]]));
    let hash = if magic >= FIRST_OF_3_11 {
        let mut hasher = SipHasher13::new_with_keys(key, 0);
        hasher.write(source);
        hasher.finish()
    } else {
        let mut hasher = SipHasher24::new_with_keys(key, 0);
        hasher.write(source);
        hasher.finish()
    };
    hash.to_le_bytes()
}

fn is_time_of(source: &Entry, time: u32) -> bool {
    use std::os::unix::fs::MetadataExt;
    let Kind::File { source: Source::Store(path), .. } = &source.kind else { return false };
    path.metadata().is_ok_and(|metadata| metadata.mtime() as u32 == time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_found() {
        for (bytecode, source) in [
            ("/l/__pycache__/os.cpython-313.pyc", Some("/l/os.py")),
            ("/l/__pycache__/os.cpython-313.opt-1.pyc", Some("/l/os.py")),
            ("/l/os.pyc", Some("/l/os.py")),
            ("/l/os.py", None),
        ] {
            let found = source_of(&InstallPath::new(bytecode).unwrap()).map(|path| path.to_string());
            assert_eq!(found.as_deref(), source, "{bytecode}");
        }
    }
}
