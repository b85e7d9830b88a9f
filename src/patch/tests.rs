//! Damaged files, of which there is no end.

use std::fs;
use std::process::Command;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use print::Field;

/// A small library, with section headers.
static LIBRARY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("l.c"), "int greet(void) { return 46; }").unwrap();
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-Wl,-rpath,/a/folder", "l.c", "-o", "l.so"]).current_dir(folder.path());
    assert!(cc.status().unwrap().success());
    fs::read(at("l.so")).unwrap()
});

fn everything(dialect: Dialect) -> Request {
    let mut request = Request::new(dialect);
    request.print = vec![
        Field::Interpreter,
        Field::OsAbi,
        Field::Soname,
        Field::RunPath,
        Field::ExecutableStack,
        Field::Needed,
    ];
    request.json = true;
    request.run_path = Some(run_path::Verb::Set(b"/another/folder/with/a/longer/name".to_vec()));
    request.resolution_cache = true;
    request.operation.rename_symbols = vec![(b"greet".to_vec(), b"meet".to_vec())];
    request.operation.soname = Some(b"l.so".to_vec());
    request
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    /// The header, the program headers, the section headers and whatever lies between.
    #[test]
    fn damaged_files_end_without_a_panic(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4u8), 1..8),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
        is_patchelf in any::<bool>(),
    ) {
        let mut bytes = LIBRARY.clone();
        let len = bytes.len();
        for (index, value, area) in &flips {
            let at = match area {
                0 => index.index(64),
                1 => index.index(0x400),
                2 => len - 1 - index.index(2000),
                _ => index.index(len),
            };
            bytes[at] = *value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(len));
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), &bytes).unwrap();
        let dialect = if is_patchelf { Dialect::Patchelf } else { Dialect::Explant };
        let outcome = everything(dialect).carry_out(file.path());
        if let Some(failure) = &outcome.failure {
            prop_assert!(!failure.patchelf_words(file.path()).is_empty());
            prop_assert!(!failure.error(file.path()).to_string().is_empty());
            prop_assert!(fs::read(file.path()).unwrap() == bytes);
        }
        malformed::unnamed_section(&bytes);
    }
}
