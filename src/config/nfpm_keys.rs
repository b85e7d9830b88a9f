//! What is said of nfpm's keys that bundle.toml has elsewhere, or not at all: whoever comes from nfpm is told by name.

/// nfpm's tables that stand for formats which explant does not write.
const FORMATS: &[&str] = &["apk", "archlinux", "ipk", "msix", "srpm"];

/// nfpm's keys at the top that are here in `[package]`, all under the same name.
const OF_PACKAGE: &[&str] = &[
    "name",
    "arch",
    "platform",
    "epoch",
    "version",
    "version_schema",
    "version_metadata",
    "release",
    "prerelease",
    "section",
    "priority",
    "maintainer",
    "description",
    "vendor",
    "homepage",
    "license",
    "changelog",
    "disable_globbing",
    "mtime",
    "umask",
    "depends",
    "recommends",
    "suggests",
    "conflicts",
    "replaces",
    "provides",
];

/// Keys by their table, what is said of them and the remedy.
const ELSEWHERE: &[(&str, &str, &str, &str)] = &[
    (
        "deb.signature",
        "method",
        "is for dpkg-sig, which Debian has no longer",
        "leave it out: the form is debsigs'",
    ),
    (
        "deb.signature",
        "signer",
        "is for dpkg-sig, which Debian has no longer",
        "leave it out: the form is debsigs'",
    ),
    ("", "empty_folders", "is a key of old nfpm's", "write a `[[contents]]` with `type = \"dir\"` for each"),
    ("overrides.deb", "deb", "has no place here", "write its keys under `[deb]`"),
    ("overrides.rpm", "rpm", "has no place here", "write its keys under `[rpm]`"),
    ("overrides.deb", "rpm", "is about the other format", "write its keys under `[rpm]`"),
    ("overrides.rpm", "deb", "is about the other format", "write its keys under `[deb]`"),
    ("deb", "metadata", "is a key of old nfpm's", "write `package.version_metadata`"),
    ("deb", "version_metadata", "is a key of old nfpm's", "write `package.version_metadata`"),
];

/// What is wrong with a key that the schema does not have, and the remedy, if it is one of nfpm's. `table` is without
/// indices: `contents`, not `contents[0]`.
pub(super) fn explain(table: &str, key: &str) -> Option<(String, String)> {
    let leave_out = "leave it out: explant writes .deb, .rpm and tarballs".to_owned();
    if FORMATS.contains(&key) && matches!(table, "" | "overrides" | "overrides.deb" | "overrides.rpm") {
        return Some(("is of a format that explant does not write".to_owned(), leave_out));
    }
    if table.is_empty() && OF_PACKAGE.contains(&key) {
        let remedy = format!("write it under `[package]`: `package.{key}`");
        return Some(("does not stand at the top of bundle.toml".to_owned(), remedy));
    }
    let is_it = |(of, name, ..): &&(&str, &str, &str, &str)| *of == table && *name == key;
    let (.., what, remedy) = ELSEWHERE.iter().find(is_it)?;
    Some(((*what).to_owned(), (*remedy).to_owned()))
}
