//! Compresses in pieces, each by itself, with threads of its own, for all archives in one codec.
//!
//! Of a deflate stream or a zstd frame, a part can be made by itself if it refers to nothing before it; it then fits in anywhere. So
//! all threads work on one archive, and the .deb's tar and the .rpm's cpio share what was made of a content that both hold, which is
//! most of what a build does.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use super::deflate::{self, Deflater};
use super::frame::{self, Blocks, LAST_SMALL_LEVEL};
use super::noise;
use crate::config::Compression;
use crate::payload;

/// From how many bytes on a content is packed by itself. Of an ffmpeg 97 % of all bytes are in such files.
pub const LARGE: u64 = 128 << 10;

/// What became of a piece, for each stream that wants it.
pub type Packed = Arc<io::Result<Vec<u8>>>;

/// Where a stream gets what became of a piece.
pub type Promise = Receiver<Packed>;

/// Bytes that are packed together: some windows of a content, or what a stream has gathered.
pub type Piece = Vec<Arc<Vec<u8>>>;

struct Task {
    piece: Piece,
    to: Vec<SyncSender<Packed>>,
}

/// Its threads end when its last clone is gone.
#[derive(Clone)]
pub struct Packer {
    pub compression: Compression,
    pub threads: usize,
    tasks: SyncSender<Task>,
}

impl Packer {
    /// Whether archives in this codec can be made of pieces, not compressed as a whole.
    pub fn is_for(compression: Compression) -> bool {
        matches!(compression, Compression::Gzip(_)) || Packer::is_for_zstd(compression)
    }

    /// Whether it is a zstd of such a level.
    pub fn is_for_zstd(compression: Compression) -> bool {
        matches!(compression, Compression::Zstd(..=LAST_SMALL_LEVEL))
    }

    /// `None`: there are none of this codec.
    pub fn start(compression: Compression, threads: usize) -> io::Result<Option<Self>> {
        // One waits for the first thread that is done; more would only take memory.
        let (sender, tasks) = sync_channel(1);
        let tasks = Arc::new(Mutex::new(tasks));
        for _ in 0..threads {
            let Some(engine) = Engine::new(compression)? else { return Ok(None) };
            let tasks = tasks.clone();
            std::thread::Builder::new().spawn(move || engine.work(&tasks))?;
        }
        Ok(Some(Packer { compression, threads, tasks: sender }))
    }

    /// The most bytes of a piece. Fixed, so that the bytes do not depend on the number of threads.
    pub fn piece_length(&self) -> usize {
        match self.compression {
            Compression::Zstd(_) => frame::PIECE,
            _ => payload::WINDOW as usize,
        }
    }

    /// Has a piece packed for as many as want it.
    pub fn pack(&self, piece: Piece, count: usize) -> Vec<Promise> {
        let (to, promises) = (0..count).map(|_| sync_channel(1)).unzip();
        // Threads that died answer nobody, which is an error where the answer is waited for.
        let _ = self.tasks.send(Task { piece, to });
        promises
    }
}

enum Engine {
    Deflate(Deflater),
    Zstd(Blocks),
}

impl Engine {
    fn new(compression: Compression) -> io::Result<Option<Self>> {
        Ok(match compression {
            Compression::Gzip(level) => Some(Engine::Deflate(Deflater::new(level))),
            Compression::Zstd(level @ ..=LAST_SMALL_LEVEL) => Some(Engine::Zstd(Blocks::new(level)?)),
            _ => None,
        })
    }

    fn work(mut self, tasks: &Mutex<Receiver<Task>>) {
        loop {
            let task = tasks.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(Task { piece, to }) = task else { return };
            let packed = Arc::new(self.pack(piece));
            // A stream that does not listen any more has failed, and tells why itself.
            to.iter().for_each(|to| drop(to.send(packed.clone())));
        }
    }

    fn pack(&mut self, piece: Piece) -> io::Result<Vec<u8>> {
        let mut packed = Vec::new();
        // By value: a window that nobody else needs any more makes room at once.
        for window in piece {
            for (is_noise, stretch) in noise::stretches(&window) {
                match (&mut *self, is_noise) {
                    (Engine::Deflate(deflater), false) => deflater.deflate(stretch, &mut packed)?,
                    (Engine::Deflate(_), true) => deflate::store(stretch, &mut packed),
                    (Engine::Zstd(blocks), false) => blocks.add(stretch, &mut packed)?,
                    (Engine::Zstd(blocks), true) => {
                        blocks.end(&mut packed)?;
                        frame::store(stretch, &mut packed);
                    }
                }
            }
        }
        if let Engine::Zstd(blocks) = self {
            blocks.end(&mut packed)?;
        }
        Ok(packed)
    }
}
