//! What a tarball that runs from any folder must do: the work of its case's programs, wherever it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Bundle, Case, Layout, Machine, scratch_folder, succeeds};

/// `test = "case";`
macro_rules! from_any_folder {
    ($($test:ident = $name:literal;)+) => {$(
        #[test]
        fn $test() {
            crate::relocated::works_anywhere($name);
        }
    )+};
}

pub(crate) use from_any_folder;

/// Where there is nothing else: unpacked in a folder with a space, moved, and in one of 200 bytes; nothing asks for the store, or for where
/// packages have what it carries. In Debian 11, 12 and 13, whose glibcs are older and as new: moved, on a read-only mount, and through links
/// in PATH.
pub fn works_anywhere(name: &str) {
    let bundle = relocatable(name);
    let tarball = bundle.artifact(".tar.");
    let packaged = match bundle.case.prefix.as_str() {
        "/usr" => format!("/usr/lib/{}/", bundle.case.package()),
        own => format!("{own}/"),
    };
    let machine = Machine::kept_from("scratch", packaged);
    let top = unpacked(&machine, &tarball, "/opt/my programs");
    machine.check(&bundle.case, &top.join("bin"), &[]);
    machine.outside("mv \"$ROOT$1\" \"$ROOT/moved away\"", &top);
    machine.check(&bundle.case, Path::new("/moved away/bin"), &[]);

    let machine = Machine::new("scratch");
    let top = unpacked(&machine, &tarball, &format!("/srv/{}", "n".repeat(200)));
    machine.check(&bundle.case, &top.join("bin"), &[]);

    let here = scratch_folder();
    succeeds(Command::new("tar").arg("-xf").arg(&tarball).arg("-C").arg(here.path()));
    let top = here.path().join("moved away");
    fs::rename(here.path().join(only_folder(&tarball)), &top).unwrap();
    let read_only = [top.to_str().unwrap().to_owned()];
    for debian in ["bullseye", "tools-bookworm", "tools-trixie"] {
        let machine = Machine::new(debian);
        machine.outside("mkdir -p $ROOT/srv/links; ln -s \"$1\"/bin/* $ROOT/srv/links", &top);
        machine.check(&bundle.case, Path::new("/srv/links"), &read_only);
    }
}

pub fn relocatable(name: &str) -> Bundle {
    relocatable_in(name, Layout::Flat)
}

/// A case's tarball, as it is by default.
pub fn relocatable_in(name: &str, layout: Layout) -> Bundle {
    let mut bundle = Bundle { case: Case::named(name), folder: scratch_folder() };
    if name == "flags" {
        // The first check is also of a wrapper that runs lines of its own, which stays a script and hands out anchored paths.
        bundle.case.checks.remove(0);
    }
    succeeds(bundle.command(layout).args(["-f", "tar"]).arg(bundle.case.result()));
    bundle
}

/// Unpacks a tarball in a folder of a machine; where its own is then.
pub fn unpacked(machine: &Machine, tarball: &Path, folder: &str) -> PathBuf {
    let unpack = format!("mkdir -p \"$ROOT{folder}\"; tar --zstd -xf $1 -C \"$ROOT{folder}\"");
    machine.outside(&unpack, tarball);
    Path::new(folder).join(only_folder(tarball))
}

/// The folder that a tarball holds, and nothing beside it.
pub fn only_folder(tarball: &Path) -> String {
    let names = succeeds(Command::new("tar").arg("-tf").arg(tarball));
    let top = names.lines().next().unwrap().trim_end_matches('/').to_owned();
    assert!(names.lines().all(|name| name.starts_with(&format!("{top}/"))), "{names}");
    top
}
