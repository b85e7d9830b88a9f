//! This machine's ld.so, objdump and programs.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use super::*;
use crate::elf::read::tests::system_files;
use crate::elf::{Class, Elf};
use crate::inspect::report::Image;

/// Programs and libraries of every kind, small ones.
static IMAGES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(
        at("l.c"),
        "#include <stdio.h>\n_Thread_local int t; int greet(void) { return puts(\"hello\"); }",
    )
    .unwrap();
    fs::write(at("versions"), "GREET_1 { global: greet; local: *; }; GREET_2 { global: t; } GREET_1;")
        .unwrap();
    fs::write(at("p.c"), "int greet(void); int main(void) { return greet(); }").unwrap();
    let script = format!("-Wl,--version-script={}", at("versions"));
    run(
        "cc",
        &["-shared", "-fPIC", "-Wl,-soname,libgreet.so.1", &script, &at("l.c"), "-o", &at("libgreet.so.1")],
    );
    run("cc", &[&at("p.c"), &at("libgreet.so.1"), "-Wl,-rpath,/x:$ORIGIN", "-o", &at("p")]);
    run("cc", &["-g", "-c", &at("p.c"), "-o", &at("p.o")]);
    let files = ["libgreet.so.1", "p", "p.o"].map(|name| fs::read(at(name)).unwrap());
    let fixtures = abis().map(|abi| {
        let versions = vec![("libc.so.6", vec!["GLIBC_2.34", "GLIBC_2.2.5"])];
        let note = Some(r#"[{"soname":["libx.so.2"]}]"#);
        Fixture { abi, versions, note, definitions: vec!["P_1"], ..program(&[(DT_NEEDED, "libc.so.6")]) }
            .build()
    });
    fixtures.chain(files).collect()
});

pub(super) fn images() -> Vec<Vec<u8>> {
    IMAGES.clone()
}

fn image(path: &str, wanted: Wanted) -> Box<Image> {
    match inspect(&Disk::new("/"), path.as_bytes(), path, wanted).unwrap().content {
        Content::Elf(image) => image,
        other => panic!("{path}: {other:?}"),
    }
}

/// Some dynamic programs of this machine's.
fn programs() -> Vec<PathBuf> {
    let is_program = |path: &PathBuf| {
        let bytes = fs::read(path).unwrap_or_default();
        let elf = Elf::parse(&bytes).ok().flatten();
        elf.is_some_and(|elf| {
            elf.class == Class::Program && elf.interpreter.as_deref() == Some(LOADER.as_bytes())
        })
    };
    let all: Vec<_> =
        system_files().into_iter().filter(|path| path.starts_with("/usr/bin")).filter(is_program).collect();
    let step = (all.len() / 60).max(1);
    all.into_iter().step_by(step).collect()
}

/// What ld.so lists: names and paths. The kernel's own object is in no file.
fn listed(program: &str) -> BTreeSet<(String, String)> {
    let mut command = Command::new(LOADER);
    command.args(["--list", program]).env_remove("LD_LIBRARY_PATH").env_remove("LD_PRELOAD");
    let output = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let lines = output.lines().filter_map(|line| line.trim().split_once(" => "));
    lines.filter_map(|(name, path)| Some((name.to_owned(), path.split_once(" (")?.0.to_owned()))).collect()
}

#[test]
fn finds_what_ld_so_lists() {
    if !Path::new(LOADER).exists() {
        return;
    }
    let mut seen = 0;
    for program in programs() {
        let program = program.to_str().unwrap();
        let image = image(program, TREE);
        let tree = image.tree.as_ref().unwrap();
        let found: BTreeSet<_> = tree
            .objects
            .iter()
            .flat_map(|object| &object.needs)
            .map(|need| (need.name.clone(), tree.objects[need.object.unwrap()].path.clone()))
            // ld.so lists itself without an arrow.
            .filter(|(_, path)| path != LOADER)
            .collect();
        assert_eq!(found, listed(program), "{program}");
        assert!(tree.is_complete(), "{program}: {:?}", tree.missing_versions);
        seen += found.len();
    }
    assert!(seen > 50, "{seen}");
}

/// What `objdump -T` says of imported symbols: version and name.
fn objdump(path: &str) -> BTreeSet<(String, String)> {
    let output = run("objdump", &["-T", path]);
    let lines = output.lines().filter_map(|line| line.split_once("*UND*"));
    let fields = lines.map(|(_, rest)| rest.split_whitespace().skip(1).collect::<Vec<_>>());
    fields
        .map(|fields| match fields.as_slice() {
            // What has no version.
            ["Base", name] => (String::new(), (*name).to_owned()),
            [version, name] => (version.trim_matches(['(', ')']).to_owned(), (*name).to_owned()),
            other => (String::new(), other.concat()),
        })
        .collect()
}

#[test]
fn symbols_and_versions_are_those_of_objdump() {
    for program in programs().iter().step_by(4) {
        let program = program.to_str().unwrap();
        let image = image(program, Wanted { symbols: true, tree: false });
        let symbols = image.symbols.unwrap().imported;
        let told: BTreeSet<_> = symbols
            .iter()
            .map(|symbol| (symbol.version.clone().unwrap_or_default(), symbol.name.clone()))
            .collect();
        assert_eq!(told, objdump(program), "{program}");
        // The highest is what people look for with `sort -V | tail -1`.
        let glibc = |version: &str| -> Option<Vec<u32>> {
            version.strip_prefix("GLIBC_")?.split('.').map(|number| number.parse().ok()).collect()
        };
        let highest = told.iter().filter_map(|(version, _)| glibc(version)).max();
        let of_report = image.versions_needed.highest.get("GLIBC").and_then(|version| glibc(version));
        assert!(of_report >= highest, "{program}");
    }
}

#[test]
fn every_file_of_the_system_is_told() {
    let disk = Disk::new("/");
    for path in system_files() {
        let name = path.to_str().unwrap_or_default();
        let bytes = path.as_os_str().as_encoded_bytes();
        match inspect(&disk, bytes, name, Wanted { symbols: true, tree: true }) {
            Ok(report) => assert!(text(&report).starts_with(name)),
            Err(error) => assert!(error.to_string().contains("nor a script"), "{error}"),
        }
    }
}
