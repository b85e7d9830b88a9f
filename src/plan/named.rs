//! Which store paths a file names: in its bytes, in UTF-16, or in what is packed in it.

use crate::content::Content;
use crate::elf::{FileOffset, Patch};
use crate::store::StoreHash;
use crate::store::packed::{Packing, Repacked};
use crate::store::scan::{Found, Hit, Scanner};

use super::carried::reference::ends;

/// Hashes of the closure that stand in a file.
#[derive(Clone, Debug, Default)]
pub struct Named {
    /// Of a packed file those in its members, which stand nowhere in the file itself.
    pub hits: Vec<Hit>,
    /// The same in UTF-16.
    pub wide: Vec<Hit>,
    /// How it is packed, if there are references inside.
    pub packing: Option<Packing>,
    /// Paths outside of the store that `outside` is of.
    pub outside: Vec<Outside>,
}

/// A path outside of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    pub at: FileOffset,
    pub text: Box<[u8]>,
}

impl Named {
    /// Looks through a file. `see` is shown the bytes that the hits are in: each member of a packed file, or the file's own.
    pub fn look(scanner: &Scanner, content: &Content, mut see: impl FnMut(&[u8], &[Hit])) -> Self {
        if let Some(packing) = Packing::of(content) {
            let mut hits = Vec::new();
            packing.each_member(content, &mut |member| {
                let found = scanner.scan(member);
                see(member, &found);
                hits.extend(found);
            });
            if !hits.is_empty() {
                return Named { hits, packing: Some(packing), ..Named::default() };
            }
        }
        let Found { hits, wide, outside } = scanner.scan_content(content);
        see(content, &hits);
        let outside = outside.into_iter().map(|at| {
            let from = &content[at.0 as usize..];
            let len = from.iter().position(|byte| ends(*byte)).unwrap_or(from.len());
            Outside { at, text: from[..len].into() }
        });
        Named { hits, wide, packing: None, outside: outside.collect() }
    }

    /// Each hash, as often as it stands there.
    pub fn hashes(&self) -> impl Iterator<Item = StoreHash> {
        self.hits.iter().chain(&self.wide).map(|hit| hit.hash)
    }
}

/// A packed file with its members patched, as `patches` has it of their bytes and the hits in them. `None` where it stays as it is:
/// a signature covers it, or it cannot be packed again.
pub fn repacked(
    packing: Packing,
    bytes: &[u8],
    scanner: &Scanner,
    patches: impl Fn(&[u8], &[Hit]) -> Vec<Patch>,
) -> Option<Vec<u8>> {
    let rewrite = |mut member: Vec<u8>| {
        let patches = patches(&member, &scanner.scan(&member));
        patches.iter().for_each(|patch| patch.write_to(&mut member));
        member
    };
    match packing.repack(bytes, &rewrite) {
        Some(Repacked::Bytes(bytes)) => Some(bytes),
        Some(Repacked::Signed) | None => None,
    }
}
