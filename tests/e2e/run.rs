//! The single file (`-f run`): started, started by many at once, killed, cut off, where there is no home, installed.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::harness::{
    Bundle, Case, Layout, Machine, entries, explant, output, scratch_folder, succeeds, told,
};

/// A case as a single file.
fn single_file(name: &str) -> (Bundle, PathBuf) {
    let mut bundle = Bundle { case: Case::named(name), folder: scratch_folder() };
    if name == "hello-c" {
        bundle.case.add("[run]\nprogram = \"hello\"\n");
    }
    succeeds(bundle.command(Layout::Flat).args(["-f", "run"]).arg(bundle.case.result()));
    let file = bundle.artifact(".run");
    (bundle, file)
}

macro_rules! runs {
    ($($module:ident = $name:literal;)+) => {$(
        #[test]
        fn $module() {
            runs($name);
        }
    )+};
}

runs! {
    hello_c = "hello-c";
    rust = "ripgrep";
    cpp = "lzip";
    musl = "musl";
    aarch64 = "jq-arm64";
}

/// Through links in PATH that have the programs' names, at the first start and at the second, by root, who has a home, and by others,
/// whose home it is not; where there is nothing but busybox, and in Debian 11.
fn runs(name: &str) {
    let (mut bundle, file) = single_file(name);
    bundle.case.checks.retain(|check| !check.argv.is_empty());
    for target in ["scratch", "bullseye"] {
        let machine = Machine::new(target);
        let links: Vec<String> = bundle
            .case
            .bin
            .iter()
            .map(|name| format!("ln -s '../my file' \"$ROOT/srv/links/{name}\""))
            .collect();
        let place = "mkdir -p $ROOT/srv/links $ROOT/tmp; chmod 1777 $ROOT/tmp; cp $1 \"$ROOT/srv/my file\"; ";
        machine.outside(&[place, &links.join("; ")].concat(), &file);
        for uid in [0, 0, 1000, 1000] {
            bundle.case.checks.iter_mut().for_each(|check| check.uid = uid);
            machine.check(&bundle.case, Path::new("/srv/links"), &[]);
        }
        let cached = machine.files();
        let is_cache = |folder: &str| cached.iter().any(|path| path.starts_with(folder));
        assert!(is_cache("root/.cache/explant") && is_cache("tmp/explant-1000"), "{target}");
        assert!(!cached.iter().any(|path| path.to_string_lossy().contains("/.explant-")), "{target}");
    }
}

/// The file, with a cache of its own.
fn start(file: &Path, cache: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(file);
    command.args(arguments).env("XDG_CACHE_HOME", cache);
    command
}

/// What is in a cache.
fn in_cache(cache: &Path) -> Vec<PathBuf> {
    entries(&cache.join("explant"))
}

/// The program's answer, or none.
fn works(done: &Output) -> bool {
    done.status.success() && done.stdout.starts_with(b"lzip 1.")
}

fn is_refused(done: &Output, words: &str) {
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.code() == Some(127) && said.contains(words), "wanted: {words}\n{}", told(done));
}

#[test]
fn starts_at_once_share_one_cache() {
    let (_bundle, file) = single_file("lzip");
    for _ in 0..20 {
        let cache = scratch_folder();
        let children: Vec<_> = (0..8)
            .map(|_| {
                let mut command = start(&file, cache.path(), &["--version"]);
                command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
            })
            .collect();
        for child in children {
            let done = child.wait_with_output().unwrap();
            assert!(works(&done) && done.stderr.is_empty(), "{}", told(&done));
        }
        assert_eq!(in_cache(cache.path()).len(), 1);
    }
}

/// Wherever it was; the next start clears up.
#[test]
fn a_start_that_was_killed_leaves_nothing_that_is_used() {
    let (_bundle, file) = single_file("lzip");
    let mut halves = 0;
    for delay in 0..30 {
        let cache = scratch_folder();
        let mut command = start(&file, cache.path(), &["--version"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(2 * delay));
        let group = format!("-{}", child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status().unwrap();
        child.wait().unwrap();
        let explant = cache.path().join("explant");
        let is_half = |path: &PathBuf| path.to_string_lossy().contains("/.explant-");
        halves += usize::from(explant.exists() && entries(&explant).iter().any(is_half));
        assert!(works(&output(&mut start(&file, cache.path(), &["--version"]), "")));
        assert_eq!(in_cache(cache.path()).len(), 1, "after {delay}");
    }
    assert!(halves > 0, "none was killed while it unpacked");
}

#[test]
fn a_cache_that_has_lost_files_is_made_anew() {
    let (_bundle, file) = single_file("lzip");
    let cache = scratch_folder();
    for _ in 0..2 {
        assert!(works(&output(&mut start(&file, cache.path(), &["--version"]), "")));
        fs::remove_dir_all(in_cache(cache.path())[0].join("bin")).unwrap();
    }
}

#[test]
fn a_file_that_is_cut_off_says_so() {
    let (_bundle, file) = single_file("lzip");
    let whole = fs::read(&file).unwrap();
    let room = scratch_folder();
    let cut = room.path().join("cut off.run");
    for length in [1000, 5000, 16 << 10, 20 << 10, whole.len() - 1] {
        fs::write(&cut, &whole[..length]).unwrap();
        fs::set_permissions(&cut, fs::Permissions::from_mode(0o755)).unwrap();
        for arguments in [&["--version"][..], &["--explant-extract", room.path().to_str().unwrap()]] {
            is_refused(&output(&mut start(&cut, room.path(), arguments), ""), "cut off.run: it ");
        }
        assert!(entries(room.path()) == std::slice::from_ref(&cut));
        assert!(!explant().arg("check").arg(&cut).output().unwrap().status.success());
    }
    // Of the right length, and damaged.
    let mut damaged = whole.clone();
    damaged[1 << 20] ^= 1;
    fs::write(&cut, &damaged).unwrap();
    is_refused(&output(&mut start(&cut, room.path(), &["--version"]), ""), "cannot be unpacked");
    assert!(in_cache(room.path()).is_empty());
}

/// Shell lines as an unprivileged user in a machine, where /srv/x is the file; everything they say.
fn said(machine: &Machine, lines: &str) -> Output {
    output(machine.inside().args(["sh", "-c", lines]), "")
}

/// In folders that are read-only, full, not for programs, or somebody else's.
#[test]
fn folders_of_no_use_are_passed_over_in_words() {
    let (_bundle, file) = single_file("lzip");
    let machine = Machine::new("bullseye");
    machine.outside("cp $1 $ROOT/srv/x", &file);
    let user = "setpriv --reuid 1000 --regid 1000 --clear-groups env";
    let check = |lines: &str| said(&machine, &lines.replace("USER", user));
    // No home, and one that cannot be written to.
    assert!(works(&check("USER -u HOME /srv/x --version && [ -d /tmp/explant-1000 ]")));
    assert!(works(&check(
        "rm -r /tmp/explant-*; USER HOME=/nowhere /srv/x --version && [ -d /tmp/explant-1000 ]"
    )));
    // A relative cache folder is none.
    assert!(works(&check(
        "rm -r /tmp/explant-*; cd /tmp; USER -u HOME XDG_CACHE_HOME=here /srv/x --version && [ ! -e here ]"
    )));
    // A cleaner took a library.
    assert!(works(&check("rm -r /tmp/explant-1000/*/lib; USER HOME=/nowhere /srv/x --version")));
    // Somebody else's folder, and a link to one's own.
    is_refused(
        &check("rm -r /tmp/explant-*; mkdir -m 777 /tmp/explant-1000; USER HOME=/no /srv/x"),
        "is somebody else's",
    );
    let link = "rm -r /tmp/explant-*; USER mkdir -m 700 /tmp/mine; USER ln -s mine /tmp/explant-1000; USER HOME=/no /srv/x";
    is_refused(&check(link), "is somebody else's");
    // Root makes nothing in a user's home.
    let sudo = "mkdir /home/u; chown 1000 /home/u; HOME=/home/u /srv/x --version && [ -d /tmp/explant-0 ] && [ -z \"$(ls -A /home/u)\" ]";
    assert!(works(&check(sudo)));
    // No programs start in the home; nor anywhere.
    let noexec = "mount -t tmpfs -o noexec none /home/u; chown 1000 /home/u; rm -rf /tmp/explant-*; USER HOME=/home/u /srv/x --version";
    assert!(works(&check(noexec)));
    is_refused(&check(&format!("mount -t tmpfs -o noexec,mode=1777 none /tmp; {noexec}")), "(noexec)");
    // A disk that is full: no half of it stays.
    let full = "rm -rf /tmp/explant-*; mount -t tmpfs -o size=1m none /home/u; chown 1000 /home/u; USER HOME=/home/u /srv/x; s=$?; find /home/u/.cache/explant -mindepth 1 | sed 's/^/left: /' >&2; exit $s";
    let done = check(full);
    is_refused(&done, "cannot be unpacked");
    assert!(!String::from_utf8_lossy(&done.stderr).contains("left: "), "{}", told(&done));
}

#[test]
fn it_is_unpacked_and_installed_by_options_of_its_own() {
    let (_bundle, file) = single_file("lzip");
    let room = scratch_folder();
    let path = |name: &str| room.path().join(name);
    let text = |name: &str| path(name).to_str().unwrap().to_owned();
    let run =
        |arguments: &[&str]| succeeds(start(&file, &path("cache"), arguments).env("TMPDIR", room.path()));
    assert!(run(&["--explant-list"]).contains("-linux/bin/lzip\n"));
    assert!(run(&["--explant-help"]).contains("--explant-install"));
    run(&["--explant-extract", &text("to here")]);
    let top = entries(&path("to here")).remove(0);
    assert!(succeeds(Command::new(top.join("bin/lzip")).arg("--version")).contains("lzip"));
    is_refused(
        &output(&mut start(&file, &path("cache"), &["--explant-extract", &text("to here")]), ""),
        "there already",
    );
    run(&["--explant-install", &text("in stalled"), "--bin", &text("bin")]);
    assert!(succeeds(Command::new(path("bin/lzip")).arg("--version")).contains("lzip"));
    run(&["--explant-install", &text("in stalled"), "--uninstall"]);
    assert!(!path("in stalled").exists() && !path("bin/lzip").exists());
    assert!(!path("cache").exists(), "what is only installed is not cached");
    // Its other programs: by name, and by the name of a link.
    assert!(run(&["--explant-run", "lzip.lzip", "--version"]).contains("lzip"));
    is_refused(&output(&mut start(&file, &path("cache"), &["--explant-run", "none"]), ""), "no program none");
    symlink(&file, path("lzip.lzip")).unwrap();
    assert!(
        succeeds(start(&path("lzip.lzip"), &path("cache"), &["--version"]).current_dir("/")).contains("lzip")
    );
    let left: Vec<_> = entries(room.path()).iter().map(|path| path.file_name().unwrap().to_owned()).collect();
    assert_eq!(left, ["bin", "cache", "lzip.lzip", "to here"]);
}

/// Arguments, input, status and environment are the program's own.
#[test]
fn the_program_gets_what_the_user_gives() {
    let (_bundle, file) = single_file("jq-arm64");
    let room = scratch_folder();
    let filter = r#"[., $ARGS.positional, env.path, env.name, env.temporary, (env | has("explant_key"))]"#;
    let arguments = ["-c", filter, "--args", "a  b", "", "*"];
    for _ in 0..2 {
        let mut command = start(&file, room.path(), &arguments);
        command.env("path", "p").env("name", "n").env("temporary", room.path());
        let done = output(&mut command, "[1]");
        let expected = format!(r#"[[1],["a  b","","*"],"p","n","{}",false]"#, room.path().display());
        assert_eq!(String::from_utf8_lossy(&done.stdout).trim(), expected, "{}", told(&done));
    }
    assert_eq!(output(&mut start(&file, room.path(), &["."]), "{").status.code(), Some(5));
}

#[test]
fn its_shell_is_plain() {
    let (_bundle, file) = single_file("lzip");
    let room = scratch_folder();
    let head = room.path().join("head");
    fs::write(&head, &fs::read(&file).unwrap()[..16 << 10]).unwrap();
    succeeds(Command::new("shellcheck").args(["-s", "sh"]).arg(&head));
    for shell in [&["dash"][..], &["bash", "--posix"], &["busybox", "sh"]] {
        succeeds(Command::new(shell[0]).args(&shell[1..]).arg("-n").arg(&head));
    }
}

#[test]
fn what_cannot_be_one_file_is_refused_in_words() {
    let refused = |name: &str, formats: &str, more: &str, words: &str| {
        let mut bundle = Bundle { case: Case::named(name), folder: scratch_folder() };
        bundle.case.add(more);
        let done = output(bundle.command(Layout::Flat).args(["-f", formats]).arg(bundle.case.result()), "");
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.code() == Some(2) && said.contains(words), "wanted: {words}\n{}", told(&done));
    };
    refused("lzip", "run,tar", "[tarball]\nrelocatable = false\n", "one at a time");
    refused("lzip", "run", "[run]\nprogram = \"lzipp\"\n", "under [run]: lzip");
    refused("join", "run", "", "is not clear");
    // One that is not said to stay is made to go with it.
    let bundle = Bundle { case: Case::named("lzip"), folder: scratch_folder() };
    succeeds(bundle.command(Layout::Flat).args(["-f", "run,tar"]).arg(bundle.case.result()));
    let names = succeeds(Command::new("tar").arg("-tf").arg(bundle.artifact(".tar.")));
    assert!(names.contains("/install.sh"));
    let sums = fs::read_to_string(bundle.folder.path().join("SHA256SUMS")).unwrap();
    assert!(sums.contains(".run\n"));
}
