//! The same input gives the same bytes, wherever the store is and however the closure is told.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Bundle, Case, Layout, artifacts, scratch_folder, succeeds};

/// Links into other store paths, links between links, and libraries that several programs share.
const CASE: &str = "join";

type Files = Vec<(String, Vec<u8>)>;

/// Builds the case with more options, and gives its artifacts.
fn build(layout: Layout, more: impl FnOnce(&mut Command)) -> Files {
    let bundle = Bundle { case: Case::named(CASE), folder: scratch_folder() };
    let mut command = bundle.command(layout);
    more(&mut command);
    succeeds(command.arg(bundle.case.result()));
    let read =
        |path: PathBuf| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(path).unwrap());
    artifacts(bundle.folder.path()).into_iter().map(read).collect()
}

fn same(layout: Layout, wanted: &Files, what: &str, more: impl FnOnce(&mut Command)) {
    let names = |files: &Files| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let got = build(layout, more);
    assert_eq!(names(&got), names(wanted), "{what}");
    for ((name, bytes), (_, expected)) in got.iter().zip(wanted) {
        let differ = bytes.iter().zip(expected).position(|(a, b)| a != b);
        assert!(bytes == expected, "{name} differs with {what}, first at {differ:?}");
    }
}

#[test]
fn from_run_to_run() {
    for layout in [Layout::Flat, Layout::Store] {
        let wanted = build(layout, |_| ());
        // And SHA256SUMS, and the bill of materials.
        assert_eq!(wanted.len(), 5);
        same(layout, &wanted, "the same again", |_| ());
        for threads in ["1", "5"] {
            same(layout, &wanted, threads, |command| {
                command.args(["-j", threads]);
            });
        }
    }
}

#[test]
fn however_the_closure_is_told() {
    let case = Case::named(CASE);
    let paths = case.closure();
    let folder = scratch_folder();
    let registration = succeeds(Command::new("nix-store").arg("--dump-db").args(&paths));
    let nix = |arguments: &[&str]| {
        let mut command = Command::new("nix");
        succeeds(command.args(["--extra-experimental-features", "nix-command"]).args(arguments).args(&paths))
    };
    let listed: Vec<serde_json::Value> = serde_json::from_str(&nix(&["path-info", "--json"])).unwrap();
    // From Nix 2.19 on: a map from the path to the rest.
    let mapped: serde_json::Map<_, _> =
        listed.iter().map(|info| (info["path"].as_str().unwrap().to_owned(), info.clone())).collect();
    let shapes = [
        ("registration", registration),
        ("a list of paths", paths.join("\n") + "\n"),
        ("a JSON list", serde_json::to_string(&listed).unwrap()),
        ("a JSON map", serde_json::to_string(&mapped).unwrap()),
    ];
    for layout in [Layout::Flat, Layout::Store] {
        let wanted = build(layout, |_| ());
        for (what, text) in &shapes {
            let file = folder.path().join("closure");
            fs::write(&file, text).unwrap();
            same(layout, &wanted, what, |command| {
                command.arg("--closure").arg(&file).env("PATH", "");
            });
        }
        // Without Nix, the references are found in the files.
        same(layout, &wanted, "a scan", |command| {
            command.env("PATH", "");
        });
    }
}

#[test]
fn wherever_the_store_is() {
    let folder = scratch_folder();
    let roots = stores(&Case::named(CASE), folder.path());
    for layout in [Layout::Flat, Layout::Store] {
        let wanted = build(layout, |_| ());
        for root in &roots {
            same(layout, &wanted, &root.to_string_lossy(), |command| {
                command.arg("--store").arg(root);
                without_nix(command);
            });
        }
    }
    make_removable(folder.path());
}

/// Two copies of a case's closure, below roots in a folder: a plain store, and an optimised one, full of hard links.
pub fn stores(case: &Case, folder: &Path) -> [PathBuf; 2] {
    let roots = ["plain", "optimised"].map(|name| folder.join(name));
    for root in &roots {
        let mut nix = Command::new("nix");
        nix.args(["--extra-experimental-features", "nix-command", "copy", "--no-check-sigs", "--to"]);
        succeeds(nix.arg(root).arg(case.result()));
    }
    succeeds(Command::new("nix-store").arg("--optimise").arg("--store").arg(&roots[1]));
    assert!(links(&roots[1].join("nix/store")) > links(&roots[0].join("nix/store")));
    roots
}

/// Stores are read-only, and a user who is not root could not remove them.
pub fn make_removable(folder: &Path) {
    succeeds(Command::new("chmod").args(["-R", "u+w"]).arg(folder));
}

/// How many files have several names.
fn links(store: &Path) -> usize {
    succeeds(Command::new("find").arg(store).args(["-type", "f", "-links", "+1"])).lines().count()
}

/// Hides this machine's own /nix from a command: what it reads is below --store.
fn without_nix(command: &mut Command) {
    let mut hidden = Command::new("unshare");
    hidden.args(["--mount", "sh", "-euc", "mount -t tmpfs none /nix; exec \"$@\"", "sh"]);
    hidden.arg(command.get_program()).args(command.get_args());
    *command = hidden;
}
