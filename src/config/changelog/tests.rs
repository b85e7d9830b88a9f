use super::*;

fn parsed(text: &str, name: &str) -> (Form, Vec<Release>) {
    parse(text, Path::new(name)).unwrap()
}

fn release(version: &str, seconds: i64, notes: &[&str]) -> Release {
    Release {
        version: version.into(),
        seconds,
        author: "Jane Doe <jane@example.org>".into(),
        distribution: "unstable".into(),
        urgency: "medium".into(),
        notes: notes.iter().map(|note| (*note).to_owned()).collect(),
    }
}

const CHGLOG: &str = "
- semver: 1.2.3
  date: 2009-11-10T23:00:00Z
  packager: Jane Doe <jane@example.org>
  deb:
    urgency: low
    distributions:
      - bookworm
      - trixie
  changes:
    - commit: abcdef
      note: |-
        did a thing
        and more
    - note: fixed it
- semver: 1.0.0
  date: 2009-11-09T23:00:00+01:00
  packager: Jane Doe <jane@example.org>
  changes:
    - note: first
";

#[test]
fn the_forms_are_told_apart_and_read() {
    let second = release("1.0.0", 1_257_804_000, &["first"]);
    let mut first = release("1.2.3", 1_257_894_000, &["did a thing\nand more", "fixed it"]);
    (first.distribution, first.urgency) = ("bookworm trixie".into(), "low".into());
    assert_eq!(parsed(CHGLOG, "CHANGES"), (Form::Chglog, vec![first.clone(), second.clone()]));

    let text = write_debian("acme", &[first.clone(), second.clone()]);
    assert_eq!(
        text,
        "acme (1.2.3) bookworm trixie; urgency=low\n\n  * did a thing\n    and more\n  * fixed it\n\n \
         -- Jane Doe <jane@example.org>  Tue, 10 Nov 2009 23:00:00 +0000\n\n\
         acme (1.0.0) unstable; urgency=medium\n\n  * first\n\n \
         -- Jane Doe <jane@example.org>  Mon, 09 Nov 2009 22:00:00 +0000\n"
    );
    assert_eq!(parsed(&text, "changelog"), (Form::Debian, vec![first, second]));

    let spec = "%changelog\n* Tue Nov 10 2009 Jane Doe <jane@example.org> - 1.2-1\n- did a thing\n  and more\n\n- fixed\n\
                * Mon Nov  9 2009 Jane Doe <jane@example.org> 1.0-1\n- first\n";
    let noon = 1_257_854_400;
    let wanted = vec![
        release("1.2-1", noon, &["did a thing\nand more", "fixed"]),
        release("1.0-1", noon - 86400, &["first"]),
    ];
    assert_eq!(parsed(spec, "acme.changes"), (Form::Rpm, wanted));
}

#[test]
fn any_other_text_is_a_text() {
    for text in [
        "",
        "# Changelog\n\n## 1.2\n- semver: yes\n",
        "acme 1.2 (2009)\n",
        "* a list\n* of changes\n",
        "- a\n",
    ] {
        assert_eq!(parsed(text, "CHANGELOG.md"), (Form::Text, vec![]), "{text}");
    }
    assert_eq!(parsed("", "changes.yaml"), (Form::Chglog, vec![]));
}

#[test]
fn what_is_wrong_in_a_form_is_told() {
    for (text, name, wanted) in [
        ("- semver: 1\n", "c.yaml", "lacks `date`"),
        ("- semver: 1\n  date: soon\n  packager: x\n", "c.yaml", "`soon` is no date"),
        ("a: [", "c.yaml", ""),
        ("a: 1", "c.yaml", "no list of releases"),
        ("a (1) unstable; urgency=low\n\n  * x\n", "c", "has no ` -- ` line"),
        ("a (1) unstable; urgency=low\n\n  * x\n\n -- A <b@c>  soon\n", "c", "line 5 has no date"),
        ("a (1) u; urgency=low\n\n  * x\n\na (0) u; urgency=low\n", "c", "line 5 comes before"),
        ("* Tue Nov 10 2009 A <b@c> - 1\n- x\n* soon\n", "c", "line 3 is no heading"),
    ] {
        let (_, what) = parse(text, Path::new(name)).unwrap_err();
        assert!(what.contains(wanted), "{text}: {what}");
    }
}
