//! A file system's tools in the initramfs: the distributions' own tools make one of the installed package, and a program runs in
//! it, with nothing else around.

use std::process::Command;

use crate::harness::{Bundle, Layout, Machine, succeeds};

/// The kernel of the targets, which has no modules (tests/corpus/targets).
const KERNEL: &str = "6.1.0-none";

/// Both need no more than what the initramfs brings.
const RUN: &str = "run() { mkdir -p $1/proc; mount -t proc proc $1/proc; /usr/sbin/chroot $1 /usr/bin/btrfs --version; \
    /usr/sbin/chroot $1 /usr/bin/mkfs.btrfs -q /image && /usr/sbin/chroot $1 /usr/bin/btrfs filesystem show /image; }";

/// The package in a machine.
struct Installed {
    machine: Machine,
}

impl Installed {
    /// In a system that had made its initramfs before.
    fn new(target: &'static str, layout: Layout) -> Installed {
        let bundle = Bundle::build("btrfs-progs", layout);
        let machine = Machine::new(target);
        succeeds(machine.inside().args([
            "sh",
            "-euc",
            &format!("touch /boot/vmlinuz-{KERNEL}; depmod {KERNEL}; update-initramfs -c -k {KERNEL}"),
        ]));
        let said = succeeds(machine.with_file(&bundle.artifact(".deb")).args([
            "sh",
            "-c",
            "dpkg -i /mnt/*.deb 2>&1",
        ]));
        assert!(said.contains("Processing triggers for initramfs-tools"), "{said}");
        Installed { machine }
    }

    fn sh(&self, line: &str) -> String {
        succeeds(self.machine.inside().args(["sh", "-euc", &format!("{RUN}; {line}")]))
    }

    /// Unpacks the initramfs that the package's trigger has made, and works in it.
    fn works_by_initramfs_tools(&self) {
        let said = self.sh(&format!(
            "mkdir /tmp/made; unmkinitramfs /boot/initrd.img-{KERNEL} /tmp/made; cd /tmp/made; [ ! -d main ] || cd main; \
             truncate -s 256M image; run ."
        ));
        assert!(said.contains("btrfs-progs v6.") && said.contains("Total devices 1"), "{said}");
    }

    fn works_by_dracut(&self) {
        let said = self.sh(&format!(
            "dracut --no-hostonly --kver {KERNEL} --no-early-microcode --gzip -m 'base x-btrfs-progs' /tmp/image 2>&1; \
             mkdir /tmp/made; cd /tmp/made; gzip -dc /tmp/image | cpio -i --quiet; truncate -s 256M image; run ."
        ));
        assert!(said.contains("btrfs-progs v6.") && said.contains("Total devices 1"), "{said}");
    }
}

#[test]
fn debian_11() {
    let installed = Installed::new("tools-bullseye", Layout::Flat);
    installed.works_by_initramfs_tools();
}

#[test]
fn debian_12() {
    Installed::new("tools-bookworm", Layout::Flat).works_by_initramfs_tools();
}

#[test]
fn debian_13() {
    Installed::new("tools-trixie", Layout::Flat).works_by_initramfs_tools();
}

#[test]
fn a_store_layout() {
    Installed::new("tools-bookworm", Layout::Store).works_by_initramfs_tools();
}

#[test]
fn dracut_with_an_older_glibc_than_the_bundles() {
    Installed::new("tools-bullseye", Layout::Flat).works_by_dracut();
}

#[test]
fn dracut_of_debian_13() {
    Installed::new("tools-trixie", Layout::Store).works_by_dracut();
}

/// dracut's own rule: an initramfs for this machine alone has the tools of the file systems that it uses.
#[test]
fn dracut_takes_them_where_the_file_system_is_used() {
    let installed = Installed::new("tools-trixie", Layout::Flat);
    let module = "/usr/lib/dracut/modules.d/90x-btrfs-progs/module-setup.sh";
    let asked = |types: &str, hostonly: &str| {
        let check = format!(
            ". {module}; hostonly={hostonly} mount_needs=; declare -A host_fs_types=({types}); check"
        );
        let done = Command::output(installed.machine.inside().args(["bash", "-c", &check])).unwrap();
        done.status.code()
    };
    assert_eq!(asked("[a]=ext4", "yes"), Some(255));
    assert_eq!(asked("[a]=ext4 [b]=btrfs", "yes"), Some(0));
    assert_eq!(asked("", ""), Some(0));
}
