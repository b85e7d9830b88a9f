//! The edits that each file gets.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use explant::elf::{Elf, Operation, RunPath};

/// Another path of an interpreter, which is there in a world of edited files.
pub fn loader(interpreter: &[u8]) -> Vec<u8> {
    let name = interpreter.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    [b"/census/a/folder/with/a/name/that/is/longer/than/that/of/any/linker/", name].concat()
}

/// What a library is called besides, there.
pub fn alias(name: &[u8]) -> Vec<u8> {
    [b"census-a-name-that-does-not-fit-", name].concat()
}

/// Each with its name; those that a file has no field for are left out.
pub fn edits(elf: &Elf, path: &Path) -> Vec<(&'static str, Operation)> {
    let mut edits = vec![("longer run path", run_path(longer(elf), elf.rpath.is_none()))];
    if elf.run_path().is_some_and(|folders| folders.len() > 2) {
        edits.push(("shorter run path", run_path(b"/c".to_vec(), true)));
    }
    if let Some(interpreter) = &elf.interpreter {
        let interpreter = Some(loader(interpreter));
        edits.push(("longer interpreter", Operation { interpreter, ..Operation::default() }));
    }
    if let Some(name) = elf.needed.first() {
        let replace_needed = vec![(name.clone(), alias(name))];
        edits.push(("longer needed entry", Operation { replace_needed, ..Operation::default() }));
    }
    edits.push(("combination", combination(elf, path)));
    edits
}

fn run_path(folders: Vec<u8>, runpath: bool) -> Operation {
    Operation { run_path: Some(RunPath { folders, runpath }), ..Operation::default() }
}

/// The old one and more behind it, so that all that was found still is.
pub fn longer(elf: &Elf) -> Vec<u8> {
    let more: &[u8] = b"/census/one/more/folder:/census/and/another/one/that/is/not/there";
    match elf.run_path() {
        Some(folders) if !folders.is_empty() => [folders, b":", more].concat(),
        _ => more.to_vec(),
    }
}

/// Some of everything, by the hash of the path: the same in every run.
fn combination(elf: &Elf, path: &Path) -> Operation {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    let bits = hasher.finish();
    let has = |bit: u32| bits >> bit & 1 == 1;
    let text = |from: u32| vec![b'x'; (bits >> from & 0x7f) as usize + 1];
    Operation {
        soname: elf.soname.as_ref().filter(|_| has(0)).map(|_| text(8)),
        interpreter: elf.interpreter.as_ref().filter(|_| has(1)).map(|_| [b"/", &text(15)[..]].concat()),
        executable_stack: has(2).then_some(has(3)),
        run_path: has(4).then(|| RunPath { folders: text(22), runpath: has(5) }),
        remove_needed: elf.needed.last().filter(|_| has(6)).cloned().into_iter().collect(),
        replace_needed: elf
            .needed
            .first()
            .filter(|_| has(7))
            .map(|name| (name.clone(), text(29)))
            .into_iter()
            .collect(),
        add_needed: if has(36) { vec![text(37), b"libc.so.6".to_vec()] } else { Vec::new() },
        no_default_lib: has(44),
        debug_tag: has(45),
        ..Operation::default()
    }
}
