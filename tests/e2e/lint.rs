//! lintian and rpmlint over packages of real programs: they find nothing but what is listed here, each with its reason.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::harness::{Case, artifact, explant, output, scratch_folder, succeeds};

const PROGRAMS: [&str; 6] = ["jq-arm64", "ripgrep", "ffmpeg", "btrfs-progs", "join", "nginx"];

const UNIT: &str = "[Unit]\nDescription=Acme\nDocumentation=https://example.org\n\n[Service]\nExecStart=/bin/true\n\n\
                    [Install]\nWantedBy=multi-user.target\n";

/// The packages are not signed here.
const UNSIGNED: &[&str] = &["no-signature"];
/// Policy has no place for a package's files in /usr/local; lintian says so, and nothing overrides it (Policy 9.1.2).
const USR_LOCAL: &[&str] = &["dir-in-usr-local", "file-in-unusual-dir", "file-in-usr-local"];

fn build(name: &str, prefix: &str, folder: &Path) {
    let case = Case::named(name);
    let config = folder.join("bundle.toml");
    let text = format!(
        "[package]\nname = \"{}\"\nversion = \"1.0\"\nrelease = \"1\"\nvendor = \"Acme\"\nmaintainer = \"Jane Doe <jane@example.org>\"\nlicense = \"MIT\"\n\
         homepage = \"https://example.org\"\nsummary = \"Does what it is there for\"\n\
         description = \"This text says more about the program.\"\n\
         [install]\nprefix = \"{prefix}\"\n[deb]\ncompression = \"gzip:1\"\n\
         [rpm]\ncompression = \"gzip:1\"\n\
         [[contents]]\nsrc = \"acme.service\"\ndst = \"/usr/lib/systemd/system/acme.service\"\n",
        case.package()
    );
    fs::write(&config, text).unwrap();
    fs::write(folder.join("acme.service"), UNIT).unwrap();
    succeeds(
        explant()
            .args(["build", "-f", "deb,rpm", "-c"])
            .arg(&config)
            .arg("-o")
            .arg(folder)
            .arg(case.result()),
    );
}

/// The tags of errors and warnings: `E: x-jq: no-copyright-file ...`, `x-jq.x86_64: E: no-signature`.
fn tags(said: &str) -> BTreeSet<String> {
    let words = said.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    words
        .filter_map(|words| match words[..] {
            ["E:" | "W:", _, tag, ..] | [_, "E:" | "W:", tag, ..] => Some(tag.to_owned()),
            _ => None,
        })
        .collect()
}

fn assert_tags(tool: &str, command: &mut Command, expected: &[&str]) {
    let done = output(command.env("LC_ALL", "C.UTF-8"), "");
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    let errors = String::from_utf8_lossy(&done.stderr);
    let expected: BTreeSet<String> = expected.iter().map(|tag| (*tag).to_owned()).collect();
    assert_eq!(tags(&said), expected, "{tool}: {}\n{said}\n{errors}", done.status);
}

fn check(name: &str, prefix: &str, more: &[&str]) {
    let folder = scratch_folder();
    build(name, prefix, folder.path());
    let mut lintian = Command::new("lintian");
    lintian.arg("--allow-root").arg(artifact(folder.path(), ".deb"));
    assert_tags("lintian", &mut lintian, more);
    let filters = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/rpmlint.toml");
    let mut rpmlint = Command::new("rpmlint");
    rpmlint.arg("-c").arg(filters).arg(artifact(folder.path(), ".rpm"));
    let of_rpm: &[&str] = if more.is_empty() { &[] } else { &["dir-or-file-in-usr-local"] };
    assert_tags("rpmlint", &mut rpmlint, &[UNSIGNED, of_rpm].concat());
}

#[test]
fn packages_for_usr() {
    // A perl has trees that stay together, and lintian takes its time for them: once is enough.
    PROGRAMS.iter().chain(&["perl"]).for_each(|name| check(name, "/usr", &[]));
}

#[test]
fn packages_for_opt() {
    PROGRAMS.iter().for_each(|name| check(name, &format!("/opt/acme/{name}"), &[]));
}

#[test]
fn a_package_for_usr_local_is_warned_of() {
    check("ripgrep", "/usr/local", USR_LOCAL);
}
