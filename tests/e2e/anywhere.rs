//! Tarballs that run from any folder, and programs that bring their environment.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Bundle, Case, Layout, Machine, scratch_folder, succeeds};
use crate::relocated::{from_any_folder, only_folder, relocatable, relocatable_in, unpacked};

from_any_folder! {
    hello_c = "hello-c";
    rust = "ripgrep";
    cpp = "lzip";
    ffmpeg = "ffmpeg";
    btrfs_progs = "btrfs-progs";
    join_of_joins = "join";
    aarch64 = "jq-arm64";
    musl = "musl";
    static_programs = "static";
    glibcs_own = "getent";
    python = "python";
    git = "git";
    vim = "vim";
    nginx = "nginx";
    curl = "curl";
    ncurses = "ncurses";
    plugins = "plugins";
    go = "go";
    script = "script";
    perl = "perl";
    iconv = "iconv";
    wrapped = "wrapped";
    every_flag_of_a_wrapper = "flags";
}

/// There run paths lead through the descriptor as well; for another processor, too.
#[test]
fn the_store_layout_works_anywhere() {
    for name in ["jq-arm64", "python", "git"] {
        let bundle = relocatable_in(name, Layout::Store);
        let machine = Machine::new("scratch");
        let top = unpacked(&machine, &bundle.artifact(".tar."), "/home/a b");
        machine.outside("mv \"$ROOT$1\" \"$ROOT/moved away\"", &top);
        machine.check(&bundle.case, Path::new("/moved away/bin"), &[]);
    }
}

/// Whoever may read it may run it.
#[test]
fn for_an_unprivileged_user() {
    for name in ["git", "vim", "ncurses"] {
        let mut bundle = relocatable(name);
        bundle.case.checks.iter_mut().for_each(|check| check.uid = 1000);
        let machine = Machine::new("scratch");
        let top = unpacked(&machine, &bundle.artifact(".tar."), "/home/a b");
        machine.check(&bundle.case, &top.join("bin"), &[]);
    }
}

/// Scripts of the bundle's shell, which start programs by paths that lead through the descriptor and hand on such: the shell of the
/// bundle can start them.
#[test]
fn what_a_program_of_the_bundle_starts_finds_everything_too() {
    for name in ["wrapped", "perl"] {
        let mut bundle = relocatable(name);
        let machine = Machine::new("scratch");
        let top = unpacked(&machine, &bundle.artifact(".tar."), "/home/a b");
        let find = "cd \"$ROOT$1\"; ls -d lib/*/*-bash-*/bin/bash | tail -n 1";
        let bash = top.join(machine.outside(find, &top).trim());
        for check in &mut bundle.case.checks {
            let shell = [bash.to_str().unwrap(), "-c", "\"$@\"", "bash"].map(str::to_owned);
            check.argv = [&shell[..], &check.argv].concat();
        }
        machine.check(&bundle.case, &top.join("bin"), &[]);
    }
}

/// Its programs are packaged with an interpreter, as ever, where they need no stub.
#[test]
fn the_packages_beside_a_relocatable_tarball_are_what_they_were() {
    let build = |more: &str| {
        let mut bundle = Bundle { case: Case::named("hello-c"), folder: scratch_folder() };
        bundle.case.add(more);
        succeeds(bundle.command(Layout::Flat).arg(bundle.case.result()));
        bundle
    };
    let (fixed, relocatable) = (build("[tarball]\nrelocatable = false\n"), build(""));
    for part in [".deb", ".rpm"] {
        let [one, other] = [&fixed, &relocatable].map(|bundle| fs::read(bundle.artifact(part)).unwrap());
        assert!(one == other, "{part}");
    }
    assert_ne!(fs::read(fixed.artifact(".tar.")).unwrap(), fs::read(relocatable.artifact(".tar.")).unwrap());
}

const ENVIRONMENT: &str = r#"
    [tarball]
    relocatable = true
    [runtime.env]
    DATA = { set = "${root}/share" }
    EDITOR = { default = "vi" }
    GONE = { unset = true }
    PATH = { prefix = "${root}/libexec", suffix = "/late", separator = ":" }
"#;

/// What the environment comes to for a program below a root.
fn expected(root: &str) -> [String; 3] {
    [format!("DATA={root}/share"), "EDITOR=vi".to_owned(), format!("PATH={root}/libexec:/bin:/late")]
}

/// The variables of a program that prints all it has.
fn environment(machine: &Machine, program: &[&str]) -> Vec<String> {
    let env = ["env", "GONE=1", "PATH=/bin"];
    let told = succeeds(machine.inside().args(env).args(program));
    let mut lines: Vec<String> = told.lines().map(str::to_owned).collect();
    lines.retain(|line| ["DATA", "EDITOR", "GONE", "PATH"].iter().any(|name| line.starts_with(name)));
    lines.sort();
    lines
}

/// In a package, and in a tarball; for another processor.
#[test]
fn an_environment_is_set_up_in_packages_and_tarballs_alike() {
    let mut bundle = Bundle { case: Case::named("jq-arm64"), folder: scratch_folder() };
    bundle.case.add(ENVIRONMENT);
    succeeds(bundle.command(Layout::Flat).arg(bundle.case.result()));
    let machine = Machine::new("bullseye");
    let all = ["-n", "-r", r#"env | to_entries[] | "\(.key)=\(.value)""#];
    let run = |program: &str| environment(&machine, &[&[program][..], &all].concat());
    machine.outside("dpkg-deb -x $1 $ROOT", &bundle.artifact(".deb"));
    assert_eq!(run("/usr/bin/jq"), expected("/usr"));
    let tarball = bundle.artifact(".tar.");
    let top = only_folder(&tarball);
    machine.outside("mkdir \"$ROOT/a b\"; tar --zstd -xf $1 -C \"$ROOT/a b\"", &tarball);
    let root = format!("/a b/{top}");
    assert_eq!(run(&format!("{root}/bin/jq")), expected(&root));
}

#[test]
fn an_environment_is_set_up_in_the_store_layout() {
    let mut bundle = Bundle { case: Case::named("python"), folder: scratch_folder() };
    bundle.case.add(&ENVIRONMENT.replace("relocatable = true", ""));
    succeeds(bundle.command(Layout::Store).args(["-f", "deb"]).arg(bundle.case.result()));
    let machine = Machine::new("scratch");
    machine.outside("dpkg-deb -x $1 $ROOT", &bundle.artifact(".deb"));
    let print = "import os, sys; assert 'python3' in os.readlink('/proc/self/exe')\n\
                 for item in os.environ.items(): print('='.join(item))";
    let told = environment(&machine, &["/opt/py/bin/python3", "-c", print]);
    assert_eq!(told, expected("/opt/py"));
    machine.check(&bundle.case, Path::new("/opt/py/bin"), &[]);
}

fn sh(shell: &[&str], script: &Path, arguments: &[&str], home: &Path) -> (bool, String) {
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).arg(script).args(arguments).env("HOME", home).current_dir(home);
    let done = command.output().unwrap();
    let text = [done.stdout, done.stderr].concat();
    (done.status.success(), String::from_utf8(text).unwrap())
}

#[test]
fn a_tarball_installs_itself_and_goes_again() {
    let mut bundle = Bundle { case: Case::named("lzip"), folder: scratch_folder() };
    bundle.case.add("[tarball]\nrelocatable = true\n");
    succeeds(bundle.command(Layout::Flat).args(["-f", "tar"]).arg(bundle.case.result()));
    let tarball = bundle.artifact(".tar.");
    for shell in [&["dash"][..], &["bash", "--posix"], &["busybox", "sh"]] {
        let room = scratch_folder();
        let home = room.path().join("h o m e");
        fs::create_dir_all(&home).unwrap();
        succeeds(Command::new("tar").arg("-xf").arg(&tarball).arg("-C").arg(&home));
        let unpacked = home.join(only_folder(&tarball));
        let (script, prefix, bin) =
            (unpacked.join("install.sh"), home.join("to here/x"), home.join("my bin"));
        let options = ["--prefix", prefix.to_str().unwrap(), "--bin", bin.to_str().unwrap()];
        let run = |arguments: &[&str]| sh(shell, &script, arguments, &home);
        let (done, told) = run(&options);
        assert!(done && told.contains("into PATH"), "{told}");
        let works = |program: PathBuf| succeeds(Command::new(program).arg("--version")).contains("lzip");
        assert!(works(bin.join("lzip")) && works(prefix.join("bin/lzip")));
        // Again, over itself, and from the place where it is.
        fs::write(prefix.join("lib/mine"), "").unwrap();
        assert!(run(&options).0);
        let own = prefix.join("install.sh");
        assert!(sh(shell, &own, &options, &home).0);
        assert!(works(bin.join("lzip")));
        // Links of others stay, and other folders are not mixed with it.
        let (done, told) = run(&["--prefix", home.to_str().unwrap()]);
        assert!(!done && told.contains("something else"), "{told}");
        fs::remove_file(bin.join("lzip")).unwrap();
        fs::write(bin.join("lzip"), "other").unwrap();
        assert!(run(&options).1.contains("is there already"));
        let (done, told) = sh(shell, &own, &["--uninstall", options[0], options[1]], &home);
        assert!(done, "{told}");
        assert_eq!(fs::read_to_string(bin.join("lzip")).unwrap(), "other");
        let left = succeeds(Command::new("find").arg(&prefix).args(["-not", "-type", "d"]));
        assert_eq!(left.trim(), prefix.join("lib/mine").to_str().unwrap());
        let (done, told) = run(&["--uninstall", options[0], options[1]]);
        assert!(!done && told.contains("is not installed there"), "{told}");
        assert!(!run(&["--nonsense"]).0 && run(&["--help"]).1.contains("--uninstall"));
        // What is missing is told of before anything is done.
        fs::remove_file(unpacked.join("lib").join("x-lzip/libc.so.6")).unwrap();
        let (done, told) = run(&options);
        assert!(!done && told.contains("libc.so.6 is missing"), "{told}");
    }
    let mode = fs::metadata(&tarball).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
}

/// With the real paths of the folder, whatever the wrapper is.
#[test]
fn wrappers_do_what_they_did() {
    let bundle = relocatable("flags");
    let machine = Machine::new("scratch");
    let top = unpacked(&machine, &bundle.artifact(".tar."), "/opt/a b");
    let program = top.join("bin/every-binary");
    let told = succeeds(machine.inside().args(["env", "W_LIST=/a"]).arg(program).arg("the user's"));
    let at = told.lines().find_map(|line| line.strip_prefix("cwd=")?.strip_suffix("/folder")).unwrap();
    assert!(at.starts_with(top.to_str().unwrap()), "{told}");
    for line in [
        format!("W_LIST={at}/first:/a:{at}/last"),
        format!("W_FILE={at}/data"),
        "W_QUOTES=it's \"so\" \\ and $PWD".to_owned(),
        format!("W_SPACED=--dir={at}"),
        "read=the data".to_owned(),
    ] {
        assert!(told.lines().any(|told| told == line), "{line} is not in {told}");
    }
    let arguments: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("arg=")).collect();
    let [first, given, last] = [format!("one flag of {at}"), format!("{at}/in"), format!("{at}/out")];
    assert_eq!(arguments, [&first, "--in", &given, "the user's", "the last but two", "--out", &last]);
}
