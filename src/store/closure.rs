//! Which store paths a result needs: from a file, from Nix itself, or by looking for their hashes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};
use std::thread::JoinHandle;

use rayon::prelude::*;

use super::graph_file::{self, Graph};
use super::scan::Scanner;
use super::{Store, StoreHash, StorePath};
use crate::error::{Error, IoContext, Result};

/// Every store path that the results reach, the results themselves among them.
#[derive(Clone, Debug, Default)]
pub struct Closure {
    paths: BTreeMap<StoreHash, StorePath>,
}

impl Closure {
    /// Takes the closure from `file` where one is given, else from `nix-store -qR`, else from a scan.
    pub fn find(store: &Store, results: &[StorePath], file: Option<&Path>) -> Result<Self> {
        let paths = match file {
            Some(file) => from_file(store, results, file)?,
            None => match from_nix(store, results) {
                Some(paths) => paths,
                None => from_scan(store, results)?,
            },
        };
        let closure = Closure { paths: paths.into_iter().map(|path| (path.hash(), path)).collect() };
        for path in closure.paths() {
            let file = store.file(path);
            if store.disk(&file).symlink_metadata().is_err() {
                return Err(Error::failure(format!(
                    "the closure names {file}, which is not in the store at {}",
                    store.root().display()
                ))
                .remedy("copy the whole closure (`nix copy`), or name the store that has it with --store"));
            }
        }
        Ok(closure)
    }

    /// In the order of their hashes.
    pub fn paths(&self) -> impl ExactSizeIterator<Item = &StorePath> {
        self.paths.values()
    }

    pub fn get(&self, hash: StoreHash) -> Option<&StorePath> {
        self.paths.get(&hash)
    }

    pub fn contains(&self, path: &StorePath) -> bool {
        self.paths.get(&path.hash()) == Some(path)
    }
}

/// A closure and what looks for its hashes.
pub struct Known {
    pub closure: Closure,
    pub scanner: Scanner,
}

/// A closure that is being found while other work goes on: asking Nix takes as long as planning a small bundle.
pub struct Pending {
    thread: Mutex<Option<JoinHandle<Result<Known>>>>,
    known: OnceLock<Result<Known>>,
}

impl Pending {
    /// Begins to look for what the results need. The scanner is to find the paths `outside` of the store, too.
    pub fn begin(store: Store, results: Vec<StorePath>, file: Option<PathBuf>, outside: Vec<String>) -> Self {
        let thread = std::thread::spawn(move || {
            let closure = Closure::find(&store, &results, file.as_deref())?;
            let scanner = Scanner::new(store.dir().as_bytes(), closure.paths.keys().copied());
            Ok(Known { closure, scanner: scanner.and_outside(&outside) })
        });
        Pending { thread: Mutex::new(Some(thread)), known: OnceLock::new() }
    }

    /// Waits for it.
    pub fn known(&self) -> Result<&Known> {
        let known = self.known.get_or_init(|| {
            let thread = self.thread.lock().ok().and_then(|mut thread| thread.take());
            let outcome = thread.and_then(|thread| thread.join().ok());
            outcome.unwrap_or_else(|| Err(Error::failure("the search for the closure broke off")))
        });
        known.as_ref().map_err(Clone::clone)
    }
}

fn from_file(store: &Store, results: &[StorePath], file: &Path) -> Result<BTreeSet<StorePath>> {
    let text = std::fs::read_to_string(file).while_doing("read", file)?;
    let graph = graph_file::parse(&text, store.dir()).map_err(|what| {
        Error::failure(format!("{} describes no closure: {what}", file.display())).remedy(
            "--closure takes closureInfo's `registration`, a list of store paths, or `nix path-info -r --json`",
        )
    })?;
    if let Some(missing) = results.iter().find(|result| !graph.contains_key(result)) {
        return Err(Error::failure(format!("the closure in {} does not hold {missing}", file.display()))
            .remedy("make the file from the same result"));
    }
    Ok(reachable(&graph, results))
}

/// What the results reach in a graph; where it does not tell references, everything in it.
fn reachable(graph: &Graph, results: &[StorePath]) -> BTreeSet<StorePath> {
    let mut reached = BTreeSet::new();
    let mut todo = results.to_vec();
    while let Some(path) = todo.pop() {
        match graph.get(&path) {
            Some(None) => return graph.keys().cloned().collect(),
            Some(Some(references)) if reached.insert(path) => todo.extend(references.iter().cloned()),
            _ => {}
        }
    }
    reached
}

/// Asks the store's database. `None` where there is no Nix, or it does not know the results.
fn from_nix(store: &Store, results: &[StorePath]) -> Option<BTreeSet<StorePath>> {
    let mut command = Command::new("nix-store");
    if store.root() != Path::new("/") {
        // Without a database below it, Nix would make one there; the store is only ever read.
        store.root().join("nix/var/nix/db").exists().then_some(())?;
        command.arg("--store").arg(store.root());
    }
    command.arg("-qR").args(results.iter().map(|result| store.file(result).to_string()));
    let done = command.output().ok().filter(|done| done.status.success())?;
    let text = String::from_utf8(done.stdout).ok()?;
    let graph = graph_file::parse(&text, store.dir()).ok()?;
    results.iter().all(|result| graph.contains_key(result)).then(|| graph.into_keys().collect())
}

/// Looks for the hash of every path in the store in the results' files and link targets, and on from what is found, as
/// Nix itself finds references when a build is done.
fn from_scan(store: &Store, results: &[StorePath]) -> Result<BTreeSet<StorePath>> {
    let known: BTreeMap<StoreHash, StorePath> = store
        .list(store.dir())?
        .iter()
        .filter_map(|name| StorePath::parse(name))
        .filter(|path| !path.name().ends_with(".drv"))
        .map(|path| (path.hash(), path))
        .collect();
    let scanner = Scanner::new(store.dir().as_bytes(), known.keys().copied());
    let mut reached: BTreeSet<StorePath> = results.iter().cloned().collect();
    let mut todo = results.to_vec();
    while !todo.is_empty() {
        let found: Vec<BTreeSet<StoreHash>> =
            todo.par_iter().map(|path| references(store, path, &scanner)).collect::<Result<_>>()?;
        todo.clear();
        for hash in found.into_iter().flatten() {
            if let Some(path) = known.get(&hash)
                && reached.insert(path.clone())
            {
                todo.push(path.clone());
            }
        }
    }
    Ok(reached)
}

/// The hashes that stand anywhere in a store path: in files, in links, in names.
fn references(store: &Store, path: &StorePath, scanner: &Scanner) -> Result<BTreeSet<StoreHash>> {
    let mut found = BTreeSet::new();
    let mut todo = vec![store.file(path)];
    while let Some(file) = todo.pop() {
        let kind = store.metadata(&file)?.file_type();
        let hits = if kind.is_symlink() {
            scanner.scan(&store.read_link(&file)?)
        } else if kind.is_dir() {
            todo.extend(store.list(&file)?.iter().map(|name| file.join(name)));
            scanner.scan(file.file_name())
        } else if kind.is_file() {
            scanner.scan_content(&store.map(&file)?).hits
        } else {
            Vec::new()
        };
        found.extend(hits.iter().map(|hit| hit.hash));
    }
    Ok(found)
}
