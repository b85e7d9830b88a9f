//! The cpio archive in an .rpm: the "new ASCII" format (cpio(5), newc) and rpm's own stripped form of it, which names
//! files by their index in the header (rpm's lib/cpio.c; used where a file is larger than 4 GiB).

use std::io::{self, Read};

use super::limit::{Exactly, drain, read_vec};
use super::{PATH_MAX, malformed};

/// Which file a member is.
pub enum Name {
    Path(Vec<u8>),
    /// Its place in the header's lists.
    Index(usize),
}

/// One member's header.
pub struct Header {
    pub name: Name,
    /// `None` in the stripped form, where only the rpm's header knows.
    pub size: Option<u64>,
    pub mode: Option<u32>,
}

/// The archive, and how far it has been read.
pub struct Cpio<R> {
    source: R,
    at: u64,
}

impl<R: Read> Cpio<R> {
    pub fn new(source: R) -> Self {
        Cpio { source, at: 0 }
    }

    /// The next member's header; `None` at the trailer. The one before must have been read ([`Cpio::body`]).
    pub fn next(&mut self) -> io::Result<Option<Header>> {
        self.align()?;
        let magic = self.take(6)?;
        match &magic[..] {
            b"070701" | b"070702" => self.newc(),
            b"07070X" => {
                let index = hex(&self.take(8)?)?;
                self.align()?;
                let name = Name::Index(index as usize);
                Ok(Some(Header { name, size: None, mode: None }))
            }
            _ => Err(malformed("the payload is no cpio archive of rpm's")),
        }
    }

    fn newc(&mut self) -> io::Result<Option<Header>> {
        // inode, mode, owner, group, links, time, size, 2 of device, 2 of special device, length of the name, checksum.
        let fields = self.take(13 * 8)?;
        let field = |index: usize| hex(&fields[index * 8..][..8]);
        let (mode, size, name_length) = (field(1)?, field(6)?, field(11)?);
        if name_length as usize > PATH_MAX + 2 {
            return Err(malformed("a name in the payload is absurdly long"));
        }
        let mut name = self.take(u64::from(name_length))?;
        if name.pop() != Some(0) {
            return Err(malformed("a name in the payload has no end"));
        }
        if name == b"TRAILER!!!" {
            return Ok(None);
        }
        self.align()?;
        Ok(Some(Header { name: Name::Path(name), size: Some(size.into()), mode: Some(mode) }))
    }

    /// Hands the member's `size` bytes to `take`, and skips what that leaves.
    pub fn body(
        &mut self,
        size: u64,
        take: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut body = Exactly::new(&mut self.source, size);
        take(&mut body)?;
        drain(&mut body)?;
        self.at += size;
        Ok(())
    }

    /// What is behind the trailer.
    pub fn into_inner(self) -> R {
        self.source
    }

    fn take(&mut self, length: u64) -> io::Result<Vec<u8>> {
        self.at += length;
        read_vec(&mut self.source, length)
    }

    /// Headers and bodies begin at multiples of 4.
    fn align(&mut self) -> io::Result<()> {
        let padding = self.at.wrapping_neg() % 4;
        self.take(padding).map(drop)
    }
}

fn hex(digits: &[u8]) -> io::Result<u32> {
    std::str::from_utf8(digits)
        .ok()
        .filter(|digits| !digits.starts_with('+'))
        .and_then(|digits| u32::from_str_radix(digits, 16).ok())
        .ok_or_else(|| malformed("a number in the payload is corrupted"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rpms_stripped_form_is_read() {
        // Two members of 5 and 0 bytes; the trailer is a plain one.
        let trailer = format!("070701{}0000000b00000000TRAILER!!!\0", "0".repeat(11 * 8));
        let bytes = ["07070X00000002\0\0hello\0\0\0", "07070X00000000\0\0", &trailer].concat();
        let mut cpio = Cpio::new(bytes.as_bytes());
        for (wanted, body) in [(2, "hello"), (0, "")] {
            let header = cpio.next().unwrap().unwrap();
            assert!(matches!(header.name, Name::Index(index) if index == wanted));
            let mut read = String::new();
            cpio.body(body.len() as u64, &mut |source| source.read_to_string(&mut read).map(drop)).unwrap();
            assert_eq!(read, body);
        }
        assert!(cpio.next().unwrap().is_none());
    }

    #[test]
    fn what_is_cut_or_corrupted_is_an_error() {
        let long_name = format!("070701{}ffffffff00000000", "0".repeat(11 * 8));
        for bytes in ["", "0707", "070707", "07070X+0000002", "070701000000000000000x", &long_name] {
            assert!(Cpio::new(bytes.as_bytes()).next().is_err(), "{bytes}");
        }
    }
}
