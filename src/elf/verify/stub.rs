//! A stub that an operation has planted: all of it there, in a segment of its own, and the way from it to the program.

use super::pair::Pair;
use super::reader::Segment;
use super::segments::{load_name, page_size};
use super::{Report, rule};

const PF_R: u64 = 4;
const PF_X: u64 = 1;

/// Where the table has the addresses of itself and of the program's beginning (docs/design.md, "The stub").
const TABLE_ADDRESS: usize = 8;
const TABLE_ENTRY: usize = 16;

pub(super) fn check(pair: &Pair, report: &mut Report) {
    let Some(stub) = &pair.wanted.operation.stub else { return };
    let (before, after) = (&pair.before.file, &pair.after.file);
    let found = pair.planted.or_else(|| {
        // It was there before.
        let entry = after.header.entry();
        before.loads().find(|load| load.vaddr == entry && before.header.entry() == entry).copied()
    });
    let Some(segment) = found else {
        report.add(rule::REQUEST, "the stub", "is not there");
        return;
    };
    let bytes = after.slice(segment.file()).unwrap_or_default();
    let is_address = |at: usize| {
        at.checked_sub(stub.table).is_some_and(|at| (TABLE_ADDRESS..TABLE_ENTRY + 8).contains(&at))
    };
    let same = bytes.len() == stub.bytes.len()
        && bytes.iter().zip(&*stub.bytes).enumerate().all(|(at, (new, old))| new == old || is_address(at));
    report.check(same, rule::REQUEST, "the stub", "is not the one that was asked for");
    let starts = after.header.entry() == segment.vaddr;
    report.check(starts, rule::REQUEST, "the program", "does not begin with its stub");
    let number = |at| after.number(segment.offset + (stub.table + at) as u64, 8);
    let own = number(TABLE_ADDRESS) == Some(segment.vaddr + stub.table as u64);
    report.check(own, rule::REQUEST, "the stub", "does not know where it is");
    if pair.planted.is_some() {
        let leads = number(TABLE_ENTRY) == Some(before.header.entry());
        report.check(leads, rule::REQUEST, "the stub", "does not lead to the program");
        check_segment(pair, &segment, report);
    }
}

/// It comes after all else, an annex included.
fn check_segment(pair: &Pair, segment: &Segment, report: &mut Report) {
    let file = &pair.after.file;
    let page = page_size(file.header.machine());
    let name = load_name(segment);
    let plain = segment.flags == PF_R | PF_X && segment.filesz == segment.memsz;
    report.check(plain, rule::SEGMENTS, &name, "is not read-only code, all of it in the file");
    report.check(segment.align >= page, rule::ALIGNMENT, &name, format!("is not aligned to {page:#x}"));
    let others = || file.loads().filter(|load| *load != segment);
    let memory = others().map(|load| load.memory().end).fold(0, u64::max);
    let above =
        memory.checked_next_multiple_of(page).is_some_and(|end| end <= segment.vaddr - segment.vaddr % page);
    report.check(above, rule::SEGMENTS, &name, "is not above all others, on pages of its own");
    let behind =
        segment.offset >= pair.tail_start() && others().all(|load| load.file().end <= segment.offset);
    report.check(behind, rule::SEGMENTS, &name, "is not behind all that was in the file");
}
