//! Tar, as dpkg, GNU tar and busybox all read it: GNU headers, never pax (dpkg refuses it), never sparse.

use ::tar::{EntryType, Header};

use super::tree::Member;
use super::{Encoder, Format};
use crate::error::{Error, Result};
use crate::path::InstallPath;
use crate::plan::relocatable::Place;
use crate::plan::{Entry, Kind};

/// Names and contents are padded to this.
const BLOCK: usize = 512;

/// The tree as a tar archive. Names are `./usr/bin/jq`, folders end in a slash, and `./` itself comes first.
pub struct Tar {
    pub mtime: u32,
    /// Whose tree: what other formats have is left out.
    pub format: Format,
    /// Everything is in a folder of its own.
    pub top: Option<Top>,
}

/// The one folder of an archive that may be unpacked anywhere.
pub struct Top {
    pub name: String,
    /// What it stands for on the target.
    pub prefix: InstallPath,
}

impl Top {
    /// A member's name and a link's target; `None` for what has no place in it.
    fn place(&self, member: &Member) -> Option<(Vec<u8>, Vec<u8>)> {
        let place = Place { prefix: &self.prefix };
        let path = &member.entry.path;
        let target = match &member.entry.kind {
            Kind::Folder if place.is_above(path) => return None,
            Kind::Link { target } => place.target(path, target),
            _ => Vec::new(),
        };
        Some(([self.name.as_bytes(), b"/", &place.below(path)].concat(), target))
    }
}

impl Encoder for Tar {
    fn preamble(&self) -> Vec<u8> {
        let mut header = blank(EntryType::Directory, 0o755, self.mtime);
        match &self.top {
            Some(top) => named(header, format!("{}/", top.name).as_bytes(), b""),
            None => {
                put(&mut header.as_old_mut().name, b"./");
                sealed(header)
            }
        }
    }

    fn header(&self, member: &Member) -> Result<Option<Vec<u8>>> {
        let entry = &*member.entry;
        let (kind, size) = match &entry.kind {
            _ if member.shadowed || !entry.is_in(self.format) => return Ok(None),
            Kind::Ghost => return Ok(None),
            Kind::Folder => (EntryType::Directory, 0),
            Kind::Link { .. } => (EntryType::Symlink, 0),
            Kind::File { size, .. } => (EntryType::Regular, *size),
        };
        let mut header = blank(kind, entry.mode, entry.special.mtime.unwrap_or(self.mtime));
        header.set_size(size);
        own(&mut header, entry)?;
        let slash = if kind.is_dir() { "/" } else { "" };
        let (name, target) = match &self.top {
            Some(top) => match top.place(member) {
                Some(place) => place,
                None => return Ok(None),
            },
            None => ([b"./", member.path.relative()].concat(), member.target.clone()),
        };
        Ok(Some(named(header, &[name.as_slice(), slash.as_bytes()].concat(), &target)))
    }

    fn alignment(&self) -> usize {
        BLOCK
    }

    fn trailer(&self) -> Vec<u8> {
        vec![0; 2 * BLOCK]
    }
}

/// An archive of small files, whole: `(name, mode, content)`, below `./`.
pub fn archive(files: &[(&str, u32, Vec<u8>)], mtime: u32) -> Vec<u8> {
    let tar = Tar { mtime, format: Format::Deb, top: None };
    let mut bytes = tar.preamble();
    for (name, mode, content) in files {
        let mut header = blank(EntryType::Regular, *mode, mtime);
        header.set_size(content.len() as u64);
        bytes.extend(named(header, format!("./{name}").as_bytes(), b""));
        bytes.extend_from_slice(content);
        pad(&mut bytes);
    }
    bytes.extend(tar.trailer());
    bytes
}

/// A header of root's.
fn blank(kind: EntryType, mode: u32, mtime: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_mtime(mtime.into());
    header.set_size(0);
    header.set_uid(0);
    header.set_gid(0);
    if let Some(gnu) = header.as_gnu_mut() {
        put(&mut gnu.uname, b"root");
        put(&mut gnu.gname, b"root");
    }
    header
}

/// Puts the owner in. Who unpacks looks the name up and takes the number where there is no such user; the number is
/// root's then, but nobody's for a set-id file, which must not become root's by accident. A name that is a number stands for itself.
fn own(header: &mut Header, entry: &Entry) -> Result<()> {
    const NOBODY: u64 = 65534;
    let unknown = if entry.mode & 0o6000 == 0 { 0 } else { NOBODY };
    let number = |name: &str| if name == "root" { 0 } else { name.parse().unwrap_or(unknown) };
    let is_number = |name: &str| name.parse::<u64>().is_ok();
    header.set_uid(number(&entry.owner));
    header.set_gid(number(&entry.group));
    let Some(gnu) = header.as_gnu_mut() else { return Ok(()) };
    for (field, name) in [(&mut gnu.uname, &entry.owner), (&mut gnu.gname, &entry.group)] {
        // One byte is for the NUL at the end.
        if name.len() >= field.len() {
            return Err(Error::usage(format!("{}: {name:?} is too long for a user or group", entry.path))
                .remedy("names have 31 bytes at most"));
        }
        put(field, if is_number(name) { b"" } else { name.as_bytes() });
    }
    Ok(())
}

/// The header with its name and link target in it, each behind an entry of its own where it is too long for the field
/// (GNU's `L` and `K`).
fn named(mut header: Header, name: &[u8], target: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let old = header.as_old_mut();
    for (field, text, kind) in
        [(&mut old.linkname, target, EntryType::GNULongLink), (&mut old.name, name, EntryType::GNULongName)]
    {
        put(field, text);
        // A field that is full to the last byte is well-formed, but not every reader expects it.
        if text.len() >= field.len() {
            bytes.extend(long(kind, text));
        }
    }
    bytes.extend(sealed(header));
    bytes
}

/// An entry that holds the next one's name or target.
fn long(kind: EntryType, text: &[u8]) -> Vec<u8> {
    let mut header = blank(kind, 0o644, 0);
    put(&mut header.as_old_mut().name, b"././@LongLink");
    header.set_size(text.len() as u64 + 1);
    let mut bytes = sealed(header);
    bytes.extend_from_slice(text);
    bytes.push(0);
    pad(&mut bytes);
    bytes
}

fn sealed(mut header: Header) -> Vec<u8> {
    header.set_cksum();
    header.as_bytes().to_vec()
}

/// Fills a field with a text, as much of it as fits, and zeros.
fn put(field: &mut [u8], text: &[u8]) {
    field.fill(0);
    let fits = text.len().min(field.len());
    field[..fits].copy_from_slice(&text[..fits]);
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
}
