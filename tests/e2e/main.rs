//! explant end to end: real Nix closures, the real tools that install packages, systems without Nix. `make test` makes
//! what these tests need (tests/prepare); tests/corpus/README.md says what is in the corpus.

mod cases;
mod corpus;
mod harness;
mod hermetic;
mod hostile;
mod interrupted;
mod limits;
mod reproducible;
