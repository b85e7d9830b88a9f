//! Byte by byte: what no operation has any business with is what it was.

use std::ops::Range;

use super::pair::Pair;
use super::pointers::STRINGS;
use super::reader::{File, PT_DYNAMIC, PT_INTERP, PT_LOAD, PT_PHDR, SHT_NULL, SHT_SYMTAB, Section};
use super::{Report, hash, relocations, rule};

/// Slices of this length are compared before one looks for single bytes.
const BLOCK: usize = 4096;

pub(super) fn compare(pair: &Pair, report: &mut Report) {
    let (before, after) = (&pair.before.file, &pair.after.file);
    let sections = if before.sections.is_empty() { 0..0 } else { before.section_table() };
    let tables = [0..16 + 3 * before.word_size() + 24, before.segment_table(), sections];
    let strings = if pair.wanted.is_anything() { retired(pair) } else { Vec::new() };
    // The tables of headers are compared field by field.
    let table = Some(after.segment_table()).filter(|_| pair.has_grown());
    let writable = tables.into_iter().chain(table).chain(strings.iter().cloned()).chain(rewritten(pair));
    for range in pair.to_compare(0..before.len().min(after.len()), writable) {
        compare_range(pair, range, report);
    }
    compare_retired(pair, &strings, report);
    compare_length(pair, report);
}

fn compare_range(pair: &Pair, range: Range<u64>, report: &mut Report) {
    let (Some(old), Some(new)) =
        (pair.before.file.slice(range.clone()), pair.after.file.slice(range.clone()))
    else {
        return;
    };
    if let Some(at) = differences(old, new).next() {
        let at = range.start + at as u64;
        let place = place_name(&pair.before.file, at);
        report.add(rule::BYTES, format!("byte {at:#x} of the file{place}"), "changed, without need");
    }
}

/// The places where two slices of one length differ.
fn differences<'b>(old: &'b [u8], new: &'b [u8]) -> impl Iterator<Item = usize> + 'b {
    // Most are the same, and memcmp knows that soonest.
    let same = old == new;
    let blocks = old.chunks(BLOCK).zip(new.chunks(BLOCK)).enumerate().filter(move |_| !same);
    blocks.filter(|(_, (old, new))| old != new).flat_map(|(index, (old, new))| {
        let bytes = old.iter().zip(new).enumerate().filter(|(_, (old, new))| old != new);
        bytes.map(move |(at, _)| index * BLOCK + at)
    })
}

/// Sorted and apart from each other.
fn merge(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// What of a range lies in none of the others.
pub(super) fn outside(whole: Range<u64>, others: impl Iterator<Item = Range<u64>>) -> Vec<Range<u64>> {
    let others = merge(others.collect());
    let starts = [whole.start].into_iter().chain(others.iter().map(|range| range.end));
    let ends = others.iter().map(|range| range.start).chain([whole.end]);
    let gaps = starts.zip(ends).map(|(start, end)| start.max(whole.start)..end.min(whole.end));
    gaps.filter(|gap| gap.start < gap.end).collect()
}

fn place_name(file: &File, at: u64) -> String {
    let names = file.section_names();
    let section = file
        .sections
        .iter()
        .filter(|section| section.kind != SHT_NULL)
        .find(|section| section.file().contains(&at));
    let name = section.and_then(|section| names.get(section.name));
    name.map_or_else(String::new, |name| format!(" ({})", super::text(name)))
}

/// What holds strings and dynamic entries, and the note about libraries: there, bytes that nothing reads any more are wiped.
fn retired(pair: &Pair) -> Vec<Range<u64>> {
    let (before, dynamic) = (&pair.before.file, &pair.before.dynamic);
    let entries = before.dynamic().into_iter().map(|segment| segment.file());
    let moves = pair.wanted.operation.interpreter.is_some() || pair.has_grown();
    let path = before.first(PT_INTERP).filter(|_| moves);
    let mut places = vec![dynamic.place.clone(), dynamic.string_place.clone()];
    places.extend(entries.chain(path.map(|segment| segment.file())));
    // One that stays has a rule of its own.
    let notes = before.segments.iter().filter(|segment| before.is_cache(segment));
    places.extend(notes.map(|segment| segment.file()));
    merge(places)
}

/// What is compared as what it means.
fn rewritten(pair: &Pair) -> Vec<Range<u64>> {
    let (view, wanted) = (pair.before, &pair.wanted);
    let symbols = |at: u64, table: &[u8]| at..at + table.len() as u64;
    let versions = view.versions.symbols.zip(view.version_table()).map(|(at, table)| symbols(at, table));
    let mut places = Vec::new();
    // Strings of the annex are sorted anew where it grows, and what names them follows.
    let names_move = pair.old_annex.is_some();
    if wanted.clears_versions() || wanted.replaces_needed() || names_move {
        places.push(view.versions.needs_place.clone());
    }
    if wanted.clears_versions() || wanted.renames_symbols() {
        places.extend(versions);
    }
    if wanted.renames_symbols() || names_move {
        places.push(symbols(view.symbols.at, view.symbol_table()));
    }
    if wanted.renames_symbols() {
        places.extend(hash::places(view));
        places.extend(relocations::tables(&view.file, &view.dynamic).into_iter().map(|table| table.place));
    }
    if pair.has_grown() {
        places.extend(pair.tail());
        places.extend(table_room(pair));
        places.extend(followers(pair));
    }
    places
}

/// What a program header table may grow into besides PT_INTERP's string, which goes elsewhere: NULs that no section has.
fn table_room(pair: &Pair) -> Vec<Range<u64>> {
    let file = &pair.before.file;
    let (old, new) = (file.segment_table(), pair.after.file.segment_table());
    if old.start != new.start || file.sections.is_empty() {
        return Vec::new();
    }
    let segments = file.segments.iter().filter(|segment| !matches!(segment.kind, PT_LOAD | PT_PHDR));
    let sections = file.sections.iter().map(|section| section.file());
    let gaps = outside(old.end..new.end, segments.map(|segment| segment.file()).chain(sections));
    let is_empty =
        |gap: &Range<u64>| file.slice(gap.clone()).is_some_and(|bytes| first_content(bytes).is_none());
    gaps.into_iter().filter(is_empty).collect()
}

/// Value and size of symbols that follow a section to its new place, in the table for debuggers and in ld.so's.
fn followers(pair: &Pair) -> Vec<Range<u64>> {
    let (before, after) = (&pair.before.file, &pair.after.file);
    let word = before.word_size();
    // st_value, which st_size follows, and st_shndx, by the gABI's "Symbol Table".
    let (entry, value_at, index_at) = if word == 8 { (24, 8, 6) } else { (16, 4, 14) };
    // There is but one of each (gABI, "Sections").
    let debug = before.sections.iter().find(|section| section.kind == SHT_SYMTAB);
    let tables = debug.into_iter().chain(pair.before.symbol_section()).map(Section::file);
    let follows = |at: &u64| {
        let fields = |file: &File| file.fields(at + value_at, [word, word]);
        let Some((section, [value, size])) = before.number(at + index_at, 2).zip(fields(before)) else {
            return false;
        };
        let (value, size) = pair.follow(section, value, size);
        fields(after) == Some([value, size])
    };
    let symbols = tables.flat_map(|table| table.step_by(entry)).filter(follows);
    symbols.map(|at| at + value_at..at + value_at + 2 * word).collect()
}

/// A byte of a string table that changed is one of a string that is read, or is wiped.
fn compare_retired(pair: &Pair, places: &[Range<u64>], report: &mut Report) {
    let (before, after) = (&pair.before.file, &pair.after.file);
    let live = merge(live(pair));
    let is_live = |at: u64| {
        let next = live.partition_point(|range| range.start <= at);
        next > 0 && at < live[next - 1].end
    };
    for place in places {
        if pair.was_in_annex(place.start) {
            continue;
        }
        let (Some(old), Some(new)) = (before.slice(place.clone()), after.slice(place.clone())) else {
            continue;
        };
        let is_wiped = |byte| byte == 0 || byte == pair.wanted.operation.fill;
        let stray =
            differences(old, new).find(|at| !is_wiped(new[*at]) && !is_live(place.start + *at as u64));
        if let Some(at) = stray {
            let at = place.start + at as u64;
            let name = place_name(before, at);
            report.add(
                rule::BYTES,
                format!("byte {at:#x} of the file{name}"),
                "changed, and nothing reads it",
            );
        }
    }
}

/// What is read of the places where strings and dynamic entries are, as far as it may be new there.
fn live(pair: &Pair) -> Vec<Range<u64>> {
    let (view, file, dynamic) = (pair.after, &pair.after.file, &pair.after.dynamic);
    let headers = file.segments.iter().filter(|segment| matches!(segment.kind, PT_DYNAMIC | PT_INTERP));
    let mut live: Vec<_> = headers.map(|segment| segment.file()).chain([file.segment_table()]).collect();
    let named = STRINGS.iter().flat_map(|(_, tag)| dynamic.all(*tag));
    let needs = view.versions.needs.iter();
    let versions =
        needs.flat_map(|need| need.versions.iter().map(|version| version.name_at).chain([need.file_at]));
    let renamed = if pair.wanted.renames_symbols() { view.symbols.count } else { 0 };
    let symbols = (0..renamed).filter_map(|index| view.symbol(index)).map(|symbol| symbol.name);
    let start = dynamic.string_place.start;
    let strings = named.chain(versions).chain(symbols).filter_map(|at| {
        let len = dynamic.strings.get(at)?.len() as u64;
        Some(start + at..start + at + len)
    });
    live.extend(strings);
    live
}

/// Only an added segment makes a file longer, and what lies between is NULs.
fn compare_length(pair: &Pair, report: &mut Report) {
    let (before, after) = (&pair.before.file, &pair.after.file);
    let (old, new) = (before.len(), after.len());
    let payload = pair.payload();
    let end = payload.last().map_or(0, |payload| payload.end);
    let fits = if pair.has_grown() { new >= end } else { new == old };
    report.check(fits, rule::GROWTH, "the file", format!("had {old} bytes, and has {new}"));
    let stays = end < old || end == 0 || new <= old;
    let allowed = stays || pair.wanted.operation.grow_before_payload;
    report.check(allowed, rule::GROWTH, "what lies behind the ELF image", "is no longer at the end");
    let annexes = pair.all_added().map(|annex| annex.file());
    let known = annexes.chain(payload).chain(after.movable_names()).chain([after.section_table()]);
    for gap in outside(pair.tail_start()..new, known) {
        let bytes = after.slice(gap.clone()).unwrap_or_default();
        let there = before.bytes.get(gap.start as usize..).unwrap_or_default();
        let (overlap, further) = bytes.split_at(bytes.len().min(there.len()));
        let changed = differences(&there[..overlap.len()], overlap).find(|at| overlap[*at] != 0);
        if let Some(at) = changed.or_else(|| first_content(further).map(|at| overlap.len() + at)) {
            let at = gap.start + at as u64;
            report.add(rule::GROWTH, format!("byte {at:#x} of the file"), "is new, and nothing reads it");
        }
    }
}

/// The first byte that is no NUL. A hole may have hundreds of megabytes.
pub(super) fn first_content(bytes: &[u8]) -> Option<usize> {
    let block = bytes.chunks(BLOCK).position(|block| block != &[0; BLOCK][..block.len()])?;
    let start = block * BLOCK;
    bytes[start..].iter().position(|byte| *byte != 0).map(|at| start + at)
}
