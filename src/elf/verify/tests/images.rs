//! Programs and libraries of every linker and machine that this one's compilers can build for; without a libc, which there is for one
//! machine only.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use crate::elf::read::tests::run;

pub struct Image {
    pub name: String,
    pub bytes: Vec<u8>,
}

const LIBRARY: &str = "static int kept = 4, *pointer = &kept; int value = 42, *address = &value;
int greet(void) { return *address + *pointer; }
int twice(int x) { return 2 * x; }
int bye(void) { return twice(value); }
int (*pointers[])(void) = { bye, greet };
__attribute__((constructor)) static void begin(void) { pointer = &value; }";

const VERSIONS: &str =
    "GREET_1 { global: greet; value; local: *; }; GREET_2 { global: twice; bye; } GREET_1;";

const PROGRAM: &str = "int greet(void); int twice(int); extern int value; int *place = &value;
int own(void) { return 1; }
void _start(void) { place += twice(greet()); }";

/// What begins the command line of each compiler, whether the library can have a DT_GNU_HASH.
fn compilers() -> Vec<(String, Vec<String>, bool)> {
    let linkers =
        ["bfd", "gold", "lld", "mold"].into_iter().flat_map(|linker| [(linker, "-m64"), (linker, "-m32")]);
    let own = linkers.map(|(linker, bits)| {
        (format!("{linker} {bits}"), vec!["gcc".into(), bits.into(), format!("-fuse-ld={linker}")], true)
    });
    let targets = [
        "mips-linux-gnu",
        "mipsel-linux-gnu",
        "mips64-linux-gnuabi64",
        "mips64el-linux-gnuabi64",
        "powerpc-linux-gnu",
        "powerpc64-linux-gnu",
        "powerpc64le-linux-gnu",
        "aarch64-linux-gnu",
        "aarch64_be-linux-gnu",
        "armv7-linux-gnueabi",
        "riscv64-linux-gnu",
    ];
    let others = targets.into_iter().map(|target| {
        let command = vec!["clang".into(), format!("--target={target}"), "-fuse-ld=lld".into()];
        (target.into(), command, !target.starts_with("mips"))
    });
    own.chain(others).collect()
}

/// A library whose symbol `bye` has this name, of as many letters, and of which nothing else tells it.
pub fn build_library(folder: &Path, bye: &str) -> Vec<u8> {
    let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (versions, out) = (VERSIONS.replace("bye", bye), at(bye));
    fs::write(at("l.c"), LIBRARY.replace("bye", bye)).unwrap();
    fs::write(at("versions"), versions).unwrap();
    let script = format!("-Wl,--version-script={}", at("versions"));
    let silent = ["-s", "-Wl,--build-id=none", "-Wl,-soname,libgreet.so.1", "-Wl,--hash-style=both"];
    let shared = ["-shared", "-fPIC", "-nostdlib", &script, &at("l.c"), "-o", &out];
    run("gcc", &[&shared[..], &silent].concat());
    fs::read(out).unwrap()
}

fn build(folder: &Path) -> Vec<Image> {
    let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    fs::write(at("l.c"), LIBRARY).unwrap();
    fs::write(at("p.c"), PROGRAM).unwrap();
    fs::write(at("versions"), VERSIONS).unwrap();
    let mut images = Vec::new();
    for (name, command, gnu) in compilers() {
        let hash = if gnu { "-Wl,--hash-style=both" } else { "-Wl,--hash-style=sysv" };
        let library = at("libgreet.so.1");
        let common = [
            "-nostdlib",
            "-fno-stack-protector",
            "-Wl,--build-id=sha1",
            "-Wl,--enable-new-dtags",
            "-Wl,-rpath,/opt/0123456789/lib",
            hash,
        ];
        let versions = format!("-Wl,--version-script={}", at("versions"));
        let shared = ["-shared", "-fPIC", "-Wl,-soname,libgreet.so.1", &versions, &at("l.c"), "-o", &library];
        let interpreter = "-Wl,--dynamic-linker=/opt/0123456789/lib/ld.so";
        let program = |kind: &'static str, out| {
            let kind = if kind == "-pie" { ["-fPIE", "-pie"] } else { ["-fno-pie", "-no-pie"] };
            [&kind[..], &[interpreter, "-Wl,--export-dynamic", &at("p.c"), &library, "-o", out]]
                .concat()
                .join(" ")
        };
        let (pie, fixed) = (at("pie"), at("fixed"));
        let kinds = [
            (shared.join(" "), &library),
            (program("-pie", &pie), &pie),
            (program("-no-pie", &fixed), &fixed),
        ];
        for (arguments, out) in kinds {
            let mut tool = Command::new(&command[0]);
            tool.args(&command[1..]).args(common).args(arguments.split(' '));
            // Not every machine has every linker.
            if tool.output().is_ok_and(|output| output.status.success()) {
                let file = Path::new(out).file_name().unwrap().to_str().unwrap();
                images.push(Image { name: format!("{name} {file}"), bytes: fs::read(out).unwrap() });
            }
        }
    }
    images
}

/// The compiler's own linker, at the least.
pub static IMAGES: LazyLock<Vec<Image>> = LazyLock::new(|| {
    let images = build(tempfile::tempdir().unwrap().path());
    assert!(images.len() >= 3, "gcc builds nothing");
    images
});

/// A position-independent program of x86-64.
pub fn program() -> &'static [u8] {
    let own = IMAGES.iter().find(|image| image.name.ends_with("-m64 pie"));
    &own.expect("gcc builds a program for its own machine").bytes
}
