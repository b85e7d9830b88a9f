//! A program of explant's own that starts another one of the bundle in its place: `stub/stub.c` with LAUNCHER, and the stub's table,
//! which names that program where a stub's has the loader.

use super::{Table, built};
use crate::elf::Abi;

const X86_64: &[u8] = include_bytes!("../../templates/stub/launcher-x86_64.bin");
const AARCH64: &[u8] = include_bytes!("../../templates/stub/launcher-aarch64.bin");

/// Where it is loaded: above the least address that may be mapped, at a multiple of every page size.
const ADDRESS: u64 = 0x40_0000;
/// aarch64 has pages of up to 64 KiB.
const PAGE: u64 = 0x1_0000;
/// The ELF header and two program headers; the code comes right behind.
const HEADERS: usize = 64 + 2 * 56;
const PT_LOAD: u32 = 1;
const PT_GNU_STACK: u32 = 0x6474_e551;
const READ: u32 = 4;
const WRITE: u32 = 2;
const EXECUTE: u32 = 1;
/// What the table of a launcher begins with, in place of [`crate::elf`]'s: it is no stub of another program.
const MAGIC: &[u8; 8] = b"expllr\0\x01";

/// The whole file of a launcher. `table.loader` is the program that it starts, with the table's arguments and environment.
///
/// Errors, a sentence without a full stop: there is none for such programs, or the table cannot say what it should.
pub fn launcher(abi: Abi, table: &Table) -> Result<Vec<u8>, String> {
    let code = built(abi, X86_64, AARCH64).ok_or("there is a launcher for x86_64 and aarch64 alone")?;
    let mut table = table.encode()?;
    let at = (HEADERS + code.len()) as u64;
    table[..8].copy_from_slice(MAGIC);
    table[8..16].copy_from_slice(&(ADDRESS + at).to_le_bytes());
    let size = at + table.len() as u64;
    let segment = |kind: u32, flags: u32, address: u64, size: u64, align: u64| {
        let fields = [0, address, address, size, size, align].map(u64::to_le_bytes).concat();
        [&kind.to_le_bytes()[..], &flags.to_le_bytes(), &fields].concat()
    };
    let load = segment(PT_LOAD, READ | EXECUTE, ADDRESS, size, PAGE);
    let stack = segment(PT_GNU_STACK, READ | WRITE, 0, 0, 16);
    Ok([header(abi.machine).as_slice(), &load, &stack, code, &table].concat())
}

/// An ELF header (elf(5)) of a fixed program without sections.
fn header(machine: u16) -> Vec<u8> {
    let ident = *b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0";
    let mut header = ident.to_vec();
    header.extend(2u16.to_le_bytes());
    header.extend(machine.to_le_bytes());
    header.extend(1u32.to_le_bytes());
    // Entry point, program headers, no section headers.
    header.extend([ADDRESS + HEADERS as u64, 64, 0].map(u64::to_le_bytes).concat());
    header.extend(0u32.to_le_bytes());
    // Sizes of the headers, and their numbers.
    header.extend([64, 56, 2, 64, 0, 0u16].map(u16::to_le_bytes).concat());
    header
}

/// The table of a launcher. `None`: the bytes are none.
pub fn launched(bytes: &[u8]) -> Option<Table> {
    let at = [X86_64, AARCH64].into_iter().find_map(|code| {
        let at = HEADERS + code.len();
        (bytes.get(HEADERS..at)? == code).then_some(at)
    })?;
    Table::decode(&bytes[at..])
}
