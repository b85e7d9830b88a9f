//! Anchored references: how what a relocatable tarball carries is named where no path of it can be known.
//!
//! Every process has names for its open descriptors. The stubs open lib-dir as [`ANCHOR`], and what packages name
//! `<lib-dir>/<hash>-...` is named `/proc/self/fd/240/<hash>-...` there, at the same length: the kernel resolves it to wherever the
//! tarball is now. As many characters of the hash fit as the other beginning leaves, so a link by that name leads to the folder.

use std::collections::{BTreeSet, HashMap};

use rayon::prelude::*;

use super::bytecode;
use super::context::Context;
use super::draft::Draft;
use super::face::Place;
use super::relocation::Moved;
use super::{Entry, Kind, Role, Surgery};
use crate::config::Format;
use crate::elf::{Class, Elf, Patch};
use crate::error::Result;
use crate::path::{InstallPath, printable};
use crate::payload;
use crate::store::packed::{Packing, Repacked};
use crate::store::scan::wide;
use crate::stub::ANCHOR;

/// What every anchored reference begins with, without the slash behind.
pub fn beginning() -> String {
    format!("/proc/self/fd/{ANCHOR}")
}

/// Rewrites what names lib-dir.
pub struct Anchors {
    /// Where the descriptor leads.
    pub folder: InstallPath,
    /// `/proc/self/fd/240`
    beginning: Vec<u8>,
    /// `<lib-dir>/`, and the same in UTF-16.
    before: [Vec<u8>; 2],
    /// What becomes of `<lib-dir>/<hash>-`; all of one length.
    texts: HashMap<Vec<u8>, Vec<u8>>,
    /// What is named so and in the tarball.
    carried: BTreeSet<Vec<u8>>,
    /// Names in `folder`, and the folders that they stand for.
    links: Vec<(InstallPath, InstallPath)>,
}

/// What came of it.
#[derive(Default)]
pub struct Anchored {
    /// Files that name the anchor in plain bytes.
    pub plain: BTreeSet<InstallPath>,
    /// All that name it.
    pub all: BTreeSet<InstallPath>,
}

impl Anchors {
    /// `None` where nothing of the tarball is named by a path in it.
    pub fn new(context: &Context, draft: &Draft) -> Option<Anchors> {
        if !context.relocatable {
            return None;
        }
        let folder = context.lib_dir.clone();
        let before = [folder.as_bytes(), b"/"].concat();
        let mut anchors = Anchors {
            beginning: beginning().into_bytes(),
            before: [before.clone(), wide(&before)],
            texts: HashMap::new(),
            carried: BTreeSet::new(),
            links: Vec::new(),
            folder,
        };
        let new_before = [anchors.beginning.as_slice(), b"/"].concat();
        for Moved { old, new, name, folder } in draft.relocation.renamed(&new_before) {
            if draft.entries.holds(&folder) {
                let link = anchors.folder.join(name);
                anchors.carried.insert(old.clone());
                anchors.links.extend((link != folder).then_some((link, folder)));
                anchors.texts.insert(old, new);
            } else {
                // What is in no tarball is not to be found by chance where packages have theirs.
                let nowhere = new.iter().enumerate().map(|(at, byte)| match at {
                    at if at < new_before.len() || at + 1 == new.len() => *byte,
                    _ => NOWHERE,
                });
                anchors.texts.insert(old, nowhere.collect());
            }
        }
        let is_wanted = |entry: &&Entry| anchors.is_anchored(context, entry) && anchors.names_carried(entry);
        let entries: Vec<&Entry> = draft.entries.iter().collect();
        entries.par_iter().any(is_wanted).then_some(anchors)
    }

    /// Whether a file's references are anchored: it is in the tarball, and programs of the bundle read it.
    fn is_anchored(&self, context: &Context, entry: &Entry) -> bool {
        entry.is_in(Format::Tar) && edits(entry).iter().any(is_of_paths) && !is_for_others(context, entry)
    }

    fn names_carried(&self, entry: &Entry) -> bool {
        let Kind::File { patches, .. } = &entry.kind else { return false };
        let named = |bytes: &[u8]| self.found(bytes).any(|(_, text)| self.carried.contains(&text));
        is_packed(entry) || patches.iter().any(|patch| named(&patch.bytes))
    }

    /// The static programs that name what the bundle carries, and why they do not find it: nothing opens the descriptor.
    pub fn without_descriptor(&self, draft: &Draft) -> Result<Vec<String>> {
        let names_some = |entry: &&Entry| {
            let is_program = entry.is_in(Format::Tar) && entry.role == Role::Program;
            let has_stub = |edit: &Surgery| matches!(edit, Surgery::Stub { anywhere: true, .. });
            is_program && !edits(entry).iter().any(has_stub) && self.names_carried(entry)
        };
        let mut told = Vec::new();
        for entry in draft.entries.iter().filter(names_some) {
            let bytes = payload::whole(entry)?.unwrap_or_default();
            // A malformed one was told of when it was surveyed.
            if Elf::parse(&bytes).ok().flatten().is_some_and(|elf| elf.class == Class::StaticProgram) {
                told.push(format!("{}: a static program with files of the bundle compiled in", entry.path));
            }
        }
        Ok(told)
    }

    /// Gives the tarball entries of its own for what is anchored, and the links that lead to what they name.
    pub fn apply(&self, context: &Context, draft: &mut Draft) -> Result<Anchored> {
        let entries: Vec<&Entry> =
            draft.entries.iter().filter(|entry| self.is_anchored(context, entry)).collect();
        let rewritten: Vec<Entry> = entries
            .par_iter()
            .map(|entry| self.rewritten(entry))
            .collect::<Result<Vec<_>>>()?
            .into_iter()
            .flatten()
            .collect();
        let mut anchored = Anchored::default();
        anchored.all.extend(rewritten.iter().map(|entry| entry.path.clone()));
        let plain = rewritten.iter().filter(|entry| !is_packed(entry));
        anchored.plain.extend(plain.map(|entry| entry.path.clone()));
        for entry in rewritten {
            draft.entries.supersede(entry);
        }
        self.keep_bytecode_valid(context, draft, &mut anchored)?;
        for (link, folder) in &self.links {
            draft.entries.add(Entry::link_to(link.clone(), folder).in_tarball_alone())?;
        }
        Ok(anchored)
    }

    /// The tarball's own entry; `None` where nothing of it changes.
    fn rewritten(&self, entry: &Entry) -> Result<Option<Entry>> {
        let mut own = entry.clone().in_tarball_alone();
        let count = match is_packed(entry) {
            true => self.repack(&mut own)?,
            false => self.rewrite(&mut own),
        };
        if let Kind::File { surgery, .. } = &mut own.kind {
            surgery.retain(|edit| !matches!(edit, Surgery::References(_)));
            for edit in surgery.iter_mut() {
                if let Surgery::RunPath { to, .. } = edit {
                    *to = printable(&self.replaced(to.as_bytes()).0);
                }
            }
            surgery.push(Surgery::Anchored(count));
        }
        Ok((count > 0).then_some(own))
    }

    fn rewrite(&self, entry: &mut Entry) -> usize {
        let Kind::File { patches, surgery, .. } = &mut entry.kind else { return 0 };
        let has_folders = surgery.contains(&Surgery::LoaderFolders);
        let mut count = 0;
        for patch in patches {
            let (mut bytes, found) = self.replaced(&patch.bytes);
            let folder = self.loader_folder(&bytes).filter(|_| has_folders && found == 0);
            count += found + usize::from(folder.is_some());
            if let Some(folder) = folder {
                bytes = folder;
            }
            if bytes != *patch.bytes {
                *patch = Patch::new(patch.at, bytes);
            }
        }
        count
    }

    fn repack(&self, entry: &mut Entry) -> Result<usize> {
        let bytes = payload::whole(entry)?.unwrap_or_default();
        let count = std::sync::atomic::AtomicUsize::new(0);
        let rewrite = |member: Vec<u8>| {
            let (member, found) = self.replaced(&member);
            count.fetch_add(found, std::sync::atomic::Ordering::Relaxed);
            member
        };
        if let Some(Repacked::Bytes(bytes)) =
            Packing::of(&bytes).and_then(|packing| packing.repack(&bytes, &rewrite))
        {
            entry.remake(bytes);
        }
        Ok(count.into_inner())
    }

    /// The references in the bytes, in the packages' form: where, and `<lib-dir>/<hash>-`.
    fn found<'b>(&'b self, bytes: &'b [u8]) -> impl Iterator<Item = (usize, Vec<u8>)> + 'b {
        let len = self.texts.keys().next().map_or(0, Vec::len);
        let [narrow, wide] = &self.before;
        let narrow = memchr::memmem::find_iter(bytes, narrow)
            .filter_map(move |at| Some((at, bytes.get(at..at + len)?.to_vec())));
        let wide = memchr::memmem::find_iter(bytes, wide)
            .filter_map(move |at| Some((at, self::narrow(bytes.get(at..at + 2 * len)?)?)));
        narrow.chain(wide).filter(|(_, text)| self.texts.contains_key(text))
    }

    /// The bytes with every reference anchored, and how many are.
    fn replaced(&self, bytes: &[u8]) -> (Vec<u8>, usize) {
        let (mut new, mut count) = (bytes.to_vec(), 0);
        for (at, text) in self.found(bytes) {
            let text = match bytes.get(at + 1) {
                Some(0) => wide(&self.texts[&text]),
                _ => self.texts[&text].clone(),
            };
            new[at..at + text.len()].copy_from_slice(&text);
            count += 1;
        }
        (new, count)
    }

    /// A folder of the loader's own, which slashes fill up (`survey::loader_folders`).
    fn loader_folder(&self, text: &[u8]) -> Option<Vec<u8>> {
        let below = text.strip_prefix(self.folder.as_bytes()).filter(|below| below.starts_with(b"/"))?;
        let start = below.windows(2).position(|pair| pair == b"//").unwrap_or(0);
        let run = below[start..].iter().take_while(|byte| **byte == b'/').count();
        let fill = (run + self.folder.as_bytes().len()).checked_sub(self.beginning.len() + 1)? + 1;
        Some([&self.beginning, &below[..start], &vec![b'/'; fill], &below[start + run..]].concat())
    }

    /// Brings .pyc files in step with sources that are others in the tarball (`draft::keep_bytecode_valid` with the packages').
    fn keep_bytecode_valid(
        &self,
        context: &Context,
        draft: &mut Draft,
        anchored: &mut Anchored,
    ) -> Result<()> {
        let mut changed = Vec::new();
        for bytecode in draft.entries.iter().filter(|entry| entry.is_in(Format::Tar)) {
            let Some(source) = bytecode::source_of(&bytecode.path) else { continue };
            let mut sources = draft.entries.at(&source).filter(|source| anchored.all.contains(&source.path));
            let Some(source) = sources.find(|source| source.is_in(Format::Tar)) else { continue };
            let Some(patch) = bytecode::header_patch(bytecode, source, context.mtime)? else { continue };
            let mut own = bytecode.clone().in_tarball_alone();
            let Kind::File { patches, .. } = &mut own.kind else { continue };
            // By time, it is the packages'.
            if patches.contains(&patch) {
                continue;
            }
            patches.retain(|other| other.at != patch.at);
            patches.insert(0, patch);
            changed.push((own, source.path.clone()));
        }
        for (own, source) in changed {
            // A source by whose hash it goes must stay what it is.
            anchored.plain.remove(&source);
            draft.entries.supersede(own);
        }
        Ok(())
    }
}

/// What stands for a hash of what is nowhere.
pub const NOWHERE: u8 = b'0';

fn edits(entry: &Entry) -> &[Surgery] {
    match &entry.kind {
        Kind::File { surgery, .. } => surgery,
        _ => &[],
    }
}

fn is_of_paths(edit: &Surgery) -> bool {
    matches!(edit, Surgery::References(_) | Surgery::Members(_) | Surgery::LoaderFolders)
}

/// Whether the references are in packed members.
fn is_packed(entry: &Entry) -> bool {
    edits(entry).iter().any(|edit| matches!(edit, Surgery::Members(_)))
}

/// Whether it is the target's programs that read a file, which have no such descriptor, or people.
pub fn is_for_others(context: &Context, entry: &Entry) -> bool {
    let mut folders = [&context.prefix, &context.system].into_iter();
    let is_public = |folder: &InstallPath| Place::of(&entry.path.relative_to(folder)) == Place::Public;
    folders.any(|folder| entry.path.starts_with(folder) && is_public(folder))
        || matches!(entry.role, Role::Doc | Role::License | Role::Readme)
}

/// A text that is written in UTF-16 (little-endian).
fn narrow(wide: &[u8]) -> Option<Vec<u8>> {
    wide.chunks_exact(2).map(|unit| (unit[1] == 0).then_some(unit[0])).collect()
}
