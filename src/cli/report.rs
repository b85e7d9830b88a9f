//! What every command tells in the same way.

use explant::plan::Finding;

use super::tell;

/// Prints findings to standard error.
pub fn findings(findings: &[Finding]) {
    for finding in findings {
        tell::note(shortened(finding));
    }
}

/// Subjects that are printed; `--json` has all.
const SUBJECTS: usize = 12;

fn shortened(finding: &Finding) -> Finding {
    let mut finding = finding.clone();
    let count = finding.subjects.len();
    if count > SUBJECTS {
        finding.subjects.truncate(SUBJECTS);
        finding.subjects.push(format!("and {} more (--json lists all)", count - SUBJECTS));
    }
    finding
}
