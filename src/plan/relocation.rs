//! Same-length rewriting: where store paths lie in the bundle, and what references to them become.
//!
//! `/nix/store/<32 characters>-` becomes `<lib-dir>/<as much of the hash as fits>-`: no path changes its length, so the
//! rewriting is safe in ELF strings, in Rust and Go strings that carry their length, in .pyc marshal data and in links.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::elf::Patch;
use crate::error::{Error, Result};
use crate::path::{InstallPath, StoreFile};
use crate::store::path::HASH_LENGTH;
use crate::store::scan::{Hit, wide};
use crate::store::{StoreHash, StorePath};

/// The fewest characters of a hash that may stand for it: 8 of base 32 are 40 bits.
pub const FEWEST: usize = 8;

/// Store paths that lie in the bundle as folders of their own, and where.
#[derive(Clone, Debug, Default)]
pub struct Relocation {
    /// Bytes of `/nix/store/`.
    before: usize,
    places: BTreeMap<StoreHash, Place>,
}

#[derive(Clone, Debug)]
struct Place {
    folder: InstallPath,
    /// What `/nix/store/<hash>-` becomes: as long as it.
    text: Arc<[u8]>,
    /// As many characters of the hash are in it.
    hash_len: usize,
}

/// A rewritten reference under another beginning.
#[derive(Debug, PartialEq, Eq)]
pub struct Moved {
    /// `<lib-dir>/<some of the hash>-`
    pub old: Vec<u8>,
    /// `<before><some of the hash>-`
    pub new: Vec<u8>,
    /// What the store path is called by it: `<some of the hash>-jq-1.7.1`.
    pub name: Vec<u8>,
    /// Where it lies.
    pub folder: InstallPath,
}

impl Relocation {
    /// Places for `paths` below `lib_dir`.
    ///
    /// Errors: `lib_dir` is too long to leave [`FEWEST`] characters of the hash.
    pub fn new<'a>(
        store_dir: &StoreFile,
        lib_dir: &InstallPath,
        paths: impl IntoIterator<Item = &'a StorePath>,
    ) -> Result<Self> {
        let before = store_dir.as_bytes().len() + 1;
        // One slash behind lib_dir stands where one stood behind the store folder.
        let room = (before + HASH_LENGTH).saturating_sub(lib_dir.as_bytes().len() + 1);
        if room < FEWEST {
            return Err(Error::usage(format!(
                "`install.lib-dir` is too long: {lib_dir} leaves {room} characters for a store path's hash, {} too few; \
                 references are rewritten at the same length",
                FEWEST - room
            ))
            .remedy(format!(
                "make prefix and lib-dir together {} characters or shorter (`install.lib-dir = \"lib/x\"`)",
                Relocation::longest_lib_dir(store_dir)
            )));
        }
        let mut taken = BTreeSet::new();
        let mut places = BTreeMap::new();
        for path in paths {
            let short = shortened(path.hash(), room, &mut taken);
            let folder = lib_dir.join([&short, b"-".as_slice(), path.name().as_bytes()].concat());
            let text = [lib_dir.as_bytes(), b"/", &short, b"-"].concat();
            places.insert(path.hash(), Place { folder, text: text.into(), hash_len: short.len() });
        }
        Ok(Relocation { before, places })
    }

    /// The longest lib-dir that leaves room, in bytes.
    pub fn longest_lib_dir(store_dir: &StoreFile) -> usize {
        store_dir.as_bytes().len() + 1 + HASH_LENGTH - FEWEST - 1
    }

    /// Where a store path lies, if it has a folder of its own.
    pub fn folder(&self, hash: StoreHash) -> Option<&InstallPath> {
        self.places.get(&hash).map(|place| &place.folder)
    }

    /// What each rewritten reference becomes if it is to begin with `before` instead of lib-dir, at the same length again.
    pub fn renamed(&self, before: &[u8]) -> Vec<Moved> {
        let mut taken = BTreeSet::new();
        let moved = self.places.iter().map(|(hash, place)| {
            // What a store path has before its hash is a slash at least, and one behind it; so some of the hash always fits.
            let room = place.text.len().saturating_sub(before.len() + 1);
            let short = shortened(*hash, room, &mut taken);
            let name = &place.folder.file_name()[place.hash_len..];
            Moved {
                old: place.text.to_vec(),
                new: [before, &short, b"-"].concat(),
                name: [short.as_slice(), name].concat(),
                folder: place.folder.clone(),
            }
        });
        moved.collect()
    }

    /// Whether a path of the bundle lies in one of the folders.
    pub fn holds(&self, path: &InstallPath) -> bool {
        self.places.values().any(|place| path.starts_with(&place.folder))
    }

    /// The patch that rewrites a reference, if it is a path that lies in the bundle.
    pub fn patch(&self, hit: &Hit) -> Option<Patch> {
        let place = self.places.get(&hit.hash).filter(|_| hit.is_path)?;
        let at = hit.at.0.checked_sub(self.before as u64)?;
        Some(Patch { at: crate::elf::FileOffset(at), bytes: place.text.clone() })
    }

    /// The same for a reference in UTF-16, of whose hash `hit` tells.
    pub fn wide_patch(&self, hit: &Hit) -> Option<Patch> {
        let place = self.places.get(&hit.hash).filter(|_| hit.is_path)?;
        let at = hit.at.0.checked_sub(2 * self.before as u64)?;
        Some(Patch::new(crate::elf::FileOffset(at), wide(&place.text)))
    }

    /// Rewrites the references in a short text, such as a link's target.
    pub fn rewrite(&self, text: &[u8], hits: &[Hit]) -> Vec<u8> {
        let mut text = text.to_vec();
        for patch in hits.iter().filter_map(|hit| self.patch(hit)) {
            patch.write_to(&mut text);
        }
        text
    }
}

/// `room` characters of a hash that no other path has: the first ones, or later ones where those are taken; where there is
/// room for more than the hash, it begins again.
fn shortened(hash: StoreHash, room: usize, taken: &mut BTreeSet<Vec<u8>>) -> Vec<u8> {
    let from = |start: usize| -> Vec<u8> {
        hash.as_bytes().iter().copied().cycle().skip(start).take(room).collect()
    };
    let mut start = 0;
    while start + 1 < HASH_LENGTH && taken.contains(&from(start)) {
        start += 1;
    }
    taken.insert(from(start));
    from(start)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::scan::Scanner;

    fn path(component: &str) -> StorePath {
        StorePath::parse(component.as_bytes()).unwrap()
    }

    fn relocation(lib_dir: &str, paths: &[StorePath]) -> Result<Relocation> {
        Relocation::new(&StoreFile::new("/nix/store").unwrap(), &InstallPath::new(lib_dir).unwrap(), paths)
    }

    #[test]
    fn a_long_lib_dir_is_refused_by_how_much() {
        let jq = path("l5zk7hn88za59mxzan3hkpl5k8lxn7cn-jq-1.7.1");
        assert!(relocation(&format!("/usr/lib/{}", "x".repeat(25)), std::slice::from_ref(&jq)).is_ok());
        let error = relocation(&format!("/usr/lib/{}", "x".repeat(28)), &[jq]).unwrap_err().to_string();
        assert!(error.contains("leaves 5 characters") && error.contains("3 too few"), "{error}");
    }

    #[test]
    fn hashes_stay_distinct() {
        let paths = [
            path("00000000111111112222222233333333-a"),
            path("00000000111111112222222244444444-a"),
            path("00000000555555552222222244444444-a"),
        ];
        let relocation = relocation("/usr/lib/a-package-with-long-name", &paths[..]).unwrap();
        let folders: BTreeSet<_> =
            paths.iter().map(|p| relocation.folder(p.hash()).unwrap().clone()).collect();
        assert_eq!(folders.len(), 3);
    }

    const HASHES: [&str; 3] = [
        "l5zk7hn88za59mxzan3hkpl5k8lxn7cn",
        "bk9c75rxrjj320p4nm7gh2h5bv03pgf0",
        "kr1armqcpwiyslxgbj76kbw16hzwbqli",
    ];

    /// Pieces of a file: references, hashes alone, and anything else.
    fn pieces() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let hash = prop::sample::select(&HASHES[..]);
        let piece = prop_oneof![
            hash.clone().prop_map(|hash| format!("/nix/store/{hash}-x-1.0/lib").into_bytes()),
            hash.clone().prop_map(|hash| format!("/nix/store/{hash}").into_bytes()),
            hash.prop_map(|hash| hash.as_bytes().to_vec()),
            Just(b"/nix/store/".to_vec()),
            prop::collection::vec(any::<u8>(), 0..40),
        ];
        prop::collection::vec(piece, 0..12)
    }

    proptest! {
        /// The length stays, nothing but references changes, and the reverse mapping brings the file back.
        #[test]
        fn rewriting_is_undone_by_its_reverse(pieces in pieces(), known in 0usize..4, lib_dir in "(/[a-z]{1,8}){1,3}") {
            let paths: Vec<StorePath> = HASHES[..known.min(3)].iter().map(|hash| path(&format!("{hash}-x-1.0"))).collect();
            let relocation = relocation(&lib_dir, &paths).unwrap();
            let old = pieces.concat();
            let hits = Scanner::new(b"/nix/store", paths.iter().map(StorePath::hash)).scan(&old);
            let new = relocation.rewrite(&old, &hits);
            prop_assert_eq!(new.len(), old.len());
            let len = "/nix/store/".len() + HASH_LENGTH + 1;
            let starts: Vec<usize> =
                hits.iter().filter(|hit| hit.is_path).map(|hit| hit.at.0 as usize - "/nix/store/".len()).collect();
            for at in 0..old.len() {
                let is_in_one = starts.iter().any(|start| (*start..start + len).contains(&at));
                prop_assert!(is_in_one || new[at] == old[at]);
            }
            let mut back = new;
            for (path, start) in hits.iter().filter(|hit| hit.is_path).map(|hit| hit.hash).zip(&starts) {
                let text = &relocation.places[&path].text;
                prop_assert_eq!(&back[*start..start + len], &text[..]);
                back[*start..start + len].copy_from_slice(&[b"/nix/store/".as_slice(), path.as_bytes(), b"-"].concat());
            }
            prop_assert_eq!(back, old);
        }
    }

    proptest! {
        #[test]
        fn every_reference_keeps_its_length(lib_dir in "(/[a-z]{1,7}){1,4}", below in "[a-z/]{0,20}") {
            let jq = path("l5zk7hn88za59mxzan3hkpl5k8lxn7cn-jq-1.7.1");
            let relocation = relocation(&lib_dir, std::slice::from_ref(&jq)).unwrap();
            let text = format!("x /nix/store/{jq}/{below} y");
            let hits = Scanner::new(b"/nix/store", [jq.hash()]).scan(text.as_bytes());
            let new = String::from_utf8(relocation.rewrite(text.as_bytes(), &hits)).unwrap();
            prop_assert_eq!(new.len(), text.len());
            let place = relocation.folder(jq.hash()).unwrap();
            prop_assert_eq!(new, format!("x {place}/{below} y"));
        }
    }
}
