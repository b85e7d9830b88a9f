//! What becomes of a run path: patchelf's rules.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::elf::{Operation, RunPath};

use super::failure::{Doing, Failure};
use super::subject::Subject;

/// Where e_machine lies in an ELF header, of either class.
pub(super) const MACHINE: Range<usize> = 18..20;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Absolute folders that hold no needed library go, and those that begin with none of the prefixes, where there are
    /// some.
    Shrink {
        prefixes: Vec<Vec<u8>>,
    },
    Remove,
    Set(Vec<u8>),
    /// Behind what is there.
    Add(Vec<u8>),
}

impl Verb {
    pub(super) fn add_to(
        &self,
        operation: &mut Operation,
        subject: &Subject,
        force_rpath: bool,
    ) -> Result<(), Failure> {
        let old = subject.elf.run_path();
        let folders = match (self, old) {
            (Verb::Remove, _) => {
                operation.remove_run_path = true;
                return Ok(());
            }
            (Verb::Shrink { .. }, None) => return Ok(()),
            (Verb::Shrink { prefixes }, Some(old)) => shrunk(old, prefixes, subject)?,
            (Verb::Set(new), _) => new.clone(),
            (Verb::Add(new), old) => joined(old.unwrap_or_default(), new),
        };
        let runpath = !force_rpath;
        // A file without a run path gets no empty one. And where DT_RUNPATH is right already, a DT_RPATH beside it, that
        // ld.so does not heed, may stay.
        let is_done = (old.is_none() && folders.is_empty())
            || (runpath && subject.elf.runpath.as_ref() == Some(&folders));
        if !is_done {
            operation.run_path = Some(RunPath { folders, runpath });
        }
        Ok(())
    }
}

fn joined(folders: &[u8], folder: &[u8]) -> Vec<u8> {
    if folders.is_empty() { folder.to_owned() } else { [folders, folder].join(&b':') }
}

/// The parts between colons; a colon at the end is not followed by one.
pub fn split(folders: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = folders.strip_suffix(b":").unwrap_or(folders);
    end.split(|byte| *byte == b':').take(if folders.is_empty() { 0 } else { usize::MAX })
}

/// A library counts for the first folder that has it, as in ld.so's search.
fn shrunk(folders: &[u8], prefixes: &[Vec<u8>], subject: &Subject) -> Result<Vec<u8>, Failure> {
    let mut missing: Vec<&[u8]> = subject.elf.needed.iter().map(Vec::as_slice).collect();
    let mut kept = Vec::new();
    for folder in split(folders) {
        // $ORIGIN and its like: nobody knows where they will lead.
        let is_relative = folder.first().is_some_and(|byte| *byte != b'/');
        let is_allowed = prefixes.is_empty() || prefixes.iter().any(|prefix| folder.starts_with(prefix));
        if is_relative || is_allowed && holds_any(folder, &mut missing, subject.machine())? {
            kept = joined(&kept, folder);
        }
    }
    Ok(kept)
}

/// Whether a folder has any of the libraries; those that it has are taken off the list.
fn holds_any(folder: &[u8], missing: &mut Vec<&[u8]>, machine: &[u8]) -> Result<bool, Failure> {
    let before = missing.len();
    let mut left = Vec::new();
    for name in missing.drain(..) {
        if !is_library(Path::new(OsStr::from_bytes(&[folder, name].join(&b'/'))), machine)? {
            left.push(name);
        }
    }
    *missing = left;
    Ok(missing.len() < before)
}

/// Whether there is an ELF file of the machine. What ld.so would pass over is not one; what cannot be read is an error.
fn is_library(path: &Path, machine: &[u8]) -> Result<bool, Failure> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(cause) if matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(false);
        }
        Err(cause) => return Err(Failure::io(Doing::Open, path)(cause)),
    };
    let mut head = [0; MACHINE.end];
    match file.read_exact(&mut head) {
        Ok(()) => Ok(head.starts_with(goblin::elf::header::ELFMAG) && &head[MACHINE] == machine),
        Err(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(cause) => Err(Failure::io(Doing::Read, path)(cause)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colons_divide() {
        let parts = |text: &'static str| split(text.as_bytes()).collect::<Vec<_>>();
        assert_eq!(parts(""), [b""; 0]);
        assert_eq!(parts("/a"), [b"/a"]);
        assert_eq!(parts("/a:/b:"), [b"/a", b"/b"]);
        assert_eq!(parts(":/a"), [&b""[..], b"/a"]);
    }
}
