//! What is spliced is read back by libzstd, and its checksum (of the whole) is right.

use proptest::prelude::*;

use super::*;

/// What a frame is made of.
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

/// Each part as it stands in the archive: contents come behind a zero.
fn frame(parts: &[Part], level: i32, threads: usize) -> (Vec<u8>, Vec<u8>) {
    let (mut frame, mut blocks) =
        (Frame::new(Vec::new(), level, threads).unwrap(), Blocks::new(level, threads).unwrap());
    let mut all = Vec::new();
    for part in parts {
        match part {
            Part::Written(bytes) => frame.write_all(bytes).unwrap(),
            Part::Spliced(bytes) => {
                frame.write_all(&[0]).unwrap();
                all.push(0);
                let (stored, rest) = bytes.split_at(bytes.len() / 3);
                blocks.store(stored).unwrap();
                blocks.add(rest, stored.last().copied().unwrap_or(0)).unwrap();
                blocks.end().unwrap();
                frame.splice(bytes, &blocks.take()).unwrap();
            }
        }
        let (Part::Written(bytes) | Part::Spliced(bytes)) = part;
        all.extend_from_slice(bytes);
    }
    (all, frame.finish().unwrap())
}

fn unpacked(frame: &[u8]) -> Vec<u8> {
    let mut decoder = zstd::Decoder::with_buffer(frame).unwrap().single_frame();
    let mut unpacked = Vec::new();
    io::Read::read_to_end(&mut decoder, &mut unpacked).unwrap();
    assert!(decoder.finish().is_empty(), "more than one frame");
    unpacked
}

#[test]
fn nothing_at_all_is_a_frame_too() {
    let (all, frame) = frame(&[], 3, 1);
    assert_eq!(unpacked(&frame), all);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_is_spliced_is_one_frame_the_same_for_any_number_of_threads(
        parts in prop::collection::vec(part(), 0..6),
        level in prop_oneof![Just(-5), 1..=LAST_SMALL_LEVEL],
    ) {
        let (all, packed) = frame(&parts, level, 2);
        prop_assert!(unpacked(&packed) == all);
        prop_assert!(frame(&parts, level, 1).1 == packed);
    }
}
