//! Whatever the bytes and the operation, it is refused or what comes of it is right, soon, and the file grows by no more than
//! the new strings and the tables that have to move give reason for.
#![no_main]

use explant::elf::verify::{unsound, verify};
use explant::elf::{Elf, patched, patched_len};
use explant_fuzz::divide;
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    explant_fuzz::mutate(data, size, max_size, seed)
});

/// Alignment and the section table come on top of what moves. More than the largest page that a linker lays out.
const OVERHEAD: u64 = 4 << 20;

/// What an edit may leave empty before what it adds (docs/design.md).
const LARGEST_HOLE: u64 = 256 << 20;

/// So that the fuzzer's memory suffices.
const LARGEST_VERIFIED: u64 = 16 << 20;

fuzz_target!(|data: &[u8]| {
    let (file, operation) = divide(data);
    let Ok(Some(elf)) = Elf::parse(file) else { return };
    let Ok(patches) = elf.operate(file, &operation) else { return };
    let (old, new) = (file.len() as u64, patched_len(file.len() as u64, &patches));
    let written: u64 = patches.iter().map(|patch| patch.bytes.len() as u64).sum();
    let fits = written <= 2 * old + OVERHEAD && new <= 2 * old + OVERHEAD + LARGEST_HOLE;
    assert!(fits, "{old} bytes have become {new}, {written} of them new: {operation:?}");
    if new > LARGEST_VERIFIED {
        return;
    }
    let edited = patched(file, &patches);
    let violations = verify(file, &edited, &operation);
    // Where tables lie over each other, an edit of one is an edit of the other.
    assert!(violations.is_empty() || !unsound(file).is_empty(), "{operation:?}: {violations:?}");
});
