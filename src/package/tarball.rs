//! The tarball: the tree as it is, to be unpacked at `/`.

use std::fs::File;
use std::path::Path;

use super::stream::{FileDigest, Packed};
use super::tar::Tar;
use super::{Archive, Artifact, Encoder, Format, compress};
use crate::config::Compression;
use crate::error::Result;
use crate::plan::Plan;

pub struct Tarball {
    name: String,
    mtime: u32,
}

impl Tarball {
    pub fn new(plan: &Plan, compression: Compression) -> Self {
        let name = format!("{}.tar{}", stem(plan), compress::extension(compression));
        Tarball { name, mtime: plan.mtime }
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
        Archive::Tar
    }

    fn encoder(&self) -> Box<dyn Encoder> {
        Box::new(Tar { mtime: self.mtime, format: Format::Tar })
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
