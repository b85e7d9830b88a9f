//! What a package of explant's has otherwise than nfpm's, though every key is taken over.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::config::{Content, ContentKind};
use crate::finding::Finding;
use crate::path::{InstallPath, printable};
use crate::plan::system;

#[derive(Default)]
pub struct Differences {
    /// Contents that got the mode of their file.
    kept: Vec<String>,
    /// Files of globs and trees whose mode is lost.
    lost: Vec<String>,
    /// What the package's scripts set up.
    set_up: BTreeSet<String>,
}

impl Differences {
    /// Looks at what one of nfpm's contents, `of`, stands for. Gives the mode that it has to have: a file's own, if it says
    /// what neither 0644 nor 0755 does.
    pub fn look(&mut self, of: &str, contents: &[Content]) -> Option<u32> {
        let mut others = Vec::new();
        let mut total = 0;
        for content in contents {
            for (src, dst) in files(content) {
                total += 1;
                if system::is_set_up(&dst) {
                    self.set_up.insert(dst.to_string_lossy().into_owned());
                }
                others.extend(other_mode(&src, content).map(|mode| (src, mode)));
            }
        }
        let named = |(src, mode): &(PathBuf, u32)| {
            format!("{of}: {} ({mode:04o})", printable(src.as_os_str().as_bytes()))
        };
        if let ([other], 1) = (&others[..], total) {
            self.kept.push(named(other));
            return Some(other.1);
        }
        self.lost.extend(others.iter().map(named));
        None
    }

    pub fn findings(self) -> Vec<Finding> {
        let modes = "nfpm ships files with the modes that they have where none is written, explant with 0644 or 0755, \
                     for a clone's modes are those of its umask";
        let kept = Finding::note("nfpm-mode", format!("`mode` says here what these files have: {modes}"));
        let lost = Finding::warning("nfpm-mode", format!("these get other modes than from nfpm: {modes}"))
            .remedy("write a `mode` for all of them, or a `[[contents]]` with a `mode` for each");
        let set_up = Finding::note(
            "nfpm-units",
            "these are set up when the package is installed, upgraded or removed, as the distribution's own packages do; \
             nfpm leaves that to scripts",
        )
        .remedy(
            "if it is not to be, or your scripts do it: `enable = false`, `start = false` and `restart = false` for \
             units, `sysusers = false`, `tmpfiles = false`, all under `[install.system]`",
        );
        [(kept, self.kept), (lost, self.lost), (set_up, self.set_up.into_iter().collect())]
            .into_iter()
            .filter(|(_, subjects)| !subjects.is_empty())
            .map(|(finding, subjects)| Finding { subjects, ..finding })
            .collect()
    }
}

/// The files that it ships, and a tree's folders, each with its place.
fn files(content: &Content) -> Vec<(PathBuf, InstallPath)> {
    let below = |path: &Path| {
        let relative = path.strip_prefix(&content.src).unwrap_or(path);
        content.dst.join(relative.as_os_str().as_bytes())
    };
    match content.kind {
        ContentKind::Folder | ContentKind::Symlink | ContentKind::Ghost => Vec::new(),
        // What cannot be listed, the build will tell of.
        ContentKind::Tree | ContentKind::ConfigTree { .. } => WalkDir::new(&content.src)
            .sort_by_file_name()
            .into_iter()
            .filter_map(Result::ok)
            .filter(|found| !found.path_is_symlink())
            .map(|found| (found.path().to_owned(), below(found.path())))
            .collect(),
        _ => vec![(content.src.clone(), content.dst.clone())],
    }
}

/// The mode that nfpm would ship a file with, if explant would give others more, or lacks a special bit of it.
fn other_mode(src: &Path, content: &Content) -> Option<u32> {
    if content.mode.is_some() {
        return None;
    }
    let metadata = src.metadata().ok()?;
    let mode = metadata.permissions().mode() & 0o7777;
    let plain = if metadata.is_dir() || mode & 0o111 != 0 { 0o755 } else { 0o644 };
    let is_other = plain & !mode & 0o077 != 0 || mode & 0o7000 != 0;
    is_other.then_some(mode & !content.umask)
}
