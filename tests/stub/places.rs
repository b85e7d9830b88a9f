//! From wherever it is started, a program is what it would be with an interpreter, and its children are.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use explant::stub::{ANCHOR, Anchor, Change, Table};

use crate::workshop::*;

/// That nothing of the stub is seen.
fn is_itself(bundle: &Bundle, program: &Path, lines: &Lines) {
    let program = program.to_str().unwrap();
    assert_eq!(&lines["exe"], fs::canonicalize(program).unwrap().to_str().unwrap());
    assert_eq!((&lines["argv0"], &lines["execfn"]), (program, program));
    assert_eq!((&lines["thread"], &lines["memory"]), ("7", "ok"));
    if bundle.kit.emulator.is_none() {
        assert_eq!(&lines["comm"], "probe");
    }
}

#[test]
fn a_program_of_every_kind_is_itself() {
    for kit in [PIE, FIXED, LLD, MOLD, MUSL, AARCH64, AARCH64_FIXED] {
        let bundle = Bundle::new(kit);
        let program = bundle.program();
        is_itself(&bundle, &program, &bundle.run(&[]));
        let lines = bundle.run(&["a b", ""]);
        assert_eq!((&lines["argv1"], &lines["argv2"]), ("a b", ""), "{}", lines.all);
    }
}

/// mold's and lld's fixed ones have no PT_PHDR; here it is taken out.
#[test]
fn a_program_without_pt_phdr_is_itself() {
    for kit in [PIE, FIXED, AARCH64] {
        let mut bytes = probe(&kit);
        let (table, count) =
            (u64::from_le_bytes(bytes[32..40].try_into().unwrap()) as usize, bytes[56] as usize);
        let header =
            (0..count).map(|at| table + at * 56).find(|at| bytes[*at..at + 4] == [6, 0, 0, 0]).unwrap();
        bytes[header..header + 4].fill(0);
        let bundle = Bundle::new(kit);
        bundle.put("probe", &planted(&bytes, &crate::workshop::table(&kit)));
        is_itself(&bundle, &bundle.program(), &bundle.run(&[]));
    }
}

#[test]
fn from_folders_of_any_name_and_after_a_move() {
    let names = ["with a space".to_owned(), "n".repeat(200), "quote'\"$(x)\\ü".to_owned()];
    for name in names {
        for kit in [PIE, AARCH64] {
            let bundle = Bundle::with(kit, &table(&kit), &name);
            is_itself(&bundle, &bundle.program(), &bundle.run(&[]));
            let moved = bundle.root.with_file_name("moved");
            fs::rename(&bundle.root, &moved).unwrap();
            let program = moved.join("bin/probe");
            is_itself(&bundle, &program, &lines(&mut bundle.command(&program)));
        }
    }
}

#[test]
fn through_links_in_path_and_relative_names() {
    let bundle = Bundle::with(PIE, &table(&PIE), "a bundle");
    let bin = tempfile::tempdir().unwrap();
    symlink(bundle.program(), bin.path().join("probe")).unwrap();
    let shell = |script: &str| {
        let path = format!("{}:/usr/bin:/bin", bin.path().display());
        lines(Command::new("sh").args(["-c", script]).current_dir(&bundle.root).env("PATH", path))
    };
    let exe = fs::canonicalize(bundle.program()).unwrap();
    for script in ["probe", "./bin/probe", "cd bin && ./probe", "bin/../bin/probe", "exec -a x probe"] {
        let script = script.replace("exec -a x probe", "exec probe");
        assert_eq!(&shell(&script)["exe"], exe.to_str().unwrap(), "{script}");
    }
    assert_eq!(&shell("probe")["argv0"], "probe");
}

#[test]
fn for_another_user_and_from_a_read_only_mount() {
    let bundle = Bundle::new(PIE);
    let program = bundle.program();
    let mut nobody = Command::new("setpriv");
    nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
    is_itself(&bundle, &program, &lines(&mut nobody));
    let script = "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\" && ! touch \"$1/x\" 2>/dev/null && \"$2\"";
    let mut mount = Command::new("unshare");
    mount.args(["-m", "sh", "-c", script, "sh"]).arg(&bundle.root).arg(&program);
    is_itself(&bundle, &program, &lines(&mut mount));
}

/// An empty root: nothing but the bundle, and a static shell.
fn empty_root(bundle: &Bundle) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("opt/of mine")).unwrap();
    let copied =
        Command::new("cp").arg("-a").arg(&bundle.root).arg(root.path().join("opt/of mine/b")).status();
    assert!(copied.unwrap().success());
    fs::copy("/bin/busybox", root.path().join("busybox")).unwrap();
    root
}

#[test]
fn in_an_empty_root_with_and_without_proc() {
    for kit in [PIE, MUSL] {
        let bundle = Bundle::new(kit);
        let root = empty_root(&bundle);
        symlink("opt/of mine/b/bin/probe", root.path().join("link")).unwrap();
        symlink("/link", root.path().join("opt/absolute")).unwrap();
        let run = |proc: bool, script: &str| {
            let mount = if proc { "mkdir -p \"$0/proc\" && mount -t proc proc \"$0/proc\" && " } else { "" };
            let script = format!("{mount}exec chroot \"$0\" /busybox sh -c '{script}'");
            lines(Command::new("unshare").args(["-m", "sh", "-c", &script]).arg(root.path()))
        };
        // musl's loader knows no $ORIGIN without /proc, and needs none here: it is the libc.
        for script in [
            "/opt/of\\ mine/b/bin/probe",
            "cd /opt/of\\ mine; b/bin/probe",
            "cd /opt/of\\ mine/b/bin; ./probe",
            "PATH=/opt/of\\ mine/b/bin; probe",
            "/link",
            "cd opt; ./absolute",
        ] {
            let there = run(false, script);
            assert_eq!((&there["exe"], &there["memory"]), ("", "ok"), "{script}");
            let there = run(true, script);
            assert_eq!(&there["exe"], "/opt/of mine/b/bin/probe", "{script}");
        }
    }
}

#[test]
fn what_it_starts_is_itself_too_and_finds_nothing_new_in_its_environment() {
    for kit in [PIE, FIXED, AARCH64] {
        let bundle = Bundle::new(kit);
        for how in ["exec", "vfork", "fexec"] {
            // The emulator's own children are the host's business.
            if kit.emulator.is_some() {
                continue;
            }
            let mut command = bundle.command(&bundle.program());
            let lines = lines(command.arg(how).env_clear().env("ONLY", "this"));
            assert_eq!(&lines["argv1"], "env", "{how}");
            assert_eq!(lines.env(), ["ONLY=this"], "{how}");
            assert_eq!(&lines["exe"], fs::canonicalize(bundle.program()).unwrap().to_str().unwrap());
        }
    }
}

fn bytes(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

#[test]
fn the_table_is_carried_out() {
    let change = |variable: &str, value: &str| (bytes(variable), bytes(value));
    let set = |(variable, value)| Change::Set { variable, value };
    let default = |(variable, value)| Change::Default { variable, value };
    let prefix = |(variable, value)| Change::Prefix { variable, separator: bytes(":"), value };
    let suffix = |(variable, value)| Change::Suffix { variable, separator: bytes(" ; "), value };
    let changes = vec![
        set(change("SET", "new ${root}/x${root}")),
        set(change("MORE", "")),
        default(change("THERE", "no")),
        default(change("EMPTY", "no")),
        default(change("ABSENT", "${root}")),
        Change::Unset { variable: bytes("GONE") },
        Change::Unset { variable: bytes("NEVER") },
        prefix(change("PATH", "${root}/bin")),
        prefix(change("PATH", "${root}/bin")),
        prefix(change("NEW", "alone")),
        prefix(change("NONE", "alone")),
        prefix(change("LIST", "/b")),
        suffix(change("ITEMS", "b")),
        prefix(change("ONE", "/b")),
        suffix(change("TAIL", "end")),
        suffix(change("TAIL", "end")),
        suffix(change("TAI", "other")),
        Change::Argv0(bytes("its name")),
        Change::Argument(bytes("env")),
        Change::Argument(bytes("")),
        Change::LastArgument(bytes("${root}/last")),
        Change::Folder(bytes("${root}/lib")),
    ];
    for kit in [PIE, FIXED, MUSL, AARCH64] {
        let bundle = Bundle::with(kit, &Table { changes: changes.clone(), ..table(&kit) }, "a b");
        let root = fs::canonicalize(&bundle.root).unwrap();
        let root = root.to_str().unwrap();
        let mut command = bundle.command(&bundle.program());
        command.args(["user", "second"]).env_clear();
        for (name, value) in [
            ("SET", "old"),
            ("THERE", "yes"),
            ("EMPTY", ""),
            ("GONE", "x"),
            ("GONER", "stays"),
            ("PATH", "/bin"),
            ("NONE", ""),
            ("TAIL", "start"),
            ("LIST", "/bb:/a:/b:/c"),
            ("ITEMS", "a ; b ; c"),
            ("ONE", "/b"),
        ] {
            command.env(name, value);
        }
        let lines = lines(&mut command);
        let mut env = lines.env();
        env.sort();
        let expected = [
            format!("ABSENT={root}"),
            "EMPTY=".into(),
            "GONER=stays".into(),
            "ITEMS=a ; b ; c".into(),
            "LIST=/b:/bb:/a:/c".into(),
            "MORE=".into(),
            "NEW=alone".into(),
            "NONE=alone".into(),
            "ONE=/b".into(),
            format!("PATH={root}/bin:/bin"),
            format!("SET=new {root}/x{root}"),
            "TAI=other".into(),
            "TAIL=start ; end".into(),
            "THERE=yes".into(),
        ];
        assert_eq!(env, expected);
        let arguments: Vec<&str> = (0..7).map(|at| &lines[format!("argv{at}").as_str()]).collect();
        let last = format!("{root}/last");
        assert_eq!(arguments, ["its name", "env", "", "user", "second", &last, ""]);
        assert_eq!(&lines["cwd"], format!("{root}/lib"));
    }
}

#[test]
fn a_long_environment_and_many_arguments_survive_a_table() {
    let changes = vec![
        Change::Set { variable: bytes("A"), value: bytes("1") },
        Change::Prefix { variable: bytes("LONG"), separator: bytes(":"), value: bytes("${root}") },
    ];
    let bundle = Bundle::with(PIE, &Table { changes, ..table(&PIE) }, "b");
    let long = "x".repeat(120_000);
    let mut command = bundle.command(&bundle.program());
    command.arg("env").env_clear().env("LONG", &long);
    (0..2000).for_each(|at| {
        command.arg(at.to_string()).env(format!("V{at}"), "v");
    });
    let lines = lines(&mut command);
    assert_eq!(&lines["argv2001"], "1999");
    assert_eq!(lines.env().len(), 2002);
    let long_line = lines.env().into_iter().find(|line| line.starts_with("LONG=")).unwrap();
    assert_eq!(long_line.len(), "LONG=:".len() + bundle.root.as_os_str().len() + long.len());
}

#[test]
fn the_anchor_leads_to_the_bundle_whoever_maps_the_loader() {
    for kit in [PIE, AARCH64] {
        let anchor = Some(Anchor { descriptor: ANCHOR, folder: bytes("lib") });
        let bundle = Bundle::with(kit, &Table { anchor, ..table(&kit) }, "a b");
        let lib = fs::canonicalize(bundle.root.join("lib")).unwrap();
        let ask = ["fd", "/proc/self/fd/240"];
        assert_eq!(&bundle.run(&ask)["fd"], lib.to_str().unwrap());
        let apart = tempfile::tempdir().unwrap();
        let loader = apart.path().join("ld.so");
        fs::copy(bundle.loader(), &loader).unwrap();
        let mut loader = bundle.command(&loader);
        assert_eq!(&lines(loader.arg(bundle.program()).args(ask))["fd"], lib.to_str().unwrap());
        if kit.emulator.is_some() {
            continue;
        }
        // Where another bundle has left its own.
        let mut other = Command::new("bash");
        other.args(["-c", "exec 240</dev/null; exec \"$0\" fd /proc/self/fd/240"]).arg(bundle.program());
        assert_eq!(&lines(&mut other)["fd"], lib.to_str().unwrap());
        let limited = |limits: &str| {
            let mut few = Command::new("sh");
            few.args(["-c", &format!("ulimit {limits}; exec \"$0\" limit")]).arg(bundle.program());
            few
        };
        assert_eq!(&lines(&mut limited("-S -n 100"))["limit"], "100", "it is what it was");
        assert!(refused(&mut limited("-n 100")).contains("the limit of open files is too low"));
    }
}

/// A child that closes its descriptors must be able to start what it was told.
#[test]
fn who_is_started_through_the_anchor_has_a_real_name() {
    let anchor = Some(Anchor { descriptor: ANCHOR, folder: bytes("bin") });
    let bundle = Bundle::with(PIE, &Table { anchor, ..table(&PIE) }, "a b");
    symlink("probe", bundle.root.join("bin/other")).unwrap();
    let bin = fs::canonicalize(bundle.root.join("bin")).unwrap();
    let start = |name: &str, path: &str| {
        let script = "exec 240<\"$0\"; exec -a \"$1\" \"$2\"";
        let mut bash = Command::new("bash");
        lines(bash.args(["-c", script]).arg(&bin).args([name, path]))
    };
    let through = format!("/proc/self/fd/{ANCHOR}/other");
    let real = bin.join("other");
    let told = start(&through, &through);
    assert_eq!((&told["argv0"], &told["execfn"]), (real.to_str().unwrap(), real.to_str().unwrap()));
    assert_eq!(&start("/proc/self/fd/2400/other", &through)["argv0"], "/proc/self/fd/2400/other");
}
