//! The run path of one file: folders in an order in which each needed entry is found where it should be.

use std::collections::BTreeSet;

use crate::elf::{Elf, ldso};
use crate::path::{InstallPath, StoreFile};

/// A needed entry, and the folder of the library that serves it.
pub type Wanted = (Vec<u8>, InstallPath);

/// The folders of a file's run path in the store.
pub fn in_store(file: &StoreFile, elf: &Elf) -> Vec<StoreFile> {
    let origin = file.parent().unwrap_or_else(StoreFile::root);
    let folders = ldso::folders(elf, elf.run_path().unwrap_or_default(), origin.as_bytes());
    folders.iter().filter_map(StoreFile::new).collect()
}

/// The folders of `wanted`, so ordered that for each entry none before its own folder has the name too. `also` come last:
/// they serve no needed entry. `None` where no order does: A before B for one entry, B before A for another.
pub fn order(
    wanted: &BTreeSet<Wanted>,
    also: &[InstallPath],
    has: &dyn Fn(&InstallPath, &[u8]) -> bool,
) -> Option<Vec<InstallPath>> {
    let mut left: BTreeSet<&InstallPath> = wanted.iter().map(|(_, folder)| folder).collect();
    let mut ordered: Vec<InstallPath> = Vec::new();
    while !left.is_empty() {
        // A folder may come next if no entry that is still to be served elsewhere would be found in it.
        let next = left.iter().copied().find(|folder| {
            wanted.iter().all(|(name, own)| own == *folder || !left.contains(own) || !has(folder, name))
        })?;
        left.remove(next);
        ordered.push(next.clone());
    }
    for folder in also {
        if !ordered.contains(folder) {
            ordered.push(folder.clone());
        }
    }
    Some(ordered)
}

/// The run path's text for a file in the folder `from`: relative to it by `$ORIGIN`, or absolute where ld.so ignores
/// `$ORIGIN` (AT_SECURE: setuid programs and those with capabilities; ld.so(8)).
pub fn text(folders: &[InstallPath], from: &InstallPath, absolute: bool) -> Vec<u8> {
    let entries: Vec<Vec<u8>> = folders
        .iter()
        .map(|folder| match folder.relative_to(from) {
            _ if absolute => folder.as_bytes().to_vec(),
            here if here == b"." => b"$ORIGIN".to_vec(),
            relative => [b"$ORIGIN/", relative.as_slice()].concat(),
        })
        .collect();
    entries.join(&b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> InstallPath {
        InstallPath::new(text).unwrap()
    }

    fn ordered(wanted: &[(&str, &str)], present: &[&str]) -> Option<String> {
        let wanted = wanted.iter().map(|(name, folder)| (name.as_bytes().to_vec(), path(folder))).collect();
        let has = |folder: &InstallPath, name: &[u8]| {
            present.contains(&folder.join(name).to_string_lossy().as_ref())
        };
        let folders = order(&wanted, &[path("/l")], &has)?;
        Some(String::from_utf8(text(&folders, &path("/l"), false)).unwrap())
    }

    #[test]
    fn each_entry_is_found_in_its_own_folder() {
        let present = ["/l/a", "/l/b", "/l/v/b"];
        assert_eq!(ordered(&[("a", "/l"), ("b", "/l")], &present).unwrap(), "$ORIGIN");
        assert_eq!(ordered(&[("a", "/l"), ("b", "/l/v")], &present).unwrap(), "$ORIGIN/v:$ORIGIN");
        assert_eq!(ordered(&[], &present).unwrap(), "$ORIGIN");
        // Each folder has the other's library: no order is right.
        assert_eq!(ordered(&[("a", "/l"), ("b", "/l/v")], &["/l/a", "/l/b", "/l/v/a", "/l/v/b"]), None);
    }

    #[test]
    fn setuid_programs_get_absolute_folders() {
        assert_eq!(text(&[path("/usr/lib/x")], &path("/usr/bin"), true), b"/usr/lib/x");
        assert_eq!(text(&[path("/usr/lib/x")], &path("/usr/bin"), false), b"$ORIGIN/../lib/x");
    }
}
