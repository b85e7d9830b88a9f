//! Which program a single file starts.

use explant::config::{Config, Format};

use crate::fixture::Fixture;

const APP: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-app-1.0";

/// A result with these programs.
fn fixture(programs: &[&str]) -> Fixture {
    let mut f = Fixture::new();
    for program in programs {
        f.script(&format!("{APP}/{program}"), "#!/bin/sh\nexit 0\n");
    }
    f.result(APP);
    f
}

/// The program's path, or the error and its remedy.
fn started(programs: &[&str], toml: &str) -> String {
    match fixture(programs).plan(toml).main_program() {
        Ok(path) => path.to_string(),
        Err(error) => format!("{error:?}"),
    }
}

#[test]
fn it_follows_from_the_bundle_where_it_can() {
    assert_eq!(started(&["bin/other"], ""), "/usr/bin/other", "the only one");
    assert_eq!(started(&["bin/app", "bin/other"], ""), "/usr/bin/app", "the result's name");
    assert_eq!(
        started(&["bin/app", "bin/other"], "package.name = \"Other\""),
        "/usr/bin/other",
        "the package's"
    );
    assert_eq!(started(&["bin/app", "bin/other"], "run.program = \"other\""), "/usr/bin/other");
    let unclear = started(&["bin/one", "bin/two"], "");
    assert!(
        unclear.contains("2 programs, none of them named app") && unclear.contains("one, two"),
        "{unclear}"
    );
    let unknown = started(&["bin/app"], "run.program = \"libexec/app\"");
    assert!(unknown.contains("no such program"), "{unknown}");
}

#[test]
fn a_tarball_beside_it_goes_with_it_unless_it_is_to_stay() {
    let config = |toml: &str| Config::parse(toml, std::path::Path::new("bundle.toml")).unwrap();
    let both = [Format::Tar, Format::Run];
    let relocatable = |toml: &str, formats: &[Format]| {
        config(toml).for_formats(formats).map(|config| config.relocatable).ok()
    };
    assert_eq!(relocatable("", &both), Some(Some(true)));
    assert_eq!(relocatable("", &[Format::Tar, Format::Deb]), Some(None), "if it can be");
    let stays = "tarball.relocatable = false";
    assert_eq!(relocatable(stays, &[Format::Run]), Some(Some(true)));
    assert_eq!(relocatable(stays, &[Format::Tar]), Some(Some(false)));
    assert_eq!(relocatable(stays, &both), None);
    // Packages have nothing of it.
    assert_eq!(relocatable("tarball.relocatable = true", &[Format::Deb, Format::Rpm]), Some(Some(false)));
}
