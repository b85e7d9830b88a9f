//! %changelog.

use super::header::{Header, Value};
use super::tag::tags;
use crate::config::changelog::Release;
use crate::config::{Package, names};

/// Puts the releases in, newest first. The newest has the package's own version and release, where it is of the same: rpmlint
/// compares them. rpm has no more than times of 32 bits.
pub fn put(header: &mut Header, package: &Package, version_release: &str) {
    let releases = &package.changelog;
    if releases.is_empty() {
        return;
    }
    let epoch = if package.epoch == 0 { String::new() } else { format!("{}:", package.epoch) };
    let name = |release: &Release| match release.version.as_str() {
        "" => release.author.clone(),
        version if names::is_version_of(package, version) => {
            format!("{} - {epoch}{version_release}", release.author)
        }
        version => format!("{} - {version}", release.author),
    };
    let time = |release: &Release| release.seconds.clamp(0, i64::from(u32::MAX)) as u32;
    let text = |release: &Release| {
        let notes: Vec<String> = release.notes.iter().map(|note| format!("- {note}")).collect();
        notes.join("\n")
    };
    header.put(tags::CHANGELOGTIME, Value::Int32(releases.iter().map(time).collect()));
    header.put(tags::CHANGELOGNAME, Value::texts(releases.iter().map(name)));
    header.put(tags::CHANGELOGTEXT, Value::texts(releases.iter().map(text)));
}
