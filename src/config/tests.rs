//! bundle.toml as a user meets it.

mod contents;
mod example;
mod fields;
mod refusals;

use std::fs;

use proptest::prelude::*;

use super::*;
use crate::error::Fault;
use crate::path::InstallPath;

fn parse(text: &str) -> Config {
    Config::parse(text, Path::new("bundle.toml")).unwrap()
}

/// A folder with the files that the examples name.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["CHANGELOG.md", "bcachefs.service", "preinst.sh", "postinst.sh", "prerm.sh", "postrm.sh"] {
        fs::write(folder.path().join(name), format!("echo {name}\n")).unwrap();
    }
    folder
}

#[test]
fn nothing_means_the_defaults() {
    let config = parse("");
    assert_eq!(config, Config::default());
    assert_eq!(config.install.prefix, InstallPath::new("/usr").unwrap());
    assert_eq!(config.install.include, ["**"]);
    assert_eq!((config.install.layout, config.runtime.glibc), (Layout::Flat, Glibc::Bundled));
    let compression = [config.deb, config.rpm, config.tarball].map(|options| options.compression);
    assert_eq!(compression, [Compression::Gzip(7), Compression::Zstd(3), Compression::Zstd(3)]);
    assert_eq!(parse("\u{feff}[package]\n"), Config::default());
}

#[test]
fn the_defaults_follow_the_store_path() {
    let package = Package::resolve(&PackageConfig::default(), "jq-1.7.1-bin");
    assert_eq!((package.name.as_str(), package.version.as_str()), ("jq", "1.7.1"));
    assert_eq!(package.summary, "jq, built with Nix");
    assert_eq!((package.release, package.epoch), (None, 0));
    assert_eq!((package.section.as_str(), package.priority.as_str()), ("utils", "optional"));
    assert_eq!(package.license, "unknown");
    assert_eq!(package.maintainer, "Unknown <unknown@explant.invalid>");

    let config = parse("[package]\nname = 'Tool'\n[rpm]\ndepends = ['x']").package;
    let package = Package::resolve(&config, "hello");
    assert_eq!((package.name.as_str(), package.version.as_str()), ("Tool", "0"));
    assert_eq!(package.summary, "Tool, built with Nix");
    let depends = package.relations_in(Format::Rpm, RelationKind::Depends);
    assert_eq!(depends, [("rpm.depends".to_owned(), "x")]);
}

#[test]
fn what_can_be_is_read() {
    let folder = folder();
    fs::write(folder.path().join("own.sh"), "#!/bin/bash\n:\n").unwrap();
    let text = r#"
        [package]
        maintainer = "Jane Doe <jane@example.org>"
        description = "a\n\nb\n"
        [install]
        prefix = "/usr/local/"
        lib-dir = "/usr/local/nix/./lib"
        [[install.files]]
        path = "./bin/ping"
        mode = 0o4755
        [install.links]
        "/sbin/mkfs.bcachefs" = "/usr/bin/bcachefs"
        [runtime]
        glibc = "host"
        baseline = ["libc.so.6", "libGL.so.*"]
        [[contents]]
        src = "../elsewhere"
        dst = "/usr/bin/x"
        type = "symlink"
        [[contents]]
        src = "bcachefs.service"
        dst = "/etc/x.conf"
        type = "config|noreplace"
        [scripts]
        postinstall = "postinst.sh"
        preremove = "own.sh"
        [deb]
        compression = "xz:9"
        [rpm]
        compression = "gzip"
        [tarball]
        compression = "none"
        [references]
        policy = "carry"
    "#;
    let config = Config::parse(text, &folder.path().join("bundle.toml")).unwrap();
    assert_eq!(config.package.description.as_deref(), Some("a\n\nb"));
    assert_eq!(config.install.prefix, InstallPath::new("/usr/local").unwrap());
    assert_eq!(config.install.lib_dir.as_deref(), Some("nix/lib"));
    assert_eq!(config.install.files[0].path, "bin/ping");
    assert_eq!(config.install.files[0].mode, Some(0o4755));
    let link = InstallPath::new("/sbin/mkfs.bcachefs").unwrap();
    assert_eq!(config.install.links, [(link, "/usr/bin/bcachefs".to_owned())]);
    assert_eq!(config.contents[0].src, Path::new("../elsewhere"));
    assert_eq!(config.contents[1].src, folder.path().join("bcachefs.service"));
    assert_eq!(config.contents[1].kind, ContentKind::Config { noreplace: true, missingok: false });
    assert_eq!(config.package.scripts.common.postinstall.as_deref(), Some("#!/bin/sh\necho postinst.sh\n"));
    assert_eq!(config.package.scripts.common.preremove.as_deref(), Some("#!/bin/bash\n:\n"));
    assert_eq!(config.deb.compression, Compression::Xz(9));
    assert_eq!(config.rpm.compression, Compression::Gzip(6));
    assert_eq!(config.tarball.compression, Compression::None);
}

#[test]
fn scripts_that_cannot_run_are_refused() {
    for (bytes, wanted) in [
        (b"#!/bin/sh\r\necho\r\n".as_slice(), "carriage return"),
        (b"\x7fELF\xff", "is no text"),
        (b"#!/bin/sh\n\0", "is no text"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("s"), bytes).unwrap();
        let text = "[scripts]\npreinstall = 's'";
        let message = Config::parse(text, &folder.path().join("bundle.toml")).unwrap_err().to_string();
        assert!(message.contains(wanted), "{message}");
    }
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bundle\n.toml");
    let error = Config::load(&file).unwrap_err();
    assert_eq!(error.exit_status(), 2);
    assert!(error.to_string().contains("bundle\\n.toml: No such file"), "{error}");

    fs::write(&file, b"[package]\nname = 'caf\xe9'\n").unwrap();
    let message = Config::load(&file).unwrap_err().to_string();
    assert!(message.contains("not UTF-8") && message.contains("bundle\\n.toml:2:12"), "{message}");
}

/// Lines that come close to a bundle.toml.
fn almost_toml() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "[package]",
        "[install]",
        "[runtime]",
        "[[contents]]",
        "[[install.files]]",
        "[deb]",
        "[install.links]",
        "name = ",
        "version = ",
        "maintainer = ",
        "prefix = ",
        "lib-dir = ",
        "path = ",
        "mode = ",
        "caps = ",
        "dst = ",
        "src = ",
        "type = ",
        "baseline = ",
        "targets = ",
        "compression = ",
        "include = ",
        "epoch = ",
        "'/a' = ",
        "depends = ",
    ]);
    let value = prop_oneof![
        Just(String::new()),
        any::<i64>().prop_map(|n| n.to_string()),
        "[ -~]{0,12}".prop_map(|text| format!("{text:?}")),
        ".{0,12}".prop_map(|text| format!("['{text}']")),
        ".{0,12}",
    ];
    prop::collection::vec((key, value), 0..8).prop_map(|lines| {
        lines.into_iter().fold(String::new(), |text, (key, value)| text + key + &value + "\n")
    })
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in prop_oneof![".*", "(?s).{0,200}", almost_toml()]) {
        if let Err(error) = Config::parse(&text, Path::new("bundle.toml")) {
            prop_assert_eq!(error.fault(), Fault::Usage);
            // Nothing of the text reaches the terminal as a control character.
            prop_assert!(!error.to_string().chars().any(|c| c.is_control() && c != '\n'), "{}", error);
        }
    }

    #[test]
    fn any_place_can_be_pointed_at(text in "(?s).{0,80}", start in 0_usize..200, length in 0_usize..200) {
        document::point(&text, Path::new("x"), start..start + length, "message");
    }
}

#[test]
fn a_key_is_named_by_its_file_and_the_end_of_its_fingerprint() {
    let config = parse(
        "[signature]\nkey_file = 'keys/release.asc'\nkey_id = '0x9890904d fb2ec88a'\n[deb.signature]\ntype = 'maint'\n\
         [rpm.signature]\nkey_file = '/rpm.asc'\npassphrase_file = 'secret'\n",
    );
    let signing = config.signing;
    // The environment may name another: the files need not be there.
    assert!(signing.common.key_file.unwrap().ends_with("keys/release.asc"));
    assert_eq!(signing.common.key_id.unwrap(), "9890904DFB2EC88A");
    assert_eq!(signing.deb, KeyConfig::default());
    assert_eq!(signing.deb_role, SignerRole::Maint);
    assert_eq!(signing.rpm.key_file.unwrap(), Path::new("/rpm.asc"));
    assert!(signing.rpm.passphrase_file.unwrap().ends_with("secret"));
}
