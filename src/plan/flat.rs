//! `layout = "flat"`: what the results hold, and side by side in lib-dir the libraries they need.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rayon::prelude::*;

use super::arrange::{self, Arranged, Placed, Tree};
use super::context::Context;
use super::draft::{Draft, Operated};
use super::face::Place;
use super::graph::{Graph, Loading, Missing, NodeId};
use super::homes::{self, Homes};
use super::operations::{self, Bundle};
use super::relations::Needs;
use super::relocation::Relocation;
use super::survey::{self, Survey, survey};
use super::{Entry, Finding, Role, Source, bill, host};
use crate::elf::{Class, Elf};
use crate::error::{Error, Result};
use crate::path::{InstallPath, StoreFile, printable};
use crate::store::library::Libraries;

/// Fills the draft.
pub fn plan(context: &Context, draft: &mut Draft) -> Result<()> {
    let trees = context.trees(&mut draft.findings)?;
    let relocation = relocation(context, &trees)?;
    let mut arranged = arrange_all(context, &trees, &relocation);
    let surveys = survey_all(context, &arranged.files)?;
    report_malformed(&arranged.files, &surveys, draft)?;

    let parsed = surveys.iter().map(|(file, survey)| (file.clone(), survey.elf.clone())).collect();
    let libraries = Libraries::new(context.store, parsed);
    let mut graph = load(context, &arranged.files, &surveys, &libraries)?;
    draft.findings.append(&mut graph.findings);
    report_foreign(context, &graph, &arranged.files, draft)?;
    report_missing(context, &graph, draft)?;
    if graph.groups.len() > 1 {
        draft.findings.push(several_loaders(context, &graph));
    }

    let libraries = take_libraries(&mut arranged, &surveys, &relocation);
    let fixed = arranged.files.iter().map(|file| (file.source.clone(), file.path.clone())).collect();
    let mut homes = homes::assign(context.store, &graph, &context.lib_dir, &fixed)?;
    homes.lead_to(libraries);
    let bundle = Bundle {
        context,
        graph: &graph,
        relocation: &relocation,
        trees: &trees,
        arranged: &arranged,
        fixed: &fixed,
    };
    let mut operated = operations::all(&bundle, &mut homes, draft)?;
    host::check_targets(context, &graph)?;
    draft.store_needs = bill::needs_of(context.store, &graph);
    draft.needs = Needs::of(&graph, context.config.runtime.glibc);
    add_results(&bundle, &surveys, &mut operated, draft)?;
    add_libraries(&bundle, &homes, &mut operated, draft)
}

/// Results that hold more than programs and public files stay together, each in a folder of its own.
fn relocation(context: &Context, trees: &[Tree]) -> Result<Relocation> {
    let together: Vec<_> =
        trees.iter().filter(|tree| !arrange::is_public(tree)).map(|tree| &tree.path).collect();
    if together.is_empty() {
        return Ok(Relocation::default());
    }
    Relocation::new(context.store.dir(), &context.lib_dir, together)
}

fn arrange_all(context: &Context, trees: &[Tree], relocation: &Relocation) -> Arranged {
    let face = context.face();
    let mut all = Arranged::default();
    for tree in trees {
        let arranged = match relocation.folder(tree.path.hash()) {
            Some(place) => arrange::together(tree, place, &face),
            None => arrange::into_prefix(tree, &face),
        };
        all.append(arranged);
    }
    all
}

/// Looks at every file of the results, on all cores.
fn survey_all(context: &Context, files: &[Placed]) -> Result<HashMap<StoreFile, Survey>> {
    let sources: BTreeSet<&StoreFile> = files.iter().map(|file| &file.source).collect();
    let sources: Vec<&StoreFile> = sources.into_iter().collect();
    sources.par_iter().map(|source| Ok(((*source).clone(), survey(context.store, source)?))).collect()
}

fn report_malformed(files: &[Placed], surveys: &HashMap<StoreFile, Survey>, draft: &mut Draft) -> Result<()> {
    for file in files {
        let Some(why) = surveys.get(&file.source).and_then(|survey| survey.malformed.as_ref()) else {
            continue;
        };
        draft.malformed(&file.source, &file.below, why)?;
    }
    Ok(())
}

fn load(
    context: &Context,
    files: &[Placed],
    surveys: &HashMap<StoreFile, Survey>,
    libraries: &Libraries,
) -> Result<Graph> {
    let baseline = super::choose::globs("runtime.baseline", &context.config.runtime.baseline)?;
    let mut loading = Loading::new(context.store, libraries, &baseline, context.config.runtime.glibc);
    let elfs: Vec<_> = files
        .iter()
        .filter_map(|file| Some((&file.source, surveys.get(&file.source)?.elf.as_ref()?)))
        .collect();
    for (file, elf) in elfs.iter().filter(|(_, elf)| elf.class == Class::Program) {
        loading.program(file, elf);
    }
    for (file, elf) in elfs.iter().filter(|(_, elf)| elf.class == Class::Library) {
        loading.library(file, elf, None);
    }
    for (file, name) in context.added_libraries()? {
        let elf = libraries.elf(&file).ok_or_else(|| {
            Error::failure(format!("{file}, which `runtime.add` asks for, is no ELF library"))
        })?;
        loading.library(&file, &elf, Some(&name));
    }
    Ok(loading.finish())
}

fn report_foreign(context: &Context, graph: &Graph, files: &[Placed], draft: &mut Draft) -> Result<()> {
    for source in &graph.foreign {
        let public =
            files.iter().any(|file| file.source == *source && Place::of(&file.below) == Place::Program);
        let message = format!(
            "{} wants an interpreter that is not in the store: it was not built by Nix, or not for this closure",
            context.store.origin(source)
        );
        if public && context.config.runtime.glibc == crate::config::Glibc::Bundled {
            return Err(Error::failure(message)
                .remedy("patch it in the build (autoPatchelfHook), set `runtime.glibc = \"host\"`, or leave it out with `install.exclude`"));
        }
        draft.findings.push(Finding::warning("foreign-interpreter", message + "; it is shipped as it is"));
    }
    Ok(())
}

/// A program that would not start is an error; a plugin that may never be loaded is worth knowing.
fn report_missing(context: &Context, graph: &Graph, draft: &mut Draft) -> Result<()> {
    let sentence = |missing: &Missing| {
        let tried: Vec<String> = missing.tried.iter().map(|folder| printable(folder)).collect();
        let tried = if tried.is_empty() {
            "it has no run path".to_owned()
        } else {
            format!("looked in {}", tried.join(", "))
        };
        format!(
            "{} needs {}, which is not found: {tried}",
            context.store.origin(&missing.by),
            printable(&missing.name)
        )
    };
    let remedy = "add the library to the build's run path, list it in `runtime.baseline` if the target provides it, \
                  or leave the file out with `install.exclude`";
    let (fatal, others): (Vec<_>, Vec<_>) =
        graph.missing.iter().partition(|missing| missing.program.is_some());
    if !fatal.is_empty() {
        // Two programs that load the same library miss the same.
        let sentences: BTreeSet<String> = fatal.into_iter().map(sentence).collect();
        return Err(Error::failure(Vec::from_iter(sentences).join("\n")).remedy(remedy));
    }
    if !others.is_empty() {
        let mut finding =
            Finding::warning("missing-library", "libraries or plugins need what the closure does not have");
        finding.subjects = others.into_iter().map(sentence).collect();
        draft.findings.push(finding.remedy(remedy));
    }
    Ok(())
}

fn several_loaders(context: &Context, graph: &Graph) -> Finding {
    let mut finding = Finding::note(
        "several-loaders",
        "the programs run on more than one loader; each has its own library folder",
    );
    let loaders = graph.groups.iter().filter_map(|group| group.loader.as_ref());
    finding.subjects = loaders.map(|loader| context.store.origin(&loader.file)).collect();
    finding
}

/// No library lies in prefix, not even the loader that glibc's own `bin/ld.so` is: it goes where libraries go, and a link
/// leads to it.
fn take_libraries(
    arranged: &mut Arranged,
    surveys: &HashMap<StoreFile, Survey>,
    relocation: &Relocation,
) -> Vec<Placed> {
    let is_library = |file: &Placed| {
        let elf = surveys.get(&file.source).and_then(|survey| survey.elf.as_ref());
        elf.is_some_and(|elf| elf.class == Class::Library) && !relocation.holds(&file.path)
    };
    let (libraries, files) = std::mem::take(&mut arranged.files).into_iter().partition(is_library);
    arranged.files = files;
    libraries
}

/// The kernel starts none that cannot be executed.
const LOADER: (Role, u32) = (Role::Loader, 0o755);

/// The results' own files, links and empty folders.
fn add_results(
    bundle: &Bundle,
    surveys: &HashMap<StoreFile, Survey>,
    operated: &mut BTreeMap<InstallPath, Operated>,
    draft: &mut Draft,
) -> Result<()> {
    let Bundle { context, graph, arranged, relocation, .. } = bundle;
    for path in &arranged.circular {
        let message = "a link would lead to itself on the target; it is left out";
        draft.findings.push(Finding::warning("dangling-link", message).subject(path.to_string()));
    }
    let sources: Vec<&StoreFile> = arranged.files.iter().map(|file| &file.source).collect();
    let hits = survey::references(context.store, &context.known()?.scanner, &sources)?;
    for (file, hits) in arranged.files.iter().zip(hits) {
        let survey = surveys.get(&file.source).cloned().unwrap_or_default();
        if let Some(elf) = &survey.elf {
            draft.saw(elf, true);
        }
        let operation = operated.remove(&file.path).unwrap_or_default();
        let mut entry = entry_of(context, file, &survey);
        if graph.is_loader(&file.source) {
            (entry.role, entry.mode) = LOADER;
        }
        draft.file(context, entry, Some(&file.below), &hits, operation, relocation)?;
    }
    for link in &arranged.links {
        draft.entries.add(link.clone())?;
    }
    for folder in &arranged.folders {
        draft.entries.add(Entry::folder(folder.clone()))?;
    }
    Ok(())
}

/// The libraries from elsewhere in the closure, and links for their further names.
fn add_libraries(
    bundle: &Bundle,
    homes: &Homes,
    operated: &mut BTreeMap<InstallPath, Operated>,
    draft: &mut Draft,
) -> Result<()> {
    let Bundle { context, graph, relocation, .. } = bundle;
    let ids: Vec<&NodeId> = homes.shipped.iter().collect();
    let sources: Vec<&StoreFile> = ids.iter().map(|id| &id.1).collect();
    let hits = survey::references(context.store, &context.known()?.scanner, &sources)?;
    for (id, hits) in ids.into_iter().zip(hits) {
        let (node, home) = (&graph.nodes[id], &homes.of[id]);
        let (role, mode) = if graph.is_loader(&id.1) { LOADER } else { (Role::Library, 0o644) };
        let size = context.store.metadata(&id.1)?.len();
        let mut entry = Entry::file(home.clone(), Source::Store(context.store.disk(&id.1)), size, mode, role);
        entry.origin = context.store.origin(&id.1);
        draft.saw(&node.elf, false);
        draft.file(context, entry, None, &hits, operated.remove(home).unwrap_or_default(), relocation)?;
    }
    for (link, home) in &homes.links {
        draft.entries.add(Entry::link_to(link.clone(), home))?;
    }
    Ok(())
}

/// The entry of a result's own file, before its edits.
pub fn entry_of(context: &Context, file: &Placed, survey: &Survey) -> Entry {
    let role = role(file, survey);
    let executable = file.executable && (role != Role::Library || has_interpreter(survey.elf.as_deref()));
    let mode = if executable { 0o755 } else { 0o644 };
    let mut entry = Entry::file(
        file.path.clone(),
        Source::Store(context.store.disk(&file.source)),
        file.size,
        mode,
        role,
    );
    entry.origin = context.store.origin(&file.source);
    entry
}

/// libc.so.6 and libcap.so.2 can be run.
fn has_interpreter(elf: Option<&Elf>) -> bool {
    elf.is_some_and(|elf| elf.interpreter.is_some())
}

fn role(file: &Placed, survey: &Survey) -> Role {
    match survey.elf.as_ref().map(|elf| elf.class) {
        _ if file.is_config => Role::Config { noreplace: true, missingok: false },
        Some(Class::Program | Class::StaticProgram) if file.executable => Role::Program,
        Some(Class::Library) => Role::Library,
        None if file.executable && survey.is_script => Role::Program,
        _ if file.below.starts_with(b"share/licenses/") => Role::License,
        _ if file.below.starts_with(b"share/doc/") || file.below.starts_with(b"share/man/") => Role::Doc,
        _ => Role::Data,
    }
}
