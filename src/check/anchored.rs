//! References that lead through a descriptor which the bundle's programs open (docs/design.md, "Anchored references"): what they
//! name must be there. Seen are those in plain bytes, not what packed files hold.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Read};
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::tree::Tree;
use super::{FEWEST_HASH, Report};
use crate::path::{InstallPath, printable};
use crate::plan::NOWHERE;
use crate::store::path::IN_ALPHABET;
use crate::stub::Table;

const BEFORE: &[u8] = b"/proc/self/fd/";
/// To make it costs more than to look through a small file.
static FINDER: LazyLock<Finder> = LazyLock::new(|| Finder::new(BEFORE));
/// The longest text that tells where a reference leads: the beginning, a descriptor, slashes, more than a whole hash.
const LONGEST: usize = 96;
/// No bundle names more store paths.
const MOST: usize = 1 << 16;

/// A descriptor, and the part of a hash that is looked for behind it.
type Mention = (u8, Vec<u8>);

/// What an artifact's files say.
#[derive(Default)]
pub(super) struct Anchored {
    /// Where the programs' descriptors lead.
    folders: BTreeMap<u8, BTreeSet<InstallPath>>,
    /// What files name, and one that does.
    mentions: HashMap<Mention, InstallPath>,
}

/// A file that is read, and looked at on the way.
pub(super) struct Watched<'a> {
    body: &'a mut dyn Read,
    path: &'a InstallPath,
    seen: &'a mut Anchored,
    /// What was read last, and may begin a reference.
    last: Vec<u8>,
}

impl Anchored {
    pub fn watch<'a>(&'a mut self, path: &'a InstallPath, body: &'a mut dyn Read) -> Watched<'a> {
        Watched { body, path, seen: self, last: Vec::new() }
    }

    /// Notes where a program's descriptor leads, or a launcher's.
    pub fn program(&mut self, table: &Table, path: &InstallPath) {
        let anchor = table.anchor_from(path.as_bytes());
        if let Some((descriptor, folder)) =
            anchor.and_then(|(at, folder)| Some((at, InstallPath::new(folder)?)))
        {
            self.folders.entry(descriptor).or_default().insert(folder);
        }
    }

    /// Notes what a file's bytes name.
    ///
    /// Errors: more than any bundle does.
    fn note(&mut self, bytes: &[u8], path: &InstallPath) -> io::Result<()> {
        for at in FINDER.find_iter(bytes) {
            let Some(mention) = mention(&bytes[at + BEFORE.len()..]) else { continue };
            self.mentions.entry(mention).or_insert_with(|| path.clone());
            if self.mentions.len() > MOST {
                return Err(io::Error::other(format!("{path} names too many store paths")));
            }
        }
        Ok(())
    }

    /// Lets the tree have the descriptors as every process of the bundle does.
    ///
    /// Errors: the artifact has files there.
    pub fn enter(&self, tree: &mut Tree) -> io::Result<()> {
        for (descriptor, folders) in &self.folders {
            let link = InstallPath::root().join(BEFORE).join(descriptor.to_string());
            if let Some(folder) = folders.first() {
                tree.add_link(link, folder.as_bytes().to_vec())?;
            }
        }
        Ok(())
    }

    /// Tells of what is not there.
    pub fn check(&self, tree: &Tree, report: &mut Report) {
        let mut names: BTreeMap<u8, BTreeSet<Vec<u8>>> = BTreeMap::new();
        for (descriptor, folders) in &self.folders {
            let shown: Vec<String> = folders.iter().map(ToString::to_string).collect();
            let shown = shown.join(", ");
            let inside: BTreeSet<Vec<u8>> =
                folders.iter().flat_map(|folder| tree.names_in(folder)).map(<[u8]>::to_vec).collect();
            let failure = match (folders.len(), inside.is_empty()) {
                (1, false) => {
                    names.insert(*descriptor, inside);
                    continue;
                }
                (1, true) => format!("programs open {shown} as descriptor {descriptor}, which holds nothing"),
                _ => format!("programs open different folders as descriptor {descriptor}: {shown}"),
            };
            report.failures.push(failure);
        }
        let is_missing = |((descriptor, hash), _): &(&Mention, &InstallPath)| {
            let before = [hash.as_slice(), b"-"].concat();
            let next = names.get(descriptor).map(|names| names.range(before.clone()..).next());
            next.is_some_and(|next| !next.is_some_and(|name| name.starts_with(&before)))
        };
        let missing = self.mentions.iter().filter(is_missing);
        let missing: BTreeSet<String> = missing
            .map(|((descriptor, hash), file)| {
                let hash = printable(hash);
                format!(
                    "{file} names /proc/self/fd/{descriptor}/{hash}-..., and there is nothing of that name"
                )
            })
            .collect();
        report.failures.extend(missing);
    }
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.body.read(buffer)?;
        let new = &buffer[..len];
        // What goes on from the last read, and then what is new by itself: it is not copied.
        let goes_on = !self.last.is_empty();
        self.last.extend_from_slice(&new[..len.min(LONGEST)]);
        if goes_on {
            self.seen.note(&self.last, self.path)?;
        }
        self.seen.note(new, self.path)?;
        self.last.drain(..self.last.len().saturating_sub(LONGEST));
        if len > LONGEST {
            self.last.clear();
            self.last.extend_from_slice(&new[len - LONGEST..]);
        }
        Ok(len)
    }
}

/// What is named behind `/proc/self/fd/`, if it is a store path: `240/<some of a hash>-`.
fn mention(text: &[u8]) -> Option<Mention> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let descriptor = std::str::from_utf8(&text[..digits]).ok()?.parse().ok()?;
    let behind = &text[digits..];
    let slashes = behind.iter().take_while(|byte| **byte == b'/').count();
    let behind = &behind[slashes..];
    let len = behind.iter().take_while(|byte| IN_ALPHABET[usize::from(**byte)]).count();
    let hash = &behind[..len];
    let is_path = slashes > 0 && len >= FEWEST_HASH && behind.get(len) == Some(&b'-');
    (is_path && hash.iter().any(|byte| *byte != NOWHERE)).then(|| (descriptor, hash.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out a few bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let len = self.1.min(buffer.len()).min(self.0.len());
            buffer[..len].copy_from_slice(&self.0[..len]);
            self.0 = &self.0[len..];
            Ok(len)
        }
    }

    #[test]
    fn references_are_seen_however_they_are_read() {
        let text = b"x /proc/self/fd/240/0a1b2c3d4f5g-a/bin:/proc/self/fd/240///1111111122222222-b\0/proc/self/fd/3/abc\
                     /proc/self/fd/240/0000000000000-none /proc/self/fd/999/0a1b2c3d4f5g-a /proc/self/fd/240/";
        for step in [1, 7, 4096] {
            let mut seen = Anchored::default();
            let path = InstallPath::new("/x").unwrap();
            let mut read = Vec::new();
            seen.watch(&path, &mut Slow(text, step)).read_to_end(&mut read).unwrap();
            assert_eq!(read, text);
            let mut found: Vec<Mention> = seen.mentions.into_keys().collect();
            found.sort();
            assert_eq!(
                found,
                [(240, b"0a1b2c3d4f5g".to_vec()), (240, b"1111111122222222".to_vec())],
                "{step}"
            );
        }
    }
}
