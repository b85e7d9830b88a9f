//! Names and versions: from a store path, and as each format allows them.

use super::{Package, Version};

/// The outputs that a store path's name may end in: those of nixpkgs' multiple-outputs.sh, and what its packages name
/// themselves.
const OUTPUTS: &[&str] = &[
    "bin", "cli", "data", "debug", "dev", "devdoc", "devman", "dist", "doc", "examples", "getent", "info",
    "lib", "libgcc", "man", "out", "py", "python", "sbin", "scripts", "static", "terminfo", "tools", "utils",
];

/// Name and version of a store path's name (without hash), by Nix's own rule: the version begins behind the first `-`
/// that something other than a letter follows (libstore's `DrvName`). An output's suffix is dropped first where what
/// remains has a version: `jq-1.7.1-bin` is jq, 1.7.1.
pub fn parse_store_name(name: &str) -> (String, Option<String>) {
    let without_output = split_output(name).map(|(rest, _)| rest);
    let (name, version) = split_version(without_output.unwrap_or(name));
    (name.to_owned(), version.map(str::to_owned))
}

/// The output that a store path's name says it is: `bin` of `jq-1.7.1-bin`.
pub fn output(name: &str) -> Option<&str> {
    split_output(name).map(|(_, output)| output)
}

fn split_output(name: &str) -> Option<(&str, &str)> {
    name.rsplit_once('-').filter(|(rest, output)| OUTPUTS.contains(output) && split_version(rest).1.is_some())
}

fn split_version(name: &str) -> (&str, Option<&str>) {
    let bytes = name.as_bytes();
    let dash =
        (1..bytes.len().saturating_sub(1)).find(|i| bytes[*i] == b'-' && !bytes[i + 1].is_ascii_alphabetic());
    match dash {
        Some(dash) => (&name[..dash], Some(&name[dash + 1..])),
        None => (name, None),
    }
}

/// What stands for a name of which no character is allowed.
const NAMELESS: &str = "bundle";

/// A name as Debian Policy 5.6.1 has it: two or more of `[a-z0-9+.-]`, a letter or digit first.
///
/// What is not allowed becomes `-`. A name of one character gets `-bundle` behind it (`r` is `r-bundle`).
pub fn deb_name(name: &str) -> String {
    let name = map_name(&name.to_lowercase(), "+.-");
    if name.len() < 2 { format!("{name}-{NAMELESS}") } else { name }
}

/// A name as rpm has it: `[A-Za-z0-9._+-]`, a letter or digit first, no `..` (build/parsePreamble.c).
pub fn rpm_name(name: &str) -> String {
    single_dots(&map_name(name, "+.-_"))
}

/// What is neither a letter, a digit nor in `allowed` as `-`; never empty, a letter or digit first.
fn map_name(name: &str, allowed: &str) -> String {
    let mapped = map(name, allowed, '-');
    let name = mapped.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    if name.is_empty() { NAMELESS.to_owned() } else { name.to_owned() }
}

/// An upstream version as deb-version(7) has it: `[A-Za-z0-9.+~]`, a digit first. What is not allowed becomes `+`, `-`
/// too, which would begin a revision.
///
/// The `v` of `v1.2` is dropped. Before any other version that does not begin with a digit comes `0~`, which sorts
/// before every number, so that the first numbered release is an upgrade.
pub fn deb_version(version: &str) -> String {
    let version = without_v(&map(version, ".+~", '+'));
    if begins_with_digit(&version) { version } else { format!("0~{version}") }
}

/// A Debian revision: as [`deb_version`] has it, but anything may be first (deb-version(7)).
fn deb_revision(release: &str) -> String {
    map(release, ".+~", '+')
}

/// A version as rpm has it: `[A-Za-z0-9._+~^]`, anything first, no `..` (build/parsePreamble.c). The `v` of `v1.2` is dropped here,
/// too.
pub fn rpm_version(version: &str) -> String {
    without_v(&rpm_release(version))
}

/// A release as rpm has it: of the same characters as a version.
pub fn rpm_release(release: &str) -> String {
    single_dots(&map(release, "._+~^", '+'))
}

/// Whether a version, as a changelog has it, is the package's: with or without epoch and release, or as a semantic one.
pub fn is_version_of(package: &Package, text: &str) -> bool {
    let ours = deb_version(&package.version);
    let text = text.split_once(':').map_or(text, |(_, text)| text);
    let upstream = text.rsplit_once('-').map_or(text, |(upstream, _)| upstream);
    // Metadata is seldom in a changelog.
    let is_semantic = Version::semantic(text).is_some_and(|version| {
        let rest = ours.strip_prefix(&deb_version(&version.joined()));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('+'))
    });
    is_semantic || [text, upstream].iter().any(|text| deb_version(text) == ours)
}

/// Epoch, version and release, as deb-version(7) has them.
pub fn deb_full_version(package: &Package) -> String {
    let epoch = if package.epoch == 0 { String::new() } else { format!("{}:", package.epoch) };
    epoch + &deb_upstream_version(package)
}

/// The same without the epoch: how file names have it.
pub fn deb_upstream_version(package: &Package) -> String {
    let version = deb_version(&package.version);
    match &package.release {
        Some(release) => format!("{version}-{}", deb_revision(release)),
        None => version,
    }
}

/// Without the `v` before a number; 0 where nothing is.
fn without_v(version: &str) -> String {
    let number = version.strip_prefix(['v', 'V']).filter(|rest| begins_with_digit(rest)).unwrap_or(version);
    if number.is_empty() { "0".to_owned() } else { number.to_owned() }
}

fn begins_with_digit(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

fn map(text: &str, allowed: &str, instead: char) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || allowed.contains(c) { c } else { instead }).collect()
}

/// rpm takes `..` in a name or version for an error.
fn single_dots(text: &str) -> String {
    let mut single = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '.' || !single.ends_with('.') {
            single.push(c);
        }
    }
    single
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn store_names_are_split_as_nix_does() {
        for (given, name, version) in [
            ("jq-1.7.1", "jq", Some("1.7.1")),
            ("jq-1.7.1-bin", "jq", Some("1.7.1")),
            ("bcachefs-tools-1.13.0", "bcachefs-tools", Some("1.13.0")),
            ("python3.13-numpy-2.3.1", "python3.13-numpy", Some("2.3.1")),
            ("python3-3.13.7-env", "python3", Some("3.13.7-env")),
            ("hello", "hello", None),
            ("hello-bin", "hello-bin", None),
            ("foo-unstable-2024-01-31", "foo-unstable", Some("2024-01-31")),
            ("foo-0-unstable-2024-01-31-dev", "foo", Some("0-unstable-2024-01-31")),
            ("foo-", "foo-", None),
            ("foo-?", "foo", Some("?")),
            ("-1", "-1", None),
            ("", "", None),
            ("gcc-14.3.0-libgcc", "gcc", Some("14.3.0")),
            ("ncurses-abi5-compat-6.5", "ncurses-abi5-compat", Some("6.5")),
            ("foo-é", "foo", Some("é")),
        ] {
            let (n, v) = parse_store_name(given);
            assert_eq!((n.as_str(), v.as_deref()), (name, version), "{given}");
        }
    }

    #[test]
    fn names_and_versions_are_mapped() {
        for (given, deb, rpm) in [
            ("jq", "jq", "jq"),
            ("GraphicsMagick", "graphicsmagick", "GraphicsMagick"),
            ("My_tool", "my-tool", "My_tool"),
            ("g++", "g++", "g++"),
            ("R", "r-bundle", "R"),
            ("_x y", "x-y", "x-y"),
            ("a..b", "a..b", "a.b"),
            ("", "bundle", "bundle"),
            ("日本", "bundle", "bundle"),
        ] {
            assert_eq!((deb_name(given).as_str(), rpm_name(given).as_str()), (deb, rpm), "{given}");
        }
        for (given, deb, rpm) in [
            ("1.7.1", "1.7.1", "1.7.1"),
            ("2024-01-31", "2024+01+31", "2024+01+31"),
            ("v1.2", "1.2", "1.2"),
            ("1.0_rc1", "1.0+rc1", "1.0_rc1"),
            ("1.0~rc1", "1.0~rc1", "1.0~rc1"),
            ("unstable", "0~unstable", "unstable"),
            ("", "0", "0"),
            ("1:2", "1+2", "1+2"),
            ("1^git", "1+git", "1^git"),
        ] {
            assert_eq!((deb_version(given).as_str(), rpm_version(given).as_str()), (deb, rpm), "{given}");
        }
    }

    /// What sorts below what is published already is no upgrade.
    #[test]
    fn a_release_begins_with_what_the_user_says() {
        for release in ["r1", "1", "v2", "~1"] {
            let package =
                Package { version: "1.0".into(), release: Some(release.into()), ..Package::default() };
            assert_eq!(deb_full_version(&package), format!("1.0-{release}"));
            assert_eq!(rpm_release(release), release);
            assert!(is_version_of(&package, &format!("1.0-{release}")));
        }
    }

    proptest! {
        /// Debian Policy 5.6.1; stricter than `dpkg --validate-pkgname`, which allows `_` and one character.
        #[test]
        fn any_name_is_a_debian_name(name in ".*") {
            let name = deb_name(&name);
            prop_assert!(name.len() >= 2);
            prop_assert!(name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()));
            prop_assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "+.-".contains(c)));
            prop_assert_eq!(deb_name(&name), name);
        }

        /// deb-version(7) without epoch and revision, as `dpkg --validate-version` reads it.
        #[test]
        fn any_version_is_a_debian_version(version in ".*") {
            let version = deb_version(&version);
            prop_assert!(version.starts_with(|c: char| c.is_ascii_digit()));
            prop_assert!(version.chars().all(|c| c.is_ascii_alphanumeric() || ".+~".contains(c)));
            prop_assert_eq!(deb_version(&version), version);
        }

        /// ALLOWED_CHARS_NAME and ALLOWED_FIRSTCHARS_NAME of rpm's build/parsePreamble.c.
        #[test]
        fn any_name_is_an_rpm_name(name in ".*") {
            let name = rpm_name(&name);
            prop_assert!(name.starts_with(|c: char| c.is_ascii_alphanumeric()));
            prop_assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "+.-_".contains(c)));
            prop_assert!(!name.contains(".."));
            prop_assert_eq!(rpm_name(&name), name);
        }

        /// ALLOWED_CHARS_VERREL of rpm's build/parsePreamble.c.
        #[test]
        fn any_version_is_an_rpm_version(version in ".*") {
            let version = rpm_version(&version);
            prop_assert!(!version.is_empty());
            prop_assert!(version.chars().all(|c| c.is_ascii_alphanumeric() || "._+~^".contains(c)));
            prop_assert!(!version.contains(".."));
            prop_assert_eq!(rpm_version(&version), version);
        }

        /// What is split comes to the name again.
        #[test]
        fn splitting_loses_nothing_but_an_output(name in "[a-z0-9.+_?=-]*") {
            let (head, version) = parse_store_name(&name);
            let joined = match version {
                Some(version) => format!("{head}-{version}"),
                None => head,
            };
            let rest = name.strip_prefix(&joined);
            prop_assert!(rest.is_some_and(|rest| rest.is_empty() || OUTPUTS.contains(&&rest[1..])), "{}", joined);
        }
    }

    /// dpkg itself as the judge.
    #[test]
    fn dpkg_agrees() {
        for text in ["jq", "R", "", "日本", "a_b", "v1", "1-2:3", "~", "x^y"] {
            for (option, value) in
                [("--validate-pkgname", deb_name(text)), ("--validate-version", deb_version(text))]
            {
                let output = std::process::Command::new("dpkg").args([option, &value]).output().unwrap();
                assert!(output.status.success(), "{option} {value}: {output:?}");
            }
        }
    }
}
