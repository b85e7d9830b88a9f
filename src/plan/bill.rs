//! The bill of materials, as data: every store path that something of is bundled, and its programs and libraries.

use std::collections::{BTreeMap, BTreeSet};

use super::context::Context;
use super::draft::Draft;
use super::graph::Graph;
use super::licences::{documents, licence};
use super::projects::{Project, origins};
use super::table::described;
use super::{Architecture, Entry, Kind, Role, Source};
use crate::bill::{Bill, Component, Listed};
use crate::config::names;
use crate::error::Result;
use crate::store::{Store, StorePath};

/// Which store paths need which.
pub type Needs = BTreeMap<StorePath, BTreeSet<StorePath>>;

/// Adds it to the draft, its digests still zeros.
pub fn add(context: &Context, draft: &mut Draft, architecture: Architecture) -> Result<Option<Bill>> {
    if !context.config.install.sbom {
        return Ok(None);
    }
    let package = &draft.package;
    let name = names::deb_name(&package.name);
    let bill = Bill {
        place: documents(&context.prefix, package).join(format!("{name}.cdx.json")),
        package: package.clone(),
        architecture,
        mtime: context.mtime,
        store_dir: context.store.dir().clone(),
        components: components(context, draft),
        files: draft.entries.iter().filter_map(users_program).collect(),
    };
    let entry = Entry::made(bill.place.clone(), bill.json(&BTreeMap::new()), Role::Doc);
    draft.entries.add(entry)?;
    Ok(Some(bill))
}

fn components(context: &Context, draft: &Draft) -> Vec<Component> {
    let own: BTreeSet<&StorePath> = context.results.iter().collect();
    let mut found: BTreeMap<StorePath, Component> = BTreeMap::new();
    for (path, origin) in origins(context, &draft.entries) {
        // Of what ships a licence's text alone nothing is bundled.
        let Some(entry) = draft.entries.get(&path).filter(|entry| entry.role != Role::License) else {
            continue;
        };
        let component = found.entry(origin.path.clone()).or_insert_with(|| {
            let project = Project::of(&origin.path);
            let is_own = own.contains(&origin.path);
            let licence = licence(context, &draft.package, &project, is_own);
            Component { path: origin.path, project, licence, is_own, files: Vec::new(), needs: Vec::new() }
        });
        if matches!(entry.role, Role::Program | Role::Library | Role::Loader) {
            component.files.push(listed(entry, Some(origin.below)));
        }
    }
    let known: BTreeSet<StorePath> = found.keys().cloned().collect();
    for (path, component) in &mut found {
        let needs = draft.store_needs.get(path).into_iter().flatten();
        component.needs = needs.filter(|need| *need != path && known.contains(need)).cloned().collect();
    }
    found.into_values().collect()
}

fn listed(entry: &Entry, below: Option<Vec<u8>>) -> Listed {
    let edits = match &entry.kind {
        Kind::File { surgery, .. } => surgery.iter().map(described).collect(),
        _ => Vec::new(),
    };
    Listed { path: entry.path.clone(), below, is_program: entry.role == Role::Program, edits }
}

/// A file of the user's that can be run.
fn users_program(entry: &Entry) -> Option<Listed> {
    match &entry.kind {
        Kind::File { source: Source::User(_), .. } if entry.mode & 0o111 != 0 => Some(listed(entry, None)),
        _ => None,
    }
}

/// What the files of each store path load from others.
pub fn needs_of(store: &Store, graph: &Graph) -> Needs {
    let mut needs = Needs::new();
    for (id, node) in &graph.nodes {
        let Some((path, _)) = store.split(&id.1) else { continue };
        let served = node.needs.values().flat_map(|need| need.served_by.keys());
        let loader = graph.groups[id.0].loader.as_ref().map(|loader| &loader.file);
        let paths = served.chain(loader).filter_map(|file| Some(store.split(file)?.0));
        needs.entry(path).or_default().extend(paths);
    }
    needs
}
