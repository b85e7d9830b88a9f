//! GNU tar reads the tarball.

use super::*;

#[test]
fn unpacks_to_the_tree() {
    let mut plan = everything();
    plan.entries.push(file("/zz-two\nlines", "x"));
    for codec in CODECS {
        let written = build(&plan, &[(Format::Tar, codec)]);
        let root = tempfile::tempdir().unwrap();
        let tarball = written.files[0].to_str().unwrap();
        run("tar", &["-x", "-p", "-f", tarball, "-C", root.path().to_str().unwrap()]);
        assert_installed(&plan, root.path());
    }
}

#[test]
fn is_named_as_nix_names_the_system() {
    let names: Vec<String> = CODECS
        .iter()
        .map(|codec| build(&plan(vec![file("/opt/a", "")]), &[(Format::Tar, *codec)]))
        .map(|written| written.files[0].file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        names,
        [
            "Acme_Tool-1.2-rc3-x86_64-linux.tar.zst",
            "Acme_Tool-1.2-rc3-x86_64-linux.tar.xz",
            "Acme_Tool-1.2-rc3-x86_64-linux.tar.gz",
            "Acme_Tool-1.2-rc3-x86_64-linux.tar"
        ]
    );
}

#[test]
fn owners_are_named() {
    let mut plan = plan(vec![
        Entry { owner: "games".into(), group: "1234".into(), ..program("/opt/a", 0o755) },
        Entry { owner: "nosuchuser".into(), ..program("/opt/b", 0o4755) },
        Entry { owner: "nosuchuser".into(), ..program("/opt/c", 0o755) },
    ]);
    let written = build(&plan, &[(Format::Tar, Compression::None)]);
    let list = |option: &str| run_text("tar", &["-tv", option, "-f", written.files[0].to_str().unwrap()]);
    assert!(list("--full-time").contains("games/1234"));
    let numbers = list("--numeric-owner");
    let owner = |name: &str| {
        numbers.lines().find(|l| l.ends_with(name)).unwrap().split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!([owner("a"), owner("b"), owner("c")], ["0/1234", "65534/0", "0/0"]);

    plan.entries[1].owner = "n".repeat(32);
    let folder = tempfile::tempdir().unwrap();
    assert!(
        write_to(&plan, &[(Format::Tar, ZSTD)], 1, folder.path())
            .unwrap_err()
            .to_string()
            .contains("too long")
    );
}

#[test]
fn sizes_beyond_8_gib_are_in_base_256() {
    use super::super::tar::Tar;
    use super::super::{Encoder, tree};
    let mut huge = file("/opt/huge", "");
    if let Kind::File { size, .. } = &mut huge.kind {
        *size = 9 << 30;
    }
    let entries = [huge];
    let members = tree::members(&entries).unwrap();
    let header = Tar { mtime: 0, format: Format::Tar, top: None }.header(&members[0]).unwrap().unwrap();
    assert_eq!(::tar::Header::from_byte_slice(&header).size().unwrap(), 9 << 30);
    assert_eq!(header[124], 0x80);
}
