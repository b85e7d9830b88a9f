//! The tarball: the tree as it is, to be unpacked at `/`, or one folder that may be unpacked anywhere.

use std::fs::File;
use std::path::Path;

use super::stream::{FileDigest, Packed};
use super::tar::{Tar, Top};
use super::{Archive, Artifact, Encoder, Format, compress};
use crate::config::Compression;
use crate::error::Result;
use crate::path::InstallPath;
use crate::plan::Plan;

pub struct Tarball {
    name: String,
    mtime: u32,
    /// Where all of it is, if not at the root.
    top: Option<(String, InstallPath)>,
}

impl Tarball {
    pub fn new(plan: &Plan, compression: Compression) -> Self {
        let name = format!("{}.tar{}", stem(plan), compress::extension(compression));
        let top = plan.relocatable.then(|| (stem(plan), plan.prefix.clone()));
        Tarball { name, mtime: plan.mtime, top }
    }
}

/// `jq-1.7.1-x86_64-linux`
pub fn stem(plan: &Plan) -> String {
    let stem = format!("{}-{}", plan.package.name, plan.package.version);
    // What a store path's name may have (Nix manual, "Store Path"), without `?` and `=`, which shells and makefiles trip over.
    let stem: String = stem
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "+-._~".contains(c) { c } else { '-' })
        .collect();
    format!("{stem}-{}-linux", plan.architecture.nix())
}

impl Artifact for Tarball {
    fn name(&self) -> &str {
        &self.name
    }

    fn archive(&self) -> Archive {
        if self.top.is_some() { Archive::Apart } else { Archive::Tar }
    }

    fn encoder(&self) -> Box<dyn Encoder> {
        let top = self.top.clone().map(|(name, prefix)| Top { name, prefix });
        Box::new(Tar { mtime: self.mtime, format: Format::Tar, top })
    }

    fn file_digest(&self) -> Option<FileDigest> {
        None
    }

    fn room(&self) -> Option<u64> {
        Some(0)
    }

    fn complete(self: Box<Self>, _draft: &File, _destination: &Path, _packed: &Packed) -> Result<()> {
        Ok(())
    }
}
