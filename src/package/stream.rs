//! One stream: an archive that is encoded, digested and compressed in a thread of its own, for one artifact or several.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Take, Write};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use md5::Md5;
use sha2::{Digest, Sha256};

use super::compress::Compressor;
use super::draft::Draft;
use super::packer::{Packer, Promise};
use super::tree::Member;
use super::{Archive, Artifact};
use crate::config::Compression;
use crate::error::{IoContext, Result};
use crate::plan::{Kind, Sha256Digest};

/// How many loads the walker may be ahead of a stream.
pub const BACKLOG: usize = 16;

/// What is sent at a time. Small files go together: threads that wait for each other for each of them do little else.
pub type Load<'m, 'a> = Vec<Parcel<'m, 'a>>;

/// How much of a file is digested before it is compressed: it stays in the processor's cache between the two.
const CHUNK: usize = 128 << 10;

/// What the walker sends.
pub enum Parcel<'m, 'a> {
    Member(&'m Member<'a>),
    /// Further bytes of the member's content, and who packs them.
    Content(Arc<Vec<u8>>, Packing),
    /// Nothing is missing. A channel that closes without it comes from a walk that failed.
    End,
}

/// Who compresses a window.
pub enum Packing {
    /// The stream.
    Own,
    /// It is of a piece that goes on.
    Piece,
    /// Of a piece that ends with it; what becomes of the whole piece is promised.
    Promised(Promise),
}

/// Which digest of each file an artifact has to tell.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum FileDigest {
    Md5,
    Sha256,
}

impl FileDigest {
    /// What is known of a file before its content comes.
    fn of(self, member: &Member) -> Hasher {
        match (self, member.entry.special.digest) {
            (FileDigest::Md5, _) => Hasher::Md5(Md5::new()),
            (FileDigest::Sha256, Some(known)) => Hasher::Known(known),
            (FileDigest::Sha256, None) => Hasher::Sha256(Sha256::new()),
        }
    }
}

enum Hasher {
    Md5(Md5),
    Sha256(Sha256),
    Known(Sha256Digest),
}

impl Hasher {
    fn update(&mut self, bytes: &[u8]) {
        match self {
            Hasher::Md5(hasher) => hasher.update(bytes),
            Hasher::Sha256(hasher) => hasher.update(bytes),
            Hasher::Known(_) => {}
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Hasher::Md5(hasher) => hasher.finalize().to_vec(),
            Hasher::Sha256(hasher) => hasher.finalize().to_vec(),
            Hasher::Known(digest) => digest.to_vec(),
        }
    }
}

/// An artifact and the file it goes to.
pub struct Job<'a> {
    pub artifact: Box<dyn Artifact + 'a>,
    pub draft: Draft,
}

pub struct Stream<'a> {
    pub archive: Archive,
    pub compression: Compression,
    /// It is made of pieces, not compressed as a whole.
    pub in_pieces: bool,
    /// How many threads compress it.
    pub threads: usize,
    /// Who wants it; never empty.
    pub jobs: Vec<Job<'a>>,
}

/// A finished archive, as the artifacts get it.
pub struct Packed<'f> {
    pub file: &'f File,
    /// Where in the file it begins, and its length.
    pub offset: u64,
    pub size: u64,
    /// SHA-256 of the compressed bytes; empty unless files are digested so too.
    pub digest: Vec<u8>,
    pub unpacked_size: u64,
    /// Of each member's content, by the member's number; empty for what has none.
    pub files: Vec<Vec<u8>>,
}

impl<'f> Packed<'f> {
    /// The compressed archive, from its beginning.
    pub fn bytes(&self) -> io::Result<Take<&'f File>> {
        let mut file = self.file;
        file.seek(SeekFrom::Start(self.offset))?;
        Ok(file.take(self.size))
    }
}

impl Stream<'_> {
    /// Encodes what comes in, until all is there, and completes the artifacts. None come of a walk that failed.
    pub fn run(self, loads: Receiver<Load>, packer: Option<Packer>, members: usize) -> Result<Vec<Draft>> {
        // The archive goes right into the artifact that has its place for it, if there is one, else into a nameless file.
        let place = self.jobs.iter().find_map(|job| Some((job.draft.file(), job.artifact.room()?)));
        let destination = self.jobs[0].draft.destination();
        let (spool, offset) = match place {
            Some((file, room)) => (file.try_clone(), room),
            None => (tempfile::tempfile_in(destination.parent().unwrap_or(&destination)), 0),
        };
        let spool = spool.while_doing("write", &destination)?;
        let encoder = self.jobs[0].artifact.encoder();
        let digest = self.jobs.iter().find_map(|job| job.artifact.file_digest());
        let mut writer = Writer::new(&spool, offset, digest == Some(FileDigest::Sha256), |into| {
            Compressor::new(self.compression, self.threads, packer, into)
        })
        .while_doing("write", &destination)?;

        let mut files = vec![Vec::new(); members];
        writer.put(&encoder.preamble()).while_doing("write", &destination)?;
        let mut parcels = loads.into_iter().flatten();
        loop {
            let Some(parcel) = parcels.next() else { return Ok(Vec::new()) };
            let parcel = match parcel {
                Parcel::Content(bytes, packing) => {
                    writer.content(&bytes, packing).while_doing("write", &destination)?;
                    continue;
                }
                other => other,
            };
            if let Some((number, digest)) =
                writer.close(encoder.alignment()).while_doing("write", &destination)?
            {
                files[number] = digest;
            }
            let Parcel::Member(member) = parcel else { break };
            if let Some(header) = encoder.header(member)? {
                let wanted = digest.filter(|_| matches!(member.entry.kind, Kind::File { .. }));
                let digest = wanted.map(|digest| digest.of(member));
                writer.open(member.number, &header, digest).while_doing("write", &destination)?;
            }
        }
        writer.put(&encoder.trailer()).while_doing("write", &destination)?;
        let packed = writer.finish(files).while_doing("write", &destination)?;
        self.jobs.into_iter().map(|job| job.complete(&packed)).collect()
    }
}

impl Job<'_> {
    fn complete(self, packed: &Packed) -> Result<Draft> {
        self.artifact.complete(self.draft.file(), &self.draft.destination(), packed)?;
        Ok(self.draft)
    }
}

/// Where the compressed bytes go.
type Output<'f> = Counted<BufWriter<&'f File>>;

/// The way of the bytes: counted, compressed, counted again, into the file.
struct Writer<'f> {
    file: &'f File,
    offset: u64,
    /// What is not worth a call of the compressor yet.
    gathered: Vec<u8>,
    /// Bytes so far.
    unpacked: u64,
    compressor: Compressor<Output<'f>>,
    member: Option<OpenMember>,
}

/// The member that is being written.
struct OpenMember {
    number: usize,
    /// Header and content so far.
    written: usize,
    hasher: Option<Hasher>,
}

impl<'f> Writer<'f> {
    fn new(
        mut file: &'f File,
        offset: u64,
        digested: bool,
        compressor: impl FnOnce(Output<'f>) -> io::Result<Compressor<Output<'f>>>,
    ) -> io::Result<Self> {
        file.seek(SeekFrom::Start(offset))?;
        let into = BufWriter::with_capacity(CHUNK, file);
        let packed = Counted { into, size: 0, hasher: digested.then(Sha256::new) };
        Ok(Writer {
            file,
            offset,
            gathered: Vec::with_capacity(CHUNK),
            unpacked: 0,
            compressor: compressor(packed)?,
            member: None,
        })
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.gathered.len() + bytes.len() > CHUNK {
            self.put_gathered()?;
        }
        if bytes.len() < CHUNK {
            self.gathered.extend_from_slice(bytes);
            return Ok(());
        }
        self.unpacked += bytes.len() as u64;
        self.compressor.write_all(bytes)
    }

    fn put_gathered(&mut self) -> io::Result<()> {
        self.unpacked += self.gathered.len() as u64;
        self.compressor.write_all(&self.gathered)?;
        self.gathered.clear();
        Ok(())
    }

    /// Begins a member.
    fn open(&mut self, number: usize, header: &[u8], hasher: Option<Hasher>) -> io::Result<()> {
        self.member = Some(OpenMember { number, written: header.len(), hasher });
        self.put(header)
    }

    /// Content of the member that is open; nobody's, if the archive leaves the member out.
    fn content(&mut self, bytes: &[u8], packing: Packing) -> io::Result<()> {
        let Some(member) = &mut self.member else { return Ok(()) };
        member.written += bytes.len();
        let promise = match packing {
            Packing::Own => {
                return bytes.chunks(CHUNK).try_for_each(|chunk| {
                    self.digest(chunk);
                    self.put(chunk)
                });
            }
            Packing::Piece => None,
            Packing::Promised(promise) => Some(promise),
        };
        self.put_gathered()?;
        self.digest(bytes);
        self.unpacked += bytes.len() as u64;
        self.compressor.splice(bytes, promise)
    }

    fn digest(&mut self, content: &[u8]) {
        if let Some(hasher) = self.member.as_mut().and_then(|member| member.hasher.as_mut()) {
            hasher.update(content);
        }
    }

    /// Ends the member that is open, with zeros behind it: its number, and the digest of its content.
    fn close(&mut self, alignment: usize) -> io::Result<Option<(usize, Vec<u8>)>> {
        let Some(member) = self.member.take() else { return Ok(None) };
        let padding = member.written.next_multiple_of(alignment) - member.written;
        self.put(&vec![0; padding])?;
        Ok(Some((member.number, member.hasher.map(Hasher::finish).unwrap_or_default())))
    }

    fn finish(mut self, files: Vec<Vec<u8>>) -> io::Result<Packed<'f>> {
        self.put_gathered()?;
        let mut packed = self.compressor.finish()?;
        packed.flush()?;
        Ok(Packed {
            file: self.file,
            offset: self.offset,
            size: packed.size,
            digest: packed.hasher.map(|hasher| hasher.finalize().to_vec()).unwrap_or_default(),
            unpacked_size: self.unpacked,
            files,
        })
    }
}

/// Counts what goes through, and digests it if it is asked to.
struct Counted<W: Write> {
    into: W,
    size: u64,
    hasher: Option<Sha256>,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.into.write(bytes)?;
        self.size += taken as u64;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&bytes[..taken]);
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.into.flush()
    }
}
