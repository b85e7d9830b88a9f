//! The payload's tree in the order that archives have it.

use std::collections::HashSet;
use std::ops::Deref;

use crate::config::{Format, Formats};
use crate::error::{Error, Result};
use crate::path::InstallPath;
use crate::plan::{Entry, Kind, Role, Special};

/// One entry, and how tar archives name it.
///
/// On every Debian since 12 and Ubuntu since 23.10 `/bin`, `/sbin` and `/lib*` are links into /usr. dpkg loses files that
/// two packages name in the two ways (DEP 17), and tar(1) replaces such a link by a folder, after which the system does
/// not start any more. So the .deb and the tarball name the place itself. rpm follows such links and keeps the names as
/// they are: not every rpm distribution has them (openSUSE Leap 15).
pub struct Member<'a> {
    /// Its place in the list of members.
    pub number: usize,
    /// How the plan has it.
    pub entry: Given<'a>,
    /// Where it really is, once `/bin` and the like are followed.
    pub path: InstallPath,
    /// A link's target, fit for `path`; empty for all else.
    pub target: Vec<u8>,
    /// Another member is the same file there: this one is left out.
    pub shadowed: bool,
}

/// An entry of the plan, or one that is only here. Few are: boxed, so that the many stay small.
pub enum Given<'a> {
    ByPlan(&'a Entry),
    Made(Box<Entry>),
}

impl Deref for Given<'_> {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        match self {
            Given::ByPlan(entry) => entry,
            Given::Made(entry) => entry,
        }
    }
}

/// Folders of the root that are links into /usr.
const ALIASES: [&str; 6] = ["/bin", "/lib", "/lib32", "/lib64", "/libx32", "/sbin"];

/// The members in the order of their names' bytes; a folder comes before what it holds.
///
/// Errors: two entries are one file once `/bin` and the like are followed.
pub fn members(entries: &[Entry]) -> Result<Vec<Member<'_>>> {
    let moved: HashSet<&InstallPath> =
        entries.iter().map(|entry| &entry.path).filter(|path| real(path) != **path).collect();
    let mut members: Vec<Member> =
        entries.iter().map(|entry| member(Given::ByPlan(entry), |path| moved.contains(path))).collect();
    let usr = InstallPath::root().join("usr");
    let in_usr = |formats: Formats, entry: &Entry| formats.or(entry.special.formats);
    let there = entries.iter().filter(|entry| entry.path == usr).fold(Formats::NONE, in_usr);
    let wanted = entries.iter().filter(|entry| moved.contains(&entry.path)).fold(Formats::NONE, in_usr);
    if wanted.without(there) != Formats::NONE {
        members.push(member(Given::Made(Box::new(folder(usr, wanted.without(there)))), |_| false));
    }
    members.sort_by(|a, b| {
        let key = |m: &Member| m.entry.path != m.path;
        (a.path.as_bytes(), key(a)).cmp(&(b.path.as_bytes(), key(b)))
    });
    for at in 1..members.len() {
        let (before, this) = members.split_at_mut(at);
        let this = &mut this[0];
        for other in before.iter_mut().rev() {
            if other.path != this.path {
                break;
            }
            settle(other, this)?;
        }
    }
    for (number, member) in members.iter_mut().enumerate() {
        member.number = number;
    }
    Ok(members)
}

fn member<'a>(entry: Given<'a>, is_moved: impl Fn(&InstallPath) -> bool) -> Member<'a> {
    let path = real(&entry.path);
    let target = match &entry.kind {
        Kind::Link { target } => retarget(&entry.path, &path, target, is_moved),
        _ => Vec::new(),
    };
    // A link from `/bin/jq` to `/usr/bin/jq` would be a link to itself.
    let shadowed = leads_to(&path, &target).as_ref() == Some(&path);
    Member { number: 0, entry, path, target, shadowed }
}

fn folder(path: InstallPath, formats: Formats) -> Entry {
    Entry {
        path,
        kind: Kind::Folder,
        mode: 0o755,
        owner: "root".to_owned(),
        group: "root".to_owned(),
        caps: None,
        role: Role::Folder,
        origin: String::new(),
        special: Special { formats, ..Special::default() },
    }
}

/// The path with a leading `/bin` and the like replaced by the place in /usr that it is a link to.
fn real(path: &InstallPath) -> InstallPath {
    let aliased = ALIASES.iter().filter_map(InstallPath::new).any(|alias| path.starts_with(&alias));
    if aliased { InstallPath::root().join("usr").join(path.relative()) } else { path.clone() }
}

/// Where a link leads, by the text alone; `None` for the empty target.
fn leads_to(link: &InstallPath, target: &[u8]) -> Option<InstallPath> {
    match target.first()? {
        b'/' => InstallPath::new(target),
        _ => Some(link.parent()?.join(target)),
    }
}

/// The target of a link that moves from `from` to `to`, or leads to something that moves.
fn retarget(
    from: &InstallPath,
    to: &InstallPath,
    target: &[u8],
    is_moved: impl Fn(&InstallPath) -> bool,
) -> Vec<u8> {
    let Some(old) = leads_to(from, target) else { return target.to_vec() };
    let new = if is_moved(&old) { real(&old) } else { old.clone() };
    let absolute = target.starts_with(b"/");
    if new == old && (absolute || from == to) {
        return target.to_vec();
    }
    match to.parent() {
        Some(folder) if !absolute => new.relative_to(&folder),
        _ => new.as_bytes().to_vec(),
    }
}

/// dpkg and rpm unpack a file beside its place, under its name and as many bytes (`.dpkg-new`; `;` and eight digits).
const UNPACKED_WITH: usize = 9;

/// Errors: a name that leaves no room for that in the 255 bytes that file systems have (NAME_MAX, linux/limits.h).
pub fn check_lengths(members: &[Member], format: Format) -> Result<()> {
    let is_long = |member: &&Member| {
        let is_unpacked = !matches!(member.entry.kind, Kind::Folder | Kind::Ghost);
        is_unpacked && member.entry.is_in(format) && member.path.file_name().len() > 255 - UNPACKED_WITH
    };
    let (package, tool) = if format == Format::Deb { ("a .deb", "dpkg") } else { ("an .rpm", "rpm") };
    match members.iter().find(is_long) {
        None => Ok(()),
        Some(member) => Err(Error::failure(format!(
            "{} cannot be in {package}: {tool} unpacks no file whose name is longer than {} bytes",
            member.path,
            255 - UNPACKED_WITH
        ))
        .remedy("give it a shorter name, leave it out ([install] exclude), or make a tarball (-f tar)")),
    }
}

/// Those that an artifact has.
pub fn in_format<'m, 'a>(members: &'m [Member<'a>], format: Format) -> Vec<&'m Member<'a>> {
    members.iter().filter(|member| member.entry.is_in(format)).collect()
}

/// Keeps one of two that are the same file. `a` is the one that has its name from the plan, if any has.
fn settle(a: &mut Member, b: &mut Member) -> Result<()> {
    let apart = a.entry.special.formats.and(b.entry.special.formats) == Formats::NONE;
    if apart || a.shadowed || b.shadowed {
        return Ok(());
    }
    if !matches!((&a.entry.kind, &b.entry.kind), (Kind::Folder, Kind::Folder)) {
        return Err(Error::failure(format!(
            "{} and {} are one file on systems where {} is a link into /usr",
            a.entry.path,
            b.entry.path,
            b.entry.path.parent().unwrap_or_else(InstallPath::root)
        ))
        .remedy("name only one of them"));
    }
    let left = b.entry.special.formats.without(a.entry.special.formats);
    b.shadowed = left == Formats::NONE;
    if !b.shadowed {
        let mut entry = Entry::clone(&b.entry);
        entry.special.formats = left;
        b.entry = Given::Made(Box::new(entry));
    }
    Ok(())
}
