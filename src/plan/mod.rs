//! The plan: what a bundle will hold and what is done to it, as data. Making it reads the store; after
//! that nothing here touches a disk. `explant plan` prints it, `explant build` carries it out.

mod anchors;
pub mod arch;
mod arrange;
mod bill;
mod bytecode;
mod carried;
mod changelog;
pub mod choose;
mod context;
mod copyright;
mod draft;
mod entries;
mod extras;
mod face;
mod flat;
mod graph;
mod gzip;
mod homes;
pub mod host;
mod licence_name;
mod licences;
mod main_program;
mod make;
mod named;
mod operations;
mod outside;
mod ownership;
mod projects;
mod public_text;
mod relations;
pub mod relocatable;
mod relocation;
mod relocator;
mod run_path;
mod scripts;
mod starters;
mod store_layout;
mod stubs;
mod survey;
pub mod system;
pub mod table;
mod why;
mod wrappers;

use std::path::PathBuf;
use std::sync::Arc;

use crate::bill::Bill;
use crate::config::{Format, Formats, Layout, Package};
use crate::elf::Patch;
use crate::path::InstallPath;

pub use anchors::NOWHERE;
pub use scripts::script_of;

pub use crate::finding::{Finding, Severity};
pub use arch::Architecture;
pub use main_program::MainProgram;
pub use make::{Request, make};
pub use projects::Project;
pub use why::{Step, Why};

/// Everything that `build` carries out.
#[derive(Debug)]
pub struct Plan {
    /// Name, version, relations, scripts: every default filled in.
    pub package: Package,
    pub architecture: Architecture,
    pub layout: Layout,
    pub prefix: InstallPath,
    /// The private library directory.
    pub lib_dir: InstallPath,
    /// The tarball is one folder, whose programs run from wherever it is.
    pub relocatable: bool,
    /// What a single file starts.
    pub program: MainProgram,
    /// The folder that the programs of a relocatable tarball open as [`crate::stub::ANCHOR`], if references lead through it.
    pub anchor: Option<InstallPath>,
    /// Seconds since 1970, for every entry and artifact (SOURCE_DATE_EPOCH, else 2000-01-01).
    pub mtime: u32,
    /// Sorted by path; no path twice in one format; every parent folder (but `/`) comes before what it holds.
    pub entries: Vec<Entry>,
    /// What `entries` holds at [`Bill::place`], its digests yet to come.
    pub bill: Option<Bill>,
    pub findings: Vec<Finding>,
    /// What is set up on the target besides.
    pub system: system::Systems,
    pub why: Why,
}

impl Plan {
    /// What is at a path; where formats differ, the packages'.
    pub fn entry(&self, path: &InstallPath) -> Option<&Entry> {
        self.entries.get(self.at(path).next()?)
    }

    /// The places in `entries` of all that is at a path: more than one where formats differ.
    pub fn at(&self, path: &InstallPath) -> std::ops::Range<usize> {
        let start = self.entries.partition_point(|entry| entry.path < *path);
        let len = self.entries[start..].iter().take_while(|entry| entry.path == *path).count();
        start..start + len
    }
}

/// One file, folder or link of the payload.
#[derive(Clone, Debug)]
pub struct Entry {
    pub path: InstallPath,
    pub kind: Kind,
    /// Permission bits, setuid and the like included: `mode & !0o7777 == 0`. Links are 0777.
    pub mode: u32,
    pub owner: String,
    pub group: String,
    /// File capabilities in cap_from_text(3) form, such as `cap_net_raw+ep`.
    pub caps: Option<String>,
    pub role: Role,
    /// Where it comes from, for people: `jq-1.7.1/bin/jq`. Empty for what explant made.
    pub origin: String,
    pub special: Special,
}

/// A SHA-256.
pub type Sha256Digest = [u8; 32];

/// What few entries have; the default is what all others are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Special {
    /// The artifacts that it is in. Two entries of one path are never in the same.
    pub formats: Formats,
    /// In seconds since 1970; else the plan's.
    pub mtime: Option<u32>,
    /// The language that it is for, as rpm's `%lang` has it.
    pub lang: Option<String>,
    /// A folder that is there, and not the package's: an .rpm does not list it.
    pub disowned: bool,
    /// Of a file's final bytes, once the bill of materials has wanted to know it.
    pub digest: Option<Sha256Digest>,
}

impl Entry {
    pub fn is_in(&self, format: Format) -> bool {
        self.special.formats.has(format)
    }
}

#[derive(Clone, Debug)]
pub enum Kind {
    Folder,
    /// A symbolic link; the target's bytes as they will be installed.
    Link {
        target: Vec<u8>,
    },
    File {
        source: Source,
        /// In bytes, after the edits.
        size: u64,
        /// By how many bytes the edits make it longer than its source.
        grown: u64,
        /// What is done to the bytes: sorted by offset, apart from each other. One may lie behind the source's end; between the
        /// two are NULs.
        patches: Vec<Patch>,
        /// The same for people.
        surgery: Vec<Surgery>,
    },
    /// Owned by the package but not in it; .rpm only.
    Ghost,
}

/// Where a file's bytes are.
#[derive(Clone, Debug)]
pub enum Source {
    /// A file of the store, as the disk has it (below `--store ROOT`). Never changes, so it is mapped.
    Store(PathBuf),
    /// A file of the user's (`[[contents]]`), which may change under us, so it is read.
    User(PathBuf),
    /// Made by explant.
    Made(Arc<[u8]>),
}

/// What a file is to the package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Program,
    Library,
    Loader,
    /// A configuration file that upgrades keep if the user changed it (deb conffile, rpm %config).
    Config {
        noreplace: bool,
        missingok: bool,
    },
    Doc,
    License,
    Readme,
    Data,
    Folder,
    Link,
}

/// One edit, told to a person.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Surgery {
    Interpreter(String),
    /// The new run path, and whether its tag is DT_RUNPATH rather than DT_RPATH.
    RunPath {
        to: String,
        runpath: bool,
    },
    /// It is left to the run paths of the programs that load it.
    NoRunPath,
    Needed {
        from: String,
        to: String,
    },
    /// So many store references, each rewritten at the same length.
    References(usize),
    /// The same, in a tarball that runs from any folder: they lead through a descriptor.
    Anchored(usize),
    /// So many store references in members of a packed file, which was packed again.
    Members(usize),
    /// So many paths, each now the public one.
    Public(usize),
    /// References to what the target has, which now lead there.
    Host(String),
    /// The loader's compiled-in folders now lead to the private library directory.
    LoaderFolders,
    /// It begins in a stub: which finds its loader from any folder, and which sets up its environment.
    Stub {
        anywhere: bool,
        environment: bool,
    },
    /// It is a program of explant's that starts another one of the bundle in its place.
    Starts(String),
    /// A .pyc header was brought in step with its source's new time or content.
    PycHeader,
}
