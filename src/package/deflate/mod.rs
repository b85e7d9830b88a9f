//! Deflate (RFC 1951) by libdeflate, in pieces that can be strung together.
//!
//! libdeflate makes whole streams only: a piece's last block says that it is the stream's last. That mark is taken away ([`ends`]
//! knows where it is), and an empty stored block fills the piece up to a byte boundary, as zlib's full flush does.

mod ends;

use std::io;

use libdeflater::{CompressionLvl, Compressor};

use ends::Ends;

/// RFC 1951, 3.2.4: what follows the header of an empty stored block.
const EMPTY: [u8; 4] = [0, 0, 0xff, 0xff];

/// RFC 1951, 3.2.6: a last block, with fixed codes, and nothing in it but its end.
pub const LAST_BLOCK: [u8; 2] = [0x03, 0x00];

/// Packs pieces.
pub struct Deflater(Compressor);

impl Deflater {
    /// `level`: 0 to 12, which are libdeflate's own.
    pub fn new(level: u32) -> Self {
        Deflater(Compressor::new(CompressionLvl::new(level as i32).unwrap_or_default()))
    }

    /// The bytes as blocks of which none is the last, up to a byte boundary.
    ///
    /// Errors: libdeflate made what is not deflate.
    pub fn deflate(&mut self, bytes: &[u8], into: &mut Vec<u8>) -> io::Result<()> {
        let start = into.len();
        into.resize(start + self.0.deflate_compress_bound(bytes.len()), 0);
        let length = self.0.deflate_compress(bytes, &mut into[start..]).map_err(io::Error::other)?;
        into.truncate(start + length);
        open_end(into, start).ok_or_else(|| io::Error::other("what libdeflate made is not deflate"))
    }
}

/// RFC 1951, 3.2.4: blocks of bytes as they are.
pub fn store(bytes: &[u8], into: &mut Vec<u8>) {
    for block in bytes.chunks(u16::MAX.into()) {
        let length = block.len() as u16;
        into.push(0);
        into.extend(length.to_le_bytes());
        into.extend((!length).to_le_bytes());
        into.extend_from_slice(block);
    }
}

/// Makes the stream that begins at `start` one that more can follow, at a byte boundary. `None`: it is no deflate stream.
fn open_end(bytes: &mut Vec<u8>, start: usize) -> Option<()> {
    let Ends { mark, end } = ends::find(&bytes[start..])?;
    bytes[start + mark / 8] &= !(1 << (mark % 8));
    // The header of a stored block: three zeros, and more up to the boundary. Behind the end they are zeros already.
    bytes.resize(start + (end + 3).div_ceil(8), 0);
    bytes.extend(EMPTY);
    Some(())
}

#[cfg(test)]
mod tests;
