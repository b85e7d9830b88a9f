//! A gzip member or a zstd frame, strung together from pieces that are compressed each by itself. One member or frame: not every reader
//! goes on to the next.

use std::collections::VecDeque;
use std::hash::Hasher;
use std::io::{self, Write};
use std::sync::Arc;

use flate2::Crc;
use twox_hash::XxHash64;

use super::packer::{Packed, Packer, Promise};
use super::{deflate, frame};
use crate::config::Compression;

/// RFC 1952, 2.3: magic number, deflate, no name, no time, no system.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Fewer bytes are not compressed: a cpio's header between two large contents is not worth a thread's turn.
const FEWEST: usize = 64;

/// Compresses what is written to it, into `W`.
pub struct Strung<W: Write> {
    into: W,
    packer: Packer,
    /// What makes no whole piece yet.
    held: Vec<u8>,
    /// What will be written, in order.
    pending: VecDeque<Pending>,
    sum: Sum,
}

enum Pending {
    Ready(Vec<u8>),
    Promised(Promise),
}

impl<W: Write> Strung<W> {
    pub fn new(mut into: W, packer: Packer) -> io::Result<Self> {
        let sum = match packer.compression {
            Compression::Zstd(_) => Sum::Zstd(XxHash64::with_seed(0)),
            _ => Sum::Gzip(Crc::new()),
        };
        into.write_all(sum.header())?;
        Ok(Strung { into, packer, held: Vec::new(), pending: VecDeque::new(), sum })
    }

    /// Takes in `bytes` that are packed elsewhere. What they become is promised with the last of a piece.
    pub fn splice(&mut self, bytes: &[u8], promise: Option<Promise>) -> io::Result<()> {
        self.pack_held()?;
        self.sum.update(bytes);
        promise.map_or(Ok(()), |promise| self.push(Pending::Promised(promise)))
    }

    fn pack_held(&mut self) -> io::Result<()> {
        let held = std::mem::take(&mut self.held);
        if held.is_empty() {
            return Ok(());
        }
        if held.len() < FEWEST {
            return self.push(Pending::Ready(self.sum.stored(&held)));
        }
        let mut promises = self.packer.pack(vec![Arc::new(held)], 1).into_iter();
        promises.try_for_each(|promise| self.push(Pending::Promised(promise)))
    }

    /// As many pieces may be under way as keep all threads busy; then the first one is waited for.
    fn push(&mut self, pending: Pending) -> io::Result<()> {
        self.pending.push_back(pending);
        while self.pending.len() > self.packer.threads + 1 {
            self.write_first()?;
        }
        Ok(())
    }

    fn write_first(&mut self) -> io::Result<()> {
        match self.pending.pop_front() {
            Some(Pending::Ready(packed)) => self.into.write_all(&packed),
            Some(Pending::Promised(promise)) => {
                let packed: Packed =
                    promise.recv().map_err(|_| io::Error::other("a thread that compresses died"))?;
                match &*packed {
                    Ok(packed) => self.into.write_all(packed),
                    Err(cause) => Err(io::Error::new(cause.kind(), cause.to_string())),
                }
            }
            None => Ok(()),
        }
    }

    /// Writes what is still held back, and the end.
    pub fn finish(mut self) -> io::Result<W> {
        self.pack_held()?;
        while !self.pending.is_empty() {
            self.write_first()?;
        }
        self.into.write_all(&self.sum.trailer())?;
        Ok(self.into)
    }
}

impl<W: Write> Write for Strung<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.packer.piece_length() - self.held.len();
        let taken = &bytes[..bytes.len().min(room)];
        self.held.extend_from_slice(taken);
        self.sum.update(taken);
        if taken.len() == room {
            self.pack_held()?;
        }
        Ok(taken.len())
    }

    /// What is held back makes no whole piece yet.
    fn flush(&mut self) -> io::Result<()> {
        self.into.flush()
    }
}

/// The checksum of what the pieces hold, and what else the two formats differ in.
enum Sum {
    Gzip(Crc),
    Zstd(XxHash64),
}

impl Sum {
    fn header(&self) -> &'static [u8] {
        match self {
            Sum::Gzip(_) => &GZIP_HEADER,
            Sum::Zstd(_) => &frame::HEADER,
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Sum::Gzip(crc) => crc.update(bytes),
            Sum::Zstd(hasher) => hasher.write(bytes),
        }
    }

    fn stored(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stored = Vec::new();
        match self {
            Sum::Gzip(_) => deflate::store(bytes, &mut stored),
            Sum::Zstd(_) => frame::store(bytes, &mut stored),
        }
        stored
    }

    /// The last block, and the checksum (RFC 1952, 2.3.1, with the length; RFC 8878, 3.1.1).
    fn trailer(&self) -> Vec<u8> {
        match self {
            Sum::Gzip(crc) => {
                [&deflate::LAST_BLOCK[..], &crc.sum().to_le_bytes(), &crc.amount().to_le_bytes()].concat()
            }
            Sum::Zstd(hasher) => [&frame::LAST_BLOCK[..], &(hasher.finish() as u32).to_le_bytes()].concat(),
        }
    }
}

#[cfg(test)]
mod tests;
