//! `explant init`: a bundle.toml for a result, or for what an nfpm.yaml says.

pub mod nfpm;
mod result;

pub use result::bundle;
