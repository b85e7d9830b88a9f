//! Readers that hold a source to what it may give.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use super::malformed;

/// Exactly `left` bytes of a source: that it ends before is an error, unlike with [`io::Take`].
pub struct Exactly<R> {
    source: R,
    left: u64,
}

impl<R: Read> Exactly<R> {
    pub fn new(source: R, length: u64) -> Self {
        Exactly { source, left: length }
    }
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let wanted = into.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if wanted == 0 {
            return Ok(0);
        }
        match self.source.read(&mut into[..wanted])? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            got => {
                self.left -= got as u64;
                Ok(got)
            }
        }
    }
}

/// How much a [`Metered`] source may give until it is told otherwise, and whether it has come to its end.
#[derive(Clone, Default)]
pub struct Meter {
    left: Rc<Cell<u64>>,
    ended: Rc<Cell<bool>>,
}

impl Meter {
    pub fn allow(&self, bytes: u64) {
        self.left.set(bytes);
    }

    pub fn ended(&self) -> bool {
        self.ended.get()
    }
}

/// A source for a library that would take in whatever length an archive claims.
pub struct Metered<R> {
    source: R,
    meter: Meter,
}

impl<R: Read> Metered<R> {
    pub fn new(source: R) -> (Self, Meter) {
        let meter = Meter::default();
        (Metered { source, meter: meter.clone() }, meter)
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.meter.left.get();
        let wanted = into.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if wanted == 0 && !into.is_empty() {
            return Err(malformed("a member's header is absurdly large"));
        }
        let got = self.source.read(&mut into[..wanted])?;
        self.meter.left.set(left - got as u64);
        self.meter.ended.set(got == 0);
        Ok(got)
    }
}

/// Reads to the end and forgets it.
pub fn drain(source: &mut dyn Read) -> io::Result<()> {
    // Not from the heap: most often nothing is left, and an archive has many members.
    let mut buffer = [0; 4 << 10];
    while source.read(&mut buffer)? > 0 {}
    Ok(())
}

/// Reads `length` bytes. Grows with what is there, not with what is claimed.
pub fn read_vec(source: &mut dyn Read, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    Exactly::new(source, length).read_to_end(&mut bytes)?;
    Ok(bytes)
}
