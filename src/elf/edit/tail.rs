//! The end of the dynamic string table: strings that edits have added behind the linker's own.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::Draft;

/// Sorts what was added behind `base`, so that the order of edits does not matter. What became free there stays free, at the
/// end.
pub(super) fn sort(draft: &mut Draft, base: usize) {
    let table = draft.strings.now().to_vec();
    let mut is_fixed = false;
    let referrers = draft.referrers();
    let visited = referrers.visit(&mut |string| is_fixed |= string >= base as u64);
    // A symbol that an earlier edit has renamed, say. Then all stay where they are.
    if table.len() <= base || is_fixed || visited.is_none() {
        return;
    }
    let mut added = draft.fields();
    added.retain(|field| draft.string_of(*field) >= base as u64);
    let named: Vec<_> =
        added.into_iter().map(|field| (field, draft.strings.get(draft.string_of(field)).to_vec())).collect();
    let strings: BTreeSet<&Vec<u8>> = named.iter().map(|(_, string)| string).collect();
    let mut sorted = table[..base].to_vec();
    let mut places = BTreeMap::new();
    for string in strings {
        places.insert(string, sorted.len() as u64);
        sorted.extend_from_slice(string);
        sorted.push(0);
    }
    if let Some(free) = table.len().checked_sub(sorted.len() + 1) {
        sorted.extend(std::iter::repeat_n(draft.fill, free));
        sorted.push(0);
    }
    for (field, string) in &named {
        draft.name(*field, places[string]);
    }
    draft.strings.replace(sorted);
}
