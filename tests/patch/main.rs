//! `explant patch`, and explant under the name of patchelf: the command itself, run on programs of the machine's compiler.

mod call;
mod files;
mod many;
mod prints;
mod resolution_cache;
mod run_path;
mod verbs;
mod workshop;
