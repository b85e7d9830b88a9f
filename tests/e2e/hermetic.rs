//! A user's LD_LIBRARY_PATH (conda, CUDA, modules) slides no foreign library under a bundle's program.

use std::path::Path;

use crate::harness::{Bundle, Layout, Machine, succeeds};

/// Starts $1... with the target's own libraries first, and prints its maps once it has written to the file `ready`.
const MAPS: &str = r#"
cd /tmp
mkfifo input
LD_LIBRARY_PATH=/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu:/lib:/usr/lib "$@" <input >ready &
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

fn loads_only_its_own(name: &str, layout: Layout, argv: &[&str]) {
    let bundle = Bundle::build(name, layout);
    let machine = Machine::new("bullseye");
    machine.outside("dpkg-deb -x $1 $ROOT", &bundle.artifact(".deb"));
    let prefix = Path::new(&bundle.case.prefix);
    let path = format!("PATH={}/bin:/usr/bin:/bin", prefix.display());
    let maps = succeeds(machine.inside().args(["env", &path, "sh", "-euc", MAPS, "sh"]).args(argv));
    // address perms offset dev inode path: what has code in it is a program or a library.
    let loaded: Vec<&str> = maps
        .lines()
        .filter(|line| line.contains(" r-xp "))
        .filter_map(|line| line.find('/').map(|at| &line[at..]))
        .collect();
    assert!(loaded.len() >= 3, "{maps}");
    let own = [prefix.join("bin"), prefix.join("lib").join(bundle.case.package())];
    for file in loaded {
        assert!(
            own.iter().any(|folder| Path::new(file).starts_with(folder)),
            "{file} is not the bundle's:\n{maps}"
        );
    }
}
