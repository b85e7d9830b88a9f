//! A package's life with the real tools of Debian 11, 12 and 13, each in a root of its own.

mod deb;
mod neighbours;
mod readers;
mod rpm;

use std::path::Path;

use tempfile::TempDir;

use crate::harness::{Case, Machine, explant, scratch_folder, succeeds, write_all};

/// Debian 11, 12 and 13, with what installs and reads packages (tests/corpus/targets).
pub const DEBIANS: [&str; 3] = ["tools-bullseye", "tools-bookworm", "tools-trixie"];

/// Two versions of one package, in the folders `1` and `2`.
///
/// /etc/x-life.conf and /etc/x-life/keep.conf say the version, and so does the name of /usr/share/x-life/<version>.
/// The second configuration file is one of `config|noreplace`.
fn versions() -> TempDir {
    let folder = scratch_folder();
    for version in ["1", "2"] {
        let here = folder.path().join(version);
        let bundle = format!(
            "[package]\nname = \"x-life\"\nversion = \"{version}\"\nmaintainer = \"Corpus <corpus@example.org>\"\n\
             [[contents]]\nsrc = \"text\"\ndst = \"/etc/x-life.conf\"\ntype = \"config\"\n\
             [[contents]]\nsrc = \"text\"\ndst = \"/etc/x-life/keep.conf\"\ntype = \"config|noreplace\"\n\
             [[contents]]\nsrc = \"text\"\ndst = \"/usr/share/x-life/{version}\"\n"
        );
        write_all(&here, &[("bundle.toml", &bundle), ("text", &format!("{version}\n"))]);
        build(&here, &Case::named("hello-c"));
    }
    folder
}

/// Builds a case with the bundle.toml of a folder, into it.
fn build(folder: &Path, case: &Case) {
    let mut build = explant();
    build.arg("build").arg("-c").arg(folder.join("bundle.toml")).arg("-o").arg(folder);
    succeeds(build.arg(case.result()));
}

/// Each test in each Debian.
fn in_each_debian(test: impl Fn(&Machine) + Sync) {
    std::thread::scope(|scope| {
        for debian in DEBIANS {
            scope.spawn(|| test(&Machine::new(debian)));
        }
    });
}

/// What the lines of tests begin with. `-e` stops at none of the commands behind a `!` or before a `&&`, hence:
/// `fails COMMAND`, which says what it should not have done; `says FILE TEXT`, what a file holds; `silent COMMAND`.
pub const SHELL: &str = "
exec 2>&1
export DPKG_FORCE=unsafe-io,downgrade
fails() { if \"$@\"; then echo \"it did not fail: $*\"; exit 1; fi; }
says() { [ \"$(cat $1)\" = \"$2\" ] || { echo \"$1: $(cat $1), not $2\"; exit 1; }; }
silent() { said=$(\"$@\") && [ -z \"$said\" ] || { echo \"$*: $said\"; exit 1; }; }
# That of Debian 11 and 12 has to be told.
rpm() {
  case $1 in
    -[iUe]) command rpm $(rpm --help | grep -o -e --force-debian) \"$@\" ;;
    *) command rpm \"$@\" ;;
  esac
}
";
