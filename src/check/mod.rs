//! Opens an artifact as a stranger would and proves that it is closed.

use std::path::Path;

use crate::error::Result;
use crate::plan::Finding;

/// What an artifact may leave to its target.
#[derive(Clone, Debug)]
pub struct Policy {
    /// `/nix/store`: what no ELF header field may say.
    pub store_dir: Vec<u8>,
    /// Soname globs that the target provides. `None`, for an artifact of which nothing else is known: the glibc set where
    /// the interpreter is the ABI's own (`/lib64/ld-linux-x86-64.so.2`), and what is searched for in the system's folders.
    pub baseline: Option<Vec<String>>,
}

/// What was found.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Report {
    /// Why it must not be published; empty if it is closed.
    pub failures: Vec<String>,
    pub findings: Vec<Finding>,
    pub programs: usize,
    pub libraries: usize,
}

/// Checks a .deb, .rpm, tarball, or a folder that one was unpacked to.
pub fn check(_artifact: &Path, _policy: &Policy) -> Result<Report> {
    unimplemented!()
}
