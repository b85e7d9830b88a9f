//! Files for the fuzzers to begin with: `EXPLANT_SEEDS=FOLDER cargo test --test elf seeds` writes them there (fuzz/README.md).

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::build::cached;
use crate::target::Target;
use crate::witness::succeeds;

/// Without libc, so that they are small: a fuzzer's every byte counts.
const SOURCE: &str = "
extern int needed(void) __attribute__((weak));
__thread int local;
int shown(void) { return needed ? needed() : local; }
int (*address)(void) = shown;
void _start(void) { for (;;) shown(); }
";
const NEEDED: &str = "int needed(void) { return 1; }";
const VERSIONS: &str = "V_1 { global: needed; local: *; };";

/// What differs between the seeds of one target.
const KINDS: [&[&str]; 6] = [
    &["-pie", "-Wl,--hash-style=gnu", "-Wl,-rpath,/a/run/path/of/some/length"],
    &["-no-pie", "-Wl,--hash-style=sysv", "-Wl,-rpath,$ORIGIN", "-Wl,--disable-new-dtags"],
    &["-shared", "-Wl,--hash-style=both", "-Wl,-soname,libseed.so.1", "-Wl,-znoseparate-code"],
    &["-shared", "-Wl,-soname,libseed.so.1", "-Wl,-znorelro", "-Wl,--build-id=sha1", "-s"],
    &["-pie", "-Wl,-zmax-page-size=65536", "-Wl,-rpath,/x"],
    &["-pie", "-g", "-Wl,-zmax-page-size=4096"],
];

#[test]
fn seeds() {
    let Some(folder) = std::env::var_os("EXPLANT_SEEDS") else { return };
    fs::create_dir_all(&folder).unwrap();
    let made = cached(&("seeds", SOURCE, KINDS), |work| {
        for (name, text) in [("s.c", SOURCE), ("n.c", NEEDED), ("n.map", VERSIONS)] {
            fs::write(work.join(name), text).unwrap();
        }
        for (index, target) in Target::all().into_iter().enumerate() {
            let clang = |arguments: &[&str]| {
                let mut command = Command::new("clang");
                command.current_dir(work).args([
                    "-O1",
                    "-fPIC",
                    "-nostdlib",
                    "-Wl,--no-as-needed,--unresolved-symbols=ignore-all",
                ]);
                command.args(target.flags()).args(arguments);
                succeeds(&mut command);
            };
            clang(&[
                "-shared",
                "n.c",
                "-Wl,--version-script=n.map",
                "-Wl,-soname,libneeded.so.1",
                "-o",
                "needed",
            ]);
            for (kind, flags) in KINDS.iter().enumerate() {
                clang(&[*flags, &["s.c", "./needed", "-o", &format!("seed-{index}-{kind}")]].concat());
            }
        }
    });
    for entry in fs::read_dir(made).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name().to_str().unwrap().starts_with("seed-") {
            fs::copy(entry.path(), Path::new(&folder).join(entry.file_name())).unwrap();
        }
    }
}
