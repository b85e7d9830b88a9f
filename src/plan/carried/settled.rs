//! What becomes of the bytes: references to the target's own files, members of packed files, and what is told of the rest.

use std::collections::BTreeSet;

use super::reference::{self, Place};
use super::rules::Settlement;
use super::{Reached, Seen};
use crate::elf::{FileOffset, Patch};
use crate::error::{Error, Result};
use crate::path::{InstallPath, StoreFile, printable};
use crate::plan::context::Context;
use crate::plan::draft::Draft;
use crate::plan::relocation::Relocation;
use crate::plan::{Finding, Surgery, named};
use crate::store::packed::Packing;
use crate::store::scan::Hit;

impl Reached<'_> {
    /// The patches that send a file's references to the target's own files.
    ///
    /// Errors: the target's path is longer than what it stands for.
    pub fn host_patches(
        &self,
        context: &Context,
        file: &StoreFile,
        seen: &Seen,
        places: &[Place],
    ) -> Result<(Vec<Patch>, Vec<Surgery>)> {
        let known = context.known()?;
        let references = &seen.references;
        let (mut patches, mut surgery) = (Vec::new(), Vec::new());
        for place in places.iter().filter(|place| !place.is_wide) {
            let Some(path) = known.closure.get(place.reference.hash) else { continue };
            let matching = references.get(&place.reference).and_then(Option::as_ref);
            let settlement = self.settle(path, matching);
            let Some(Settlement::Host { to, len }) = settlement else { continue };
            let before = context.store.dir().as_bytes().len() + 1;
            let text = filled(&to, before + len, place.is_shebang).ok_or_else(|| {
                let origin = context.store.origin(file);
                Error::usage(format!(
                    "`references.rules`: {to} is longer than what it stands for in {origin}"
                ))
                .remedy("name a path of at most so many characters, or carry it")
            })?;
            patches.push(Patch::new(FileOffset(place.at.0 - before as u64), text));
            surgery.push(Surgery::Host(to.to_string()));
        }
        surgery.dedup();
        Ok((patches, surgery))
    }

    /// A packed file with the references in its members rewritten. `None` where it stays as it is: a signature covers it.
    pub fn repacked(
        &self,
        context: &Context,
        relocation: &Relocation,
        file: &StoreFile,
        seen: &Seen,
        packing: Packing,
    ) -> Result<Option<Vec<u8>>> {
        // What is wrong with a rule is told here, where it can be.
        self.host_patches(context, file, seen, &seen.places)?;
        let patches = |member: &[u8], hits: &[Hit]| {
            let places = reference::read(member, hits, None);
            let to_host = self.host_patches(context, file, seen, &places).unwrap_or_default().0;
            hits.iter().filter_map(|hit| relocation.patch(hit)).chain(to_host).collect()
        };
        let bytes = context.store.map(file)?;
        Ok(named::repacked(packing, &bytes, &context.known()?.scanner, patches))
    }

    /// Tells of references that lead nowhere in the bundle, and why; under `policy = "strict"` of those that no rule settles.
    pub fn report(&self, context: &Context, draft: &mut Draft) -> Result<()> {
        let known = context.known()?;
        let mut ignored: BTreeSet<String> = BTreeSet::new();
        let mut unsettled: BTreeSet<String> = BTreeSet::new();
        let mut nothing: BTreeSet<String> = BTreeSet::new();
        let with_references = |file: &&StoreFile| !self.seen[*file].references.is_empty();
        for file in self.in_order().into_iter().filter(with_references) {
            // glibc names itself everywhere, and what of it is wanted is known.
            let own = context.store.split(file).map(|(path, _)| path.to_string());
            if own.is_some_and(|own| self.rules.is_alone(&own)) {
                continue;
            }
            for (reference, matching) in &self.seen[file].references {
                let Some(path) = known.closure.get(reference.hash) else { continue };
                let told = || {
                    let text = printable(&reference.text[1.min(reference.text.len())..]);
                    format!("{text} (in {})", context.store.origin(file))
                };
                match self.settle(path, matching.as_ref()) {
                    Some(Settlement::Ignored { why }) => {
                        ignored.insert(format!("{}: {why}", told()));
                    }
                    Some(Settlement::Unsettled) => {
                        unsettled.insert(told());
                    }
                    Some(Settlement::Host { .. }) => {}
                    Some(Settlement::Carried) if self.named.get(reference).is_some_and(Option::is_some) => {}
                    Some(Settlement::Carried) | None => {
                        nothing.insert(told());
                    }
                }
            }
        }
        if !unsettled.is_empty() {
            let list = Vec::from_iter(unsettled).join("\n");
            return Err(Error::failure(format!(
                "`references.policy` is \"strict\", and no rule settles these references:\n{list}"
            ))
            .remedy("add a rule to `references.rules` for each: carried, host:/path or ignored"));
        }
        for (code, message, subjects) in [
            ("reference-ignored", "references that nothing follows lead nowhere in the bundle", ignored),
            ("reference-to-nothing", "references name what is not in the store either", nothing),
        ] {
            if !subjects.is_empty() {
                let mut finding = Finding::note(code, message);
                finding.subjects = subjects.into_iter().collect();
                draft.findings.push(finding);
            }
        }
        draft.findings.extend(self.outside(context));
        Ok(())
    }

    /// Tells of what the target has outside of the store.
    fn outside(&self, context: &Context) -> Vec<Finding> {
        let asks = |seen: &Seen| !seen.named.outside.is_empty() || !seen.imports.is_empty();
        let files = self.seen.iter().filter(|(_, seen)| asks(seen));
        let files = files.map(|(file, seen)| (context.store.origin(file), &seen.named, &seen.imports));
        self.rules.outside.findings(files)
    }
}

/// A path of the target at the length of what it stands for: filled up with slashes, or before a script's interpreter with blanks.
pub fn filled(to: &InstallPath, len: usize, is_shebang: bool) -> Option<Vec<u8>> {
    let fill = len.checked_sub(to.as_bytes().len())?;
    Some(match is_shebang {
        true => [vec![b' '; fill].as_slice(), to.as_bytes()].concat(),
        false => [vec![b'/'; fill].as_slice(), to.as_bytes()].concat(),
    })
}
