//! The bill of materials: what a bundle holds, for those who must know what to rebuild when something in it turns out to be
//! vulnerable.
//!
//! It is a part of the plan; the digests of what is shipped come when the payload is made ([`crate::payload::complete_bill`]). Zeros
//! stand for them until then, so that its length is known.

mod cyclonedx;
mod identity;

use crate::config::Package;
use crate::hex::hex;
use crate::path::{InstallPath, StoreFile};
use crate::plan::{Architecture, Project};
use crate::store::StorePath;

/// All that is in a bundle, but for its digests.
#[derive(Debug)]
pub struct Bill {
    /// Where it is installed.
    pub place: InstallPath,
    pub package: Package,
    pub architecture: Architecture,
    /// Seconds since 1970.
    pub mtime: u32,
    /// `/nix/store`
    pub store_dir: StoreFile,
    /// Sorted by store path.
    pub components: Vec<Component>,
    /// The components that the package itself needs: results, or what they lead to.
    pub needs: Vec<StorePath>,
    /// Programs that are not from the store.
    pub files: Vec<Listed>,
}

/// A store path of which something is bundled.
#[derive(Debug)]
pub struct Component {
    pub path: StorePath,
    pub project: Project,
    /// As bundle.toml says.
    pub licence: Option<String>,
    /// Its programs and libraries.
    pub files: Vec<Listed>,
    /// The components that they need.
    pub needs: Vec<StorePath>,
}

/// A program or library.
#[derive(Debug)]
pub struct Listed {
    pub path: InstallPath,
    /// Its place in the store path, if it is from there.
    pub below: Option<Vec<u8>>,
    pub is_program: bool,
    /// What was done to it, for people.
    pub edits: Vec<String>,
}

/// SHA-256, in lower case hexadecimal digits.
#[derive(Clone, Debug)]
pub struct Digests {
    pub shipped: String,
    /// Of the file as the store has it.
    pub original: String,
}

impl Default for Digests {
    /// What stands there until they are known.
    fn default() -> Self {
        Digests { shipped: hex(&[0; 32]), original: hex(&[0; 32]) }
    }
}

impl Bill {
    /// Every file whose digests it tells.
    pub fn listed(&self) -> impl Iterator<Item = &Listed> {
        self.components.iter().flat_map(|component| &component.files).chain(&self.files)
    }
}
