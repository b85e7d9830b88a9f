//! What the fuzz targets share: an operation made of bytes, and a mutator that knows where an ELF file keeps its tables.

mod mutate;
mod operation;

use explant::elf::Operation;

pub use mutate::mutate;

/// So many bytes at the end of an input say what is to be done; the file lies before them.
const OPERATION: usize = 160;

/// The file of an input, and what is to be done to it.
pub fn divide(data: &[u8]) -> (&[u8], Operation) {
    let (file, choices) = data.split_at(data.len().saturating_sub(OPERATION));
    (file, operation::operation(file, choices))
}
