//! Input that is wrong, broken or meant to harm: a clear message that names the thing, the right exit status, and nothing
//! half-written.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::harness::{Case, artifact, entries, explant, output, scratch_folder, succeeds, told};

const HASH: &str = "0123456789abcdfghijklmnpqrsvwxyz";

/// A store of our own (for `--store`), with one store path, `odd-1.0`, that a test fills.
struct Store {
    root: TempDir,
}

impl Store {
    fn new() -> Store {
        // Not in the cache: another user must be able to read it.
        let root = tempfile::tempdir().unwrap();
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let store = Store { root };
        fs::create_dir_all(store.result().join("bin")).unwrap();
        fs::create_dir(store.out()).unwrap();
        store
    }

    /// The store path as references name it.
    fn name(&self) -> PathBuf {
        PathBuf::from(format!("/nix/store/{HASH}-odd-1.0"))
    }

    fn on_disk(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.path().join(path.as_ref().strip_prefix("/").unwrap())
    }

    fn result(&self) -> PathBuf {
        self.on_disk(self.name())
    }

    fn out(&self) -> PathBuf {
        self.root.path().join("out")
    }

    fn write(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        let file = self.result().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, bytes).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Copies a case's closure in, and gives its result.
    fn with(&self, case: &Case) -> PathBuf {
        let parent = self.on_disk("/nix/store");
        succeeds(Command::new("cp").arg("-a").args(case.closure()).arg(&parent));
        succeeds(Command::new("chmod").args(["-R", "u+w"]).arg(&parent));
        case.result()
    }

    fn build(&self, result: &Path, bundle_toml: &str) -> Command {
        let config = self.root.path().join("bundle.toml");
        fs::write(&config, bundle_toml).unwrap();
        let mut command = explant();
        command.arg("build").arg(result).arg("--store").arg(self.root.path()).arg("-c").arg(config);
        command.arg("-o").arg(self.out());
        command
    }

    /// Nothing has an artifact's name, and nothing else is left.
    fn is_clean(&self) {
        assert_eq!(entries(&self.out()), Vec::<PathBuf>::new());
    }
}

/// A failure of this status whose message has all of these in it.
fn refused(done: &Output, status: i32, named: &[&str]) {
    let message = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(status), "{}", told(done));
    for name in named {
        assert!(message.contains(name), "{name} is not named: {}", told(done));
    }
    assert!(!message.contains("panicked"), "{message}");
}

/// What is done to a fresh store, the result that is then asked for and its bundle.toml; status; what the message names.
type Row = (&'static str, fn(&Store) -> (PathBuf, String), i32, &'static [&'static str]);

const TABLE: &[Row] = &[
    ("no result", |_| ("/nix/store/nothing-here".into(), String::new()), 1, &["nothing-here"]),
    ("a file that is no store path", |_| ("/etc/passwd".into(), String::new()), 1, &["/etc/passwd"]),
    (
        "an unknown key",
        |store| (store.name(), "[install]\nlayuot = \"flat\"\n".into()),
        2,
        &["layuot", "layout", "bundle.toml"],
    ),
    ("bundle.toml is no TOML", |store| (store.name(), "[install\n".into()), 2, &["bundle.toml"]),
    ("a program cut short", truncated, 1, &["bin/hello"]),
    ("half a glibc in the baseline", half_a_glibc, 2, &["libm.so.6", "glibc"]),
    ("a missing library", without_library, 1, &["libgreet.so.1", "bin/good-day"]),
    ("a cycle of links", cycle, 1, &["bin/round"]),
];

fn truncated(store: &Store) -> (PathBuf, String) {
    let program = fs::read(Case::named("hello-c").result().join("bin/hello")).unwrap();
    store.write("bin/hello", &program[..program.len() / 2]);
    (store.name(), String::new())
}

fn half_a_glibc(store: &Store) -> (PathBuf, String) {
    (store.with(&Case::named("hello-c")), "[runtime]\nbaseline = [\"libm.so.6\"]\n".into())
}

fn without_library(store: &Store) -> (PathBuf, String) {
    let result = store.with(&Case::named("hello-c"));
    for path in entries(&store.on_disk("/nix/store")) {
        let library = path.join("lib/libgreet.so.1");
        if library.exists() {
            fs::remove_file(library).unwrap();
        }
    }
    (result, String::new())
}

fn cycle(store: &Store) -> (PathBuf, String) {
    symlink(store.name().join("bin/about"), store.result().join("bin/round")).unwrap();
    symlink(store.name().join("bin/round"), store.result().join("bin/about")).unwrap();
    (store.name(), String::new())
}

#[test]
fn wrong_input_is_refused_by_name() {
    for (what, make, status, named) in TABLE {
        let store = Store::new();
        let (result, config) = make(&store);
        let done = output(&mut store.build(&result, &config), "");
        println!("{what}: {}", told(&done));
        refused(&done, *status, named);
        store.is_clean();
    }
}

/// A link that leaves the store is the target's business, or a finding; never a copy of what this machine has there.
#[test]
fn a_link_that_leaves_the_store_brings_nothing_along() {
    let store = Store::new();
    let secret = store.root.path().join("secret");
    fs::write(&secret, "not to be shipped").unwrap();
    symlink(&secret, store.result().join("bin/outside")).unwrap();
    store.write("bin/inside", "#!/bin/sh\n");
    let done = output(&mut store.build(&store.name(), "[deb]\ncompression = \"none\"\n"), "");
    assert!(String::from_utf8_lossy(&done.stderr).contains("bin/outside"), "{}", told(&done));
    for artifact in entries(&store.out()) {
        let unpacked = scratch_folder();
        if artifact.extension() == Some(OsStr::new("deb")) {
            succeeds(Command::new("dpkg-deb").arg("-x").arg(&artifact).arg(unpacked.path()));
            let found =
                output(Command::new("grep").args(["-r", "not to be shipped"]).arg(unpacked.path()), "");
            assert_eq!(found.status.code(), Some(1), "{}", told(&found));
        }
    }
}

/// Names that a shell, a line-based list or a Unicode string would break.
const NAMES: [&[u8]; 4] = [b"a space", b"no\xffutf-8", b"-rf *", b"a\nline"];

#[test]
fn names_are_bytes() {
    let store = Store::new();
    let unpacks_whole = |part: &str, tool: &str, names: &[&[u8]]| {
        let artifact = artifact(&store.out(), part);
        let unpacked = scratch_folder();
        succeeds(Command::new("sh").args(["-euc", tool, "sh"]).arg(artifact).current_dir(unpacked.path()));
        for name in names {
            assert!(has_file(unpacked.path(), name), "{} is not in the {part}", name.escape_ascii());
        }
    };
    store.write("bin/odd", "#!/bin/sh\n");
    let put = |names: &[&[u8]]| {
        for name in names {
            store.write(Path::new("share/odd").join(OsStr::from_bytes(name)), name);
        }
    };
    put(&NAMES[..3]);
    succeeds(&mut store.build(&store.name(), ""));
    unpacks_whole(".deb", "dpkg-deb -x \"$1\" .", &NAMES[..3]);

    // dpkg's own lists have a name on each line.
    put(&NAMES[3..]);
    refused(&output(&mut store.build(&store.name(), ""), ""), 1, &["a\\nline", "dpkg"]);
    succeeds(store.build(&store.name(), "").args(["-f", "rpm,tar"]));
    unpacks_whole(".rpm", "rpm2cpio \"$1\" | cpio -idm --quiet", &NAMES);
    unpacks_whole(".tar.", "tar --zstd -xf \"$1\"", &NAMES);
}

/// Whether there is a file of this name, with its name in it, anywhere below.
fn has_file(folder: &Path, name: &[u8]) -> bool {
    entries(folder).into_iter().any(|path| {
        if path.is_dir() && !path.is_symlink() {
            has_file(&path, name)
        } else {
            path.file_name().unwrap().as_bytes() == name && fs::read(&path).is_ok_and(|bytes| bytes == name)
        }
    })
}

#[test]
fn an_output_folder_that_is_read_only() {
    let store = Store::new();
    store.write("bin/odd", "#!/bin/sh\n");
    // explant itself may lie where nobody else can look.
    let program = store.root.path().join("explant");
    fs::copy(env!("CARGO_BIN_EXE_explant"), &program).unwrap();
    let build = store.build(&store.name(), "");
    let mut nobody = Command::new("setpriv");
    nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program).args(build.get_args());
    let done = output(nobody.current_dir("/"), "");
    refused(&done, 1, &[&store.out().to_string_lossy()]);
    store.is_clean();
}

#[test]
fn an_output_folder_that_is_full() {
    let store = Store::new();
    let noise: Vec<u8> =
        (0..1_u64 << 18).flat_map(|i| (i * i).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()).collect();
    store.write("share/odd/noise", noise);
    store.write("bin/odd", "#!/bin/sh\n");
    let build = store.build(&store.name(), "");
    let line =
        "mount -t tmpfs -o size=512k none $OUT; status=0; \"$@\" || status=$?; ls -A $OUT; exit $status";
    let mut full = Command::new("unshare");
    full.args(["--mount", "sh", "-euc", line, "sh"]).arg(build.get_program()).args(build.get_args());
    let done = output(full.env("OUT", store.out()), "");
    refused(&done, 1, &[&store.out().to_string_lossy(), "No space left"]);
    assert_eq!(String::from_utf8_lossy(&done.stdout), "", "left in the full folder");
}
