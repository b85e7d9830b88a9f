//! The bill of materials, as data: every store path that something of is bundled, and its programs and libraries.

use std::collections::{BTreeMap, BTreeSet};

use super::context::Context;
use super::draft::Draft;
use super::graph::Graph;
use super::licences::{documents, licence};
use super::projects::{Origin, Project, origins};
use super::table::described;
use super::{Architecture, Entry, Kind, Role, Source};
use crate::bill::{Bill, Component, Listed};
use crate::config::{Layout, names};
use crate::error::Result;
use crate::path::StoreFile;
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
    let (components, needs) = components(context, draft);
    let bill = Bill {
        place: documents(&context.prefix, package).join(format!("{name}.cdx.json")),
        package: package.clone(),
        architecture,
        mtime: context.mtime,
        store_dir: context.store.dir().clone(),
        components,
        needs,
        files: draft.entries.iter().filter_map(users_program).collect(),
    };
    let entry = Entry::made(bill.place.clone(), bill.json(&BTreeMap::new()), Role::Doc);
    draft.entries.add(entry)?;
    Ok(Some(bill))
}

/// All of them, and which the package itself needs.
fn components(context: &Context, draft: &Draft) -> (Vec<Component>, Vec<StorePath>) {
    let own: BTreeSet<&StorePath> = context.results.iter().collect();
    let mut found: BTreeMap<StorePath, Component> = BTreeMap::new();
    let origins = origins(context, &draft.entries);
    let needs = all_needs(context, draft, origins.values());
    for (path, origin) in origins {
        // Of what ships a licence's text alone nothing is bundled.
        let Some(entry) = draft.entries.get(&path).filter(|entry| entry.role != Role::License) else {
            continue;
        };
        let component = found.entry(origin.path.clone()).or_insert_with(|| {
            let project = Project::of(&origin.path);
            let licence = licence(context, &draft.package, &project, own.contains(&origin.path));
            Component { path: origin.path, project, licence, files: Vec::new(), needs: Vec::new() }
        });
        if matches!(entry.role, Role::Program | Role::Library | Role::Loader) {
            component.files.push(listed(entry, Some(origin.below)));
        }
    }
    let known: BTreeSet<StorePath> = found.keys().cloned().collect();
    for (path, component) in &mut found {
        component.needs = nearest([path], &needs, &known).into_iter().filter(|need| need != path).collect();
    }
    let (own, others) = own.into_iter().partition::<Vec<_>, _>(|path| known.contains(*path));
    let mut root = nearest(others, &needs, &known);
    root.extend(own.into_iter().cloned());
    (found.into_values().collect(), root.into_iter().collect())
}

/// What store paths load of others, name, start and lead to. A result that only has links leads to what the bundle has in its name.
fn all_needs<'o>(context: &Context, draft: &Draft, origins: impl Iterator<Item = &'o Origin>) -> Needs {
    let path_of = |file: &StoreFile| Some(context.store.split(file)?.0);
    let reasons = &draft.carried.reasons;
    let mut needs = draft.store_needs.clone();
    for (file, reason) in reasons {
        let by = reason.by.as_ref().and_then(path_of);
        if let (Some(by), Some(path)) = (by, path_of(file)) {
            needs.entry(by).or_default().insert(path);
        }
    }
    if context.config.install.layout == Layout::Flat {
        let is_led_to = |origin: &&Origin| {
            !reasons.contains_key(&context.store.file(&origin.path).join(&origin.below))
                && !context.results.contains(&origin.path)
        };
        let led_to: BTreeSet<StorePath> =
            origins.filter(is_led_to).map(|origin| origin.path.clone()).collect();
        for result in context.results {
            needs.entry(result.clone()).or_default().extend(led_to.iter().cloned());
        }
    }
    needs
}

/// The components that are needed by store paths, also by way of those that nothing is bundled of.
fn nearest<'p>(
    from: impl IntoIterator<Item = &'p StorePath>,
    needs: &'p Needs,
    components: &BTreeSet<StorePath>,
) -> BTreeSet<StorePath> {
    let mut found = BTreeSet::new();
    let mut passed: BTreeSet<&StorePath> = BTreeSet::new();
    let mut left: Vec<&StorePath> = from.into_iter().collect();
    while let Some(path) = left.pop() {
        for need in needs.get(path).into_iter().flatten() {
            if components.contains(need) {
                found.insert(need.clone());
            } else if passed.insert(need) {
                left.push(need);
            }
        }
    }
    found
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
