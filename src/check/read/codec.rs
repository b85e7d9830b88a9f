//! Decompresses, told by the first bytes which codec it is.

use std::io::{self, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};

/// How many compressed streams may follow each other in one file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Streams {
    /// dpkg stops after the first zstd frame or xz stream (but reads several gzip members).
    One,
    Several,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    Gzip,
    Xz,
    Zstd,
}

/// What decompressing one xz stream may cost in bytes; `xz -9` takes 65 MiB. (zstd refuses windows over 128 MiB itself.)
const XZ_MEMORY: u64 = 512 << 20;

const MAGIC_LENGTH: u64 = 6;

impl Codec {
    /// RFC 1952; the .xz file format, 2.1.1.1; RFC 8878, 3.1.1 and 3.1.2 (pzstd begins with a skippable frame).
    pub fn of(magic: &[u8]) -> Option<Codec> {
        match magic {
            [0x1f, 0x8b, ..] => Some(Codec::Gzip),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Codec::Xz),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Codec::Zstd),
            _ => None,
        }
    }
}

pub fn is_compressed(magic: &[u8]) -> bool {
    Codec::of(magic).is_some()
}

/// The decompressed bytes of `source`; the source's own where it is not compressed.
pub fn open<R: Read + Send + 'static>(mut source: R, streams: Streams) -> io::Result<Box<dyn Read + Send>> {
    let mut magic = Vec::new();
    source.by_ref().take(MAGIC_LENGTH).read_to_end(&mut magic)?;
    let codec = Codec::of(&magic);
    let source = BufReader::with_capacity(64 << 10, Cursor::new(magic).chain(source));
    Ok(match codec {
        None => Box::new(source),
        Some(Codec::Gzip) => Box::new(MultiGzDecoder::new(source)),
        Some(Codec::Xz) => {
            let flags = if streams == Streams::Several { CONCATENATED } else { 0 };
            Box::new(XzDecoder::new_stream(source, Stream::new_stream_decoder(XZ_MEMORY, flags)?))
        }
        Some(Codec::Zstd) => {
            let decoder = zstd::Decoder::with_buffer(source)?;
            Box::new(if streams == Streams::One { decoder.single_frame() } else { decoder })
        }
    })
}
