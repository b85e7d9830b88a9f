//! The single file: a script, and a tarball behind it. The script's second line says where:
//! `# explant-run 1 OFFSET SIZE SHA256`.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::{Take, ahead, codec, malformed, tar};

const MAGIC: &[u8] = b"#!/bin/sh\n# explant-run 1 ";

/// Whether a file begins with that.
pub fn is_run(magic: &[u8]) -> bool {
    magic.starts_with(MAGIC)
}

/// Hands out every member. `magic` is the file's first bytes.
pub fn read(mut file: File, magic: &[u8], take: &mut Take) -> io::Result<()> {
    let line = magic[MAGIC.len()..].split(|byte| *byte == b'\n').next().unwrap_or_default();
    let mut words = std::str::from_utf8(line).unwrap_or_default().split(' ');
    let mut number = || words.next()?.parse::<u64>().ok();
    let (Some(offset), Some(size)) = (number(), number()) else {
        return Err(malformed("its second line does not say where its archive is"));
    };
    let length = file.metadata()?.len();
    match offset.checked_add(size) {
        Some(end) if end > length => {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("it has {length} bytes, not {end}"),
            ));
        }
        Some(end) if end == length => {}
        _ => return Err(malformed("bytes that are not its own are behind its archive")),
    }
    file.seek(SeekFrom::Start(offset))?;
    tar::read(ahead::Ahead::new(codec::open(file.take(size), codec::Streams::Several)?), take)
}
