//! Tar archives: POSIX ustar and pax, GNU.

use std::io::{self, Read};

use ::tar::{Archive, EntryType};

use super::limit::{Meter, Metered, drain};
use super::{Kind, Member, Take, install_path, kind_of_mode, malformed};
use crate::path::printable;

/// What all headers of one member may take together (the tar crate reads long names and pax records whole).
const HEADERS: u64 = 1 << 20;

/// Whether the first 512 bytes are a ustar, pax or GNU header.
pub fn is_tar(header: &[u8]) -> bool {
    header.get(257..262) == Some(b"ustar")
}

/// Hands out every member.
pub fn read(source: impl Read, take: &mut Take) -> io::Result<()> {
    let (source, meter) = Metered::new(source);
    let mut archive = Archive::new(source);
    let mut entries = archive.entries()?;
    loop {
        meter.allow(HEADERS);
        let Some(entry) = entries.next() else { break };
        let mut entry = entry.map_err(|cause| truncated(cause, &meter))?;
        meter.allow(u64::MAX);
        if let Some(member) = member(&entry)? {
            take(member, &mut entry)?;
        }
        // What follows is less than a block of padding, so that the meter holds for the next headers.
        drain(&mut entry)?;
    }
    if meter.ended() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the tar archive has no end marker"));
    }
    // To the end of the compressed data, where its checksum is.
    meter.allow(u64::MAX);
    drain(&mut archive.into_inner())
}

/// The tar crate does not tell an archive that ends too early from one that is corrupted.
fn truncated(cause: io::Error, meter: &Meter) -> io::Error {
    if meter.ended() { io::Error::new(io::ErrorKind::UnexpectedEof, cause) } else { cause }
}

/// `None` for what is no member but about all that follow.
fn member<R: Read>(entry: &::tar::Entry<R>) -> io::Result<Option<Member>> {
    let header = entry.header();
    let name = entry.path_bytes();
    let mode = header.mode()?;
    let target = || entry.link_name_bytes().map(|target| target.into_owned()).unwrap_or_default();
    let kind = match header.entry_type() {
        // Version 7 had no type for folders: their names end in a slash.
        EntryType::Regular if name.ends_with(b"/") => Kind::Folder,
        EntryType::Regular | EntryType::Continuous => Kind::File,
        EntryType::Directory => Kind::Folder,
        EntryType::Symlink => Kind::Link(target()),
        EntryType::Link => Kind::HardLink(install_path(&target())?),
        EntryType::Char | EntryType::Block | EntryType::Fifo => kind_of_mode(0),
        EntryType::XGlobalHeader => return Ok(None),
        other => {
            // Sparse files too: dpkg refuses them, and their size may be anything.
            let letter = printable(&[other.as_byte()]);
            return Err(malformed(format!(
                "{} is of the tar type '{letter}', which few read",
                printable(&name)
            )));
        }
    };
    Ok(Some(Member { path: install_path(&name)?, mode: mode & 0o7777, caps: false, kind }))
}
