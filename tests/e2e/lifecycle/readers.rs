//! Other readers of packages find the tree in them that dpkg and rpm do.

use std::process::Command;

use super::{in_each_debian, versions};
use crate::harness::{artifact, scratch_folder, succeeds};

#[test]
fn every_unpacker_finds_the_same_tree() {
    let versions = versions();
    in_each_debian(|machine| {
        machine.does(
            versions.path(),
            "exec 2>&1
             cd /mnt/1
             into() { mkdir /tmp/$1; cd /tmp/$1; }
             (into dpkg; dpkg-deb -x /mnt/1/*.deb .)
             (into tarfile; dpkg-deb --fsys-tarfile /mnt/1/*.deb | tar -x)
             (into bsdtar-deb; bsdtar -xOf /mnt/1/*.deb 'data.tar*' | bsdtar -xf -)
             (into cpio; rpm2cpio /mnt/1/*.rpm | cpio -idm --quiet)
             (into bsdtar-rpm; bsdtar -xf /mnt/1/*.rpm)
             (into tarball; tar -xf /mnt/1/*.tar.zst)
             (into bsdtar; bsdtar -xf /mnt/1/*.tar.zst)
             # What Debian alone reads is in no .rpm.
             tree() { (cd /tmp/$1; rm -rf usr/share/lintian usr/share/doc/x-life/changelog.gz
                       find . ! -type d -printf '%p %m %y %l %s %T@\\n' | sort
                       find . -type f -exec sha256sum {} + | sort); }
             tree dpkg >/tmp/wanted
             [ $(wc -l </tmp/wanted) -gt 10 ]
             for one in tarfile bsdtar-deb cpio bsdtar-rpm tarball bsdtar; do
               tree $one >/tmp/got
               diff /tmp/wanted /tmp/got || { echo \"$one differs\"; exit 1; }
             done",
        );
    });
}

/// alien makes each format of the other, which it reads with this machine's dpkg and rpm.
#[test]
fn alien_turns_each_into_the_other() {
    let versions = versions();
    let from = versions.path().join("1");
    let folder = scratch_folder();
    for (option, of, made) in [("--to-deb", ".rpm", ".deb"), ("--to-rpm", ".deb", ".rpm")] {
        let mut alien = Command::new("alien");
        succeeds(alien.current_dir(&folder).args([option, "--keep-version"]).arg(artifact(&from, of)));
        let list = |path: &std::path::Path| {
            let lines = "case $1 in
                *.deb) dpkg-deb --fsys-tarfile \"$1\" | tar -t ;;
                *) rpm -qlp \"$1\" ;;
            esac | sed 's,^\\.*/*,,' | grep -v '/$' | grep -x 'etc/x-life.*\\|usr/bin/.*\\|usr/lib/x-life/.*' | sort";
            succeeds(Command::new("sh").args(["-euc", lines, "sh"]).arg(path))
        };
        let ours = list(&artifact(&from, made));
        assert!(ours.contains("usr/bin/hello\n") && ours.contains("usr/lib/x-life/libc.so.6\n"), "{ours}");
        assert_eq!(list(&artifact(folder.path(), made)), ours, "{option}");
    }
}
