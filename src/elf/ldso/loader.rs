//! The folders that a loader was built with.

use memchr::memmem;

use crate::elf::FileOffset;

/// The strings in a glibc ld.so that lead into the store, each with its place: the default library folders
/// (`/nix/store/<hash>-glibc-2.41/lib/`), `.../etc/ld.so.cache`. Each begins with `store_dir` and a slash; its NUL is not part of it.
pub fn loader_folders<'a>(loader: &'a [u8], store_dir: &[u8]) -> Vec<(FileOffset, &'a [u8])> {
    let needle = [store_dir, b"/"].concat();
    memmem::find_iter(loader, &needle)
        // In the middle of a longer string, or of a path below another root, it is none of the loader's folders.
        .filter(|at| at.checked_sub(1).is_none_or(|before| !matches!(loader[before], b' '..=b'~')))
        .filter_map(|at| {
            let len = memchr::memchr(0, &loader[at..])?;
            Some((FileOffset(at as u64), &loader[at..at + len]))
        })
        .collect()
}
