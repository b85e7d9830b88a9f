//! The changelog, as both formats have it.

use super::context::Context;
use super::draft::Draft;
use super::licences::documents;
use super::{Entry, Finding, Role, Special};
use crate::config::changelog::{Changelog, Form, Release, write_debian};
use crate::config::{Format, Formats, Package, maintainer, names};
use crate::error::{IoContext, Result};
use crate::path::{InstallPath, file_name};

/// Gives the package its releases, and the payload its files.
///
/// The Debian changelog is where Debian Policy 12.7 has it, whatever the prefix: `changelog.Debian.gz`, or `changelog.gz` for a
/// version without a release, which Debian calls native. An .rpm has its own in its header. What is a text for people
/// is the upstream changelog beside it, under its own name where `changelog.gz` is taken.
pub fn add(context: &Context, draft: &mut Draft) -> Result<()> {
    let config = &context.config.package;
    let package = &draft.package;
    let given = config.changelog.as_ref();
    let mut releases = given.map(|log| log.releases.clone()).unwrap_or_default();
    if releases.is_empty() {
        releases.push(this_release(package, context.mtime));
    }
    for release in releases.iter_mut().filter(|release| release.notes.is_empty()) {
        release.notes.push(released(&release.version));
    }
    let is_native = package.release.is_none();
    let debian = match given.filter(|log| log.form == Form::Debian) {
        Some(log) => log.bytes.clone(),
        None => debian(package, &releases).into_bytes(),
    };
    if let (Some(log), Some(newest)) = (given, releases.first())
        && !names::is_version_of(package, &newest.version)
    {
        draft.findings.push(outdated(log, newest, package));
    }
    let package = &draft.package;
    let name = if is_native { "changelog.gz" } else { "changelog.Debian.gz" };
    let mut files = vec![(name.to_owned(), debian, Formats::only(Format::Deb))];
    if let Some(log) = given.filter(|log| log.form == Form::Text) {
        let own = String::from_utf8_lossy(file_name(log.file.as_os_str().as_encoded_bytes())).into_owned();
        let name = if is_native { format!("{own}.gz") } else { "changelog.gz".to_owned() };
        files.push((name, log.bytes.clone(), Formats { tar: false, ..Formats::ALL }));
    }
    let folder = documents(&InstallPath::root().join("usr"), package);
    for (name, text, formats) in files {
        let path = folder.join(&name);
        // The result may have one of its own, which says more than we could; not more than the user.
        if draft.entries.get(&path).is_some() {
            if given.is_none() {
                continue;
            }
            draft.entries.remove(&path);
        }
        // A tarball keeps to its prefix.
        let tar = path.starts_with(&context.prefix);
        draft.entries.add(compressed(path, &text, Formats { tar, ..formats })?)?;
    }
    draft.package.changelog = releases;
    Ok(())
}

/// For the first line of what has no changelog.
fn this_release(package: &Package, mtime: u32) -> Release {
    Release {
        version: package.version.clone(),
        seconds: mtime.into(),
        author: package.maintainer.clone(),
        distribution: "unstable".to_owned(),
        urgency: "medium".to_owned(),
        notes: vec![released(&package.version)],
    }
}

/// What is told where nobody says what has changed: a Debian entry has one change or more (deb-changelog(5)).
fn released(version: &str) -> String {
    format!("Release {version}.")
}

/// The newest entry has the package's whole version, where it is of the same. All have authors with mail addresses, which
/// deb-changelog(5) wants.
fn debian(package: &Package, releases: &[Release]) -> String {
    let mut releases = releases.to_vec();
    for release in &mut releases {
        release.version = if names::is_version_of(package, &release.version) {
            names::deb_full_version(package)
        } else {
            names::deb_version(&release.version)
        };
        release.author = maintainer::for_deb(&release.author);
    }
    write_debian(&names::deb_name(&package.name), &releases)
}

fn outdated(log: &Changelog, newest: &Release, package: &Package) -> Finding {
    Finding::warning(
        "changelog-version",
        format!(
            "the newest entry of {} is {}, and the package is {}",
            log.file.display(),
            newest.version,
            package.version
        ),
    )
    .remedy("add an entry for this version")
}

/// Compressed as lintian wants it: the best level, and no time.
fn compressed(path: InstallPath, text: &[u8], formats: Formats) -> Result<Entry> {
    let bytes = super::gzip::gzipped(text).while_doing("compress", path.to_string())?;
    Ok(Entry { special: Special { formats, ..Special::default() }, ..Entry::made(path, bytes, Role::Doc) })
}
