//! The codecs. Each makes the same bytes for any number of threads, and one frame (zstd) or stream (xz): dpkg stops
//! after the first.

use std::io::{self, Write};

use liblzma::stream::{Check, MtStreamBuilder};
use liblzma::write::XzEncoder;

use super::frame::{self, Frame, LAST_SMALL_LEVEL, SMALL_JOB};
use super::gzip::{self, Gzip};
use crate::config::Compression;

/// Input bytes of one xz block. Fixed, so that the bytes do not depend on the number of threads; three times preset
/// 6's dictionary, which is what xz(1) takes for it.
const XZ_BLOCK: u64 = 24 << 20;

/// About what a thread takes, in bytes. xz tells it. Of zstd it is an estimate, six jobs: zstd(1) 1.5.4 with two threads took 22 MiB
/// with jobs of 2 MiB at level 3, and 360 MiB with its own of 32 MiB at level 19; other levels were not measured.
pub fn memory_of_thread(compression: Compression) -> u64 {
    const MIB: u64 = 1 << 20;
    match compression {
        Compression::Zstd(..=LAST_SMALL_LEVEL) => 6 * u64::from(SMALL_JOB),
        // Jobs of four windows (zstd's clevels.h).
        Compression::Zstd(level) => {
            6 * 4
                * (match level {
                    ..=16 => 4 * MIB,
                    17..=19 => 8 * MIB,
                    20 => 32 * MIB,
                    21 => 64 * MIB,
                    _ => 128 * MIB,
                })
        }
        Compression::Xz(level) => xz(level, 2).memusage().saturating_sub(xz(level, 1).memusage()),
        Compression::Gzip(_) => gzip::MEMORY_OF_THREAD,
        Compression::None => 0,
    }
}

/// The options of xz's threaded encoder.
fn xz(level: u32, threads: u32) -> MtStreamBuilder {
    let mut builder = MtStreamBuilder::new();
    builder.threads(threads).block_size(XZ_BLOCK).preset(level).check(Check::Crc64);
    builder
}

/// Compresses what is written to it, into `W`.
pub enum Compressor<W: Write> {
    Zstd(Frame<W>),
    /// At levels where nothing is spliced.
    WholeZstd(zstd::Encoder<'static, W>),
    Xz(XzEncoder<W>),
    Gzip(Gzip<W>),
    None(W),
}

impl<W: Write> Compressor<W> {
    pub fn new(compression: Compression, threads: usize, into: W) -> io::Result<Self> {
        Ok(match compression {
            Compression::Zstd(level) if frame::can_be_spliced(level) => {
                Compressor::Zstd(Frame::new(into, level, threads)?)
            }
            Compression::Zstd(level) => Compressor::WholeZstd(frame::encoder(level, threads, into)?),
            Compression::Xz(level) => {
                let stream = xz(level, threads.clamp(1, 256) as u32).encoder()?;
                Compressor::Xz(XzEncoder::new_stream(into, stream))
            }
            Compression::Gzip(level) => Compressor::Gzip(Gzip::new(into, level, threads)?),
            Compression::None => Compressor::None(into),
        })
    }

    /// Takes in `bytes`, which a [`Packer`](super::packer::Packer) has packed.
    pub fn splice(&mut self, bytes: &[u8], packed: &[u8]) -> io::Result<()> {
        match self {
            Compressor::Zstd(frame) => frame.splice(bytes, packed),
            Compressor::Gzip(gzip) => gzip.splice(bytes, packed),
            // No packer is for these.
            _ => self.write_all(bytes),
        }
    }

    /// Writes what is still held back.
    pub fn finish(self) -> io::Result<W> {
        match self {
            Compressor::Zstd(frame) => frame.finish(),
            Compressor::WholeZstd(encoder) => encoder.finish(),
            Compressor::Xz(encoder) => encoder.finish(),
            Compressor::Gzip(encoder) => encoder.finish(),
            Compressor::None(into) => Ok(into),
        }
    }
}

impl<W: Write> Write for Compressor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Compressor::Zstd(frame) => frame.write(bytes),
            Compressor::WholeZstd(encoder) => encoder.write(bytes),
            Compressor::Xz(encoder) => encoder.write(bytes),
            Compressor::Gzip(encoder) => encoder.write(bytes),
            Compressor::None(into) => into.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Compressor::Zstd(frame) => frame.flush(),
            Compressor::WholeZstd(encoder) => encoder.flush(),
            Compressor::Xz(encoder) => encoder.flush(),
            Compressor::Gzip(encoder) => encoder.flush(),
            Compressor::None(into) => into.flush(),
        }
    }
}

/// What a file name ends in when its content is compressed so: `.zst`, or nothing.
pub fn extension(compression: Compression) -> &'static str {
    match compression {
        Compression::Zstd(_) => ".zst",
        Compression::Xz(_) => ".xz",
        Compression::Gzip(_) => ".gz",
        Compression::None => "",
    }
}
