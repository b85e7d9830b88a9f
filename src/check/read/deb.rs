//! Debian packages (deb(5)): an ar archive of `debian-binary`, `control.tar*` and `data.tar*`.
//!
//! The ar part is read here: the ar crate allocates what a header claims, and panics on some.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::ahead::Ahead;
use super::limit::{Exactly, read_vec};
use super::{Take, codec, malformed, tar};
use crate::path::printable;

pub const MAGIC: &[u8] = b"!<arch>\n";

/// An ar header: 16 bytes of name, 12 of time, 6 of owner, 6 of group, 8 of mode, 10 of size, 2 of magic.
const HEADER: u64 = 60;

/// Hands out every member of `data.tar*`.
pub fn read(file: File, take: &mut Take) -> io::Result<()> {
    tar::read(Ahead::new(codec::open(data(file)?, codec::Streams::One)?), take)
}

/// `data.tar*` as it stands; the members before it are only seen to be there and whole.
pub fn data(mut file: File) -> io::Result<Exactly<File>> {
    read_vec(&mut file, MAGIC.len() as u64)?;
    let (name, size) = next(&mut file)?.ok_or_else(|| malformed("the .deb is empty"))?;
    if name != b"debian-binary" || size > 64 {
        return Err(malformed("the .deb does not begin with debian-binary"));
    }
    if !read_vec(&mut file, size + size % 2)?.starts_with(b"2.") {
        return Err(malformed("the .deb is not of format 2"));
    }
    let mut control = false;
    while let Some((name, size)) = next(&mut file)? {
        let end = file.stream_position()?.saturating_add(size).saturating_add(size % 2);
        // The clone shares the position, which is set again below.
        let member = Exactly::new(file.try_clone()?, size);
        if name.starts_with(b"control.tar") && !control {
            read_control(member)?;
            control = true;
        } else if name.starts_with(b"data.tar") && control {
            return Ok(member);
        } else if !name.starts_with(b"_") {
            return Err(malformed(format!("dpkg does not expect the member {} there", printable(&name))));
        }
        file.seek(SeekFrom::Start(end))?;
    }
    Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the .deb has no data.tar"))
}

fn read_control(member: Exactly<File>) -> io::Result<()> {
    let mut named = false;
    tar::read(codec::open(member, codec::Streams::One)?, &mut |member, _| {
        named |= member.path.as_bytes() == b"/control";
        Ok(())
    })?;
    if named { Ok(()) } else { Err(malformed("the .deb's control.tar holds no control file")) }
}

/// The name and size of the next member; `None` at the end.
fn next(file: &mut File) -> io::Result<Option<(Vec<u8>, u64)>> {
    let mut header = Vec::new();
    file.by_ref().take(HEADER).read_to_end(&mut header)?;
    if header.is_empty() {
        return Ok(None);
    }
    if header.len() as u64 != HEADER {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if !header.ends_with(b"`\n") {
        return Err(malformed("the .deb's ar headers are corrupted"));
    }
    let name = header[..16].trim_ascii_end();
    let name = name.strip_suffix(b"/").unwrap_or(name);
    let size = std::str::from_utf8(header[48..58].trim_ascii_end())
        .ok()
        .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| malformed(format!("the .deb's member {} has no size", printable(name))))?;
    Ok(Some((name.to_vec(), size)))
}
