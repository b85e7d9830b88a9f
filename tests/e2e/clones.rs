//! Two clones of a bundle's folder give the same bytes, whatever else is different: the place, the clock, the host's name, the
//! umask, the locale, the time zone, the number of threads, the kind of store.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::gnupg::Gnupg;
use crate::harness::{Case, artifacts, explant, scratch_folder, succeeds, write_all};
use crate::reproducible::{make_removable, stores};

const CASE: &str = "join";

const BUNDLE: &str = r#"
[package]
name = "x-clone"
maintainer = "Corpus <corpus@example.org>"
changelog = "changelog"
[scripts]
postinstall = "postinst"
[[contents]]
src = "conf"
dst = "/etc/x-clone.conf"
type = "config"
[[contents]]
src = "tree"
dst = "/usr/share/x-clone"
type = "tree"
"#;

/// One way to be somewhere else.
struct Place {
    folder: &'static str,
    umask: &'static str,
    clock: &'static str,
    host: &'static str,
    zone: &'static str,
    locale: &'static str,
    threads: &'static str,
}

const PLACES: [Place; 2] = [
    Place {
        folder: "a",
        umask: "022",
        clock: "2027-01-01 00:00:00",
        host: "first",
        zone: "UTC",
        locale: "C",
        threads: "1",
    },
    Place {
        folder: "another/folder with a long name, and spaces",
        umask: "077",
        clock: "2041-12-31 23:59:50",
        host: "second.example.org",
        zone: "Pacific/Kiritimati",
        locale: "tr_TR.UTF-8",
        threads: "5",
    },
];

type Files = Vec<(String, Vec<u8>)>;

impl Place {
    /// Makes the clone as git would here: under this umask, at this time.
    fn clone_bundle(&self, original: &Path, folder: &Path) -> PathBuf {
        let clone = folder.join(self.folder);
        let lines = r#"
            umask $1
            mkdir -p "$2"
            cp -r --no-preserve=all "$3"/. "$2"
            find "$2" -exec touch -d "$4" {} +"#;
        let mut shell = Command::new("sh");
        succeeds(shell.args(["-euc", lines, "sh", self.umask]).arg(&clone).arg(original).arg(self.clock));
        clone
    }

    /// Builds in the clone from a store below `root`, with no other to be seen: the artifacts, and what stands beside them.
    fn build(&self, clone: &Path, root: &Path, layout: &str, key: &Path) -> Files {
        fs::write(clone.join("layout.toml"), format!("{BUNDLE}[install]\nlayout = \"{layout}\"\n")).unwrap();
        let lines = r#"
            mount -t tmpfs none /nix
            hostname $1
            umask $2
            clock=$3
            shift 3
            exec faketime "$clock" "$@""#;
        let mut build = Command::new("unshare");
        build.args(["--uts", "--mount", "sh", "-euc", lines, "sh", self.host, self.umask, self.clock]);
        build.arg(explant().get_program()).args([
            "build",
            "-c",
            "layout.toml",
            "-j",
            self.threads,
            "-o",
            layout,
        ]);
        build.arg("--store").arg(root).arg(Case::named(CASE).result());
        build.current_dir(clone).env("TZ", self.zone).env("LC_ALL", self.locale).env("LANG", self.locale);
        build.env("EXPLANT_SIGNING_KEY", key).env("HOME", clone).env("USER", self.host);
        succeeds(&mut build);
        let read = |path: PathBuf| {
            (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap())
        };
        artifacts(&clone.join(layout)).into_iter().map(read).collect()
    }
}

/// A folder with bundle.toml and what it names.
fn write_original(folder: &Path) {
    write_all(folder, &[("changelog", "1.0\n"), ("postinst", "echo hello\n"), ("conf", "x = 1\n")]);
    write_all(&folder.join("tree/deeper"), &[("b", "b\n"), ("a", "a\n"), ("\u{fc}", "not ASCII\n")]);
}

#[test]
fn two_clones_give_the_same_bytes() {
    let folder = scratch_folder();
    let original = folder.path().join("original");
    write_original(&original);
    let gnupg = Gnupg::new();
    gnupg.key("rsa3072", "sign", "never", "");
    let key = gnupg.export("", "--export-secret-keys");
    let roots = stores(&Case::named(CASE), folder.path());
    let clones = PLACES.each_ref().map(|place| place.clone_bundle(&original, folder.path()));
    for layout in ["flat", "store"] {
        let one = PLACES[0].build(&clones[0], &roots[0], layout, &key);
        let two = PLACES[1].build(&clones[1], &roots[1], layout, &key);
        let names = |files: &Files| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&one), names(&two));
        for ending in [".deb", ".rpm", ".tar.zst", ".tar.zst.asc", "SHA256SUMS", "SHA256SUMS.asc"] {
            assert!(one.iter().any(|(name, _)| name.ends_with(ending)), "no {ending}: {:?}", names(&one));
        }
        for ((name, bytes), (_, others)) in one.iter().zip(&two) {
            let differ = bytes.iter().zip(others).position(|(a, b)| a != b);
            assert!(bytes == others, "{name} differs in the {layout} layout, first at {differ:?}");
        }
    }
    make_removable(folder.path());
}
