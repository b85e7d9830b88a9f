//! RPM packages, versions 3 to 6 of the format (rpm's docs/manual/format_v4.md): a lead, a signature header, the header, and a
//! compressed cpio archive, of whose members the header says what they are.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};

use sha2::{Digest, Sha256};

use super::ahead::Ahead;
use super::cpio::{self, Cpio};
use super::limit::{drain, read_vec};
use super::rpm_header::RpmHeader;
use super::{Kind, Member, Take, codec, install_path, kind_of_mode, malformed};
use crate::hex::hex;
use crate::path::InstallPath;

pub const MAGIC: &[u8] = &[0xed, 0xab, 0xee, 0xdb];

const LEAD: u64 = 96;
/// Of the signature header: the SHA-256 of the header.
const SIG_SHA256: u32 = 273;
const SIZES: u32 = 1028;
const MODES: u32 = 1030;
const LINK_TARGETS: u32 = 1036;
const FLAGS: u32 = 1037;
const DEVICES: u32 = 1095;
const INODES: u32 = 1096;
const FOLDER_INDEXES: u32 = 1116;
const BASE_NAMES: u32 = 1117;
const FOLDER_NAMES: u32 = 1118;
const PAYLOAD_FORMAT: u32 = 1124;
const LONG_SIZES: u32 = 5008;
const CAPS: u32 = 5010;
const PAYLOAD_DIGEST: u32 = 5092;
const PAYLOAD_DIGEST_ALGORITHM: u32 = 5093;
/// RFC 9580, 9.5.
const SHA256: u64 = 8;
/// RPMFILE_GHOST: owned, but not in the payload.
const GHOST: u64 = 1 << 6;

/// Hands out every member of the payload, as the header describes it.
pub fn read(mut file: File, take: &mut Take) -> io::Result<()> {
    read_vec(&mut file, LEAD)?;
    let signature = RpmHeader::read(&mut file)?;
    // The header begins at a multiple of 8.
    read_vec(&mut file, (signature.bytes.len() as u64).wrapping_neg() % 8)?;
    let header = RpmHeader::read(&mut file)?;
    if let Some(wanted) = signature.string(SIG_SHA256)
        && wanted != hex(&Sha256::digest(&header.bytes)).as_bytes()
    {
        return Err(malformed("the .rpm's header is corrupted: its SHA-256 is another"));
    }
    if header.string(PAYLOAD_FORMAT).is_some_and(|format| format != b"cpio") {
        return Err(malformed("the .rpm's payload is no cpio archive"));
    }
    let mut files = Files::of(&header)?;
    let payload = Digested::new(file, payload_digest(&header));
    // Its digest is made in one thread, it is decompressed in another.
    let payload = codec::open(Ahead::new(Box::new(payload)), codec::Streams::Several)?;
    let mut archive = Cpio::new(Ahead::new(payload));
    while let Some(member) = archive.next()? {
        files.hand_out(&mut archive, &member, take)?;
    }
    drain(&mut archive.into_inner())?;
    files.all_seen()
}

/// The payload's SHA-256 in hexadecimal, where the header has it.
fn payload_digest(header: &RpmHeader) -> Option<Vec<u8>> {
    let algorithm = header.numbers(PAYLOAD_DIGEST_ALGORITHM).next().unwrap_or(SHA256);
    header.string(PAYLOAD_DIGEST).filter(|_| algorithm == SHA256).map(<[u8]>::to_vec)
}

/// A source that is an error if at its end its SHA-256 is not the one that was wanted.
struct Digested {
    source: File,
    wanted: Option<(Vec<u8>, Sha256)>,
}

impl Digested {
    fn new(source: File, wanted: Option<Vec<u8>>) -> Self {
        Digested { source, wanted: wanted.map(|digest| (digest, Sha256::new())) }
    }
}

impl Read for Digested {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let got = self.source.read(into)?;
        let Some((wanted, digest)) = &mut self.wanted else { return Ok(got) };
        digest.update(&into[..got]);
        if got == 0 && !into.is_empty() && *wanted != hex(&digest.clone().finalize()).as_bytes() {
            return Err(malformed("the .rpm's payload is corrupted: its SHA-256 is another"));
        }
        Ok(got)
    }
}

/// The header's lists of files.
struct Files {
    files: Vec<FileEntry>,
    by_path: HashMap<InstallPath, usize>,
    /// By device and inode, the last file, which has the bytes, of those that are one.
    last_of_inode: HashMap<(u64, u64), usize>,
}

struct FileEntry {
    path: InstallPath,
    mode: u32,
    size: u64,
    target: Vec<u8>,
    caps: bool,
    ghost: bool,
    inode: (u64, u64),
    seen: bool,
}

impl Files {
    fn of(header: &RpmHeader) -> io::Result<Self> {
        let folders: Vec<_> = header.strings(FOLDER_NAMES).collect();
        let mut sizes = header.numbers(LONG_SIZES).chain(header.numbers(SIZES));
        let mut modes = header.numbers(MODES);
        let mut flags = header.numbers(FLAGS);
        let mut targets = header.strings(LINK_TARGETS);
        let mut caps = header.strings(CAPS);
        let mut inodes = header.numbers(DEVICES).zip(header.numbers(INODES));
        let mut places = header.numbers(FOLDER_INDEXES);
        let short = || malformed("the .rpm's lists of files are not of one length");
        let mut files = Vec::new();
        let mut by_path = HashMap::new();
        let mut last_of_inode = HashMap::new();
        for name in header.strings(BASE_NAMES) {
            let place = places.next().and_then(|place| folders.get(place as usize)).ok_or_else(short)?;
            let place = place.strip_prefix(b"/").unwrap_or(place);
            let file = FileEntry {
                path: install_path(&[place, name].concat())?,
                mode: modes.next().ok_or_else(short)? as u32,
                size: sizes.next().ok_or_else(short)?,
                target: targets.next().unwrap_or_default().to_vec(),
                caps: caps.next().is_some_and(|caps| !caps.is_empty()),
                ghost: flags.next().is_some_and(|flags| flags & GHOST != 0),
                // Without the list, each is a file of its own.
                inode: inodes.next().unwrap_or((u64::MAX, files.len() as u64)),
                seen: false,
            };
            if by_path.insert(file.path.clone(), files.len()).is_some() {
                return Err(malformed(format!("the .rpm lists {} twice", file.path)));
            }
            if !file.ghost && matches!(kind_of_mode(file.mode), Kind::File) {
                last_of_inode.insert(file.inode, files.len());
            }
            files.push(file);
        }
        Ok(Files { files, by_path, last_of_inode })
    }

    /// Hands out one member, whose header has been read.
    fn hand_out<R: Read>(
        &mut self,
        archive: &mut Cpio<R>,
        member: &cpio::Header,
        take: &mut Take,
    ) -> io::Result<()> {
        let index = self.index(&member.name)?;
        let file = &mut self.files[index];
        if std::mem::replace(&mut file.seen, true) {
            return Err(malformed(format!("the payload holds {} twice", file.path)));
        }
        if member.mode.is_some_and(|mode| mode != file.mode) {
            return Err(malformed(format!("the header and the payload give {} different modes", file.path)));
        }
        let kind = match kind_of_mode(file.mode) {
            Kind::Link(_) => Kind::Link(file.target.clone()),
            Kind::File => match self.last_of_inode.get(&file.inode) {
                Some(last) if *last != index => Kind::HardLink(self.files[*last].path.clone()),
                _ => Kind::File,
            },
            other => other,
        };
        let file = &self.files[index];
        let stripped_size = match &kind {
            Kind::File => file.size,
            Kind::Link(target) => target.len() as u64,
            _ => 0,
        };
        let size = member.size.unwrap_or(stripped_size);
        if matches!(kind, Kind::File) && size != file.size {
            return Err(malformed(format!("the header and the payload give {} different sizes", file.path)));
        }
        let mut member =
            Some(Member { path: file.path.clone(), mode: file.mode & 0o7777, caps: file.caps, kind });
        archive.body(size, &mut |body| member.take().map_or(Ok(()), |member| take(member, body)))
    }

    fn index(&self, name: &cpio::Name) -> io::Result<usize> {
        match name {
            cpio::Name::Index(index) if *index < self.files.len() => Ok(*index),
            cpio::Name::Index(_) => Err(malformed("the payload holds a file that the header lacks")),
            cpio::Name::Path(name) => {
                // rpm itself takes both `./usr` and `/usr`.
                let path = install_path(name.strip_prefix(b"/").unwrap_or(name))?;
                self.by_path
                    .get(&path)
                    .copied()
                    .ok_or_else(|| malformed(format!("the payload holds {path}, which the header lacks")))
            }
        }
    }

    /// Errors: the header lists a file that the payload lacked.
    fn all_seen(&self) -> io::Result<()> {
        match self.files.iter().find(|file| !file.seen && !file.ghost) {
            Some(file) => Err(malformed(format!("the payload lacks {}, which the header has", file.path))),
            None => Ok(()),
        }
    }
}
