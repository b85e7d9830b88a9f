//! Packs large contents: each by itself, and once for all archives in one codec that hold it.
//!
//! Of a deflate stream or a zstd frame, a part can be made by itself if it refers to nothing before it; it then fits in anywhere. So
//! the .deb's tar and the .rpm's cpio share the work, which is most of what a build does.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

use super::deflate::Deflater;
use super::frame::{self, Blocks};
use super::noise;
use super::stream::BACKLOG;
use crate::config::Compression;

/// From how many bytes on a content is packed by itself. Of an ffmpeg 82 % of all bytes are in such files, and packing them alone makes
/// the whole 0.2 % larger with zstd:3.
pub const LARGE: u64 = 1 << 20;

/// What became of a window, for each stream that wants it.
pub type Packed = Arc<io::Result<Vec<u8>>>;

/// Where a stream gets what became of a window.
pub type Promise = Receiver<Packed>;

/// A window of a large content.
struct Task {
    window: Arc<Vec<u8>>,
    /// The content ends with it.
    is_last: bool,
    to: Vec<SyncSender<Packed>>,
}

impl Task {
    fn answer(self, packed: io::Result<Vec<u8>>) {
        let packed = Arc::new(packed);
        // A stream that does not listen any more has failed, and tells why itself.
        self.to.iter().for_each(|to| drop(to.send(packed.clone())));
    }
}

pub struct Packer {
    pub compression: Compression,
    way: Way,
}

enum Way {
    /// Windows are packed one by one, by rayon's threads.
    Each(Arc<Deflater>),
    /// They go to a thread, whose codec has threads of its own.
    InOrder(SyncSender<Task>),
}

impl Packer {
    /// `None`: of this codec, archives are packed as a whole.
    pub fn start<'s>(
        compression: Compression,
        threads: usize,
        scope: &'s Scope<'s, '_>,
    ) -> io::Result<Option<Self>> {
        let way = match compression {
            Compression::Gzip(level) => Way::Each(Arc::new(Deflater::new(level))),
            Compression::Zstd(level) if frame::can_be_spliced(level) => {
                let (sender, tasks) = sync_channel(BACKLOG);
                let blocks = Blocks::new(level, threads)?;
                scope.spawn(move || pack_in_order(blocks, &tasks));
                Way::InOrder(sender)
            }
            _ => return Ok(None),
        };
        Ok(Some(Packer { compression, way }))
    }

    /// Takes a window of a large content, the next one in order, for the streams that are to have it.
    pub fn pack<'p>(
        &self,
        window: &Arc<Vec<u8>>,
        is_last: bool,
        streams: impl Iterator<Item = &'p mut Option<Promise>>,
    ) {
        let mut to = Vec::new();
        for stream in streams {
            let (sender, promise) = sync_channel(1);
            to.push(sender);
            *stream = Some(promise);
        }
        let task = Task { window: window.clone(), is_last, to };
        match &self.way {
            Way::Each(deflater) => {
                let deflater = deflater.clone();
                rayon::spawn(move || {
                    let packed = deflater.pack(&task.window);
                    task.answer(packed);
                });
            }
            // A thread that died answers nobody, which is an error where the answer is waited for.
            Way::InOrder(tasks) => drop(tasks.send(task)),
        }
    }
}

fn pack_in_order(mut blocks: Blocks, tasks: &Receiver<Task>) {
    // In tar and cpio alike, contents come behind a zero.
    let mut before = 0;
    for task in tasks {
        let packed = pack_next(&mut blocks, &task, before);
        before = if task.is_last { 0 } else { task.window.last().copied().unwrap_or(0) };
        task.answer(packed);
    }
}

fn pack_next(blocks: &mut Blocks, task: &Task, mut before: u8) -> io::Result<Vec<u8>> {
    for (is_noise, stretch) in noise::stretches(&task.window) {
        if is_noise {
            blocks.store(stretch)?;
        } else {
            blocks.add(stretch, before)?;
        }
        before = stretch.last().copied().unwrap_or(before);
    }
    if task.is_last {
        blocks.end()?;
    }
    Ok(blocks.take())
}
