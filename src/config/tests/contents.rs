//! `[[contents]]`: what each stands for.

use std::path::PathBuf;

use super::*;

/// A folder with a tree: a.txt, sub/b.txt, sub/deep/c.txt, sub/.hidden, link -> a.txt, empty/.
fn tree() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for path in ["a.txt", "sub/b.txt", "sub/deep/c.txt", "sub/.hidden", "lib1/x", "lib2/x", "odd[1]"] {
        let path = folder.path().join("d").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }
    fs::create_dir(folder.path().join("d/empty")).unwrap();
    std::os::unix::fs::symlink("a.txt", folder.path().join("d/link")).unwrap();
    folder
}

/// The contents of one `[[contents]]`, or several.
fn contents(folder: &tempfile::TempDir, text: &str) -> Vec<Content> {
    Config::parse(text, &folder.path().join("bundle.toml"))
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .contents
}

/// `src -> dst`, for what one `src` stands for.
fn found(src: &str, dst: &str) -> Vec<String> {
    let folder = tree();
    let all = contents(&folder, &format!("[[contents]]\nsrc = '{src}'\ndst = '{dst}'\n"));
    let shown = |content: &Content| {
        let src = content.src.strip_prefix(folder.path()).unwrap_or(&content.src);
        let arrow = if content.kind == ContentKind::Symlink { "=>" } else { "->" };
        format!("{} {arrow} {}", src.display(), content.dst)
    };
    all.iter().map(shown).collect()
}

/// What nfpm 2.48 makes of the same.
#[test]
fn a_source_stands_for_files_as_in_nfpm() {
    assert_eq!(found("d/a.txt", "/o/one"), ["d/a.txt -> /o/one"]);
    assert_eq!(found("d/a.txt", "/o/one/"), ["d/a.txt -> /o/one/a.txt"]);
    assert_eq!(found("./d/*.txt", "/o"), ["d/a.txt -> /o/a.txt"]);
    assert_eq!(found("d/*/b.txt", "/o"), ["d/sub/b.txt -> /o/b.txt"]);
    assert_eq!(found("d/lib*/x", "/o"), ["d/lib1/x -> /o/lib1/x", "d/lib2/x -> /o/lib2/x"]);
    assert_eq!(
        found("d/su*", "/o"),
        ["d/sub/.hidden -> /o/.hidden", "d/sub/b.txt -> /o/b.txt", "d/sub/deep/c.txt -> /o/deep/c.txt"]
    );
    assert_eq!(
        found("d/sub/**", "/o/"),
        ["d/sub/.hidden -> /o/.hidden", "d/sub/b.txt -> /o/b.txt", "d/sub/deep/c.txt -> /o/c.txt"]
    );
    // `**/` is one folder at least.
    assert_eq!(found("d/sub/**/*.txt", "/o"), ["d/sub/deep/c.txt -> /o/c.txt"]);
    assert_eq!(found("d/{a.txt,sub/b.txt}", "/o"), ["d/a.txt -> /o/a.txt", "d/sub/b.txt -> /o/sub/b.txt"]);
    assert_eq!(found("d/odd\\[1\\]", "/o"), ["d/odd[1] -> /o/odd[1]"]);
    assert_eq!(found("d/sub", "/o").len(), 3);
    assert_eq!(found("d/sub/", "/o/")[2], "d/sub/deep/c.txt -> /o/c.txt");
    // A link that a glob finds stays one; one that is named is what it leads to.
    assert_eq!(found("d/lin*", "/o"), ["a.txt => /o/link"]);
    assert_eq!(found("d/link", "/o/link"), ["d/link -> /o/link"]);
}

#[test]
fn globbing_can_be_switched_off() {
    let folder = tree();
    let text = "[package]\ndisable_globbing = true\n[[contents]]\nsrc = 'd/odd[1]'\ndst = '/o'\n";
    assert_eq!(contents(&folder, text)[0].dst, InstallPath::new("/o").unwrap());
}

#[test]
fn every_type_and_property_is_read() {
    let folder = tree();
    let all = contents(
        &folder,
        "
        [package]
        umask = 0o027
        [[contents]]
        src = 'd/a.txt'
        dst = '/etc/a'
        type = 'config|missingok'
        file_info = { mode = 0o640, owner = 'games', group = 'adm', mtime = 2009-11-10T23:00:00Z, lang = 'de' }
        [[contents]]
        src = 'd/sub'
        dst = '/etc/tree'
        type = 'config|noreplace|tree'
        disown_subtree = ['/etc/tree/d*']
        packager = 'rpm'
        [[contents]]
        src = 'd/a.txt'
        dst = '/usr/bin/a'
        caps = 'cap_kill+ep'
        [[contents]]
        dst = '/var/log/a'
        type = 'ghost'
        ",
    );
    let config = &all[0];
    assert_eq!(config.kind, ContentKind::Config { noreplace: false, missingok: true });
    assert_eq!((config.mode, config.mtime), (Some(0o640), Some(1_257_894_000)));
    assert_eq!(
        [&config.owner, &config.group, &config.lang].map(|v| v.as_deref().unwrap()),
        ["games", "adm", "de"]
    );
    assert_eq!(all[1].kind, ContentKind::ConfigTree { noreplace: true, missingok: false });
    assert_eq!(all[1].formats, Formats::only(Format::Rpm));
    assert_eq!(all[1].disowned, ["/etc/tree/d*"]);
    assert_eq!((all[2].caps.as_deref(), all[2].umask), (Some("cap_kill+ep"), 0o027));
    assert_eq!((all[3].kind, &all[3].src), (ContentKind::Ghost, &PathBuf::new()));
}

#[test]
fn a_format_may_have_contents_of_its_own() {
    let folder = tree();
    let all = contents(
        &folder,
        "
        [[contents]]
        src = 'd/a.txt'
        dst = '/o/all'
        [[contents]]
        src = 'd/a.txt'
        dst = '/o/apart'
        packager = 'deb'
        [[contents]]
        src = 'd/sub/b.txt'
        dst = '/o/apart'
        packager = 'tar'
        [overrides.deb]
        umask = 0o077
        [[overrides.rpm.contents]]
        src = 'd/sub/b.txt'
        dst = '/o/all'
        ",
    );
    let shown: Vec<String> = all
        .iter()
        .map(|c| {
            let names = [(c.formats.deb, "deb"), (c.formats.rpm, "rpm"), (c.formats.tar, "tar")];
            let names: Vec<_> = names.iter().filter(|(has, _)| *has).map(|(_, name)| *name).collect();
            format!("{} {} {:o}", c.dst, names.join("+"), c.umask)
        })
        .collect();
    assert_eq!(shown, ["/o/all tar 0", "/o/all deb 77", "/o/apart deb 77", "/o/apart tar 0", "/o/all rpm 0"]);
}

#[test]
fn variables_are_replaced_where_they_are_asked_for() {
    let folder = tree();
    let file = folder.path().join("bundle.toml");
    let parse = |expand: &str| {
        let text = format!("[[contents]]\nsrc = 'd/${{NAME}}'\ndst = '/o/${{NAME}}'\n{expand}");
        Config::parse_in(&text, &file, &|name| (name == "NAME").then(|| "a.txt".to_owned()))
    };
    assert_eq!(parse("expand = true").unwrap().contents[0].dst, InstallPath::new("/o/a.txt").unwrap());
    assert!(parse("").unwrap_err().to_string().contains("matches no file: d/${NAME}"));
}
