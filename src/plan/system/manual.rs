//! Manual pages, compressed as every distribution has them (Debian Policy 12.1), and completions under both names of zsh's folder.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::draft::Draft;
use super::super::gzip::gzipped;
use super::super::{Entry, Kind, Source};
use crate::error::{IoContext, Result};
use crate::path::InstallPath;
use crate::payload;
use crate::plan::entries::Entries;

/// What says that a page is compressed.
const PACKED: &[&[u8]] = &[b".gz", b".bz2", b".xz", b".zst", b".lzma", b".Z"];

/// Compresses the pages below `prefix` and the system's own folders; links to them are renamed, others are led to the new names.
///
/// Errors: a page cannot be read.
pub fn compress(draft: &mut Draft, prefix: &InstallPath) -> Result<()> {
    let root = InstallPath::root();
    let folders = [prefix.join("share/man"), root.join("usr/share/man"), root.join("usr/local/share/man")];
    let is_page = |path: &InstallPath| {
        let is_there = folders.iter().any(|folder| path.starts_with(folder) && path != folder);
        is_there && !PACKED.iter().any(|end| path.file_name().ends_with(end))
    };
    let pages: Vec<InstallPath> = draft
        .entries
        .iter()
        .filter(|entry| matches!(entry.kind, Kind::File { .. }) && is_page(&entry.path))
        .map(|entry| entry.path.clone())
        .collect();
    let mut renamed = BTreeMap::new();
    for page in pages {
        let new = packed_name(&page);
        // Both are there: then the compressed one is what is read.
        if draft.entries.get(&new).is_none() {
            pack(&mut draft.entries, &page, &new)?;
            renamed.insert(page, new);
        }
    }
    lead_links(&mut draft.entries, renamed, is_page)
}

fn packed_name(path: &InstallPath) -> InstallPath {
    let name = [path.file_name(), b".gz"].concat();
    path.parent().unwrap_or_else(InstallPath::root).join(name)
}

fn pack(entries: &mut Entries, page: &InstallPath, new: &InstallPath) -> Result<()> {
    let Some(mut entry) = entries.get(page).cloned() else { return Ok(()) };
    let Some(body) = payload::whole(&entry)? else { return Ok(()) };
    let bytes: Arc<[u8]> =
        gzipped(&body).while_doing("compress", std::path::Path::new(&entry.origin))?.into();
    if let Kind::File { source, size, grown, patches, .. } = &mut entry.kind {
        (*size, *grown, *source) = (bytes.len() as u64, 0, Source::Made(bytes));
        patches.clear();
    }
    entry.path = new.clone();
    entries.remove(page);
    entries.add(entry)
}

/// Links to what was renamed. Those that are pages themselves are renamed too, until no link leads to an old name.
fn lead_links(
    entries: &mut Entries,
    mut renamed: BTreeMap<InstallPath, InstallPath>,
    is_page: impl Fn(&InstallPath) -> bool,
) -> Result<()> {
    loop {
        let stale: Vec<(InstallPath, InstallPath, bool)> = entries
            .iter()
            .filter_map(|entry| match &entry.kind {
                Kind::Link { target } => {
                    let old = entry.path.link_target(target);
                    let new = renamed.get(&old)?;
                    // A store path that is kept together has its pages' names, too.
                    let is_page = is_page(&entry.path) || entry.path.file_name() == old.file_name();
                    Some((entry.path.clone(), new.clone(), is_page))
                }
                _ => None,
            })
            .collect();
        if stale.is_empty() {
            return Ok(());
        }
        for (link, target, is_page) in stale {
            entries.remove(&link);
            let name = if is_page { packed_name(&link) } else { link.clone() };
            if entries.get(&name).is_none() {
                entries.add(Entry::link_to(name.clone(), &target))?;
            }
            if name != link {
                renamed.insert(link, name);
            }
        }
    }
}

/// Debian's zsh looks into the one, all others into the other.
const ZSH: [&str; 2] = ["/usr/share/zsh/site-functions", "/usr/share/zsh/vendor-completions"];

/// Adds links so that each completion is found under both names.
///
/// Errors: none, but the entries' own.
pub fn share_completions(draft: &mut Draft) -> Result<()> {
    let folders = ZSH.map(|folder| InstallPath::root().join(folder));
    for (folder, other) in [(&folders[0], &folders[1]), (&folders[1], &folders[0])] {
        let is_there = |entry: &&Entry| {
            entry.path.parent().as_ref() == Some(folder) && !matches!(entry.kind, Kind::Folder)
        };
        let found: Vec<InstallPath> =
            draft.entries.iter().filter(is_there).map(|entry| entry.path.clone()).collect();
        for completion in found {
            let link = other.join(completion.file_name());
            if draft.entries.get(&link).is_none() {
                draft.entries.add(Entry::link_to(link, &completion))?;
            }
        }
    }
    Ok(())
}
