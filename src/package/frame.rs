//! A zstd frame (RFC 8878) of blocks that are made elsewhere.
//!
//! A block refers to what is before it in three ways: to bytes, to the offsets that were used last, to the last codes. zstd's threads
//! share a frame in jobs, of which each but the first refers to nothing but bytes, and to none of them where jobs have no overlap. A
//! flush ends a job. So what is between two flushes stands by itself.

use std::io;

use zstd::stream::raw::{Encoder, InBuffer, Operation, OutBuffer};
use zstd::zstd_safe::CParameter;

/// The last level at which archives are made of pieces; its own window is 2 MiB. At higher ones, they would lose too much by it.
pub const LAST_SMALL_LEVEL: i32 = 8;

/// The most bytes of a piece, which is a job of zstd's and as large as the window. Twice as many make an ffmpeg 1.2 % smaller (one of its
/// libraries says long tables twice), and take a tenth of the time more and 15 MiB more a thread.
pub const PIECE: usize = 1 << WINDOW_LOG;
const WINDOW_LOG: u8 = 22;

/// What begins a frame (3.1.1.1): magic number; a descriptor that says that there is a checksum, and no size; the window, which has
/// `1 << (10 + exponent)` bytes.
pub const HEADER: [u8; 6] = [0x28, 0xb5, 0x2f, 0xfd, 1 << 2, (WINDOW_LOG - 10) << 3];

/// A last block, with nothing in it (3.1.1.2).
pub const LAST_BLOCK: [u8; 3] = [1, 0, 0];

/// As much as a block may hold (3.1.1.2.4), whatever the window from this size on.
const LARGEST_BLOCK: usize = 128 << 10;

/// zstd's threads of an encoder. They work in turn; but one that is done is not free at once, and without another, the next job would
/// be offered to it again and again.
const WORKERS: u32 = 2;

/// zstd's word for none.
const NO_OVERLAP: u32 = 1;

/// So much room at least for what zstd has to hand out.
const ROOM: usize = 1 << 20;

/// Makes blocks; the frame around them is never ended.
pub struct Blocks {
    /// Not one that writes: that copies what came of the bytes twice.
    encoder: Encoder<'static>,
}

impl Blocks {
    pub fn new(level: i32) -> io::Result<Self> {
        let mut encoder = Encoder::new(level)?;
        encoder.set_parameter(CParameter::NbWorkers(WORKERS))?;
        encoder.set_parameter(CParameter::JobSize(PIECE as u32))?;
        encoder.set_parameter(CParameter::OverlapSizeLog(NO_OVERLAP))?;
        encoder.set_parameter(CParameter::WindowLog(WINDOW_LOG.into()))?;
        // The frame's first job, and its header, are thrown away.
        let (mut blocks, mut thrown_away) = (Blocks { encoder }, Vec::new());
        blocks.add(&[0], &mut thrown_away)?;
        blocks.end(&mut thrown_away)?;
        Ok(blocks)
    }

    /// Takes in bytes, and puts behind `into` what became of any so far.
    pub fn add(&mut self, bytes: &[u8], into: &mut Vec<u8>) -> io::Result<()> {
        let mut bytes = InBuffer::around(bytes);
        while bytes.pos() < bytes.src.len() {
            self.encoder.run(&mut bytes, &mut room(into))?;
        }
        Ok(())
    }

    /// The same of all that was taken in.
    pub fn end(&mut self, into: &mut Vec<u8>) -> io::Result<()> {
        while self.encoder.flush(&mut room(into))? > 0 {}
        Ok(())
    }
}

/// Behind what is there.
fn room(into: &mut Vec<u8>) -> OutBuffer<'_, Vec<u8>> {
    into.reserve(ROOM);
    let length = into.len();
    OutBuffer::around_pos(into, length)
}

/// Blocks of bytes as they are.
pub fn store(bytes: &[u8], into: &mut Vec<u8>) {
    for block in bytes.chunks(LARGEST_BLOCK) {
        // 3.1.1.2: not the last, raw, and its length, in three bytes.
        let header = (block.len() as u32) << 3;
        into.extend_from_slice(&header.to_le_bytes()[..3]);
        into.extend_from_slice(block);
    }
}
