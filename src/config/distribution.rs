//! Names that a distribution's own packages have.

/// Packages that a system cannot do without, or that much of it runs on: a bundle under such a name would be installed
/// in the package's place. Debian's essential and required packages, the base groups of Fedora and RHEL, and
/// interpreters and tools that other packages call by their fixed paths.
const NAMES: &[&str] = &[
    // The C library, the loader and what nearly every program links.
    "glibc",
    "glibc-common",
    "libc6",
    "libc-bin",
    "libgcc",
    "libgcc-s1",
    "libstdc++",
    "libstdc++6",
    "musl",
    "zlib",
    "zlib1g",
    "openssl",
    "openssl-libs",
    "libssl3",
    "ncurses",
    "ncurses-base",
    "ncurses-bin",
    "readline",
    "pam",
    "libselinux",
    // Shells and the tools that maintainer scripts call.
    "bash",
    "dash",
    "coreutils",
    "debianutils",
    "diffutils",
    "findutils",
    "gawk",
    "mawk",
    "grep",
    "gzip",
    "bzip2",
    "xz",
    "xz-utils",
    "zstd",
    "sed",
    "tar",
    "cpio",
    "which",
    "hostname",
    "procps",
    "procps-ng",
    "psmisc",
    "less",
    "file",
    // The system itself: accounts, disks, start, time.
    "base-files",
    "base-passwd",
    "filesystem",
    "setup",
    "shadow",
    "shadow-utils",
    "passwd",
    "login",
    "sudo",
    "util-linux",
    "e2fsprogs",
    "systemd",
    "systemd-libs",
    "udev",
    "sysvinit",
    "init-system-helpers",
    "dbus",
    "kmod",
    "mount",
    "grub2",
    "linux",
    "kernel",
    "tzdata",
    "ca-certificates",
    "iproute",
    "iproute2",
    "iputils",
    "kbd",
    // Package managers: one that is replaced cannot put itself back.
    "dpkg",
    "apt",
    "rpm",
    "rpm-libs",
    "dnf",
    "yum",
    "zypper",
    "libsolv",
    "debconf",
    "perl-base",
    // Interpreters and compilers that other packages' files name.
    "python",
    "python2",
    "python3",
    "perl",
    "ruby",
    "lua",
    "php",
    "nodejs",
    "tcl",
    "guile",
    "gcc",
    "binutils",
    "make",
    // Tools that systems are kept by.
    "git",
    "vim",
    "nano",
    "curl",
    "wget",
    "openssh",
    "gnupg",
    "gnupg2",
    "cron",
    "cronie",
    "man-db",
];

/// Whether a package of this name (of either format) would replace one that distributions have.
pub fn names_a_distribution_package(name: &str) -> bool {
    let name = name.to_lowercase();
    // python3.13 stands for python3.
    let versioned = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    NAMES.contains(&name.as_str()) || matches!(versioned, "python" | "perl" | "ruby" | "lua" | "php")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_base_of_a_system() {
        for name in ["bash", "Bash", "python3", "python3.13", "glibc", "systemd", "perl5.40"] {
            assert!(names_a_distribution_package(name), "{name}");
        }
        for name in ["jq", "bcachefs-tools", "python3.13-numpy", "bash-completion", "", "3.13"] {
            assert!(!names_a_distribution_package(name), "{name}");
        }
    }
}
