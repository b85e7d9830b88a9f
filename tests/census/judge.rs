//! All that is asked about one file.

use explant::elf::verify::verify;
use explant::elf::{Elf, Operation, patched};

use crate::corpus::{Entry, kind};
use crate::edits::edits;
use crate::report::{Outcome, Verdict};
use crate::tools;

/// Above that, the tools that read all of a file are too slow for every one.
const TOOLS_UP_TO: usize = 16 << 20;

pub fn judge(file: &Entry) -> Vec<Outcome> {
    let outcome = |kind: &str, edit: &str, verdict| Outcome {
        arch: file.arch.clone(),
        kind: kind.to_owned(),
        edit: edit.to_owned(),
        path: file.inner().display().to_string(),
        verdict,
    };
    let bytes = match file.map() {
        Ok(bytes) => bytes,
        Err(e) => return vec![outcome("?", "read", Verdict::Failed(e.to_string()))],
    };
    let elf = match Elf::parse(&bytes) {
        Ok(Some(elf)) => elf,
        other => return vec![outcome("?", "read", Verdict::Failed(format!("{other:?}")))],
    };
    let kind = kind(&elf);
    let mut outcomes = Vec::new();
    let mut last = None;
    for (name, operation) in edits(&elf, &file.path) {
        let (verdict, edited) = attempt(&elf, &bytes, &operation);
        outcomes.push(outcome(kind, name, verdict));
        // The last one that was carried out: a combination, or what is left of it.
        last = edited.or(last);
    }
    if let Some(edited) = last.filter(|_| bytes.len() <= TOOLS_UP_TO) {
        let verdict = match tools::question(&file.arch, &bytes, &edited) {
            Ok(()) => Verdict::Fine,
            Err(error) => Verdict::Failed(error),
        };
        outcomes.push(outcome(kind, "tools", verdict));
    }
    outcomes
}

fn attempt(elf: &Elf, bytes: &[u8], operation: &Operation) -> (Verdict, Option<Vec<u8>>) {
    let patches = match elf.operate(bytes, operation) {
        Ok(patches) => patches,
        Err(refusal) => return (Verdict::Refused(refusal.to_string()), None),
    };
    let edited = patched(bytes, &patches);
    let violations = verify(bytes, &edited, operation);
    if !violations.is_empty() {
        let violations: Vec<_> = violations.iter().take(4).map(ToString::to_string).collect();
        return (Verdict::Failed(violations.join("; ")), None);
    }
    match Elf::parse(&edited).map(|elf| elf.map(|elf| elf.operate(&edited, operation))) {
        // Needed entries are added again each time.
        Ok(Some(Ok(again))) if again.is_empty() || !operation.add_needed.is_empty() => {}
        other => return (Verdict::Failed(format!("a second time: {other:?}")), None),
    }
    let verdict = if edited.len() == bytes.len() { Verdict::InPlace } else { Verdict::Grown };
    (verdict, Some(edited))
}
