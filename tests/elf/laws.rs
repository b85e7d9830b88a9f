//! What holds for edits themselves, whatever the file.

use explant::elf::{Operation, RunPath, patched};
use goblin::elf::program_header::PT_LOAD;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestCaseError;

use crate::build::{Built, PAYLOAD, program_headers};
use crate::edit::{reversible, step};
use crate::layout::{Layout, pool};
use crate::model::{Fields, Model, parse};
use crate::random::cases;
use crate::target::Target;
use crate::witness::symbols;

fn operate(bytes: &[u8], operation: &Operation) -> Vec<u8> {
    let patches = parse(bytes).operate(bytes, operation);
    patched(bytes, &patches.unwrap_or_else(|refusal| panic!("{refusal}")))
}

fn loads(bytes: &[u8]) -> usize {
    program_headers(bytes).iter().filter(|segment| segment.p_type == PT_LOAD).count()
}

/// What an operation asks for up to one of its fields, and the rest.
fn split(operation: &Operation, at: usize) -> (Operation, Operation) {
    let (mut first, mut rest) = (operation.clone(), operation.clone());
    let none = Operation { grow_before_payload: true, ..Operation::default() };
    macro_rules! divide {
        ($($field:ident),*) => {{
            let mut index = 0;
            $(
                let empty = if index < at { &mut rest } else { &mut first };
                empty.$field = none.$field.clone();
                index += 1;
            )*
            let _ = index;
        }};
    }
    divide!(
        os_abi,
        soname,
        interpreter,
        executable_stack,
        remove_run_path,
        run_path,
        remove_needed,
        replace_needed,
        add_needed,
        clear_versions,
        no_default_lib,
        debug_tag,
        rename_symbols
    );
    (first, rest)
}

/// Whether two files mean the same to ld.so. The order of symbols means nothing.
fn same_meaning(target: Target, one: &[u8], other: &[u8]) -> Result<(), TestCaseError> {
    prop_assert_eq!(Fields::of(one), Fields::of(other));
    prop_assert_eq!(parse(one).versions_needed, parse(other).versions_needed);
    prop_assert_eq!(symbols(target, one), symbols(target, other));
    Ok(())
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn two_operations_are_as_both_in_one(layout in select(pool(Target::all())), edits in step(reversible()), at in 1..14usize) {
        let built = Built::of(&layout);
        let folder = tempfile::tempdir().unwrap();
        let operations = Model::of(&built).step(&edits, folder.path());
        for (bytes, operation) in [(&built.program, operations.0), (&built.library, operations.1)] {
            let (first, rest) = split(&operation, at);
            let divided = operate(&operate(bytes, &first), &rest);
            let at_once = operate(bytes, &operation);
            same_meaning(layout.target, &at_once, &divided)?;
            prop_assert!(divided == at_once, "other bytes ({} and {}) for {:?} then {:?} on {:?}", divided.len(), at_once.len(), first, rest, layout);
        }
    }

    #[test]
    fn the_reverse_edit_brings_the_meaning_back(layout in select(pool(Target::all())), edits in step(reversible())) {
        // Nobody can tell how many symbols a program without sections has that exports none, once its strings have moved: its
        // symbols are renamed once, and not back.
        prop_assume!(layout.sections);
        let built = Built::of(&layout);
        let folder = tempfile::tempdir().unwrap();
        let operations = Model::of(&built).step(&edits, folder.path());
        for (bytes, operation) in [(&built.program, operations.0), (&built.library, operations.1)] {
            let edited = operate(bytes, &operation);
            let before = parse(bytes);
            let back = |pairs: &[(Vec<u8>, Vec<u8>)]| pairs.iter().map(|(old, new)| (new.clone(), old.clone())).collect();
            let folders = |folders: &Option<Vec<u8>>, runpath| folders.clone().map(|folders| RunPath { folders, runpath });
            let reverse = Operation {
                soname: before.soname.clone(),
                interpreter: before.interpreter.clone(),
                run_path: folders(&before.runpath, true).or(folders(&before.rpath, false)),
                remove_needed: operation.add_needed.clone(),
                replace_needed: back(&operation.replace_needed),
                rename_symbols: back(&operation.rename_symbols),
                grow_before_payload: true,
                ..Operation::default()
            };
            same_meaning(layout.target, bytes, &operate(&edited, &reverse))?;
        }
    }
}

proptest! {
    #![proptest_config(cases(12))]

    #[test]
    fn many_edits_add_one_segment(layout in select(pool(Target::all()))) {
        let built = Built::of(&layout);
        for bytes in [&built.program, &built.library] {
            let (mut edited, mut lens) = (bytes.clone(), Vec::new());
            for round in 0..200usize {
                let folders = format!("/folder/{}", "x".repeat(round * 37 % 300)).into_bytes();
                let operation = Operation {
                    soname: parse(bytes).soname.map(|_| format!("lib{}.so", "y".repeat(round * 53 % 200)).into()),
                    run_path: Some(RunPath { folders, runpath: round % 2 == 0 }),
                    executable_stack: Some(round % 3 == 0),
                    grow_before_payload: true,
                    ..Operation::default()
                };
                edited = operate(&edited, &operation);
                lens.push(edited.len());
            }
            prop_assert!(loads(&edited) <= loads(bytes) + 1, "{} segments more: {:?}", loads(&edited) - loads(bytes), layout);
            // The longest strings are there after the first hundred rounds.
            prop_assert_eq!(lens[199], lens[100], "{:?}: {:?}", layout, lens);
        }
    }
}

#[test]
fn a_payload_stays_where_it_is() {
    let built = Built::of(&Layout { payload: true, ..Layout::plain() });
    let bytes = &built.program;
    let long = |grow_before_payload| Operation {
        run_path: Some(RunPath { folders: vec![b'/'; 500], runpath: true }),
        grow_before_payload,
        ..Operation::default()
    };
    assert!(parse(bytes).operate(bytes, &long(false)).is_err(), "found from the end, it would be lost");
    let edited = operate(bytes, &long(true));
    let at = bytes.len() - PAYLOAD.len();
    assert_eq!(&edited[at..bytes.len()], PAYLOAD);
    let short = Operation {
        run_path: Some(RunPath { folders: b"/short".to_vec(), runpath: true }),
        ..Operation::default()
    };
    let edited = operate(bytes, &short);
    assert!(edited.len() == bytes.len() && edited.ends_with(PAYLOAD), "an edit in place does not touch it");
}
