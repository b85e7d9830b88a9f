//! What a file is, and which store paths it names.

use std::collections::BTreeSet;
use std::fs::File;
use std::sync::Arc;

use rayon::prelude::*;

use crate::elf::verify::verify_patched;
use crate::elf::{Elf, FileOffset, Operation, Patch, Refusal};
use crate::error::{Error, IoContext, Result};
use crate::path::{InstallPath, StoreFile};
use crate::payload;
use crate::store::path::HASH_LENGTH;
use crate::store::scan::{Hit, Scanner};
use crate::store::{Store, StoreHash};

use super::named::Named;
use super::relocation::Relocation;

#[derive(Clone, Debug, Default)]
pub struct Survey {
    pub elf: Option<Arc<Elf>>,
    /// Why it begins as an ELF file and is none.
    pub malformed: Option<String>,
    /// A `#!` script.
    pub is_script: bool,
}

impl Survey {
    /// Of a file's bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let (elf, malformed) = match Elf::parse_for_process(bytes) {
            Ok(elf) => (elf.map(Arc::new), None),
            Err(malformed) => (None, Some(malformed.to_string())),
        };
        Survey { elf, malformed, is_script: bytes.starts_with(b"#!") }
    }

    /// Those of some functions that it calls, if it is an ELF file.
    pub fn imports(&self, bytes: &[u8], functions: &BTreeSet<String>) -> BTreeSet<String> {
        let imports = self.elf.as_ref().map(|elf| elf.imports(bytes, functions)).unwrap_or_default();
        imports.into_iter().map(str::to_owned).collect()
    }
}

/// The patches of an operation on a file; to be verified.
pub fn operate(
    store: &Store,
    file: &StoreFile,
    elf: &Elf,
    operation: &Operation,
) -> Result<std::result::Result<Vec<Patch>, Refusal>> {
    if *operation == Operation::default() {
        return Ok(Ok(Vec::new()));
    }
    Ok(elf.operate(&store.map_sparsely(file)?, operation))
}

/// What was done to an ELF file, to be verified.
#[derive(Clone, Debug)]
pub struct Edit {
    pub file: StoreFile,
    pub operation: Operation,
    pub patches: Vec<Patch>,
}

/// Verifies edits, on all cores.
///
/// Errors: what came of one is not sound.
pub fn verify_all(store: &Store, edits: &[Edit]) -> Result<()> {
    edits.par_iter().try_for_each(|edit| edit.verify(store))
}

impl Edit {
    fn verify(&self, store: &Store) -> Result<()> {
        let bytes = store.map_sparsely(&self.file)?;
        let disk = store.disk(&self.file);
        let edited = File::open(&disk)
            .and_then(|open| payload::patched(&open, bytes.len() as u64, &self.patches))
            .while_doing("map", &disk)?;
        match verify_patched(&bytes, &edited, &self.patches, &self.operation).first() {
            None => Ok(()),
            Some(violation) => {
                let origin = store.origin(&self.file);
                Err(Error::failure(format!("the edit of {origin} is not sound: {violation}"))
                    .remedy("this is a mistake in explant; leave the file out with `install.exclude`"))
            }
        }
    }
}

/// All patches of a file, and the store paths that it names after them.
#[derive(Debug, Default)]
pub struct Settled {
    pub patches: Vec<Patch>,
    /// How many references were rewritten.
    pub rewritten: usize,
    pub leftover: BTreeSet<StoreHash>,
}

impl Settled {
    /// The patches that rewrite the references that can be; the others are left over.
    fn rewrite<'h>(
        &mut self,
        hits: impl Iterator<Item = &'h Hit>,
        patch: impl Fn(&Hit) -> Option<Patch>,
    ) -> Vec<Patch> {
        let mut references = Vec::new();
        for hit in hits {
            match patch(hit) {
                Some(patch) => references.push(patch),
                None => {
                    self.leftover.insert(hit.hash);
                }
            }
        }
        self.rewritten += references.len();
        references
    }
}

/// Adds the rewriting of references to a file's other patches, which win where both touch a place: of those, what they hold is
/// rewritten itself, for an edit may move a whole string table.
pub fn settle(mut patches: Vec<Patch>, named: &Named, scanner: &Scanner, relocation: &Relocation) -> Settled {
    patches.sort_by_key(|patch| patch.at);
    let mut settled = Settled::default();
    let untouched = named.hits.iter().filter(|hit| !overwritten(&patches, hit.at, HASH_LENGTH));
    let mut references = settled.rewrite(untouched, |hit| relocation.patch(hit));
    let wide = named.wide.iter().filter(|hit| !overwritten(&patches, hit.at, 2 * HASH_LENGTH));
    references.extend(settled.rewrite(wide, |hit| relocation.wide_patch(hit)));
    for patch in &mut patches {
        // A hash without the store folder before it is a part of its new place.
        let mut hits = scanner.scan(&patch.bytes);
        hits.retain(|hit| hit.is_path || relocation.folder(hit.hash).is_none());
        let within = settled.rewrite(hits.iter(), |hit| relocation.patch(hit));
        if !within.is_empty() {
            let mut bytes = patch.bytes.to_vec();
            within.iter().for_each(|reference| reference.write_to(&mut bytes));
            patch.bytes = bytes.into();
        }
    }
    patches.extend(references);
    patches.sort_by_key(|patch| patch.at);
    settled.patches = patches;
    settled
}

/// Whether a patch touches a hash of so many bytes.
fn overwritten(patches: &[Patch], at: FileOffset, len: usize) -> bool {
    let end = at.0 + len as u64;
    let next = patches.partition_point(|patch| patch.end().0 <= at.0);
    patches.get(next).is_some_and(|patch| patch.at.0 < end)
}

/// Sends a loader's own folders to `folder`, at the same length: slashes fill up, since their lengths are compiled into it
/// (glibc, elf/dl-load.c, `system_dirs_len`). A folder that does not fit stays.
pub fn loader_folders(bytes: &[u8], store_dir: &[u8], folder: &InstallPath) -> Vec<Patch> {
    let texts = crate::elf::ldso::loader_folders(bytes, store_dir);
    texts.iter().filter_map(|(at, text)| Some(Patch::new(*at, padded(text, store_dir, folder)?))).collect()
}

/// `/nix/store/<hash>-<name>/lib/` becomes `<folder>////`, `/nix/store/<hash>-<name>/etc/x` becomes `<folder>///etc/x`.
fn padded(text: &[u8], store_dir: &[u8], folder: &InstallPath) -> Option<Vec<u8>> {
    let name = text.get(store_dir.len() + 1..)?;
    let root = store_dir.len() + 1 + name.iter().position(|b| *b == b'/').unwrap_or(name.len());
    let replaced = if text[root..].starts_with(b"/lib/") { root + 4 } else { root };
    let fill = replaced.checked_sub(folder.as_bytes().len())?;
    Some([folder.as_bytes(), &vec![b'/'; fill], &text[replaced..]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::patched_len;
    use crate::store::StorePath;

    const SHIPPED: &str = "/nix/store/l5zk7hn88za59mxzan3hkpl5k8lxn7cn-jq-1.7.1";
    const LEFT: &str = "/nix/store/bk9c75rxrjj320p4nm7gh2h5bv03pgf0-glibc-2.41";

    #[test]
    fn references_in_what_an_edit_moves_are_rewritten_and_told_of() {
        let path = |text: &str| StorePath::parse(&text.as_bytes()["/nix/store/".len()..]).unwrap();
        let (shipped, left) = (path(SHIPPED), path(LEFT));
        let lib_dir = InstallPath::new("/usr/lib/jq").unwrap();
        let store_dir = StoreFile::new("/nix/store").unwrap();
        let relocation = Relocation::new(&store_dir, &lib_dir, [&shipped]).unwrap();
        let scanner = Scanner::new(b"/nix/store", [shipped.hash(), left.hash()]);
        // A table that moves behind the file's end, and leaves NULs.
        let table = format!("\0libc.so.6\0{SHIPPED}/lib\0{LEFT}/lib\0");
        let file = format!("{table}rest {SHIPPED}");
        let nuls = Patch::new(FileOffset(0), vec![0; table.len()]);
        let moved = Patch::new(FileOffset(4096), table.as_bytes());
        let named = Named { hits: scanner.scan(file.as_bytes()), ..Named::default() };
        let settled = settle(vec![moved, nuls], &named, &scanner, &relocation);

        let mut bytes = file.into_bytes();
        bytes.resize(patched_len(bytes.len() as u64, &settled.patches) as usize, 0);
        settled.patches.iter().for_each(|patch| patch.write_to(&mut bytes));
        let place = relocation.folder(shipped.hash()).unwrap();
        assert_eq!(bytes[..table.len()], vec![0; table.len()]);
        assert_eq!(bytes[table.len()..][..5 + SHIPPED.len()], *format!("rest {place}").as_bytes());
        assert_eq!(bytes[4096..], *format!("\0libc.so.6\0{place}/lib\0{LEFT}/lib\0").as_bytes());
        assert_eq!(settled.rewritten, 2);
        assert_eq!(Vec::from_iter(settled.leftover), [left.hash()]);
    }

    #[test]
    fn loader_folders_keep_their_length() {
        let folder = InstallPath::new("/usr/lib/jq").unwrap();
        for text in [
            "/nix/store/bk9c75rxrjj320p4nm7gh2h5bv03pgf0-glibc-2.41/lib/",
            "/nix/store/bk9c75rxrjj320p4nm7gh2h5bv03pgf0-glibc-2.41/etc/ld.so.cache",
        ] {
            let new = padded(text.as_bytes(), b"/nix/store", &folder).unwrap();
            assert_eq!(new.len(), text.len());
            let path = InstallPath::new(&new).unwrap().to_string();
            assert!(path == "/usr/lib/jq" || path == "/usr/lib/jq/etc/ld.so.cache", "{path}");
        }
        let long = InstallPath::new(format!("/{}", "x".repeat(80))).unwrap();
        assert_eq!(
            padded(b"/nix/store/bk9c75rxrjj320p4nm7gh2h5bv03pgf0-glibc-2.41/lib/", b"/nix/store", &long),
            None
        );
    }
}
