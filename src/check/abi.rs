//! Where every Linux system has its own libraries and loaders.

use goblin::elf::header::{EM_386, EM_AARCH64, EM_ARM, EM_PPC64, EM_RISCV, EM_S390, EM_X86_64};

use crate::config::glibc_set::host_interpreter;
use crate::elf::Abi;

/// Whether `interpreter` is the path at which every glibc system has the ABI's loader.
pub(super) fn is_own_loader(abi: Abi, interpreter: &[u8]) -> bool {
    host_interpreter(abi.machine, abi.is_64, abi.is_little_endian)
        .is_some_and(|own| own.as_bytes() == interpreter)
}

/// Debian's name for the ABI's library folders (its multiarch tuple).
fn multiarch(abi: Abi) -> Option<&'static str> {
    Some(match (abi.machine, abi.is_64, abi.is_little_endian) {
        (EM_X86_64, true, true) => "x86_64-linux-gnu",
        (EM_X86_64, false, true) => "x86_64-linux-gnux32",
        (EM_386, false, true) => "i386-linux-gnu",
        (EM_AARCH64, true, true) => "aarch64-linux-gnu",
        (EM_ARM, false, true) => "arm-linux-gnueabihf",
        (EM_RISCV, true, true) => "riscv64-linux-gnu",
        (EM_PPC64, true, true) => "powerpc64le-linux-gnu",
        (EM_S390, true, false) => "s390x-linux-gnu",
        _ => return None,
    })
}

/// The folders that a distribution's loader looks in last.
pub(crate) fn host_folders(abi: Abi) -> Vec<Vec<u8>> {
    let multiarch =
        multiarch(abi).into_iter().flat_map(|name| [format!("/lib/{name}"), format!("/usr/lib/{name}")]);
    let plain = ["/lib64", "/usr/lib64", "/lib", "/usr/lib"].map(String::from);
    multiarch.chain(plain).map(String::into_bytes).collect()
}

/// The folders that musl's loader looks in last, where it has no /etc/ld-musl-*.path (musl's ldso/dynlink.c).
pub(crate) fn musl_folders() -> Vec<Vec<u8>> {
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
