//! cpio, as rpm has it: the new ASCII format ("newc", cpio(5)), or rpm's stripped form of it.

use super::Encoder;
use super::tree::Member;
use crate::error::Result;
use crate::plan::{Entry, Kind};

/// What names and contents are padded to.
const WORD: usize = 4;

/// The tree as a cpio archive. Names are `./usr/bin/jq` (rpmlib(PayloadFilesHavePrefix)), and owners are left to the
/// header, where rpm looks for them.
pub struct Cpio {
    /// By member number: its place in the .rpm's list of files, where it is in the archive.
    pub index: Vec<Option<u32>>,
    pub mtime: u32,
    /// Headers that say nothing but the place in the list of files; for packages with files of 4 GiB and more, whose
    /// size the other form cannot say (rpmlib(LargeFiles)).
    pub stripped: bool,
}

impl Encoder for Cpio {
    fn preamble(&self) -> Vec<u8> {
        Vec::new()
    }

    fn header(&self, member: &Member) -> Result<Option<Vec<u8>>> {
        let Some(index) = self.index[member.number] else { return Ok(None) };
        let entry = &*member.entry;
        // A link's content is its target.
        let target: &[u8] = match &entry.kind {
            Kind::Link { target } => target,
            _ => b"",
        };
        let mut header = if self.stripped {
            format!("07070X{index:08x}").into_bytes()
        } else {
            let size = content_size(entry) as u32;
            let name = [b".", entry.path.as_bytes()].concat();
            newc(index + 1, file_mode(entry), entry.special.mtime.unwrap_or(self.mtime), size, &name)
        };
        pad(&mut header);
        header.extend_from_slice(target);
        if !target.is_empty() {
            pad(&mut header);
        }
        Ok(Some(header))
    }

    fn alignment(&self) -> usize {
        WORD
    }

    fn trailer(&self) -> Vec<u8> {
        let mut trailer = newc(0, 0, 0, 0, b"TRAILER!!!");
        pad(&mut trailer);
        trailer
    }
}

/// A header and the name.
fn newc(inode: u32, mode: u32, mtime: u32, size: u32, name: &[u8]) -> Vec<u8> {
    let links = 1;
    let name_size = name.len() as u32 + 1;
    let fields = [inode, mode, 0, 0, links, mtime, size, 0, 0, 0, 0, name_size, 0];
    let mut header = b"070701".to_vec();
    for field in fields {
        header.extend(format!("{field:08x}").into_bytes());
    }
    header.extend_from_slice(name);
    header.push(0);
    header
}

/// st_mode: kind and permission bits.
pub fn file_mode(entry: &Entry) -> u32 {
    let kind = match entry.kind {
        Kind::Folder => 0o040000,
        Kind::Link { .. } => 0o120000,
        Kind::File { .. } | Kind::Ghost => 0o100000,
    };
    kind | entry.mode
}

/// How much content the archive has for it.
pub fn content_size(entry: &Entry) -> u64 {
    match &entry.kind {
        Kind::File { size, .. } => *size,
        Kind::Link { target } => target.len() as u64,
        Kind::Folder | Kind::Ghost => 0,
    }
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(WORD), 0);
}
