//! Whether every program of an artifact can be loaded from what the artifact holds, by ld.so's own rules.

use std::collections::{BTreeMap, HashMap, HashSet};

use globset::GlobSet;

use super::tree::{Content, FileNode, Node, Sorted, Tree};
use super::{Report, abi, carried_root, is_in_program_folder};
use crate::config::glibc_set::is_glibc_set;
use crate::elf::ldso::{Memo, Need, Object, Process, Search};
use crate::elf::{Abi, Class, Elf};
use crate::finding::Finding;
use crate::path::{InstallPath, file_name, printable};

/// Checks every ELF file that the loader is asked for: what a public program lacks is a failure, what others lack a
/// finding.
pub(super) fn check(
    tree: &Tree,
    members: &[Sorted],
    named: &HashSet<InstallPath>,
    baseline: Option<&GlobSet>,
    report: &mut Report,
) {
    let mut loading = Loading { tree, baseline, seen: Seen::default(), lacks: Lacks::default() };
    let programs = programs(tree, members, named);
    let main = main_abi(&programs);
    for program in &programs {
        loading.program(program, program.public && Some(program.object.elf.abi) == main, report);
    }
    loading.libraries(&programs, members);
    loading.lacks.tell(report);
}

/// A program that has an interpreter.
struct Program {
    object: Object,
    /// A user can start it by name.
    public: bool,
}

/// The loader that a program will be given to.
#[derive(Clone)]
enum Loader {
    /// One in the artifact, and the folders that it looks in last.
    Bundled { folders: Vec<Vec<u8>> },
    /// The target's own glibc.
    Host,
    /// None that the artifact knows of.
    Absent,
}

/// A needed entry that nothing in the artifact serves: the file whose it is, and its soname.
type Entry = (Vec<u8>, Vec<u8>);

/// What the processes that were built so far hold.
#[derive(Default)]
struct Seen {
    /// The files that are loaded.
    loaded: HashSet<Vec<u8>>,
    /// By the names that they answer to.
    names: HashSet<(Abi, Vec<u8>)>,
    /// The needed entries that are served.
    served: HashSet<Entry>,
    /// The first program's loader of each ABI.
    loaders: HashMap<Abi, Loader>,
}

/// What is lacking.
#[derive(Default)]
struct Lacks {
    /// For public programs: where it was looked for, and the programs that need it.
    failures: BTreeMap<Entry, (Vec<Vec<u8>>, Vec<String>)>,
    /// For other programs and libraries: where it was looked for.
    others: BTreeMap<Entry, Vec<Vec<u8>>>,
    /// For libraries: what is in the artifact, but in no folder that they look in.
    elsewhere: Vec<Entry>,
    /// Other programs whose interpreter is not there.
    interpreters: Vec<String>,
}

fn programs(tree: &Tree, members: &[Sorted], named: &HashSet<InstallPath>) -> Vec<Program> {
    let launched = |path: &InstallPath| match tree.get(path)? {
        Node::File(FileNode { content: Content::Elf { launches: Some(table), .. }, .. }) => {
            tree.resolve(&table.loader_from(path.as_bytes())?).ok()
        }
        _ => None,
    };
    let started: HashSet<InstallPath> = named.iter().filter_map(launched).collect();
    // What a program of the bundle's own starts in its libexec counts as much as the program.
    let own: HashSet<InstallPath> = named.iter().filter_map(carried_root).collect();
    let is_own = |path: &InstallPath| {
        is_in_program_folder(path) && carried_root(path).is_some_and(|root| own.contains(&root))
    };
    let of_member = |(path, node): &Sorted| match node {
        Node::File(FileNode { content: Content::Elf { elf, .. }, .. }) if elf.class == Class::Program => {
            let bytes = path.as_bytes().to_vec();
            let object = Object { path: bytes.clone(), found_as: bytes, elf: elf.clone() };
            let public = named.contains(*path) || started.contains(path) || is_own(path);
            Some(Program { object, public })
        }
        _ => None,
    };
    members.iter().filter_map(of_member).collect()
}

fn libraries(members: &[Sorted]) -> Vec<Object> {
    let of_member = |(path, node): &Sorted| match node {
        Node::File(FileNode { content: Content::Elf { elf, .. }, .. }) if elf.class == Class::Library => {
            let path = path.as_bytes().to_vec();
            Some(Object { path: path.clone(), found_as: path, elf: elf.clone() })
        }
        _ => None,
    };
    members.iter().filter_map(of_member).collect()
}

/// What a library is known by once it is loaded, or found by.
fn names(library: &Object) -> impl Iterator<Item = (Abi, Vec<u8>)> {
    let abi = library.elf.abi;
    let soname = library.elf.soname.clone();
    soname.into_iter().chain([file_name(&library.path).to_vec()]).map(move |name| (abi, name))
}

/// What most of the public programs are built for.
fn main_abi(programs: &[Program]) -> Option<Abi> {
    let mut counts = BTreeMap::<Abi, usize>::new();
    for program in programs.iter().filter(|program| program.public) {
        *counts.entry(program.object.elf.abi).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(abi, _)| abi)
}

struct Loading<'a> {
    tree: &'a Tree,
    baseline: Option<&'a GlobSet>,
    seen: Seen,
    lacks: Lacks,
}

impl Loading<'_> {
    fn program(&mut self, program: &Program, must: bool, report: &mut Report) {
        let elf = &program.object.elf;
        let name = printable(&program.object.path);
        let loader = self.loader(elf).unwrap_or_else(|reason| {
            let lack = format!("{name}: its interpreter {reason}");
            if must {
                report.failures.push(lack)
            } else {
                self.lacks.interpreters.push(lack)
            }
            Loader::Absent
        });
        let process = self.load(program.object.clone(), &loader);
        if must && matches!(loader, Loader::Host) {
            report.failures.extend(mixed_glibc(&process));
        }
        for (entry, tried) in self.unserved(&process, &loader) {
            if must {
                let (_, programs) = self.lacks.failures.entry(entry).or_insert((tried, Vec::new()));
                programs.push(name.clone());
            } else {
                self.lacks.others.insert(entry, tried);
            }
        }
        if !matches!(loader, Loader::Absent) {
            self.seen.loaders.entry(elf.abi).or_insert(loader);
        }
    }

    /// The libraries that no program loads: plugins. What loads them is not known, so that what any program has loaded,
    /// or would find for them, serves them too.
    fn libraries(&mut self, programs: &[Program], members: &[Sorted]) {
        let mut libraries = libraries(members);
        let names: HashSet<(Abi, Vec<u8>)> = libraries.iter().flat_map(names).collect();
        libraries.retain(|library| !self.seen.loaded.contains(&library.path));
        let hosts = distinct_by_run_path(programs);
        let mut lacks = BTreeMap::new();
        for library in libraries {
            let loader = self.seen.loaders.get(&library.elf.abi).cloned().unwrap_or(Loader::Host);
            let process = self.load(library.clone(), &loader);
            for (entry, tried) in self.unserved(&process, &loader) {
                if !self.inherits(&library, &entry.1, &hosts, &loader) {
                    lacks.insert(entry, (library.elf.abi, tried));
                }
            }
        }
        // A library of a plugin's may find by the plugin's run path what it does not find alone.
        lacks.retain(|entry, _| !self.seen.served.contains(entry));
        for (entry, (abi, tried)) in lacks {
            if names.contains(&(abi, entry.1.clone())) {
                self.lacks.elsewhere.push(entry);
            } else {
                self.lacks.others.insert(entry, tried);
            }
        }
    }

    /// Whether the library finds `name` by the run path of a program that loads it.
    fn inherits(&self, library: &Object, name: &[u8], hosts: &[&Object], loader: &Loader) -> bool {
        let abi = library.elf.abi;
        let folders = self.default_folders(loader, abi);
        let search = Search { files: self.tree, default_folders: &folders, memo: &Memo::default() };
        self.seen.names.contains(&(abi, name.to_vec()))
            || hosts
                .iter()
                .filter(|host| host.elf.abi == abi)
                .any(|host| search.find(name, &[library, host], abi).found.is_some())
    }

    /// The loader that the kernel will find for a program; why there is none.
    fn loader(&self, elf: &Elf) -> Result<Loader, String> {
        let Some(interpreter) = &elf.interpreter else { return Err("is not named".into()) };
        let name = printable(interpreter);
        let Ok(path) = self.tree.resolve(interpreter) else {
            if abi::is_own_loader(elf.abi, interpreter) {
                return Ok(Loader::Host);
            }
            return Err(format!("{name} is not in the artifact"));
        };
        if let Some(why) = self.tree.why_not_run(&path, elf.abi) {
            return Err(format!("{name} {why}"));
        }
        match self.tree.get(&path) {
            Some(Node::File(FileNode { content: Content::Elf { loader_folders, .. }, .. })) => {
                Ok(Loader::Bundled { folders: self.folders_of(interpreter, &path, loader_folders) })
            }
            _ => Err(format!("{name} is no ELF file")),
        }
    }

    /// The folders that a loader of the artifact's looks in last.
    fn folders_of(&self, interpreter: &[u8], path: &InstallPath, built_in: &[Vec<u8>]) -> Vec<Vec<u8>> {
        if file_name(interpreter).starts_with(b"ld-musl-") {
            return abi::musl_folders();
        }
        if built_in.is_empty() {
            // What cannot be read is taken to be as Nix builds it: with its own folder alone.
            return path.parent().map(|folder| folder.as_bytes().to_vec()).into_iter().collect();
        }
        built_in.to_vec()
    }

    fn default_folders(&self, loader: &Loader, abi: Abi) -> Vec<Vec<u8>> {
        match loader {
            Loader::Bundled { folders } => folders.clone(),
            Loader::Host => abi::host_folders(abi),
            Loader::Absent => Vec::new(),
        }
    }

    /// Builds the process, and remembers what is in it.
    fn load(&mut self, program: Object, loader: &Loader) -> Process {
        let abi = program.elf.abi;
        let folders = self.default_folders(loader, abi);
        let process =
            Search { files: self.tree, default_folders: &folders, memo: &Memo::default() }.load(program);
        for loaded in &process.objects {
            let object = &loaded.object;
            if self.seen.loaded.insert(object.path.clone()) {
                self.seen.names.extend(object.elf.soname.iter().map(|soname| (abi, soname.clone())));
            }
            self.seen.names.insert((abi, loaded.name.clone()));
            let served = loaded.needs.iter().filter(|need| need.served_by.is_some());
            self.seen.served.extend(served.map(|need| (object.path.clone(), need.name.clone())));
        }
        process
    }

    /// The needed entries of a process that neither the artifact nor the target serves.
    fn unserved(&self, process: &Process, loader: &Loader) -> Vec<(Entry, Vec<Vec<u8>>)> {
        let abi = process.objects.first().map(|program| program.object.elf.abi);
        let defaults = abi.map(|abi| self.default_folders(loader, abi)).unwrap_or_default();
        process
            .objects
            .iter()
            .flat_map(|loaded| loaded.needs.iter().map(move |need| (loaded, need)))
            .filter(|(_, need)| need.served_by.is_none())
            .filter(|(_, need)| !self.is_given(need, loader, &defaults))
            .map(|(loaded, need)| {
                ((loaded.object.path.clone(), need.name.clone()), need.lookup.tried.clone())
            })
            .collect()
    }

    /// Whether the target gives what is needed.
    fn is_given(&self, need: &Need, loader: &Loader, defaults: &[Vec<u8>]) -> bool {
        let name = file_name(&need.name);
        if is_glibc_set(name) {
            // One organ: the target's never serves a bundled loader, nor the reverse.
            return match loader {
                Loader::Bundled { .. } => false,
                Loader::Host => true,
                // That the loader is missing has been said.
                Loader::Absent => name.starts_with(b"ld"),
            };
        }
        match self.baseline {
            Some(globs) => globs.is_match(printable(name)),
            None => {
                let tried = need.lookup.tried.strip_suffix(defaults).unwrap_or(&need.lookup.tried);
                tried.iter().any(|folder| abi::is_system_folder(folder))
            }
        }
    }
}

/// What is wrong where a process on the target's glibc would load parts of one in the artifact.
fn mixed_glibc(process: &Process) -> Option<String> {
    let (program, loaded) = process.objects.split_first()?;
    let parts: Vec<_> = loaded
        .iter()
        .filter(|loaded| is_glibc_set(file_name(&loaded.name)))
        .map(|loaded| printable(&loaded.object.path))
        .collect();
    (!parts.is_empty()).then(|| {
        format!(
            "{} runs on the target's glibc, as its interpreter says, but would load {}: a glibc's parts only work together",
            printable(&program.object.path),
            parts.join(", ")
        )
    })
}

/// One program for each run path that libraries can inherit.
fn distinct_by_run_path(programs: &[Program]) -> Vec<&Object> {
    let mut seen = HashSet::new();
    programs
        .iter()
        .map(|program| &program.object)
        .filter(|program| program.elf.runpath.is_none() && program.elf.rpath.is_some())
        .filter(|program| {
            let folder = InstallPath::new(&program.path).and_then(|path| path.parent());
            seen.insert((folder, program.elf.abi, &program.elf.rpath))
        })
        .collect()
}

impl Lacks {
    fn tell(self, report: &mut Report) {
        for ((file, soname), (tried, programs)) in self.failures {
            let (file, soname) = (printable(&file), printable(&soname));
            let program = programs.first().map(String::as_str).unwrap_or_default();
            let through = if program == file { String::new() } else { format!(", loaded by {program},") };
            let more = match programs.len() {
                0 | 1 => String::new(),
                count => format!(" ({} more programs lack it too)", count - 1),
            };
            report.failures.push(format!(
                "{file}{through} needs {soname}, which is not in the artifact{}{more}",
                looked_in(&tried)
            ));
        }
        if !self.interpreters.is_empty() {
            let mut finding =
                Finding::warning("missing-interpreter", "programs outside bin cannot be started");
            finding.subjects = self.interpreters;
            report.findings.push(finding);
        }
        if !self.others.is_empty() {
            let mut finding = Finding::warning(
                "missing-library",
                "plugins or programs outside bin need what is not in the artifact",
            )
            .remedy(
                "if they are wanted, name the libraries in runtime.add or runtime.baseline of bundle.toml",
            );
            finding.subjects = self
                .others
                .iter()
                .map(|((file, soname), tried)| {
                    format!("{} needs {}{}", printable(file), printable(soname), looked_in(tried))
                })
                .collect();
            report.findings.push(finding);
        }
        if !self.elsewhere.is_empty() {
            let mut finding = Finding::note(
                "library-elsewhere",
                "plugins need libraries of the artifact that no run path leads them to: who loads them must load those first",
            );
            finding.subjects = self
                .elsewhere
                .iter()
                .map(|(file, soname)| format!("{} needs {}", printable(file), printable(soname)))
                .collect();
            report.findings.push(finding);
        }
    }
}

fn looked_in(tried: &[Vec<u8>]) -> String {
    if tried.is_empty() {
        return "; it has no folder to look in".into();
    }
    let folders: Vec<_> = tried.iter().map(|folder| printable(folder)).collect();
    format!("; looked in {}", folders.join(", "))
}
