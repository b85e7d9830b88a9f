//! Reads ahead in a thread of its own, so that decompressing and parsing go on side by side.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use super::fill;

const CHUNK: usize = 256 << 10;
const CHUNKS: usize = 4;

/// A source that is read by another thread, at most [`CHUNKS`] chunks ahead. The thread ends when this is dropped.
pub struct Ahead {
    filled: Receiver<io::Result<Chunk>>,
    emptied: Sender<Vec<u8>>,
    current: Chunk,
    at: usize,
    ended: bool,
}

/// A buffer and how much of it is filled; nothing is filled at the end of the source.
#[derive(Default)]
struct Chunk {
    buffer: Vec<u8>,
    length: usize,
}

impl Ahead {
    pub fn new(source: Box<dyn Read + Send>) -> Self {
        let (filled_sender, filled) = sync_channel(CHUNKS);
        let (emptied, emptied_receiver) = channel();
        for _ in 0..CHUNKS {
            // Cannot fail: the receiver is still in this function.
            let _ = emptied.send(vec![0; CHUNK]);
        }
        thread::spawn(move || read_ahead(source, &emptied_receiver, &filled_sender));
        Ahead { filled, emptied, current: Chunk::default(), at: 0, ended: false }
    }
}

fn read_ahead(
    mut source: Box<dyn Read + Send>,
    emptied: &Receiver<Vec<u8>>,
    filled: &SyncSender<io::Result<Chunk>>,
) {
    while let Ok(mut buffer) = emptied.recv() {
        let (length, outcome) = fill(&mut *source, &mut buffer);
        let goes_on = length > 0 && outcome.is_ok();
        if (length > 0 || outcome.is_ok()) && filled.send(Ok(Chunk { buffer, length })).is_err() {
            return;
        }
        if let Err(cause) = outcome {
            // Whether or not anybody listens still, this is the end.
            let _ = filled.send(Err(cause));
        }
        if !goes_on {
            return;
        }
    }
}

impl Read for Ahead {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.at == self.current.length && !self.ended {
            // The other end is gone without a last, empty chunk only if the thread panicked.
            let next = self.filled.recv().map_err(|_| io::Error::other("the decompressor died"))??;
            let spent = std::mem::replace(&mut self.current, next);
            self.at = 0;
            self.ended = self.current.length == 0;
            if !spent.buffer.is_empty() {
                // The thread may have come to its end already.
                let _ = self.emptied.send(spent.buffer);
            }
        }
        let left = &self.current.buffer[self.at..self.current.length];
        let got = left.len().min(into.len());
        into[..got].copy_from_slice(&left[..got]);
        self.at += got;
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::read::malformed;

    /// Gives so many bytes, then an error.
    struct Failing(usize);

    impl Read for Failing {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let got = self.0.min(into.len());
            self.0 -= got;
            if got == 0 { Err(malformed("it broke")) } else { Ok(got) }
        }
    }

    #[test]
    fn everything_comes_through_and_in_order() {
        let bytes: Vec<u8> = (0..3 * CHUNK + 5).map(|at| (at % 251) as u8).collect();
        let mut read = Vec::new();
        let mut ahead = Ahead::new(Box::new(io::Cursor::new(bytes.clone())));
        ahead.read_to_end(&mut read).unwrap();
        assert!(read == bytes);
        assert_eq!(ahead.read(&mut [0; 10]).unwrap(), 0);
    }

    #[test]
    fn an_error_comes_after_what_was_before_it() {
        for length in [0, 10, CHUNK, 2 * CHUNK + 1] {
            let mut read = Vec::new();
            let cause = Ahead::new(Box::new(Failing(length))).read_to_end(&mut read).unwrap_err();
            assert_eq!((read.len(), cause.to_string().as_str()), (length, "it broke"));
        }
    }

    #[test]
    fn a_reader_that_panics_is_no_end_of_file() {
        struct Panicking;
        impl Read for Panicking {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                panic!("on purpose")
            }
        }
        assert!(Ahead::new(Box::new(Panicking)).read(&mut [0]).is_err());
    }
}
