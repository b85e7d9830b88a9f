//! patchelf's verbs: what is to be printed of a file and what is to be done to it, and the doing.
//!
//! A [`Request`] is one call, whatever the number of its files. Per file it becomes prints and one
//! [`Operation`](crate::elf::Operation), whose patches [`apply`] writes.

mod apply;
mod failure;
mod malformed;
pub mod os_abi;
mod output;
pub mod print;
mod resolution_cache;
pub mod run_path;
mod subject;
pub mod symbol_map;

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use crate::elf::verify::verify;
use crate::elf::{Operation, Patch, patched, patched_len};

use apply::Source;
pub use failure::{Doing, Failure, Lack};
use print::{Field, Value};
use subject::{Dynamic, Subject};

/// Whose rules a call follows where explant's and patchelf's differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Explant,
    Patchelf,
}

/// All that one call asks for.
#[derive(Clone, Debug)]
pub struct Request {
    pub dialect: Dialect,
    /// What to print, as it is before the edits.
    pub print: Vec<Field>,
    /// A field that a file lacks is not an error, but null.
    pub json: bool,
    /// What hangs on the file, and is made part of the operation when that is read.
    pub run_path: Option<run_path::Verb>,
    /// DT_RPATH instead of DT_RUNPATH.
    pub force_rpath: bool,
    /// Adds a note that says where the needed libraries are found.
    pub resolution_cache: bool,
    /// What is the same for every file.
    pub operation: Operation,
    /// Check the edited file against the original before anything is written.
    pub verify: bool,
    /// Where the result goes; the file itself by default.
    pub output: Option<PathBuf>,
}

/// What came of one file.
#[derive(Debug, Default)]
pub struct Outcome {
    pub values: Vec<(Field, Value)>,
    pub warnings: Vec<String>,
    /// None: it was done.
    pub failure: Option<Failure>,
    pub change: Change,
}

/// What a file's edit comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Bytes that were written into it.
    pub written: u64,
    /// How much longer it is.
    pub grown: u64,
}

impl Request {
    pub fn new(dialect: Dialect) -> Self {
        let is_patchelf = dialect == Dialect::Patchelf;
        let operation = Operation {
            fill: if is_patchelf { b'X' } else { 0 },
            grow_before_payload: is_patchelf,
            ..Operation::default()
        };
        Request {
            dialect,
            print: Vec::new(),
            json: false,
            run_path: None,
            force_rpath: false,
            resolution_cache: false,
            operation,
            verify: false,
            output: None,
        }
    }

    /// Reads a file, prints and edits it.
    pub fn carry_out(&self, path: &Path) -> Outcome {
        match self.open(path) {
            Ok(source) => self.carry_out_on(&source),
            Err(failure) => Outcome { failure: Some(failure), ..Outcome::default() },
        }
    }

    /// The same of each file, several at a time, and which outcome is whose. A file that is named twice, be it by a link, is
    /// edited once: two threads would be in each other's way.
    pub fn carry_out_on_all(&self, paths: &[PathBuf]) -> (Vec<Outcome>, Vec<usize>) {
        let taken = Mutex::new(HashMap::new());
        let one = |(at, path): (usize, &PathBuf)| match self.open(path) {
            Ok(source) => {
                let inode = (source.metadata.dev(), source.metadata.ino());
                // Nothing panics while it holds the lock.
                let first = *taken.lock().unwrap_or_else(PoisonError::into_inner).entry(inode).or_insert(at);
                (if first == at { self.carry_out_on(&source) } else { Outcome::default() }, first)
            }
            Err(failure) => (Outcome { failure: Some(failure), ..Outcome::default() }, at),
        };
        paths.par_iter().enumerate().map(one).unzip()
    }

    fn open(&self, path: &Path) -> Result<Source, Failure> {
        let edits = self.run_path.is_some()
            || self.resolution_cache
            || self.operation != Request::new(self.dialect).operation;
        Source::open(path, edits && self.output.is_none())
    }

    fn carry_out_on(&self, source: &Source) -> Outcome {
        let mut outcome = Outcome::default();
        outcome.failure = self.try_to(source, &mut outcome).err();
        outcome
    }

    /// What is found out before a failure stays in the outcome: patchelf has printed it by then.
    fn try_to(&self, source: &Source, outcome: &mut Outcome) -> Result<(), Failure> {
        if self.dialect == Dialect::Patchelf {
            malformed::check(&source.content, self).map_err(Failure::Objection)?;
        }
        let subject = Subject::read(&source.content)?;
        for field in &self.print {
            let value = subject.value(*field);
            if let (Value::Missing(lack), false) = (&value, self.json) {
                return Err(Failure::Lacks(*lack));
            }
            outcome.values.push((*field, value));
        }
        let operation = self.operation_on(&subject, &mut outcome.warnings)?;
        let patches = subject.elf.operate(&source.content, &operation).map_err(Failure::Refused)?;
        let patches = apply::changing(&source.content, patches);
        if self.verify {
            let violations = verify(&source.content, &patched(&source.content, &patches), &operation);
            if !violations.is_empty() {
                return Err(Failure::Unsound(violations));
            }
        }
        match &self.output {
            Some(output) => output::write(source, output, &patches)?,
            None => apply::in_place(source, &patches)?,
        }
        if self.dialect == Dialect::Patchelf && !patches.is_empty() {
            outcome.warnings.extend(malformed::unnamed_section(&source.content));
        }
        outcome.change = Change::of(source.len(), &patches);
        Ok(())
    }

    /// The operation for one file.
    fn operation_on(&self, subject: &Subject, warnings: &mut Vec<String>) -> Result<Operation, Failure> {
        let mut operation = self.operation.clone();
        if operation.interpreter.is_some() && subject.elf.interpreter.is_none() {
            return Err(Failure::Lacks(Lack::Interpreter));
        }
        // A program that lies at a fixed address has no soname, and patchelf gives it none.
        if !subject.may_have_soname() {
            operation.soname = None;
        }
        let mut run_path = self.run_path.as_ref();
        let is_edited = run_path.is_some() || edits_dynamic(&operation);
        // A separate debug file has none of these; scripts run over it all the same.
        let is_passed_over = match subject.dynamic() {
            Dynamic::Stripped => true,
            // patchelf would edit it, to no effect.
            Dynamic::Unloaded if is_edited && self.dialect == Dialect::Patchelf => {
                warnings.push("no PT_DYNAMIC leads to the dynamic section, which is left as it is".into());
                true
            }
            _ => false,
        };
        if is_passed_over {
            run_path = None;
            operation.remove_needed.clear();
            operation.replace_needed.clear();
        }
        let is_edited = run_path.is_some() || edits_dynamic(&operation);
        if is_edited && subject.dynamic() != Dynamic::Present {
            return Err(Failure::Lacks(Lack::Dynamic));
        }
        if let Some(verb) = run_path {
            verb.add_to(&mut operation, subject, self.force_rpath)?;
        }
        if self.resolution_cache {
            warnings.extend(resolution_cache::add_to(&mut operation, subject)?);
        }
        Ok(operation)
    }

    /// Whether the dynamic section is looked at.
    fn reads_dynamic(&self) -> bool {
        let prints = |field: &Field| matches!(field, Field::Soname | Field::RunPath | Field::Needed);
        let edits = self.run_path.is_some() || edits_dynamic(&self.operation);
        edits || self.resolution_cache || self.print.iter().any(prints)
    }
}

/// Whether an operation edits more of the dynamic section than the run path.
fn edits_dynamic(operation: &Operation) -> bool {
    operation.soname.is_some()
        || operation.no_default_lib
        || operation.debug_tag
        || !operation.remove_needed.is_empty()
        || !operation.replace_needed.is_empty()
        || !operation.add_needed.is_empty()
        || !operation.clear_versions.is_empty()
        || !operation.rename_symbols.is_empty()
}

impl Change {
    fn of(len: u64, patches: &[Patch]) -> Self {
        let written = patches.iter().map(|patch| patch.bytes.len() as u64).sum();
        Change { written, grown: patched_len(len, patches) - len }
    }
}

#[cfg(test)]
mod tests;
