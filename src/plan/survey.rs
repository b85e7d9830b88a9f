//! What a file is, and which store paths it names.

use std::collections::BTreeSet;
use std::sync::Arc;

use rayon::prelude::*;

use crate::elf::{Elf, Operation, Patch, Refusal};
use crate::error::Result;
use crate::path::{InstallPath, StoreFile};
use crate::store::scan::{Hit, Scanner};
use crate::store::{Store, StoreHash};

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
    fn of(bytes: &[u8]) -> Self {
        let (elf, malformed) = match Elf::parse(bytes) {
            Ok(elf) => (elf.map(Arc::new), None),
            Err(malformed) => (None, Some(malformed.to_string())),
        };
        Survey { elf, malformed, is_script: bytes.starts_with(b"#!") }
    }
}

/// Looks at the beginning of a file of the store.
pub fn survey(store: &Store, file: &StoreFile) -> Result<Survey> {
    Ok(Survey::of(&store.map(file)?))
}

/// Looks at a file, and for references in all of it.
pub fn survey_whole(store: &Store, scanner: &Scanner, file: &StoreFile) -> Result<(Survey, Vec<Hit>)> {
    let bytes = store.map(file)?;
    Ok((Survey::of(&bytes), scanner.scan(&bytes)))
}

/// Looks for references in files, on all cores.
pub fn references(store: &Store, scanner: &Scanner, files: &[&StoreFile]) -> Result<Vec<Vec<Hit>>> {
    files.par_iter().map(|file| Ok(scanner.scan(&store.map(file)?))).collect()
}

/// The patches of an operation on a file.
pub fn operate(
    store: &Store,
    file: &StoreFile,
    elf: &Elf,
    operation: &Operation,
) -> Result<std::result::Result<Vec<Patch>, Refusal>> {
    Ok(elf.operate(&store.map(file)?, operation))
}

/// All patches of a file, and the store paths that it names after them.
#[derive(Debug, Default)]
pub struct Settled {
    pub patches: Vec<Patch>,
    /// How many references were rewritten.
    pub rewritten: usize,
    pub leftover: BTreeSet<StoreHash>,
}

/// Adds the rewriting of references to a file's other patches, which win where both touch a place.
pub fn settle(mut patches: Vec<Patch>, hits: &[Hit], relocation: &Relocation) -> Settled {
    patches.sort_by_key(|patch| patch.at);
    let mut settled = Settled::default();
    let mut references = Vec::new();
    for hit in hits {
        if overwritten(&patches, hit) {
            continue;
        }
        match relocation.patch(hit) {
            Some(patch) => references.push(patch),
            None => {
                settled.leftover.insert(hit.hash);
            }
        }
    }
    settled.rewritten = references.len();
    patches.extend(references);
    patches.sort_by_key(|patch| patch.at);
    settled.patches = patches;
    settled
}

/// Whether a patch touches the reference that a hit stands in.
fn overwritten(patches: &[Patch], hit: &Hit) -> bool {
    let end = hit.at.0 + crate::store::path::HASH_LENGTH as u64;
    let next = patches.partition_point(|patch| patch.end().0 <= hit.at.0);
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
