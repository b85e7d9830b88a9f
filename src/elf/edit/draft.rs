//! What an edited file is to say, as it grows verb by verb: the dynamic entries, the fields that name strings, the strings.
//!
//! Each edit finds what the one before it left, so that several in one operation give the same as one after the other.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::HashSet;

use goblin::elf::dynamic::{DT_NEEDED, DT_NULL, DT_VERNEED};

use super::cache::Cache;
use super::referrers::Referrers;
use super::strings::{Table, string_range};
use crate::elf::image::Image;
use crate::elf::operation::Refusal;
use crate::elf::read::string_tag;
use crate::elf::symbols::Symbols;
use crate::elf::symver::{self, Verneed};
use crate::elf::{Elf, FileOffset, Patch};

/// For so many strings at once room is looked for in the table; more of them (symbols that get other names) go to its end.
const MOST_SEARCHED: usize = 256;

/// A dynamic entry as it is to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Entry {
    pub tag: u64,
    /// An offset into [`Strings`], where the tag says so.
    pub value: u64,
    /// Its number in the file, if it was there.
    pub from: Option<usize>,
}

/// A field that names a string of the dynamic string table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Field {
    /// A dynamic entry, by its number in [`Draft::dynamic`].
    Entry(usize),
    /// The vn_file of a Verneed, by its number in [`Draft::versions`].
    File(usize),
    /// The st_name of a symbol, by its number in [`Draft::names`].
    Symbol(usize),
}

/// A string, and all the fields that are to name it.
pub(super) struct Edit {
    /// `None`: the fields go, and what they name with them.
    pub new: Option<Vec<u8>>,
    pub fields: Vec<Field>,
}

pub(super) struct Draft<'a> {
    pub elf: &'a Elf,
    pub image: Image<'a>,
    pub fill: u8,
    /// PT_DYNAMIC without the DT_NULLs at its end.
    pub dynamic: Vec<Entry>,
    pub strings: Strings<'a>,
    /// The table of needed versions; `file.string` as it is to be.
    pub versions: Vec<Verneed>,
    /// The table of the symbols' versions, where it changes: its place in the file, and its bytes.
    pub versym: Option<(u64, Vec<u8>)>,
    /// How many files versions are needed of, where that changes.
    pub version_files: Option<usize>,
    /// Symbols that get another name: where their st_name lies in the file, and what it is to be.
    pub names: Vec<(u64, u64)>,
    pub interpreter: Option<Vec<u8>>,
    pub os_abi: Option<u8>,
    /// Whether the stack is to be executable, where that changes.
    pub stack: Option<bool>,
    pub cache: Cache,
    /// Edits of another kind, in place.
    pub patches: Vec<Patch>,
}

/// The dynamic string table.
pub(super) struct Strings<'a> {
    bytes: Cow<'a, [u8]>,
    /// Changes that are not yet in `bytes`: most operations make one edit, and need no copy of the table.
    pending: Vec<(usize, Vec<u8>)>,
    /// Where the table lies in the file, and its length there.
    pub at: u64,
    pub room: usize,
    /// What of the file's table differs: offsets and lengths.
    touched: Vec<(usize, usize)>,
}

impl Strings<'_> {
    /// The table as it is now.
    pub fn now(&mut self) -> &[u8] {
        self.settle();
        &self.bytes
    }

    /// The string at an offset; empty where there is none.
    pub fn get(&mut self, at: u64) -> &[u8] {
        let bytes = self.now();
        string_range(bytes, at).map_or(&[], |range| &bytes[range.start..range.end - 1])
    }

    fn settle(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let bytes = self.bytes.to_mut();
        for (at, change) in self.pending.drain(..) {
            let end = at + change.len();
            bytes.resize(bytes.len().max(end), 0);
            bytes[at..end].copy_from_slice(&change);
            self.touched.push((at, end));
        }
    }

    fn change(&mut self, changes: Vec<(usize, Vec<u8>)>) {
        self.settle();
        self.pending = changes;
    }

    pub fn has_grown(&self) -> bool {
        let pending = self.pending.iter().map(|(at, change)| at + change.len());
        pending.fold(self.bytes.len(), usize::max) > self.room
    }

    /// The patches of a table that has not grown.
    pub fn patches(&mut self) -> Vec<Patch> {
        if matches!(self.bytes, Cow::Borrowed(_)) {
            let pending = self.pending.iter();
            return pending
                .map(|(at, change)| Patch::new(FileOffset(self.at + *at as u64), change.as_slice()))
                .collect();
        }
        self.settle();
        self.touched.sort();
        let mut merged: Vec<(usize, usize)> = Vec::new();
        for (start, end) in &self.touched {
            match merged.last_mut() {
                Some(last) if *start <= last.1 => last.1 = last.1.max(*end),
                _ => merged.push((*start, *end)),
            }
        }
        let patch = |(start, end)| Patch::new(FileOffset(self.at + start as u64), &self.bytes[start..end]);
        merged.into_iter().map(patch).collect()
    }

    /// Takes another table in this one's place.
    pub fn replace(&mut self, bytes: Vec<u8>) {
        self.pending.clear();
        self.bytes = Cow::Owned(bytes);
    }
}

impl<'a> Draft<'a> {
    pub fn new(elf: &'a Elf, image: Image<'a>, fill: u8) -> Self {
        let layout = &elf.layout;
        let entries = layout.dynamic.iter().enumerate().take_while(|(_, entry)| entry.tag != DT_NULL);
        let entry = |(index, entry): (usize, &crate::elf::read::DynamicEntry)| Entry {
            tag: entry.tag,
            value: entry.value,
            from: Some(index),
        };
        // vn_file has 32 bits in both classes, so nothing beyond them is a place for a string.
        let room = layout.strings.end.saturating_sub(layout.strings.start).min(u32::MAX.into());
        let bytes = image.slice(layout.strings.start, room).unwrap_or_default();
        let versions = layout.value(DT_VERNEED).and_then(|_| layout.place(DT_VERNEED));
        Draft {
            elf,
            image,
            fill,
            dynamic: entries.map(entry).collect(),
            strings: Strings {
                bytes: Cow::Borrowed(bytes),
                pending: Vec::new(),
                at: layout.strings.start,
                room: bytes.len(),
                touched: Vec::new(),
            },
            versions: versions.and_then(|at| symver::verneed(&image, at)).unwrap_or_default(),
            versym: None,
            version_files: None,
            names: Vec::new(),
            interpreter: None,
            os_abi: None,
            stack: None,
            cache: Cache::Stays,
            patches: Vec::new(),
        }
    }

    /// The entries of a tag, in order.
    pub fn entries(&self, tag: u64) -> impl Iterator<Item = usize> + '_ {
        (0..self.dynamic.len()).filter(move |index| self.dynamic[*index].tag == tag)
    }

    /// The needed entries that carry a name.
    pub fn needed(&mut self, name: &[u8]) -> Vec<usize> {
        let entries: Vec<_> = self.entries(DT_NEEDED).collect();
        entries.into_iter().filter(|index| self.strings.get(self.dynamic[*index].value) == name).collect()
    }

    /// A new entry; its string, if it has one, is still the empty one.
    pub fn insert(&mut self, at: usize, tag: u64, value: u64) {
        self.dynamic.insert(at, Entry { tag, value, from: None });
    }

    /// Sets every entry of a tag.
    pub fn set_value(&mut self, tag: u64, value: u64) {
        self.dynamic.iter_mut().filter(|entry| entry.tag == tag).for_each(|entry| entry.value = value);
    }

    /// Where an entry belongs that stands beside the needed ones.
    pub fn behind_needed(&self) -> usize {
        self.entries(DT_NEEDED).last().map_or(0, |last| last + 1)
    }

    /// Whatever names strings, other than what an edit can change.
    pub fn referrers(&self) -> Referrers<'a> {
        Referrers { image: self.image, layout: &self.elf.layout, abi: self.elf.abi }
    }

    /// The names of the dynamic symbols, in order.
    ///
    /// Errors: there is no table, one lies outside of the strings, or together they are longer than the file: those of an honest one
    /// are not, and of a hostile one they would fill the memory.
    pub fn symbol_names(&mut self, symbols: Symbols) -> Result<Vec<Vec<u8>>, Refusal> {
        let cut_off = || Refusal::impossible("symbols", "their names cannot be followed");
        let image = self.image;
        let mut budget = image.bytes.len();
        let bytes = self.strings.now();
        let mut names = Vec::new();
        for index in 0..symbols.count {
            let range = symbols.name(&image, index).and_then(|name| string_range(bytes, name));
            let range = range.ok_or_else(cut_off)?;
            budget = budget.checked_sub(range.len()).ok_or_else(cut_off)?;
            names.push(bytes[range.start..range.end - 1].to_vec());
        }
        Ok(names)
    }

    pub fn string_of(&self, field: Field) -> u64 {
        match field {
            Field::Entry(index) => self.dynamic[index].value,
            Field::File(index) => self.versions[index].file.string,
            Field::Symbol(index) => self.names[index].1,
        }
    }

    pub fn name(&mut self, field: Field, string: u64) {
        match field {
            Field::Entry(index) => self.dynamic[index].value = string,
            Field::File(index) => self.versions[index].file.string = string,
            Field::Symbol(index) => self.names[index].1 = string,
        }
    }

    /// Every field that names a string and that an edit can change.
    pub fn fields(&self) -> Vec<Field> {
        let entries = (0..self.dynamic.len()).filter(|index| string_tag(self.dynamic[*index].tag).is_some());
        let files = (0..self.versions.len()).map(Field::File);
        entries.map(Field::Entry).chain(files).chain((0..self.names.len()).map(Field::Symbol)).collect()
    }

    /// Finds a place for every new string and lets the fields name it.
    ///
    /// Errors: the table is longer than the fields can say.
    pub fn edit_strings(&mut self, mut edits: Vec<Edit>) -> Result<(), Refusal> {
        let edited: HashSet<Field> = edits.iter().flat_map(|edit| &edit.fields).copied().collect();
        let is_many = edits.len() > MOST_SEARCHED;
        let retired: Vec<u64> = edited.iter().map(|field| self.string_of(*field)).collect();
        let retired = if is_many { Vec::new() } else { retired };
        let fields = self.fields();
        let others = fields.iter().filter(|field| !edited.contains(field));
        let others: Vec<u64> = others.map(|field| self.string_of(*field)).collect();
        let referrers = self.referrers();
        self.strings.settle();
        let bytes = &self.strings.bytes;
        let mut table = Table::new(bytes, &referrers, &others, &retired, self.fill);
        // Where the string is already, in a field that keeps it.
        let kept = |edit: &Edit| {
            let new = edit.new.as_ref()?;
            let strings = edit.fields.iter().map(|field| self.string_of(*field));
            let is_new = |string: &u64| {
                string_range(bytes, *string).is_some_and(|range| bytes[range.start..range.end - 1] == new[..])
            };
            strings.into_iter().find(is_new)
        };
        // The longest first: it is the hardest to place.
        edits.sort_by_key(|edit| Reverse(edit.new.as_ref().map_or(0, Vec::len)));
        let kept: Vec<Option<u64>> = edits.iter().map(kept).collect();
        kept.iter().flatten().for_each(|string| table.keep(*string));
        let mut named = Vec::new();
        for (edit, kept) in edits.iter().zip(kept) {
            let Some(new) = &edit.new else { continue };
            // A field that is new names the empty string, which is nobody's to overwrite.
            let old = edit.fields.iter().map(|field| self.string_of(*field)).find(|string| *string != 0);
            let place = match kept {
                Some(string) => string,
                None if is_many => table.append(new),
                None => table.place(new, old),
            };
            named.extend(edit.fields.iter().map(|field| (*field, place)));
        }
        let changes = table.changes();
        if named.iter().any(|(_, place)| *place > u32::MAX.into()) {
            return Err(Refusal::impossible("string table", "it has more than 4 GiB"));
        }
        named.into_iter().for_each(|(field, place)| self.name(field, place));
        self.strings.change(changes);
        Ok(())
    }
}
