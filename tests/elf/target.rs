//! The machines that programs are made for, and how this one runs them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    Native,
    /// 32 bits, on this machine.
    I386,
    /// Elsewhere: GNU's name for it, and QEMU's.
    Cross {
        triple: &'static str,
        qemu: &'static str,
    },
}

/// Word sizes, byte orders, page sizes and oddities (s390x: 64-bit hash words; MIPS: DT_MIPS_RLD_MAP_REL, DT_MIPS_XHASH).
const CROSS: [Target; 6] = [
    Target::Cross { triple: "aarch64-linux-gnu", qemu: "aarch64" },
    Target::Cross { triple: "arm-linux-gnueabihf", qemu: "arm" },
    Target::Cross { triple: "riscv64-linux-gnu", qemu: "riscv64" },
    Target::Cross { triple: "powerpc64le-linux-gnu", qemu: "ppc64le" },
    Target::Cross { triple: "s390x-linux-gnu", qemu: "s390x" },
    Target::Cross { triple: "mips-linux-gnu", qemu: "mips" },
];

impl Target {
    /// Those that this machine can compile for.
    pub fn all() -> Vec<Target> {
        let all = [Target::Native, Target::I386].into_iter().chain(CROSS);
        all.filter(|target| target.libraries().iter().all(|folder| folder.is_dir())).collect()
    }

    pub fn is(self, name: &str) -> bool {
        matches!(self, Target::Cross { qemu, .. } if qemu == name)
    }

    /// Where its libc and loader are.
    pub fn libraries(self) -> Vec<PathBuf> {
        match self {
            Target::Native => vec!["/lib/x86_64-linux-gnu".into()],
            Target::I386 => vec!["/lib32".into(), "/usr/lib32".into()],
            Target::Cross { triple, .. } => vec![Path::new("/usr").join(triple).join("lib")],
        }
    }

    /// Where the path of an interpreter leads to here.
    pub fn disk(self, interpreter: &str) -> PathBuf {
        match self {
            Target::Native | Target::I386 => interpreter.into(),
            Target::Cross { triple, .. } => PathBuf::from(format!("/usr/{triple}{interpreter}")),
        }
    }

    /// What a compiler has to be told to compile for it; for others than this machine that is clang.
    pub fn flags(self) -> Vec<String> {
        match self {
            Target::Native => Vec::new(),
            // The kernel's headers are the same for both, but only gcc-multilib, which keeps out every cross compiler, says so.
            Target::I386 => vec!["-m32".into(), "-idirafter/usr/include/x86_64-linux-gnu".into()],
            Target::Cross { triple, .. } => {
                vec![format!("--target={triple}"), format!("--ld-path=/usr/bin/{triple}-ld")]
            }
        }
    }

    /// A tool of binutils that knows its files.
    pub fn tool(self, name: &str) -> String {
        match self {
            Target::Native | Target::I386 => name.into(),
            Target::Cross { triple, .. } => format!("{triple}-{name}"),
        }
    }

    /// To run a program with its libraries in `folder`; all symbols are bound at once.
    pub fn run(self, program: &Path, folder: &Path) -> Command {
        let folders = std::iter::once(folder.to_owned()).chain(self.libraries());
        let path = std::env::join_paths(folders).unwrap();
        match self {
            Target::Native | Target::I386 => {
                let mut command = Command::new(program);
                command.env("LD_LIBRARY_PATH", path).env("LD_BIND_NOW", "1");
                command
            }
            Target::Cross { triple, qemu } => {
                let mut command = Command::new(format!("qemu-{qemu}-static"));
                let variable: OsString = [OsString::from("LD_LIBRARY_PATH="), path].into_iter().collect();
                command.arg("-L").arg(Path::new("/usr").join(triple));
                command.args(["-E", "LD_BIND_NOW=1", "-E"]).arg(variable).arg(program);
                command
            }
        }
    }
}
