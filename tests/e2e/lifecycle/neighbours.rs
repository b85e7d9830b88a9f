//! Two packages that bring the same libraries: each has its own.

use tempfile::TempDir;

use super::{SHELL, build, in_each_debian};
use crate::harness::{Case, scratch_folder, write_all};

/// Packages of two programs, whose closures share libc, libgcc and more, in `lzip` and `ripgrep`.
fn two() -> TempDir {
    let folder = scratch_folder();
    for name in ["lzip", "ripgrep"] {
        let here = folder.path().join(name);
        let bundle =
            format!("[package]\nname = \"x-{name}\"\nmaintainer = \"Corpus <corpus@example.org>\"\n");
        write_all(&here, &[("bundle.toml", &bundle)]);
        build(&here, &Case::named(name));
    }
    folder
}

const RUN: &str = "
lzip_runs() { [ \"$(echo there and back | lzip | lzip -d)\" = 'there and back' ]; }
ripgrep_runs() { [ \"$(echo hay need hay | rg -o 'n[a-z]+d')\" = need ]; }
shared() { ls /usr/lib/x-lzip/libc.so.6 /usr/lib/x-ripgrep/libc.so.6; }
";

#[test]
fn dpkg_installs_both_and_removes_one_by_one() {
    let two = two();
    in_each_debian(|machine| {
        machine.does(
            two.path(),
            &format!(
                "{SHELL}{RUN}dpkg -i /mnt/lzip/*.deb /mnt/ripgrep/*.deb
                 shared
                 lzip_runs
                 ripgrep_runs
                 dpkg -P x-lzip
                 ripgrep_runs
                 [ ! -e /usr/lib/x-lzip ]
                 [ ! -e /usr/bin/lzip ]
                 dpkg -V x-ripgrep
                 dpkg -P x-ripgrep
                 [ ! -e /usr/lib/x-ripgrep ]"
            ),
        );
    });
}

#[test]
fn rpm_installs_both_and_removes_one_by_one() {
    let two = two();
    in_each_debian(|machine| {
        machine.does(
            two.path(),
            &format!(
                "{SHELL}{RUN}rpm -i /mnt/lzip/*.rpm /mnt/ripgrep/*.rpm
                 shared
                 lzip_runs
                 ripgrep_runs
                 rpm -V x-lzip x-ripgrep
                 rpm -e x-ripgrep
                 lzip_runs
                 [ ! -e /usr/lib/x-ripgrep ]
                 [ ! -e /usr/bin/rg ]
                 rpm -V x-lzip
                 rpm -e x-lzip
                 [ ! -e /usr/lib/x-lzip ]"
            ),
        );
    });
}
