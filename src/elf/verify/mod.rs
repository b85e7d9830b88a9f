//! Checks an edited file against the original: that it is what was asked for, and that nothing else became different.
//!
//! Nothing of the editor is used, so that what it gets wrong is not taken for right here. All that is read is bounded, and the
//! time is linear in the length of the files.
//!
//! There are two kinds of rules. Those of one file (a pointer leads into a segment, a hash table finds every symbol) real files break
//! themselves now and then, so what the original breaks, too, is no violation. Those of two files compare
//! them.

mod bytes;
mod dynamic;
mod hash;
mod pair;
mod pointers;
mod reader;
mod relocations;
mod request;
mod sections;
mod segments;
mod stub;
mod symbols;
mod versions;
mod view;
mod wanted;

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use super::{Operation, Patch};
use pair::Pair;
use reader::File;
use view::View;

/// What may be wrong. The numbers are stable; each is told where it is checked.
pub mod rule {
    pub const HEADER: &str = "I1-header";
    pub const SEGMENTS: &str = "I2-segments";
    pub const POINTERS: &str = "I3-pointers";
    pub const ALIGNMENT: &str = "I4-alignment";
    pub const PROGRAM_HEADERS: &str = "I5-program-headers";
    pub const INTERPRETER: &str = "I6-interpreter";
    pub const DYNAMIC: &str = "I7-dynamic";
    pub const STRINGS: &str = "I8-strings";
    pub const VERSIONS: &str = "I9-versions";
    pub const SYMBOLS: &str = "I10-symbols";
    pub const LOOKUP: &str = "I10-lookup";
    pub const RELOCATIONS: &str = "I11-relocations";
    pub const BYTES: &str = "I13-bytes";
    pub const SECTIONS: &str = "I14-sections";
    pub const GROWTH: &str = "I15-growth";
    /// What was asked for is not there, or what was not asked for is.
    pub const REQUEST: &str = "request";
}

/// One thing that is wrong with an edited file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Of [`rule`].
    pub rule: &'static str,
    pub message: String,
    /// What the rule is broken by; the original may break it by the same.
    subject: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.message)
    }
}

/// Gathers what is found.
#[derive(Default)]
struct Report(Vec<Violation>);

impl Report {
    /// The message is a sentence that begins with the subject.
    fn add(&mut self, rule: &'static str, subject: impl fmt::Display, what: impl fmt::Display) {
        let message = format!("{subject} {what}");
        self.0.push(Violation { rule, message, subject: subject.to_string() });
    }

    fn check(
        &mut self,
        holds: bool,
        rule: &'static str,
        subject: impl fmt::Display,
        what: impl fmt::Display,
    ) {
        if !holds {
            self.add(rule, subject, what);
        }
    }
}

/// A name in a message.
fn text(name: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(name)
}

/// What is wrong with `edited`, which is to be `original` after `operation`; empty if all is well.
pub fn verify(original: &[u8], edited: &[u8], operation: &Operation) -> Vec<Violation> {
    verify_known(original, edited, Vec::new(), operation)
}

/// The same where `edited` was made of `original` and nothing but these patches, as `payload::patched` makes it. Then what no patch
/// touches is the same without a look at it, which most of a large library is. All that patches touch is compared, and all rules
/// hold; nothing else is known of the patches than where they are.
pub fn verify_patched(
    original: &[u8],
    edited: &[u8],
    patches: &[Patch],
    operation: &Operation,
) -> Vec<Violation> {
    let patched = patches.iter().map(|patch| patch.at.0..patch.end().0);
    let unchanged = bytes::outside(0..original.len() as u64, patched);
    verify_known(original, edited, unchanged, operation)
}

/// `unchanged` are the places that are known to be the same in both, in order.
fn verify_known(
    original: &[u8],
    edited: &[u8],
    unchanged: Vec<Range<u64>>,
    operation: &Operation,
) -> Vec<Violation> {
    let mut report = Report::default();
    let (before, after) = match views(original, edited) {
        Ok(views) => views,
        Err(reason) => {
            // What cannot be read cannot be edited either.
            report.check(
                original == edited,
                rule::HEADER,
                "the file",
                format!("was changed, though {reason}"),
            );
            return report.0;
        }
    };
    let pair = Pair::new(&before, &after, unchanged, operation);
    let lookup = compare(&pair, &mut report);
    let mut broken = Report::default();
    invariants(&after, lookup, &mut broken);
    if !broken.0.is_empty() {
        let mut already = Report::default();
        invariants(&before, lookup, &mut already);
        let already: HashSet<_> = already.0.into_iter().map(|it| (it.rule, it.subject)).collect();
        broken.0.retain(|it| !already.contains(&(it.rule, it.subject.clone())));
    }
    report.0.append(&mut broken.0);
    report.0
}

/// What is wrong with a file by itself, whoever made it. An edit of such a file may be refused, or may give what [`verify`] calls
/// wrong: nobody can change one of two tables that lie over each other.
pub fn unsound(bytes: &[u8]) -> Vec<Violation> {
    let mut report = Report::default();
    match File::read(bytes) {
        Ok(file) => invariants(&View::new(file), true, &mut report),
        Err(reason) => report.add(rule::HEADER, "the file", reason),
    }
    report.0
}

/// Both files. What was no section table is none, whatever lies by now where it says that its sections are.
fn views<'a>(original: &'a [u8], edited: &'a [u8]) -> Result<(View<'a>, View<'a>), &'static str> {
    let (before, mut after) = (File::read(original)?, File::read(edited)?);
    if before.sections.is_empty() {
        after.forget_sections();
    }
    Ok((View::new(before), View::new(after)))
}

/// The rules of two files. Tells whether symbols may be found otherwise than before.
fn compare(pair: &Pair, report: &mut Report) -> bool {
    segments::compare(pair, report);
    sections::compare(pair, report);
    request::check(pair, report);
    bytes::compare(pair, report);
    let names_stayed = symbols::compare(pair, report);
    !(names_stayed && hash::are_same(pair))
}

/// The rules of one file. Whether the hash tables are right takes the longest.
fn invariants(view: &View, lookup: bool, report: &mut Report) {
    segments::check(view, report);
    sections::check(view, report);
    pointers::check(view, report);
    if lookup {
        hash::check(view, report);
    }
}

#[cfg(test)]
mod tests;
