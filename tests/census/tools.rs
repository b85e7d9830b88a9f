//! What other tools say of an edited file, and of what they make of it.

use std::fs;
use std::path::Path;
use std::process::Command;

use explant::elf::verify::{rule, verify};
use explant::elf::{Elf, Operation};

use crate::complaints::complaints;

/// What ld.so reads: the rules of verify that a rewriter of files has to keep, whatever it does with the rest.
const OF_LOADER: [&str; 8] = [
    rule::POINTERS,
    rule::INTERPRETER,
    rule::DYNAMIC,
    rule::STRINGS,
    rule::VERSIONS,
    rule::SYMBOLS,
    rule::LOOKUP,
    rule::RELOCATIONS,
];

/// Nothing new is said of the file, and strip and objcopy do it no harm that they do not do to the original.
pub fn question(arch: &str, original: &[u8], edited: &[u8]) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let path = folder.path().join("file");
    let write = |bytes: &[u8]| fs::write(&path, bytes).map_err(|e| e.to_string());
    write(original)?;
    let before = complaints(&tool_name(arch, "readelf"), &path).map_err(|e| e.to_string())?;
    write(edited)?;
    let after = complaints(&tool_name(arch, "readelf"), &path).map_err(|e| e.to_string())?;
    if let Some(line) = after.difference(&before).next() {
        return Err(line.clone());
    }
    for tool in ["strip", "objcopy"] {
        let harm = |bytes: &[u8]| -> Result<Option<String>, String> {
            write(bytes)?;
            let done = Command::new(tool_name(arch, tool)).arg(&path).output().map_err(|e| e.to_string())?;
            if !done.status.success() {
                return Ok(Some(String::from_utf8_lossy(&done.stderr).into_owned()));
            }
            Ok(loader_sees_other(bytes, &fs::read(&path).map_err(|e| e.to_string())?))
        };
        if let Some(harm_done) = harm(edited)?
            && harm(original)?.is_none()
        {
            return Err(format!("after {tool}: {harm_done}"));
        }
    }
    Ok(())
}

/// How the loader's view of two files differs.
fn loader_sees_other(before: &[u8], after: &[u8]) -> Option<String> {
    let view = |bytes: &[u8]| {
        let Ok(Some(elf)) = Elf::parse(bytes) else { return None };
        let strings: Vec<_> = elf.header_strings().map(|(field, string)| (field, string.to_vec())).collect();
        Some((elf.class, strings))
    };
    if view(before) != view(after) {
        return Some("the loader's strings differ".into());
    }
    let violations = verify(before, after, &Operation::default());
    violations
        .iter()
        .find(|violation| OF_LOADER.contains(&violation.rule))
        .map(|violation| violation.to_string())
}

/// binutils' own for a machine, if there is one, or this machine's, which knows most.
fn tool_name(arch: &str, name: &str) -> String {
    let triple = match arch {
        "arm64" => "aarch64-linux-gnu",
        "armhf" | "armel" => "arm-linux-gnueabihf",
        "ppc64el" => "powerpc64le-linux-gnu",
        "s390x" => "s390x-linux-gnu",
        "mipsel" | "mips64el" => "mips-linux-gnu",
        _ => return name.into(),
    };
    let own = format!("{triple}-{name}");
    if Path::new("/usr/bin").join(&own).exists() { own } else { name.into() }
}
