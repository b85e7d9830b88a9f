//! Whatever the bytes, an end in time and no panic.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::sample::Index;

use super::damage::Victim;
use super::images::IMAGES;
use super::run_path;
use crate::elf::Operation;
use crate::elf::verify::verify;

fn operations() -> impl Strategy<Value = Operation> {
    let names = || prop::collection::vec("(bye|greet|libgreet.so.1|x)", 0..2);
    let bytes = |names: Vec<String>| names.into_iter().map(String::into_bytes).collect::<Vec<_>>();
    (names(), names(), names(), any::<bool>()).prop_map(move |(removed, cleared, renamed, grows)| Operation {
        remove_needed: bytes(removed),
        clear_versions: bytes(cleared),
        rename_symbols: bytes(renamed).into_iter().map(|name| (name, b"y".to_vec())).collect(),
        grow_before_payload: grows,
        ..run_path("/x")
    })
}

/// Where a flip does most: headers, dynamic entries, what they lead to, section headers, anywhere.
fn place(victim: &Victim, area: u8, index: &Index) -> usize {
    let (file, dynamic) = (&victim.view.file, &victim.view.dynamic);
    let range = match area {
        0 => 0..0x200,
        1 => dynamic.place.clone(),
        2 => {
            let tables: Vec<_> = dynamic.entries.iter().filter_map(|entry| file.tail(entry.value)).collect();
            let table = &tables[index.index(tables.len())];
            table.start..(table.start + 0x40).min(table.end)
        }
        3 => file.section_table(),
        _ => 0..file.len(),
    };
    let range = range.start as usize..(range.end as usize).min(victim.bytes.len());
    range.start + index.index(range.len().max(1))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_pairs_end_in_time_and_without_a_panic(
        image in 0..IMAGES.len(),
        flips in prop::collection::vec((any::<Index>(), any::<u8>(), 0..5u8), 1..10),
        cut in prop::option::weighted(0.2, any::<Index>()),
        operation in operations(),
    ) {
        let original = &IMAGES[image].bytes;
        let mut victim = Victim::new(original);
        for (index, value, area) in &flips {
            let at = place(&victim, *area, index);
            victim.bytes[at] = *value;
        }
        if let Some(cut) = cut {
            victim.bytes.truncate(cut.index(original.len()));
        }
        let start = Instant::now();
        verify(original, &victim.bytes, &operation);
        verify(&victim.bytes, original, &operation);
        let same = verify(&victim.bytes, &victim.bytes, &Operation::default());
        prop_assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        prop_assert_eq!(same, []);
    }
}
