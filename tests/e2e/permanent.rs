//! Installing a tarball makes its anchored references permanent.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Bundle, Case, Layout, Machine, entries, output, scratch_folder, succeeds, told};
use crate::relocated::{only_folder, relocatable};

const ANCHOR: &str = "/proc/self/fd/240";

/// A tarball with one file that names another, unpacked; in a folder of a short name.
fn unpacked() -> (tempfile::TempDir, PathBuf) {
    let mut bundle = Bundle { case: Case::named("lzip"), folder: scratch_folder() };
    let file = |name: &str, text: &str| {
        let path = bundle.folder.path().join(format!("{name}.toml")); // no artifact
        fs::write(&path, text).unwrap();
        path
    };
    let list = file("list", &format!("{ANCHOR}\tlib/x\nlib/x/data\n"));
    let data = file("data", &format!("{ANCHOR}/hash-name/share\n"));
    let content = |src: &Path, dst: &str| {
        format!("[[contents]]\nsrc = {src:?}\ndst = \"/usr/{dst}\"\npackager = \"tar\"\n")
    };
    let more = [content(&list, "anchored"), content(&data, "lib/x/data")].concat();
    bundle.case.add(&format!("[tarball]\nrelocatable = true\n{more}"));
    succeeds(bundle.command(Layout::Flat).args(["-f", "tar"]).arg(bundle.case.result()));
    let room = tempfile::Builder::new().prefix("").rand_bytes(3).tempdir_in("/opt").unwrap();
    succeeds(Command::new("tar").arg("-xf").arg(bundle.artifact(".tar.")).arg("-C").arg(room.path()));
    let unpacked = entries(room.path()).remove(0);
    (room, unpacked)
}

/// What install.sh of a folder has to say, when it installs to another.
fn install(from: &Path, to: &Path, options: &[&str]) -> String {
    let mut command = Command::new(from.join("install.sh"));
    let done =
        output(command.arg("--prefix").arg(to).arg("--bin").arg(to.with_extension("bin")).args(options), "");
    assert!(done.status.success(), "{}", told(&done));
    String::from_utf8(done.stderr).unwrap()
}

fn data(at: &Path) -> String {
    fs::read_to_string(at.join("lib/x/data")).unwrap()
}

fn anchored() -> String {
    format!("{ANCHOR}/hash-name/share\n")
}

fn padded(at: &Path) -> String {
    let mut place = at.join("lib/x").to_str().unwrap().to_owned();
    place.extend(std::iter::repeat_n('/', ANCHOR.len() - place.len()));
    format!("{place}/hash-name/share\n")
}

/// Here, moved by its own install.sh, moved by hand, to a place with too long a name, and away again.
#[test]
fn references_follow_where_it_is_installed() {
    let (room, unpacked) = unpacked();
    let at = |name: &str| room.path().join(name);
    let [a, b, c, long] = ["a", "b", "c", "a longer name"].map(at);
    assert_eq!(install(&unpacked, &a, &[]), "");
    assert_eq!((data(&unpacked), data(&a)), (anchored(), padded(&a)));
    assert_eq!(install(&a, &a, &[]), "", "again");
    assert_eq!(install(&a, &b, &[]), "");
    assert_eq!((data(&a), data(&b)), (padded(&a), padded(&b)));
    fs::rename(&b, &c).unwrap();
    succeeds(Command::new("./relocate").arg(".").current_dir(&c));
    assert_eq!(data(&c), padded(&c));
    assert!(install(&c, &long, &[]).contains("by the anchor"));
    assert_eq!(data(&long), anchored());
    assert_eq!(install(&unpacked, &c, &[]), "", "a new version over it");
    assert_eq!(data(&c), padded(&c));
    assert!(succeeds(Command::new(at("c.bin/lzip")).arg("--version")).contains("lzip"));
    for place in [&a, &c, &long] {
        install(place, place, &["--uninstall"]);
        assert!(!place.exists(), "{}", place.display());
    }
}

/// Every file and link below a folder, with what it holds or where it leads.
fn tree(folder: &Path) -> Vec<String> {
    let list = "cd \"$1\"; find . -type f -exec sha256sum {} + | sort; find . -printf '%p %m %l\\n' | sort";
    let told = succeeds(Command::new("sh").args(["-euc", list, "sh"]).arg(folder));
    told.lines().map(str::to_owned).collect()
}

/// The user's own folder is no copy: taking it away would take all of it.
#[test]
fn a_folder_that_was_made_permanent_is_what_was_unpacked_when_that_is_undone() {
    let (room, unpacked) = unpacked();
    let [here, bin, moved] = ["a", "a.bin", "b"].map(|name| room.path().join(name));
    fs::rename(unpacked, &here).unwrap();
    let before = tree(&here);
    let works = |program: &Path| succeeds(Command::new(program).arg("--version")).contains("lzip");
    // It is the same folder by whatever name.
    let link = room.path().join("link");
    std::os::unix::fs::symlink(&here, &link).unwrap();
    for name in [&here, &link, &here.join("../a/.")] {
        assert_eq!(install(&here, name, &["--bin", bin.to_str().unwrap()]), "");
        assert_eq!(data(&here), padded(&here));
    }
    assert!(works(&bin.join("lzip")));
    // Moved, it takes its links along, and what was a link to the place where it was is none of anybody's.
    fs::rename(&here, &moved).unwrap();
    assert_eq!(install(&moved, &moved, &["--bin", bin.to_str().unwrap()]), "");
    assert_eq!((data(&moved), works(&bin.join("lzip"))), (padded(&moved), true));
    let done =
        output(Command::new("./install.sh").args(["--uninstall", "--prefix", "."]).current_dir(&moved), "");
    assert!(done.status.success() && done.stdout.ends_with(b"as it was unpacked\n"), "{}", told(&done));
    assert_eq!(tree(&moved), before);
    assert!(entries(&bin).is_empty());
    // From there it goes where it did.
    assert_eq!(install(&moved, &here, &[]), "");
    install(&moved, &here, &["--uninstall"]);
    assert!(!here.exists() && tree(&moved) == before);
}

/// The list has all that names the descriptor and may be changed; what becomes of it works without one, and back again is every
/// byte what it was.
#[test]
fn what_is_listed_is_all_that_is_rewritten_and_comes_back() {
    for name in ["git", "python"] {
        let bundle = relocatable(name);
        let tarball = bundle.artifact(".tar.");
        let machine = Machine::new("scratch");
        let unpack = format!("tar -xf $1 -C $ROOT; mv $ROOT/{} $ROOT/t", only_folder(&tarball));
        machine.outside(&unpack, &tarball);
        let here = |line: &str| machine.outside(&format!("cd $ROOT/t; {line}"), Path::new(""));
        // With what comes of a hash behind it, or of a folder that is not there: stubs hold the beginning itself, to know it in
        // argv[0].
        let names = |beginning: &str| -> Vec<String> {
            let pattern = format!("{beginning}([0-9a-z]{{8}}|/{{8}})");
            let told = here(&format!("grep -rlaE '{pattern}' . | sed 's,^./,,' | LC_ALL=C sort"));
            told.lines().map(str::to_owned).collect()
        };
        let listed: Vec<String> = here("tail -n +2 anchored").lines().map(str::to_owned).collect();
        // What byte code that goes by its source's hash was made of must stay.
        let sources: Vec<String> = names(&format!("{ANCHOR}/"))
            .into_iter()
            .filter(|name| listed.binary_search(name).is_err())
            .collect();
        assert!(sources.iter().all(|name| name.ends_with(".py")), "{name}: {sources:?}");
        let state = || {
            here(
                "xargs -d '\\n' stat -c '%n %f %s %Y %N' <manifest; xargs -d '\\n' sha256sum <manifest 2>/dev/null || :",
            )
        };
        let before = state();
        assert!(listed.len() > 5 && before.lines().count() > 2 * listed.len(), "{name}: {listed:?}");
        let relocate =
            |options: &[&str]| succeeds(machine.inside().arg("/t/relocate").args(options).arg("/t"));

        relocate(&[]);
        assert_eq!(names(&format!("{ANCHOR}/")), sources, "{name}");
        let place = format!("/t/lib/x-{name}{}/", "/".repeat(ANCHOR.len() - "/t/lib/x-".len() - name.len()));
        assert_eq!(names(&place), listed, "{name}");
        relocate(&["--undo"]);
        let after = state();
        let changed: Vec<_> = after.lines().zip(before.lines()).filter(|(one, other)| one != other).collect();
        assert!(after == before, "{name}: {changed:?}");
        // Last, since Python writes byte code.
        relocate(&[]);
        machine.check(&bundle.case, Path::new("/t/bin"), &[]);
    }
}
