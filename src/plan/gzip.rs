//! gzip, for what distributions have compressed.

use std::io::Write;

use flate2::{Compression, GzBuilder};

/// As `gzip -9n` does: no time and no name, the same bytes for the same text.
///
/// Errors: writing to memory failed.
pub fn gzipped(text: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut packed = GzBuilder::new().write(Vec::new(), Compression::best());
    packed.write_all(text)?;
    packed.finish()
}
