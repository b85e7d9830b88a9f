//! The loader that a file is given to, and the folders in which that looks last.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use globset::Glob;

use super::disk::Disk;
use crate::check::abi::{host_folders, musl_folders};
use crate::config::glibc_set::{host_interpreter, is_glibc_set};
use crate::elf::ldso::{Files, loader_folders};
use crate::elf::{Abi, Elf};
use crate::path::{StoreFile, file_name};

/// Whose loader it is, which decides where it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Whose {
    /// Of a Nix store: it knows no folder but its own glibc's.
    Nix,
    Musl,
    Distribution,
}

/// The folders that the loader at `interpreter` looks in last, or that the distribution's own does.
pub(super) fn default_folders(disk: &Disk, interpreter: Option<&[u8]>, abi: Abi) -> (Whose, Vec<Vec<u8>>) {
    let Some(interpreter) = interpreter else { return (Whose::Distribution, distribution(disk, abi)) };
    if file_name(interpreter).starts_with(b"ld-musl-") {
        return (Whose::Musl, musl(disk, interpreter));
    }
    let own = nix(disk, interpreter);
    if own.is_empty() { (Whose::Distribution, distribution(disk, abi)) } else { (Whose::Nix, own) }
}

/// The folders that a Nix loader was built with.
fn nix(disk: &Disk, interpreter: &[u8]) -> Vec<Vec<u8>> {
    let Ok(bytes) = disk.bytes(interpreter) else { return Vec::new() };
    let folders = loader_folders(&bytes, b"/nix/store").into_iter();
    let folders = folders.filter_map(|(_, text)| StoreFile::new(text.strip_suffix(b"/")?));
    distinct(folders.map(|folder| folder.as_bytes().to_vec()))
}

/// musl reads the list below the folder that holds its own (dynlink.c, `sys_path`).
fn musl(disk: &Disk, interpreter: &[u8]) -> Vec<Vec<u8>> {
    let stem = file_name(interpreter).split(|byte| *byte == b'.').next().unwrap_or_default();
    let prefix = StoreFile::new(interpreter).and_then(|path| path.parent()?.parent());
    let list = prefix.map(|prefix| prefix.join([b"etc/", stem, b".path"].concat()));
    let Some(text) = list.and_then(|list| disk.bytes(list.as_bytes()).ok()) else { return musl_folders() };
    let entries = text.split(|byte| matches!(byte, b':' | b'\n'));
    distinct(entries.filter(|entry| entry.starts_with(b"/")).map(<[u8]>::to_vec))
}

/// What ldconfig takes into ld.so.cache, in its order, and then what a distribution's ld.so was built with.
fn distribution(disk: &Disk, abi: Abi) -> Vec<Vec<u8>> {
    let mut reader = Configuration { disk, read: HashSet::new(), folders: Vec::new() };
    reader.read(b"/etc/ld.so.conf");
    distinct(reader.folders.into_iter().chain(host_folders(abi)))
}

fn distinct(folders: impl Iterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
    let mut seen = HashSet::new();
    folders.filter(|folder| seen.insert(folder.clone())).collect()
}

/// Reads /etc/ld.so.conf and what it includes (ldconfig(8); glibc's elf/ldconfig.c, parse_conf).
struct Configuration<'a> {
    disk: &'a Disk,
    /// No file is read twice, so that files that include each other come to an end.
    read: HashSet<Vec<u8>>,
    folders: Vec<Vec<u8>>,
}

/// Files that are read in all. Each of them is read before the next, so it bounds the depth too.
const MOST_FILES: usize = 256;

impl Configuration<'_> {
    fn read(&mut self, file: &[u8]) {
        if self.read.len() >= MOST_FILES || !self.read.insert(file.to_vec()) {
            return;
        }
        let Ok(bytes) = self.disk.bytes(file) else { return };
        for line in bytes.split(|byte| *byte == b'\n') {
            let line = line.split(|byte| *byte == b'#').next().unwrap_or_default().trim_ascii();
            match line.strip_prefix(b"include") {
                Some(patterns) if patterns.starts_with(b" ") || patterns.starts_with(b"\t") => {
                    patterns
                        .split(u8::is_ascii_whitespace)
                        .filter(|pattern| !pattern.is_empty())
                        .for_each(|pattern| self.include(pattern, file));
                }
                // A kind of library may be named behind the folder (`/usr/lib=libc6`).
                _ if line.starts_with(b"/") => {
                    let folder = line.split(|byte| *byte == b'=').next().unwrap_or_default();
                    self.folders
                        .extend(StoreFile::new(folder.trim_ascii()).map(|path| path.as_bytes().to_vec()));
                }
                _ => {}
            }
        }
    }

    /// A glob in the last component, as everybody has it; below the folder of the file that says so, unless it is absolute.
    fn include(&mut self, pattern: &[u8], file: &[u8]) {
        let folder = StoreFile::new(file).and_then(|file| file.parent()).unwrap_or_else(StoreFile::root);
        let pattern =
            if pattern.starts_with(b"/") { StoreFile::root().join(pattern) } else { folder.join(pattern) };
        let Some(folder) = pattern.parent() else { return };
        let name = OsStr::from_bytes(pattern.file_name()).to_str();
        let Some(glob) = name.and_then(|name| Glob::new(name).ok()) else { return };
        let glob = glob.compile_matcher();
        for name in self.disk.list(folder.as_bytes()) {
            if glob.is_match(OsStr::from_bytes(&name)) && !name.starts_with(b".") {
                self.read(folder.join(&name).as_bytes());
            }
        }
    }
}

/// The loader of a file: its own; for a library the one that its libc names, if a run path leads to that (`found` is what run
/// paths lead to); else, for what needs glibc, the distribution's.
pub(super) fn interpreter(disk: &Disk, elf: &Elf, found: impl Iterator<Item = Vec<u8>>) -> Option<Vec<u8>> {
    let of_libc = || {
        let mut interpreters = found.filter_map(|path| disk.open(&path)?.elf.interpreter.clone());
        interpreters.next()
    };
    let of_distribution = || {
        let needs_glibc = elf.needed.iter().any(|name| is_glibc_set(name));
        let Abi { machine, is_64, is_little_endian } = elf.abi;
        host_interpreter(machine, is_64, is_little_endian)
            .filter(|_| needs_glibc)
            .map(|path| path.as_bytes().to_vec())
    };
    elf.interpreter.clone().or_else(of_libc).or_else(of_distribution)
}
