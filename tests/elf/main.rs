//! The editor on what real compilers and linkers make: programs of random layouts under random edits, with the kernel, ld.so,
//! readelf, eu-elflint and the strippers as witnesses. `EXPLANT_CASES=1000 cargo test --test elf` looks harder.

mod build;
mod complaints;
mod edit;
mod laws;
mod layout;
mod model;
mod random;
mod seeds;
mod target;
mod witness;
