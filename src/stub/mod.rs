//! The stub of programs that find their loader from any folder, and what its table says: docs/design.md, "The stub".
//!
//! The code is built from `stub/` and lies, built, in `templates/stub/`. [`crate::elf`] plants it.

mod launcher;
mod table;
#[cfg(test)]
mod tests;
mod wrapper;

pub use launcher::{launched, launcher};
pub use table::{Anchor, Change, Root, Table};
pub use wrapper::changes;

use goblin::elf::header::{EM_AARCH64, EM_X86_64};

use crate::elf::{Abi, Elf, Stub};

/// The descriptor that leads to the bundle's folder, in every process of it. Programs count theirs from 3, shells keep theirs from 10
/// on, and bash the script that it reads at 255. `stub/stub.c` knows it, too.
pub const ANCHOR: u8 = 240;

const X86_64: &[u8] = include_bytes!("../../templates/stub/x86_64.bin");
const AARCH64: &[u8] = include_bytes!("../../templates/stub/aarch64.bin");

/// The stub's code for programs of an ABI. `None`: there is none.
pub fn code(abi: Abi) -> Option<&'static [u8]> {
    built(abi, X86_64, AARCH64)
}

/// Which of what is built for the two machines is for an ABI.
fn built(abi: Abi, x86_64: &'static [u8], aarch64: &'static [u8]) -> Option<&'static [u8]> {
    match (abi.machine, abi.is_64, abi.is_little_endian) {
        (EM_X86_64, true, true) => Some(x86_64),
        (EM_AARCH64, true, true) => Some(aarch64),
        _ => None,
    }
}

/// What is to be planted in a program of an ABI.
///
/// Errors, a sentence without a full stop: there is no stub for it, or the table cannot say what it should.
pub fn stub(abi: Abi, table: &Table) -> Result<Stub, String> {
    let code = code(abi).ok_or(
        "there is a stub for x86_64 and aarch64 alone, so it cannot find its loader but by an absolute path",
    )?;
    let table = table.encode()?;
    Ok(Stub { abi, bytes: [code, &table].concat().into(), table: code.len() })
}

/// Gives a program that has a stub, at an absolute path without links, the interpreter that the stub finds from there: so it is
/// looked at as the process will be.
pub fn see_through(elf: &mut Elf, path: &[u8]) {
    let table = elf.stub.as_ref().and_then(|planted| Table::decode(&planted.table));
    if let Some(loader) = table.and_then(|table| table.loader_from(path)) {
        elf.interpreter = Some(loader);
    }
}
