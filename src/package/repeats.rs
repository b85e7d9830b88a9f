//! Tells whether the large contents of an archive repeat one another, as programs do that are linked statically with the same
//! libraries: what is compressed by itself ([`super::packer`]) can refer to none of the others.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::Path;

use memmap2::MmapOptions;
use rayon::prelude::*;

use super::frame::PIECE;
use super::noise::{self, SAMPLE};
use super::packer::LARGE;
use super::tree::Member;
use super::{Format, cpio};
use crate::error::{IoContext, Result};
use crate::plan::{Kind, Source};

/// As far back as a whole archive's encoder looks, in bytes.
const REACH: u64 = 1 << REACH_LOG;
/// Larger than the 8 MiB that RFC 8878, 3.1.1.1.2 asks of every decoder; libzstd takes up to 128 MiB.
pub const REACH_LOG: u32 = 24;

/// One in so many samples that are known is worth an encoder for each archive. By measurement (samples that are known; what such an
/// encoder saves against pieces): btrfs-progs 40 % (28 %), iconv 20 % (14 %), git 14 % (21 %), perl 8 % (12 %), vim 6 % (6 %), python
/// 4 % (4 %), curl 3 % (2 %), ffmpeg 1 % (2 %), nginx, go, ripgrep and ncurses less than half a percent (1 to 2 %).
const KNOWN: usize = 15;

/// Of more bytes than that, fewer samples are kept, so that their number does not grow with the payload. There is one for every 256
/// bytes of noise, and fewer of programs.
const ALL_KEPT: u64 = 64 << 20;

struct Sample {
    at: u64,
    bytes: [u8; SAMPLE],
}

/// Those of the formats whose archives do. Told by an archive's own contents alone, so that an artifact's bytes depend on no other's
/// being made.
///
/// Errors: a file cannot be read.
pub fn repetitive(members: &[Member], formats: impl Iterator<Item = Format>) -> Result<Vec<Format>> {
    let formats: Vec<(Format, u32)> = formats.map(|format| (format, thinning(members, format))).collect();
    let Some(least) = formats.iter().map(|(_, thinning)| *thinning).min() else { return Ok(Vec::new()) };
    let large: Vec<&Member> = members.iter().filter(|member| is_large(member)).collect();
    // One by one: a large file at the end keeps no others waiting behind it.
    let sampled = large.par_iter().with_max_len(1).map(|member| Ok((member.number, samples(member, least)?)));
    let sampled: HashMap<usize, Vec<Sample>> = sampled.collect::<Result<_>>()?;
    let repetitive =
        formats.iter().filter(|(format, thinning)| is_repetitive(members, &sampled, *format, *thinning));
    Ok(repetitive.map(|(format, _)| *format).collect())
}

fn is_large(member: &Member) -> bool {
    cpio::content_size(&member.entry) >= LARGE
}

/// Of the samples of a format's archive, one in `1 << thinning` is kept.
fn thinning(members: &[Member], format: Format) -> u32 {
    let large = members.iter().filter(|member| member.entry.is_in(format) && is_large(member));
    let bytes: u64 = large.map(|member| cpio::content_size(&member.entry)).sum();
    (bytes / ALL_KEPT).checked_ilog2().map_or(0, |log| log + 1)
}

/// The same ones everywhere, and whatever is kept of more is kept of less.
fn is_kept(sample: &[u8; SAMPLE], thinning: u32) -> bool {
    noise::hash(sample).leading_zeros() >= thinning
}

/// `sampled`: by the member's number, thinned less or as much.
fn is_repetitive(
    members: &[Member],
    sampled: &HashMap<usize, Vec<Sample>>,
    format: Format,
    thinning: u32,
) -> bool {
    // Where each sample was last: in which piece, and where in the archive, but for headers.
    let mut seen: HashMap<[u8; SAMPLE], (u64, u64)> = HashMap::new();
    let (mut all, mut known) = (0, 0);
    let (mut start, mut pieces) = (0, 0);
    for member in members.iter().filter(|member| member.entry.is_in(format)) {
        let samples = sampled.get(&member.number).into_iter().flatten();
        for Sample { at, bytes } in samples.filter(|sample| is_kept(&sample.bytes, thinning)) {
            let here = (pieces + at / PIECE as u64, start + at);
            all += 1;
            if let Some((piece, place)) = seen.insert(*bytes, here) {
                known += usize::from(piece != here.0 && here.1 - place < REACH);
            }
        }
        let size = cpio::content_size(&member.entry);
        start += size;
        pieces += size / PIECE as u64 + 1;
    }
    known * KNOWN > all
}

/// Of a member's content as it was before it was edited, which changes little. Not of a file of the user's: it is read once, since it
/// may be another the next time.
fn samples(member: &Member, thinning: u32) -> Result<Vec<Sample>> {
    match &member.entry.kind {
        Kind::File { source: Source::Made(bytes), .. } => Ok(kept(bytes, thinning).collect()),
        Kind::File { source: Source::Store(path), .. } => of_file(path, thinning).while_doing("read", path),
        _ => Ok(Vec::new()),
    }
}

/// A part at a time: what is mapped counts as memory for as long as it is.
fn of_file(path: &Path, thinning: u32) -> io::Result<Vec<Sample>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut all = Vec::new();
    for start in (0..length).step_by(PIECE) {
        let part = (length - start).min(PIECE as u64);
        // SAFETY: store paths are immutable, so nobody truncates the file while it is mapped.
        let map = unsafe { MmapOptions::new().offset(start).len(part as usize).map(&file) }?;
        all.extend(kept(&map, thinning).map(|sample| Sample { at: start + sample.at, ..sample }));
    }
    Ok(all)
}

/// Those samples that say something.
fn kept(content: &[u8], thinning: u32) -> impl Iterator<Item = Sample> {
    let is_wanted = move |sample: &Sample| is_kept(&sample.bytes, thinning) && is_varied(&sample.bytes);
    noise::samples(content).map(|(at, bytes)| Sample { at: at as u64, bytes: *bytes }).filter(is_wanted)
}

/// Four different bytes: what has fewer is common to all files (padding, tables of small numbers).
fn is_varied(sample: &[u8; SAMPLE]) -> bool {
    let is_new = |at: &usize| !sample[..*at].contains(&sample[*at]);
    (0..SAMPLE).filter(is_new).count() >= 4
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Formats;
    use crate::package::noise::tests::random;
    use crate::package::tests::file;
    use crate::package::tree;
    use crate::plan::Entry;

    fn is_repetitive(contents: Vec<Vec<u8>>) -> bool {
        let entry = |(number, content)| file(format!("/{number:03}"), content);
        of_entries(&contents.into_iter().enumerate().map(entry).collect::<Vec<Entry>>())
    }

    fn of_entries(entries: &[Entry]) -> bool {
        !repetitive(&tree::members(entries).unwrap(), [Format::Rpm].into_iter()).unwrap().is_empty()
    }

    #[test]
    fn contents_that_have_a_part_in_common_are_repetitive() {
        let program = |seed, common: usize| [random(1 << 20, seed), random(common, 99)].concat();
        assert!(is_repetitive((1..5).map(|seed| program(seed, 256 << 10)).collect()));
        // A fortieth is not worth it, wherever it stands.
        assert!(!is_repetitive((1..5).map(|seed| program(seed, 32 << 10)).collect()));
        assert!(!is_repetitive((1..5).map(|seed| program(seed, 0)).collect()));
        assert!(!is_repetitive(vec![]));
    }

    #[test]
    fn only_what_pieces_miss_and_an_encoder_reaches_counts() {
        let [one, other] = [1, 2].map(|seed| random(1 << 20, seed));
        // In one piece; in two of one content.
        assert!(!is_repetitive(vec![[one.clone(), one.clone()].concat()]));
        assert!(is_repetitive(vec![[one.clone(), random(4 << 20, 3), one.clone()].concat()]));
        // Too far apart.
        assert!(!is_repetitive(vec![one.clone(), random(REACH as usize, 4), one.clone()]));
        // Small contents are in one piece with what is beside them.
        assert!(!is_repetitive(
            one.chunks(100 << 10).chain(one.chunks(100 << 10)).map(<[u8]>::to_vec).collect()
        ));
        // What all files have.
        assert!(!is_repetitive(vec![vec![0xa5; 1 << 20], vec![0xa5; 1 << 20], other]));
    }

    #[test]
    fn archives_do_not_repeat_each_other() {
        let content = random(1 << 20, 1);
        let mut entries = [file("/one", content.clone()), file("/two", content)];
        assert!(of_entries(&entries));
        entries[0].special.formats = Formats::only(Format::Deb);
        assert!(!of_entries(&entries));
    }

    /// Nor does what others hold decide how many samples are kept.
    #[test]
    fn an_archives_samples_are_thinned_by_its_own_size() {
        let large = |path, size| {
            let mut entry = file(path, "");
            entry.kind = Kind::File {
                source: Source::Made([].into()),
                size,
                grown: 0,
                patches: Vec::new(),
                surgery: Vec::new(),
            };
            entry
        };
        let mut entries = [large("/of-all", ALL_KEPT), large("/of-the-tarball", 6 * ALL_KEPT)];
        entries[1].special.formats = Formats::only(Format::Tar);
        let members = tree::members(&entries).unwrap();
        assert_eq!(
            [Format::Rpm, Format::Deb, Format::Tar].map(|format| thinning(&members, format)),
            [1, 1, 3]
        );
        assert_eq!(thinning(&members[..0], Format::Rpm), 0);
    }

    /// However large the payload is, about as many samples are kept.
    #[test]
    fn of_much_fewer_samples_are_kept_but_the_same_everywhere() {
        let content = random(4 << 20, 1);
        let kept = |content, thinned| kept(content, thinned).collect::<Vec<Sample>>();
        let all = kept(&content, 0);
        assert!((12 << 10..20 << 10).contains(&all.len()), "{}", all.len());
        let few = kept(&content, 4);
        assert!((all.len() / 20..all.len() / 13).contains(&few.len()), "{}", few.len());
        let shifted = kept(&content[1000..], 4);
        let behind = few.iter().filter(|sample| sample.at >= 1001).map(|sample| sample.bytes);
        assert!(shifted.iter().map(|sample| sample.bytes).eq(behind));
    }
}
