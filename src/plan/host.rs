//! The target's part: its loader, its library folders, and with `glibc = "host"` whether its glibc is new enough.

use goblin::elf::header::{EM_386, EM_AARCH64, EM_ARM, EM_PPC64, EM_RISCV, EM_S390, EM_X86_64};

use super::context::Context;
use super::graph::Graph;
use crate::config::glibc_set::{Version, host_interpreter, is_glibc_set, version};
use crate::config::{Glibc, targets};
use crate::elf::Abi;
use crate::error::{Error, Result};
use crate::path::{StoreFile, printable};

/// The ABI's own interpreter, such as `/lib64/ld-linux-x86-64.so.2`.
pub fn interpreter(abi: Abi) -> Option<&'static str> {
    host_interpreter(abi.machine, abi.is_64, abi.is_little_endian)
}

/// Where the distributions keep the libraries of an ABI: Debian's multiarch folder, then what the others have.
pub fn library_folders(abi: Abi) -> Vec<String> {
    let triple = match (abi.machine, abi.is_64) {
        (EM_X86_64, true) => "x86_64-linux-gnu",
        (EM_386, _) => "i386-linux-gnu",
        (EM_AARCH64, _) => "aarch64-linux-gnu",
        (EM_ARM, _) => "arm-linux-gnueabihf",
        (EM_RISCV, true) => "riscv64-linux-gnu",
        (EM_PPC64, _) if abi.is_little_endian => "powerpc64le-linux-gnu",
        (EM_S390, true) => "s390x-linux-gnu",
        _ => "",
    };
    let mut folders = Vec::new();
    if !triple.is_empty() {
        folders.push(format!("/usr/lib/{triple}"));
        folders.push(format!("/lib/{triple}"));
    }
    if abi.is_64 {
        folders.push("/usr/lib64".to_owned());
    }
    folders.push("/usr/lib".to_owned());
    folders
}

/// With `glibc = "host"`: holds every version that is needed of glibc against what the targets have.
///
/// Errors: a target's glibc is too old; something needs what no other glibc has.
pub fn check_targets(context: &Context, graph: &Graph) -> Result<()> {
    if context.config.runtime.glibc != Glibc::Host {
        return Ok(());
    }
    // The highest version, and what needs it.
    let mut floor: Option<(Version, String, StoreFile)> = None;
    for ((_, file), node) in &graph.nodes {
        for need in node.elf.versions_needed.iter().filter(|need| is_glibc_set(&need.file)) {
            for name in &need.versions {
                let name = printable(name);
                let Some(version) = version(&name) else {
                    return Err(Error::failure(format!(
                        "{} needs {name} of {}, which only the glibc it was built with has",
                        context.store.origin(file),
                        printable(&need.file)
                    ))
                    .remedy("use `runtime.glibc = \"bundled\"`"));
                };
                if floor.as_ref().is_none_or(|(floor, ..)| *floor < version) {
                    floor = Some((version, name, file.clone()));
                }
            }
        }
    }
    let Some((wanted, name, file)) = floor else { return Ok(()) };
    for target in &context.config.runtime.targets {
        let Some(has) = targets::glibc_of(target).filter(|has| wanted > *has) else { continue };
        return Err(Error::failure(format!(
            "{} needs {name} (glibc {}.{}), and {target} has glibc {}.{}",
            context.store.origin(&file),
            wanted.0,
            wanted.1,
            has.0,
            has.1
        ))
        .remedy(format!("use `runtime.glibc = \"bundled\"`, or take {target} from `runtime.targets`")));
    }
    Ok(())
}
