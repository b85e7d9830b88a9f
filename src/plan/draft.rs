//! A plan in the making.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use rayon::prelude::*;

use super::arch::Architecture;
use super::context::Context;
use super::entries::Entries;
use super::named::Named;
use super::relations::Needs;
use super::relocation::Relocation;
use super::survey::Edit;
use super::why::Carried;
use super::{Entry, Finding, Kind, Severity, Surgery, bill, survey};
use crate::config::Package;
use crate::config::glibc_set::is_glibc_set;
use crate::elf::{Abi, Class, Elf, Patch, patched_len};
use crate::error::{Error, Result};
use crate::path::{InstallPath, StoreFile, file_name};
use crate::store::StoreHash;
use crate::store::scan::Hit;

#[derive(Clone, Default)]
pub struct Draft {
    pub package: Package,
    pub entries: Entries,
    pub findings: Vec<Finding>,
    /// What was done to ELF files and is to be verified.
    pub edits: Vec<Edit>,
    /// Store paths that are still named, and the files that name them.
    pub leftovers: BTreeMap<StoreHash, BTreeSet<InstallPath>>,
    /// Whether a program's loader is musl's.
    is_musl: bool,
    /// The paths of `[[install.files]]` that were found.
    with_settings: BTreeSet<String>,
    /// Programs that have no run path and cannot be given one, by their install paths.
    pub without_run_path: Vec<String>,
    /// Which store paths need which.
    pub store_needs: bill::Needs,
    /// Wrappers, as the disk has them, whose shells are not carried, since programs are to stand for them.
    pub without_shell: BTreeSet<PathBuf>,
    /// What the target must have.
    pub needs: Needs,
    /// What comes along with the results, and why.
    pub carried: Carried,
    /// Where the store paths lie.
    pub relocation: Relocation,
    /// Each ABI's programs and libraries of the results, then of the rest of the closure, counted.
    abis: BTreeMap<Abi, [usize; 4]>,
}

/// A file's patches, and what they do.
#[derive(Debug, Default)]
pub struct Operated {
    pub patches: Vec<Patch>,
    pub surgery: Vec<Surgery>,
}

impl Draft {
    pub fn new(package: Package) -> Self {
        Draft { package, ..Draft::default() }
    }

    /// Takes a file with its edits; `below` is its path in a result, if it is a result's.
    pub fn file(
        &mut self,
        context: &Context,
        mut entry: Entry,
        below: Option<&[u8]>,
        named: &Named,
        operated: Operated,
        relocation: &Relocation,
    ) -> Result<()> {
        let settled = survey::settle(operated.patches, named, &context.known()?.scanner, relocation);
        for hash in settled.leftover {
            self.leftovers.entry(hash).or_default().insert(entry.path.clone());
        }
        if let Kind::File { size, grown, patches, surgery, .. } = &mut entry.kind {
            *grown = patched_len(*size, &settled.patches) - *size;
            *size += *grown;
            *patches = settled.patches;
            *surgery = operated.surgery;
            if settled.rewritten > 0 {
                surgery.push(Surgery::References(settled.rewritten));
            }
        }
        if let Some(setting) = below.and_then(|below| context.install_file(below)) {
            entry.mode = setting.mode.unwrap_or(entry.mode);
            entry.owner = setting.owner.clone().unwrap_or(entry.owner);
            entry.group = setting.group.clone().unwrap_or(entry.group);
            entry.caps = setting.caps.clone();
            self.with_settings.insert(setting.path.clone());
        }
        self.entries.add(entry)
    }

    /// Takes a packed file whose members name something: as it is with them rewritten, if it could be packed again.
    pub fn members(
        &mut self,
        entry: &mut Entry,
        named: &Named,
        repacked: Option<Vec<u8>>,
        relocation: &Relocation,
    ) -> Vec<Surgery> {
        let stays = |hit: &&Hit| repacked.is_none() || relocation.patch(hit).is_none();
        for hit in named.hits.iter().filter(stays) {
            self.leftovers.entry(hit.hash).or_default().insert(entry.path.clone());
        }
        let Some(bytes) = repacked else { return Vec::new() };
        entry.remake(bytes);
        vec![Surgery::Members(named.hits.len())]
    }

    /// Counts an ELF file for the package's architecture; those of the results weigh more.
    pub fn saw(&mut self, elf: &Elf, of_result: bool) {
        let interpreter = elf.interpreter.as_deref().map(file_name);
        self.is_musl |= interpreter.is_some_and(|name| name.starts_with(b"ld-musl-"));
        let counts = self.abis.entry(elf.abi).or_default();
        let of_closure = if of_result { 0 } else { 2 };
        match elf.class {
            Class::Program | Class::StaticProgram => counts[of_closure] += 1,
            Class::Library => counts[of_closure + 1] += 1,
            Class::Other => {}
        }
    }

    /// The ABI that [`Draft::architecture`] is of. `None`: no ELF file was seen.
    pub fn abi(&self) -> Option<Abi> {
        let most = self.abis.iter().max_by_key(|(_, counts)| **counts);
        most.filter(|(_, counts)| **counts != [0; 4]).map(|(abi, _)| *abi)
    }

    /// What most of the results' programs are made for; where they have none, most of their libraries; and so on to the
    /// rest of the closure (a script's interpreter).
    pub fn architecture(&self) -> Result<Architecture> {
        let Some(abi) = self.abi() else { return Ok(Architecture::Any) };
        Architecture::of(abi).ok_or_else(|| {
            Error::failure(format!(
                "the programs are for ELF machine {}, which the package formats have no name for",
                abi.machine
            ))
        })
    }

    /// A truncated or otherwise unreadable ELF file: an error where it is to be run, else shipped as it is (test data).
    pub fn malformed(&mut self, source: &StoreFile, below: &[u8], why: &str) -> Result<()> {
        let message = format!("{source} begins as an ELF file and cannot be read: {why}");
        if below.starts_with(b"bin/") || below.starts_with(b"sbin/") {
            return Err(
                Error::failure(message).remedy("build it again, or leave it out with `install.exclude`")
            );
        }
        self.findings.push(
            Finding::warning("malformed-elf", message + "; it is shipped as it is")
                .remedy("leave it out with `install.exclude`"),
        );
        Ok(())
    }

    /// The wrappers without a shell for which nothing stands, in an artifact at least.
    pub fn scripts_without_shell(&self) -> impl Iterator<Item = PathBuf> {
        let sources = self.entries.iter().filter_map(Entry::disk);
        sources.filter(|disk| self.without_shell.contains(*disk)).cloned()
    }

    /// Tells of the store paths that are still named.
    pub fn report_leftovers(&mut self, context: &Context) -> Result<()> {
        if self.leftovers.is_empty() {
            return Ok(());
        }
        let closure = &context.known()?.closure;
        // glibc names itself in messages and for its own data; that alone is no sign that the program needs more.
        let files = self.leftovers.values().flatten();
        let severity = if files.into_iter().all(|file| is_glibc_set(file.file_name())) {
            Severity::Note
        } else {
            Severity::Warning
        };
        let message = "store paths are still named in what is shipped, and are not there on the target";
        let mut finding = Finding { severity, ..Finding::warning("store-reference", message) };
        for (hash, files) in &self.leftovers {
            let path =
                closure.get(*hash).map(|path| context.store.file(path).to_string()).unwrap_or_default();
            let first = files.first().map(ToString::to_string).unwrap_or_default();
            let more = if files.len() > 1 { format!(" and {} more", files.len() - 1) } else { String::new() };
            finding.subjects.push(format!("{path} (in {first}{more})"));
        }
        let remedy = "they stand there without their path, or `install.lib-dir` leaves no room for it: the program may not need them";
        self.findings.push(finding.remedy(remedy));
        Ok(())
    }

    /// Tells of programs that a user's LD_LIBRARY_PATH can slide a foreign library under.
    pub fn report_without_run_path(&mut self) {
        if self.without_run_path.is_empty() {
            return;
        }
        let mut finding = Finding::warning(
            "no-run-path",
            "programs without a run path cannot be given one: they hold data behind the program itself, and may look for it \
             at their end",
        );
        finding.subjects = std::mem::take(&mut self.without_run_path);
        self.findings.push(finding.remedy(
            "they find their libraries in their loader's own folder, but LD_LIBRARY_PATH comes before that: \
             leave it unset where they run",
        ));
    }

    /// What holds for a bundle whatever is in it.
    pub fn report_conditions(&mut self) {
        if self.is_musl {
            self.findings.push(
                Finding::note("musl-library-path", "musl's loader reads LD_LIBRARY_PATH before any run path")
                    .remedy("leave it unset where the programs run"),
            );
        }
        let with_caps = self.entries.iter().filter(|entry| entry.caps.is_some());
        let with_caps: Vec<String> = with_caps.map(|entry| entry.path.to_string()).collect();
        if !with_caps.is_empty() {
            let message = "a tarball has no file capabilities; an .rpm has, and a .deb sets them by setcap when it is installed";
            let mut finding = Finding::note("capabilities-by-hand", message)
                .remedy("after unpacking the tarball, run setcap");
            finding.subjects = with_caps;
            self.findings.push(finding);
        }
    }

    /// Brings .pyc files in step with their sources, whose times, and perhaps references, changed.
    pub fn keep_bytecode_valid(&mut self, context: &Context) -> Result<()> {
        let sources: Vec<(InstallPath, InstallPath)> = self
            .entries
            .iter()
            .filter(|entry| matches!(entry.kind, Kind::File { .. }))
            .filter_map(|entry| Some((entry.path.clone(), super::bytecode::source_of(&entry.path)?)))
            .collect();
        let patches =
            sources.par_iter().map(|(bytecode, source)| self.bytecode_patch(context, bytecode, source));
        let patches: Vec<Option<Patch>> = patches.collect::<Result<_>>()?;
        for ((bytecode, _), patch) in sources.into_iter().zip(patches) {
            let Some(patch) = patch else { continue };
            if let Some(Entry { kind: Kind::File { patches, surgery, .. }, .. }) =
                self.entries.get_mut(&bytecode)
            {
                // The header comes before everything that a reference can stand in.
                patches.insert(0, patch);
                surgery.push(Surgery::PycHeader);
            }
        }
        Ok(())
    }

    fn bytecode_patch(
        &self,
        context: &Context,
        bytecode: &InstallPath,
        source: &InstallPath,
    ) -> Result<Option<Patch>> {
        let (Some(bytecode), Some(source)) = (self.entries.get(bytecode), self.entries.get(source)) else {
            return Ok(None);
        };
        super::bytecode::header_patch(bytecode, source, context.mtime)
    }

    /// Errors: a setting of `[[install.files]]` that no file has.
    pub fn unmatched_files(&self, context: &Context) -> Result<()> {
        let unmatched =
            context.config.install.files.iter().find(|setting| !self.with_settings.contains(&setting.path));
        match unmatched {
            None => Ok(()),
            Some(setting) => Err(Error::usage(format!(
                "`install.files` names {:?}, which is not among the files that are shipped",
                setting.path
            ))
            .remedy("paths are below the result, and name a file, not a link: \"bin/ping\"")),
        }
    }
}
