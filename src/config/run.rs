//! `[run]`: the single file that starts its program.

use super::document::Document;
use super::format::{Compression, FormatOptions};
use super::{schema, text};
use crate::error::Result;

/// What every system can unpack: zstd and xz are on few of those that such a file is made for.
const COMPRESSION: Compression = Compression::Gzip(7);

/// How the single file is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub compression: Compression,
    /// The program that it starts: a name in bin or sbin, or a path below the prefix. `None`: it follows from the bundle.
    pub program: Option<String>,
}

impl Default for Run {
    fn default() -> Self {
        Run { compression: COMPRESSION, program: None }
    }
}

impl Run {
    pub(super) fn from_schema(document: &Document, schema: &schema::Run) -> Result<Self> {
        let compression = FormatOptions::from_schema(document, &schema.compression, COMPRESSION)?.compression;
        let program =
            schema.program.as_ref().map(|program| text::relative_path(document, program, "the prefix"));
        Ok(Run { compression, program: program.transpose()? })
    }
}
