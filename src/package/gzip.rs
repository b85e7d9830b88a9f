//! gzip on all cores: the input in pieces of one size, each a member of its own. A file of several members is a gzip file
//! (RFC 1952, 2.2); dpkg, rpm, tar and busybox read it.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use rayon::prelude::*;

/// Input bytes of a member. Fixed, so that the bytes do not depend on the number of threads; what a member cannot refer
/// back to costs a fiftieth of a percent at this size.
const MEMBER: usize = 2 << 20;

/// Members that are packed at a time.
const BATCH: usize = 8;

/// Compresses what is written to it, into `W`.
pub struct Gzip<W: Write> {
    into: W,
    level: Compression,
    held: Vec<u8>,
    is_empty: bool,
}

impl<W: Write> Gzip<W> {
    pub fn new(into: W, level: u32) -> Self {
        Gzip { into, level: Compression::new(level), held: Vec::new(), is_empty: true }
    }

    /// Writes what is still held back.
    pub fn finish(mut self) -> io::Result<W> {
        if self.is_empty || !self.held.is_empty() {
            self.pack()?;
        }
        Ok(self.into)
    }

    fn pack(&mut self) -> io::Result<()> {
        let level = self.level;
        let pieces: Vec<&[u8]> =
            if self.held.is_empty() { vec![&[]] } else { self.held.chunks(MEMBER).collect() };
        let members: Vec<Vec<u8>> =
            pieces.par_iter().map(|piece| member(piece, level)).collect::<io::Result<_>>()?;
        for member in members {
            self.into.write_all(&member)?;
        }
        self.held.clear();
        self.is_empty = false;
        Ok(())
    }
}

/// flate2's header has no name, no time and no system.
fn member(piece: &[u8], level: Compression) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(piece.len() / 2), level);
    encoder.write_all(piece)?;
    encoder.finish()
}

impl<W: Write> Write for Gzip<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = MEMBER * BATCH - self.held.len();
        let taken = &bytes[..bytes.len().min(room)];
        self.held.extend_from_slice(taken);
        if self.held.len() == MEMBER * BATCH {
            self.pack()?;
        }
        Ok(taken.len())
    }

    /// What is held back makes no whole member yet.
    fn flush(&mut self) -> io::Result<()> {
        self.into.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::MultiGzDecoder;

    use super::*;

    #[test]
    fn what_is_packed_is_unpacked() {
        for size in [0, 1, MEMBER, MEMBER * BATCH, MEMBER * BATCH + 1] {
            let bytes: Vec<u8> = (0..size).map(|i| (i / 7) as u8).collect();
            let mut gzip = Gzip::new(Vec::new(), 6);
            gzip.write_all(&bytes).unwrap();
            let packed = gzip.finish().unwrap();
            let mut unpacked = Vec::new();
            MultiGzDecoder::new(packed.as_slice()).read_to_end(&mut unpacked).unwrap();
            assert!(unpacked == bytes, "{size}");
        }
    }
}
