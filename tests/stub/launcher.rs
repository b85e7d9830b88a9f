//! Programs of explant's own that start another one of the bundle in their place.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use explant::elf::{Class, Elf};
use explant::stub::{ANCHOR, Anchor, Change, Root, Table, launched, launcher};

use crate::workshop::*;

fn bytes(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

/// Starts bin/probe on a script beside it, as a kernel would for a first line with an argument.
fn table() -> Table {
    let changes = vec![
        Change::Argv0(bytes("${root}/bin/probe")),
        Change::Argument(bytes("env")),
        Change::Argument(bytes("${root}/bin/.start-script")),
        Change::Set { variable: bytes("HOME_OF"), value: bytes("${root}/lib") },
    ];
    Table { root: Root::Above(1), loader: bytes("bin/probe"), anchor: None, changes }
}

fn with(kit: Kit, table: &Table) -> Bundle {
    let bundle = Bundle::with(kit, &crate::workshop::table(&kit), "a b");
    let abi = Elf::parse(&probe(&kit)).unwrap().unwrap().abi;
    let made = launcher(abi, table).unwrap();
    let elf = Elf::parse(&made).unwrap().unwrap();
    assert_eq!((elf.class, elf.abi, elf.stub), (Class::StaticProgram, abi, None));
    assert_eq!(launched(&made).as_ref(), Some(table));
    assert!(made.len() < 8192);
    bundle.put("start", &made);
    bundle
}

/// The probe's account, as it was started in a bundle.
fn is_started(bundle: &Bundle, told: &Lines) {
    let root = fs::canonicalize(&bundle.root).unwrap();
    let root = root.to_str().unwrap();
    assert_eq!(told["exe"], format!("{root}/bin/probe"));
    assert_eq!((&told["argv0"], &told["argv1"]), (format!("{root}/bin/probe").as_str(), "env"));
    assert_eq!(told["argv2"], format!("{root}/bin/.start-script"));
    assert_eq!(&told["argv3"], "the user's");
    assert!(told.env().contains(&format!("HOME_OF={root}/lib").as_str()), "{}", told.all);
    assert!(!told.env().iter().any(|variable| variable.starts_with("LD_ORIGIN")), "{}", told.all);
}

#[test]
fn it_starts_a_program_with_arguments_and_environment() {
    let bundle = with(PIE, &table());
    let start = bundle.root.join("bin/start");
    is_started(&bundle, &lines(Command::new(&start).arg("the user's")));
    let bin = tempfile::tempdir().unwrap();
    symlink(&start, bin.path().join("by link")).unwrap();
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "'by link' \"the user's\""]).env("PATH", bin.path());
    is_started(&bundle, &lines(&mut shell));
    let mut nobody = Command::new("setpriv");
    nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&start).arg("the user's");
    is_started(&bundle, &lines(&mut nobody));
}

/// What it starts is another processor's again, which needs the kernel's help; so the message is what can be seen.
#[test]
fn a_program_that_is_not_there_is_told_of() {
    for kit in [PIE, AARCH64] {
        let bundle = with(kit, &table());
        let start = bundle.root.join("bin/start");
        fs::remove_file(bundle.program()).unwrap();
        let program = bundle.program();
        let expected = format!(
            "{}: cannot open {}: no such file or folder\n",
            start.to_str().unwrap(),
            program.to_str().unwrap()
        );
        assert_eq!(refused(&mut bundle.command(&start)), expected);
        bundle.put("probe", b"");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(refused(&mut bundle.command(&start)).contains("permission denied"));
    }
}

#[test]
fn it_needs_no_proc() {
    let bundle = with(PIE, &table());
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("opt")).unwrap();
    assert!(
        Command::new("cp")
            .arg("-a")
            .arg(&bundle.root)
            .arg(root.path().join("opt/b"))
            .status()
            .unwrap()
            .success()
    );
    symlink("opt/b/bin/start", root.path().join("link")).unwrap();
    for program in ["/opt/b/bin/start", "/link"] {
        let told = lines(Command::new("chroot").arg(root.path()).args([program, "the user's"]));
        assert_eq!((&told["argv0"], &told["memory"]), ("/opt/b/bin/../bin/probe", "ok"), "{program}");
        assert_eq!(&told["argv2"], "/opt/b/bin/../bin/.start-script");
    }
}

#[test]
fn it_opens_the_anchor_and_hands_on_the_path_that_it_was_started_by() {
    let changes = vec![Change::Argument(bytes("fd")), Change::Argv0Started];
    let anchor = Some(Anchor { descriptor: ANCHOR, folder: bytes("lib") });
    let bundle = with(PIE, &Table { anchor, changes, ..table() });
    let bin = bundle.root.join("bin");
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "exec start /proc/self/fd/240"]).env("PATH", &bin);
    let told = lines(&mut shell);
    assert_eq!(&told["fd"], fs::canonicalize(bundle.root.join("lib")).unwrap().to_str().unwrap());
    assert_eq!(&told["argv0"], bin.join("start").to_str().unwrap());
}

#[test]
fn setuid_is_refused_in_words() {
    let bundle = with(PIE, &table());
    let start = bundle.root.join("bin/start");
    std::os::unix::fs::chown(&start, Some(1), Some(1)).unwrap();
    fs::set_permissions(&start, fs::Permissions::from_mode(0o4755)).unwrap();
    let mut nobody = Command::new("setpriv");
    nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&start);
    assert!(refused(&mut nobody).contains("setuid, setgid and capabilities are refused"));
}
