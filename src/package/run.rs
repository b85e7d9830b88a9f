//! The single file: a script that unpacks what is behind it, and starts it. The script is `templates/run/head.sh`.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::stream::{FileDigest, Packed};
use super::tarball::{Tarball, stem};
use super::{Archive, Artifact, Encoder, beside};
use crate::config::Compression;
use crate::error::{Error, IoContext, Result};
use crate::plan::Plan;
use crate::plan::relocatable::Place;

const SCRIPT: &str = include_str!("../../templates/run/head.sh");

/// Where the archive begins. dd(1) passes over the script as one block of this; a script of any length that is written in front is
/// known only when the archive is.
const HEAD: usize = 16 << 10;

/// So many characters of the archive's digest tell one cache from another: 64 bits.
const KEY: usize = 16;

pub struct Run {
    name: String,
    /// The archive is that of the tarball which may be unpacked anywhere.
    tarball: Tarball,
    /// The script, without what is known of the archive.
    script: String,
    /// The folder's name in the cache, but for the digest.
    key: String,
}

impl Run {
    /// Errors: the plan is not of a bundle that may be anywhere; it has no main program.
    pub fn new(plan: &Plan, compression: Compression) -> Result<Self> {
        if !plan.relocatable {
            return Err(Error::usage("a single file runs from any folder, and the plan is for one at `/`")
                .remedy("set `relocatable = true` under [tarball]"));
        }
        let (tool, decode) = match compression {
            Compression::Zstd(_) => ("zstd", "zstd -dcq"),
            Compression::Xz(_) => ("xz", "xz -dc"),
            Compression::Gzip(_) => ("gzip", "gzip -dc"),
            Compression::None => ("cat", "cat"),
        };
        let program = plan.main_program()?;
        let program = Place { prefix: &plan.prefix }.below(&program);
        let program = String::from_utf8(program).map_err(|_| {
            Error::usage("the name of the program that a single file starts is not UTF-8")
                .remedy("say `program = \"NAME\"` under [run]")
        })?;
        let top = stem(plan);
        let script = SCRIPT
            .replace("@HEAD@", &HEAD.to_string())
            .replace("@TOP@", &top)
            .replace("@PROGRAM@", &quoted(&program))
            .replace("@MACHINE@", plan.architecture.nix())
            .replace("@TOOL@", tool)
            .replace("@DECODE@", decode);
        // The system is in the digest.
        let key =
            top.trim_end_matches("-linux").rsplit_once('-').map_or(top.as_str(), |(key, _)| key).to_owned();
        let run = Run { name: format!("{top}.run"), tarball: Tarball::new(plan, compression), script, key };
        run.head(u64::MAX, &"0".repeat(64))?;
        Ok(run)
    }

    /// What stands before an archive of so many bytes.
    ///
    /// Errors: names are so long that it has no room.
    fn head(&self, size: u64, digest: &str) -> Result<Vec<u8>> {
        let mut head = self
            .script
            .replace("@KEY@", &format!("{}-{}", self.key, &digest[..KEY]))
            .replace("@LENGTH@", &size.saturating_add(HEAD as u64).to_string())
            .replace("@SIZE@", &size.to_string())
            .replace("@SHA256@", digest)
            .into_bytes();
        if head.len() > HEAD {
            return Err(Error::usage(format!(
                "{}: the name of its program or its own is too long",
                self.name
            ))
            .remedy("give the package a shorter name, or name a program of a shorter path under [run]"));
        }
        head.resize(HEAD, b'\n');
        Ok(head)
    }
}

/// As sh(1) takes it for one word, whatever is in it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

impl Artifact for Run {
    fn name(&self) -> &str {
        &self.name
    }

    fn archive(&self) -> Archive {
        self.tarball.archive()
    }

    fn encoder(&self) -> Box<dyn Encoder> {
        self.tarball.encoder()
    }

    fn file_digest(&self) -> Option<FileDigest> {
        None
    }

    fn room(&self) -> Option<u64> {
        Some(HEAD as u64)
    }

    fn complete(self: Box<Self>, draft: &File, destination: &Path, packed: &Packed) -> Result<()> {
        let digest = packed.bytes().and_then(beside::digest).while_doing("read", destination)?;
        let head = self.head(packed.size, &digest)?;
        draft.write_all_at(&head, 0).while_doing("write", destination)
    }
}
