//! What ld.so would load for a file, from where, and what it would not find.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::disk::{Disk, can_be_searched};
use super::loader::{self, Whose};
use super::report::Machine;
use crate::elf::describe::{NeededVersion, Versions};
use crate::elf::ldso::{Files, Memo, Need, Object, Process, Search};
use crate::elf::{Abi, Elf, Malformed};
use crate::path::printable;

/// A process, as ld.so would build it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Tree {
    pub loader: Loader,
    /// In load order; the first is the file itself.
    pub objects: Vec<TreeObject>,
    pub missing_versions: Vec<MissingVersion>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Loader {
    /// The one that the file names, or else the one that its libc names, or the distribution's.
    pub path: Option<String>,
    /// Why the kernel would not start it.
    pub error: Option<String>,
    pub whose: Whose,
    /// Where it looks last.
    pub folders: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TreeObject {
    /// As it was found.
    pub path: String,
    /// With all links followed.
    pub real_path: String,
    pub needs: Vec<TreeNeed>,
}

/// A needed entry.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TreeNeed {
    pub name: String,
    /// What serves it, as an index into the objects. `None`: nothing does.
    pub object: Option<usize>,
    /// Whose run path led to it, as an index into the objects; `None`: another object had it loaded before, or it
    /// was found in the loader's own folders.
    pub led_by: Option<usize>,
    /// The builds for newer processors that ld.so takes instead, where the processor has what they need.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub newer_builds: Vec<String>,
    /// Where nothing was found that would do, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub looked_in: Vec<String>,
    /// What was there, but would not do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<PassedOver>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PassedOver {
    pub path: String,
    pub reason: String,
}

/// A version that a library was found without: ld.so ends the program with "version ... not found".
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct MissingVersion {
    pub version: String,
    pub library: String,
    pub needed_by: String,
}

impl Tree {
    /// Of the file at `path`, which `elf` was parsed from.
    pub(super) fn read(disk: &Disk, path: &[u8], elf: &Elf) -> Result<Self, Malformed> {
        if !can_be_searched(elf) {
            return Err(Malformed("it needs more libraries, in more folders, than can be looked for".into()));
        }
        let real = disk.follow(path).unwrap_or_else(|_| path.to_vec());
        let mut start = Object { path: real, found_as: path.to_vec(), elf: elf.clone().into() };
        let load = |start: &Object, folders: &[Vec<u8>]| {
            Search { files: disk, default_folders: folders, memo: &Memo::default() }.load(start.clone())
        };
        let by_run_paths = elf.interpreter.is_none().then(|| load(&start, &[]));
        let found = by_run_paths.iter().flat_map(|process| &process.objects);
        let interpreter = loader::interpreter(disk, elf, found.map(|loaded| loaded.object.path.clone()));
        let (whose, folders) = loader::default_folders(disk, interpreter.as_deref(), elf.abi);
        // The loader is in the process of a library, too.
        start.elf = Elf { interpreter: interpreter.clone(), ..elf.clone() }.into();
        let process = load(&start, &folders);
        Ok(Tree {
            loader: Loader {
                error: elf.interpreter.as_deref().and_then(|path| why_not(disk, path, elf.abi)),
                path: interpreter.as_deref().map(printable),
                whose,
                folders: folders.iter().map(|folder| printable(folder)).collect(),
            },
            objects: (0..process.objects.len()).map(|index| object(disk, &process, index, elf.abi)).collect(),
            missing_versions: missing_versions(disk, &process),
        })
    }

    /// Whether a process would come of it.
    pub fn is_complete(&self) -> bool {
        let mut needs = self.objects.iter().flat_map(|object| &object.needs);
        self.loader.error.is_none()
            && needs.all(|need| need.object.is_some())
            && self.missing_versions.is_empty()
    }
}

fn object(disk: &Disk, process: &Process, index: usize, abi: Abi) -> TreeObject {
    let loaded = &process.objects[index];
    // Those that a search goes up through, the asker first.
    let chain: Vec<usize> = std::iter::successors(Some(index), |index| process.objects[*index].by).collect();
    TreeObject {
        path: printable(&loaded.object.found_as),
        real_path: printable(&loaded.object.path),
        needs: loaded.needs.iter().map(|need| tree_need(disk, process, need, &chain, abi)).collect(),
    }
}

fn tree_need(disk: &Disk, process: &Process, need: &Need, chain: &[usize], abi: Abi) -> TreeNeed {
    let Need { name, served_by, lookup } = need;
    // Loaded under a name already, it is not searched for: then what a search finds may be another.
    let served = served_by.map(|index| &process.objects[index].object);
    let is_own_find =
        served.zip(lookup.found.as_ref()).is_some_and(|(served, found)| served.found_as == found.found_as);
    let tried: &[Vec<u8>] = if served_by.is_some() { &[] } else { &lookup.tried };
    let candidates = tried.iter().map(|folder| [folder.as_slice(), b"/", name].concat());
    let itself = (served_by.is_none() && name.contains(&b'/')).then(|| name.clone());
    TreeNeed {
        name: printable(name),
        object: *served_by,
        led_by: lookup.led_by.filter(|_| is_own_find).and_then(|by| chain.get(by).copied()),
        newer_builds: lookup.hwcaps.iter().map(|object| printable(&object.found_as)).collect(),
        looked_in: tried.iter().map(|folder| printable(folder)).collect(),
        passed_over: candidates
            .chain(itself)
            .filter_map(|path| Some(PassedOver { reason: unfit(disk, &path, abi)?, path: printable(&path) }))
            .collect(),
    }
}

/// Why a file that is there is not loaded; `None` where there is none.
fn unfit(disk: &Disk, path: &[u8], abi: Abi) -> Option<String> {
    if !path.starts_with(b"/") {
        return Some("it depends on the current folder".into());
    }
    if disk.follow(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        return None;
    }
    let bytes = match disk.bytes(path) {
        Ok(bytes) => bytes,
        Err(error) => return Some(error.to_string()),
    };
    Some(match Elf::parse(&bytes) {
        Ok(Some(elf)) if elf.abi != abi => format!("it is for {}", Machine::of(elf.abi)),
        Ok(Some(_)) => "it needs more than can be looked for".into(),
        Ok(None) => "it is not an ELF file".into(),
        Err(Malformed(reason)) => reason,
    })
}

fn why_not(disk: &Disk, interpreter: &[u8], abi: Abi) -> Option<String> {
    match disk.open(interpreter) {
        Some(loader) if loader.elf.abi == abi => None,
        _ => Some(unfit(disk, interpreter, abi).unwrap_or_else(|| "it is not there".into())),
    }
}

/// The versions that are needed of a library which has others (dl-version.c, match_symbol). A library that has none at all
/// will do for ld.so.
fn missing_versions(disk: &Disk, process: &Process) -> Vec<MissingVersion> {
    let versions: Vec<Versions> =
        process.objects.iter().map(|loaded| versions(disk, &loaded.object)).collect();
    let mut served: HashMap<&[u8], usize> = HashMap::new();
    for (index, loaded) in process.objects.iter().enumerate() {
        let object = &loaded.object;
        let names = [Some(&loaded.name), object.elf.soname.as_ref(), Some(&object.found_as)];
        names.into_iter().flatten().for_each(|name| {
            served.entry(name.as_slice()).or_insert(index);
        });
    }
    let defined: Vec<HashSet<&[u8]>> = versions
        .iter()
        .map(|versions| versions.defined.iter().map(|version| version.name.as_slice()).collect())
        .collect();
    let is_missing = |need: &&NeededVersion| {
        let library = served.get(need.library.as_slice()).map(|index| &defined[*index]);
        !need.is_weak
            && library.is_some_and(|names| !names.is_empty() && !names.contains(need.name.as_slice()))
    };
    let all = process.objects.iter().zip(&versions);
    all.flat_map(|(loaded, versions)| {
        versions.needed.iter().filter(is_missing).map(|need| MissingVersion {
            version: printable(&need.name),
            library: printable(&process.objects[served[need.library.as_slice()]].object.found_as),
            needed_by: printable(&loaded.object.found_as),
        })
    })
    .collect()
}

/// None where the file is gone by now, or its tables cannot be followed: ld.so would end there, too, but for the file itself that
/// has been said.
fn versions(disk: &Disk, object: &Object) -> Versions {
    let bytes = disk.bytes(&object.path);
    bytes.ok().and_then(|bytes| Versions::of(&object.elf, &bytes).ok()).unwrap_or_default()
}
