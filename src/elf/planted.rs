//! A program's stub, as the surgeon plants it and as it is known again. What its table says is [`crate::stub`]'s matter.
//!
//! The table lies behind the code, in the same segment: a magic number, its own address, the address at which the program itself
//! begins, and its length. The rest of it is not looked at here.

use goblin::elf::header::Header;
use goblin::elf::program_header::{PF_X, PT_LOAD, ProgramHeader};

use super::Abi;
use super::image::Image;

/// What a table begins with; the last byte is the format's number.
pub const MAGIC: &[u8; 8] = b"explsb\0\x01";
/// Bytes of the table's fixed part: the magic number, two addresses of 8 bytes, the length in 4, and 4 that are the reader's.
pub const HEADER: usize = 32;
const ADDRESS: usize = 8;
const ENTRY: usize = 16;
const SIZE: usize = 24;
/// The table is searched for in so many bytes, a library of 100 MB that begins at address 0 is not: code is under 4 KiB.
const CODE: usize = 4 << 10;

/// Code that a program is to begin with, and its table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stub {
    /// What the code is made for.
    pub abi: Abi,
    /// The code and the table, whose two addresses are filled in when it is planted.
    pub bytes: std::sync::Arc<[u8]>,
    /// Where in them the table begins.
    pub table: usize,
}

/// A stub that a program has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planted {
    /// Its table.
    pub table: Vec<u8>,
    /// The address at which the program itself begins.
    pub entry: u64,
}

impl Stub {
    /// Its bytes at an address, for a program that begins at `entry`.
    pub(super) fn at(&self, address: u64, entry: u64) -> Vec<u8> {
        let mut bytes = self.bytes.to_vec();
        let table = address.wrapping_add(self.table as u64);
        for (at, value) in [(ADDRESS, table), (ENTRY, entry)] {
            if let Some(field) = bytes.get_mut(self.table + at..self.table + at + 8) {
                field.copy_from_slice(&value.to_le_bytes());
            }
        }
        bytes
    }
}

/// The stub that a program begins with: its table's own address tells it from what only looks like one.
pub(super) fn find(image: &Image, header: &Header) -> Option<Planted> {
    let size = ProgramHeader::size(image.ctx) as u64;
    let segment = |index: u64| image.read::<ProgramHeader>(header.e_phoff.checked_add(index * size)?);
    let holds_entry = |it: &ProgramHeader| {
        it.p_type == PT_LOAD
            && it.p_flags & PF_X != 0
            && header.e_entry.checked_sub(it.p_vaddr).is_some_and(|into| into < it.p_filesz)
    };
    let segment = (0..u64::from(header.e_phnum)).filter_map(segment).find(holds_entry)?;
    // It is the first thing of its segment.
    if segment.p_vaddr != header.e_entry {
        return None;
    }
    let bytes = image.slice(segment.p_offset, segment.p_filesz)?;
    let number = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    for at in memchr::memmem::find_iter(&bytes[..bytes.len().min(CODE + MAGIC.len())], MAGIC) {
        if number(at + ADDRESS) != Some(segment.p_vaddr.wrapping_add(at as u64)) {
            continue;
        }
        let len = u32::from_le_bytes(bytes.get(at + SIZE..at + SIZE + 4)?.try_into().ok()?) as usize;
        let table = bytes.get(at..at.checked_add(len)?).filter(|table| table.len() >= HEADER)?;
        return Some(Planted { table: table.to_vec(), entry: number(at + ENTRY)? });
    }
    None
}
