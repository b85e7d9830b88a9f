//! bundle.toml, typed, every default filled in.

use std::path::PathBuf;

use crate::path::InstallPath;

/// How the closure is laid out below the private library directory (design.md section 7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Libraries side by side, only what is reached is shipped.
    #[default]
    Flat,
    /// The whole closure, each store path in its own folder.
    Store,
}

/// Everything bundle.toml says, the parts that need no result to be known. File names are resolved against the
/// folder of bundle.toml.
#[derive(Clone, Debug)]
pub struct Config {
    pub package: PackageConfig,
    pub install: Install,
    pub runtime: Runtime,
    pub contents: Vec<Content>,
    pub deb: FormatOptions,
    pub rpm: FormatOptions,
    pub tarball: FormatOptions,
}

/// `[package]`, `[scripts]` and what `[deb]` and `[rpm]` add, before name and version are known.
#[derive(Clone, Debug, Default)]
pub struct PackageConfig {
    pub name: Option<String>,
    pub version: Option<String>,
    pub release: Option<String>,
    pub epoch: u32,
    pub summary: Option<String>,
    pub description: Option<String>,
    pub license: Option<String>,
    pub homepage: Option<String>,
    pub maintainer: Option<String>,
    pub vendor: Option<String>,
    pub section: Option<String>,
    pub priority: Option<String>,
    pub changelog: Option<PathBuf>,
    pub relations: Relations,
    pub scripts: Scripts,
    pub deb_depends: Vec<String>,
    pub deb_fields: Vec<(String, String)>,
    pub rpm_group: Option<String>,
    pub rpm_requires_post: Vec<String>,
}

/// `[install]`
#[derive(Clone, Debug)]
pub struct Install {
    pub prefix: InstallPath,
    /// Relative to prefix; `None`: `lib/<name>`.
    pub lib_dir: Option<String>,
    pub include: Vec<String>,
    pub exclude: Vec<String>,
    pub layout: Layout,
    pub files: Vec<InstallFile>,
    /// Link and its target, both absolute on the target system.
    pub links: Vec<(InstallPath, String)>,
}

/// One `[[install.files]]`.
#[derive(Clone, Debug)]
pub struct InstallFile {
    /// Relative to the result.
    pub path: String,
    pub mode: Option<u32>,
    pub owner: Option<String>,
    pub group: Option<String>,
    pub caps: Option<String>,
}

/// Which glibc set a bundle runs on (design.md section 5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Glibc {
    #[default]
    Bundled,
    Host,
}

/// The tag that carries a run path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunPathTag {
    #[default]
    Rpath,
    Runpath,
}

/// `[runtime]`
#[derive(Clone, Debug, Default)]
pub struct Runtime {
    pub glibc: Glibc,
    /// Soname globs that are never copied.
    pub baseline: Vec<String>,
    pub rpath: RunPathTag,
    /// Soname globs that are copied though nothing needs them.
    pub add: Vec<String>,
    /// What a `host` bundle must run on: `debian-12`.
    pub targets: Vec<String>,
}

/// One `[[contents]]`.
#[derive(Clone, Debug)]
pub struct Content {
    /// For a symlink, the target as it stands in the file; else a file of the user's, absolute.
    pub src: String,
    pub dst: InstallPath,
    pub kind: ContentKind,
    pub mode: Option<u32>,
    pub owner: Option<String>,
    pub group: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContentKind {
    #[default]
    File,
    Folder,
    Tree,
    Symlink,
    Config {
        noreplace: bool,
        missingok: bool,
    },
    Doc,
    License,
    Readme,
    Ghost,
}

/// What `[deb]`, `[rpm]` and `[tarball]` have in common.
#[derive(Clone, Debug, Default)]
pub struct FormatOptions {
    pub compression: Compression,
}

/// A codec, and its level where bundle.toml gives one (`zstd:19`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    Zstd(i32),
    Xz(u32),
    Gzip(u32),
    None,
}

impl Default for Compression {
    fn default() -> Self {
        Compression::Zstd(3)
    }
}

/// Relations to other packages, as the user wrote them; each format maps the names of its own.
#[derive(Clone, Debug, Default)]
pub struct Relations {
    pub depends: Vec<String>,
    pub recommends: Vec<String>,
    pub suggests: Vec<String>,
    pub conflicts: Vec<String>,
    pub replaces: Vec<String>,
    pub provides: Vec<String>,
}

/// Maintainer scripts, their text.
#[derive(Clone, Debug, Default)]
pub struct Scripts {
    pub preinstall: Option<String>,
    pub postinstall: Option<String>,
    pub preremove: Option<String>,
    pub postremove: Option<String>,
}

/// What is known of a package once its result is: every default filled in.
#[derive(Clone, Debug, Default)]
pub struct Package {
    /// As the user or the store path has it; the formats map what they forbid (`config::name`).
    pub name: String,
    pub version: String,
    /// Unset: not part of the .deb's version, 1 in the .rpm's.
    pub release: Option<String>,
    pub epoch: u32,
    pub summary: String,
    /// May be empty; may have several lines.
    pub description: String,
    pub license: String,
    pub homepage: String,
    pub maintainer: String,
    pub vendor: String,
    pub section: String,
    pub priority: String,
    pub relations: Relations,
    pub scripts: Scripts,
    pub deb_depends: Vec<String>,
    pub deb_fields: Vec<(String, String)>,
    pub rpm_requires: Vec<String>,
    pub rpm_group: String,
    pub rpm_requires_post: Vec<String>,
}
