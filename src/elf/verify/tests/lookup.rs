//! Hash tables of machines that no linker is there for, written over an image's code.

use goblin::elf::dynamic::DT_HASH;

use super::damage::Victim;
use super::images::IMAGES;
use super::unsound;
use crate::elf::verify::dynamic::DT_MIPS_XHASH;
use crate::elf::verify::hash::{gnu, sysv};
use crate::elf::verify::rule::LOOKUP;

const EM_S390: u64 = 22;

/// A library of 64 bits, big-endian, with room for a table, and where that is: offset and address.
fn library(target: &str) -> Option<(Victim<'static>, u64, u64)> {
    let image = IMAGES.iter().find(|image| image.name == format!("{target} libgreet.so.1"))?;
    let victim = Victim::new(&image.bytes);
    let text = victim.section(".text")?;
    let [address, offset, size] = victim.view.file.fields(text + 16, [8; 3])?;
    assert!(size >= 160, "{size}");
    Some((victim, offset, address))
}

fn lost(victim: &Victim) -> Vec<String> {
    let violations = unsound(&victim.bytes).into_iter().filter(|it| it.rule == LOOKUP);
    violations.map(|it| it.message).collect()
}

#[test]
fn hash_tables_of_s390x_have_words_of_64_bits() {
    let Some((mut victim, at, address)) = library("powerpc64-linux-gnu") else { return };
    let count = victim.view.symbols.count;
    // One bucket, and one chain through all symbols.
    let chain = (1..count).map(|symbol| (symbol + 1) % count);
    let words = [1, count, 1, 0].into_iter().chain(chain);
    let last = words.zip(0..).map(|(word, index)| victim.set(at + 8 * index, 8, word)).last().unwrap();
    last.unwrap();
    victim.set_value(DT_HASH, address).unwrap();
    assert!(!lost(&victim).is_empty(), "as PowerPC's it is nonsense");
    victim.set(18, 2, EM_S390).unwrap();
    assert_eq!(lost(&victim), [""; 0]);
    victim.set(at + 8 * (3 + count - 2), 8, 0).unwrap();
    assert_eq!(lost(&victim).len(), 1);
}

#[test]
fn mips_has_a_hash_table_with_an_order_of_its_own() {
    let Some((mut victim, at, address)) = library("mips64-linux-gnuabi64") else { return };
    let view = &victim.view;
    let defined = |index: &u64| view.symbol(*index).is_some_and(|symbol| symbol.is_definition());
    let symbols: Vec<_> = (0..view.symbols.count).filter(defined).collect();
    let hashes: Vec<_> = symbols.iter().map(|symbol| gnu(view.name(*symbol).unwrap())).collect();
    let first = view.symbols.count - symbols.len() as u64;
    let last = symbols.len() - 1;
    // One bucket; a bloom filter that lets all through; the chain, and whose it is.
    let mut words = vec![1, first, 1, 6, u32::MAX.into(), u32::MAX.into(), first];
    words.extend(hashes.iter().enumerate().map(|(index, hash)| hash & !1 | u64::from(index == last)));
    words.extend(symbols.iter().rev());
    let xlat = at + 4 * (words.len() - symbols.len()) as u64;
    for (word, index) in words.into_iter().zip(0..) {
        victim.set(at + 4 * index, 4, word).unwrap();
    }
    victim.set_value(DT_HASH, address).unwrap();
    victim.set_word(victim.entry(DT_HASH).unwrap(), DT_MIPS_XHASH).unwrap();
    assert!(!lost(&victim).is_empty(), "the order is wrong");
    for (symbol, index) in symbols.iter().zip(0..) {
        victim.set(xlat + 4 * index, 4, *symbol).unwrap();
    }
    assert_eq!(lost(&victim), [""; 0]);
}

#[test]
fn hashes_are_those_of_the_specifications() {
    // The gABI's own example does not tell; these are what glibc and binutils say.
    assert_eq!((sysv(b""), sysv(b"printf"), sysv(b"exit")), (0, 0x0779_05a6, 0x0006_cf04));
    assert_eq!((gnu(b""), gnu(b"printf"), gnu(b"exit")), (0x1505, 0x156b_2bb8, 0x7c96_7e3f));
    assert_eq!(sysv(b"GLIBC_2.2.5"), 0x0969_1a75);
}
