//! sh and tar read the single file.

use super::*;
use crate::plan::MainProgram;

/// All that a tarball may hold, with a program to start.
fn runnable(program: &str) -> Plan {
    let mut plan = everything();
    plan.relocatable = true;
    plan.program = MainProgram { asked: Some(program.into()), names: Vec::new() };
    plan.entries.push(file("/usr/manifest", "bin/acme\n"));
    plan
}

#[test]
fn holds_what_the_tarball_holds_and_starts_its_program() {
    // Its name is what a shell makes most of.
    let plan = runnable("a b 'c' \\d");
    for codec in CODECS {
        let written = build(&plan, &[(Format::Run, codec), (Format::Tar, codec), (Format::Deb, codec)]);
        let [run, tarball] = [".run", ".tar"].map(|part| written.path(part).to_str().unwrap().to_owned());
        let room = tempfile::tempdir().unwrap();
        let at = room.path().to_str().unwrap();
        for shell in ["dash", "bash", "busybox"] {
            let to = format!("{at}/{shell}");
            let sh: &[&str] = if shell == "busybox" { &["sh"] } else { &[] };
            super::run(shell, &[sh, &[&run, "--explant-extract", &to]].concat());
            let started = Command::new(shell).args(sh).arg(&run).env("XDG_CACHE_HOME", &to).status().unwrap();
            assert!(started.success());
        }
        super::run("tar", &["-xf", &tarball, "-C", at]);
        let top = "Acme_Tool-1.2-rc3-x86_64-linux";
        for shell in ["dash", "bash", "busybox"] {
            super::run(
                "diff",
                &["-r", "--no-dereference", &format!("{at}/{top}"), &format!("{at}/{shell}/{top}")],
            );
            super::run(
                "diff",
                &["-r", "--no-dereference", &format!("{at}/{top}"), &cached(&format!("{at}/{shell}"))],
            );
        }
    }
}

/// The one folder in a cache.
fn cached(cache: &str) -> String {
    let found = run_text("find", &[&format!("{cache}/explant"), "-mindepth", "1", "-maxdepth", "1"]);
    let found: Vec<&str> = found.lines().collect();
    assert!(found.len() == 1 && found[0].contains("/Acme_Tool-1.2-rc3-"), "{found:?}");
    found[0].to_owned()
}

#[test]
fn is_the_same_whatever_the_threads() {
    let plan = runnable("acme");
    let bytes = |threads| {
        let written = build_with(&plan, &[(Format::Run, Compression::Gzip(7))], threads);
        std::fs::read(written.path(".run")).unwrap()
    };
    assert!(bytes(1) == bytes(4));
}

#[test]
fn a_fixed_place_and_names_without_end_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused =
        |plan: &Plan| write_to(plan, &[(Format::Run, ZSTD)], 1, folder.path()).unwrap_err().to_string();
    let fixed = Plan { relocatable: false, ..runnable("acme") };
    assert!(refused(&fixed).contains("any folder"));
    let mut long = runnable("acme");
    long.package.name = "n".repeat(16 << 10);
    assert!(refused(&long).contains("too long"));
    assert!(refused(&runnable("nothing")).contains("no such program"));
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}
