use super::*;
use crate::elf::read::tests::system_files;

/// The rules of one file hold for the machine's own: so they are the rules that linkers keep.
#[test]
fn real_files_break_no_rule() {
    let mut checked = 0;
    for path in system_files().into_iter().step_by(5) {
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let Ok(view) = View::read(&bytes) else { continue };
        let mut report = Report::default();
        invariants(&view, true, &mut report);
        assert_eq!(report.0, [], "{}", path.display());
        assert_eq!(verify(&bytes, &bytes, &Operation::default()), [], "{}", path.display());
        checked += 1;
    }
    assert!(checked > 10, "{checked}");
}
