//! What the fuzz targets share: an operation made of bytes, and a mutator that knows where an ELF file keeps its tables.

mod mutate;
mod operation;

use explant::elf::{Operation, Patch, patched_len};

pub use mutate::mutate;

/// So many bytes at the end of an input say what is to be done; the file lies before them.
const OPERATION: usize = 160;

/// The file of an input, and what is to be done to it.
pub fn divide(data: &[u8]) -> (&[u8], Operation) {
    let (file, choices) = data.split_at(data.len().saturating_sub(OPERATION));
    (file, operation::operation(file, choices))
}

pub fn apply(bytes: &[u8], patches: &[Patch]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(patched_len(bytes.len() as u64, patches) as usize, 0);
    for patch in patches {
        bytes[patch.at.0 as usize..patch.end().0 as usize].copy_from_slice(&patch.bytes);
    }
    bytes
}
