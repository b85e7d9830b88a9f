//! explant lifts a program out of the Nix store and keeps it alive on any Linux distribution.
//!
//! Data flows one way, and each module below sees only what the one before it made:
//!
//! ```text
//! bundle.toml --> config -----+
//!                             v
//! result -------> store ---> plan ---> payload ---> package ---> check
//! ```
//!
//! [`elf`] reads and edits one ELF image and knows nothing of bundles; [`inspect`] tells people what it reads. [`sign`] makes
//! OpenPGP signatures.

pub mod bill;
pub mod check;
pub mod config;
pub mod content;
pub mod elf;
pub mod error;
pub mod finding;
mod hex;
pub mod init;
pub mod inspect;
pub mod package;
pub mod patch;
pub mod path;
pub mod payload;
pub mod plan;
mod shell;
pub mod sign;
mod spdx;
pub mod store;
pub mod stub;
mod yaml;

pub use error::{Error, Result};
