//! Licence texts: those that the closure has of what is bundled are shipped, below `share/doc/<name>/licenses`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;

use rayon::prelude::*;

use super::context::Context;
use super::copyright;
use super::draft::Draft;
use super::licence_name::{is_licence, is_of_project};
use super::projects::{Project, origins};
use super::{Entry, Finding, Role, Source};
use crate::config::{Package, names};
use crate::error::Result;
use crate::path::{InstallPath, StoreFile, file_name, printable};
use crate::spdx;
use crate::store::StorePath;
use crate::store::inventory;

/// What is known of a project's licence.
#[derive(Debug, Default)]
pub struct Terms {
    /// As bundle.toml says: an SPDX expression, mostly.
    pub licence: Option<String>,
    /// Where its texts are installed.
    pub texts: Vec<InstallPath>,
    /// Lines that say whose it is.
    pub notices: Vec<String>,
    /// The bundled files that are not texts.
    pub files: Vec<InstallPath>,
    /// A result is of this project.
    pub is_own: bool,
}

/// Adds the texts and Debian's copyright file.
pub fn add(context: &Context, draft: &mut Draft) -> Result<()> {
    if !context.config.install.licenses {
        return Ok(());
    }
    let mut terms = terms(context, draft);
    let found = found(context, terms.keys())?;
    let mut texts = Texts::new(context, draft, &found);
    for (project, text) in found {
        if let Some(terms) = terms.get_mut(&project) {
            texts.add(draft, &project, text, terms)?;
        }
    }
    report(draft, &terms);
    report_unused(context, draft, &terms);
    let place = documents(&InstallPath::root().join("usr"), &draft.package).join(COPYRIGHT);
    // The user's own stays.
    if draft.entries.get(&place).is_none() {
        let text = copyright::text(&draft.package, &texts.folder, &place, &terms);
        draft.entries.add(Entry::made(place, text, Role::License))?;
    }
    Ok(())
}

/// Debian Policy 12.5.
const COPYRIGHT: &str = "copyright";

/// `<prefix>/share/doc/<name>`
pub fn documents(prefix: &InstallPath, package: &Package) -> InstallPath {
    prefix.join("share/doc").join(names::deb_name(&package.name))
}

/// Every project that a bundled file is of.
fn terms(context: &Context, draft: &Draft) -> BTreeMap<Project, Terms> {
    let own: BTreeSet<Project> = context.results.iter().map(Project::of).collect();
    let mut all: BTreeMap<Project, Terms> = BTreeMap::new();
    for (path, origin) in origins(context, &draft.entries) {
        let project = Project::of(&origin.path);
        let terms = all.entry(project.clone()).or_default();
        if !is_licence(&origin.below) {
            terms.files.push(path);
        }
        terms.is_own = own.contains(&project);
        terms.licence = licence(context, &draft.package, &project, terms.is_own);
    }
    all
}

/// What bundle.toml says of a project's licence.
pub fn licence(context: &Context, package: &Package, project: &Project, is_own: bool) -> Option<String> {
    let said = context.config.licenses.get(&project.name).cloned();
    said.or_else(|| {
        context.config.package.license.is_some().then(|| package.license.clone()).filter(|_| is_own)
    })
}

/// A text in the store.
struct Text {
    source: StoreFile,
    below: Vec<u8>,
    bytes: Vec<u8>,
}

/// The texts in all outputs of the projects that the closure has, in order.
fn found<'a>(context: &Context, projects: impl Iterator<Item = &'a Project>) -> Result<Vec<(Project, Text)>> {
    let wanted: BTreeSet<&Project> = projects.collect();
    let outputs: BTreeSet<(Project, &StorePath)> = context
        .known()?
        .closure
        .paths()
        .map(|path| (Project::of(path), path))
        .filter(|(project, _)| wanted.contains(project))
        .collect();
    let outputs: Vec<_> = outputs.into_iter().collect();
    let found = outputs.par_iter().map(|(project, path)| {
        let kinds = inventory::kinds(context.store, path)?;
        let is_text = |below: &[u8]| is_licence(below) && is_of_project(below);
        let texts = kinds.into_iter().filter(|(below, kind)| kind.is_file() && is_text(below));
        texts
            .map(|(below, _)| {
                let source = context.store.file(path).join(&below);
                let bytes = context.store.map(&source)?.to_vec();
                Ok((project.clone(), Text { source, below, bytes }))
            })
            .collect::<Result<Vec<_>>>()
    });
    Ok(found.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// The texts that are shipped.
struct Texts<'a> {
    context: &'a Context<'a>,
    folder: InstallPath,
    /// By their bytes.
    places: HashMap<Vec<u8>, InstallPath>,
    /// The entries of the bundle that have one already, by their files on the disk.
    before: HashMap<PathBuf, Vec<InstallPath>>,
}

impl<'a> Texts<'a> {
    fn new(context: &'a Context<'a>, draft: &Draft, found: &[(Project, Text)]) -> Self {
        let texts: HashSet<PathBuf> =
            found.iter().map(|(_, text)| context.store.disk(&text.source)).collect();
        let mut before: HashMap<PathBuf, Vec<InstallPath>> = HashMap::new();
        for entry in draft.entries.iter() {
            if let Some(disk) = entry.disk()
                && texts.contains(disk)
            {
                before.entry(disk.clone()).or_default().push(entry.path.clone());
            }
        }
        let folder = documents(&context.prefix, &draft.package).join("licenses");
        Texts { context, folder, places: HashMap::new(), before }
    }

    /// Ships a text, once: where the bundle has it already, and where another project has the same, a link leads to it.
    fn add(&mut self, draft: &mut Draft, project: &Project, text: Text, terms: &mut Terms) -> Result<()> {
        let same = self.places.get(&text.bytes).cloned();
        if same.as_ref().is_some_and(|place| terms.texts.contains(place)) {
            return Ok(());
        }
        let place = self.free(draft, project, &text.below);
        terms.texts.push(place.clone());
        for notice in
            notices(&text.bytes).filter(|notice| !terms.notices.contains(notice)).collect::<Vec<_>>()
        {
            terms.notices.push(notice);
        }
        let disk = self.context.store.disk(&text.source);
        for path in self.before.get(&disk).into_iter().flatten() {
            draft.entries.remove(path);
            if *path != documents(&InstallPath::root().join("usr"), &draft.package).join(COPYRIGHT) {
                draft.entries.add(Entry::link_to(path.clone(), &place))?;
            }
        }
        if let Some(same) = same {
            return draft.entries.add(Entry::link_to(place, &same));
        }
        for hit in self.context.known()?.scanner.scan(&text.bytes) {
            draft.leftovers.entry(hit.hash).or_default().insert(place.clone());
        }
        let mut entry =
            Entry::file(place.clone(), Source::Store(disk), text.bytes.len() as u64, 0o644, Role::License);
        entry.origin = self.context.store.origin(&text.source);
        self.places.insert(text.bytes, place);
        draft.entries.add(entry)
    }

    /// `<folder>/<project>-COPYING`: with the project in front, since lintian takes what begins with COPYING for a text too many.
    fn free(&self, draft: &Draft, project: &Project, below: &[u8]) -> InstallPath {
        let plain = |c: char| if c.is_ascii_alphanumeric() || "+-._".contains(c) { c } else { '-' };
        let name: String = printable(file_name(below)).chars().map(plain).collect();
        let first = self.folder.join(format!("{}-{name}", project.name));
        let further = (2..).map(|count| self.folder.join(format!("{}-{name}-{count}", project.name)));
        // Finitely many are taken.
        let is_free = |place: &InstallPath| draft.entries.get(place).is_none();
        std::iter::once(first.clone()).chain(further).find(is_free).unwrap_or(first)
    }
}

/// The lines of a text that say whose the work is; not those that say whose a GNU licence's own text is.
fn notices(text: &[u8]) -> impl Iterator<Item = String> {
    // Older ones are Latin-1, whose characters are the first of Unicode.
    let text = match str::from_utf8(text) {
        Ok(text) => text.to_owned(),
        Err(_) => text.iter().map(|byte| char::from(*byte)).collect(),
    };
    let is_gnus = text.lines().take(3).any(|line| line.contains("GNU") && line.contains("LICENSE"));
    let is_notice = |line: &str| {
        let lower = line.to_lowercase();
        let word = lower.starts_with("copyright") || lower.starts_with("(c)") || line.starts_with('©');
        let has_year = line.as_bytes().windows(4).any(|four| four.iter().all(u8::is_ascii_digit));
        word && has_year && line.len() < 200 && !(is_gnus && lower.contains("free software foundation"))
    };
    let lines =
        text.lines().map(|line| line.trim_matches(|c: char| c.is_whitespace() || "#*/;%\"".contains(c)));
    let found: Vec<String> = lines.filter(|line| is_notice(line)).map(bare).collect();
    found.into_iter()
}

/// Without the word that DEP-5's field begins with anyway.
fn bare(line: &str) -> String {
    let signs = |c: char| c.is_whitespace() || c == ':';
    let mut rest = line;
    for word in ["copyright", "(c)", "©"] {
        if let Some(head) = rest.get(..word.len()).filter(|head| head.to_lowercase() == word) {
            rest = rest[head.len()..].trim_start_matches(signs);
        }
    }
    rest.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How many names a finding tells.
const TOLD: usize = 8;

fn report(draft: &mut Draft, terms: &BTreeMap<Project, Terms>) {
    let without: Vec<&str> = terms
        .iter()
        .filter(|(_, terms)| {
            terms.texts.is_empty() && !terms.licence.as_deref().is_some_and(spdx::debian_has_texts)
        })
        .map(|(project, _)| project.name.as_str())
        .collect();
    let Some(first) = without.first() else { return };
    let more = without.len().saturating_sub(TOLD);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let message = format!(
        "{} of {} bundled projects have no licence text in the closure: {}{more}",
        without.len(),
        terms.len(),
        without[..without.len().min(TOLD)].join(", ")
    );
    let remedy = format!(
        "say their licences (`[licenses]`, `{first} = \"...\"`), and ship the texts (`[[contents]]`, `type = \"license\"`)"
    );
    draft.findings.push(Finding::note("no-licence-text", message).remedy(remedy));
}

/// A name that is spelt wrong would say nothing of anything.
fn report_unused(context: &Context, draft: &mut Draft, terms: &BTreeMap<Project, Terms>) {
    let names: BTreeSet<&str> = terms.keys().map(|project| project.name.as_str()).collect();
    let unused = context.config.licenses.keys().filter(|name| !names.contains(name.as_str()));
    let mut finding = Finding::note("unused-licence", "`licenses` names what is not bundled");
    finding.subjects = unused.cloned().collect();
    if !finding.subjects.is_empty() {
        draft.findings.push(
            finding.remedy("a store path's name without its version is meant; the copyright file lists them"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_are_the_lines_that_say_whose_it_is() {
        let gnus = "  GNU GENERAL PUBLIC LICENSE\n Version 2\n\n Copyright (C) 1989, 1991 Free Software Foundation, Inc.\n";
        assert_eq!(notices(gnus.as_bytes()).count(), 0);
        let text = "The MIT License\n\n * Copyright (c) 2012 Stephen  Dolan\nCopyright: 2015, Somebody <a@example.org>\n\
                    © 2020 Else\n\nthe copyright notice above (2012) shall be\nCopyright nobody\n";
        let found: Vec<String> = notices(text.as_bytes()).collect();
        assert_eq!(found, ["2012 Stephen Dolan", "2015, Somebody <a@example.org>", "2020 Else"]);
    }
}
