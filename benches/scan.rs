//! Looks for the references of store paths in all of their files, as a plan does: `cargo bench --bench scan -- PATH...`, in as
//! many threads as RAYON_NUM_THREADS says. Prints how many there are. What benches/against-ripgrep times.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use explant::path::StoreFile;
use explant::store::scan::Scanner;
use explant::store::{Store, StorePath};
use rayon::prelude::*;

fn main() {
    let paths: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let store = Store::new("/");
    let hashes = paths.iter().map(|path| {
        let name = Path::new(path).file_name().expect("a store path has a name");
        StorePath::parse(name.as_bytes()).expect("a store path").hash()
    });
    let scanner = Scanner::new(store.dir().as_bytes(), hashes);
    let files = paths.par_iter().flat_map_iter(walkdir::WalkDir::new).flatten();
    let files: Vec<_> = files.filter(|entry| entry.file_type().is_file()).collect();
    // One by one, as a plan does: a large one at the end keeps no others waiting behind it.
    let count = files.par_iter().with_max_len(1).map(|entry| {
        let file = StoreFile::new(entry.path().as_os_str().as_bytes()).expect("an absolute path");
        let bytes = store.map(&file).expect("a file of the store");
        let found = scanner.scan_content(&bytes);
        found.hits.iter().chain(&found.wide).filter(|hit| hit.is_path).count()
    });
    println!("{}", count.sum::<usize>());
}
