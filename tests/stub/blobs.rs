//! What is checked in is what the sources make.

use std::path::Path;
use std::process::Command;

#[test]
fn the_checked_in_stubs_are_those_that_their_source_makes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let made = tempfile::tempdir().unwrap();
    let status = Command::new(root.join("stub/build")).arg(made.path()).status().unwrap();
    assert!(status.success());
    for program in
        ["x86_64", "aarch64", "launcher-x86_64", "launcher-aarch64", "relocate-x86_64", "relocate-aarch64"]
    {
        let name = format!("{program}.bin");
        let (made, kept) = (made.path().join(&name), root.join("templates/stub").join(&name));
        let (made, kept) = (std::fs::read(made).unwrap(), std::fs::read(kept).unwrap());
        assert!(made == kept, "{name}: run `stub/build templates/stub`");
        assert!(made.len() < 4096, "{name}: {}", made.len());
    }
}
