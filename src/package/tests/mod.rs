//! What the writers make, read by dpkg, rpm, tar and the `rpm` crate.

mod deb;
mod drafts;
mod fields;
mod rpm;
mod run;
mod signed;
mod system;
mod tarball;
mod together;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use super::{Draft, Format, Order, clear_leftovers};
use crate::config::{Compression, Layout, Package};
use crate::error::Result;
use crate::path::InstallPath;
use crate::plan::{Architecture, Entry, Kind, Plan, Role, Source, Special, Why};
use crate::sign::Signers;
use crate::store::Store;

const ZSTD: Compression = Compression::Zstd(3);
const CODECS: [Compression; 4] = [ZSTD, Compression::Xz(1), Compression::Gzip(6), Compression::None];

/// 2001-09-09.
const MTIME: u32 = 1_000_000_000;

fn entry(path: impl AsRef<[u8]>, kind: Kind, mode: u32, role: Role) -> Entry {
    Entry {
        path: InstallPath::new(path).unwrap(),
        kind,
        mode,
        owner: "root".into(),
        group: "root".into(),
        caps: None,
        role,
        origin: String::new(),
        special: Special::default(),
    }
}

pub(super) fn file(path: impl AsRef<[u8]>, content: impl Into<Vec<u8>>) -> Entry {
    let content: Arc<[u8]> = content.into().into();
    let size = content.len() as u64;
    let kind = Kind::File {
        source: Source::Made(content),
        size,
        grown: 0,
        patches: Vec::new(),
        surgery: Vec::new(),
    };
    entry(path, kind, 0o644, Role::Data)
}

fn program(path: impl AsRef<[u8]>, mode: u32) -> Entry {
    Entry { mode, role: Role::Program, ..file(path, "#!/bin/sh\n") }
}

fn link(path: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Entry {
    entry(path, Kind::Link { target: target.as_ref().to_vec() }, 0o777, Role::Link)
}

fn config(path: &str) -> Entry {
    Entry { role: Role::Config { noreplace: true, missingok: false }, ..file(path, "answer=42\n") }
}

/// The entries and all their folders, as a plan has them.
fn with_folders(mut entries: Vec<Entry>) -> Vec<Entry> {
    let mut folders: Vec<InstallPath> = Vec::new();
    for entry in &entries {
        folders.extend(entry.path.ancestors().skip(1));
    }
    folders.retain(|folder| !folder.is_root() && !entries.iter().any(|entry| entry.path == *folder));
    entries.extend(folders.iter().map(|path| entry(path.as_bytes(), Kind::Folder, 0o755, Role::Folder)));
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    entries.dedup_by(|a, b| a.path == b.path);
    entries
}

fn plan(entries: Vec<Entry>) -> Plan {
    let text = str::to_owned;
    Plan {
        package: Package {
            name: text("Acme_Tool"),
            version: text("1.2-rc3"),
            summary: text("An example"),
            description: text("It does things.\n\n.hidden is what this line begins with.\n"),
            license: text("MIT"),
            homepage: text("https://example.org"),
            maintainer: text("Jane Doe <jane@example.org>"),
            section: text("utils"),
            priority: text("optional"),
            ..Package::default()
        },
        architecture: Architecture::X86_64,
        layout: Layout::Flat,
        prefix: InstallPath::new("/usr").unwrap(),
        lib_dir: InstallPath::new("/usr/lib/acme-tool").unwrap(),
        relocatable: false,
        program: Default::default(),
        anchor: None,
        mtime: MTIME,
        entries: with_folders(entries),
        bill: None,
        findings: Vec::new(),
        system: Default::default(),
        why: Why::new(&Store::new("/"), Default::default()),
    }
}

fn write(order: &Order) -> Result<Vec<Draft>> {
    super::write(order, &|_| Ok(())).map(|(drafts, _)| drafts)
}

/// Bytes that neither repeat nor compress well, the same each time.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8 & 0x3f
    })
    .take(length)
    .collect()
}

/// A name of so many bytes, below lib_dir.
fn long_name(length: usize) -> Vec<u8> {
    let mut name = b"/usr/lib/acme-tool/".to_vec();
    name.resize(length, b'n');
    name
}

/// A bit of everything that every format can say.
fn everything() -> Plan {
    let mut entries = vec![
        program("/usr/bin/acme", 0o755),
        program("/usr/bin/acme-su", 0o4755),
        program("/usr/bin/a b 'c' \\d", 0o755),
        link("/usr/bin/acme-link", "acme"),
        link("/usr/bin/acme-far", [b"../lib/acme-tool/".as_slice(), &[b'f'; 180]].concat()),
        file("/usr/lib/acme-tool/libbig.so.1", noise(256 << 10).repeat(120)),
        file("/usr/lib/acme-tool/empty", ""),
        file("/usr/lib/acme-tool/gr\u{fc}\u{df}e", "UTF-8\n"),
        file(b"/usr/lib/acme-tool/latin-\xfc", "not UTF-8\n"),
        file("/usr/lib/acme-tool.d/sorts-elsewhere", "x"),
        Entry { mode: 0o600, ..file("/usr/lib/acme-tool/secret", "s") },
        Entry { role: Role::License, ..file("/usr/share/doc/acme-tool/copyright", "MIT\n") },
        config("/etc/acme/acme.conf"),
    ];
    // Around the 100 bytes of tar's name field, which holds "./" too and in which 100 fill it to the last byte.
    entries.extend([97, 98, 99, 100, 101, 102, 246].map(|length| file(long_name(length), "long\n")));
    plan(entries)
}

/// The drafts of an order, in a folder of their own, published.
struct Written {
    /// Removes the files in the end.
    _folder: tempfile::TempDir,
    files: Vec<PathBuf>,
}

impl Written {
    fn path(&self, extension: &str) -> &Path {
        self.files.iter().find(|path| path.to_str().unwrap().contains(extension)).unwrap()
    }
}

fn build(plan: &Plan, formats: &[(Format, Compression)]) -> Written {
    build_with(plan, formats, 2)
}

fn build_with(plan: &Plan, formats: &[(Format, Compression)], threads: usize) -> Written {
    let folder = tempfile::tempdir().unwrap();
    let drafts = write_to(plan, formats, threads, folder.path()).unwrap();
    let files = drafts.into_iter().map(|draft| draft.publish().unwrap()).collect();
    Written { _folder: folder, files }
}

fn write_to(
    plan: &Plan,
    formats: &[(Format, Compression)],
    threads: usize,
    folder: &Path,
) -> Result<Vec<Draft>> {
    write(&Order {
        plan,
        formats: formats.to_vec(),
        folder,
        threads,
        memory: 1 << 30,
        signers: &Signers::default(),
        progress: &|_| {},
    })
}

fn output<S: AsRef<OsStr>>(program: &str, arguments: &[S]) -> Output {
    Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .output()
        .unwrap_or_else(|cause| panic!("cannot run {program}: {cause}"))
}

/// Runs a tool that must succeed; its standard output.
fn run<S: AsRef<OsStr>>(program: &str, arguments: &[S]) -> Vec<u8> {
    let out = output(program, arguments);
    let arguments: Vec<_> = arguments.iter().map(|a| a.as_ref().to_owned()).collect();
    assert!(out.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    out.stdout
}

fn run_text<S: AsRef<OsStr>>(program: &str, arguments: &[S]) -> String {
    String::from_utf8(run(program, arguments)).unwrap()
}

/// The whole tree below a folder has the plan's files, links, modes, owners and times.
fn assert_installed(plan: &Plan, root: &Path) {
    use std::os::unix::fs::MetadataExt;
    for entry in &plan.entries {
        let path = root.join(OsStr::from_bytes(entry.path.relative()));
        let is = path.symlink_metadata().unwrap_or_else(|cause| panic!("{}: {cause}", entry.path));
        match &entry.kind {
            Kind::Folder => assert!(is.is_dir(), "{}", entry.path),
            Kind::Link { target } => {
                assert_eq!(
                    std::fs::read_link(&path).unwrap().as_os_str().as_bytes(),
                    target,
                    "{}",
                    entry.path
                );
            }
            Kind::File { source: Source::Made(bytes), .. } => {
                assert!(std::fs::read(&path).unwrap() == **bytes, "{}", entry.path);
            }
            other => panic!("{other:?}"),
        }
        if !is.is_symlink() {
            assert_eq!(is.mode() & 0o7777, entry.mode, "{}", entry.path);
        }
        assert_eq!((is.uid(), is.gid()), (0, 0), "{}", entry.path);
        if !is.is_dir() {
            assert_eq!(is.mtime(), i64::from(MTIME), "{}", entry.path);
        }
    }
}
