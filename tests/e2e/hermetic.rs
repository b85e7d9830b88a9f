//! A user's LD_LIBRARY_PATH (conda, CUDA, modules) slides no foreign library under a bundle's program.

use std::path::Path;

use crate::harness::{Bundle, Layout, Machine, succeeds};

/// The target's own libraries.
const LIBRARIES: &str = "LD_LIBRARY_PATH=/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu:/lib:/usr/lib";

/// Starts $1... and prints its maps once it has written to the file `ready`.
const MAPS: &str = r#"
cd /tmp
mkfifo input
"$@" <input >ready &
exec 3>input
echo ready >&3
until [ -s ready ]; do kill -0 $!; sleep 0.1; done
cat /proc/$!/maps
kill $!
"#;

const RIPGREP: [&str; 4] = ["rg", "--line-buffered", "-P", "ready"];
const FFMPEG: [&str; 12] = [
    "ffmpeg",
    "-v",
    "error",
    "-re",
    "-f",
    "lavfi",
    "-i",
    "testsrc=d=60",
    "-f",
    "rawvideo",
    "-y",
    "/dev/stdout",
];
const PYTHON: [&str; 3] =
    ["python3", "-c", "import ssl, numpy; print('ready', flush=True); input(); input()"];

#[test]
fn flat_ripgrep() {
    loads_only_its_own("ripgrep", Layout::Flat, &RIPGREP);
}

#[test]
fn store_ripgrep() {
    loads_only_its_own("ripgrep", Layout::Store, &RIPGREP);
}

#[test]
fn flat_ffmpeg() {
    loads_only_its_own("ffmpeg", Layout::Flat, &FFMPEG);
}

#[test]
fn store_python() {
    loads_only_its_own("python", Layout::Store, &PYTHON);
}

#[test]
fn flat_getent() {
    would_load_only_its_own(Layout::Flat);
}

#[test]
fn store_getent() {
    would_load_only_its_own(Layout::Store);
}

fn loads_only_its_own(name: &str, layout: Layout, argv: &[&str]) {
    let bundle = Bundle::build(name, layout);
    let machine = unpacked(&bundle);
    let maps = succeeds(
        machine.inside().args(["env", &path(&bundle), "sh", "-euc", MAPS, "sh", "env", LIBRARIES]).args(argv),
    );
    // address perms offset dev inode path: what has code in it is a program or a library.
    let code = maps.lines().filter(|line| line.contains(" r-xp "));
    let loaded: Vec<&str> = code.filter_map(|line| line.find('/').map(|at| &line[at..])).collect();
    assert!(loaded.len() >= 3, "{maps}");
    are_its_own(&bundle, &loaded);
}

/// glibc's own programs end too soon for their maps to be read, so ld.so tells what it would load (ld.so(8)).
fn would_load_only_its_own(layout: Layout) {
    let bundle = Bundle::build("getent", layout);
    let machine = unpacked(&bundle);
    for argv in [&["getent", "hosts", "localhost"][..], &["iconv", "--version"]] {
        let run = |variables: &[&str]| {
            let mut command = machine.inside();
            succeeds(command.args(["env", &path(&bundle), LIBRARIES]).args(variables).args(argv))
        };
        run(&[]);
        let told = run(&["LD_TRACE_LOADED_OBJECTS=1"]);
        // name => path (address); or the path alone, of the loader.
        let paths = told.lines().filter_map(|line| line.find('/').map(|at| &line[at..]));
        let loaded: Vec<&str> = paths.filter_map(|path| path.split(' ').next()).collect();
        assert!(loaded.len() >= 2, "{told}");
        are_its_own(&bundle, &loaded);
    }
}

fn unpacked(bundle: &Bundle) -> Machine {
    let machine = Machine::new("bullseye");
    machine.outside("dpkg-deb -x $1 $ROOT", &bundle.artifact(".deb"));
    machine
}

fn path(bundle: &Bundle) -> String {
    format!("PATH={}/bin:/usr/bin:/bin", bundle.case.prefix)
}

fn are_its_own(bundle: &Bundle, files: &[&str]) {
    let prefix = Path::new(&bundle.case.prefix);
    let own = [prefix.join("bin"), prefix.join("lib").join(bundle.case.package())];
    for file in files {
        assert!(
            own.iter().any(|folder| Path::new(file).starts_with(folder)),
            "{file} is not the bundle's: {files:?}"
        );
    }
}
