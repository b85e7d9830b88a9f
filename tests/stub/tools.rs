//! Loaders, debuggers, tracers and binutils take such a program for what it is.

use std::fs;
use std::process::{Command, Stdio};

use explant::elf::Elf;

use crate::workshop::*;

#[test]
fn a_loader_may_start_it_directly() {
    for kit in [PIE, FIXED, MUSL, AARCH64, AARCH64_FIXED] {
        let bundle = Bundle::new(kit);
        let mut command = bundle.command(&bundle.loader());
        let lines = lines(command.arg(bundle.program()).arg("x"));
        assert_eq!((&lines["argv1"], &lines["memory"]), ("x", "ok"));
    }
    // The system's own loader, which lists what it would load.
    let bundle = Bundle::new(PIE);
    let listed = Command::new("ldd").arg(bundle.program()).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains("libc.so.6 => ") && !listed.contains("not found"), "{listed}");
}

fn gdb(arguments: &[&str]) -> String {
    let output = Command::new("gdb").args(["-nx", "-batch"]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn gdb_launches_it_and_attaches_to_it() {
    for kit in [PIE, FIXED] {
        let bundle = Bundle::new(kit);
        let program = bundle.program();
        let program = program.to_str().unwrap();
        let commands = ["-ex", "break marker", "-ex", "run", "-ex", "backtrace", "-ex", "info sharedlibrary"];
        let told = gdb(&[&commands[..], &["-ex", "finish", "-ex", "continue", program]].concat());
        assert!(told.contains("marker ()") && told.contains("in main (argc=1"), "{told}");
        assert!(told.contains("lib/libc.so.6") && told.contains("exited normally"), "{told}");
        let mut running = Command::new(program).arg("wait").stdout(Stdio::piped()).spawn().unwrap();
        // Its last line before it waits.
        let mut out = std::io::BufReader::new(running.stdout.take().unwrap());
        let mut line = String::new();
        while !line.starts_with("memory=") {
            line.clear();
            assert!(std::io::BufRead::read_line(&mut out, &mut line).unwrap() > 0);
        }
        let pid = running.id().to_string();
        let told = gdb(&["-p", &pid, "-ex", "backtrace", "-ex", "info sharedlibrary"]);
        running.kill().unwrap();
        running.wait().unwrap();
        assert!(told.contains("in main (argc=") && told.contains("lib/libc.so.6"), "{told}");
    }
}

#[test]
fn strace_valgrind_and_perf_work() {
    for kit in [PIE, FIXED] {
        let bundle = Bundle::new(kit);
        let program = bundle.program();
        let exe = fs::canonicalize(&program).unwrap();
        let traced = lines(Command::new("strace").args(["-f", "-o", "/dev/null"]).arg(&program).arg("vfork"));
        assert_eq!(&traced["exe"], exe.to_str().unwrap());
        let checked = lines(Command::new("valgrind").args(["-q", "--error-exitcode=9"]).arg(&program));
        assert_eq!((&checked["exe"], &checked["memory"]), (exe.to_str().unwrap(), "ok"));
        let data = bundle.root.join("perf.data");
        let mut perf = Command::new("perf");
        perf.args(["record", "-q", "-e", "cpu-clock", "-o"]).arg(&data).arg(&program).arg("spin");
        assert_eq!(&lines(&mut perf)["argv1"], "spin");
        let report =
            Command::new("perf").args(["report", "--stdio", "-q", "-i"]).arg(&data).output().unwrap();
        let report = String::from_utf8(report.stdout).unwrap();
        assert!(report.lines().any(|line| line.contains("probe") && line.ends_with(" spin")), "{report}");
    }
}

/// What binutils and elfutils write anew still starts.
#[test]
fn it_may_be_stripped_and_copied_afterwards() {
    // qemu finds no table of program headers that strip has moved, with a stub or without; Nix's programs keep it in its place.
    for kit in [PIE, FIXED, LLD, MOLD, AARCH64_NIX] {
        let bundle = Bundle::new(kit);
        let program = bundle.program();
        let (strip, objcopy) = match kit.emulator {
            Some(_) => ("aarch64-linux-gnu-strip", "aarch64-linux-gnu-objcopy"),
            None => ("strip", "objcopy"),
        };
        let bytes = fs::read(&program).unwrap();
        for command in [&[strip][..], &[strip, "-g"], &[objcopy], &["eu-strip"]] {
            fs::write(&program, &bytes).unwrap();
            let done = Command::new(command[0]).args(&command[1..]).arg(&program).output().unwrap();
            assert!(done.status.success() && done.stderr.is_empty(), "{command:?}: {done:?}");
            assert_eq!(&bundle.run(&["x"])["argv1"], "x", "{command:?}");
            let elf = Elf::parse(&fs::read(&program).unwrap()).unwrap().unwrap();
            assert!(elf.stub.is_some(), "{command:?}");
        }
    }
}

#[test]
fn readelf_and_elflint_have_nothing_to_say() {
    for kit in [PIE, FIXED, AARCH64] {
        let bundle = Bundle::new(kit);
        let read = Command::new("readelf").arg("-aW").arg(bundle.program()).output().unwrap();
        assert!(read.stderr.is_empty(), "{read:?}");
        let lint = |bytes: &[u8]| {
            let file = bundle.root.join("linted");
            fs::write(&file, bytes).unwrap();
            let output = Command::new("eu-elflint").arg("--gnu-ld").arg(file).output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        let before = lint(&probe(&kit));
        let after = lint(&fs::read(bundle.program()).unwrap());
        // One of fixed addresses without PT_INTERP is what it takes for a static program.
        let is_new =
            |line: &&str| !before.contains(line) && *line != "static executable cannot have dynamic sections";
        let new: Vec<&str> = after.lines().filter(is_new).collect();
        assert!(new.is_empty(), "{new:?}");
    }
}
