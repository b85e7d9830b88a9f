//! What each format calls a machine.

use goblin::elf::header::{EM_386, EM_AARCH64, EM_ARM, EM_PPC64, EM_RISCV, EM_S390, EM_X86_64};

use crate::elf::Abi;

/// A machine as ELF names it, and how packages name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub enum Architecture {
    X86_64,
    I386,
    Aarch64,
    Arm,
    Riscv64,
    Ppc64le,
    S390x,
    /// Nothing in the bundle depends on the machine.
    Any,
}

impl Architecture {
    /// Of an ELF file; `None` for what the package formats have no name for.
    pub fn of(abi: Abi) -> Option<Self> {
        Some(match (abi.machine, abi.is_64, abi.is_little_endian) {
            (EM_X86_64, true, _) => Architecture::X86_64,
            (EM_386, ..) => Architecture::I386,
            (EM_AARCH64, true, true) => Architecture::Aarch64,
            (EM_ARM, _, true) => Architecture::Arm,
            (EM_RISCV, true, _) => Architecture::Riscv64,
            (EM_PPC64, _, true) => Architecture::Ppc64le,
            (EM_S390, true, _) => Architecture::S390x,
            _ => return None,
        })
    }

    /// By Nix's name.
    pub fn named(nix: &str) -> Option<Self> {
        use Architecture::*;
        [X86_64, I386, Aarch64, Arm, Riscv64, Ppc64le, S390x, Any].into_iter().find(|a| a.nix() == nix)
    }

    /// dpkg's name (`dpkg --print-architecture`).
    pub fn deb(self) -> &'static str {
        match self {
            Architecture::X86_64 => "amd64",
            Architecture::I386 => "i386",
            Architecture::Aarch64 => "arm64",
            Architecture::Arm => "armhf",
            Architecture::Riscv64 => "riscv64",
            Architecture::Ppc64le => "ppc64el",
            Architecture::S390x => "s390x",
            Architecture::Any => "all",
        }
    }

    /// rpm's name (`rpm --eval %_arch`, `noarch`).
    pub fn rpm(self) -> &'static str {
        match self {
            Architecture::I386 => "i686",
            Architecture::Arm => "armv7hl",
            Architecture::Any => "noarch",
            other => other.nix(),
        }
    }

    /// Nix's name, as in the `x86_64` of `x86_64-linux`; the kernel's too.
    pub fn nix(self) -> &'static str {
        match self {
            Architecture::X86_64 => "x86_64",
            Architecture::I386 => "i686",
            Architecture::Aarch64 => "aarch64",
            Architecture::Arm => "armv7l",
            Architecture::Riscv64 => "riscv64",
            Architecture::Ppc64le => "powerpc64le",
            Architecture::S390x => "s390x",
            Architecture::Any => "any",
        }
    }
}
