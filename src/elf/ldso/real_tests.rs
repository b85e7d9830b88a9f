//! The machine's own ld.so is the witness: what it lists for small programs, whose run paths and places are drawn at random.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::elf::read::tests::run;
use crate::elf::{Operation, RunPath};

/// The file system as it is.
struct Disk;

impl Files for Disk {
    fn open(&self, path: &[u8]) -> Option<Object> {
        let path = String::from_utf8(path.to_vec()).unwrap();
        let real = fs::canonicalize(&path).ok()?;
        let elf = Elf::parse(&fs::read(&real).ok()?).ok()??;
        Some(Object {
            path: real.into_os_string().into_encoded_bytes(),
            found_as: path.into(),
            elf: Arc::new(elf),
        })
    }

    fn folders(&self, path: &[u8]) -> Vec<Vec<u8>> {
        let entries = fs::read_dir(String::from_utf8(path.to_vec()).unwrap());
        let folders = entries.into_iter().flatten().flatten().filter(|entry| entry.path().is_dir());
        let mut names: Vec<_> = folders.map(|entry| entry.file_name().into_encoded_bytes()).collect();
        names.sort();
        names
    }
}

/// The objects, each with what it needs; the last is the program.
const OBJECTS: [(&str, &[&str]); 5] = [
    ("libd.so", &[]),
    ("libb.so", &["libd.so"]),
    ("libc1.so", &["libb.so", "libd.so"]),
    ("liba.so", &["libb.so", "libc1.so"]),
    ("p", &["liba.so", "libd.so"]),
];

/// Each object twice: without a run path, and with one that is long enough for any other.
struct Built {
    folder: tempfile::TempDir,
    loader: Vec<u8>,
}

static BUILT: LazyLock<Built> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    fs::write(folder.path().join("l.c"), "").unwrap();
    fs::write(folder.path().join("p.c"), "int main(void) { return 0; }").unwrap();
    let long = format!("-Wl,-rpath,/{}", "long/".repeat(60));
    for (kind, run_path) in [("bare", None), ("with", Some(long.as_str()))] {
        let place = folder.path().join(kind);
        fs::create_dir(&place).unwrap();
        for (name, needed) in OBJECTS {
            let mut arguments = vec!["-Wl,--no-as-needed".to_owned(), "-Wl,--allow-shlib-undefined".into()];
            arguments.extend(run_path.map(str::to_owned));
            arguments.extend(["-o".into(), text(&place.join(name))]);
            let source = if name == "p" { "p.c" } else { "l.c" };
            arguments.push(text(&folder.path().join(source)));
            arguments.extend(needed.iter().map(|name| text(&place.join(name))));
            arguments.push(format!("-Wl,-rpath-link,{}", text(&place)));
            if name != "p" {
                arguments.extend(["-shared".into(), "-fPIC".into(), format!("-Wl,-soname,{name}")]);
            }
            run("cc", &arguments.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
    let own = Elf::parse(&fs::read("/proc/self/exe").unwrap()).unwrap().unwrap();
    Built { folder, loader: own.interpreter.unwrap() }
});

/// An object's run path, and which of three folders hold a copy of it.
#[derive(Clone, Debug)]
struct Draw {
    run_path: Option<RunPath>,
    places: [bool; 3],
}

fn draw() -> impl Strategy<Value = Draw> {
    let entries =
        ["$ORIGIN", "$ORIGIN/../1", "${ORIGIN}/../2/", "$ORIGIN/../0", "/nowhere", "$ORIGIN/../$LIB"];
    let folders = prop::collection::vec(prop::sample::select(entries.to_vec()), 1..4);
    let run_path = (folders, any::<bool>())
        .prop_map(|(folders, runpath)| RunPath { folders: folders.join(":").into_bytes(), runpath });
    let places = prop::array::uniform3(prop::bool::weighted(0.6));
    (prop::option::weighted(0.7, run_path), places).prop_map(|(run_path, places)| Draw { run_path, places })
}

fn lay_out(root: &Path, index: usize, draw: &Draw) {
    let (name, _) = OBJECTS[index];
    let kind = if draw.run_path.is_some() { "with" } else { "bare" };
    let mut bytes = fs::read(BUILT.folder.path().join(kind).join(name)).unwrap();
    let operation = Operation { run_path: draw.run_path.clone(), ..Operation::default() };
    let patches = Elf::parse(&bytes).unwrap().unwrap().operate(&bytes, &operation).unwrap();
    for patch in patches {
        bytes[patch.at.0 as usize..patch.end().0 as usize].copy_from_slice(&patch.bytes);
    }
    // The program is in the first folder only.
    for place in (0..3).filter(|place| if name == "p" { *place == 0 } else { draw.places[*place] }) {
        let path = root.join(place.to_string()).join(name);
        fs::write(&path, &bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// Names and paths, as ld.so lists them (ldd's way), of the objects that are ours.
fn listed(program: &Path) -> Vec<(String, Option<String>)> {
    let loader = String::from_utf8(BUILT.loader.clone()).unwrap();
    // Not --list, which ends at the first that is missing.
    let mut command = Command::new(loader);
    command.arg(program).env("LD_TRACE_LOADED_OBJECTS", "1").env_remove("LD_LIBRARY_PATH");
    let output = command.output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let pairs = lines.lines().filter_map(|line| line.trim().split_once(" => "));
    let ours = pairs.filter(|(name, _)| OBJECTS.iter().any(|(ours, _)| ours == name));
    ours.map(|(name, path)| (name.to_owned(), path.split_once(" (").map(|(path, _)| path.to_owned())))
        .collect()
}

/// The same as [`Search::load`] has it.
fn loaded(program: &Path) -> Vec<(String, Option<String>)> {
    let search = Search { files: &Disk, default_folders: &[], memo: &Memo::default() };
    let program = PathBuf::from(program).into_os_string().into_encoded_bytes();
    let process = search.load(Disk.open(&program).unwrap());
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let needs =
        process.objects.iter().flat_map(|object| &object.needs).filter(|need| need.name != b"libc.so.6");
    let served = |index: usize| text(&process.objects[index].object.found_as);
    needs.map(|need| (text(&need.name), need.served_by.map(served))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn finds_what_ld_so_finds(draws in prop::array::uniform5(draw())) {
        let root = tempfile::tempdir().unwrap();
        let path = fs::canonicalize(root.path()).unwrap();
        (0..3).for_each(|place| fs::create_dir(path.join(place.to_string())).unwrap());
        fs::create_dir(path.join("lib")).unwrap();
        draws.iter().enumerate().for_each(|(index, draw)| lay_out(&path, index, draw));
        let program = path.join("0/p");
        let mut wanted = listed(&program);
        let mut got = loaded(&program);
        // A library that one object does not find another may; ld.so lists both.
        for list in [&mut wanted, &mut got] {
            list.sort();
            list.dedup();
        }
        prop_assert_eq!(got, wanted);
    }
}
