//! What a plan says of the package's own data.

use std::io::Read;

use crate::fixture::{Fixture, body, codes};

const APP: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-app-1.0";

fn app() -> Fixture {
    let mut f = Fixture::new();
    f.program(&format!("{APP}/bin/app"), &[]);
    f.result(APP);
    f
}

#[test]
fn an_architecture_is_told_as_it_is_written() {
    let message = app().try_plan("[package]\narch = 'all'").unwrap_err().to_string();
    assert!(message.contains("`package.arch` says all") && message.contains("for x86_64"), "{message}");
}

#[test]
fn a_maintainer_without_a_mail_address_is_told_and_kept() {
    let plan = app().plan("[package]\nmaintainer = 'Foo Bar'");
    assert_eq!(
        (plan.package.maintainer.as_str(), codes(&plan)),
        ("Foo Bar", vec!["maintainer-without-mail"])
    );
    assert_eq!(plan.package.changelog[0].author, "Foo Bar");
    assert!(changelog(&plan).contains("\n -- Foo Bar <unknown@explant.invalid>  "));
    assert_eq!(codes(&app().plan("")), [""; 0]);
}

#[test]
fn every_entry_of_a_changelog_says_something() {
    let f = app();
    let log = f.disk("changes.yaml");
    std::fs::write(&log, "- semver: 1.0\n  date: 2020-01-01\n  packager: A <a@b.example>\n").unwrap();
    let plan = f.plan(&format!("[package]\nchangelog = '{}'", log.display()));
    assert_eq!(plan.package.changelog[0].notes, ["Release 1.0."]);
    assert!(changelog(&plan).contains("\n  * Release 1.0.\n"));
}

fn changelog(plan: &explant::plan::Plan) -> String {
    let packed = body(plan, "/usr/share/doc/app/changelog.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
    text
}
