//! The tarball that runs from any folder: where everything lies in it, and what it has besides.

use super::context::Context;
use super::draft::Draft;
use super::relocator;
use super::{Entry, Finding, Kind, Role, Special, Surgery};
use crate::bill::Bill;
use crate::config::{Format, Formats, names};
use crate::error::Result;
use crate::path::InstallPath;

const INSTALL: &str = include_str!("../../templates/tarball/install.sh");
const README: &str = include_str!("../../templates/tarball/README");

/// What the tarball's root stands for on the target.
pub struct Place<'a> {
    pub prefix: &'a InstallPath,
}

impl Place<'_> {
    /// Where something of the target lies below the tarball's root: what is in prefix right there, all else by its whole path.
    /// Empty for the root itself.
    pub fn below(&self, path: &InstallPath) -> Vec<u8> {
        if path == self.prefix {
            return Vec::new();
        }
        if !self.prefix.is_root() && path.starts_with(self.prefix) {
            return path.as_bytes()[self.prefix.as_bytes().len() + 1..].to_vec();
        }
        path.relative().to_vec()
    }

    /// Whether it is a folder that the tarball has no place for: what holds prefix.
    pub fn is_above(&self, path: &InstallPath) -> bool {
        self.prefix.starts_with(path)
    }

    /// The target of a link, as it is to be in the tarball. What is absolute and not in prefix is the target system's.
    pub fn target(&self, link: &InstallPath, target: &[u8]) -> Vec<u8> {
        let there = link.link_target(target);
        if target.starts_with(b"/") && !there.starts_with(self.prefix) {
            return target.to_vec();
        }
        // By their places in the tarball, as if that were the root of everything.
        let place = |path: &InstallPath| InstallPath::root().join(self.below(path));
        let folder = place(link).parent().unwrap_or_else(InstallPath::root);
        let near = link.starts_with(self.prefix) && there.starts_with(self.prefix);
        if near && !target.starts_with(b"/") {
            return target.to_vec();
        }
        place(&there).relative_to(&folder)
    }
}

/// Adds README, install.sh and the list of files, which the tarball alone has; tells what is not right in it.
pub fn add(context: &Context, draft: &mut Draft, bill: Option<&Bill>) -> Result<()> {
    if !context.config.relocatable {
        return Ok(());
    }
    split_bill(draft, bill)?;
    let place = Place { prefix: &context.prefix };
    draft.findings.extend(fixed_paths(draft));
    draft.findings.extend(outside(context, draft));
    let name = names::deb_name(&draft.package.name);
    let filled = |template: &str| {
        template
            .replace("@NAME@", &name)
            .replace("@VERSION@", &draft.package.version.to_string())
            .replace("@SUMMARY@", &draft.package.summary)
    };
    let made = [("README", filled(README), 0o644), ("install.sh", filled(INSTALL), 0o755)];
    for (file, text, mode) in made {
        let special = Special { formats: Formats::only(Format::Tar), ..Special::default() };
        let role = if mode == 0o755 { Role::Data } else { Role::Readme };
        let entry = Entry::made(context.prefix.join(file), text.into_bytes(), role);
        draft.entries.add(Entry { mode, special, ..entry })?;
    }
    relocator::add(context, draft)?;
    let manifest = manifest(draft, &place);
    let special = Special { formats: Formats::only(Format::Tar), ..Special::default() };
    let entry = Entry::made(context.prefix.join("manifest"), manifest, Role::Data);
    draft.entries.add(Entry { special, ..entry })
}

/// The tarball gets a bill of materials of its own, since its programs have other bytes.
fn split_bill(draft: &mut Draft, bill: Option<&Bill>) -> Result<()> {
    let Some(entry) = bill.and_then(|bill| draft.entries.get_mut(&bill.place)) else { return Ok(()) };
    let mut own = entry.clone();
    own.special.formats = Formats::only(Format::Tar);
    entry.special.formats = entry.special.formats.without(own.special.formats);
    draft.entries.add(own)
}

/// The tarball's files and links, one a line, sorted.
fn manifest(draft: &Draft, place: &Place) -> Vec<u8> {
    let is_listed = |entry: &&Entry| {
        entry.is_in(Format::Tar) && matches!(entry.kind, Kind::File { .. } | Kind::Link { .. })
    };
    let mut paths: Vec<Vec<u8>> =
        draft.entries.iter().filter(is_listed).map(|entry| place.below(&entry.path)).collect();
    paths.push(b"manifest".to_vec());
    paths.sort();
    paths.iter().flat_map(|path| [path.as_slice(), b"\n"].concat()).collect()
}

/// What names the place where packages are installed.
fn fixed_paths(draft: &Draft) -> Option<Finding> {
    let has_references = |entry: &&Entry| match &entry.kind {
        Kind::File { surgery, .. } => surgery.iter().any(|edit| matches!(edit, Surgery::References(_))),
        _ => false,
    };
    let in_tarball = draft.entries.iter().filter(|entry| entry.is_in(Format::Tar));
    let subjects: Vec<String> =
        in_tarball.filter(has_references).map(|entry| entry.path.to_string()).collect();
    if subjects.is_empty() {
        return None;
    }
    let message = "files name others of the bundle by the absolute path at which packages install them, and do not find them \
                   from any folder (`tarball.relocatable`)";
    let mut finding = Finding::warning("relocatable-absolute-path", message)
        .remedy("try what they are for, from a folder of another name");
    finding.subjects = subjects;
    Some(finding)
}

/// What only a package brings to its place.
fn outside(context: &Context, draft: &Draft) -> Option<Finding> {
    let is_outside = |entry: &&Entry| {
        entry.is_in(Format::Tar)
            && !matches!(entry.kind, Kind::Folder)
            && !entry.path.starts_with(&context.prefix)
    };
    let subjects: Vec<String> =
        draft.entries.iter().filter(is_outside).map(|entry| entry.path.to_string()).collect();
    if subjects.is_empty() {
        return None;
    }
    let message = "files that the system looks for outside of the prefix lie in the tarball's folder, where it does not";
    let mut finding = Finding::note("relocatable-outside", message);
    finding.subjects = subjects;
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> InstallPath {
        InstallPath::new(text).unwrap()
    }

    #[test]
    fn everything_has_a_place_below_the_root() {
        for (prefix, at, below) in [
            ("/usr", "/usr/bin/jq", "bin/jq"),
            ("/usr", "/etc/jq.conf", "etc/jq.conf"),
            ("/usr", "/usr", ""),
            ("/opt/jq", "/opt/jq/bin/jq", "bin/jq"),
            ("/opt/jq", "/opt/jqx", "opt/jqx"),
            ("/", "/bin/jq", "bin/jq"),
        ] {
            let prefix = path(prefix);
            assert_eq!(Place { prefix: &prefix }.below(&path(at)), below.as_bytes(), "{at}");
        }
    }

    #[test]
    fn links_lead_to_the_same_wherever_the_folder_is() {
        let prefix = path("/usr");
        let place = Place { prefix: &prefix };
        for (link, target, new) in [
            ("/usr/bin/a", "../lib/x/a", "../lib/x/a"),
            ("/usr/bin/a", "/usr/lib/x/a", "../lib/x/a"),
            ("/sbin/mkfs.a", "/usr/bin/a", "../bin/a"),
            ("/usr/lib/x/certs", "/etc/ssl/certs", "/etc/ssl/certs"),
            ("/usr/share/x/conf", "../../../etc/x", "../../etc/x"),
            ("/usr/sbin/a", "../bin/a", "../bin/a"),
        ] {
            assert_eq!(place.target(&path(link), target.as_bytes()), new.as_bytes(), "{link}");
        }
    }
}
