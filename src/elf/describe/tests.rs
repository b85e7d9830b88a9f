//! readelf is the witness, on programs and libraries of this machine and on what its compiler makes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use goblin::elf::program_header::PT_NOTE;

use super::*;
use crate::elf::fixture::{Fixture, Hash, abis};
use crate::elf::read::tests::{run, system_files};

/// Some of the machine's files, of all kinds, and the libraries that have most symbols and versions.
fn sample() -> Vec<PathBuf> {
    let files = system_files();
    let is_large = |path: &PathBuf| {
        ["libc.so.6", "libstdc++", "libm.so"].iter().any(|name| path.to_string_lossy().contains(name))
    };
    let (large, others): (Vec<_>, Vec<_>) = files.into_iter().partition(is_large);
    let step = (others.len() / 60).max(1);
    large.into_iter().chain(others.into_iter().step_by(step)).collect()
}

fn read(path: &Path) -> Option<(Vec<u8>, Elf, Description)> {
    let bytes = std::fs::read(path).ok()?;
    let elf = Elf::parse(&bytes).ok()??;
    let description =
        Description::read(&elf, &bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Some((bytes, elf, description))
}

fn readelf(option: &str, path: &Path) -> String {
    run("readelf", &[option, "-W", path.to_str().unwrap()])
}

#[test]
fn tells_what_readelf_tells() {
    let mut seen = 0;
    for path in sample() {
        let Some((_, elf, description)) = read(&path) else { continue };
        if elf.class == Class::Other {
            continue;
        }
        seen += 1;
        let show = path.display();
        let notes = readelf("-n", &path);
        let id = notes.lines().find_map(|line| line.split("Build ID: ").nth(1));
        let hex = |id: Vec<u8>| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(description.notes.build_id.map(hex).as_deref(), id, "{show}");
        for (feature, name) in [(Feature::Ibt, "IBT"), (Feature::Shstk, "SHSTK")] {
            let is_told = notes.lines().any(|line| line.contains("x86 feature:") && line.contains(name));
            assert_eq!(description.notes.features.contains(&feature), is_told, "{show}");
        }
        let protection = description.protection.unwrap();
        let segments = readelf("-l", &path);
        let relro = segments.contains("GNU_RELRO");
        assert_eq!(protection.relro != Relro::None, relro, "{show}");
        let stack = segments.lines().find(|line| line.trim().starts_with("GNU_STACK"));
        assert_eq!(protection.executable_stack, stack.map(|line| line.contains("RWE")), "{show}");
        let dynamic = readelf("-d", &path);
        assert_eq!(
            protection.bind_now,
            dynamic.contains("BIND_NOW") || dynamic.contains("Flags: NOW"),
            "{show}"
        );
        assert_eq!(protection.text_relocations, dynamic.contains("TEXTREL"), "{show}");
        let sections = readelf("-S", &path);
        assert_eq!(description.debug.symbol_table, sections.contains(".symtab"), "{show}");
        assert_eq!(description.debug.link.is_some(), sections.contains(".gnu_debuglink"), "{show}");
    }
    assert!(seen > 20, "{seen}");
}

/// As Go's linker leaves it: the note is in a section, and in no segment of notes.
#[test]
fn a_build_id_that_no_segment_tells_is_in_its_section() {
    let mut bytes = std::fs::read("/bin/true").unwrap();
    let told = |bytes: &[u8]| {
        let elf = Elf::parse(bytes).unwrap().unwrap();
        Description::read(&elf, bytes).unwrap().notes
    };
    let before = told(&bytes);
    // Elf64_Ehdr and Elf64_Phdr: where the table is, how long it is, and each segment's type.
    let (table, count) = (bytes[32], bytes[56]);
    for segment in (0..count).map(|number| usize::from(table) + 56 * usize::from(number)) {
        if bytes[segment..][..4] == PT_NOTE.to_le_bytes() {
            bytes[segment..][..4].fill(0);
        }
    }
    let after = told(&bytes);
    assert!(before.kernel.is_some() && after.kernel.is_none(), "{after:?}");
    assert!(before.build_id.is_some() && after.build_id == before.build_id, "{after:?}");
}

/// `name@VERSION`, or `name@@VERSION` of what is linked to by default, and whether it is imported.
type Told = BTreeSet<(String, bool)>;

fn told(bytes: &[u8], elf: &Elf, versions: &Versions) -> Told {
    let name = |index: u16| {
        let defined =
            versions.defined.iter().find(|version| version.index == index).map(|version| &version.name);
        let needed =
            versions.needed.iter().find(|version| version.index == index).map(|version| &version.name);
        String::from_utf8(defined.or(needed).unwrap().clone()).unwrap()
    };
    let told = |symbol: Symbol| {
        // A variable that a program has a copy of keeps the version that the library gave it.
        let is_needed = |index| versions.needed.iter().any(|version| version.index == index);
        let is_other = symbol.is_imported || symbol.is_hidden || symbol.version.is_some_and(is_needed);
        let at = if is_other { "@" } else { "@@" };
        let version = symbol.version.map(|index| format!("{at}{}", name(index))).unwrap_or_default();
        (format!("{}{version}", String::from_utf8(symbol.name).unwrap()), symbol.is_imported)
    };
    symbols(elf, bytes).unwrap().into_iter().map(told).collect()
}

#[test]
fn symbols_have_the_versions_that_readelf_gives_them() {
    let mut seen = 0;
    for path in sample() {
        let Some((bytes, elf, description)) = read(&path) else { continue };
        if elf.class == Class::Other {
            continue;
        }
        // A file that does not say GNU in its header may have GNU's unique symbols all the same.
        let listed = readelf("--dyn-syms", &path).replace("<OS specific>: 10", "UNIQUE");
        let lines = listed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let symbols = lines.filter(|fields| {
            fields.len() >= 8 && fields[0].ends_with(':') && fields[0] != "Num:" && fields[4] != "LOCAL"
        });
        let wanted: Told = symbols.map(|fields| (fields[7].to_owned(), fields[6] == "UND")).collect();
        seen += wanted.len();
        let mut told = told(&bytes, &elf, &description.versions);
        // A version's own symbol: readelf leaves the version away.
        let versions =
            description.versions.defined.iter().map(|version| String::from_utf8_lossy(&version.name));
        for name in versions {
            if told.remove(&(format!("{name}@@{name}"), false)) {
                told.insert((name.into_owned(), false));
            }
        }
        let differ: Vec<_> = told.symmetric_difference(&wanted).collect();
        assert!(differ.is_empty(), "{}: {differ:?}", path.display());
    }
    assert!(seen > 5000, "{seen}");
}

#[test]
fn reads_every_class_and_byte_order() {
    for abi in abis() {
        for hash in [Hash::Sysv, Hash::Gnu, Hash::EmptyGnu] {
            let bytes = Fixture {
                abi,
                hash,
                symbols: vec!["one", "two"],
                versions: vec![("libc.so.6", vec!["GLIBC_2.34", "GLIBC_2.2.5"])],
                definitions: vec!["V_1", "V_2"],
                ..Fixture::default()
            }
            .build();
            let elf = Elf::parse(&bytes).unwrap().unwrap();
            let Description { kind, versions, .. } = Description::read(&elf, &bytes).unwrap();
            assert_eq!(kind, Kind::Library);
            let defined: Vec<_> =
                versions.defined.iter().map(|version| (&version.name[..], version.index)).collect();
            assert_eq!(defined, [(&b"V_1"[..], 2), (b"V_2", 3)]);
            let needed: Vec<_> =
                versions.needed.iter().map(|need| (&need.library[..], &need.name[..])).collect();
            assert_eq!(needed, [(&b"libc.so.6"[..], &b"GLIBC_2.34"[..]), (b"libc.so.6", b"GLIBC_2.2.5")]);
            // The fixture's symbols are local.
            assert!(symbols(&elf, &bytes).unwrap().is_empty());
        }
    }
}

/// Compiles an empty program; returns where.
fn compile(folder: &Path, name: &str, flags: &[&str]) -> PathBuf {
    let source = folder.join("m.c");
    std::fs::write(&source, "int main(void) { return 0; }").unwrap();
    let out = folder.join(name);
    run("cc", &[flags, &[source.to_str().unwrap(), "-o", out.to_str().unwrap()]].concat());
    out
}

#[test]
fn kinds_and_protections_follow_the_flags_of_the_compiler() {
    let folder = tempfile::tempdir().unwrap();
    let describe = |name: &str, flags: &[&str]| {
        let path = compile(folder.path(), name, flags);
        let (_, _, description) = read(&path).unwrap();
        (description.kind, description.is_position_independent, description.protection, description.debug)
    };
    let (kind, pie, protection, debug) = describe("full", &["-pie", "-Wl,-z,relro,-z,now", "-g"]);
    assert_eq!((kind, pie, debug.dwarf, debug.symbol_table), (Kind::Program, true, true, true));
    assert_eq!(protection.unwrap().relro, Relro::Full);
    let (kind, pie, protection, debug) =
        describe("none", &["-no-pie", "-Wl,-z,norelro,-z,lazy", "-z", "execstack", "-s"]);
    assert_eq!((kind, pie, debug), (Kind::Program, false, DebugInfo::default()));
    let protection = protection.unwrap();
    assert_eq!((protection.relro, protection.executable_stack), (Relro::None, Some(true)));
    let (_, _, protection, _) = describe("lazy", &["-Wl,-z,relro,-z,lazy"]);
    assert_eq!(protection.unwrap().relro, Relro::Partial);
    let (_, _, protection, _) = describe("writable", &["-Wl,-N", "-no-pie", "-nostdlib", "-Wl,-e,main"]);
    assert!(protection.unwrap().writable_code);
    assert_eq!(describe("static", &["-static"]).0, Kind::StaticProgram);
    assert_eq!(describe("object", &["-c"]).0, Kind::Object);
    assert_eq!(describe("library", &["-shared", "-fPIC"]).0, Kind::Library);
    let level = compile(folder.path(), "level", &["-Wl,-z,x86-64-v3"]);
    if cfg!(target_arch = "x86_64") {
        assert_eq!(read(&level).unwrap().2.notes.processor, Some("x86-64-v3"));
    }
    let debug = folder.path().join("full.debug");
    run(
        "objcopy",
        &["--only-keep-debug", folder.path().join("full").to_str().unwrap(), debug.to_str().unwrap()],
    );
    let (split, whole) = (read(&debug).unwrap().2, read(&folder.path().join("full")).unwrap().2);
    assert_eq!(split.kind, Kind::DebugFile);
    assert!(split.notes.build_id.is_some());
    assert_eq!(split.notes.build_id, whole.notes.build_id);
}
