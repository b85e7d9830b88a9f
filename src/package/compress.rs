//! The codecs. Each makes the same bytes for any number of threads, and one frame (zstd) or stream (xz): dpkg stops
//! after the first.

use std::io::{self, Write};

use liblzma::stream::{Check, MtStreamBuilder};
use liblzma::write::XzEncoder;

use super::gzip::Gzip;
use crate::config::Compression;

/// Input bytes of one xz block. Fixed, so that the bytes do not depend on the number of threads; three times preset
/// 6's dictionary, which is what xz(1) takes for it.
const XZ_BLOCK: u64 = 24 << 20;

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
                encoder.include_checksum(true)?;
                Compressor::Zstd(encoder)
            }
            Compression::Xz(level) => {
                let stream = MtStreamBuilder::new()
                    .threads(threads)
                    .block_size(XZ_BLOCK)
                    .preset(level)
                    .check(Check::Crc64)
                    .encoder()?;
                Compressor::Xz(XzEncoder::new_stream(into, stream))
            }
            Compression::Gzip(level) => Compressor::Gzip(Gzip::new(into, level)?),
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
