//! What ld.so would load, by its own rules (ld.so(8), glibc's elf/dl-load.c, musl's ldso/dynlink.c), without running
//! anything.
//!
//! Left out on purpose, since a bundle must not hang on it: LD_LIBRARY_PATH, LD_PRELOAD, ld.so.cache, and the current
//! folder. An empty or relative entry of a run path, or a relative needed entry with a slash, stands for a place below the
//! folder that the user happens to be in, so nothing is ever found through one.

mod dst;
mod loader;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use goblin::elf::dynamic::DF_1_NODEFLIB;
use goblin::elf::header::{EM_PPC64, EM_S390, EM_X86_64};

use super::{Abi, Class, Elf};
use crate::path::file_name;
pub use loader::loader_folders;

/// A tree of files to look in: the store, an artifact.
pub trait Files {
    /// The ELF file at an absolute path, links followed. `None`: nothing is there, or it is no ELF file that can be read.
    fn open(&self, path: &[u8]) -> Option<Object>;

    /// The names of the folders in a folder (for `glibc-hwcaps`), sorted; empty where there is none.
    fn folders(&self, path: &[u8]) -> Vec<Vec<u8>>;
}

/// An ELF file and where it is.
#[derive(Clone, Debug)]
pub struct Object {
    /// Absolute, links followed.
    pub path: Vec<u8>,
    /// Absolute, as it was found: its folder is what `$ORIGIN` stands for in glibc (dl-origin takes the path that was opened).
    /// For the program it is `path` that counts (/proc/self/exe).
    pub found_as: Vec<u8>,
    pub elf: Arc<Elf>,
}

/// Files that were opened before, by the paths that they were asked for by: each is read once.
#[derive(Default)]
pub struct Opened(RefCell<HashMap<Vec<u8>, Option<Object>>>);

impl Opened {
    pub fn get_or(&self, path: &[u8], open: impl FnOnce() -> Option<Object>) -> Option<Object> {
        if let Some(known) = self.0.borrow().get(path) {
            return known.clone();
        }
        let object = open();
        self.0.borrow_mut().insert(path.to_vec(), object.clone());
        object
    }
}

/// What one needed entry comes to.
#[derive(Clone, Debug)]
pub struct Lookup {
    pub found: Option<Object>,
    /// Further builds of the library for newer processors, in `glibc-hwcaps` folders that come before `found`.
    pub hwcaps: Vec<Object>,
    /// The folders looked in, in order.
    pub tried: Vec<Vec<u8>>,
    /// Whose run path led to `found`, by its place in the chain of those that asked. `None`: no run path did.
    pub led_by: Option<usize>,
}

/// How libraries are searched for.
pub struct Search<'a> {
    pub files: &'a dyn Files,
    /// The loader's own folders, last.
    pub default_folders: &'a [Vec<u8>],
    pub memo: &'a Memo,
}

/// What was found before, for searches in the same files with the same default folders: the processes of a bundle load the
/// same libraries again and again.
#[derive(Default)]
pub struct Memo(RefCell<HashMap<Asked, Arc<Lookup>>>);

/// Who asks, and for what.
type Asked = (Vec<u8>, Vec<u8>);

/// A process as ld.so would build it.
#[derive(Clone, Debug)]
pub struct Process {
    /// In load order; the program is the first.
    pub objects: Vec<Loaded>,
}

#[derive(Clone, Debug)]
pub struct Loaded {
    pub object: Object,
    /// The name it was first asked for by; empty for the program.
    pub name: Vec<u8>,
    /// Index of the object that asked first; `None` for the program.
    pub by: Option<usize>,
    /// One for each needed entry, in order.
    pub needs: Vec<Need>,
}

#[derive(Clone, Debug)]
pub struct Need {
    pub name: Vec<u8>,
    /// Index of the object that serves it.
    pub served_by: Option<usize>,
    /// What its own search says, whether or not the name was loaded already.
    pub lookup: Arc<Lookup>,
}

/// Whose loader it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Libc {
    Glibc,
    Musl,
}

impl Libc {
    /// Decided by the interpreter's name where one is known, else by what only musl's libraries ask for.
    fn of(chain: &[&Object]) -> Libc {
        Libc::of_files(chain.iter().map(|object| &*object.elf))
    }

    fn of_files<'e>(chain: impl Iterator<Item = &'e Elf> + Clone) -> Libc {
        let is_musl = match chain.clone().find_map(|elf| elf.interpreter.as_deref()) {
            Some(interpreter) => file_name(interpreter).starts_with(b"ld-musl-"),
            None => chain
                .flat_map(|elf| &elf.needed)
                .any(|name| name == b"libc.so" || name.starts_with(b"libc.musl-")),
        };
        if is_musl { Libc::Musl } else { Libc::Glibc }
    }
}

/// The absolute folders of one of a file's run paths, for a file in `origin`: by itself, whoever loads it.
pub fn folders(elf: &Elf, run_path: &[u8], origin: &[u8]) -> Vec<Vec<u8>> {
    dst::folders(run_path, origin, elf.abi.machine, Libc::of_files([elf].into_iter()))
}

impl Search<'_> {
    /// Looks for `name`, needed by `chain[0]`, which was loaded by `chain[1]`, and so on to the program.
    pub fn find(&self, name: &[u8], chain: &[&Object], abi: Abi) -> Lookup {
        let mut lookup = Lookup { found: None, hwcaps: Vec::new(), tried: Vec::new(), led_by: None };
        let libc = Libc::of(chain);
        if libc == Libc::Musl && is_musl_itself(name) {
            lookup.found = self.interpreter(chain, abi);
            if lookup.found.is_some() {
                return lookup;
            }
        }
        if name.contains(&b'/') {
            let path = match chain.first() {
                Some(asker) => dst::expand(name, origin(asker, chain), abi.machine, libc),
                None => Some(name.to_vec()),
            };
            lookup.found = path.and_then(|path| self.open(path, abi));
            return lookup;
        }
        let own = run_path_folders(chain, abi, libc);
        let no_default = chain.first().is_some_and(|asker| asker.elf.layout.has_flag_1(DF_1_NODEFLIB));
        let default =
            self.default_folders.iter().filter(|_| !no_default).map(|folder| (None, folder.clone()));
        let mut seen = HashSet::new();
        for (led_by, folder) in own.into_iter().map(|(by, folder)| (Some(by), folder)).chain(default) {
            // Looking twice in one folder finds no more (glibc keeps each folder once, too).
            if !seen.insert(folder.clone()) {
                continue;
            }
            if libc == Libc::Glibc {
                lookup.hwcaps.extend(self.hwcaps(&folder, name, abi));
            }
            lookup.found = self.open(join(&folder, name), abi);
            lookup.tried.push(folder);
            if lookup.found.is_some() {
                lookup.led_by = led_by;
                break;
            }
        }
        lookup
    }

    /// Loads `program` and all that it needs, breadth first; a name that is loaded already (as it was asked for, or by
    /// its soname) is not searched for again by ld.so.
    pub fn load(&self, program: Object) -> Process {
        let abi = program.elf.abi;
        let mut loading = Loading::new(self.interpreter(&[&program], abi), Libc::of(&[&program]));
        loading.add(program, Vec::new(), None);
        let mut next = 0;
        while next < loading.objects.len() {
            let names = loading.objects[next].object.elf.needed.clone();
            for name in names {
                let lookup = self.find_again(&name, &loading.chain(next), abi);
                let served_by = loading.serve(&name, &lookup, next);
                loading.objects[next].needs.push(Need { name, served_by, lookup });
            }
            next += 1;
        }
        Process { objects: loading.objects }
    }

    /// [`Search::find`], remembered for a library with DT_RUNPATH: whoever loads it, the outcome is the same.
    fn find_again(&self, name: &[u8], chain: &[&Object], abi: Abi) -> Arc<Lookup> {
        let is_same_for_all = chain.len() > 1 && Libc::of(chain) == Libc::Glibc;
        let Some(asker) = chain.first().filter(|asker| is_same_for_all && asker.elf.runpath.is_some()) else {
            return Arc::new(self.find(name, chain, abi));
        };
        let key = (asker.found_as.clone(), name.to_vec());
        if let Some(known) = self.memo.0.borrow().get(&key) {
            return known.clone();
        }
        let lookup = Arc::new(self.find(name, chain, abi));
        self.memo.0.borrow_mut().insert(key, lookup.clone());
        lookup
    }

    /// A candidate: what is of another ABI is passed over (dl-load.c, open_verify), as is what is no ELF file.
    fn open(&self, path: Vec<u8>, abi: Abi) -> Option<Object> {
        if !path.starts_with(b"/") {
            return None;
        }
        let mut object = self.files.open(&path).filter(|object| object.elf.abi == abi)?;
        object.found_as = path;
        Some(object)
    }

    /// The loader that the program names.
    fn interpreter(&self, chain: &[&Object], abi: Abi) -> Option<Object> {
        self.open(chain.last()?.elf.interpreter.clone()?, abi)
    }

    /// The builds of a library for newer processors below a folder, best first (ld.so(8), "glibc-hwcaps"; the older `haswell`
    /// and `tls` folders are gone since glibc 2.37).
    fn hwcaps(&self, folder: &[u8], name: &[u8], abi: Abi) -> Vec<Object> {
        let known: &[&[u8]] = match abi.machine {
            EM_X86_64 => &[b"x86-64-v4", b"x86-64-v3", b"x86-64-v2"],
            EM_PPC64 => &[b"power11", b"power10", b"power9"],
            EM_S390 => &[b"z17", b"z16", b"z15", b"z14", b"z13"],
            _ => return Vec::new(),
        };
        let folder = join(folder, b"glibc-hwcaps");
        let there = self.files.folders(&folder);
        let wanted = known.iter().filter(|sub| there.iter().any(|name| name == *sub));
        wanted.filter_map(|sub| self.open(join(&join(&folder, sub), name), abi)).collect()
    }
}

/// The folders that run paths lead to for what `chain[0]` needs, in order, each with whose run path it is.
fn run_path_folders(chain: &[&Object], abi: Abi, libc: Libc) -> Vec<(usize, Vec<u8>)> {
    let folders = |by: usize, path: &[u8]| {
        let folders = dst::folders(path, origin(chain[by], chain), abi.machine, libc);
        folders.into_iter().map(move |folder| (by, folder))
    };
    let Some(asker) = chain.first() else { return Vec::new() };
    let chained = chain.iter().enumerate();
    match libc {
        // musl makes no difference between the tags: an object's path serves all that it loads (dynlink.c, load_library).
        Libc::Musl => {
            chained.flat_map(|(by, object)| folders(by, object.elf.run_path().unwrap_or(b""))).collect()
        }
        // DT_RUNPATH serves none but its own object, and puts every DT_RPATH out of force for it; an object up the chain
        // with DT_RUNPATH has no DT_RPATH to hand down (dl-load.c, _dl_map_object; get-dynamic-info.h).
        Libc::Glibc => match &asker.elf.runpath {
            Some(runpath) => folders(0, runpath).collect(),
            None => chained
                .filter(|(_, object)| object.elf.runpath.is_none())
                .flat_map(|(by, object)| folders(by, object.elf.rpath.as_deref().unwrap_or(b"")))
                .collect(),
        },
    }
}

/// What `$ORIGIN` stands for in an object's strings. Of a program it is the folder that /proc/self/exe leads to, links
/// followed; of what is loaded, that of the path that was opened (dl-origin.c, dl-object.c).
fn origin<'a>(object: &'a Object, chain: &[&Object]) -> &'a [u8] {
    let is_program = object.elf.class == Class::Program
        && chain.last().is_some_and(|program| std::ptr::eq(*program, object));
    folder(if is_program { &object.path } else { &object.found_as })
}

/// The names that musl's loader takes for itself (dynlink.c, load_library: its libc is the loader).
fn is_musl_itself(name: &[u8]) -> bool {
    let Some(rest) = name.strip_prefix(b"lib") else { return name.starts_with(b"ld-musl-") };
    let stem = rest.split(|byte| *byte == b'.').next().unwrap_or_default();
    let reserved: [&[u8]; 7] = [b"c", b"pthread", b"rt", b"m", b"dl", b"util", b"xnet"];
    stem.len() < rest.len() && reserved.contains(&stem)
}

/// The folder of an absolute path; the root's is empty, so that a slash can follow.
fn folder(path: &[u8]) -> &[u8] {
    &path[..path.iter().rposition(|byte| *byte == b'/').unwrap_or(0)]
}

fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    let folder = if folder == b"/" { b"" } else { folder };
    [folder, b"/", name].concat()
}

/// The process so far.
struct Loading {
    objects: Vec<Loaded>,
    /// By each name that would not be searched for again.
    names: HashMap<Vec<u8>, usize>,
    /// By real path: ld.so knows a file again by its inode.
    paths: HashMap<Vec<u8>, usize>,
    /// The kernel has mapped it before anything is asked for, but it takes its place in the order when something is.
    interpreter: Option<Object>,
    libc: Libc,
}

impl Loading {
    fn new(interpreter: Option<Object>, libc: Libc) -> Self {
        Loading { objects: Vec::new(), names: HashMap::new(), paths: HashMap::new(), interpreter, libc }
    }

    fn add(&mut self, object: Object, name: Vec<u8>, by: Option<usize>) -> usize {
        let index = self.objects.len();
        self.paths.insert(object.path.clone(), index);
        self.names.entry(object.found_as.clone()).or_insert(index);
        if !name.is_empty() {
            self.names.entry(name.clone()).or_insert(index);
        }
        // musl knows files and the names they were asked for by; a soname means nothing to it.
        if let (Libc::Glibc, Some(soname)) = (self.libc, &object.elf.soname) {
            self.names.entry(soname.clone()).or_insert(index);
        }
        self.objects.push(Loaded { object, name, by, needs: Vec::new() });
        index
    }

    /// The object and those it was loaded for, up to the program.
    fn chain(&self, index: usize) -> Vec<&Object> {
        let up = std::iter::successors(Some(index), |index| self.objects[*index].by);
        up.map(|index| &self.objects[index].object).collect()
    }

    /// Which object serves `name`, asked for by the object `by`; loads it if it is new.
    fn serve(&mut self, name: &[u8], lookup: &Lookup, by: usize) -> Option<usize> {
        if let Some(index) = self.names.get(name) {
            return Some(*index);
        }
        let is_interpreter = |object: &&Object| {
            self.libc == Libc::Glibc
                && (object.elf.soname.as_deref() == Some(name)
                    || object.elf.soname.is_none() && object.found_as == name)
        };
        let object = self.interpreter.as_ref().filter(is_interpreter).or(lookup.found.as_ref())?.clone();
        let index = match self.paths.get(&object.path) {
            Some(index) => *index,
            None => self.add(object, name.to_vec(), Some(by)),
        };
        self.names.entry(name.to_vec()).or_insert(index);
        Some(index)
    }
}

#[cfg(test)]
mod tests;
