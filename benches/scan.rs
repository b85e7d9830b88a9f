//! Looks for the references of store paths in all of their files, as a plan does: `cargo bench --bench scan -- PATH...`, in as
//! many threads as RAYON_NUM_THREADS says. Prints how many there are. What benches/against-ripgrep times.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use explant::path::StoreFile;
use explant::store::scan::Scanner;
use explant::store::{Store, StorePath};

fn main() {
    let paths: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let store = Store::new("/");
    let hashes = paths.iter().map(|path| {
        let name = Path::new(path).file_name().expect("a store path has a name");
        StorePath::parse(name.as_bytes()).expect("a store path").hash()
    });
    let scanner = Scanner::new(store.dir().as_bytes(), hashes);
    let count = AtomicUsize::new(0);
    let look = |entry: walkdir::DirEntry| {
        let file = StoreFile::new(entry.path().as_os_str().as_bytes()).expect("an absolute path");
        let bytes = store.map(&file).expect("a file of the store");
        let found = scanner.scan_content(&bytes);
        let paths = found.hits.iter().chain(&found.wide).filter(|hit| hit.is_path).count();
        count.fetch_add(paths, Ordering::Relaxed);
    };
    // Files are looked into while others are still being found, as ripgrep does.
    rayon::scope(|scope| {
        for path in &paths {
            let look = &look;
            scope.spawn(move |scope| {
                let entries = walkdir::WalkDir::new(path).into_iter().flatten();
                for file in entries.filter(|entry| entry.file_type().is_file()) {
                    scope.spawn(move |_| look(file));
                }
            });
        }
    });
    println!("{}", count.into_inner());
}
