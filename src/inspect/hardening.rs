//! What was done, when a file was compiled and linked, against attackers.

use serde::Serialize;

use crate::elf::describe::{Feature, Protection, Relro, symbols};
use crate::elf::{Class, Elf, Malformed};

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Hardening {
    /// Of a program: it can be loaded at any address.
    pub pie: Option<bool>,
    pub relro: Relro,
    pub bind_now: bool,
    /// `None`: the file does not say, and many systems then make it so.
    pub executable_stack: Option<bool>,
    /// A segment can be written to and executed.
    pub writable_code: bool,
    pub text_relocations: bool,
    /// It calls what is called when a guard on the stack is damaged. `None`: it has no dynamic symbols that would tell.
    pub stack_protector: Option<bool>,
    /// How many functions it takes in the form that checks lengths (`_FORTIFY_SOURCE`).
    pub fortified: Option<usize>,
    /// Guards of the processor's that all its code was built for.
    pub features: Vec<Feature>,
}

impl Hardening {
    pub(super) fn new(
        elf: &Elf,
        bytes: &[u8],
        protection: Protection,
        features: &[Feature],
        is_position_independent: bool,
    ) -> Result<Self, Malformed> {
        let is_static = elf.class == Class::StaticProgram;
        let names: Vec<Vec<u8>> = symbols(elf, bytes)?.into_iter().map(|symbol| symbol.name).collect();
        let told = |answer: usize| (!is_static).then_some(answer);
        let guards = names.iter().filter(|name| name.starts_with(b"__stack_chk_")).count();
        let checked = names.iter().filter(|name| name.ends_with(b"_chk") && name.starts_with(b"__")).count();
        Ok(Hardening {
            pie: (elf.class != Class::Library).then_some(is_position_independent),
            relro: protection.relro,
            bind_now: protection.bind_now,
            executable_stack: protection.executable_stack,
            writable_code: protection.writable_code,
            text_relocations: protection.text_relocations,
            stack_protector: told(guards).map(|guards| guards > 0),
            fortified: told(checked),
            features: features.to_vec(),
        })
    }
}
