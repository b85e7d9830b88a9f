//! Reads an artifact, member by member, in one pass. Shares nothing with the writers in `package`, so that one's mistake
//! cannot hide the other's.
//!
//! What an archive claims is never believed: nothing is allocated by a size that it names, and what is not as the
//! format has it is an error.

mod ahead;
mod codec;
mod cpio;
mod deb;
mod folder;
mod limit;
mod rpm;
mod rpm_header;
mod run;
mod tar;

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

use crate::error::{Error, IoContext, Result};
use crate::path::{InstallPath, printable};

/// One file, folder or link of an artifact's payload.
#[derive(Debug)]
pub(super) struct Member {
    pub path: InstallPath,
    /// Permission bits, setuid and the like included.
    pub mode: u32,
    /// Has file capabilities, with which it runs under AT_SECURE as a setuid program does.
    pub caps: bool,
    pub kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Folder,
    File,
    /// A symbolic link and its target, as it stands.
    Link(Vec<u8>),
    /// One more name of a file that is a member too, before or after this one.
    HardLink(InstallPath),
    /// A device, a socket, a named pipe.
    Special,
}

/// Is given each member and, for a regular file, its bytes; need not read them.
pub(super) type Take<'a> = dyn FnMut(Member, &mut dyn Read) -> io::Result<()> + 'a;

/// Longer names cannot be opened (PATH_MAX, linux/limits.h).
const PATH_MAX: usize = 4096;

/// Hands out every member of the artifact, which is told by its first bytes, not by its name.
///
/// Errors, naming the artifact: it cannot be read, is of no known format, is truncated or corrupted, holds names
/// that lead out of it, or `take` failed.
pub(super) fn read(artifact: &Path, take: &mut Take) -> Result<()> {
    let metadata = std::fs::metadata(artifact).while_doing("read", artifact)?;
    let outcome = if metadata.is_dir() { folder::read(artifact, take) } else { read_archive(artifact, take) };
    outcome.map_err(|cause| match cause.kind() {
        io::ErrorKind::UnexpectedEof => {
            Error::failure(format!("{} is truncated: {cause}", artifact.display()))
        }
        _ => Error::failure(format!("cannot check {}: {cause}", artifact.display())),
    })
}

/// Whether the .deb's data.tar is the tarball, byte for byte. False where either is not what it should be: reading it tells why.
pub(super) fn holds(deb: &Path, tarball: &Path) -> bool {
    let compare = || -> io::Result<bool> {
        let mut data = deb::data(File::open(deb)?)?;
        let mut whole = File::open(tarball)?;
        let (mut one, mut other) = (vec![0; 256 << 10], vec![0; 256 << 10]);
        loop {
            let length = data.read(&mut one)?;
            if length == 0 {
                return Ok(whole.read(&mut other)? == 0);
            }
            whole.read_exact(&mut other[..length])?;
            if one[..length] != other[..length] {
                return Ok(false);
            }
        }
    };
    compare().unwrap_or(false)
}

fn read_archive(artifact: &Path, take: &mut Take) -> io::Result<()> {
    let mut file = File::open(artifact)?;
    let mut magic = Vec::with_capacity(512);
    (&file).take(512).read_to_end(&mut magic)?;
    file.rewind()?;
    if magic.starts_with(deb::MAGIC) {
        deb::read(file, take)
    } else if magic.starts_with(rpm::MAGIC) {
        rpm::read(file, take)
    } else if run::is_run(&magic) {
        run::read(file, &magic, take)
    } else if codec::is_compressed(&magic) || tar::is_tar(&magic) {
        tar::read(ahead::Ahead::new(codec::open(file, codec::Streams::Several)?), take)
    } else {
        Err(malformed("it is no .deb, no .rpm, no tarball (plain, gzip, xz or zstd) and no folder"))
    }
}

/// Fills the buffer as far as the source goes: how far that was, and what stopped it if not its end.
pub(super) fn fill(source: &mut dyn Read, buffer: &mut [u8]) -> (usize, io::Result<()>) {
    let mut length = 0;
    while length < buffer.len() {
        match source.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(got) => length += got,
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) => return (length, Err(cause)),
        }
    }
    (length, Ok(()))
}

/// The bytes are not as their format has them.
fn malformed(message: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.into())
}

/// Where the member `name`, relative to the root, will be installed.
///
/// Errors: it leads out of the artifact, or no system could create it.
fn install_path(name: &[u8]) -> io::Result<InstallPath> {
    if name.starts_with(b"/") {
        return Err(malformed(format!("the name {} is absolute", printable(name))));
    }
    if name.split(|b| *b == b'/').any(|component| component == b"..") {
        return Err(malformed(format!("the name {} leads out of the artifact", printable(name))));
    }
    if name.len() > PATH_MAX || name.contains(&0) {
        return Err(malformed(format!(
            "no file can have the name {}",
            printable(&name[..name.len().min(100)])
        )));
    }
    Ok(InstallPath::root().join(name))
}

/// Splits the file type (S_IFMT, inode(7)) from the permissions.
fn kind_of_mode(mode: u32) -> Kind {
    match mode & 0o170000 {
        0o040000 => Kind::Folder,
        0o100000 => Kind::File,
        0o120000 => Kind::Link(Vec::new()),
        _ => Kind::Special,
    }
}
