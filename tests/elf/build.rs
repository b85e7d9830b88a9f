//! Compiles a layout's program and libraries, once: they are kept in the target folder.

use std::collections::HashMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex};

use goblin::container::{Container, Ctx};
use goblin::elf::header::ELFCLASS64;
use goblin::elf::program_header::ProgramHeader;

use crate::layout::{Layout, Linker};
use crate::target::Target;
use crate::witness;

pub const PROGRAM: &str = "main";
pub const LIBRARY: &str = "libdep.so.1";

/// What is built, with the objects that it is linked of.
const SOURCES: [(&str, &str); 9] = [
    ("symbols.h", include_str!("c/symbols.h")),
    ("dep.c", include_str!("c/dep.c")),
    ("spare.c", include_str!("c/spare.c")),
    ("extra.c", include_str!("c/extra.c")),
    ("main.c", include_str!("c/main.c")),
    ("weak.c", include_str!("c/weak.c")),
    ("calm.c", include_str!("c/calm.c")),
    ("throw.cpp", include_str!("c/throw.cpp")),
    ("catch.cpp", include_str!("c/catch.cpp")),
];
const MAPS: [(&str, &str); 2] =
    [("dep.map", include_str!("c/dep.map")), ("spare.map", include_str!("c/spare.map"))];

/// Follows the ELF image, where a layout has a payload.
pub const PAYLOAD: &[u8] = b"PAYLOAD: found by its offset, or from the end\n";

/// What a layout came to.
pub struct Built {
    pub layout: Layout,
    /// Holds `main`, `libdep.so.1`, `libspare.so.1` and `libextra.so`.
    pub folder: PathBuf,
    pub program: Vec<u8>,
    pub library: Vec<u8>,
    /// What the witnesses say before any edit.
    pub baseline: witness::Baseline,
}

impl Built {
    /// Of this run, of an earlier one, or new.
    pub fn of(layout: &Layout) -> Arc<Built> {
        static BUILT: LazyLock<Mutex<HashMap<Layout, Arc<Built>>>> = LazyLock::new(Mutex::default);
        if let Some(built) = BUILT.lock().unwrap().get(layout) {
            return built.clone();
        }
        let folder = cached(&("linked", layout), |folder| link(layout, folder));
        let read = |name: &str| finish(layout, fs::read(folder.join(name)).unwrap());
        let (program, library) = (read(PROGRAM), read(LIBRARY));
        let baseline = witness::Baseline::of(layout, &folder, &program, &library);
        let built = Arc::new(Built { layout: layout.clone(), folder, program, library, baseline });
        BUILT.lock().unwrap().insert(layout.clone(), built.clone());
        built
    }
}

/// A folder of the target folder with what `make` puts into it. Its name tells the sources and what else it depends on.
pub fn cached(key: &impl Hash, make: impl FnOnce(&Path)) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    (key, SOURCES, MAPS).hash(&mut hasher);
    let top = Path::new(env!("CARGO_TARGET_TMPDIR")).join("elf");
    let folder = top.join(format!("{:016x}", hasher.finish()));
    if !folder.is_dir() {
        fs::create_dir_all(&top).unwrap();
        let work = tempfile::tempdir_in(&top).unwrap();
        make(work.path());
        // Another test may have been faster.
        let _ = fs::rename(work.keep(), &folder);
    }
    folder
}

/// What the compiler has to know of a layout; many share their objects.
#[derive(Clone, Copy, Hash)]
struct Code {
    target: Target,
    clang: bool,
    pie: bool,
    bss: bool,
}

impl Code {
    fn compiler(self, cxx: bool) -> Command {
        let mut command = Command::new(match (self.clang, cxx) {
            (false, false) => "gcc",
            (false, true) => "g++",
            (true, false) => "clang",
            (true, true) => "clang++",
        });
        command.args(self.target.flags());
        command
    }

    /// The folder of its objects.
    fn objects(self) -> PathBuf {
        cached(&("objects", self), |folder| {
            for (name, text) in SOURCES {
                fs::write(folder.join(name), text).unwrap();
            }
            for (source, _) in SOURCES {
                let is_cxx = source.ends_with(".cpp");
                let cannot = matches!(self.target, Target::Cross { .. });
                if source.ends_with(".h") || is_cxx && cannot {
                    continue;
                }
                let is_fixed = matches!(source, "main.c" | "calm.c" | "catch.cpp") && !self.pie;
                let mut command = self.compiler(is_cxx);
                command
                    .args(["-O1", "-c", if is_fixed { "-fno-pie" } else { "-fPIC" }, source])
                    .current_dir(folder);
                if self.bss {
                    command.arg("-DBSS");
                }
                witness::succeeds(&mut command);
            }
        })
    }
}

fn link(layout: &Layout, folder: &Path) {
    let code = Code { target: layout.target, clang: layout.clang, pie: layout.pie, bss: layout.bss };
    let objects = code.objects();
    for (name, text) in MAPS {
        fs::write(folder.join(name), text).unwrap();
    }
    let run_path = "-Wl,-rpath,/a/run/path:$ORIGIN/of/middling/length";
    let library = |name: &str, arguments: &[&str]| {
        let soname = format!("-Wl,-soname,{name}");
        run_linker(layout, code, folder, &[&["-shared", "-o", name, &soname], arguments].concat());
    };
    let object = |name: &str| objects.join(name).into_os_string().into_string().unwrap();
    let catch = if layout.cxx { "catch.o" } else { "calm.o" };
    let dep = ["dep.o", "throw.o"].map(object);
    let dep: Vec<_> = dep.iter().map(String::as_str).take(if layout.cxx { 2 } else { 1 }).collect();
    library(LIBRARY, &[&dep[..], &["-Wl,--version-script=dep.map", run_path]].concat());
    library("libspare.so.1", &[&object("spare.o"), "-Wl,--version-script=spare.map"]);
    library("libextra.so", &[&object("extra.o")]);
    let kind = if layout.pie { "-pie" } else { "-no-pie" };
    let parts = [object("main.o"), object("weak.o"), object(catch)];
    let parts: Vec<_> = parts.iter().map(String::as_str).collect();
    let others = [LIBRARY, "libspare.so.1", "-o", PROGRAM, kind, run_path, "-Wl,--no-as-needed"];
    run_linker(layout, code, folder, &[&parts[..], &others].concat());
}

fn run_linker(layout: &Layout, code: Code, folder: &Path, arguments: &[&str]) {
    let mut command = code.compiler(layout.cxx);
    let linker = match (layout.linker, layout.target) {
        (Linker::Mold, Target::Cross { .. }) => Some("--ld-path=/usr/bin/mold"),
        (Linker::Bfd, Target::Cross { .. }) => None,
        (Linker::Bfd, _) => Some("-fuse-ld=bfd"),
        (Linker::Gold, _) => Some("-fuse-ld=gold"),
        (Linker::Lld, _) => Some("-fuse-ld=lld"),
        (Linker::Mold, _) => Some("-fuse-ld=mold"),
    };
    command.current_dir(folder).args(linker).args(layout.linker_flags()).args(arguments);
    witness::succeeds(&mut command);
}

/// Takes the section headers away and adds a payload, as the layout has it.
fn finish(layout: &Layout, mut bytes: Vec<u8>) -> Vec<u8> {
    if !layout.sections {
        sstrip(&mut bytes);
    }
    if layout.payload {
        bytes.extend(PAYLOAD);
    }
    bytes
}

/// What sstrip does: no section headers, and nothing behind the last segment.
fn sstrip(bytes: &mut Vec<u8>) {
    let segments = program_headers(bytes);
    let end = segments.iter().map(|segment| segment.p_offset + segment.p_filesz).max().unwrap();
    // e_shoff; e_shentsize, e_shnum and e_shstrndx.
    let (offset, numbers) = if bytes[4] == ELFCLASS64 { (40..48, 58..64) } else { (32..36, 46..52) };
    bytes.truncate(end as usize);
    bytes[offset].fill(0);
    bytes[numbers].fill(0);
}

/// The headers alone, as goblin knows nothing of s390x's hash tables.
pub fn program_headers(bytes: &[u8]) -> Vec<ProgramHeader> {
    let header = goblin::elf::Elf::parse_header(bytes).unwrap();
    let container = if bytes[4] == ELFCLASS64 { Container::Big } else { Container::Little };
    let context = Ctx::new(container, header.endianness().unwrap());
    ProgramHeader::parse(bytes, header.e_phoff as usize, header.e_phnum.into(), context).unwrap()
}
