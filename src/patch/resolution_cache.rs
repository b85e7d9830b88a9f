//! `--build-resolution-cache`: where the needed libraries are found, for a loader that then need not search for them.
//! Such a loader is that of Nixpkgs; its format is patchelf's.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{Access, access};

use crate::elf::{self, Elf, Operation};

use super::failure::Failure;
use super::malformed;
use super::subject::{Dynamic, Subject};

const SECTION: &[u8] = b".note.nixos.ldcache";
const PRESENT: &str =
    "--build-resolution-cache: a resolution cache note is already present; rebuild from an unpatched binary";

/// Adds the cache of the file as the operation leaves it. The result is a warning: there is nothing to put into one.
///
/// Errors: the file has a cache that would stay, and is not this one.
pub(super) fn add_to(operation: &mut Operation, subject: &Subject) -> Result<Option<String>, Failure> {
    let (needed, run_path) = edited(&subject.elf, operation);
    let cache = match subject.dynamic() {
        Dynamic::Absent => Err("no dynamic section (statically linked?)"),
        _ => descriptor(&needed, run_path.unwrap_or_default()),
    };
    // An edit of what it was made from takes the old one away.
    let stays =
        needed == subject.elf.needed && run_path == subject.elf.run_path() && !operation.remove_run_path;
    let is_in_the_way = match elf::resolution_cache(subject.bytes, &subject.elf) {
        Some(old) => stays && cache.as_ref() != Ok(&old),
        // A section of that name that is no such note, no edit takes away.
        None => malformed::has_section(subject.bytes, SECTION),
    };
    match cache {
        _ if is_in_the_way => Err(Failure::Objection(PRESENT)),
        Ok(cache) => {
            operation.resolution_cache = Some(cache);
            Ok(None)
        }
        Err(reason) => Ok(Some(format!("--build-resolution-cache: {reason}; no cache written"))),
    }
}

/// The needed libraries and the run path that the file will have.
fn edited<'a>(elf: &'a Elf, operation: &'a Operation) -> (Vec<&'a [u8]>, Option<&'a [u8]>) {
    let renamed = |name: &'a Vec<u8>| {
        let new = operation.replace_needed.iter().find(|(old, _)| old == name);
        new.map_or(name, |(_, new)| new).as_slice()
    };
    let kept = elf.needed.iter().filter(|name| !operation.remove_needed.contains(name)).map(renamed);
    let run_path = match &operation.run_path {
        Some(run_path) => Some(run_path.folders.as_slice()),
        None => elf.run_path().filter(|_| !operation.remove_run_path),
    };
    (operation.add_needed.iter().map(Vec::as_slice).chain(kept).collect(), run_path)
}

/// Per library, sorted, its name and the places to look for it, each with a NUL behind it; and one more NUL.
///
/// Errors: why there is none.
fn descriptor(needed: &[&[u8]], run_path: &[u8]) -> Result<Vec<u8>, &'static str> {
    if needed.is_empty() || run_path.is_empty() {
        return Err("no DT_NEEDED entries or run path to resolve");
    }
    // Unlike in other places, what is behind the last colon counts, though it is empty.
    let folders: Vec<_> =
        run_path.split(|byte| *byte == b':').map(|folder| (folder, is_to_be_searched(folder))).collect();
    // A path is opened without a search.
    let names: BTreeSet<&[u8]> = needed.iter().copied().filter(|name| !name.contains(&b'/')).collect();
    let mut cache = Vec::new();
    for name in names {
        let places: Vec<_> = folders.iter().filter_map(|folder| place(*folder, name)).collect();
        if !places.is_empty() {
            cache.extend([name, &places.join(&b':'), b""].join(&0));
        }
    }
    if cache.is_empty() {
        return Err("no libraries resolved against the run path");
    }
    cache.push(0);
    Ok(cache)
}

/// What a folder means to the search for a library: `=` and a file, `?` and the folder itself, or nothing.
fn place((folder, is_to_be_searched): (&[u8], bool), name: &[u8]) -> Option<Vec<u8>> {
    if is_to_be_searched {
        return Some([b"?", folder].concat());
    }
    let file = [folder, name].join(&b'/');
    access(file.as_slice(), Access::READ_OK).is_ok().then(|| [b"=", file.as_slice()].concat())
}

/// Whether only the loader will know what a folder holds: it is relative, or named by what the loader expands; it is not
/// there or not ours to look into, and may be another matter where the program runs; or it has libraries for better
/// processors than this one.
fn is_to_be_searched(folder: &[u8]) -> bool {
    let path = Path::new(OsStr::from_bytes(folder));
    !path.is_absolute()
        || folder.contains(&b'$')
        || !fs::metadata(path).is_ok_and(|metadata| metadata.is_dir())
        || access(path, Access::EXEC_OK).is_err()
        || access(path.join("glibc-hwcaps"), Access::EXISTS).is_ok()
}
