//! References with their text: which file or folder of the store one names.

use crate::elf::{Elf, FileOffset};
use crate::path::{StoreFile, file_name};
use crate::store::path::HASH_LENGTH;
use crate::store::scan::Hit;
use crate::store::{Destination, Store, StoreHash, StorePath};

/// A store path that a file names, and what follows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    pub hash: StoreHash,
    /// What stands behind the hash, as far as it can be a path: `-bash-5.2/bin/sh`.
    pub text: Box<[u8]>,
    pub end: End,
}

/// How the text of a reference ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum End {
    /// At its end.
    Closed,
    /// Perhaps earlier: compilers of Rust and Go put strings side by side, and marshalled data has a type or a length behind it.
    Open,
    /// In the middle of a template: `/nix/store/<hash>-x/lib/$name`.
    Template,
}

/// Where a reference stands.
#[derive(Clone, Debug)]
pub struct Place {
    /// Of the hash's first character.
    pub at: FileOffset,
    /// It is the interpreter of a script.
    pub is_shebang: bool,
    /// It is written in UTF-16.
    pub is_wide: bool,
    pub reference: Reference,
}

/// Paths are cut off here, as the kernel does (PATH_MAX).
const LONGEST: usize = 4096;

/// A file with a NUL in so many first bytes is no text.
const PROBED: usize = 4096;

/// What ends a path in text and in constants of programs.
pub fn ends(byte: u8) -> bool {
    byte <= b' ' || byte == 0x7f || b"\"'<>:;,()[]{}|&$`\\".contains(&byte)
}

/// The references that programs may follow when they run: no bare hashes, no strings that ld.so or the kernel reads as what they
/// are, nothing that only debuggers read.
pub fn read(bytes: &[u8], hits: &[Hit], elf: Option<&Elf>) -> Vec<Place> {
    if hits.is_empty() {
        return Vec::new();
    }
    let is_text = elf.is_none() && memchr::memchr(0, &bytes[..bytes.len().min(PROBED)]).is_none();
    let unloaded = elf.map(|elf| elf.unloaded_sections(bytes)).unwrap_or_default();
    let is_run_time = |hit: &&Hit| {
        hit.is_path
            && !elf.is_some_and(|elf| elf.is_header_string(hit.at))
            && !unloaded.iter().any(|section| section.contains(&hit.at.0))
    };
    hits.iter().filter(is_run_time).map(|hit| place(bytes, hit, is_text)).collect()
}

/// The same of references in UTF-16 (little-endian).
pub fn read_wide(bytes: &[u8], hits: &[Hit]) -> Vec<Place> {
    let place = |hit: &Hit| {
        let behind = &bytes[hit.at.0 as usize + 2 * HASH_LENGTH..];
        let units = behind.chunks_exact(2).take(LONGEST);
        let text = units.map_while(|unit| (unit[1] == 0 && !ends(unit[0])).then_some(unit[0])).collect();
        let reference = Reference { hash: hit.hash, text, end: End::Closed };
        Place { at: hit.at, is_shebang: false, is_wide: true, reference }
    };
    hits.iter().map(place).collect()
}

fn place(bytes: &[u8], hit: &Hit, is_text: bool) -> Place {
    let behind = &bytes[hit.at.0 as usize + HASH_LENGTH..];
    let behind = &behind[..behind.len().min(LONGEST)];
    let len = behind.iter().position(|byte| ends(*byte)).unwrap_or(behind.len());
    let end = match behind.get(len) {
        Some(b'$' | b'{' | b'[' | b'(' | b'`') => End::Template,
        Some(0) => End::Closed,
        _ if is_text => End::Closed,
        _ => End::Open,
    };
    let reference = Reference { hash: hit.hash, text: behind[..len].into(), end };
    Place { at: hit.at, is_shebang: is_shebang(bytes, hit), is_wide: false, reference }
}

/// Whether only blanks stand between `#!` at the file's beginning and the store folder.
fn is_shebang(bytes: &[u8], hit: &Hit) -> bool {
    let Some(line) = bytes.strip_prefix(b"#!") else { return false };
    let blanks = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let path = line[blanks..].split(|byte| *byte == b'\n').next().unwrap_or_default();
    let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    // The store folder has no component more than `/nix/store`.
    slashes.take(3).any(|slash| 2 + blanks + slash + 1 == hit.at.0 as usize)
}

impl Reference {
    /// `<hash>-<name>/<path>`, without `.` and `..`; `None` where another name follows the hash.
    pub fn component(&self, store: &Store, path: &StorePath) -> Option<Vec<u8>> {
        Some(self.named(store, path)?.as_bytes()[store.dir().as_bytes().len() + 1..].to_vec())
    }

    /// The same as a file of the store.
    pub fn named(&self, store: &Store, path: &StorePath) -> Option<StoreFile> {
        let below = self.below(path)?;
        Some(store.file(path).join(below))
    }

    /// What follows the store path's name.
    fn below(&self, path: &StorePath) -> Option<&[u8]> {
        let below = self.text.strip_prefix(b"-")?.strip_prefix(path.name().as_bytes())?;
        match below.first() {
            None | Some(b'/') => Some(below),
            // Further characters of a name: of another path, or of the next string.
            Some(_) => (self.end == End::Open).then_some(b""),
        }
    }

    /// The folders that must be there for the `..` behind them to lead back.
    pub fn passed(&self, store: &Store, path: &StorePath) -> Vec<StoreFile> {
        let below = self.below(path).unwrap_or_default();
        let ups = memchr::memmem::find_iter(below, b"/..").filter(|at| !below[..*at].ends_with(b"/.."));
        ups.map(|at| store.file(path).join(&below[..at])).collect()
    }

    /// The longest beginning of it that is there, if it is what the reference means.
    ///
    /// A name of which only the folder is there is put together at run time where a template stands in it, or none follows; any
    /// other names what is not there, and nothing is meant.
    pub fn existing(&self, store: &Store, path: &StorePath) -> Option<StoreFile> {
        let whole = self.named(store, path)?;
        if store.is_there(&whole) {
            return Some(whole);
        }
        let root = store.file(path);
        let mut missing = whole.clone();
        let folder = loop {
            let parent = missing.parent().filter(|parent| parent.starts_with(&root))?;
            if store.is_there(&parent) {
                break parent;
            }
            missing = parent;
        };
        let is_last = missing == whole;
        if self.end == End::Template && is_last || missing.file_name().iter().any(|b| b"?%*@".contains(b)) {
            return Some(folder);
        }
        if self.end == End::Open && is_last {
            return begun_by(store, &folder, missing.file_name());
        }
        None
    }
}

/// What in a folder has the longest name that `text` begins with.
fn begun_by(store: &Store, folder: &StoreFile, text: &[u8]) -> Option<StoreFile> {
    let Destination::Folder(real) = store.follow(folder) else { return None };
    let names = store.list(&real).ok()?;
    let longest = names.iter().filter(|name| text.starts_with(name)).max_by_key(|name| name.len())?;
    Some(folder.join(file_name(longest)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::scan::Scanner;

    const X: &str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-x-1.0";

    /// What the references of a text name in a store that holds lib/plugin.so, share/x/data and bin/x of `X`.
    fn names(text: &[u8]) -> Vec<Option<String>> {
        let root = tempfile::tempdir().unwrap();
        for file in ["lib/plugin.so", "share/x/data", "bin/x"] {
            let disk = root.path().join("nix/store").join(X).join(file);
            fs::create_dir_all(disk.parent().unwrap()).unwrap();
            fs::write(disk, "").unwrap();
        }
        let store = Store::new(root.path());
        let path = StorePath::parse(X.as_bytes()).unwrap();
        let hits = Scanner::new(b"/nix/store", [path.hash()]).scan(text);
        let places = read(text, &hits, None);
        let named = |place: &Place| {
            let named = place.reference.existing(&store, &path)?;
            Some(store.origin(&named))
        };
        places.iter().map(named).collect()
    }

    fn name(text: &str) -> Option<String> {
        names(text.replace('@', &format!("/nix/store/{X}")).as_bytes()).pop().unwrap()
    }

    fn named(name: &str) -> Option<String> {
        Some(name.to_owned())
    }

    #[test]
    fn a_reference_names_the_longest_that_is_there() {
        assert_eq!(name("run @/bin/x;"), named("x-1.0/bin/x"));
        assert_eq!(name("@/bin/../share/x/data'"), named("x-1.0/share/x/data"));
        assert_eq!(name("PATH=@/lib:"), named("x-1.0/lib"));
        assert_eq!(name("in @"), named("x-1.0"));
        assert_eq!(name("@/share/x/"), named("x-1.0/share/x"));
    }

    #[test]
    fn what_is_not_there_is_not_meant() {
        assert_eq!(name("@/etc/x.conf"), None);
        assert_eq!(name("@/lib/other.so"), None);
        assert_eq!(name("@.drv"), None);
    }

    #[test]
    fn a_template_means_its_folder() {
        assert_eq!(name("LUA_CPATH=@/lib/?.so"), named("x-1.0/lib"));
        assert_eq!(name("@/share/x/%s.txt"), named("x-1.0/share/x"));
        assert_eq!(name("@/lib/pre${name}"), named("x-1.0/lib"));
        assert_eq!(name("@/lib/*"), named("x-1.0/lib"));
    }

    #[test]
    fn strings_side_by_side_are_told_apart_by_what_is_there() {
        assert_eq!(name("\0@/lib/plugin.soTERM "), named("x-1.0/lib/plugin.so"));
        assert_eq!(name("\0@TERM "), named("x-1.0"));
        assert_eq!(name("\0@/share/xyz\0"), None, "a NUL ends it for certain");
    }

    #[test]
    fn the_interpreter_of_a_script_is_known() {
        let of = |text: &str| {
            let text = text.replace('@', &format!("/nix/store/{X}"));
            let path = StorePath::parse(X.as_bytes()).unwrap();
            let hits = Scanner::new(b"/nix/store", [path.hash()]).scan(text.as_bytes());
            read(text.as_bytes(), &hits, None).iter().map(|place| place.is_shebang).collect::<Vec<_>>()
        };
        assert_eq!(of("#!@/bin/x -e\nexec @/bin/x\n"), [true, false]);
        assert_eq!(of("#! \t@/bin/x\n"), [true]);
        assert_eq!(of("#!/usr/bin/env @/bin/x\n"), [false]);
        assert_eq!(of("@/bin/x\n"), [false]);
    }
}
