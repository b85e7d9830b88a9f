//! A folder with a program, its library, and a link named patchelf.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// In front of the folder that the program's run path is about, so that there is room for longer ones.
pub const PADDING: &str = "/a/folder/with/a/long/name/that/is/not/there";

pub struct Workshop {
    folder: TempDir,
}

/// What came of a command.
#[derive(Debug)]
pub struct Ran {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Panics where it did not succeed in silence.
    #[track_caller]
    pub fn stdout(&self) -> &str {
        assert!(self.status == 0 && self.stderr.is_empty(), "{self:?}");
        &self.stdout
    }

    /// Panics where it did not fail with this status; gives the message.
    #[track_caller]
    pub fn failure(&self, status: i32) -> &str {
        assert_eq!(self.status, status, "{self:?}");
        &self.stderr
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Ran {
            // A test that meets a signal wants to know of it.
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Workshop {
    /// `p` exits with 46, which it has from `lib/libgreet.so.1`; with an argument it first sleeps.
    pub fn new() -> Self {
        let shop = Workshop { folder: tempfile::tempdir().unwrap() };
        symlink(env!("CARGO_BIN_EXE_explant"), shop.path("patchelf")).unwrap();
        fs::create_dir(shop.path("lib")).unwrap();
        fs::write(
            shop.path("greet.c"),
            "#include <stdlib.h>\nint greet(void) { return getenv(\"GREET\") ? 0 : 46; }",
        )
        .unwrap();
        let main = "#include <unistd.h>\nint greet(void);\n\
            int main(int count, char **words) { if (count > 1) sleep(60); return greet(); }";
        fs::write(shop.path("p.c"), main).unwrap();
        shop.cc(&["-shared", "-fPIC", "-Wl,-soname,libgreet.so.1", "greet.c", "-o", "lib/libgreet.so.1"]);
        shop.link("p", &["-Wl,--enable-new-dtags"]);
        shop
    }

    /// Links the program anew.
    pub fn link(&self, name: &str, flags: &[&str]) {
        let run_path = format!("-Wl,-rpath,{}", self.run_path());
        self.cc(&[&["p.c", "lib/libgreet.so.1", &run_path, "-o", name], flags].concat());
    }

    /// The run path that programs have.
    pub fn run_path(&self) -> String {
        format!("{PADDING}:{}", self.text("lib"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub fn copy(&self, from: &str, to: &str) {
        fs::copy(self.path(from), self.path(to)).unwrap();
    }

    /// Device, inode, mode, owner: what an edit leaves as it is.
    pub fn identity(&self, name: &str) -> [u64; 5] {
        let metadata = fs::metadata(self.path(name)).unwrap();
        let (mode, uid, gid) = (metadata.mode().into(), metadata.uid().into(), metadata.gid().into());
        [metadata.dev(), metadata.ino(), mode, uid, gid]
    }

    /// Runs a command in the folder.
    pub fn run(&self, program: impl AsRef<Path>, arguments: &[&str]) -> Ran {
        let mut command = Command::new(program.as_ref());
        command.args(arguments).current_dir(self.folder.path());
        command.env_remove("LD_LIBRARY_PATH").output().unwrap().into()
    }

    pub fn patchelf(&self, arguments: &[&str]) -> Ran {
        self.run(self.path("patchelf"), arguments)
    }

    /// `explant patch`.
    pub fn explant(&self, arguments: &[&str]) -> Ran {
        self.run(env!("CARGO_BIN_EXE_explant"), &[&["patch"], arguments].concat())
    }

    /// As a user who may not do everything: for root, modes are no obstacle.
    pub fn humble_patchelf(&self, arguments: &[&str]) -> Ran {
        let patchelf = self.text("patchelf");
        if rustix::process::geteuid().is_root() {
            let powers = "-dac_override,-dac_read_search";
            return self.run("setpriv", &[&["--bounding-set", powers, &patchelf], arguments].concat());
        }
        self.patchelf(arguments)
    }

    /// The strings of a dynamic tag, by readelf.
    #[track_caller]
    pub fn dynamic(&self, tag: &str, file: &str) -> Vec<String> {
        let ran = self.run("readelf", &["-dW", file]);
        let lines = ran.stdout().lines().filter(|line| line.contains(&format!("({tag})")));
        lines.map(|line| line.split_once('[').unwrap().1.trim_end_matches(']').to_owned()).collect()
    }

    #[track_caller]
    pub fn cc(&self, arguments: &[&str]) {
        self.run("cc", arguments).stdout();
    }
}
