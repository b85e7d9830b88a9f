//! Edits an image: an [`Operation`] becomes patches.
//!
//! A new string goes, in this order: nowhere, where it is there already; over the old one, as far as nothing else uses its bytes;
//! to a place in the string table that holds it, be it the end of a longer string; into dead bytes of the table; into the annex,
//! a segment behind the file's end ([`growth`]). What an edit frees is filled, so that nobody finds a store path there that nothing
//! reads.

mod annex;
mod cache;
mod draft;
mod end;
mod finish;
mod growth;
mod headers;
mod overlap;
mod place;
mod plant;
mod referrers;
mod rename;
mod strings;
mod symtab;
mod tail;
mod verbs;
mod versions;
mod write;

pub(super) use cache::resolution_cache;
use draft::Draft;

use super::image::Image;
use super::operation::{Operation, Refusal};
use super::{Elf, Patch};

/// Of all machines.
const SMALLEST_PAGE: u64 = 4096;

impl Elf {
    /// The patches that carry out `operation` on the file, whose bytes are given: sorted, apart from each other. Those behind the
    /// end of the file make it longer ([`super::patched_len`]).
    ///
    /// A patch covers the whole of every string that it changes, so that an edit of another kind (a rewritten store
    /// reference) either meets no patch or lies within one, and is then void.
    pub fn operate(&self, bytes: &[u8], operation: &Operation) -> Result<Vec<Patch>, Refusal> {
        let image = Image::new(bytes, self.abi);
        if operation.page_size.is_some_and(|page| !page.is_power_of_two() || page < SMALLEST_PAGE) {
            return Err(Refusal::impossible("page size", "it is no power of two from 4096 on"));
        }
        if *operation != Operation::default() {
            overlap::check_segments(self)?;
        }
        let mut draft = Draft::new(self, image, operation.fill);
        draft.carry_out(operation)?;
        let mut patches = if finish::Fit::of(&draft).all() {
            finish::in_place(draft)
        } else {
            growth::grow(draft, operation)?
        };
        if let Some(stub) = &operation.stub {
            patches = plant::plant(self, bytes, patches, stub, operation)?;
        }
        patches.retain(|patch| image.slice(patch.at.0, patch.bytes.len() as u64) != Some(&patch.bytes));
        patches.sort_by_key(|patch| patch.at);
        if patches.windows(2).any(|pair| pair[0].end() > pair[1].at) {
            return Err(Refusal::impossible("headers", "they overlap each other"));
        }
        overlap::check(self, &image, &patches)?;
        Ok(patches)
    }
}

impl Draft<'_> {
    fn carry_out(&mut self, operation: &Operation) -> Result<(), Refusal> {
        if let Some(abi) = operation.os_abi {
            self.set_os_abi(abi)?;
        }
        if let Some(soname) = &operation.soname {
            self.set_soname(soname)?;
        }
        if let Some(interpreter) = &operation.interpreter {
            self.set_interpreter(interpreter)?;
        }
        self.stack = operation.executable_stack;
        match &operation.run_path {
            Some(run_path) => self.set_run_path(run_path)?,
            None if operation.remove_run_path => self.remove_run_path()?,
            None => {}
        }
        self.edit_needed(operation)?;
        self.clear_versions(&operation.clear_versions)?;
        if operation.no_default_lib {
            self.forbid_default_folders()?;
        }
        if operation.debug_tag {
            self.add_debug_tag()?;
        }
        if let Some(descriptor) = &operation.resolution_cache {
            self.set_cache(descriptor);
        }
        self.rename_symbols(&operation.rename_symbols)
    }
}

#[cfg(test)]
mod tests;
