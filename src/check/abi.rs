//! What every Linux system has under the same name: the ABIs' own loaders, the glibc set, the system's library folders.

use crate::elf::Abi;
use goblin::elf::header::{EM_386, EM_AARCH64, EM_ARM, EM_PPC64, EM_RISCV, EM_S390, EM_X86_64};

/// What glibc gives an ABI: where its loaders are, and Debian's name for its library folders.
struct Glibc {
    loaders: &'static [&'static str],
    multiarch: &'static str,
}

/// glibc's shlib-versions and sysdeps/unix/sysv/linux/*/ldconfig.h; Debian's multiarch tuples.
fn glibc(abi: Abi) -> Option<Glibc> {
    let (loaders, multiarch): (&'static [&'static str], _) =
        match (abi.machine, abi.is_64, abi.is_little_endian) {
            (EM_X86_64, true, true) => (&["/lib64/ld-linux-x86-64.so.2"], "x86_64-linux-gnu"),
            (EM_X86_64, false, true) => (&["/libx32/ld-linux-x32.so.2"], "x86_64-linux-gnux32"),
            (EM_386, false, true) => (&["/lib/ld-linux.so.2"], "i386-linux-gnu"),
            (EM_AARCH64, true, true) => (&["/lib/ld-linux-aarch64.so.1"], "aarch64-linux-gnu"),
            (EM_ARM, false, true) => {
                (&["/lib/ld-linux-armhf.so.3", "/lib/ld-linux.so.3"], "arm-linux-gnueabihf")
            }
            (EM_RISCV, true, true) => (
                &["/lib/ld-linux-riscv64-lp64d.so.1", "/lib/ld-linux-riscv64-lp64.so.1"],
                "riscv64-linux-gnu",
            ),
            (EM_PPC64, true, true) => (&["/lib64/ld64.so.2"], "powerpc64le-linux-gnu"),
            (EM_S390, true, false) => (&["/lib/ld64.so.1"], "s390x-linux-gnu"),
            _ => return None,
        };
    Some(Glibc { loaders, multiarch })
}

/// Whether `interpreter` is the path at which every glibc system has the ABI's loader.
pub(super) fn is_own_loader(abi: Abi, interpreter: &[u8]) -> bool {
    glibc(abi).is_some_and(|glibc| glibc.loaders.iter().any(|loader| loader.as_bytes() == interpreter))
}

/// The folders that a distribution's loader looks in last.
pub(super) fn host_folders(abi: Abi) -> Vec<Vec<u8>> {
    let multiarch = glibc(abi)
        .map(|glibc| glibc.multiarch)
        .into_iter()
        .flat_map(|name| [format!("/lib/{name}"), format!("/usr/lib/{name}")]);
    let plain = ["/lib64", "/usr/lib64", "/lib", "/usr/lib"].map(String::from);
    multiarch.chain(plain).map(String::into_bytes).collect()
}

/// The folders that musl's loader looks in last, where it has no /etc/ld-musl-*.path (musl's ldso/dynlink.c).
pub(super) fn musl_folders() -> Vec<Vec<u8>> {
    ["/lib", "/usr/local/lib", "/usr/lib"].map(|folder| folder.as_bytes().to_vec()).into()
}

/// Whether a distribution's own libraries are in `folder`.
pub(super) fn is_system_folder(folder: &[u8]) -> bool {
    let folder = folder.strip_suffix(b"/").unwrap_or(folder);
    let below_usr =
        folder.strip_prefix(b"/usr/local").or_else(|| folder.strip_prefix(b"/usr")).unwrap_or(folder);
    match below_usr.strip_prefix(b"/lib") {
        Some(b"" | b"32" | b"64" | b"x32") => true,
        Some([b'/', name @ ..]) => {
            !name.contains(&b'/') && memchr::memmem::find(name, b"-linux-gnu").is_some()
        }
        _ => false,
    }
}

/// Whether `soname` is built with glibc and only works with the loader of the same build. (To be one with the table of
/// the configuration.)
pub(super) fn is_glibc(soname: &[u8]) -> bool {
    const LIBRARIES: [&[u8]; 15] = [
        b"libc.so.6",
        b"libm.so.6",
        b"libpthread.so.0",
        b"libdl.so.2",
        b"librt.so.1",
        b"libresolv.so.2",
        b"libanl.so.1",
        b"libutil.so.1",
        b"libmvec.so.1",
        b"libthread_db.so.1",
        b"libBrokenLocale.so.1",
        b"libc_malloc_debug.so.0",
        b"libmemusage.so",
        b"libpcprofile.so",
        b"libSegFault.so",
    ];
    LIBRARIES.contains(&soname) || soname.starts_with(b"libnss_") || is_glibc_loader(soname)
}

/// Whether `soname` is that of glibc's loader for some ABI.
pub(super) fn is_glibc_loader(soname: &[u8]) -> bool {
    [&b"ld-linux"[..], b"ld64.so.", b"ld.so."].iter().any(|start| soname.starts_with(start))
}
