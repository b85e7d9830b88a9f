//! The codecs. Each makes the same bytes for any number of threads, and one frame (zstd) or stream (xz): dpkg stops
//! after the first.

use std::io::{self, Write};

use liblzma::stream::{Check, MtStreamBuilder};
use liblzma::write::XzEncoder;
use zstd::zstd_safe::CParameter;

use super::frame::{LAST_SMALL_LEVEL, PIECE};
use super::packer::{Packer, Promise};
use super::repeats::REACH_LOG;
use super::strung::Strung;
use crate::config::Compression;

/// Input bytes of one xz block. Fixed, so that the bytes do not depend on the number of threads; three times preset
/// 6's dictionary, which is what xz(1) takes for it.
const XZ_BLOCK: u64 = 24 << 20;

/// About what a thread takes, in bytes. xz tells it. Of zstd it is an estimate, six jobs: zstd(1) 1.5.4 with two threads took 22 MiB
/// with jobs of 2 MiB at level 3, and 360 MiB with its own of 32 MiB at level 19; other levels were not measured. An encoder of pieces
/// takes in as many as four, and there are the piece and what becomes of it. Of gzip it is the pieces under way, packed and not.
pub fn memory_of_thread(compression: Compression) -> u64 {
    const MIB: u64 = 1 << 20;
    match compression {
        Compression::Zstd(..=LAST_SMALL_LEVEL) => 6 * PIECE as u64,
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
        Compression::Gzip(_) => 4 * MIB,
        Compression::None => 0,
    }
}

/// At low levels zstd's own window is a small program's size. Far back it looks for long matches alone, which takes little time. Jobs of
/// its own choice, four windows each, would take 64 MiB a thread.
fn reach_far<W: Write>(encoder: &mut zstd::Encoder<W>) -> io::Result<()> {
    encoder.window_log(REACH_LOG)?;
    encoder.long_distance_matching(true)?;
    encoder.set_parameter(CParameter::JobSize(PIECE as u32))
}

/// The options of xz's threaded encoder.
fn xz(level: u32, threads: u32) -> MtStreamBuilder {
    let mut builder = MtStreamBuilder::new();
    builder.threads(threads).block_size(XZ_BLOCK).preset(level).check(Check::Crc64);
    builder
}

/// Compresses what is written to it, into `W`.
pub enum Compressor<W: Write> {
    /// gzip, and zstd up to a level.
    Strung(Strung<W>),
    Zstd(zstd::Encoder<'static, W>),
    Xz(XzEncoder<W>),
    None(W),
}

impl<W: Write> Compressor<W> {
    /// `packer`: one of the same codec, if the archive is made of pieces.
    pub fn new(
        compression: Compression,
        threads: usize,
        packer: Option<Packer>,
        into: W,
    ) -> io::Result<Self> {
        let threads = threads.clamp(1, 256) as u32;
        Ok(match (compression, packer) {
            (_, Some(packer)) => Compressor::Strung(Strung::new(into, packer)?),
            (Compression::Zstd(level), None) => {
                let mut encoder = zstd::Encoder::new(into, level)?;
                // Even if it is one: without any it cuts its blocks elsewhere.
                encoder.multithread(threads)?;
                encoder.include_checksum(true)?;
                if level <= LAST_SMALL_LEVEL {
                    reach_far(&mut encoder)?;
                }
                Compressor::Zstd(encoder)
            }
            (Compression::Xz(level), None) => {
                Compressor::Xz(XzEncoder::new_stream(into, xz(level, threads).encoder()?))
            }
            // Of gzip there is always a packer.
            (Compression::Gzip(_) | Compression::None, None) => Compressor::None(into),
        })
    }

    /// Takes in `bytes`, which a [`Packer`] packs; what they become is promised with the last of a piece.
    pub fn splice(&mut self, bytes: &[u8], promise: Option<Promise>) -> io::Result<()> {
        match self {
            Compressor::Strung(strung) => strung.splice(bytes, promise),
            // No packer is for these.
            _ => self.write_all(bytes),
        }
    }

    /// Writes what is still held back.
    pub fn finish(self) -> io::Result<W> {
        match self {
            Compressor::Strung(strung) => strung.finish(),
            Compressor::Zstd(encoder) => encoder.finish(),
            Compressor::Xz(encoder) => encoder.finish(),
            Compressor::None(into) => Ok(into),
        }
    }
}

impl<W: Write> Write for Compressor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Compressor::Strung(strung) => strung.write(bytes),
            Compressor::Zstd(encoder) => encoder.write(bytes),
            Compressor::Xz(encoder) => encoder.write(bytes),
            Compressor::None(into) => into.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Compressor::Strung(strung) => strung.flush(),
            Compressor::Zstd(encoder) => encoder.flush(),
            Compressor::Xz(encoder) => encoder.flush(),
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
