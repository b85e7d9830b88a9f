//! Bundles of one program, to be unpacked anywhere: bin/probe, and lib with the loader and the libraries of this system, or of a
//! cross compiler's.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use explant::elf::verify::verify;
use explant::elf::{Elf, Operation, RunPath, patched};
use explant::stub::{Root, Table, stub};
use tempfile::TempDir;

/// How a program is built, and where its loader and libraries are.
#[derive(Clone, Copy)]
pub struct Kit {
    pub compiler: &'static str,
    pub flags: &'static [&'static str],
    pub folder: &'static str,
    pub loader: &'static str,
    pub libraries: &'static [&'static str],
    /// Started by it, if it is another processor's.
    pub emulator: Option<&'static str>,
}

pub const PIE: Kit = Kit {
    compiler: "gcc",
    flags: &["-O1", "-g", "-fPIE", "-pie"],
    folder: "/lib/x86_64-linux-gnu",
    loader: "ld-linux-x86-64.so.2",
    libraries: &["libc.so.6"],
    emulator: None,
};
pub const FIXED: Kit = Kit { flags: &["-O1", "-g", "-fno-pie", "-no-pie"], ..PIE };
/// Segments that are not apart, tables for old loaders alone.
pub const LLD: Kit = Kit { compiler: "clang", flags: &["-O1", "-fuse-ld=lld", "-fPIE", "-pie"], ..PIE };
pub const MOLD: Kit = Kit { flags: &["-O1", "-fuse-ld=mold", "-fPIE", "-pie"], ..PIE };
pub const MUSL: Kit = Kit {
    compiler: "musl-gcc",
    flags: &["-O1"],
    folder: "/usr/lib/x86_64-linux-musl",
    loader: "libc.so",
    libraries: &[],
    ..PIE
};
pub const AARCH64: Kit = Kit {
    compiler: "aarch64-linux-gnu-gcc-12",
    folder: "/usr/aarch64-linux-gnu/lib",
    loader: "ld-linux-aarch64.so.1",
    emulator: Some("qemu-aarch64-static"),
    ..PIE
};
/// With room for its run path, as Nix's programs have it.
pub const AARCH64_NIX: Kit = Kit {
    flags: &["-O1", "-fPIE", "-pie", "-Wl,-rpath,/nix/store/00000000000000000000000000000000-probe-1.0/lib"],
    ..AARCH64
};
pub const AARCH64_FIXED: Kit = Kit { flags: &["-O1", "-fno-pie", "-no-pie"], ..AARCH64 };

/// A bundle in a folder of its own, which any user may enter.
pub struct Bundle {
    pub kit: Kit,
    /// Goes with it.
    _room: TempDir,
    pub root: PathBuf,
}

pub fn table(kit: &Kit) -> Table {
    let loader = format!("lib/{}", kit.loader).into_bytes();
    Table { root: Root::Above(1), loader, anchor: None, changes: Vec::new() }
}

/// The probe as the compiler makes it.
pub fn probe(kit: &Kit) -> Vec<u8> {
    let room = tempfile::tempdir().unwrap();
    let program = room.path().join("probe");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stub/probe.c");
    let output =
        Command::new(kit.compiler).args(kit.flags).arg("-o").arg(&program).arg(source).output().unwrap();
    assert!(output.status.success(), "{}: {output:?}", kit.compiler);
    fs::read(program).unwrap()
}

/// The program with its stub and a run path.
pub fn planted(bytes: &[u8], table: &Table) -> Vec<u8> {
    let elf = Elf::parse(bytes).unwrap().unwrap();
    let operation = Operation {
        run_path: Some(RunPath { folders: b"$ORIGIN/../lib".to_vec(), runpath: false }),
        stub: Some(stub(elf.abi, table).unwrap()),
        ..Operation::default()
    };
    let done = patched(bytes, &elf.operate(bytes, &operation).unwrap());
    assert_eq!(verify(bytes, &done, &operation), []);
    let again = Elf::parse(&done).unwrap().unwrap().operate(&done, &operation);
    assert_eq!(again, Ok(Vec::new()), "a second time there is nothing to do");
    done
}

impl Bundle {
    pub fn new(kit: Kit) -> Bundle {
        Bundle::with(kit, &table(&kit), "bundle")
    }

    /// In a folder of the given name.
    pub fn with(kit: Kit, table: &Table, name: &str) -> Bundle {
        let room = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir().unwrap();
        let root = room.path().join(name);
        fs::create_dir_all(root.join("bin")).unwrap();
        fs::create_dir_all(root.join("lib")).unwrap();
        for library in kit.libraries.iter().chain([&kit.loader]) {
            fs::copy(Path::new(kit.folder).join(library), root.join("lib").join(library)).unwrap();
        }
        fs::set_permissions(root.join("lib").join(kit.loader), fs::Permissions::from_mode(0o755)).unwrap();
        let bundle = Bundle { kit, _room: room, root };
        bundle.put("probe", &planted(&probe(&kit), table));
        bundle
    }

    /// Puts a program into bin.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.root.join("bin").join(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub fn program(&self) -> PathBuf {
        self.root.join("bin/probe")
    }

    pub fn loader(&self) -> PathBuf {
        self.root.join("lib").join(self.kit.loader)
    }

    pub fn command(&self, program: &Path) -> Command {
        match self.kit.emulator {
            Some(emulator) => {
                let mut command = Command::new(emulator);
                command.arg(program);
                command
            }
            None => Command::new(program),
        }
    }

    /// Starts the program with arguments; its lines.
    pub fn run(&self, arguments: &[&str]) -> Lines {
        lines(self.command(&self.program()).args(arguments))
    }
}

/// What the probe tells.
pub struct Lines {
    pub values: BTreeMap<String, String>,
    pub all: String,
}

impl std::ops::Index<&str> for Lines {
    type Output = str;

    /// The last line of a name; empty where there is none.
    fn index(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }
}

impl Lines {
    pub fn env(&self) -> Vec<&str> {
        self.all.lines().filter_map(|line| line.strip_prefix("env=")).collect()
    }
}

/// Runs a command that must do well.
pub fn lines(command: &mut Command) -> Lines {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    let all = String::from_utf8(output.stdout).unwrap();
    let value = |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    Lines { values: all.lines().filter_map(value).collect(), all }
}

/// Runs a command that must fail with the shell's status for what cannot be started; its message.
pub fn refused(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let message = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(127), "{command:?}: {message}");
    assert!(stdout.is_empty() && message.ends_with('\n'), "{message}");
    message
}
