//! The fields that nfpm has, and what becomes of them.

use super::*;

fn package(text: &str) -> Package {
    let set = |name: &str| match name {
        "VERSION" => Some("v1.2-rc-1+git".to_owned()),
        "EMPTY" => Some(String::new()),
        "MAIL" => Some("jane@example.org".to_owned()),
        _ => None,
    };
    let config = Config::parse_in(text, Path::new("bundle.toml"), &set)
        .unwrap_or_else(|error| panic!("{text}: {error}"));
    Package::resolve(&config.package, "tool-3.4-5")
}

#[test]
fn versions_are_put_together() {
    for (text, wanted) in [
        ("", "3.4-5"),
        ("version_schema = 'semver'", "3.4.0~5"),
        ("version = 'v1.2-rc-1+git'", "v1.2-rc-1+git"),
        ("version = '${VERSION}'\nversion_schema = 'semver'", "1.2.0~rc_1+git"),
        (
            "version = '${VERSION}'\nversion_schema = 'semver'\nprerelease = 'b2'\nversion_metadata = 'm'",
            "1.2.0~b2+m",
        ),
        ("version = '2024.1.31.2'\nversion_schema = 'semver'\nprerelease = 'b'", "2024.1.31.2~b"),
        ("prerelease = 'b'", "3.4-5~b"),
        ("prerelease = '${EMPTY}'", "3.4-5"),
        ("version = '${UNSET:-7}'", "7"),
        ("version = '${EMPTY:-7}'", "7"),
    ] {
        assert_eq!(package(&format!("[package]\n{text}")).version, wanted, "{text}");
    }
}

#[test]
fn variables_are_replaced() {
    let package = package(
        "[package]\nmaintainer = 'Jane <${MAIL}>'\nvendor = '$${MAIL} for $5'\ndepends = ['${EMPTY}', 'a ${UNSET:->= 1}']\n\
         [deb]\nfields = { Bugs = 'mailto:${MAIL}', None = '${EMPTY}' }\n[rpm]\npackager = 'J ${MAIL}'\n",
    );
    assert_eq!(package.maintainer, "Jane <jane@example.org>");
    assert_eq!(package.vendor, "${MAIL} for $5");
    assert_eq!(package.relations.depends, ["a >= 1"]);
    assert_eq!(package.deb.fields, [("Bugs".to_owned(), "mailto:jane@example.org".to_owned())]);
    assert_eq!(package.rpm.packager.as_deref(), Some("J jane@example.org"));
}

#[test]
fn a_format_has_relations_besides_and_instead() {
    let package = package(
        "[package]\ndepends = ['all']\nsuggests = ['some']\n[deb]\ndepends = ['more']\nbreaks = ['old']\n\
         [overrides.deb]\ndepends = ['other']\n[overrides.rpm]\nsuggests = []\n[rpm]\nprovides = ['x']\n",
    );
    let listed = |format, kind| package.relations_in(format, kind);
    let pair = |key: &str, text: &'static str| (key.to_owned(), text);
    assert_eq!(
        listed(Format::Deb, RelationKind::Depends),
        [pair("overrides.deb.depends", "other"), pair("deb.depends", "more")]
    );
    assert_eq!(listed(Format::Rpm, RelationKind::Depends), [pair("package.depends", "all")]);
    assert_eq!(listed(Format::Rpm, RelationKind::Suggests), []);
    assert_eq!(listed(Format::Deb, RelationKind::Suggests), [pair("package.suggests", "some")]);
    assert_eq!(listed(Format::Rpm, RelationKind::Provides), [pair("rpm.provides", "x")]);
    assert_eq!(listed(Format::Tar, RelationKind::Depends), []);
}

#[test]
fn a_format_has_scripts_besides_and_instead() {
    let folder = folder();
    let text = "[scripts]\npreinstall = 'preinst.sh'\npostinstall = 'postinst.sh'\n\
                [overrides.deb.scripts]\npostinstall = 'prerm.sh'\n[deb.scripts]\ntemplates = 'CHANGELOG.md'\n\
                [rpm.scripts]\nverify = 'postrm.sh'\n\
                [[rpm.triggers]]\ntype = 'postun'\nscript = 'postinst.sh'\ninterpreter = '<lua>'\nconditions = ['a', 'b < 2']\n\
                [[rpm.triggers]]\ntype = 'filein'\nscript = 'postinst.sh'\nconditions = ['/usr/lib/x/']\n";
    let scripts = Config::parse(text, &folder.path().join("bundle.toml")).unwrap().package.scripts;
    let (deb, rpm) = (scripts.for_deb(), scripts.for_rpm());
    assert_eq!(deb.own.preinstall, rpm.own.preinstall);
    assert_eq!(deb.own.postinstall.as_deref(), Some("#!/bin/sh\necho prerm.sh\n"));
    assert_eq!(rpm.own.postinstall.as_deref(), Some("#!/bin/sh\necho postinst.sh\n"));
    assert_eq!(deb.templates.as_deref(), Some("echo CHANGELOG.md\n"));
    assert_eq!(rpm.verify.as_deref(), Some("#!/bin/sh\necho postrm.sh\n"));
    assert_eq!(rpm.triggers[0].script, "#!<lua>\necho postinst.sh\n");
    assert_eq!((rpm.triggers[0].kind, rpm.triggers[0].conditions.len()), (TriggerKind::Postun, 2));
    assert_eq!(rpm.triggers[1].scope, TriggerScope::Files);
    assert_eq!(rpm.triggers[1].conditions, ["/usr/lib/x"]);
}
