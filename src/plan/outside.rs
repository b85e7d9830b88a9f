//! What a bundle asks of the target besides libraries: what lies outside of the store where NixOS alone has it, and services of the
//! system. What is done about each is data, in templates/references.toml.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::carried::settled::filled;
use super::named::{Named, Outside};
use super::{Finding, Surgery};
use crate::elf::{Elf, Patch};
use crate::path::InstallPath;

/// One thing that is the target's.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    code: &'static str,
    pub names: Option<String>,
    #[serde(default)]
    pub imports: Vec<String>,
    /// What other distributions have in the place of folders right below the path.
    #[serde(default)]
    host: BTreeMap<String, String>,
    what: String,
    remedy: String,
}

impl Asked {
    /// Whether it is what a path names.
    fn is_named_by(&self, text: &[u8]) -> bool {
        let below = self.names.as_ref().and_then(|path| text.strip_prefix(path.as_bytes()));
        below.is_some_and(|below| below.is_empty() || below.starts_with(b"/"))
    }

    /// Where on other distributions a path leads, and how much of it that stands for.
    fn elsewhere(&self, text: &[u8]) -> Option<(InstallPath, usize)> {
        let below = text.strip_prefix(self.names.as_ref()?.as_bytes())?.strip_prefix(b"/")?;
        let folder = below.split(|byte| *byte == b'/').next()?;
        let to = self.host.get(std::str::from_utf8(folder).ok()?)?;
        Some((InstallPath::new(to)?, text.len() - below.len() + folder.len()))
    }
}

/// All that is known of.
pub struct Outsides(pub Vec<Asked>);

impl Outsides {
    /// The paths that files are searched for.
    pub fn paths(&self) -> Vec<String> {
        self.0.iter().filter_map(|asked| asked.names.clone()).collect()
    }

    /// Those entries of a run path that are the target's.
    pub fn in_run_path<'e>(&self, elf: &'e Elf) -> Vec<&'e [u8]> {
        let entries = elf.run_path().unwrap_or_default().split(|byte| *byte == b':');
        entries.filter(|entry| self.0.iter().any(|asked| asked.is_named_by(entry))).collect()
    }

    /// The patches that send what a file names to where other distributions have it. Strings that ld.so reads are none of these.
    pub fn patches(&self, named: &Named, elf: Option<&Elf>) -> (Vec<Patch>, Vec<Surgery>) {
        let (mut patches, mut surgery) = (Vec::new(), Vec::new());
        for Outside { at, text } in &named.outside {
            let elsewhere = self.0.iter().find_map(|asked| asked.elsewhere(text));
            let is_free = |_: &_| !elf.is_some_and(|elf| elf.is_header_string(*at));
            let Some((to, len)) = elsewhere.filter(is_free) else { continue };
            if let Some(bytes) = filled(&to, len, false) {
                patches.push(Patch::new(*at, bytes));
                surgery.push(Surgery::Host(to.to_string()));
            }
        }
        surgery.dedup();
        (patches, surgery)
    }

    /// Tells of what files ask for: each by its name for people, with what it names and which functions it calls.
    pub fn findings<'f>(
        &self,
        files: impl Iterator<Item = (String, &'f Named, &'f BTreeSet<String>)>,
    ) -> Vec<Finding> {
        let mut subjects: Vec<BTreeSet<String>> = vec![BTreeSet::new(); self.0.len()];
        for (origin, named, imports) in files {
            for (asked, subjects) in self.0.iter().zip(&mut subjects) {
                let is_named = named.outside.iter().any(|outside| asked.is_named_by(&outside.text));
                if is_named || asked.imports.iter().any(|function| imports.contains(function)) {
                    subjects.insert(origin.clone());
                }
            }
        }
        let told = self.0.iter().zip(subjects).filter(|(_, subjects)| !subjects.is_empty());
        told.map(|(asked, subjects)| Finding {
            subjects: subjects.into_iter().collect(),
            ..Finding::note(asked.code, &asked.what).remedy(&asked.remedy)
        })
        .collect()
    }
}
