//! What cannot be started says so, in words, and never crashes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::workshop::*;

#[test]
fn a_loader_that_is_missing_unreadable_foreign_or_cut_off_is_told_of() {
    for kit in [PIE, AARCH64] {
        let bundle = Bundle::new(kit);
        let (program, loader) = (bundle.program(), bundle.loader());
        let whole = fs::read(&loader).unwrap();
        let foreign = if kit.emulator.is_some() { PIE } else { AARCH64 };
        let foreign = fs::read(format!("{}/{}", foreign.folder, foreign.loader)).unwrap();
        let message = |bytes: &[u8]| {
            fs::write(&loader, bytes).unwrap();
            refused(&mut bundle.command(&program))
        };
        let (program_name, loader_name) = (program.to_str().unwrap(), loader.to_str().unwrap());
        let mut bad = vec![Vec::new(), b"#!/bin/sh\n".repeat(1000), foreign, probe(&FIXED)];
        bad.extend(
            [1, 63, 64, 2047, 2048, 4096, whole.len() / 2, whole.len() - 60_000]
                .map(|len| whole[..len].to_vec()),
        );
        for bytes in bad {
            let text = message(&bytes);
            let expected =
                format!("{program_name}: cannot map {loader_name}: no loader for this machine, or cut off\n");
            assert_eq!(text, expected, "{}", bytes.len());
        }
        fs::remove_file(&loader).unwrap();
        let text = refused(&mut bundle.command(&program));
        assert_eq!(text, format!("{program_name}: cannot open {loader_name}: no such file or folder\n"));
        fs::create_dir(&loader).unwrap();
        assert!(refused(&mut bundle.command(&program)).contains("cannot map"));
        fs::remove_dir(&loader).unwrap();
        if kit.emulator.is_none() {
            fs::write(&loader, &whole).unwrap();
            fs::set_permissions(&loader, fs::Permissions::from_mode(0o600)).unwrap();
            let mut nobody = Command::new("setpriv");
            nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
            assert!(refused(&mut nobody).contains(&format!("cannot open {loader_name}: permission denied")));
        }
    }
}

/// Any byte of the loader's headers may be wrong: the process ends, with a message or by the loader's own doing, and never hangs.
#[test]
fn a_damaged_loader_never_makes_the_stub_run_wild() {
    let bundle = Bundle::new(PIE);
    let whole = fs::read(bundle.loader()).unwrap();
    for at in (0..64 + 56 * 4).step_by(3) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0xa5;
        fs::write(bundle.loader(), damaged).unwrap();
        let mut command = Command::new("timeout");
        let output = command.args(["20"]).arg(bundle.program()).output().unwrap();
        assert_ne!(output.status.code(), Some(124), "byte {at}");
    }
}

#[test]
fn setuid_is_refused_in_words() {
    let bundle = Bundle::new(PIE);
    let program = bundle.program();
    std::os::unix::fs::chown(&program, Some(1), Some(1)).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o4755)).unwrap();
    let mut nobody = Command::new("setpriv");
    nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
    let message = refused(&mut nobody);
    assert!(message.contains("setuid, setgid and capabilities are refused"), "{message}");
}

#[test]
fn a_path_that_no_path_can_name_is_refused_in_words() {
    let bundle = Bundle::new(PIE);
    // Deeper than PATH_MAX, made and left a step at a time.
    let script = "import os, subprocess, sys\n\
                  for _ in range(18):\n os.mkdir('d' * 250)\n os.chdir('d' * 250)\n\
                  subprocess.check_call(['cp', '-a', sys.argv[1], 'b'])\n\
                  os.execv('b/bin/probe', ['probe'])";
    let room = tempfile::tempdir().unwrap();
    let mut deep = Command::new("python3");
    deep.args(["-c", script]).arg(&bundle.root).current_dir(room.path());
    let message = refused(&mut deep);
    assert!(message.contains("cannot find itself: too long"), "{message}");
    // Just short of it.
    let base = fs::canonicalize(room.path()).unwrap();
    let mut path = base.join("e");
    while path.as_os_str().len() < 4096 - 250 - 60 {
        path = path.join("e".repeat(200));
    }
    fs::create_dir_all(&path).unwrap();
    let copied = Command::new("cp").arg("-a").arg(&bundle.root).arg(path.join("b")).status().unwrap();
    assert!(copied.success());
    let program = path.join("b/bin/probe");
    assert_eq!(&lines(&mut Command::new(&program))["exe"], program.to_str().unwrap());
    // Too deep for what a TempDir does when it goes.
    Command::new("rm").arg("-rf").arg(room.path().join("d".repeat(250))).status().unwrap();
}
