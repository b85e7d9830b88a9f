//! From what the user names as RESULT to a store path.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::{Store, StorePath};
use crate::error::{Error, IoContext, Result};
use crate::path::{MAX_LINKS, StoreFile};

/// The store path that `argument` is, or that links lead to from it (`./result`).
///
/// Errors: nothing is there, it is no store path, or it lies inside of one.
pub fn locate(store: &Store, argument: &Path) -> Result<StorePath> {
    let here = std::env::current_dir().while_doing("find", "the current folder")?;
    let mut path = here.join(argument);
    for _ in 0..MAX_LINKS {
        if let Some(file) = in_store(store, &path) {
            return whole(store, argument, &file);
        }
        let metadata = path.symlink_metadata().map_err(|cause| {
            Error::failure(format!("no result at {}: {cause}", argument.display()))
                .remedy("build it first (`nix build`), or name its store path")
        })?;
        if metadata.is_symlink() {
            let target = path.read_link().while_doing("read the link", &path)?;
            path = path.parent().unwrap_or(Path::new("/")).join(target);
            continue;
        }
        // A parent may be a link into the store.
        let real = path.canonicalize().while_doing("find", &path)?;
        if real == path {
            break;
        }
        path = real;
    }
    Err(Error::failure(format!("{} is not a store path, nor a link to one", argument.display()))
        .remedy(format!("RESULT is a path in {}, or the `result` link that `nix build` makes", store.dir())))
}

/// The file in the store's tree that a path of the running system names.
fn in_store(store: &Store, path: &Path) -> Option<StoreFile> {
    let logical = |path: &Path| {
        let file = StoreFile::new(path.as_os_str().as_bytes())?;
        (file.starts_with(store.dir()) && file != *store.dir()).then_some(file)
    };
    let below_root = path.strip_prefix(store.root()).ok().map(|below| PathBuf::from("/").join(below));
    below_root.as_deref().and_then(logical).or_else(|| logical(path))
}

fn whole(store: &Store, argument: &Path, file: &StoreFile) -> Result<StorePath> {
    let Some((path, below)) = store.split(file) else {
        return Err(Error::failure(format!("{} is not a store path", file))
            .remedy(format!("a store path is {}/<32 characters>-<name>", store.dir())));
    };
    if !below.is_empty() {
        return Err(Error::failure(format!("{} lies inside of a store path", argument.display()))
            .remedy(format!("name the store path itself, {}", store.file(&path))));
    }
    store.metadata(file).map_err(|_| {
        Error::failure(format!("there is no {} in the store at {}", file, store.root().display()))
            .remedy("build it first, or name the store that has it with --store")
    })?;
    Ok(path)
}
