//! What is strung together is read back by zlib-rs and libzstd, and its checksum (of the whole) is right.

use std::io::Read;

use flate2::read::GzDecoder;
use proptest::prelude::*;

use super::*;

/// What a stream is made of.
#[derive(Clone, Debug)]
enum Part {
    Written(Vec<u8>),
    Spliced(Vec<u8>),
}

fn part() -> impl Strategy<Value = Part> {
    // Few different bytes, and stretches that come again: blocks have all to refer to.
    let bytes = (prop::collection::vec(0..4_u8, 1..300), 1..1000_usize)
        .prop_map(|(stretch, times)| stretch.repeat(times));
    prop_oneof![bytes.clone().prop_map(Part::Written), bytes.prop_map(Part::Spliced)]
}

/// The parts, unpacked and packed; what is spliced is a piece of two windows.
fn strung(parts: &[Part], compression: Compression, threads: usize) -> (Vec<u8>, Vec<u8>) {
    let packer = Packer::start(compression, threads).unwrap().unwrap();
    let mut strung = Strung::new(Vec::new(), packer.clone()).unwrap();
    let mut all = Vec::new();
    for part in parts {
        match part {
            Part::Written(bytes) => strung.write_all(bytes).unwrap(),
            Part::Spliced(bytes) => {
                let (one, other) = bytes.split_at(bytes.len() / 3);
                let piece = vec![Arc::new(one.to_vec()), Arc::new(other.to_vec())];
                let promise = packer.pack(piece, 1).pop();
                strung.splice(one, None).unwrap();
                strung.splice(other, promise).unwrap();
            }
        }
        let (Part::Written(bytes) | Part::Spliced(bytes)) = part;
        all.extend_from_slice(bytes);
    }
    (all, strung.finish().unwrap())
}

/// Of a single frame or member.
fn unpacked(packed: &[u8], compression: Compression) -> Vec<u8> {
    let mut unpacked = Vec::new();
    if let Compression::Gzip(_) = compression {
        let mut decoder = GzDecoder::new(packed);
        decoder.read_to_end(&mut unpacked).unwrap();
        assert!(decoder.into_inner().is_empty(), "more than one member");
        return unpacked;
    }
    let mut decoder = zstd::Decoder::with_buffer(packed).unwrap().single_frame();
    decoder.read_to_end(&mut unpacked).unwrap();
    assert!(decoder.finish().is_empty(), "more than one frame");
    unpacked
}

#[test]
fn what_is_written_is_cut_into_pieces() {
    for compression in [Compression::Gzip(1), Compression::Zstd(1)] {
        let piece = Packer::start(compression, 1).unwrap().unwrap().piece_length();
        for size in [0, 1, FEWEST, piece, piece + 1, 3 * piece] {
            let bytes: Vec<u8> = (0..size).map(|i| (i / 7) as u8).collect();
            let (all, packed) = strung(&[Part::Written(bytes)], compression, 2);
            assert!(unpacked(&packed, compression) == all, "{compression} {size}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_is_spliced_is_one_stream_the_same_for_any_number_of_threads(
        parts in prop::collection::vec(part(), 0..6),
        compression in prop_oneof![
            (0..=9_u32).prop_map(Compression::Gzip),
            prop_oneof![Just(-5), 1..=frame::LAST_SMALL_LEVEL].prop_map(Compression::Zstd),
        ],
    ) {
        let (all, packed) = strung(&parts, compression, 2);
        prop_assert!(unpacked(&packed, compression) == all);
        prop_assert!(strung(&parts, compression, 1).1 == packed);
    }
}
