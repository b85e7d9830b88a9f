//! The glibc set: ld.so and every library that is built with it. One organ (design.md section 5).

use globset::GlobMatcher;
use goblin::elf::header;

/// The sonames of glibc's own libraries (glibc's shlib-versions and */Makefile).
///
/// `libnsl.so.1` is glibc's; libnsl.so.2 and later are a project of their own. `libcrypt` left glibc for libxcrypt,
/// which uses public interfaces alone.
const LIBRARIES: &[&str] = &[
    "libc.so.6",
    "libm.so.6",
    "libpthread.so.0",
    "libdl.so.2",
    "librt.so.1",
    "libresolv.so.2",
    "libnss_files.so.2",
    "libnss_dns.so.2",
    "libnss_compat.so.2",
    "libnss_hesiod.so.2",
    "libnss_db.so.2",
    "libanl.so.1",
    "libutil.so.1",
    "libmvec.so.1",
    "libthread_db.so.1",
    "libBrokenLocale.so.1",
    "libc_malloc_debug.so.0",
    "libnsl.so.1",
    "libmemusage.so",
    "libpcprofile.so",
    "libSegFault.so",
];

/// The sonames of glibc's loaders, one for each ABI (glibc's shlib-versions and sysdeps' ld.so names).
const LOADERS: &[&str] = &[
    "ld-linux-x86-64.so.2",
    "ld-linux-x32.so.2",
    "ld-linux.so.2",
    "ld-linux.so.3",
    "ld-linux-armhf.so.3",
    "ld-linux-aarch64.so.1",
    "ld-linux-aarch64_be.so.1",
    "ld-linux-riscv64-lp64d.so.1",
    "ld-linux-riscv64-lp64.so.1",
    "ld-linux-loongarch-lp64d.so.1",
    "ld-linux-mipsn8.so.1",
    "ld64.so.1",
    "ld64.so.2",
    "ld.so.1",
];

/// Whether a library belongs to the glibc set, by its soname (without folders).
pub fn is_glibc_set(soname: &[u8]) -> bool {
    // alpha and ia64 count one further: libc.so.6.1.
    let plain =
        soname.strip_suffix(b".1").filter(|rest| rest.ends_with(b".so.6") || rest.ends_with(b".so.2"));
    let is_library = |name: &[u8]| LIBRARIES.iter().any(|library| library.as_bytes() == name);
    is_library(soname) || plain.is_some_and(is_library) || is_loader(soname)
}

/// `ld-linux*.so.*`, `ld64.so.*` and `ld.so.1`; musl's `ld-musl-*.so.1` is none of glibc's.
fn is_loader(soname: &[u8]) -> bool {
    let contains_so = |rest: &[u8]| rest.windows(4).any(|window| window == b".so.");
    soname == b"ld.so.1"
        || soname.starts_with(b"ld64.so.")
        || soname.strip_prefix(b"ld-linux").is_some_and(contains_so)
}

/// The first part of the glibc set that a soname glob takes in.
pub(super) fn first_match(glob: &GlobMatcher) -> Option<&'static str> {
    LIBRARIES.iter().chain(LOADERS).copied().find(|soname| glob.is_match(soname))
}

/// The interpreter that a distribution has at its ABI's own place (each psABI, and glibc's sysdeps). `None` for what
/// no distribution of today ships.
pub fn host_interpreter(machine: u16, is_64: bool, is_little_endian: bool) -> Option<&'static str> {
    Some(match (machine, is_64, is_little_endian) {
        (header::EM_X86_64, true, true) => "/lib64/ld-linux-x86-64.so.2",
        (header::EM_X86_64, false, true) => "/libx32/ld-linux-x32.so.2",
        (header::EM_386, false, true) => "/lib/ld-linux.so.2",
        (header::EM_AARCH64, true, true) => "/lib/ld-linux-aarch64.so.1",
        // The hard-float ABI, the only one that Debian's armhf and Fedora's armv7hl have.
        (header::EM_ARM, false, true) => "/lib/ld-linux-armhf.so.3",
        (header::EM_RISCV, true, true) => "/lib/ld-linux-riscv64-lp64d.so.1",
        (header::EM_PPC64, true, true) => "/lib64/ld64.so.2",
        (header::EM_PPC64, true, false) => "/lib64/ld64.so.1",
        (header::EM_S390, true, false) => "/lib/ld64.so.1",
        _ => return None,
    })
}

/// A glibc version: major, minor.
pub type Version = (u32, u32);

/// The glibc that brought a symbol version: `GLIBC_2.34`; and the markers of features, by the version that brought them (glibc,
/// NEWS). `None`: no release promises it.
pub fn version(name: &str) -> Option<Version> {
    match name {
        "GLIBC_ABI_DT_RELR" => return Some((2, 36)),
        "GLIBC_ABI_GNU_TLS" | "GLIBC_ABI_GNU2_TLS" | "GLIBC_ABI_DT_X86_64_PLT" => return Some((2, 42)),
        _ => {}
    }
    let mut numbers = name.strip_prefix("GLIBC_")?.split('.');
    let version = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    // A third number (GLIBC_2.2.5) is a fix within the second's release.
    Some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(version("GLIBC_2.34"), Some((2, 34)));
        assert_eq!(version("GLIBC_2.2.5"), Some((2, 2)));
        assert_eq!(version("GLIBC_ABI_DT_RELR"), Some((2, 36)));
        assert_eq!(version("GLIBC_PRIVATE"), None);
    }

    #[test]
    fn knows_its_own() {
        for soname in LIBRARIES.iter().chain(LOADERS) {
            assert!(is_glibc_set(soname.as_bytes()), "{soname}");
        }
        for soname in ["libc.so.6.1", "libm.so.6.1", "libdl.so.2.1", "ld-linux-new.so.9", "ld64.so.3"] {
            assert!(is_glibc_set(soname.as_bytes()), "{soname}");
        }
    }

    #[test]
    fn leaves_others_alone() {
        for soname in [
            "",
            "libc.so",
            "libc.musl-x86_64.so.1",
            "ld-musl-x86_64.so.1",
            "libnsl.so.3",
            "libcrypt.so.1",
            "libstdc++.so.6",
            "libgcc_s.so.1",
            "libnss_systemd.so.2",
            "libcap.so.2",
            "libc.so.6.2",
            "ld-linux",
        ] {
            assert!(!is_glibc_set(soname.as_bytes()), "{soname}");
        }
    }

    #[test]
    fn every_architecture_of_packages_has_an_interpreter() {
        for (machine, is_64, is_little_endian, wanted) in [
            (62, true, true, Some("/lib64/ld-linux-x86-64.so.2")),
            (3, false, true, Some("/lib/ld-linux.so.2")),
            (183, true, true, Some("/lib/ld-linux-aarch64.so.1")),
            (40, false, true, Some("/lib/ld-linux-armhf.so.3")),
            (243, true, true, Some("/lib/ld-linux-riscv64-lp64d.so.1")),
            (21, true, true, Some("/lib64/ld64.so.2")),
            (22, true, false, Some("/lib/ld64.so.1")),
            (8, false, true, None),
        ] {
            assert_eq!(host_interpreter(machine, is_64, is_little_endian), wanted, "{machine}");
        }
    }
}
