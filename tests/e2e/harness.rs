//! The corpus' cases, bundles made of them, and the systems that they are installed on.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde::Deserialize;
use tempfile::TempDir;

/// One closure, and what its programs must do wherever they are (tests/corpus/cases.json).
#[derive(Clone, Deserialize)]
pub struct Case {
    pub name: String,
    /// Debian's name of the architecture; unset: amd64.
    pub arch: Option<String>,
    /// The programs that a bundle must offer.
    pub bin: Vec<String>,
    /// Where a bundle that may not go to /usr does: it would replace files of the target's own packages.
    #[serde(default = "usr")]
    pub prefix: String,
    /// More of bundle.toml.
    #[serde(default)]
    bundle: String,
    pub checks: Vec<Check>,
}

fn usr() -> String {
    "/usr".into()
}

/// A command, found on a PATH that begins with the bundle's programs, and what becomes of it.
#[derive(Clone, Default, Deserialize)]
pub struct Check {
    #[serde(default)]
    pub argv: Vec<String>,
    /// Instead: a script's name in tests/corpus/checks, for `sh -eu`.
    script: Option<String>,
    #[serde(default)]
    pub stdin: String,
    #[serde(default)]
    pub exit: i32,
    /// A regular expression that is searched for.
    #[serde(default)]
    pub stdout: String,
    /// Who runs it, where that is not root.
    #[serde(default)]
    pub uid: u32,
    /// Whether it traces processes itself, so that strace cannot: a process has one tracer.
    #[serde(default)]
    traces: bool,
}

#[derive(Clone, Copy, Debug)]
pub enum Layout {
    Flat,
    Store,
}

/// The folder of everything that is slow to make.
pub fn cache() -> PathBuf {
    match std::env::var_os("EXPLANT_CACHE") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache"),
    }
}

/// A folder for one test, on the cache's disk (some closures are large for a /tmp in memory).
pub fn scratch_folder() -> TempDir {
    let parent = cache().join("run");
    fs::create_dir_all(&parent).unwrap();
    tempfile::tempdir_in(parent).unwrap()
}

pub fn explant() -> Command {
    Command::new(env!("CARGO_BIN_EXE_explant"))
}

impl Check {
    fn argv(&self) -> Vec<String> {
        let Some(name) = &self.script else { return self.argv.clone() };
        let file = corpus().join("checks").join(name).with_extension("sh");
        let text = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        vec!["sh".into(), "-euc".into(), text]
    }
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

impl Case {
    pub fn all() -> Vec<Case> {
        serde_json::from_str(include_str!("../corpus/cases.json")).unwrap()
    }

    /// Those that are slow to make.
    pub fn more() -> Vec<Case> {
        serde_json::from_str(include_str!("../corpus/more.json")).unwrap()
    }

    pub fn named(name: &str) -> Case {
        let mut every = Case::all().into_iter().chain(Case::more());
        every.find(|case| case.name == name).unwrap_or_else(|| panic!("no case {name}"))
    }

    /// Its store path.
    pub fn result(&self) -> PathBuf {
        let root = cache().join("roots").join(&self.name);
        fs::read_link(&root)
            .unwrap_or_else(|e| panic!("{}: {e}: run `make test` or tests/prepare", root.display()))
    }

    /// The store paths of its closure, from Nix itself.
    pub fn closure(&self) -> Vec<String> {
        let listed = succeeds(Command::new("nix-store").arg("-qR").arg(self.result()));
        listed.lines().map(str::to_owned).collect()
    }

    /// Adds to bundle.toml.
    pub fn add(&mut self, toml: &str) {
        self.bundle += &format!("\n{toml}");
    }

    /// Leaves libraries to the target.
    pub fn baseline(&mut self, globs: &[&str]) {
        self.add(&format!("[runtime]\nbaseline = {globs:?}\n"));
    }

    /// The package's name: none of the target's own.
    pub fn package(&self) -> String {
        format!("x-{}", self.name)
    }

    pub fn bundle_toml(&self, layout: Layout) -> String {
        let layout = format!("{layout:?}").to_lowercase();
        // Debian 11's dpkg knows no zstd.
        format!(
            "[package]\nname = \"{}\"\nversion = \"1.0\"\nmaintainer = \"Corpus <corpus@example.org>\"\n\
             [install]\nprefix = \"{}\"\nlayout = \"{layout}\"\n[deb]\ncompression = \"gzip:1\"\n{}",
            self.package(),
            self.prefix,
            self.bundle
        )
    }
}

/// A case's artifacts, in a folder of their own.
pub struct Bundle {
    pub case: Case,
    pub folder: TempDir,
}

impl Bundle {
    pub fn build(name: &str, layout: Layout) -> Bundle {
        let case = Case::named(name);
        let bundle = Bundle { folder: scratch_folder(), case };
        succeeds(bundle.command(layout).arg(bundle.case.result()));
        bundle
    }

    /// `explant build` with the case's bundle.toml; what is still to be added is RESULT.
    pub fn command(&self, layout: Layout) -> Command {
        self.command_to(layout, self.folder.path())
    }

    /// The same, with another folder for the artifacts.
    pub fn command_to(&self, layout: Layout, output: &Path) -> Command {
        let config = self.folder.path().join("bundle.toml");
        fs::write(&config, self.case.bundle_toml(layout)).unwrap();
        let mut command = explant();
        command.arg("build").arg("-c").arg(config).arg("-o").arg(output);
        command
    }

    /// The one artifact whose name has this in it.
    pub fn artifact(&self, part: &str) -> PathBuf {
        artifact(self.folder.path(), part)
    }
}

/// The one artifact in a folder whose name has this in it.
pub fn artifact(folder: &Path, part: &str) -> PathBuf {
    let artifacts = artifacts(folder);
    let mut found = artifacts.iter().filter(|path| path.to_string_lossy().contains(part));
    match (found.next(), found.next()) {
        (Some(path), None) => path.clone(),
        _ => panic!("not one {part} in {artifacts:?}"),
    }
}

/// The artifacts in a folder, sorted.
pub fn artifacts(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> =
        entries(folder).into_iter().filter(|p| p.extension() != Some(OsStr::new("toml"))).collect();
    found.retain(|path| !path.file_name().unwrap().as_bytes().starts_with(b"."));
    found
}

pub fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

/// A fresh copy of one of the corpus' targets (tests/corpus/targets).
pub struct Machine {
    target: &'static str,
    state: TempDir,
    /// Whether strace tells every file that a check asks for.
    watched: bool,
    /// What else than /nix no check may ask for, if it is watched: what a path begins with.
    kept_from: Option<String>,
}

impl Machine {
    pub fn new(target: &'static str) -> Machine {
        Machine { target, state: scratch_folder(), watched: false, kept_from: None }
    }

    /// One in which no check may ask for a file below /nix.
    pub fn watched(target: &'static str) -> Machine {
        Machine { watched: true, ..Machine::new(target) }
    }

    /// One in which none may ask for what begins so, either.
    pub fn kept_from(target: &'static str, beginning: String) -> Machine {
        Machine { kept_from: Some(beginning), ..Machine::watched(target) }
    }

    fn run_in(&self, options: &[&OsStr]) -> Command {
        self.run_watched(options, false)
    }

    fn run_watched(&self, options: &[&OsStr], watched: bool) -> Command {
        let mut command = Command::new("timeout");
        command.arg("300");
        if watched {
            command.args(["strace", "-f", "-qq", "-s", "4096", "-e", "trace=file", "-o"]).arg(self.trace());
        }
        command.arg(corpus().join("run-in"));
        command.env("EXPLANT_CACHE", cache()).arg("-s").arg(self.state.path()).args(options).arg(self.target);
        command
    }

    fn trace(&self) -> PathBuf {
        self.state.path().join("strace")
    }

    /// A command in it, as root.
    pub fn inside(&self) -> Command {
        self.run_in(&[])
    }

    /// A shell line of this machine's, with $ROOT where the target is and $1 the argument.
    pub fn outside(&self, line: &str, argument: &Path) -> String {
        succeeds(self.run_in(&["-o".as_ref()]).args(["sh", "-euc", line, "sh"]).arg(argument))
    }

    /// Makes a file of this machine's visible to `inside`, at /mnt.
    pub fn with_file(&self, file: &Path) -> Command {
        let mut bind = OsString::from(file);
        bind.push(":/mnt/");
        bind.push(file.file_name().unwrap());
        self.run_in(&["-b".as_ref(), &bind])
    }

    /// Shell lines in it, as root, with a folder of this machine's at /mnt; what they print.
    pub fn does(&self, folder: &Path, lines: &str) -> String {
        succeeds(self.with_folder(folder).args(["sh", "-euc", lines]))
    }

    /// Makes a folder of this machine's visible to `inside`, at /mnt.
    pub fn with_folder(&self, folder: &Path) -> Command {
        let mut bind = OsString::from(folder);
        bind.push(":/mnt");
        self.run_watched(&["-b".as_ref(), &bind], self.watched)
    }

    /// Every check of a case passes with nothing but its closure, so it asks for nothing that a target lacks.
    pub fn passes_bare(&self, case: &Case) {
        let mut case = case.clone();
        case.checks.retain(|check| check.uid == 0); // a store path is never setuid
        self.check(&case, &case.result().join("bin"), &case.closure());
    }

    /// Every file in it.
    pub fn files(&self) -> BTreeSet<PathBuf> {
        let mut find = self.run_in(&["-o".as_ref()]);
        let found = output(find.args(["sh", "-euc", "cd $ROOT; find . -xdev -print0"]), "").stdout;
        let names = found.split(|b| *b == 0).filter_map(|name| name.strip_prefix(b"./"));
        names.map(|name| PathBuf::from(OsString::from_vec(name.to_vec()))).collect()
    }

    /// Runs a case's checks; `binds` are store paths to be seen in it.
    pub fn check(&self, case: &Case, programs: &Path, binds: &[String]) {
        for name in &case.bin {
            let test = format!("test -x '{}'", programs.join(name).display());
            self.passes(
                &Check { argv: vec!["sh".into(), "-c".into(), test], ..Check::default() },
                programs,
                binds,
            );
        }
        for check in &case.checks {
            self.passes(check, programs, binds);
        }
    }

    fn passes(&self, check: &Check, programs: &Path, binds: &[String]) {
        let uid = check.uid.to_string();
        let binds: Vec<String> = binds.iter().map(|path| format!("{path}:{path}")).collect();
        let mut options: Vec<&OsStr> = vec!["-u".as_ref(), uid.as_ref()];
        options.extend(binds.iter().flat_map(|bind| [OsStr::new("-b"), OsStr::new(bind)]));
        let path = format!("PATH={}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", programs.display());
        let argv = check.argv();
        let watched = self.watched && !check.traces;
        let done = output(self.run_watched(&options, watched).args(["env", &path]).args(&argv), &check.stdin);
        let stdout = String::from_utf8_lossy(&done.stdout);
        let wanted = regex::Regex::new(&check.stdout).unwrap();
        assert!(
            done.status.code() == Some(check.exit) && wanted.is_match(stdout.trim_end_matches('\n')),
            "in {}: {argv:?}\nwanted: status {}, {:?}\n{}",
            self.target,
            check.exit,
            check.stdout,
            told(&done)
        );
        if watched {
            self.asked_for_nothing_of_nix(&argv.join(" "));
        }
    }

    /// Every line of strace's has a call and its files in quotes. Where nixpkgs' glibc asks for files of its own store path,
    /// the corpus' does for these (tests/corpus/nix/glibc.py).
    pub fn asked_for_nothing_of_nix(&self, what: &str) {
        let trace = fs::read(self.trace()).unwrap();
        let trace = String::from_utf8_lossy(&trace);
        assert!(trace.contains("execve("), "nothing was traced: {trace}");
        let glibcs = ["\"/nix/ld.so.", "\"/nix/x86_64-linux-gnu/"];
        let asks = |line: &&str| {
            // What is behind the files of an execve is arguments: a script's text.
            let call = line.split_once(", [").map_or(*line, |(call, _)| call);
            let kept_from = self.kept_from.as_ref().is_some_and(|path| call.contains(&format!("\"{path}")));
            kept_from || call.contains("\"/nix/") && !glibcs.iter().any(|name| call.contains(name))
        };
        let asked: Vec<_> = trace.lines().filter(asks).take(20).collect();
        assert!(asked.is_empty(), "{what} asks for {asked:#?}");
    }
}

/// Writes files into a folder that is made where it is not there.
pub fn write_all(folder: &Path, files: &[(&str, &str)]) {
    fs::create_dir_all(folder).unwrap();
    for (name, text) in files {
        fs::write(folder.join(name), text).unwrap();
    }
}

/// Runs a command to its end with this on its standard input.
pub fn output(command: &mut Command, stdin: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    // What does not read its input closes it.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

/// Standard output of a command that must succeed.
pub fn succeeds(command: &mut Command) -> String {
    let done = output(command, "");
    assert!(done.status.success(), "{command:?}\n{}", told(&done));
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// How a command ended, for a failure's message.
pub fn told(done: &Output) -> String {
    let end = |bytes: &[u8]| String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(4000)..]).into_owned();
    format!("{}\n--- stdout\n{}--- stderr\n{}", done.status, end(&done.stdout), end(&done.stderr))
}
