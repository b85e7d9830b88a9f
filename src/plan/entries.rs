//! Collects a bundle's entries: one for each path and format, every parent folder present.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry::Vacant;
use std::path::PathBuf;
use std::sync::Arc;

use super::ownership::Ownership;
use super::{Entry, Kind, Role, Source, Special};
use crate::config::{Format, Formats};
use crate::error::{Error, Result};
use crate::path::{InstallPath, MAX_LINKS};

#[derive(Clone, Debug, Default)]
pub struct Entries {
    by_path: BTreeMap<InstallPath, Entry>,
    /// What is at a path of those above in other formats: of `[[contents]]`, or what tarballs have otherwise.
    apart: BTreeMap<InstallPath, Vec<Entry>>,
}

impl Entries {
    /// Takes an entry.
    ///
    /// Errors: something else is to be installed at its path, in a format that has both.
    pub fn add(&mut self, entry: Entry) -> Result<()> {
        if self.apart.is_empty()
            && let Vacant(free) = self.by_path.entry(entry.path.clone())
        {
            free.insert(entry);
            return Ok(());
        }
        let apart = self.apart.get_mut(&entry.path).into_iter().flatten();
        let mut is_taken = false;
        for other in self.by_path.get_mut(&entry.path).into_iter().chain(apart) {
            is_taken = true;
            if same(other, &entry) {
                other.special.formats = other.special.formats.or(entry.special.formats);
                return Ok(());
            }
            if other.special.formats.and(entry.special.formats) != Formats::NONE {
                return Err(Error::failure(format!(
                    "two things are to be installed as {}: {} and {}",
                    entry.path,
                    described(other),
                    described(&entry)
                ))
                .remedy(ONE_TOO_MANY));
            }
        }
        if is_taken {
            self.apart.entry(entry.path.clone()).or_default().push(entry);
        } else {
            self.by_path.insert(entry.path.clone(), entry);
        }
        Ok(())
    }

    /// Puts an entry in the place of whatever is at its path in its formats.
    pub fn supersede(&mut self, entry: Entry) {
        let formats = entry.special.formats;
        let path = entry.path.clone();
        let others =
            self.by_path.remove(&path).into_iter().chain(self.apart.remove(&path).unwrap_or_default());
        let others = others.filter_map(|mut other| {
            other.special.formats = other.special.formats.without(formats);
            (other.special.formats != Formats::NONE).then_some(other)
        });
        let mut all = others.chain([entry]).collect::<Vec<_>>().into_iter();
        self.by_path.extend(all.next().map(|first| (path.clone(), first)));
        if all.len() > 0 {
            self.apart.insert(path, all.collect());
        }
    }

    pub fn get(&self, path: &InstallPath) -> Option<&Entry> {
        self.by_path.get(path)
    }

    pub fn get_mut(&mut self, path: &InstallPath) -> Option<&mut Entry> {
        self.by_path.get_mut(path)
    }

    pub fn remove(&mut self, path: &InstallPath) {
        self.by_path.remove(path);
    }

    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.by_path.values().chain(self.apart.values().flatten())
    }

    /// Whether something is installed there, or below it.
    pub fn holds(&self, path: &InstallPath) -> bool {
        self.by_path.range(path..).next().is_some_and(|(next, _)| next.starts_with(path))
    }

    /// The link on the way to a path, or at it, that is followed first, and where the path leads by it.
    pub fn hop(&self, path: &InstallPath) -> Option<(InstallPath, InstallPath)> {
        path.ancestors().find_map(|link| match &self.get(&link)?.kind {
            Kind::Link { target } => {
                let rest = path.as_bytes()[link.as_bytes().len()..].to_vec();
                let next = link.link_target(target).join(rest);
                Some((link, next))
            }
            _ => None,
        })
    }

    /// Where a path leads: the links on the way, and the file in the end if there is one.
    pub fn follow(&self, path: &InstallPath) -> (Vec<InstallPath>, Option<&Entry>) {
        let mut links = Vec::new();
        let mut place = path.clone();
        while links.len() < MAX_LINKS {
            let Some((link, next)) = self.hop(&place) else {
                return (links, self.get(&place).filter(|entry| matches!(entry.kind, Kind::File { .. })));
            };
            place = next;
            links.push(link);
        }
        (links, None)
    }

    /// Links to what of `folder` was left out go with it; others that lead nowhere were told of.
    pub fn drop_dangling(&mut self, folder: &InstallPath) {
        loop {
            let dangling: Vec<InstallPath> = self
                .iter()
                .filter(|entry| match &entry.kind {
                    Kind::Link { target } => !self.leads_somewhere(folder, &entry.path, target),
                    _ => false,
                })
                .map(|entry| entry.path.clone())
                .collect();
            if dangling.is_empty() {
                return;
            }
            for path in dangling {
                self.remove(&path);
            }
        }
    }

    /// Whether a link leads out of `folder`, or to something in it, perhaps by way of further links.
    fn leads_somewhere(&self, folder: &InstallPath, link: &InstallPath, target: &[u8]) -> bool {
        let mut place = link.link_target(target);
        for _ in 0..MAX_LINKS {
            if !place.starts_with(folder) || self.holds(&place) {
                return true;
            }
            let Some((_, next)) = self.hop(&place) else { return false };
            place = next;
        }
        false
    }

    /// Adds the folders above every entry, in the formats that it is in.
    ///
    /// Errors: a file or link stands where a folder must be.
    pub fn finish(self, ownership: &Ownership) -> Result<Vec<Entry>> {
        let mut folders: BTreeMap<InstallPath, Formats> = BTreeMap::new();
        for entry in self.iter() {
            let formats = entry.special.formats;
            let mut above = entry.path.parent().filter(|folder| !folder.is_root());
            while let Some(folder) = above {
                let known = folders.get(&folder).copied().unwrap_or(Formats::NONE);
                if known.and(formats) == formats {
                    // What is known of a folder is known of those above it.
                    break;
                }
                self.check_folder(&folder, entry)?;
                above = folder.parent().filter(|folder| !folder.is_root());
                folders.insert(folder, known.or(formats));
            }
        }
        let mut missing = Vec::new();
        for (path, formats) in folders {
            let there = self.at(&path).fold(Formats::NONE, |all, entry| all.or(entry.special.formats));
            let formats = formats.without(there);
            if formats != Formats::NONE {
                missing.push(ownership.implied(path, formats));
            }
        }
        let Entries { by_path, apart } = self;
        let mut entries: Vec<Entry> = by_path.into_values().chain(apart.into_values().flatten()).collect();
        entries.append(&mut missing);
        for folder in entries.iter_mut().filter(|entry| matches!(entry.kind, Kind::Folder)) {
            folder.special.disowned |= ownership.is_disowned(&folder.path);
        }
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(entries)
    }

    /// All that is at a path: more than one where formats differ.
    pub fn at<'e>(&'e self, path: &'e InstallPath) -> impl Iterator<Item = &'e Entry> {
        self.by_path.get(path).into_iter().chain(self.apart.get(path).into_iter().flatten())
    }

    /// Whether `entry` can be below `folder`.
    fn check_folder(&self, folder: &InstallPath, entry: &Entry) -> Result<()> {
        let in_the_way = |other: &&Entry| {
            !matches!(other.kind, Kind::Folder)
                && other.special.formats.and(entry.special.formats) != Formats::NONE
        };
        match self.at(folder).find(in_the_way) {
            None => Ok(()),
            Some(other) => Err(Error::failure(format!(
                "{} is to be installed below {folder}, which is {}",
                entry.path,
                described(other)
            ))
            .remedy(ONE_TOO_MANY)),
        }
    }
}

/// What becomes of two things at one place.
const ONE_TOO_MANY: &str = "leave one out: `install.exclude` has what is a result's; what bundle.toml adds goes with its entry of \
     `[[contents]]` or `[install.links]`; or build two packages";

fn same(one: &Entry, other: &Entry) -> bool {
    let same_kind = match (&one.kind, &other.kind) {
        (Kind::Folder, Kind::Folder) => true,
        (Kind::Link { target: a }, Kind::Link { target: b }) => a == b,
        (
            Kind::File { source: Source::Store(a), patches, .. },
            Kind::File { source: Source::Store(b), patches: others, .. },
        ) => patches == others && (a == b || same_bytes(a, b)),
        _ => false,
    };
    let special = Special { formats: one.special.formats, ..other.special.clone() };
    same_kind && one.mode == other.mode && one.special == special
}

/// Two results may hold the same file (a licence text).
fn same_bytes(one: &std::path::Path, other: &std::path::Path) -> bool {
    match (std::fs::read(one), std::fs::read(other)) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

fn described(entry: &Entry) -> String {
    match &entry.kind {
        Kind::Folder => "a folder".to_owned(),
        Kind::Link { target } => format!("a link to {}", crate::path::printable(target)),
        Kind::Ghost => "a ghost".to_owned(),
        Kind::File { source: Source::User(_), .. } => format!("{} of `[[contents]]`", entry.origin),
        Kind::File { .. } if entry.origin.is_empty() => "a file that explant makes".to_owned(),
        Kind::File { .. } => entry.origin.clone(),
    }
}

impl Entry {
    fn plain(path: InstallPath, kind: Kind, mode: u32, role: Role) -> Self {
        let (owner, group) = ("root".to_owned(), "root".to_owned());
        let special = Special::default();
        Entry { path, kind, mode, owner, group, caps: None, role, origin: String::new(), special }
    }

    /// Where the disk has what it is made of, if that is a file of the store.
    pub fn disk(&self) -> Option<&PathBuf> {
        match &self.kind {
            Kind::File { source: Source::Store(disk), .. } => Some(disk),
            _ => None,
        }
    }

    /// The same in no package.
    pub fn in_tarball_alone(mut self) -> Self {
        self.special.formats = Formats::only(Format::Tar);
        self
    }

    pub fn folder(path: InstallPath) -> Self {
        Entry::plain(path, Kind::Folder, 0o755, Role::Folder)
    }

    pub fn link(path: InstallPath, target: Vec<u8>) -> Self {
        Entry::plain(path, Kind::Link { target }, 0o777, Role::Link)
    }

    /// A link to another path of the target: relative inside of one top-level folder, else absolute (Debian Policy 10.5),
    /// since a top-level folder may itself be a link (`/sbin` to `usr/sbin`).
    pub fn link_to(path: InstallPath, to: &InstallPath) -> Self {
        let folder = path.parent().unwrap_or_else(InstallPath::root);
        let is_near = path.components().next() == to.components().next();
        let target = if is_near { to.relative_to(&folder) } else { to.as_bytes().to_vec() };
        Entry::link(path, target)
    }

    /// A file as it is; edits are added later.
    pub fn file(path: InstallPath, source: Source, size: u64, mode: u32, role: Role) -> Self {
        let kind = Kind::File { source, size, grown: 0, patches: Vec::new(), surgery: Vec::new() };
        Entry::plain(path, kind, mode, role)
    }

    /// A file of explant's own.
    pub fn made(path: InstallPath, bytes: impl Into<Arc<[u8]>>, role: Role) -> Self {
        let bytes = bytes.into();
        let size = bytes.len() as u64;
        Entry::file(path, Source::Made(bytes), size, 0o644, role)
    }

    /// Gives a file other bytes than its source's.
    pub fn remake(&mut self, bytes: Vec<u8>) {
        if let Kind::File { source, size, .. } = &mut self.kind {
            *size = bytes.len() as u64;
            *source = Source::Made(bytes.into());
        }
    }

    /// Only an .rpm can have one.
    pub fn ghost(path: InstallPath, mode: u32) -> Self {
        let special = Special { formats: Formats::only(Format::Rpm), ..Special::default() };
        Entry { special, ..Entry::plain(path, Kind::Ghost, mode, Role::Data) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::ownership::tests::ownership;

    fn path(text: &str) -> InstallPath {
        InstallPath::new(text).unwrap()
    }

    #[test]
    fn every_parent_folder_is_there_once_and_first() {
        let mut entries = Entries::default();
        entries.add(Entry::link(path("/usr/lib/x/b"), b"a".to_vec())).unwrap();
        entries.add(Entry::folder(path("/usr/lib/x"))).unwrap();
        entries.add(Entry::link(path("/usr/lib.z"), b"a".to_vec())).unwrap();
        let paths: Vec<String> =
            entries.finish(&ownership()).unwrap().iter().map(|e| e.path.to_string()).collect();
        assert_eq!(paths, ["/usr", "/usr/lib", "/usr/lib/x", "/usr/lib/x/b", "/usr/lib.z"]);
    }

    #[test]
    fn links_are_relative_inside_of_a_top_level_folder() {
        let target = |from: &str, to: &str| match Entry::link_to(path(from), &path(to)).kind {
            Kind::Link { target } => String::from_utf8(target).unwrap(),
            other => panic!("{other:?}"),
        };
        assert_eq!(target("/usr/bin/x", "/usr/lib/x/x"), "../lib/x/x");
        assert_eq!(target("/sbin/mkfs.x", "/usr/bin/x"), "/usr/bin/x");
    }

    #[test]
    fn what_one_format_has_takes_the_place_of_what_was_there() {
        let with = |target: &str, formats: Formats| {
            let mut link = Entry::link(path("/a"), target.into());
            link.special.formats = formats;
            link
        };
        let tar = Formats::only(Format::Tar);
        let mut entries = Entries::default();
        entries.add(with("all", Formats::ALL)).unwrap();
        entries.supersede(with("tar", tar));
        entries.supersede(with("newer", tar));
        let told = |entries: &Entries| -> Vec<(Vec<u8>, Formats)> {
            let at = path("/a");
            let all = entries.at(&at).map(|entry| match &entry.kind {
                Kind::Link { target } => (target.clone(), entry.special.formats),
                other => panic!("{other:?}"),
            });
            all.collect()
        };
        let rest = Formats::ALL.without(tar);
        assert_eq!(told(&entries), [(b"all".to_vec(), rest), (b"newer".to_vec(), tar)]);
        // What is left is what `get` finds.
        entries.supersede(with("packages", rest));
        assert_eq!(told(&entries), [(b"newer".to_vec(), tar), (b"packages".to_vec(), rest)]);
        entries.supersede(with("every", Formats::ALL));
        assert_eq!(told(&entries), [(b"every".to_vec(), Formats::ALL)]);
        assert_eq!(entries.finish(&ownership()).unwrap().len(), 1);
    }

    #[test]
    fn two_things_at_one_path_are_refused() {
        let mut entries = Entries::default();
        entries.add(Entry::link(path("/a"), b"x".to_vec())).unwrap();
        entries.add(Entry::link(path("/a"), b"x".to_vec())).unwrap();
        let error = entries.add(Entry::link(path("/a"), b"y".to_vec())).unwrap_err().to_string();
        assert!(error.contains("a link to x and a link to y"), "{error}");
        entries.add(Entry::folder(path("/a/b"))).unwrap();
        let error = entries.finish(&ownership()).unwrap_err().to_string();
        assert!(error.contains("below /a, which is a link") && error.contains("`[[contents]]`"), "{error}");
    }

    #[test]
    fn what_the_user_adds_is_told_from_what_a_result_has() {
        let file = |source, origin: &str| Entry {
            origin: origin.into(),
            ..Entry::file(path("/usr/bin/jq"), source, 1, 0o755, Role::Program)
        };
        let mut entries = Entries::default();
        entries.add(file(Source::Store("/nix/store/x-jq-1.7.1/bin/jq".into()), "jq-1.7.1/bin/jq")).unwrap();
        let error = entries.add(file(Source::User("prog".into()), "prog")).unwrap_err().to_string();
        assert!(error.contains("jq-1.7.1/bin/jq and prog of `[[contents]]`"), "{error}");
        assert!(error.contains("its entry of `[[contents]]`"), "{error}");
    }
}
