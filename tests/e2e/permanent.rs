//! Installing a tarball makes its anchored references permanent.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::harness::{Bundle, Case, Layout, entries, output, scratch_folder, succeeds, told};

const ANCHOR: &str = "/proc/self/fd/240";

/// Here, moved by its own install.sh, moved by hand, to a place with too long a name, and away again.
#[test]
fn references_follow_where_it_is_installed() {
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
    let at = |name: &str| room.path().join(name);
    let install = |from: &Path, to: &Path, options: &[&str]| {
        let mut command = Command::new(from.join("install.sh"));
        let done = output(
            command.arg("--prefix").arg(to).arg("--bin").arg(to.with_extension("bin")).args(options),
            "",
        );
        assert!(done.status.success(), "{}", told(&done));
        String::from_utf8(done.stderr).unwrap()
    };
    let data = |at: &Path| fs::read_to_string(at.join("lib/x/data")).unwrap();
    let padded = |at: &Path| {
        let mut place = at.join("lib/x").to_str().unwrap().to_owned();
        place.extend(std::iter::repeat_n('/', ANCHOR.len() - place.len()));
        format!("{place}/hash-name/share\n")
    };
    let anchored = format!("{ANCHOR}/hash-name/share\n");
    let [a, b, c, long] = ["a", "b", "c", "a longer name"].map(at);
    assert_eq!(install(&unpacked, &a, &[]), "");
    assert_eq!((data(&unpacked), data(&a)), (anchored.clone(), padded(&a)));
    assert_eq!(install(&a, &a, &[]), "", "again");
    assert_eq!(install(&a, &b, &[]), "");
    assert_eq!((data(&a), data(&b)), (padded(&a), padded(&b)));
    fs::rename(&b, &c).unwrap();
    succeeds(Command::new("./relocate").arg(".").current_dir(&c));
    assert_eq!(data(&c), padded(&c));
    assert!(install(&c, &long, &[]).contains("by the anchor"));
    assert_eq!(data(&long), anchored);
    assert_eq!(install(&unpacked, &c, &[]), "", "a new version over it");
    assert_eq!(data(&c), padded(&c));
    assert!(succeeds(Command::new(at("c.bin/lzip")).arg("--version")).contains("lzip"));
    for place in [&a, &c, &long] {
        install(place, place, &["--uninstall"]);
        assert!(!place.exists(), "{}", place.display());
    }
}
