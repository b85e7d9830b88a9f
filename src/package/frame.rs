//! A zstd frame (RFC 8878) that takes in blocks made elsewhere.
//!
//! A block refers to what is before it in three ways: to bytes, to the offsets that were used last, to the last codes. zstd's threads
//! share a frame in jobs, each of which refers to nothing but bytes, and to no more of them than its overlap with the job before. A
//! flush ends a job. So what follows a flush, and a job of a single byte that is thrown away, stands by itself.

use std::hash::Hasher;
use std::io::{self, Write};

use twox_hash::XxHash64;
use zstd::Encoder;
use zstd::zstd_safe::CParameter;

/// The last level whose window is 2 MiB.
pub const LAST_SMALL_LEVEL: i32 = 8;

/// Bytes of a job up to that level: as much as the window, where zstd takes four times that. So memory stays small with
/// many threads; what it costs in size, an overlap with half a window before it (log 8 of 9) gives back.
pub const SMALL_JOB: u32 = 2 << 20;
const OVERLAP_LOG: u32 = 8;

/// The length of a frame's header without its content's size (3.1.1.1): magic number, descriptor, window.
const HEADER: usize = 6;

/// A last block, with nothing in it (3.1.1.2).
const LAST_BLOCK: [u8; 3] = [1, 0, 0];

/// As much as a block may hold (3.1.1.2.4), whatever the window from this size on.
const LARGEST_BLOCK: usize = 128 << 10;

/// Whether contents are packed by themselves. At higher levels, they lose too much by it.
pub fn can_be_spliced(level: i32) -> bool {
    level <= LAST_SMALL_LEVEL
}

/// zstd with workers, even if it is one: without any it cuts its blocks elsewhere.
pub fn encoder<W: Write>(level: i32, threads: usize, into: W) -> io::Result<Encoder<'static, W>> {
    let mut encoder = Encoder::new(into, level)?;
    encoder.multithread(threads.clamp(1, 256) as u32)?;
    if level <= LAST_SMALL_LEVEL {
        encoder.set_parameter(CParameter::JobSize(SMALL_JOB))?;
        encoder.set_parameter(CParameter::OverlapSizeLog(OVERLAP_LOG))?;
    }
    encoder.include_checksum(true)?;
    Ok(encoder)
}

/// Makes blocks; the frame around them is never ended.
pub struct Blocks {
    encoder: Encoder<'static, Vec<u8>>,
    /// Whether it may hold something back.
    is_open: bool,
}

impl Blocks {
    pub fn new(level: i32, threads: usize) -> io::Result<Self> {
        Ok(Blocks { encoder: encoder(level, threads, Vec::new())?, is_open: false })
    }

    /// The header of a frame that they fit into.
    fn header(&mut self) -> io::Result<Vec<u8>> {
        self.encoder.write_all(&[0])?;
        self.encoder.flush()?;
        let mut header = self.take();
        header.truncate(HEADER);
        Ok(header)
    }

    /// Takes in bytes; if a block begins with them, it stands by itself, right behind the byte `before`.
    pub fn add(&mut self, bytes: &[u8], before: u8) -> io::Result<()> {
        if !self.is_open {
            let made = self.take();
            self.encoder.write_all(&[before])?;
            self.encoder.flush()?;
            *self.encoder.get_mut() = made;
            self.is_open = true;
        }
        self.encoder.write_all(bytes)
    }

    /// Takes in bytes as they are.
    pub fn store(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.end()?;
        for block in bytes.chunks(LARGEST_BLOCK) {
            // 3.1.1.2: not the last, raw, and its length, in three bytes.
            let header = (block.len() as u32) << 3;
            self.encoder.get_mut().extend_from_slice(&header.to_le_bytes()[..3]);
            self.encoder.get_mut().extend_from_slice(block);
        }
        Ok(())
    }

    /// Ends what is open: what comes next will stand by itself.
    pub fn end(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.is_open) { self.encoder.flush() } else { Ok(()) }
    }

    /// What is made by now.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(self.encoder.get_mut())
    }
}

/// Compresses what is written to it into a frame, into `W`.
pub struct Frame<W: Write> {
    into: W,
    /// Of what is written; what is spliced comes from elsewhere.
    own: Blocks,
    /// What was written or spliced last.
    last: Option<u8>,
    checksum: XxHash64,
}

impl<W: Write> Frame<W> {
    pub fn new(mut into: W, level: i32, threads: usize) -> io::Result<Self> {
        let mut own = Blocks::new(level, threads)?;
        into.write_all(&own.header()?)?;
        Ok(Frame { into, own, last: None, checksum: XxHash64::with_seed(0) })
    }

    /// Takes in `bytes`, packed.
    pub fn splice(&mut self, bytes: &[u8], packed: &[u8]) -> io::Result<()> {
        self.close()?;
        self.into.write_all(packed)?;
        self.note(bytes);
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        self.own.end()?;
        self.into.write_all(&self.own.take())
    }

    fn note(&mut self, bytes: &[u8]) {
        self.checksum.write(bytes);
        self.last = bytes.last().copied().or(self.last);
    }

    /// Writes what is still held back, and the end.
    pub fn finish(mut self) -> io::Result<W> {
        self.close()?;
        self.into.write_all(&LAST_BLOCK)?;
        self.into.write_all(&(self.checksum.finish() as u32).to_le_bytes())?;
        Ok(self.into)
    }
}

impl<W: Write> Write for Frame<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(first) = bytes.first() else { return Ok(0) };
        match self.last {
            Some(last) => {
                self.own.add(bytes, last)?;
                self.into.write_all(&self.own.take())?;
                self.note(bytes);
                Ok(bytes.len())
            }
            // Nothing is before it that what follows would have to stand behind.
            None => {
                self.own.store(&[*first])?;
                self.into.write_all(&self.own.take())?;
                self.note(&[*first]);
                Ok(1)
            }
        }
    }

    /// What is held back makes no whole block yet.
    fn flush(&mut self) -> io::Result<()> {
        self.into.flush()
    }
}

#[cfg(test)]
mod tests;
