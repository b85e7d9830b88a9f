//! A folder with a store, a result in it, and files that an nfpm.yaml names.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub const RESULT: &str = "nix/store/rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr-tool-1.0";

pub struct Workshop {
    folder: tempfile::TempDir,
    result: String,
    root: String,
}

/// What a program said.
pub struct Said {
    pub stdout: String,
    pub stderr: String,
}

impl Workshop {
    /// The result has a program, a script without references.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        let result = root.join(RESULT);
        fs::create_dir_all(result.join("bin")).unwrap();
        fs::write(result.join("bin/tool"), "#!/bin/sh\n").unwrap();
        fs::set_permissions(result.join("bin/tool"), fs::Permissions::from_mode(0o555)).unwrap();
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        Workshop { result: text(&result), root: text(&root), folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn root(&self) -> &str {
        &self.root
    }

    pub fn result(&self) -> &str {
        &self.result
    }

    /// A file of a mode that no umask changes; executable if it begins as a script.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        let mode = if text.starts_with("#!") { 0o755 } else { 0o644 };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs explant in the folder.
    pub fn explant(&self, arguments: &[&str], code: i32) -> Said {
        let out = self.run(Path::new(env!("CARGO_BIN_EXE_explant")), arguments, &[]);
        let said = said(&out);
        assert_eq!(out.status.code(), Some(code), "{arguments:?}: {}", said.stderr);
        said
    }

    /// Runs nfpm in the folder.
    pub fn nfpm(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Said {
        let cache = std::env::var_os("EXPLANT_CACHE").map(PathBuf::from);
        let cache = cache.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache"));
        let program = cache.join("nfpm/bin/nfpm");
        assert!(program.exists(), "{} is not there; tests/prepare installs it", program.display());
        let out = self.run(&program, arguments, environment);
        let said = said(&out);
        assert!(out.status.success(), "nfpm {arguments:?}: {}{}", said.stdout, said.stderr);
        said
    }

    pub fn run(&self, program: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
        Command::new(program)
            .args(arguments)
            .current_dir(self.folder.path())
            .env("LC_ALL", "C")
            .env_remove("SOURCE_DATE_EPOCH")
            .envs(environment.iter().copied())
            .output()
            .unwrap_or_else(|cause| panic!("cannot run {}: {cause}", program.display()))
    }

    /// Standard output of a tool that must succeed.
    pub fn tool(&self, program: &str, arguments: &[&str]) -> String {
        let out = self.run(Path::new(program), arguments, &[]);
        assert!(out.status.success(), "{program} {arguments:?}: {}", said(&out).stderr);
        said(&out).stdout
    }
}

fn said(out: &Output) -> Said {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { stdout: text(&out.stdout), stderr: text(&out.stderr) }
}
