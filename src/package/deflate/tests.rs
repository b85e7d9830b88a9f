//! What is strung together, read back by other inflaters: zlib-rs here, the system's in `tests::readers`.

use std::io::Read;

use flate2::read::DeflateDecoder;
use proptest::prelude::*;

use super::*;

fn inflated(stream: &[u8]) -> Vec<u8> {
    let mut decoder = DeflateDecoder::new(stream);
    let mut bytes = Vec::new();
    decoder.read_to_end(&mut bytes).unwrap();
    assert_eq!(decoder.total_in(), stream.len() as u64, "it ends before its end");
    bytes
}

/// The pieces, one behind the other, and the end.
fn strung(pieces: &[Vec<u8>], level: u32) -> Vec<u8> {
    let mut deflater = Deflater::new(level);
    let mut stream = Vec::new();
    pieces.iter().for_each(|piece| deflater.deflate(piece, &mut stream).unwrap());
    stream.extend(LAST_BLOCK);
    stream
}

/// Of all kinds: what becomes stored blocks, blocks of fixed codes and of codes of their own, one block and many.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let few = prop::collection::vec(any::<u8>(), 0..40);
    let noise = (1..70_000_usize, any::<u64>()).prop_map(|(length, seed)| noise_of(length, seed, 0xff));
    let letters = (1..70_000_usize, any::<u64>(), any::<u8>())
        .prop_map(|(length, seed, mask)| noise_of(length, seed, mask));
    let stretches = (prop::collection::vec(any::<u8>(), 1..300), 1..500_usize)
        .prop_map(|(stretch, times)| stretch.repeat(times));
    prop_oneof![
        few,
        noise,
        letters,
        stretches.clone(),
        (stretches, 1..40_000_usize, any::<u64>()).prop_map(|(mut bytes, length, seed)| {
            bytes.extend(noise_of(length, seed, 0x3f));
            bytes
        })
    ]
}

/// Bytes of the mask's bits alone.
fn noise_of(length: usize, seed: u64, mask: u8) -> Vec<u8> {
    let mut state = seed | 1;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8 & mask
    })
    .take(length)
    .collect()
}

#[test]
fn codes_of_every_kind_are_walked() {
    let mut deflater = Deflater::new(6);
    // By the type of the first block: stored, fixed, its own.
    for (piece, kind) in
        [(noise_of(3000, 1, 0xff), 0), (b"tell me, ".repeat(9), 1), (noise_of(90_000, 1, 0x1f), 2)]
    {
        let mut packed = Vec::new();
        deflater.deflate(&piece, &mut packed).unwrap();
        assert_eq!(packed[0] >> 1 & 3, kind);
        assert_eq!(packed[0] & 1, 0, "the mark is still there");
        assert!(inflated(&strung(&[piece.clone(), piece.clone()], 6)) == piece.repeat(2));
    }
}

#[test]
fn what_is_cut_or_no_deflate_is_told() {
    let piece = noise_of(90_000, 1, 0x1f);
    let mut stream = vec![0; 100_000];
    let length = Compressor::new(CompressionLvl::default()).deflate_compress(&piece, &mut stream).unwrap();
    stream.truncate(length);
    assert!(ends::find(&stream).is_some());
    for cut in [0, 1, 10, 100, length / 2, length - 1] {
        assert!(ends::find(&stream[..cut]).is_none(), "{cut}");
    }
    // The reserved kind of block.
    assert!(ends::find(&[0b111, 0, 0, 0]).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pieces_are_one_stream(pieces in prop::collection::vec(piece(), 0..5), level in 0..=9_u32) {
        prop_assert!(inflated(&strung(&pieces, level)) == pieces.concat());
    }

    /// Whatever the bytes: an answer, and no panic.
    #[test]
    fn any_bytes_are_walked(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Some(Ends { mark, end }) = ends::find(&bytes) {
            prop_assert!(mark < end && end <= 8 * bytes.len());
        }
    }
}
