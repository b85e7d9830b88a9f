use super::*;
use crate::elf::RunPath;
use crate::elf::read::tests::system_files;

mod damage;
mod grown;
mod images;
mod lookup;
mod mutated;
mod requests;

use images::IMAGES;

fn run_path(folders: &str) -> Operation {
    let run_path = RunPath { folders: folders.into(), runpath: true };
    Operation { run_path: Some(run_path), ..Operation::default() }
}

/// The rules of one file hold for the machine's own: so they are the rules that linkers keep.
#[test]
fn real_files_break_no_rule() {
    let mut checked = 0;
    for path in system_files().into_iter().step_by(5) {
        let Ok(bytes) = std::fs::read(&path) else { continue };
        if File::read(&bytes).is_ok() {
            assert_eq!(unsound(&bytes), [], "{}", path.display());
            assert_eq!(verify(&bytes, &bytes, &Operation::default()), [], "{}", path.display());
            checked += 1;
        }
    }
    assert!(checked > 10, "{checked}");
}

#[test]
fn what_linkers_write_for_other_machines_breaks_no_rule() {
    for image in IMAGES.iter() {
        assert_eq!(unsound(&image.bytes), [], "{}", image.name);
        assert_eq!(verify(&image.bytes, &image.bytes, &Operation::default()), [], "{}", image.name);
    }
}
