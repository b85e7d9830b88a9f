//! The header's list of files.

use std::collections::HashMap;

use super::super::cpio::{content_size, file_mode};
use super::super::tree::Member;
use super::header::{Header, Value};
use super::standard::is_standard;
use super::tag::{SHA256, attribute, tags, verify};
use crate::config::Format;
use crate::hex::hex;
use crate::path::InstallPath;
use crate::plan::{Entry, Kind, Role};

/// Members in the order of their names' bytes, which rpm searches by halving.
pub struct Files<'a> {
    listed: Vec<&'a Member<'a>>,
}

impl<'a> Files<'a> {
    /// All members but the folders that are the distribution's, and what would be installed over another.
    pub fn new(members: &'a [Member<'a>]) -> Self {
        let is_ours = |m: &&Member| {
            let theirs = matches!(m.entry.kind, Kind::Folder) && is_standard(&m.entry.path);
            !theirs && !m.shadowed && !m.entry.special.disowned && m.entry.is_in(Format::Rpm)
        };
        let mut listed: Vec<_> = members.iter().filter(is_ours).collect();
        listed.sort_by_key(|member| member.entry.path.as_bytes());
        Files { listed }
    }

    fn entries(&self) -> impl Iterator<Item = &'a Entry> {
        self.listed.iter().map(|member| &*member.entry)
    }

    /// By member number: its place in the list, for what the payload has (ghosts are only in the list).
    pub fn payload_index(&self, members: usize) -> Vec<Option<u32>> {
        let mut index = vec![None; members];
        for (place, member) in self.listed.iter().enumerate() {
            if !matches!(member.entry.kind, Kind::Ghost) {
                index[member.number] = Some(place as u32);
            }
        }
        index
    }

    pub fn has_config(&self) -> bool {
        self.entries().any(|entry| flags(entry) & attribute::CONFIG != 0)
    }

    pub fn has_caps(&self) -> bool {
        self.entries().any(|entry| entry.caps.is_some())
    }

    /// Whether a file is too large for 32 bits.
    pub fn has_large(&self) -> bool {
        self.entries().any(|entry| content_size(entry) > u32::MAX.into())
    }

    /// What all contents take, in bytes.
    pub fn total_size(&self) -> u64 {
        self.entries().filter(|entry| matches!(entry.kind, Kind::File { .. })).map(content_size).sum()
    }

    /// A bound on the archive's size: contents, and for each file a header, its name and padding.
    pub fn archive_bound(&self) -> u64 {
        self.entries()
            .map(|entry| content_size(entry) + entry.path.as_bytes().len() as u64 + 128)
            .sum::<u64>()
            + 256
    }

    /// Whether all names and links are UTF-8.
    pub fn are_utf8(&self) -> bool {
        self.entries().all(|entry| {
            let target = if let Kind::Link { target } = &entry.kind { &target[..] } else { b"" };
            str::from_utf8(entry.path.as_bytes()).is_ok() && str::from_utf8(target).is_ok()
        })
    }

    /// All tags but the digests.
    pub fn put(&self, header: &mut Header, mtime: u32) {
        let count = self.listed.len();
        if count == 0 {
            return;
        }
        self.put_names(header);
        let texts = |of: fn(&Entry) -> &[u8]| Value::texts(self.entries().map(of));
        let numbers = |of: fn(&Entry) -> u32| Value::Int32(self.entries().map(of).collect());
        if self.has_large() {
            header.put(tags::LONGFILESIZES, Value::Int64(self.entries().map(content_size).collect()));
        } else {
            header.put(tags::FILESIZES, numbers(|entry| content_size(entry) as u32));
        }
        header.put(
            tags::FILEMODES,
            Value::Int16(self.entries().map(|entry| file_mode(entry) as u16).collect()),
        );
        header.put(tags::FILERDEVS, Value::Int16(vec![0; count]));
        let times = self.entries().map(|entry| entry.special.mtime.unwrap_or(mtime)).collect();
        header.put(tags::FILEMTIMES, Value::Int32(times));
        header.put(
            tags::FILELINKTOS,
            texts(|entry| if let Kind::Link { target } = &entry.kind { target } else { b"" }),
        );
        header.put(tags::FILEFLAGS, numbers(flags));
        header.put(tags::FILEVERIFYFLAGS, numbers(verified));
        header.put(tags::FILEUSERNAME, texts(|entry| entry.owner.as_bytes()));
        header.put(tags::FILEGROUPNAME, texts(|entry| entry.group.as_bytes()));
        // Of one device, each a file of its own: rpm takes two with one inode for hard links.
        header.put(tags::FILEDEVICES, Value::Int32(vec![1; count]));
        header.put(tags::FILEINODES, Value::Int32((1..=count as u32).collect()));
        header.put(
            tags::FILELANGS,
            texts(|entry| entry.special.lang.as_deref().map_or(language(&entry.path), str::as_bytes)),
        );
        header.put(tags::FILEDIGESTALGO, Value::number(SHA256));
        if self.has_caps() {
            header.put(tags::FILECAPS, texts(|entry| entry.caps.as_deref().unwrap_or_default().as_bytes()));
        }
    }

    /// Each name as a folder, with its slash, and what is behind it.
    fn put_names(&self, header: &mut Header) {
        let mut folders: Vec<&[u8]> = Vec::new();
        let mut places: HashMap<&[u8], u32> = HashMap::new();
        let mut indexes = Vec::new();
        for entry in self.entries() {
            let path = entry.path.as_bytes();
            let folder = &path[..path.len() - entry.path.file_name().len()];
            indexes.push(*places.entry(folder).or_insert_with(|| {
                folders.push(folder);
                folders.len() as u32 - 1
            }));
        }
        header.put(tags::BASENAMES, Value::texts(self.entries().map(|entry| entry.path.file_name())));
        header.put(tags::DIRNAMES, Value::texts(folders));
        header.put(tags::DIRINDEXES, Value::Int32(indexes));
    }

    /// `digest` gives each member's; a file without any, as before they are known, gets one of zeros.
    pub fn put_digests(&self, header: &mut Header, digest: impl Fn(&Member) -> Vec<u8>) {
        if self.listed.is_empty() {
            return;
        }
        let text = |member: &&Member| match member.entry.kind {
            Kind::File { .. } => hex(&digest(member)),
            _ => String::new(),
        };
        header.put(tags::FILEDIGESTS, Value::texts(self.listed.iter().map(text)));
    }
}

/// The language of a translated manual page, `%lang`; empty for all else.
fn language(path: &InstallPath) -> &[u8] {
    let components: Vec<&[u8]> = path.components().collect();
    match components[..] {
        [.., b"share", b"man", language, section, _] if section.starts_with(b"man") => {
            language.split(|b| b".@".contains(b)).next().unwrap_or_default()
        }
        _ => b"",
    }
}

fn flags(entry: &Entry) -> u32 {
    match entry.kind {
        Kind::Ghost => return attribute::GHOST,
        Kind::Folder | Kind::Link { .. } => return 0,
        Kind::File { .. } => {}
    }
    match entry.role {
        Role::Config { noreplace, missingok } => {
            attribute::CONFIG
                | if noreplace { attribute::NOREPLACE } else { 0 }
                | if missingok { attribute::MISSINGOK } else { 0 }
        }
        Role::Doc => attribute::DOC,
        // rpmbuild takes all of the folder for documentation (rpm 4.18, build/files.c, isDoc).
        Role::License if entry.path.as_bytes().starts_with(b"/usr/share/doc/") => {
            attribute::LICENSE | attribute::DOC
        }
        Role::License => attribute::LICENSE,
        Role::Readme => attribute::README,
        Role::Program | Role::Library | Role::Loader | Role::Data | Role::Folder | Role::Link => 0,
    }
}

fn verified(entry: &Entry) -> u32 {
    match entry.kind {
        Kind::Ghost => verify::ALL & !verify::CONTENT,
        _ => verify::ALL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn translated_manuals_have_a_language() {
        for (path, wanted) in [
            ("/usr/share/man/de/man1/a.1.gz", "de"),
            ("/opt/x/share/man/pt_BR.UTF-8/man8/a.8.gz", "pt_BR"),
            ("/usr/share/man/man1/a.1.gz", ""),
            ("/usr/share/de/man1/a.1", ""),
        ] {
            let path = InstallPath::new(path).unwrap();
            assert_eq!(language(&path), wanted.as_bytes(), "{path}");
        }
    }
}
