//! Whatever the bytes, reading them ends soon and without a panic, and takes no more memory than the file gives reason for.
#![no_main]

use std::sync::Arc;

use explant::elf::ldso::{Files, Memo, Object, Search, loader_folders};
use explant::elf::{Elf, VersionNeed};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    explant_fuzz::mutate(data, size, max_size, seed)
});

fuzz_target!(|data: &[u8]| {
    let Ok(Some(elf)) = Elf::parse(data) else { return };
    let strings: usize = elf.header_strings().map(|(_, string)| string.len()).sum();
    let versions: usize = elf.versions_needed.iter().map(|need: &VersionNeed| need.versions.concat().len()).sum();
    assert!(strings + versions <= 2 * data.len(), "strings of {} bytes in {}", strings + versions, data.len());
    let dlopen: usize = elf.dlopen.iter().flat_map(|note| &note.sonames).map(Vec::len).sum();
    assert!(dlopen <= 2 * data.len(), "dlopen notes of {dlopen} bytes in {}", data.len());
    loader_folders(data, b"/nix/store");
    let path = b"/opt/bin/program".to_vec();
    let program = Object { path: path.clone(), found_as: path, elf: Arc::new(elf) };
    let search = Search { files: &Everywhere(&program), default_folders: &[b"/lib".to_vec()], memo: &Memo::default() };
    search.load(program.clone());
});

/// The file is what every path below /opt leads to, so that it needs itself under all names.
struct Everywhere<'a>(&'a Object);

impl Files for Everywhere<'_> {
    fn open(&self, path: &[u8]) -> Option<Object> {
        let found = path.starts_with(b"/opt/");
        found.then(|| Object { path: path.to_vec(), found_as: path.to_vec(), elf: self.0.elf.clone() })
    }

    fn folders(&self, _path: &[u8]) -> Vec<Vec<u8>> {
        Vec::new()
    }
}
