//! What bundle.toml adds to a bundle: `[[contents]]`, `[install.links]`, the changelog.

use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use walkdir::WalkDir;

use super::context::Context;
use super::draft::Draft;
use super::{Entry, Kind, Role, Source, Special, changelog};
use crate::config::{Content, ContentKind, Formats};
use crate::error::{Error, IoContext, Result};
use crate::path::InstallPath;

/// Adds them all.
pub fn add(context: &Context, draft: &mut Draft) -> Result<()> {
    for content in &context.config.contents {
        add_content(content, draft)?;
    }
    for (link, target) in &context.config.install.links {
        let target = InstallPath::new(target).unwrap_or_else(InstallPath::root);
        draft.entries.add(Entry::link_to(link.clone(), &target))?;
    }
    changelog::add(context, draft)
}

fn add_content(content: &Content, draft: &mut Draft) -> Result<()> {
    let entry = match content.kind {
        ContentKind::Tree => return add_tree(content, Role::Data, draft),
        ContentKind::ConfigTree { noreplace, missingok } => {
            return add_tree(content, Role::Config { noreplace, missingok }, draft);
        }
        ContentKind::Folder => Entry::folder(content.dst.clone()),
        ContentKind::Symlink => Entry::link(content.dst.clone(), content.src.as_os_str().as_bytes().to_vec()),
        ContentKind::Ghost => Entry::ghost(content.dst.clone(), 0o644),
        _ => file(&content.src, content.dst.clone(), role(content.kind))?,
    };
    let entry = with_settings(entry, content);
    // A ghost that is for other formats alone is in none.
    if entry.special.formats == Formats::NONE { Ok(()) } else { draft.entries.add(entry) }
}

fn role(kind: ContentKind) -> Role {
    match kind {
        ContentKind::Config { noreplace, missingok } => Role::Config { noreplace, missingok },
        ContentKind::Doc => Role::Doc,
        ContentKind::License => Role::License,
        ContentKind::Readme => Role::Readme,
        _ => Role::Data,
    }
}

fn with_settings(mut entry: Entry, content: &Content) -> Entry {
    if !matches!(entry.kind, Kind::Link { .. }) {
        entry.mode = content.mode.unwrap_or(entry.mode & !content.umask);
    }
    if matches!(entry.kind, Kind::File { .. }) {
        entry.caps = content.caps.clone();
    }
    entry.owner = content.owner.clone().unwrap_or(entry.owner);
    entry.group = content.group.clone().unwrap_or(entry.group);
    entry.special = Special {
        formats: entry.special.formats.and(content.formats),
        mtime: content.mtime,
        lang: content.lang.clone(),
        ..Special::default()
    };
    entry
}

/// A file of the user's; executable if it is.
fn file(src: &Path, dst: InstallPath, role: Role) -> Result<Entry> {
    let metadata = src.metadata().while_doing("read", src)?;
    if !metadata.is_file() {
        return Err(Error::usage(format!("`contents` names {}, which is not a regular file", src.display()))
            .remedy("use `type = \"tree\"` for a folder"));
    }
    let mode = if metadata.permissions().mode() & 0o111 != 0 { 0o755 } else { 0o644 };
    let mut entry = Entry::file(dst, Source::User(src.to_owned()), metadata.len(), mode, role);
    entry.origin = src.display().to_string();
    Ok(entry)
}

/// A folder of the user's with all that it holds, links as they stand. (Not by fs_extra, which copies, and follows links:
/// nothing is copied here, the files are read when the payload is.)
fn add_tree(content: &Content, role: Role, draft: &mut Draft) -> Result<()> {
    // The tree's own folder is as those above it, if nobody says whose it is.
    let is_whose = [&content.owner, &content.group].into_iter().flatten().any(|name| name != "root");
    let top = usize::from(!is_whose || content.dst.is_root());
    for found in WalkDir::new(&content.src).min_depth(top).sort_by_file_name() {
        let found = found
            .map_err(|error| Error::failure(format!("cannot list {}: {error}", content.src.display())))?;
        // walkdir gives paths below the folder that it was given.
        let below = found.path().strip_prefix(&content.src).unwrap_or(found.path());
        let dst = content.dst.join(below.as_os_str().as_bytes());
        let entry = if found.file_type().is_dir() {
            Entry::folder(dst)
        } else if found.path_is_symlink() {
            let target = found.path().read_link().while_doing("read the link", found.path())?;
            Entry::link(dst, target.into_os_string().into_vec())
        } else {
            file(found.path(), dst, role)?
        };
        let is_folder = matches!(entry.kind, Kind::Folder);
        let mut entry = with_settings(entry, content);
        if is_folder {
            entry.mode = 0o755 & !content.umask;
        }
        draft.entries.add(entry)?;
    }
    Ok(())
}
