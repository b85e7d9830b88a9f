//! Symbol by symbol, with names and versions, and relocation by relocation.

use std::collections::HashMap;

use super::dynamic::DT_MIPS_GOTSYM;
use super::pair::Pair;
use super::reader::EM_MIPS;
use super::relocations::{self, Table};
use super::versions::{Needed, Version};
use super::view::{Symbol, View, symbol_size};
use super::{Report, rule, text};

/// Tells whether every symbol has kept its place and name.
pub(super) fn compare(pair: &Pair, report: &mut Report) -> bool {
    let counts = (pair.before.symbols.count, pair.after.symbols.count);
    if counts.0 != counts.1 {
        report.add(rule::SYMBOLS, "the number of symbols", format!("was {}, and is {}", counts.0, counts.1));
        return false;
    }
    compare_versions(pair, report);
    let tables = tables(pair, report);
    if pair.wanted.renames_symbols() {
        compare_in_any_order(pair, &tables, report);
        return false;
    }
    for (old, new) in tables {
        report.check(
            pair.are_same(&old.place, &new.place),
            rule::RELOCATIONS,
            old.name,
            "has other relocations",
        );
    }
    compare_in_order(pair, report)
}

fn compare_in_order(pair: &Pair, report: &mut Report) -> bool {
    let (before, after, wanted) = (pair.before, pair.after, &pair.wanted);
    let same_versions = before.version_table() == after.version_table();
    let same_needs = !wanted.clears_versions() && !wanted.replaces_needed();
    let same_names = before.dynamic.strings.table == after.dynamic.strings.table;
    if same_versions && same_needs && same_names && before.symbol_table() == after.symbol_table() {
        return true;
    }
    let stays = stays(pair, same_versions && same_needs);
    let changed = |index: &u64| {
        !stays(*index) && Identity::read(before, *index).wanted(*index, pair) != Identity::read(after, *index)
    };
    let changed: Vec<_> = (0..before.symbols.count).filter(changed).collect();
    changed.iter().for_each(|index| report_symbol(before, *index, report));
    changed.is_empty()
}

/// Whether a symbol's entry is the same to the byte, and means the same: that of most is, and to read all that a symbol is to others
/// takes the longest of all. `same_versions`: an entry of the table of versions means in both files what it says.
fn stays<'p>(pair: &'p Pair, same_versions: bool) -> impl Fn(u64) -> bool + 'p {
    let (before, after) = (pair.before, pair.after);
    let may_stay = same_versions && before.versions.have_the_same_numbers(&after.versions);
    let size = symbol_size(&before.file) as usize;
    let entry = move |view: &View<'p>, index: u64| view.symbol_table().chunks_exact(size).nth(index as usize);
    move |index| {
        let same = may_stay && entry(before, index).is_some_and(|old| Some(old) == entry(after, index));
        let Some(symbol) = before.symbol(index).filter(|_| same) else { return false };
        let place = (symbol.value, symbol.size);
        let follows = index < pair.symbols_follow && pair.follow(symbol.section, place.0, place.1) != place;
        !follows && before.dynamic.strings.get(symbol.name) == after.dynamic.strings.get(symbol.name)
    }
}

fn report_symbol(before: &View, index: u64, report: &mut Report) {
    let name = text(before.name(index).unwrap_or_default());
    report.add(rule::SYMBOLS, format!("symbol {index} {name}"), "is gone, or changed");
}

/// The tables of relocations, in pairs.
fn tables(pair: &Pair, report: &mut Report) -> Vec<(relocations::Table, relocations::Table)> {
    let read = |view: &View| relocations::tables(&view.file, &view.dynamic);
    let (old, new) = (read(pair.before), read(pair.after));
    let names = |tables: &[relocations::Table]| tables.iter().map(|table| table.name).collect::<Vec<_>>();
    report.check(names(&old) == names(&new), rule::RELOCATIONS, "a table of relocations", "came or went");
    old.into_iter().zip(new).collect()
}

/// All that a symbol is to others.
#[derive(PartialEq, Eq, Hash)]
struct Identity<'a> {
    name: &'a [u8],
    version: (Version<'a>, bool),
    /// The place of its name left out.
    rest: Symbol,
}

impl<'a> Identity<'a> {
    fn read(view: &View<'a>, index: u64) -> Self {
        let symbol = view.symbol(index).unwrap_or_default();
        let name = view.dynamic.strings.get(symbol.name).unwrap_or_default();
        Identity { name, version: view.version(index), rest: Symbol { name: 0, ..symbol } }
    }

    /// After the operation.
    fn wanted(self, index: u64, pair: &Pair<'a>) -> Self {
        let mut version = pair.wanted.version(self.name, self.version);
        // Where no version is left there is no table either that could say that a defined symbol is nobody's, or what no other
        // table has.
        let drops_table = pair.wanted.removes_needed() && pair.after.versions.symbols.is_none();
        let says_nothing = matches!(version.0, Version::Local | Version::Unknown(_));
        if drops_table && says_nothing && !self.rest.is_local() {
            version = (Version::Any, false);
        }
        let (value, size) = match index < pair.symbols_follow {
            true => pair.follow(self.rest.section, self.rest.value, self.rest.size),
            false => (self.rest.value, self.rest.size),
        };
        let rest = Symbol { value, size, ..self.rest };
        Identity { name: pair.wanted.symbol(self.name), version, rest }
    }
}

/// A renamed symbol has another place in a DT_GNU_HASH, and with it in the table of symbols.
fn compare_in_any_order(pair: &Pair, tables: &[(Table, Table)], report: &mut Report) {
    let (before, after, count) = (pair.before, pair.after, pair.before.symbols.count);
    let mut numbers = HashMap::new();
    let mut number = |identity| -> usize {
        let next = numbers.len();
        *numbers.entry(identity).or_insert(next)
    };
    let old: Vec<_> =
        (0..count).map(|index| number(Identity::read(before, index).wanted(index, pair))).collect();
    let new: Vec<_> = (0..count).map(|index| number(Identity::read(after, index))).collect();
    let mut missing = vec![0isize; numbers.len()];
    old.iter().for_each(|number| missing[*number] += 1);
    new.iter().for_each(|number| missing[*number] -= 1);
    for (index, number) in (0..count).zip(&old) {
        if std::mem::take(&mut missing[*number]) > 0 {
            report_symbol(before, index, report);
        }
    }
    for index in (0..count).filter(|index| is_fixed(before, after, *index)) {
        let stays = old[index as usize] == new[index as usize];
        report.check(stays, rule::SYMBOLS, format!("symbol {index}"), "has to stay in its place");
    }
    let number = |numbers: &[usize], symbol: u64| numbers.get(symbol as usize).copied().ok_or(symbol);
    for (old_table, new_table) in tables {
        let relocations = old_table.relocations(&before.file).zip(new_table.relocations(&after.file));
        let same = (old_table.place.end - old_table.place.start
            == new_table.place.end - new_table.place.start)
            && relocations
                .into_iter()
                .all(|(was, is)| was.rest == is.rest && number(&old, was.symbol) == number(&new, is.symbol))
            && (old_table.names_symbols() || pair.are_same(&old_table.place, &new_table.place));
        report.check(same, rule::RELOCATIONS, old_table.name, "has other relocations");
    }
}

/// Local symbols come first (gABI), and on MIPS the last ones are in the order of the global offset table.
fn is_fixed(before: &View, after: &View, index: u64) -> bool {
    let is_local = |view: &View| view.symbol(index).is_some_and(|symbol| symbol.is_local());
    let in_got = |first| before.file.header.machine() == EM_MIPS && index >= first;
    is_local(before) || is_local(after) || before.dynamic.get(DT_MIPS_GOTSYM).is_some_and(in_got)
}

/// The versions of other files that are asked for, and those that the file has.
fn compare_versions(pair: &Pair, report: &mut Report) {
    let (before, after) = (&pair.before.versions, &pair.after.versions);
    report.check(
        before.definitions == after.definitions,
        rule::VERSIONS,
        "a version that is defined",
        "changed",
    );
    let same = |old: &Needed, new: &Needed| {
        (old.name, old.hash, old.flags, old.index) == (new.name, new.hash, new.flags, new.index)
    };
    let wanted = before.needs.iter().filter_map(|need| Some((pair.wanted.file(need.file)?, &need.versions)));
    let mut wanted = wanted.flat_map(|(file, versions)| versions.iter().map(move |version| (file, version)));
    let found = after.needs.iter().flat_map(|need| need.versions.iter().map(|version| (need.file, version)));
    for (file, version) in found {
        let is_it = |(old_file, old): (&[u8], &Needed)| old_file == file && same(old, version);
        // A version that no symbol is bound to any more may go; those that still are each symbol is compared with.
        let there = match pair.wanted.clears_versions() {
            true => wanted.any(is_it),
            false => wanted.next().is_some_and(is_it),
        };
        let subject = format!("version {} of {}", text(version.name), text(file));
        report.check(there, rule::VERSIONS, subject, "was not asked for before");
    }
    if let (Some((file, version)), false) = (wanted.next(), pair.wanted.clears_versions()) {
        let subject = format!("version {} of {}", text(version.name), text(file));
        report.add(rule::VERSIONS, subject, "is not asked for any more");
    }
}
