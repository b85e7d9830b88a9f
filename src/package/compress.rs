//! The codecs. Each makes the same bytes for any number of threads, and one frame (zstd) or stream (xz): dpkg stops
//! after the first.

use std::io::{self, Write};

use liblzma::stream::{Check, MtStreamBuilder};
use liblzma::write::XzEncoder;
use zstd::zstd_safe::CParameter;

use super::gzip::{self, Gzip};
use crate::config::Compression;

/// Input bytes of one xz block. Fixed, so that the bytes do not depend on the number of threads; three times preset
/// 6's dictionary, which is what xz(1) takes for it.
const XZ_BLOCK: u64 = 24 << 20;

/// The last zstd level whose window is 2 MiB.
const LAST_SMALL_LEVEL: i32 = 8;

/// Bytes of one zstd job up to that level: as much as the window, where zstd takes four times that. So memory stays small with
/// many threads; what it costs in size, an overlap with half a window before it (log 8 of 9) gives back.
const ZSTD_JOB: u32 = 2 << 20;
const ZSTD_OVERLAP_LOG: u32 = 8;

/// About what a thread takes, in bytes. xz tells it. Of zstd it is an estimate, six jobs: zstd(1) 1.5.4 with two threads took 22 MiB
/// with jobs of 2 MiB at level 3, and 360 MiB with its own of 32 MiB at level 19; other levels were not measured.
pub fn memory_of_thread(compression: Compression) -> u64 {
    const MIB: u64 = 1 << 20;
    match compression {
        Compression::Zstd(..=LAST_SMALL_LEVEL) => 6 * u64::from(ZSTD_JOB),
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
    Zstd(zstd::Encoder<'static, W>),
    Xz(XzEncoder<W>),
    Gzip(Gzip<W>),
    None(W),
}

impl<W: Write> Compressor<W> {
    pub fn new(compression: Compression, threads: usize, into: W) -> io::Result<Self> {
        let threads = threads.clamp(1, 256) as u32;
        Ok(match compression {
            Compression::Zstd(level) => {
                let mut encoder = zstd::Encoder::new(into, level)?;
                // Always with workers, even one: zstd without any cuts its blocks elsewhere.
                encoder.multithread(threads)?;
                if level <= LAST_SMALL_LEVEL {
                    encoder.set_parameter(CParameter::JobSize(ZSTD_JOB))?;
                    encoder.set_parameter(CParameter::OverlapSizeLog(ZSTD_OVERLAP_LOG))?;
                }
                encoder.include_checksum(true)?;
                Compressor::Zstd(encoder)
            }
            Compression::Xz(level) => {
                let stream = xz(level, threads).encoder()?;
                Compressor::Xz(XzEncoder::new_stream(into, stream))
            }
            Compression::Gzip(level) => Compressor::Gzip(Gzip::new(into, level, threads as usize)?),
            Compression::None => Compressor::None(into),
        })
    }

    /// Writes what is still held back.
    pub fn finish(self) -> io::Result<W> {
        match self {
            Compressor::Zstd(encoder) => encoder.finish(),
            Compressor::Xz(encoder) => encoder.finish(),
            Compressor::Gzip(encoder) => encoder.finish(),
            Compressor::None(into) => Ok(into),
        }
    }
}

impl<W: Write> Write for Compressor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Compressor::Zstd(encoder) => encoder.write(bytes),
            Compressor::Xz(encoder) => encoder.write(bytes),
            Compressor::Gzip(encoder) => encoder.write(bytes),
            Compressor::None(into) => into.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Compressor::Zstd(encoder) => encoder.flush(),
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
