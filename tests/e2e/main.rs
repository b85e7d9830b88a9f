//! explant end to end: real Nix closures, the real tools that install packages, systems without Nix. `make test` makes
//! what these tests need (tests/prepare); tests/corpus/README.md says what is in the corpus.

mod accounts;
mod anywhere;
mod cases;
mod clones;
mod corpus;
mod everywhere;
#[path = "../../src/sign/gnupg.rs"]
mod gnupg;
mod harness;
mod hermetic;
mod hostile;
mod initramfs;
mod interrupted;
mod lifecycle;
mod limits;
mod lint;
mod permanent;
mod relocated;
mod reproducible;
mod run;
mod signed;
