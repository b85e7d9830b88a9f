//! The tarball that runs from any folder: where everything lies in it, and what it has besides.

use std::collections::BTreeSet;

use super::anchors::{self, Anchored};
use super::context::Context;
use super::draft::Draft;
use super::relocator;
use super::{Entry, Finding, Kind, Role, Surgery};
use crate::bill::Bill;
use crate::config::{ContentKind, Format, names};
use crate::error::{Error, Result};
use crate::path::InstallPath;
use crate::payload;
use crate::stub::Root;

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

    /// The root, from where a program lies. `None`: it lies too deep for a table to say.
    pub fn root_above(&self, program: &InstallPath) -> Option<Root> {
        let depth = self.below(program).iter().filter(|byte| **byte == b'/').count();
        Some(Root::Above(u8::try_from(depth).ok()?))
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

/// What is asked for that an archive gives only where it is unpacked at `/`, by root; and what lies where explant's own files would.
pub fn ties(context: &Context, draft: &Draft) -> Vec<String> {
    let config = context.config;
    let is_outside = |path: &InstallPath| !path.starts_with(&context.prefix);
    let is_privileged = |mode: Option<u32>, caps: &Option<String>| {
        mode.is_some_and(|mode| mode & 0o6000 != 0) || caps.is_some()
    };
    let mut ties = Vec::new();
    for file in &config.install.files {
        if is_privileged(file.mode, &file.caps) {
            ties.push(format!("{}: its mode or capabilities are root's to give", file.path));
        }
    }
    let is_shipped = |kind: ContentKind| !matches!(kind, ContentKind::Folder | ContentKind::Ghost);
    let is_read = |kind| matches!(kind, ContentKind::Doc | ContentKind::License | ContentKind::Readme);
    let contents = config.contents.iter().filter(|content| content.formats.has(Format::Tar));
    for content in contents.filter(|content| is_shipped(content.kind)) {
        if is_privileged(content.mode, &content.caps) {
            ties.push(format!("{}: its mode or capabilities are root's to give", content.dst));
        } else if !is_read(content.kind) && is_outside(&content.dst) {
            ties.push(format!("{}: `contents` puts it outside of the prefix", content.dst));
        }
    }
    let names = ["install.sh", "manifest", relocator::LIST, relocator::PROGRAM];
    let taken =
        names.map(|name| context.prefix.join(name)).into_iter().filter(|path| draft.entries.holds(path));
    ties.extend(taken.map(|path| format!("{path}: a tarball for any folder has a file of explant's there")));
    let links = config.install.links.iter().filter(|(link, _)| is_outside(link));
    ties.extend(links.map(|(link, _)| format!("{link}: `install.links` puts it outside of the prefix")));
    ties.extend(unlisted(draft).map(|path| format!("{path}: {UNLISTED}")));
    ties
}

/// What the list that install.sh goes by, one name a line, cannot have.
fn unlisted(draft: &Draft) -> impl Iterator<Item = &InstallPath> {
    listed(draft).map(|entry| &entry.path).filter(|path| path.as_bytes().contains(&b'\n'))
}

const UNLISTED: &str = "install.sh cannot install a file with a newline in its name";

/// The tarball's files and links.
fn listed(draft: &Draft) -> impl Iterator<Item = &Entry> {
    let is_there = |entry: &&Entry| matches!(entry.kind, Kind::File { .. } | Kind::Link { .. });
    draft.entries.iter().filter(|entry| entry.is_in(Format::Tar)).filter(is_there)
}

/// Tells why the tarball is one for `/` though nobody says so.
pub fn tied(ties: Vec<String>) -> Finding {
    let message =
        "the tarball is to be unpacked at `/`: in a folder anywhere else it would not do what is asked for";
    let mut finding = Finding::note("tarball-at-root", message).remedy(
        "say `relocatable = true` under [tarball] if it is to run from any folder all the same, and `false` if not",
    );
    finding.subjects = ties;
    finding
}

/// Adds README, install.sh and the list of files, which the tarball alone has; tells what is not right in it, but for what does not
/// start, as was told of (`unstarted`).
pub fn add(
    context: &Context,
    draft: &mut Draft,
    bill: Option<&Bill>,
    anchored: Option<&Anchored>,
    unstarted: &BTreeSet<InstallPath>,
) -> Result<()> {
    if !context.relocatable {
        return Ok(());
    }
    split_bill(draft, bill)?;
    lead_to_its_own(context, draft);
    let place = Place { prefix: &context.prefix };
    draft.findings.extend(unsettled(context, draft, anchored, unstarted)?);
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
        let role = if mode == 0o755 { Role::Data } else { Role::Readme };
        let path = context.prefix.join(file);
        if role == Role::Readme && draft.entries.holds(&path) {
            continue;
        }
        let entry = Entry::made(path, text.into_bytes(), role);
        draft.entries.add(Entry { mode, ..entry }.in_tarball_alone())?;
    }
    if let Some(anchored) = anchored {
        add_list(context, draft, relocator::LIST, anchored_list(context, anchored, &place))?;
    }
    relocator::add(context, draft)?;
    if let Some(path) = unlisted(draft).next() {
        return Err(Error::failure(format!("{path}: {UNLISTED}")).remedy(
            "leave it out with `install.exclude`, or say `relocatable = false` under [tarball], for one that is unpacked at `/`",
        ));
    }
    let manifest = manifest(draft, &place);
    add_list(context, draft, "manifest", manifest)
}

fn add_list(context: &Context, draft: &mut Draft, name: &str, list: Vec<u8>) -> Result<()> {
    draft.entries.add(Entry::made(context.prefix.join(name), list, Role::Data).in_tarball_alone())
}

/// The tarball gets a bill of materials of its own, since its programs have other bytes.
fn split_bill(draft: &mut Draft, bill: Option<&Bill>) -> Result<()> {
    let Some(entry) = bill.and_then(|bill| draft.entries.get_mut(&bill.place)) else { return Ok(()) };
    let own = entry.clone().in_tarball_alone();
    entry.special.formats = entry.special.formats.without(own.special.formats);
    draft.entries.add(own)
}

/// The tarball's files and links, one a line, sorted.
fn manifest(draft: &Draft, place: &Place) -> Vec<u8> {
    let mut paths: Vec<Vec<u8>> = listed(draft).map(|entry| place.below(&entry.path)).collect();
    paths.push(b"manifest".to_vec());
    paths.sort();
    lines(paths)
}

fn lines(lines: Vec<Vec<u8>>) -> Vec<u8> {
    [lines.join(&b'\n').as_slice(), b"\n"].concat()
}

/// Which beginning leads where, then the files that name it in plain bytes, one a line, sorted: what an installation may rewrite.
fn anchored_list(context: &Context, anchored: &Anchored, place: &Place) -> Vec<u8> {
    let first = [anchors::beginning().as_bytes(), b"\t", &place.below(&context.lib_dir)].concat();
    let mut paths: Vec<Vec<u8>> = anchored.plain.iter().map(|path| place.below(path)).collect();
    paths.sort();
    lines([first].into_iter().chain(paths).collect())
}

/// Links to what packages have outside of the prefix (/etc) lead to the tarball's own, if it has that.
fn lead_to_its_own(context: &Context, draft: &mut Draft) {
    let leads_out = |entry: &&Entry| entry.is_in(Format::Tar) && entry.path.starts_with(&context.prefix);
    let mut own = Vec::new();
    for entry in draft.entries.iter().filter(leads_out) {
        let Kind::Link { target } = &entry.kind else { continue };
        let there = entry.path.link_target(target);
        let folder = entry.path.parent().unwrap_or_else(InstallPath::root);
        if target.starts_with(b"/") && !there.starts_with(&context.prefix) && draft.entries.holds(&there) {
            own.push(Entry::link(entry.path.clone(), there.relative_to(&folder)).in_tarball_alone());
        }
    }
    own.into_iter().for_each(|link| draft.entries.supersede(link));
}

/// What names the place where packages are installed, or leads through a descriptor that it has not.
fn unsettled(
    context: &Context,
    draft: &Draft,
    anchored: Option<&Anchored>,
    unstarted: &BTreeSet<InstallPath>,
) -> Result<Option<Finding>> {
    let mut subjects = Vec::new();
    let starts = Starts { by_name: started_by_name(context, draft), told: unstarted };
    for entry in draft.entries.iter().filter(|entry| entry.is_in(Format::Tar)) {
        let why = why_unsettled(context, entry, anchored, &starts)?;
        subjects.extend(why.map(|why| format!("{}: {why}", entry.path)));
    }
    if subjects.is_empty() {
        return Ok(None);
    }
    let message =
        "files of the bundle are named by paths that do not hold from any folder (`tarball.relocatable`)";
    let mut finding = Finding::warning("relocatable-absolute-path", message)
        .remedy("try what they are for, from a folder of another name");
    finding.subjects = subjects;
    Ok(Some(finding))
}

/// Programs, as users see them.
struct Starts<'a> {
    /// Started by their names.
    by_name: BTreeSet<InstallPath>,
    /// Told of already: they do not start.
    told: &'a BTreeSet<InstallPath>,
}

/// What users start by its name: what lies in bin, or links from there lead to.
fn started_by_name(context: &Context, draft: &Draft) -> BTreeSet<InstallPath> {
    let folders = ["bin", "sbin"].map(|name| context.prefix.join(name));
    let is_there = |entry: &&Entry| entry.path.parent().is_some_and(|folder| folders.contains(&folder));
    let public = draft.entries.iter().filter(is_there);
    public.filter_map(|entry| Some(draft.entries.follow(&entry.path).1?.path.clone())).collect()
}

fn why_unsettled(
    context: &Context,
    entry: &Entry,
    anchored: Option<&Anchored>,
    starts: &Starts,
) -> Result<Option<&'static str>> {
    let Kind::File { surgery, .. } = &entry.kind else { return Ok(None) };
    let names_others = surgery.iter().any(|edit| matches!(edit, Surgery::References(_) | Surgery::Public(_)));
    if names_others && !context.config.anchor {
        return Ok(Some("`tarball.anchor` is off"));
    }
    if names_others && anchored.is_some() && !matches!(entry.role, Role::Doc | Role::License | Role::Readme) {
        return Ok(Some("the target's programs read it, which have no descriptor that leads to the bundle"));
    }
    let is_program = entry.role == Role::Program && anchored.is_some_and(|all| all.all.contains(&entry.path));
    if !is_program
        || starts.told.contains(&entry.path)
        || surgery.iter().any(|edit| matches!(edit, Surgery::Stub { anywhere: true, .. }))
    {
        return Ok(None);
    }
    let Some(bytes) = payload::whole(entry)? else { return Ok(None) };
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if !bytes.starts_with(b"#!") {
        return Ok(Some("a program without a stub, which opens no descriptor that leads to the bundle"));
    }
    let starts_anchored = memchr::memmem::find(line, anchors::beginning().as_bytes()).is_some();
    Ok((starts_anchored && starts.by_name.contains(&entry.path))
        .then_some("a script whose interpreter is the bundle's: only programs of the bundle can start it"))
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
