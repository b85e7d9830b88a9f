//! What few packages have: files beyond 32 bits, many files, nothing at all; folders that are not to be written to.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::harness::{artifact, artifacts, entries, explant, output, scratch_folder, succeeds, told};

/// A chroot store with one store path in it, made by a shell line in that path's folder.
struct Made {
    folder: TempDir,
}

const NAME: &str = "0123456789abcdfghijklmnpqrsvwxyz-odd-1.0";

impl Made {
    fn by(line: &str) -> Made {
        let folder = scratch_folder();
        let path = folder.path().join("nix/store").join(NAME);
        fs::create_dir_all(&path).unwrap();
        succeeds(Command::new("bash").args(["-euc", line]).current_dir(&path));
        Made { folder }
    }

    fn output(&self) -> std::path::PathBuf {
        self.folder.path().join("out")
    }

    fn build(&self, config: &str) -> Command {
        self.build_to(config, &self.output())
    }

    fn build_to(&self, config: &str, folder: &Path) -> Command {
        let file = self.folder.path().join("bundle.toml");
        fs::write(&file, config).unwrap();
        let mut command = explant();
        command.arg("build").arg("--store").arg(self.folder.path()).arg("-c").arg(file);
        command.arg("-o").arg(folder).arg(format!("/nix/store/{NAME}"));
        command
    }

    fn artifact(&self, part: &str) -> std::path::PathBuf {
        artifact(&self.output(), part)
    }
}

/// A shell line with $1 the artifact, in a folder of its own; its output.
fn with(artifact: &Path, line: &str) -> String {
    let folder = scratch_folder();
    let mut command = Command::new("bash");
    succeeds(command.args(["-euo", "pipefail", "-c", line, "sh"]).arg(artifact).current_dir(folder.path()))
}

/// rpm's own header has 32 bits for a size, and cpio eight hexadecimal digits; tar eleven octal ones.
#[test]
fn a_file_of_more_than_four_gigabytes() {
    const SIZE: u64 = (4 << 30) + 5;
    let made = Made::by("mkdir -p share/doc; echo text > share/doc/readme");
    let huge = made.folder.path().join("huge");
    let file = File::create(&huge).unwrap();
    file.set_len(SIZE).unwrap();
    file.write_all_at(b"end!\n", SIZE - 5).unwrap();
    let codec = "compression = \"zstd:1\"";
    succeeds(&mut made.build(&format!(
        "[deb]\n{codec}\n[rpm]\n{codec}\n[tarball]\n{codec}\n[[contents]]\nsrc = \"huge\"\ndst = \"/opt/huge\"\n"
    )));
    let told = format!("{SIZE} end!\n");
    let both = "tee >(tail -c 5 >tail) | wc -c | tr '\\n' ' '; sleep .2; cat tail";
    let deb = format!("dpkg-deb --fsys-tarfile $1 | tar -xO ./opt/huge | {both}");
    assert_eq!(with(&made.artifact(".deb"), &deb), told);
    assert_eq!(with(&made.artifact(".tar"), &format!("tar -xOf $1 ./opt/huge | {both}")), told);
    // Below the size that rpm counts in, cpio cannot read what rpm2cpio gives: rpm itself installs it.
    let rpm = "rpm -K $1 >&2; rpm -i --root $PWD --dbpath /db --nodeps --force-debian $1 >&2; stat -c %s opt/huge | tr '\\n' ' '; tail -c 5 opt/huge";
    assert_eq!(with(&made.artifact(".rpm"), rpm), told);
}

#[test]
fn many_files_and_long_and_foreign_names() {
    const FILES: usize = 20_000;
    let made = Made::by(&format!(
        "mkdir -p share/odd/many; cd share/odd; seq 1 {FILES} | split -l 1 -a 5 - many/
         long=$(printf 'x%.0s' {{1..246}}); echo long > $long; mkdir $long.d 2>/dev/null || true
         echo utf8 > 'grüße-世界'; ln many/aaaaa hard"
    ));
    succeeds(&mut made.build(""));
    let count = |artifact: &str, list: &str| {
        let names = with(&made.artifact(artifact), list);
        assert!(names.contains("grüße-世界") && names.contains(&"x".repeat(246)), "{artifact}");
        names.lines().filter(|name| name.contains("/many/") && !name.ends_with('/')).count()
    };
    assert_eq!(count(".deb", "dpkg-deb --fsys-tarfile $1 | tar -t --quoting-style=literal"), FILES);
    assert_eq!(count(".rpm", "rpm -K $1 >&2; rpm -qpl $1"), FILES);
    assert_eq!(count(".tar", "tar -tf $1 --quoting-style=literal"), FILES);
    // A hard link is a file of its own.
    let same = "dpkg-deb -x $1 .; cd $(dirname $(find . -name hard)); cmp hard many/aaaaa; stat -c %h hard; ls many | wc -l";
    assert_eq!(with(&made.artifact(".deb"), same), format!("1\n{FILES}\n"));
    let same = "rpm2cpio $1 | cpio -idm --quiet; cd $(dirname $(find . -name hard)); cmp hard many/aaaaa; stat -c %h hard; ls many | wc -l";
    assert_eq!(with(&made.artifact(".rpm"), same), format!("1\n{FILES}\n"));
}

/// dpkg and rpm make a file under a name that is 9 bytes longer.
#[test]
fn names_that_no_package_manager_can_unpack_are_refused() {
    let made = Made::by("mkdir -p share/odd; touch share/odd/$(printf 'x%.0s' {1..247})");
    for (format, tool) in [("deb", "dpkg"), ("rpm", "rpm")] {
        let done = output(made.build("").args(["-f", format]), "");
        let text = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.code() == Some(1) && text.contains(tool) && text.contains("-f tar"), "{text}");
    }
    succeeds(made.build("").args(["-f", "tar"]));
}

#[test]
fn the_store_is_no_output_folder() {
    let made = Made::by("mkdir -p share/odd; touch share/odd/x");
    let path = made.folder.path().join("nix/store").join(NAME);
    for folder in [path.join("dist"), path.clone(), made.folder.path().join("nix/store/new/deep")] {
        let done = output(&mut made.build_to("", &folder), "");
        let text = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.code() == Some(2) && text.contains("is in the Nix store"), "{text}");
    }
    assert_eq!(fs::read_dir(&path).unwrap().count(), 1);
    assert_eq!(fs::read_dir(made.folder.path().join("nix/store")).unwrap().count(), 1);
    // A derivation writes to its own place.
    let own = made.folder.path().join("nix/store/own");
    succeeds(made.build_to("", &own).env("NIX_BUILD_TOP", "/build"));
}

#[test]
fn an_empty_result() {
    let made = Made::by("true");
    let done = output(&mut made.build(""), "");
    assert_eq!(done.status.code(), Some(1), "{}", told(&done));
    let text = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(text.contains("there is nothing to ship"), "{text}");
    assert!(!made.output().exists());
}

/// Where explant itself writes: nothing but the output folder, whatever TMPDIR says.
#[test]
fn no_folder_for_temporary_files() {
    // Larger than what the check parses in memory.
    let made = Made::by("mkdir -p bin; cp /bin/true bin/large; truncate -s 20M bin/large");
    let config = "[runtime]\nglibc = \"bundled\"\n[install]\nlayout = \"store\"\n";
    succeeds(made.build(config).env("TMPDIR", "/nonexistent"));
    for part in [".deb", ".rpm", ".tar.zst"] {
        made.artifact(part);
    }
}

#[test]
fn a_folder_that_nothing_can_be_written_to() {
    let made = Made::by("mkdir -p share/odd; echo text > share/odd/text");
    let folder = made.folder.path().join("sealed");
    fs::create_dir(&folder).unwrap();
    let mount = |arguments: &[&str]| succeeds(Command::new("mount").args(arguments).arg(&folder));
    mount(&["-t", "tmpfs", "-o", "ro", "none"]);
    let done = output(&mut made.build_to("", &folder), "");
    let below = output(&mut made.build_to("", &folder.join("new")), "");
    succeeds(Command::new("umount").arg(&folder));
    for (done, name) in [(done, "sealed"), (below, "sealed/new")] {
        assert_eq!(done.status.code(), Some(1), "{}", told(&done));
        let text = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(text.contains(name) && text.contains("Read-only file system"), "{text}");
    }
    assert!(entries(&folder).is_empty());
}

/// As `explant build | head -c0`, and as `2>&1 | head -c0`.
#[test]
fn nobody_reads_what_it_says() {
    let made = Made::by("mkdir -p share/odd; echo text > share/odd/text");
    let closed = || std::io::pipe().unwrap().1;
    for deaf in [false, true] {
        let mut build = made.build("");
        build.stdout(closed());
        if deaf {
            build.stderr(closed());
        }
        let done = build.output().unwrap();
        assert!(done.status.success(), "{}", told(&done));
        assert!(!String::from_utf8_lossy(&done.stderr).contains("panicked"), "{}", told(&done));
        made.artifact(".deb");
    }
}

/// Threads cost memory, and the bytes do not depend on either.
#[test]
fn memory_decides_how_many_threads_not_which_bytes() {
    let made = Made::by("mkdir -p share/odd; seq 1 2000000 > share/odd/numbers");
    let xz = "compression = \"xz:1\"";
    let config = format!("[deb]\n{xz}\n[rpm]\n{xz}\n[tarball]\n{xz}\n");
    let read =
        || artifacts(&made.output()).into_iter().map(|path| fs::read(path).unwrap()).collect::<Vec<_>>();
    succeeds(made.build(&config).args(["-j", "8", "--memory", "2GiB"]));
    let wanted = read();
    succeeds(made.build(&config).args(["-j", "8", "--memory", "250M"]));
    assert!(read() == wanted);
    let done = output(made.build(&config).args(["--memory", "10M"]), "");
    assert_eq!(done.status.code(), Some(2), "{}", told(&done));
    let text = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(
        text.contains("xz:1 and xz:1") && text.contains("10 MiB are allowed") && text.contains("--memory"),
        "{text}"
    );
    for size in ["", "lots", "5X", "99999999999G"] {
        let done = output(made.build(&config).args(["--memory", size]), "");
        assert_eq!(done.status.code(), Some(2), "{size}: {}", told(&done));
    }
}
