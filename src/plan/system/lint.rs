//! Overrides for what lintian says of a bundle, and what is so on purpose.

use std::collections::BTreeSet;

use super::super::context::Context;
use super::super::draft::Draft;
use super::super::{Entry, Finding, Kind, Role};
use crate::config::{Format, Formats, names};
use crate::error::Result;
use crate::path::InstallPath;

/// Of every package that brings libraries.
const LIBRARIES: &str = include_str!("../../../templates/lintian/libraries");
/// Of every package with a compiled program.
const PROGRAMS: &str = include_str!("../../../templates/lintian/programs");
const MANUAL: &str = include_str!("../../../templates/lintian/manual");
const OPT: &str = include_str!("../../../templates/lintian/opt");
/// Of every package that brings more of the store than libraries.
const CARRIED: &str = include_str!("../../../templates/lintian/carried");
/// Of what is no part of the system's own folders.
const TREES: &str = include_str!("../../../templates/lintian/trees");
const NO_MANUAL: &str = include_str!("../../../templates/lintian/no-manual");
/// Of every package with nfpm's and rpm's field of that name, which Debian's control files have not.
const VENDOR: &str = include_str!("../../../templates/lintian/vendor");
/// Of every package that has a revision: its changelog closes no bug of Debian's.
const REVISION: &str = include_str!("../../../templates/lintian/revision");

/// Adds /usr/share/lintian/overrides/<name>, if there is something to say.
///
/// Errors: something else is to be installed there.
pub fn add(context: &Context, draft: &mut Draft) -> Result<()> {
    let name = names::deb_name(&context.package.name);
    let path = InstallPath::root().join("usr/share/lintian/overrides").join(&name);
    // The user's own, from [[contents]].
    if draft.entries.get(&path).is_some() {
        return Ok(());
    }
    if context.prefix.starts_with(&InstallPath::root().join("usr/local")) {
        draft.findings.push(
            Finding::warning("usr-local", "distributions leave /usr/local to the administrator; their linters object to packages for it")
                .remedy("set `install.prefix` to /usr, or to /opt/<vendor>, unless you mean it"),
        );
    }
    let lib_dir = context.lib_dir.to_string();
    // lintian names a file without the leading slash, an interpreter with it.
    let trees = if context.lib_dir.starts_with(&opt()) { "opt" } else { lib_dir.trim_start_matches('/') };
    let text = overrides(draft).replace("@PACKAGE@", &name);
    let text = text.replace("@TREES@", trees).replace("@LIB_DIR@", &lib_dir);
    if text.is_empty() {
        return Ok(());
    }
    let mut entry = Entry::made(path, text.into_bytes(), Role::Data);
    // lintian is Debian's. Not in the .deb alone: it shares its archive with the tarball.
    entry.special.formats = Formats::ALL.without(Formats::only(Format::Rpm));
    draft.entries.add(entry)
}

fn opt() -> InstallPath {
    InstallPath::root().join("opt")
}

fn overrides(draft: &Draft) -> String {
    let has = |role: Role| draft.entries.iter().any(|entry| entry.role == role);
    let in_opt = draft.entries.holds(&opt());
    let mut text = String::new();
    if has(Role::Program) || has(Role::Library) {
        text += PROGRAMS;
    }
    if has(Role::Library) {
        text += LIBRARIES;
    }
    let carries = !draft.carried.reasons.is_empty();
    if carries {
        text += CARRIED;
    }
    // Once for both: lintian tells of an override that another one leaves nothing for.
    if carries || in_opt {
        text += TREES;
    }
    if in_opt {
        text += OPT;
    }
    if !draft.package.vendor.is_empty() {
        text += VENDOR;
    }
    if draft.package.release.is_some() {
        text += REVISION;
    }
    let man = InstallPath::root().join("usr/share/man");
    if draft.entries.holds(&man) {
        text += MANUAL;
    }
    let without = without_manual(draft);
    if !without.is_empty() {
        let lines: String =
            without.iter().map(|program| format!("@PACKAGE@: no-manual-page [{program}]\n")).collect();
        text += &NO_MANUAL.replace("@LINES@\n", &lines);
    }
    text
}

/// The system's programs that the package has no page for, as lintian names them: without the leading slash.
fn without_manual(draft: &Draft) -> Vec<String> {
    let root = InstallPath::root();
    let [programs, man] = ["bin", "share/man"].map(|folder| root.join("usr").join(folder));
    let sbin = root.join("usr/sbin");
    let stem = |path: &InstallPath| {
        let name = path.file_name().to_vec();
        let name = name.strip_suffix(b".gz").unwrap_or(&name).to_vec();
        let end = name.iter().rposition(|b| *b == b'.').unwrap_or(name.len());
        name[..end].to_vec()
    };
    let pages: BTreeSet<Vec<u8>> = draft
        .entries
        .iter()
        .filter(|entry| entry.path.starts_with(&man))
        .map(|entry| stem(&entry.path))
        .collect();
    draft
        .entries
        .iter()
        .filter(|entry| matches!(entry.kind, Kind::File { .. } | Kind::Link { .. }))
        .filter(|entry| entry.path.parent().is_some_and(|folder| folder == programs || folder == sbin))
        .filter(|entry| !pages.contains(entry.path.file_name()))
        .map(|entry| String::from_utf8_lossy(entry.path.relative()).into_owned())
        .collect()
}
