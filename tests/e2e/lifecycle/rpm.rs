//! rpm and dnf.

use super::deb::left_nothing;
use super::{SHELL, in_each_debian, versions};

#[test]
fn rpm_installs_verifies_upgrades_downgrades_and_erases() {
    let versions = versions();
    in_each_debian(|machine| {
        machine.does(versions.path(), "rpm --initdb");
        let before = machine.files();
        let does = |lines: &str| machine.does(versions.path(), &format!("{SHELL}{lines}"));
        does(
            "rpm -K /mnt/1/*.rpm | grep -qx '/mnt/1/.*: digests OK'
              silent rpm -i /mnt/1/*.rpm
              silent rpm -V x-life
              [ \"$(hello)\" = '*Hello, Goodbye' ]
              says /etc/x-life.conf 1",
        );
        does(
            "silent rpm -U /mnt/2/*.rpm
              silent rpm -V x-life
              says /etc/x-life.conf 2
              [ -e /usr/share/x-life/2 ]
              [ ! -e /usr/share/x-life/1 ]",
        );
        // Of changed files %config gives way, and is saved; %config(noreplace) stays.
        does(
            "echo mine >/etc/x-life.conf
              echo mine >/etc/x-life/keep.conf
              rpm -V x-life | grep -q '^S.5....T.  c /etc/x-life.conf$'
              rpm -U --oldpackage /mnt/1/*.rpm
              says /etc/x-life.conf 1
              says /etc/x-life.conf.rpmsave mine
              says /etc/x-life/keep.conf mine
              says /etc/x-life/keep.conf.rpmnew 1
              mv /etc/x-life/keep.conf.rpmnew /etc/x-life/keep.conf
              rm /etc/x-life.conf.rpmsave
              silent rpm -V x-life",
        );
        // What the user changed is kept when all else goes.
        does(
            "echo mine >/etc/x-life.conf
              rpm -e x-life
              says /etc/x-life.conf.rpmsave mine
              rm /etc/x-life.conf.rpmsave",
        );
        left_nothing(machine, &before, &["var/lib/rpm", "root/.rpmdb", "var/log"]);
    });
}

#[test]
fn dnf_installs_from_a_repository_of_createrepo_c() {
    let versions = versions();
    in_each_debian(|machine| {
        machine.does(versions.path(), "rpm --initdb");
        let before = machine.files();
        let does = |lines: &str| machine.does(versions.path(), &format!("{SHELL}{REPOSITORY}{lines}"));
        does(
            "repository 1
              with_dnf install x-life
              [ \"$(hello)\" = '*Hello, Goodbye' ]
              rpm -V x-life",
        );
        does(
            "repository 1 2
              with_dnf upgrade
              [ \"$(rpm -q x-life)\" = x-life-2-1.x86_64 ]
              with_dnf downgrade x-life
              [ \"$(rpm -q x-life)\" = x-life-1-1.x86_64 ]
              with_dnf remove x-life
              fails rpm -q x-life
              rm -rf /root/repository",
        );
        left_nothing(
            machine,
            &before,
            &["var/lib/rpm", "var/lib/dnf", "var/cache", "var/log", "root/.rpmdb", "tmp"],
        );
    });
}

/// `repository VERSION...` makes one of these versions; `with_dnf` knows no other.
const REPOSITORY: &str = "
repository() {
  mkdir -p /root/repository
  for version; do cp /mnt/$version/*.rpm /root/repository; done
  createrepo_c -q /root/repository
}
with_dnf() {
  dnf -y -q --releasever=1 --repofrompath=local,/root/repository --repo=local --setopt=local.gpgcheck=0 \\
    --refresh \"$@\"
}
";
