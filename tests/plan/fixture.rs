//! A store of its own in a temporary folder: real ELF files, compiled by gcc as nixpkgs would have them linked.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use explant::config::Config;
use explant::elf::Elf;
use explant::error::Result;
use explant::payload;
use explant::plan::{self, Entry, Kind, Plan, Request, Surgery};
use explant::store::Store;

pub struct Fixture {
    root: tempfile::TempDir,
    pub results: Vec<&'static str>,
}

/// The machine's own loader and C library, as a store path.
pub const GLIBC: &str = "gggggggggggggggggggggggggggggggg-glibc-2.36";
const LOADER: &str = "ld-linux-x86-64.so.2";
const HOST_LIBRARIES: &str = "/lib/x86_64-linux-gnu";

impl Fixture {
    pub fn new() -> Self {
        let fixture = Fixture { root: tempfile::tempdir().unwrap(), results: Vec::new() };
        for name in [LOADER, "libc.so.6", "libm.so.6"] {
            let real = Path::new(HOST_LIBRARIES).join(name).canonicalize().unwrap();
            fs::copy(real, fixture.disk(&format!("{GLIBC}/lib/{name}"))).unwrap();
        }
        fixture
    }

    /// Where the disk has a path of the store; its folder is made.
    pub fn disk(&self, path: &str) -> PathBuf {
        let disk = self.root.path().join("nix/store").join(path);
        fs::create_dir_all(disk.parent().unwrap()).unwrap();
        disk
    }

    pub fn file(&self, path: &str, content: impl AsRef<[u8]>) -> &Self {
        fs::write(self.disk(path), content).unwrap();
        self
    }

    pub fn script(&self, path: &str, content: &str) -> &Self {
        self.file(path, content);
        fs::set_permissions(self.disk(path), fs::Permissions::from_mode(0o555)).unwrap();
        self
    }

    pub fn link(&self, path: &str, target: &str) -> &Self {
        symlink(target, self.disk(path)).unwrap();
        self
    }

    /// A library `lib<name>.so.1` in `path`, which needs `needs` (paths of libraries); its run path has their folders.
    pub fn library(&self, path: &str, needs: &[&str]) -> &Self {
        let soname = path.rsplit('/').next().unwrap();
        let function = soname.split('.').next().unwrap();
        // Its own path makes two libraries of one name differ.
        let source = format!("const char *{function}(void) {{ return \"{path}\"; }}");
        self.compile(path, &source, needs, &["-shared", "-fPIC", &format!("-Wl,-soname,{soname}")])
    }

    pub fn program(&self, path: &str, needs: &[&str]) -> &Self {
        let loader = format!("-Wl,--dynamic-linker=/nix/store/{GLIBC}/lib/{LOADER}");
        self.compile(path, "int main(void) { return 0; }", needs, &[&loader])
    }

    /// A file with a run path of its own, or none; linked against `needs` all the same.
    pub fn with_run_path(&self, path: &str, run_path: Option<&str>, needs: &[&str], flags: &[&str]) -> &Self {
        let done = Command::new("gcc")
            .args(["-Wl,--no-as-needed", "-Wl,--allow-shlib-undefined"])
            .args(run_path.map(|folders| format!("-Wl,-rpath,{folders}")))
            .args(flags)
            .args(needs.iter().map(|need| self.disk(need)))
            .arg("-o")
            .arg(self.disk(path))
            .args(["-xc", "-"])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .and_then(|mut gcc| {
                use std::io::Write;
                gcc.stdin.take().unwrap().write_all(b"int main(void) { return 0; }")?;
                gcc.wait()
            })
            .unwrap();
        assert!(done.success());
        self
    }

    pub fn compile(&self, path: &str, source: &str, needs: &[&str], flags: &[&str]) -> &Self {
        let mut folders: Vec<String> =
            needs.iter().map(|need| format!("/nix/store/{}", folder(need))).collect();
        folders.push(format!("/nix/store/{GLIBC}/lib"));
        folders.dedup();
        let code = self.root.path().join("code.c");
        fs::write(&code, source).unwrap();
        let done = Command::new("gcc")
            .args(["-O1", "-Wl,--no-as-needed", "-Wl,--allow-shlib-undefined"])
            .args(flags)
            .arg(format!("-Wl,-rpath,{}", folders.join(":")))
            .arg(&code)
            .args(needs.iter().map(|need| self.disk(need)))
            .arg("-o")
            .arg(self.disk(path))
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        self
    }

    pub fn result(&mut self, path: &'static str) -> &mut Self {
        self.results.push(path);
        self
    }

    /// As for packages alone, unless it says something of the tarball: one for any folder has files of its own.
    pub fn try_plan(&self, bundle: &str) -> Result<Plan> {
        let mut config = self.config(bundle)?;
        config.relocatable = config.relocatable.or(Some(false));
        self.make(&config)
    }

    /// With a tarball that runs from any folder if it can.
    pub fn plan_by_default(&self, bundle: &str) -> Plan {
        self.config(bundle).and_then(|config| self.make(&config)).unwrap_or_else(|error| panic!("{error}"))
    }

    fn config(&self, bundle: &str) -> Result<Config> {
        Config::parse(bundle, &self.root.path().join("bundle.toml"))
    }

    fn make(&self, config: &Config) -> Result<Plan> {
        let store = Store::new(self.root.path());
        let results: Vec<PathBuf> = self.results.iter().map(|path| self.disk(path)).collect();
        plan::make(&Request { config, store: &store, results: &results, closure: None })
    }

    pub fn plan(&self, bundle: &str) -> Plan {
        self.try_plan(bundle).unwrap_or_else(|error| panic!("{error}"))
    }
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').unwrap().0
}

/// Each entry but folders, and what every bundle has for those who look into it, as a line: `path = origin`, `path -> target`, surgery
/// behind it.
pub fn lines(plan: &Plan) -> Vec<String> {
    let is_account = |entry: &Entry| {
        let path = entry.path.to_string();
        let names = ["/copyright", ".cdx.json", "/changelog.gz"];
        entry.origin.is_empty()
            && (path.starts_with("/usr/share/lintian/") || names.iter().any(|name| path.ends_with(name)))
    };
    plan.entries
        .iter()
        .filter(|entry| !matches!(entry.kind, Kind::Folder) && !is_account(entry))
        .map(line)
        .collect()
}

fn line(entry: &Entry) -> String {
    match &entry.kind {
        Kind::Link { target } => format!("{} -> {}", entry.path, String::from_utf8_lossy(target)),
        Kind::File { .. } => format!("{} = {}", entry.path, entry.origin),
        _ => entry.path.to_string(),
    }
}

pub fn entry<'a>(plan: &'a Plan, path: &str) -> &'a Entry {
    plan.entries
        .iter()
        .find(|entry| entry.path.to_string() == path)
        .unwrap_or_else(|| panic!("no {path} in {:#?}", lines(plan)))
}

/// The new run path of a file.
pub fn run_path(plan: &Plan, path: &str) -> String {
    surgery(plan, path)
        .iter()
        .find_map(|edit| match edit {
            Surgery::RunPath { to, .. } => Some(to.clone()),
            _ => None,
        })
        .unwrap_or_default()
}

pub fn surgery<'a>(plan: &'a Plan, path: &str) -> &'a [Surgery] {
    match &entry(plan, path).kind {
        Kind::File { surgery, .. } => surgery,
        other => panic!("{path} is {other:?}"),
    }
}

/// A file's bytes as the bundle has them.
pub fn body(plan: &Plan, path: &str) -> Vec<u8> {
    payload::whole(entry(plan, path)).unwrap().unwrap()
}

/// What an ELF file of the bundle says.
pub fn parsed(plan: &Plan, path: &str) -> Elf {
    Elf::parse(&body(plan, path)).unwrap().unwrap()
}

/// The relations that explant derives or the user gives one format: the .deb's, the .rpm's.
pub fn relations_of(plan: &Plan) -> (Vec<String>, Vec<String>) {
    (plan.package.deb.relations.depends.clone(), plan.package.rpm.relations.depends.clone())
}

/// The findings' codes, but for that of licence texts, which no fixture has.
pub fn codes(plan: &Plan) -> Vec<&'static str> {
    plan.findings.iter().map(|finding| finding.code).filter(|code| *code != "no-licence-text").collect()
}

/// The C source of a note that says which libraries a file opens itself: any one of `sonames`.
pub fn opening(sonames: &[&str], priority: &str) -> String {
    let sonames: Vec<String> = sonames.iter().map(|name| format!("\\\"{name}\\\"")).collect();
    let json =
        format!(r#"[{{\"soname\":[{}],\"feature\":\"x\",\"priority\":\"{priority}\"}}]"#, sonames.join(","));
    format!(
        "__attribute__((section(\".note.dlopen\"), aligned(4), used)) static const struct {{ int n, d, t; char o[4]; \
         char j[sizeof \"{json}\" + 3 & ~3]; }} note = {{ 4, sizeof \"{json}\", 0x407c0c0a, \"FDO\", \"{json}\" }};\n"
    )
}
