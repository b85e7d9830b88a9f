//! dpkg and apt.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{SHELL, in_each_debian, versions};
use crate::harness::Machine;

#[test]
fn dpkg_installs_upgrades_downgrades_removes_and_purges() {
    let versions = versions();
    in_each_debian(|machine| {
        let before = machine.files();
        let does = |lines: &str| machine.does(versions.path(), &format!("{SHELL}{lines}"));
        does(
            "dpkg -i /mnt/1/*.deb
              [ \"$(hello)\" = '*Hello, Goodbye' ]
              says /etc/x-life.conf 1
              [ -e /usr/share/x-life/1 ]
              [ -z \"$(dpkg -V x-life)\" ]",
        );
        // An unchanged configuration file is the new version's; a file that is gone from the package goes.
        does(
            "dpkg -i /mnt/2/*.deb
              says /etc/x-life.conf 2
              [ -e /usr/share/x-life/2 ]
              [ ! -e /usr/share/x-life/1 ]
              [ \"$(hello)\" = '*Hello, Goodbye' ]
              [ -z \"$(dpkg -V x-life)\" ]",
        );
        // A changed one stays, in the downgrade too, and the package's lies beside it.
        does(
            "echo mine >/etc/x-life.conf
              dpkg --force-confold -i /mnt/1/*.deb
              says /etc/x-life.conf mine
              says /etc/x-life.conf.dpkg-dist 1
              says /etc/x-life/keep.conf 1
              dpkg -V x-life | grep -q '^??5?????? c /etc/x-life.conf$'",
        );
        // Or it is replaced, and the user's lies beside it.
        does(
            "dpkg --force-confnew -i /mnt/2/*.deb
              says /etc/x-life.conf 2
              says /etc/x-life.conf.dpkg-old mine
              [ -z \"$(dpkg -V x-life)\" ]",
        );
        does(
            "dpkg -r x-life
              [ \"$(dpkg-query -W -f '${db:Status-Abbrev}' x-life)\" = 'rc ' ]
              [ ! -e /usr/bin/hello ]
              [ ! -e /usr/lib/x-life ]
              says /etc/x-life.conf 2
              dpkg -P x-life
              fails dpkg-query -W x-life",
        );
        left_nothing(machine, &before, &["var/lib/dpkg", "var/log", "var/cache"]);
    });
}

#[test]
fn apt_installs_from_a_repository_of_apt_ftparchive() {
    let versions = versions();
    in_each_debian(|machine| {
        let before = machine.files();
        let does = |lines: &str| machine.does(versions.path(), &format!("{SHELL}{REPOSITORY}{lines}"));
        does(
            "repository 1
              apt-get install -qy x-life
              [ \"$(hello)\" = '*Hello, Goodbye' ]
              apt-cache show x-life | grep -qx 'Version: 1'",
        );
        does(
            "repository 1 2
              apt-get -qy upgrade
              [ \"$(dpkg-query -W -f '${Version}' x-life)\" = 2 ]
              apt-get -qy --allow-downgrades install x-life=1
              [ \"$(dpkg-query -W -f '${Version}' x-life)\" = 1 ]
              apt-get check
              apt-get -qy purge x-life
              rm -rf /root/repository /etc/apt/sources.list.d/local.list",
        );
        let written = ["var/lib/dpkg", "var/lib/apt", "var/log", "var/cache", "tmp"];
        left_nothing(machine, &before, &written);
    });
}

/// `repository VERSION...`: makes one of these versions, the only one that apt knows.
const REPOSITORY: &str = "
export DEBIAN_FRONTEND=noninteractive
repository() {
  mkdir -p /root/repository
  for version; do cp /mnt/$version/*.deb /root/repository; done
  (cd /root/repository
   apt-ftparchive packages . >Packages
   gzip -kf Packages
   apt-ftparchive -o APT::FTPArchive::Release::Suite=local release . >/root/Release
   mv /root/Release .)
  echo 'deb [trusted=yes] copy:/root/repository ./' >/etc/apt/sources.list.d/local.list
  apt-get update -q -o Dir::Etc::sourcelist=/dev/null -o APT::Sandbox::User=root
}
";

/// No file is there that was not, but in the folders that the tools themselves write to.
pub fn left_nothing(machine: &Machine, before: &BTreeSet<PathBuf>, written: &[&str]) {
    let now = machine.files();
    let left: Vec<_> = now
        .difference(before)
        .filter(|path| !written.iter().any(|folder| path.starts_with(folder)) && *path != Path::new("mnt"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
