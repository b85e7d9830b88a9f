//! Artifacts: all formats asked for are written in one pass over the payload, side by side, with bounded memory.
//!
//! An artifact is an archive of the tree (tar or cpio), compressed, and something around it. Each archive that is wanted
//! is a *stream*: one thread that encodes, digests and compresses it. The payload is walked once, and every file goes to
//! all streams. Artifacts that want the same archive in the same codec share one stream: the .deb's data.tar.zst and the
//! .tar.zst are the same bytes.

mod beside;
mod compress;
mod cpio;
mod deb;
mod deflate;
mod draft;
mod frame;
mod memory;
mod noise;
mod packer;
mod relation;
mod repeats;
mod rpm;
mod run;
mod script;
mod setup;
mod stream;
mod strung;
mod tar;
mod tarball;
mod tree;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use rayon::prelude::*;

use crate::config::Compression;
use crate::error::{Error, IoContext, Result};
use crate::payload;
use crate::plan::Plan;
use crate::sign::Signers;

pub use crate::config::Format;
pub use beside::{Beside, Digests, digests, stands_beside};
pub use draft::{Draft, clear_leftovers, discard_all};
pub use memory::default_memory;
use packer::{Packer, Piece};
use stream::{Job, Load, Packed, Packing, Parcel, Stream};
use tree::Member;

/// What to write, and where.
pub struct Order<'a> {
    pub plan: &'a Plan,
    pub formats: Vec<(Format, Compression)>,
    /// Exists already.
    pub folder: &'a Path,
    /// How many threads may work; the bytes do not depend on it.
    pub threads: usize,
    /// What compressing may take, in bytes, all archives together; nor do the bytes depend on it.
    pub memory: u64,
    /// Who signs the .rpm and the .deb.
    pub signers: &'a Signers,
    /// Called with the number of payload bytes taken since the last call.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

/// One artifact on its way.
trait Artifact: Send {
    /// Its file name.
    fn name(&self) -> &str;

    fn archive(&self) -> Archive;

    /// The encoder of its archive; any one will do for all artifacts that share a stream.
    fn encoder(&self) -> Box<dyn Encoder>;

    /// The digest of each file that it has to tell.
    fn file_digest(&self) -> Option<stream::FileDigest>;

    /// How many bytes stand before the archive, where that is known beforehand: the archive is then written to its
    /// place at once. `None`: it is copied there by [`Artifact::complete`].
    fn room(&self) -> Option<u64>;

    /// Writes the rest, once the archive is whole.
    ///
    /// `destination` is where the draft will be, for messages.
    fn complete(self: Box<Self>, draft: &File, destination: &Path, packed: &Packed) -> Result<()>;
}

/// The archive formats that artifacts are made of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Archive {
    Tar,
    /// A tar of other names: that of a tarball, or a single file, which may be unpacked anywhere.
    Apart,
    Cpio,
}

/// An archive format: headers, each followed by a file's content and zeros up to the next boundary.
trait Encoder: Send {
    /// What stands at the front.
    fn preamble(&self) -> Vec<u8>;

    /// What stands before a member's content; `None` where the archive leaves the member out.
    fn header(&self, member: &Member) -> Result<Option<Vec<u8>>>;

    /// Headers and contents end at a multiple of this.
    fn alignment(&self) -> usize;

    /// What stands at the end.
    fn trailer(&self) -> Vec<u8>;
}

/// Writes every artifact of the order. Those of an archive are handed to `then` as soon as they are complete, while others may be
/// written still; what it gives comes in the order of the drafts.
///
/// Errors: a file of the payload cannot be read, the folder cannot be written to, or the plan holds something that a
/// format cannot say (a conffile with a newline in its name). No draft is left then.
pub fn write<T: Send>(
    order: &Order,
    then: &(dyn Fn(&[Draft]) -> Result<T> + Sync),
) -> Result<(Vec<Draft>, Vec<T>)> {
    let members = tree::members(&order.plan.entries)?;
    let streams = streams(order, &members)?;
    std::thread::scope(|scope| {
        let mut walker = Walker { packers: Vec::new(), streams: Vec::new(), held: 0 };
        let mut threads = Vec::new();
        for stream in streams {
            let (sender, loads) = std::sync::mpsc::sync_channel(stream::BACKLOG);
            let packer = walker.add(&stream, sender)?;
            let members = members.len();
            threads.push(scope.spawn(move || {
                let drafts = stream.run(loads, packer, members)?;
                // There are none if the walk has failed.
                let then = if drafts.is_empty() { None } else { Some(then(&drafts)?) };
                Ok((drafts, then))
            }));
        }
        let walked = walker.walk(&members, order.progress);
        drop(walker);
        // Every thread is joined, whatever failed; the walker's own failure is the cause of the others'.
        let finished: Vec<Result<(Vec<Draft>, Option<T>)>> = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect();
        walked?;
        Ok(in_order(finished.into_iter().collect::<Result<_>>()?, &order.formats))
    })
}

/// The archives that the artifacts of the order are made of.
fn streams<'m: 'a, 'a>(order: &Order<'a>, members: &'m [Member<'a>]) -> Result<Vec<Stream<'a>>> {
    // Whether a .deb and a tarball may share an archive.
    let is_alike = members.iter().all(|m| m.entry.is_in(Format::Deb) == m.entry.is_in(Format::Tar));
    // Of a gzip no matter: its window is smaller than any large content.
    let of_zstd = order.formats.iter().filter(|(_, compression)| Packer::is_for_zstd(*compression));
    let formats = order.formats.par_iter();
    let (repetitive, artifacts) = rayon::join(
        || repeats::repetitive(members, of_zstd.map(|(format, _)| *format)),
        || formats.map(|(format, of)| artifact(order, members, *format, *of)).collect::<Vec<_>>(),
    );
    let repetitive = repetitive?;
    let mut streams: Vec<Stream> = Vec::new();
    for ((format, compression), artifact) in order.formats.iter().zip(artifacts) {
        let artifact = artifact?;
        let archive = artifact.archive();
        let in_pieces = Packer::is_for(*compression) && !repetitive.contains(format);
        let draft = Draft::new(Some(*format), artifact.name(), order.folder)?;
        let job = Job { artifact, draft };
        // An archive that is written right to its place in one artifact has no place in another.
        let has_place = job.artifact.room().is_some();
        let shared = |s: &&mut Stream| {
            (is_alike || archive != Archive::Tar)
                && (s.archive, s.compression, s.in_pieces) == (archive, *compression, in_pieces)
                && !(has_place && s.jobs.iter().any(|job| job.artifact.room().is_some()))
        };
        match streams.iter_mut().find(shared) {
            Some(stream) => stream.jobs.push(job),
            None => {
                let compression = *compression;
                streams.push(Stream { archive, compression, in_pieces, threads: 1, jobs: vec![job] });
            }
        }
    }
    memory::share(&mut streams, order.threads, order.memory)?;
    Ok(streams)
}

fn artifact<'a>(
    order: &Order<'a>,
    members: &'a [Member<'a>],
    format: Format,
    compression: Compression,
) -> Result<Box<dyn Artifact + 'a>> {
    Ok(match format {
        Format::Rpm => Box::new(rpm::Rpm::new(order, members, compression)?),
        Format::Deb => Box::new(deb::Deb::new(order, members, compression)?),
        Format::Tar => Box::new(tarball::Tarball::new(order.plan, compression)),
        Format::Run => Box::new(run::Run::new(order.plan, compression)?),
    })
}

/// The drafts of all streams, and what else came of each.
fn in_order<T>(
    mut finished: Vec<(Vec<Draft>, Option<T>)>,
    formats: &[(Format, Compression)],
) -> (Vec<Draft>, Vec<T>) {
    let place = |draft: &Draft| formats.iter().position(|(format, _)| Some(*format) == draft.format);
    finished.sort_by_key(|(drafts, _)| drafts.iter().map(place).min());
    let (drafts, then): (Vec<_>, Vec<_>) = finished.into_iter().unzip();
    let mut drafts: Vec<Draft> = drafts.into_iter().flatten().collect();
    drafts.sort_by_key(place);
    (drafts, then.into_iter().flatten().collect())
}

/// The bill of materials, to lie beside the artifacts, if the plan has one.
pub fn bill(plan: &Plan, folder: &Path) -> Result<Option<Draft>> {
    let Some(entry) = plan.bill.as_ref().and_then(|bill| plan.entry(&bill.place)) else { return Ok(None) };
    let Some(body) = payload::whole(entry)? else { return Ok(None) };
    let name = format!("{}{}", tarball::stem(plan), beside::BILL);
    let draft = Draft::new(None, &name, folder)?;
    draft.file().write_all(&body).while_doing("write", folder.join(&name))?;
    Ok(Some(draft))
}

/// Hands every member to every stream.
struct Walker<'m, 'a> {
    streams: Vec<Way<'m, 'a>>,
    /// One for each codec that has one.
    packers: Vec<Gathering>,
    /// What the streams' next loads have of contents, in bytes.
    held: u64,
}

/// To a stream.
struct Way<'m, 'a> {
    compression: Compression,
    in_pieces: bool,
    sender: SyncSender<Load<'m, 'a>>,
    /// The next load.
    load: Load<'m, 'a>,
}

/// Windows of a large content, until they are a piece.
struct Gathering {
    packer: Packer,
    piece: Piece,
}

/// As many small parcels go together, unless they have the bytes of a window.
const PARCELS: usize = 256;

impl<'m, 'a> Walker<'m, 'a> {
    /// The packer of the stream's codec, if it is made of pieces.
    fn add(&mut self, stream: &Stream, sender: SyncSender<Load<'m, 'a>>) -> Result<Option<Packer>> {
        let Stream { compression, in_pieces, threads, .. } = *stream;
        self.streams.push(Way { compression, in_pieces, sender, load: Vec::new() });
        if !in_pieces {
            return Ok(None);
        }
        let is_of_it = |gathering: &&Gathering| gathering.packer.compression == compression;
        if let Some(gathering) = self.packers.iter().find(is_of_it) {
            return Ok(Some(gathering.packer.clone()));
        }
        let packer = Packer::start(compression, threads);
        let packer = packer.map_err(|cause| Error::failure(format!("cannot compress: {cause}")))?;
        self.packers
            .extend(packer.iter().map(|packer| Gathering { packer: packer.clone(), piece: Vec::new() }));
        Ok(packer)
    }

    /// Ends early, without an error of its own, when a stream has died: what it died of is known when its thread is joined.
    fn walk(&mut self, members: &'m [Member<'a>], progress: &(dyn Fn(u64) + Sync)) -> Result<()> {
        for member in members {
            if !self.send(|_| Parcel::Member(member)) {
                return Ok(());
            }
            let Some(body) = payload::open(&member.entry)? else { continue };
            let size = cpio::content_size(&member.entry);
            let mut at = 0;
            for window in body {
                let window = window?;
                at += window.len() as u64;
                let mut packing = self.pack(&window, size, at).into_iter();
                self.held += window.len() as u64;
                let mut content = || Parcel::Content(window.clone(), packing.next().unwrap_or(Packing::Own));
                if !self.send(|_| content()) {
                    return Ok(());
                }
                progress(window.len() as u64);
            }
        }
        self.held = payload::WINDOW;
        self.send(|_| Parcel::End);
        Ok(())
    }

    /// Sends, with what is held, when that is worth it. False if a stream has died.
    fn send(&mut self, mut parcel: impl FnMut(usize) -> Parcel<'m, 'a>) -> bool {
        let mut is_full = self.held >= payload::WINDOW;
        for (number, way) in self.streams.iter_mut().enumerate() {
            way.load.push(parcel(number));
            is_full |= way.load.len() >= PARCELS;
        }
        if !is_full {
            return true;
        }
        self.held = 0;
        self.streams.iter_mut().all(|way| way.sender.send(std::mem::take(&mut way.load)).is_ok())
    }

    /// Has the window packed, if it is of a large content, which has `size` bytes and goes up to `end` with it. By stream, who packs it.
    fn pack(&mut self, window: &Arc<Vec<u8>>, size: u64, end: u64) -> Vec<Packing> {
        let mut packing: Vec<_> = self.streams.iter().map(|_| Packing::Own).collect();
        if size < packer::LARGE {
            return packing;
        }
        for Gathering { packer, piece } in &mut self.packers {
            piece.push(window.clone());
            let is_whole = end == size || piece.len() * payload::WINDOW as usize >= packer.piece_length();
            let ways = self.streams.iter().zip(&mut packing);
            let is_wanting = |way: &Way| way.in_pieces && way.compression == packer.compression;
            let wanting: Vec<_> = ways.filter(|(way, _)| is_wanting(way)).collect();
            let whole = is_whole.then(|| packer.pack(std::mem::take(piece), wanting.len()));
            let mut promises = whole.into_iter().flatten();
            for (_, packing) in wanting {
                *packing = promises.next().map_or(Packing::Piece, Packing::Promised);
            }
        }
        packing
    }
}
