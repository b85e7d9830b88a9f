//! What every case of the corpus must do: as every artifact, installed by the tool that users install it with, its
//! programs do their work on a system without Nix, ask for nothing of Nix, and leave nothing behind.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use explant::config::glibc_set::is_glibc_set;

use crate::harness::{Bundle, Case, Layout, Machine, explant, scratch_folder, succeeds};

/// `module = "case": layouts;`, each of them a test.
macro_rules! cases {
    ($($module:ident = $name:literal: $($layout:ident)+;)+) => {$(
        mod $module {
            $(#[test]
            fn $layout() {
                crate::everywhere::$layout($name);
            })+
        }
    )+};
}

pub(crate) use cases;

pub fn flat(name: &str) {
    works_everywhere(name, Layout::Flat);
}

pub fn store(name: &str) {
    works_everywhere(name, Layout::Store);
}

fn works_everywhere(name: &str, layout: Layout) {
    let mut bundle = Bundle { case: Case::named(name), folder: scratch_folder() };
    // Those that run from any folder are `crate::relocated`'s.
    bundle.case.add("[tarball]\nrelocatable = false\n");
    succeeds(bundle.command(layout).arg(bundle.case.result()));
    has_run_paths(&bundle, layout);
    deb_on_debian(&bundle);
    rpm_in_an_empty_root(&bundle);
    unpacked_in(&Machine::new("scratch"), &bundle, "tar --zstd -xpf $1 -C $ROOT", ".tar.");
    unpacked_in(&Machine::watched("scratch"), &bundle, "dpkg-deb -x $1 $ROOT", ".deb");
}

/// Every program finds its libraries by a DT_RPATH, as do the libraries of a flat bundle but for glibc's own, and none has
/// DT_RUNPATH.
fn has_run_paths(bundle: &Bundle, layout: Layout) {
    let unpacked = scratch_folder();
    succeeds(Command::new("dpkg-deb").arg("-x").arg(bundle.artifact(".deb")).arg(unpacked.path()));
    let files = succeeds(Command::new("find").arg(unpacked.path()).args(["-type", "f", "-print0"]));
    let is_elf = |path: &&str| {
        let mut magic = [0; 4];
        let file = File::open(path);
        file.and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == *b"\x7fELF"
    };
    let files: Vec<&str> = files.split_terminator('\0').filter(is_elf).collect();
    let told = succeeds(explant().args(["inspect", "--json"]).args(files));
    let told: Vec<serde_json::Value> = serde_json::from_str(&told).unwrap();
    for file in &told {
        let is_program = file["kind"] == "program";
        let is_glibcs = |name: &serde_json::Value| is_glibc_set(name.as_str().unwrap_or_default().as_bytes());
        let needs_others = file["needed"].as_array().is_some_and(|needed| !needed.iter().all(is_glibcs));
        let is_library = file["kind"] == "library" && needs_others;
        let wants_one =
            is_program || is_library && matches!(layout, Layout::Flat) && !is_glibcs(&file["soname"]);
        assert!(file["runpath"].is_null() && (!file["rpath"].is_null() || !wants_one), "{file:#}");
    }
}

/// dpkg -i and dpkg -P on Debian 11, whose glibc is ten releases too old for the program.
fn deb_on_debian(bundle: &Bundle) {
    let machine = Machine::new("bullseye");
    let deb = bundle.artifact(".deb");
    let before = machine.files();
    if let Some(foreign) = &bundle.case.arch {
        succeeds(machine.inside().args(["dpkg", "--add-architecture", foreign]));
    }
    succeeds(machine.with_file(&deb).args(["sh", "-c", "dpkg --force-unsafe-io -i /mnt/*.deb"]));
    machine.check(&bundle.case, &programs(bundle), &[]);
    succeeds(machine.inside().args(["dpkg", "-P", &bundle.case.package()]));
    let database = ["mnt", "tmp", "var/lib/dpkg", "var/log"];
    is_empty(left_behind(&machine, &before, &database));
}

/// The folders that every system has: a root without packages has nobody who owns them.
const SHARED: [&str; 14] = [
    "etc/opt",
    "opt",
    "usr",
    "usr/bin",
    "usr/sbin",
    "usr/lib",
    "usr/share",
    "usr/share/applications",
    "usr/share/doc",
    "usr/share/icons",
    "usr/share/icons/hicolor",
    "usr/share/icons/hicolor/48x48",
    "usr/share/icons/hicolor/48x48/apps",
    "usr/share/man",
];

/// rpm -i and rpm -e of this machine, with a root that holds nothing but a static busybox: the package needs no other.
fn rpm_in_an_empty_root(bundle: &Bundle) {
    let machine = Machine::new("scratch");
    let before = machine.files();
    let foreign = if bundle.case.arch.is_some() { "--ignorearch" } else { "" };
    let rpm = "rpm --root $ROOT --dbpath /var/lib/rpm";
    machine.outside(&format!("{rpm} -i {foreign} $1"), &bundle.artifact(".rpm"));
    machine.check(&bundle.case, &programs(bundle), &[]);
    machine.outside(&format!("{rpm} -e $1"), Path::new(&bundle.case.package()));
    let mut left = left_behind(&machine, &before, &["tmp", "var"]);
    for shared in SHARED {
        left.remove(Path::new(shared));
    }
    left.retain(|path| path.parent() != Some(Path::new("usr/share/man")));
    is_empty(left);
}

fn unpacked_in(machine: &Machine, bundle: &Bundle, how: &str, artifact: &str) {
    machine.outside(how, &bundle.artifact(artifact));
    machine.check(&bundle.case, &programs(bundle), &[]);
}

fn programs(bundle: &Bundle) -> PathBuf {
    Path::new(&bundle.case.prefix).join("bin")
}

/// The files that were not there before, but for what lies in the folders that installing and running write to.
fn left_behind(machine: &Machine, before: &BTreeSet<PathBuf>, written: &[&str]) -> BTreeSet<PathBuf> {
    let now = machine.files();
    let unknown =
        now.difference(before).filter(|path| !written.iter().any(|folder| path.starts_with(folder)));
    unknown.cloned().collect()
}

fn is_empty(left: BTreeSet<PathBuf>) {
    let first: Vec<_> = left.iter().take(20).collect();
    assert!(left.is_empty(), "{} files are left, {first:?}...", left.len());
}
