//! How a program and its libraries are laid out: all that a linker can be told.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::random::asked;
use crate::target::Target;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Linker {
    Bfd,
    Gold,
    Lld,
    Mold,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    pub target: Target,
    /// Rather than gcc.
    pub clang: bool,
    pub linker: Linker,
    pub pie: bool,
    pub hash: &'static str,
    pub separate_code: bool,
    /// max-page-size.
    pub page: u64,
    pub relr: bool,
    pub relro: bool,
    pub new_dtags: bool,
    pub build_id: bool,
    /// 64 MiB of .bss.
    pub bss: bool,
    /// C++ that throws from the library to the program.
    pub cxx: bool,
    /// Section headers; without: sstripped.
    pub sections: bool,
    /// Bytes behind the ELF image.
    pub payload: bool,
}

/// Layouts for some targets, the same ones in every run, so that what is compiled for them is there already; the more cases
/// are asked for, the more.
pub fn pool(targets: Vec<Target>) -> Vec<Layout> {
    let (layouts, mut runner) = (layouts(targets), TestRunner::deterministic());
    let count = asked().map_or(16, |cases| cases / 3);
    (0..count.max(1)).map(|_| layouts.new_tree(&mut runner).unwrap().current()).collect()
}

/// Any layout that its linker can make.
fn layouts(targets: Vec<Target>) -> impl Strategy<Value = Layout> {
    let linker = select(vec![Linker::Bfd, Linker::Gold, Linker::Lld, Linker::Mold]);
    let hash = select(vec!["sysv", "gnu", "both"]);
    let page = select(vec![0x1000, 0x4000, 0x10000, 0x200000]);
    let rare = || prop::bool::weighted(0.2);
    (
        (select(targets), any::<bool>(), linker, any::<bool>(), hash, any::<bool>(), page, any::<bool>()),
        (any::<bool>(), any::<bool>(), any::<bool>(), rare(), any::<bool>(), rare(), rare()),
    )
        .prop_map(|((target, clang, linker, pie, hash, separate_code, page, relr), rest)| {
            let (relro, new_dtags, build_id, bss, cxx, stripped, payload) = rest;
            Layout {
                target,
                clang,
                linker,
                pie,
                hash,
                separate_code,
                page,
                relr,
                relro,
                new_dtags,
                build_id,
                bss,
                cxx,
                sections: !stripped,
                payload,
            }
            .possible()
        })
}

impl Layout {
    /// The most common one.
    pub fn plain() -> Layout {
        Layout {
            target: Target::Native,
            clang: false,
            linker: Linker::Bfd,
            pie: true,
            hash: "gnu",
            separate_code: true,
            page: 0x1000,
            relr: false,
            relro: true,
            new_dtags: true,
            build_id: true,
            bss: false,
            cxx: false,
            sections: true,
            payload: false,
        }
    }

    /// The next best thing that the tools at hand can make.
    fn possible(mut self) -> Layout {
        if let Target::Cross { qemu, .. } = self.target {
            // One compiler for all, and C's libraries alone.
            self.clang = true;
            self.cxx = false;
            let known: &[Linker] = match qemu {
                "mips" => &[Linker::Bfd, Linker::Lld],
                // mold 1 makes programs of it that crash.
                "s390x" => &[Linker::Bfd],
                "riscv64" => &[Linker::Bfd, Linker::Mold],
                _ => &[Linker::Bfd, Linker::Lld, Linker::Mold],
            };
            if !known.contains(&self.linker) {
                self.linker = Linker::Bfd;
            }
            // MIPS sorts its symbols for the GOT; bfd alone knows of DT_MIPS_XHASH, which can have them.
            if qemu == "mips" && self.linker == Linker::Lld {
                self.hash = "sysv";
            }
        }
        // glibc 2.36 wants a version tag for RELR, which of these linkers bfd alone adds, and for few machines.
        self.relr &= (self.linker, self.target) == (Linker::Bfd, Target::Native);
        // gold crashes (internal error in do_write).
        if (self.linker, self.target) == (Linker::Gold, Target::I386) {
            self.linker = Linker::Bfd;
        }
        self
    }

    /// bfd writes a DT_MIPS_XHASH where it is asked for a DT_GNU_HASH.
    pub fn has_xhash(&self) -> bool {
        self.target.is("mips") && self.hash != "sysv"
    }

    pub fn linker_flags(&self) -> Vec<String> {
        let mut flags = vec![
            format!("--hash-style={}", self.hash),
            format!("-zmax-page-size={:#x}", self.page),
            if self.relro { "-zrelro" } else { "-znorelro" }.into(),
            if self.new_dtags { "--enable-new-dtags" } else { "--disable-new-dtags" }.into(),
            if self.build_id { "--build-id=sha1" } else { "--build-id=none" }.into(),
        ];
        if self.linker != Linker::Gold {
            flags.push(if self.separate_code { "-zseparate-code" } else { "-znoseparate-code" }.into());
        }
        if self.relr {
            flags.push("-zpack-relative-relocs".into());
        }
        flags.iter().map(|flag| format!("-Wl,{flag}")).collect()
    }
}
