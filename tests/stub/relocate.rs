//! The program that makes an installed bundle's references permanent (stub/relocate.c), on trees that have some.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const ANCHOR: &str = "/proc/self/fd/240";

/// A bundle at a short path, with files that name each other through the anchor.
struct Tree {
    _folder: TempDir,
    root: PathBuf,
}

impl Tree {
    /// The path of `lib/n` in it has 17 bytes at most.
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("").rand_bytes(3).tempdir_in("/opt").unwrap();
        let tree = Tree { root: folder.path().join("x"), _folder: folder };
        fs::create_dir_all(tree.root.join("lib/n/h-a")).unwrap();
        tree.write(
            "anchored",
            format!("{ANCHOR}\tlib/n\nlib/n/h-a/data\nlib/n/h-a/gone\nlib/n/h-a/link\nlib/out/file\n../up\n"),
        );
        tree.write("lib/n/h-a/data", tree.data(ANCHOR));
        tree
    }

    fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.root.join(path), bytes).unwrap();
    }

    fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.root.join(path)).unwrap()
    }

    /// A file's bytes where references begin with `place`; not all of what looks like one is one.
    fn data(&self, place: &str) -> Vec<u8> {
        let text = format!("\0{place}/h-a/x\0{place}/h-b\n{ANCHOR}1/h {ANCHOR}\0 {ANCHOR}");
        [&b"\xff\xfe"[..], text.as_bytes()].concat()
    }

    /// Where it is, filled up.
    fn place(&self) -> String {
        let mut place = self.root.join("lib/n").to_str().unwrap().to_owned();
        assert!(place.len() <= ANCHOR.len());
        while place.len() < ANCHOR.len() {
            place.push('/');
        }
        place
    }

    fn relocate(&self, options: &[&str]) -> Output {
        relocate("x86_64", options, &self.root)
    }
}

fn relocate(machine: &str, options: &[&str], root: &Path) -> Output {
    let blob = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("templates/stub/relocate-{machine}.bin"));
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("relocate");
    // By cp, since a file that this process has open for writing could be inherited by another test's child.
    assert!(Command::new("install").arg("-m755").args([&blob, &program]).status().unwrap().success());
    let mut command = match machine {
        "x86_64" => Command::new(&program),
        other => {
            let mut command = Command::new(format!("qemu-{other}-static"));
            command.arg(&program);
            command
        }
    };
    command.args(options).arg(root).output().unwrap()
}

fn is_done(done: &Output) -> bool {
    done.status.success() && done.stderr.is_empty()
}

#[test]
fn references_name_the_place_and_then_the_anchor_again() {
    for machine in ["x86_64", "aarch64"] {
        let tree = Tree::new();
        let file = tree.root.join("lib/n/h-a/data");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o2751)).unwrap();
        assert!(
            Command::new("touch")
                .args(["-d", "2001-02-03 04:05:06.789"])
                .arg(&file)
                .status()
                .unwrap()
                .success()
        );
        assert!(Command::new("chown").arg("12:34").arg(&file).status().unwrap().success());
        fs::set_permissions(&file, fs::Permissions::from_mode(0o2751)).unwrap();
        let kept = |path: &Path| {
            let is = path.metadata().unwrap();
            (is.mode(), is.mtime(), is.mtime_nsec(), is.uid(), is.gid(), is.len())
        };
        let before = kept(&file);
        for _ in 0..2 {
            assert!(is_done(&relocate(machine, &[], &tree.root)));
            assert_eq!(tree.read("lib/n/h-a/data"), tree.data(&tree.place()), "{machine}");
            assert_eq!(tree.read("relocated"), format!("{}\n", tree.place()).as_bytes());
            assert_eq!(kept(&file), before);
        }
        let inode = file.metadata().unwrap().ino();
        assert!(is_done(&relocate(machine, &[], &tree.root)));
        assert_eq!(file.metadata().unwrap().ino(), inode, "what is right is left alone");
        assert!(is_done(&relocate(machine, &["--undo"], &tree.root)));
        assert_eq!(tree.read("lib/n/h-a/data"), tree.data(ANCHOR));
        assert_eq!(kept(&file), before);
        let left: Vec<_> =
            fs::read_dir(&tree.root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "{left:?}");
    }
}

#[test]
fn a_moved_tree_goes_from_its_former_place_to_the_new_one() {
    let mut tree = Tree::new();
    assert!(is_done(&tree.relocate(&[])));
    let moved = tree.root.with_file_name("y");
    fs::rename(&tree.root, &moved).unwrap();
    tree.root = moved;
    assert!(is_done(&tree.relocate(&[])));
    assert_eq!(tree.read("lib/n/h-a/data"), tree.data(&tree.place()));
    // Where the new place is too long, or no plain word, by the anchor as at first.
    for name in ["a-long-name-of-a-folder", "a b"] {
        let moved = tree.root.with_file_name(name);
        fs::rename(&tree.root, &moved).unwrap();
        tree.root = moved;
        let done = tree.relocate(&[]);
        assert!(done.status.success() && String::from_utf8_lossy(&done.stderr).contains("by the anchor"));
        assert_eq!(tree.read("lib/n/h-a/data"), tree.data(ANCHOR));
        assert!(!tree.root.join("relocated").exists());
    }
}

/// The record says both until all files are done.
#[test]
fn what_was_cut_off_is_made_good_by_the_next_run() {
    let tree = Tree::new();
    let other = "/opt/former/lib/n";
    tree.write("relocated", format!("{other}\n{}\n", tree.place()));
    for half in [tree.data(other), tree.data(ANCHOR), tree.data(&tree.place())] {
        tree.write("relocated", format!("{other}\n{}\n", tree.place()));
        tree.write("lib/n/h-a/data", half);
        tree.write("lib/n/h-a/.relocate.tmp", "half");
        assert!(is_done(&tree.relocate(&[])));
        assert_eq!(tree.read("lib/n/h-a/data"), tree.data(&tree.place()));
    }
}

#[test]
fn links_are_not_followed() {
    let tree = Tree::new();
    let outside = tempfile::tempdir().unwrap();
    let file = outside.path().join("file");
    fs::write(&file, tree.data(ANCHOR)).unwrap();
    symlink(&file, tree.root.join("lib/n/h-a/link")).unwrap();
    symlink(outside.path(), tree.root.join("lib/out")).unwrap();
    fs::write(tree.root.join("../up"), tree.data(ANCHOR)).unwrap();
    assert!(is_done(&tree.relocate(&[])));
    assert_eq!(fs::read(&file).unwrap(), tree.data(ANCHOR));
    assert_eq!(tree.read("../up"), tree.data(ANCHOR));
    assert!(tree.root.join("lib/n/h-a/link").is_symlink());
}

#[test]
fn what_cannot_be_is_told() {
    let tree = Tree::new();
    let told = |done: Output, status: i32, words: &str| {
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.code() == Some(status) && said.contains(words), "{words}: {done:?}");
    };
    told(tree.relocate(&["--undone"]), 2, "usage");
    told(relocate("x86_64", &[], Path::new("/nowhere")), 1, "/nowhere: cannot be opened (error 002)");
    for list in ["", "no line", "/proc/self/fd/240\n", "relative\tlib\n"] {
        tree.write("anchored", list);
        told(tree.relocate(&[]), 1, "anchored: ");
    }
}
