//! On programs of the machine's own compiler and linker, with readelf, goblin and the kernel as witnesses.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::elf::read::tests::{run, system_files};
use crate::elf::verify::verify;

/// A program and the library that it needs, in folders with long names, as in the store.
struct Built {
    folder: tempfile::TempDir,
    program: PathBuf,
    library: PathBuf,
    /// The machine's own.
    loader: String,
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn build(hash: &str, kind: &str) -> Built {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("nix/store/0123456789abcdfghijklmnpqrsvwxyz-greet-1.0/lib");
    fs::create_dir_all(&store).unwrap();
    let at = |name: &str| folder.path().join(name);
    let own = parse(&fs::read("/proc/self/exe").unwrap());
    let loader = String::from_utf8(own.interpreter.unwrap()).unwrap();
    symlink(&loader, store.join("ld.so")).unwrap();
    fs::write(at("l.c"), "#include <stdio.h>\nint greet(void) { puts(\"hello\"); return 46; }").unwrap();
    fs::write(at("p.c"), "int greet(void); int main(void) { return greet(); }").unwrap();
    fs::write(at("versions"), "GREET_1 { global: greet; local: *; };").unwrap();
    let (library, program) = (store.join("libgreet.so.1"), at("p"));
    let versions = format!("-Wl,--version-script={}", text(&at("versions")));
    let run_path = format!("-Wl,-rpath,{}", text(&store));
    let interpreter = format!("-Wl,--dynamic-linker={}/ld.so", text(&store));
    let new_tags = "-Wl,--enable-new-dtags";
    let common = [new_tags, &run_path, &format!("-Wl,--hash-style={hash}")];
    let soname = "-Wl,-soname,libgreet.so.1";
    let [l, p] = [at("l.c"), at("p.c")];
    let shared = ["-shared", "-fPIC", soname, &versions, text(&l), "-o", text(&library)];
    run("cc", &[&shared, &common[..]].concat());
    run("cc", &[&[text(&p), text(&library), "-o", text(&program), &interpreter, kind], &common[..]].concat());
    Built { folder, program, library, loader }
}

/// What an operation must not change but for headers, told by goblin.
fn rest(bytes: &[u8]) -> Vec<String> {
    let elf = goblin::elf::Elf::parse(bytes).unwrap();
    let mut lines = vec![format!("{:?}", elf.soname)];
    let names = |at: usize| elf.dynstrtab.get_at(at).unwrap_or("?");
    lines.extend(
        elf.dynsyms
            .iter()
            .map(|symbol| format!("{} {:?}", names(symbol.st_name), (symbol.st_value, symbol.st_info))),
    );
    lines.extend(elf.dynrelas.iter().chain(elf.pltrelocs.iter()).map(|relocation| format!("{relocation:?}")));
    let verneed = elf.verneed.iter().flat_map(|table| table.iter());
    lines.extend(
        verneed.flat_map(|need| {
            need.iter().map(|version| names(version.vna_name).to_owned()).collect::<Vec<_>>()
        }),
    );
    let verdef = elf.verdef.iter().flat_map(|table| table.iter());
    lines.extend(
        verdef.flat_map(|def| def.iter().map(|name| names(name.vda_name).to_owned()).collect::<Vec<_>>()),
    );
    let strings = [DT_NEEDED, DT_RPATH, DT_RUNPATH, DT_STRTAB, DT_STRSZ];
    let dynamic = elf.dynamic.iter().flat_map(|dynamic| &dynamic.dyns);
    lines.extend(dynamic.filter(|entry| !strings.contains(&entry.d_tag)).map(|entry| format!("{entry:?}")));
    lines
}

/// What readelf says of a dynamic tag.
fn readelf(path: &Path, tag: &str) -> Vec<String> {
    let lines = run("readelf", &["-dW", text(path)]);
    let lines = lines.lines().filter(|line| line.contains(&format!("({tag})")));
    lines.map(|line| line.split_once('[').unwrap().1.trim_end_matches(']').to_owned()).collect()
}

fn write(path: &Path, bytes: &[u8]) {
    // The linker's output may be mapped or busy: a new file.
    let _ = fs::remove_file(path);
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn an_operated_program_runs_elsewhere_and_readelf_agrees() {
    let kinds = ["gnu", "sysv", "both"].into_iter().flat_map(|hash| [(hash, "-pie"), (hash, "-no-pie")]);
    for flags in kinds {
        let built = build(flags.0, flags.1);
        let place = built.folder.path().join("out");
        fs::create_dir_all(place.join("lib")).unwrap();
        let (program, library) = (place.join("p"), place.join("lib/libgreet.so"));
        let bytes = fs::read(&built.program).unwrap();
        let operation = Operation { interpreter: Some(built.loader.clone().into()), ..rpath("$ORIGIN/lib") };
        let operation = Operation {
            replace_needed: rename(&[("libgreet.so.1", "libgreet.so")]).replace_needed,
            ..operation
        };
        let (done, elf) =
            operate(&bytes, &operation).unwrap_or_else(|refusal| panic!("{flags:?}: {refusal}"));
        assert_eq!(rest(&done), rest(&bytes), "{flags:?}");
        assert!(elf.versions_needed.iter().any(|need| need.file == b"libgreet.so"));
        write(&program, &done);
        let bytes = fs::read(&built.library).unwrap();
        let (done, _) = operate(&bytes, &rpath("$ORIGIN")).unwrap();
        assert_eq!(rest(&done), rest(&bytes));
        write(&library, &done);
        // The old place is gone.
        fs::rename(built.folder.path().join("nix"), built.folder.path().join("gone")).unwrap();
        assert_eq!(readelf(&program, "RPATH"), ["$ORIGIN/lib"]);
        assert_eq!(readelf(&program, "RUNPATH"), [""; 0]);
        assert_eq!(readelf(&program, "NEEDED")[0], "libgreet.so");
        assert_eq!(readelf(&library, "RPATH"), ["$ORIGIN"]);
        let headers = run("readelf", &["-lW", text(&program)]);
        assert!(headers.contains(&format!("interpreter: {}]", built.loader)), "{headers}");
        let output = Command::new(&program).env("LD_BIND_NOW", "1").output().unwrap();
        assert_eq!(
            (output.status.code(), &output.stdout[..]),
            (Some(46), &b"hello\n"[..]),
            "{flags:?} {output:?}"
        );
        assert!(
            memchr::memmem::find(&fs::read(&program).unwrap(), b"0123456789abcdfghijklmnpqrsvwxyz").is_none()
        );
    }
}

/// Images of every kind that random operations are tried on.
static IMAGES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let built = build("gnu", "-pie");
    let mut images = vec![fs::read(&built.program).unwrap(), fs::read(&built.library).unwrap()];
    for abi in abis() {
        let symbols = vec!["greet", "libc.so.6", "lib", "z"];
        images.push(Fixture { abi, symbols, nulls: 3, ..program() }.build());
        images.push(
            Fixture { abi, hash: Hash::EmptyGnu, definitions: vec!["D", "store"], ..program() }.build(),
        );
    }
    images
});

fn operations() -> impl Strategy<Value = Operation> {
    let string =
        || prop_oneof!["[a-z/$.:]{1,90}", Just("lib".to_owned()), Just("so.6".to_owned()), "[lib]{1,3}"];
    let run_path = (string(), any::<bool>())
        .prop_map(|(folders, runpath)| RunPath { folders: folders.into_bytes(), runpath });
    let old = prop_oneof![Just("libc.so.6"), Just("libgreet.so.1"), Just("libb.so.1")];
    let needed = prop::collection::vec(
        (old.prop_map(|old| old.as_bytes().to_vec()), string().prop_map(String::into_bytes)),
        0..3,
    );
    (prop::option::of(string().prop_map(String::into_bytes)), prop::option::of(run_path), needed).prop_map(
        |(interpreter, run_path, replace_needed)| Operation {
            interpreter,
            run_path,
            replace_needed,
            ..Operation::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_asked_for_changes_and_nothing_else(image in 0..IMAGES.len(), operation in operations()) {
        let bytes = &IMAGES[image];
        let before = parse(bytes);
        let Ok(patches) = before.operate(bytes, &operation) else { return Ok(()) };
        let done = apply(bytes, &patches);
        let after = parse(&done);
        prop_assert_eq!(verify(bytes, &done, &operation), []);
        prop_assert_eq!(rest(&done), rest(bytes));
        prop_assert_eq!(&after.interpreter, if operation.interpreter.is_some() { &operation.interpreter } else { &before.interpreter });
        match &operation.run_path {
            Some(path) if path.runpath => prop_assert_eq!((&after.runpath, &after.rpath), (&Some(path.folders.clone()), &None)),
            Some(path) => prop_assert_eq!((&after.rpath, &after.runpath), (&Some(path.folders.clone()), &None)),
            None => prop_assert_eq!((&after.rpath, &after.runpath), (&before.rpath, &before.runpath)),
        }
        let renamed = |name: &Vec<u8>| {
            operation.replace_needed.iter().find(|(old, _)| old == name).map_or(name.clone(), |(_, new)| new.clone())
        };
        prop_assert_eq!(&after.needed, &before.needed.iter().map(renamed).collect::<Vec<_>>());
        for (new, old) in after.versions_needed.iter().zip(&before.versions_needed) {
            let wanted = if before.needed.contains(&old.file) { renamed(&old.file) } else { old.file.clone() };
            prop_assert_eq!(&new.file, &wanted);
            prop_assert_eq!(&new.versions, &old.versions);
        }
    }
}

/// A handful of the machine's own files, small enough to be copied thousands of times.
static VICTIMS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let files = system_files().into_iter().filter_map(|path| fs::read(path).ok());
    let small = files.filter(|bytes| bytes.len() < 100_000 && bytes.starts_with(b"\x7fELF"));
    small.step_by(7).take(60).chain(IMAGES.iter().cloned()).collect()
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Flips bits where the structures are that matter, now and then cuts the end off.
    #[test]
    fn damaged_files_end_in_time_and_without_a_panic(
        victim in 0..VICTIMS.len(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4u8), 1..12),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
        operation in operations(),
    ) {
        let whole = &VICTIMS[victim];
        let elf = parse(whole);
        let mut bytes = whole.clone();
        for (index, value, area) in &flips {
            let dynamic = &elf.layout.dynamic;
            let at = match (area, dynamic.is_empty()) {
                (0, _) => index.index(bytes.len().min(0x400)),
                (1, false) => dynamic[index.index(dynamic.len())].at as usize + usize::from(*value % 8),
                (2, false) => index.index(0x2000.min(bytes.len())),
                _ => index.index(bytes.len()),
            };
            bytes[at] = if area % 2 == 0 { *value } else { bytes[at] ^ (1 << (value % 8)) };
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let start = Instant::now();
        if let Ok(Some(elf)) = Elf::parse(&bytes) {
            if let Ok(patches) = elf.operate(&bytes, &operation) {
                let done = apply(&bytes, &patches);
                let _ = Elf::parse(&done);
                let _ = verify(&bytes, &done, &operation);
            }
            let _ = elf.operate(whole, &operation);
            let _ = (verify(whole, &bytes, &operation), verify(&bytes, whole, &operation));
        }
        // No measure of speed: what hangs takes longer than that on any machine.
        prop_assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    }
}
