//! `layout = "flat"`: what the results hold, and side by side in lib-dir the libraries they need.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::arrange::{self, Arranged, Placed, Tree};
use super::carried::lay::Laid;
use super::carried::{self, Reached, Seen};
use super::context::Context;
use super::draft::{Draft, Operated};
use super::face::Place;
use super::graph::{Graph, Missing};
use super::homes::{self, Homes};
use super::named::Named;
use super::operations::{self, Bundle};
use super::relations::Needs;
use super::relocation::Relocation;
use super::survey::Survey;
use super::why::Carried;
use super::{Entry, Finding, Role, Source, bill, host};
use crate::elf::{Class, Elf};
use crate::error::{Error, Result};
use crate::path::{InstallPath, StoreFile, printable};
use crate::store::library::Libraries;

/// Fills the draft.
pub fn plan(context: &Context, draft: &mut Draft) -> Result<()> {
    let trees = context.trees(&mut draft.findings)?;
    let libraries = Libraries::new(context.store);
    let mut reached = carried::reach(context, &trees, &libraries)?;
    let relocation = reached.relocation(context, &trees)?;
    let mut arranged = arrange_all(context, &trees, &relocation);
    reached.lead_results(context, &relocation, &mut arranged);
    report_malformed(&arranged.files, &reached.seen, draft)?;

    draft.findings.append(&mut reached.graph.findings);
    let graph = &reached.graph;
    report_foreign(context, graph, &arranged.files, draft)?;
    report_missing(context, graph, &arranged.files, draft)?;
    if graph.groups.len() > 1 {
        draft.findings.push(several_loaders(context, graph));
    }

    let mut libraries = take_libraries(&mut arranged, &reached.seen, &relocation);
    let mut fixed = places(&arranged);
    let Laid { arranged: carried, libraries: named, places: of_store } =
        reached.lay(context, &trees, &relocation, &fixed)?;
    fixed.append(&mut places(&carried));
    libraries.extend(named);
    let mut homes = homes::assign(context.store, graph, &context.lib_dir, &fixed)?;
    homes.lead_to(libraries);
    homes.lead_by_name(reached.opened());
    let laid = [&arranged, &carried].into_iter().flat_map(paths).collect();
    let kept = fixed.values().chain(arranged.links.iter().map(|link| &link.path));
    let kept = kept.filter_map(InstallPath::parent).collect();
    let bundle = Bundle {
        context,
        graph,
        relocation: &relocation,
        arranged: &arranged,
        laid: &laid,
        kept: &kept,
        fixed: &fixed,
    };
    let mut operated = operations::all(&bundle, &mut homes, draft)?;
    host::check_targets(context, graph)?;
    draft.store_needs = bill::needs_of(context.store, graph);
    draft.needs = Needs::of(graph, context.config.runtime.glibc);
    reached.report(context, draft)?;
    let mut laying = Laying { context, reached: &reached, relocation: &relocation, operated: &mut operated };
    laying.arranged(&arranged, true, draft)?;
    laying.arranged(&carried, false, draft)?;
    laying.libraries(&homes, draft)?;
    draft.entries.drop_dangling(&context.lib_dir);
    draft.carried = Carried { reasons: reached.reasons(), places: of_store };
    draft.without_shell = reached.without_shell(context.store);
    draft.relocation = relocation;
    Ok(())
}

fn places(arranged: &Arranged) -> BTreeMap<StoreFile, InstallPath> {
    arranged.files.iter().map(|file| (file.source.clone(), file.path.clone())).collect()
}

fn paths(arranged: &Arranged) -> impl Iterator<Item = InstallPath> {
    let files = arranged.files.iter().map(|file| &file.path);
    files.chain(arranged.links.iter().map(|link| &link.path)).cloned()
}

fn arrange_all(context: &Context, trees: &[Tree], relocation: &Relocation) -> Arranged {
    let face = context.face();
    let mut all = Arranged::default();
    for tree in trees {
        // Results that hold more than programs and public files stay together, each in a folder of its own.
        let arranged = match relocation.folder(tree.path.hash()).filter(|_| !arrange::is_public(tree)) {
            Some(place) => arrange::together(tree, place, &face),
            None => arrange::into_prefix(tree, &face),
        };
        all.append(arranged);
    }
    all
}

fn report_malformed(files: &[Placed], seen: &HashMap<StoreFile, Seen>, draft: &mut Draft) -> Result<()> {
    for file in files {
        let Some(why) = seen.get(&file.source).and_then(|seen| seen.survey.malformed.as_ref()) else {
            continue;
        };
        draft.malformed(&file.source, &file.below, why)?;
    }
    Ok(())
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

/// A program of the results that would not start is an error; a plugin that may never be loaded, or a program that is carried, is
/// worth knowing.
fn report_missing(context: &Context, graph: &Graph, files: &[Placed], draft: &mut Draft) -> Result<()> {
    let own: BTreeSet<&StoreFile> = files.iter().map(|file| &file.source).collect();
    let is_own = |missing: &&Missing| missing.program.as_ref().is_some_and(|program| own.contains(program));
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
    let (fatal, others): (Vec<_>, Vec<_>) = graph.missing.iter().partition(is_own);
    if !fatal.is_empty() {
        // Two programs that load the same library miss the same.
        let sentences: BTreeSet<String> = fatal.into_iter().map(sentence).collect();
        return Err(Error::failure(Vec::from_iter(sentences).join("\n")).remedy(remedy));
    }
    if !others.is_empty() {
        let mut finding = Finding::warning(
            "missing-library",
            "libraries, plugins or carried programs need what the closure does not have",
        );
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
    seen: &HashMap<StoreFile, Seen>,
    relocation: &Relocation,
) -> Vec<Placed> {
    let is_library = |file: &Placed| {
        let elf = seen.get(&file.source).and_then(|seen| seen.survey.elf.as_ref());
        elf.is_some_and(|elf| elf.class == Class::Library) && !relocation.holds(&file.path)
    };
    let (libraries, files) = std::mem::take(&mut arranged.files).into_iter().partition(is_library);
    arranged.files = files;
    libraries
}

/// The kernel starts none that cannot be executed.
const LOADER: (Role, u32) = (Role::Loader, 0o755);

/// What makes entries.
struct Laying<'a> {
    context: &'a Context<'a>,
    reached: &'a Reached<'a>,
    relocation: &'a Relocation,
    operated: &'a mut BTreeMap<InstallPath, Operated>,
}

impl Laying<'_> {
    /// The results' own files, links and empty folders, or what is carried besides.
    fn arranged(&mut self, arranged: &Arranged, is_own: bool, draft: &mut Draft) -> Result<()> {
        for path in &arranged.circular {
            let message = "a link would lead to itself on the target; it is left out";
            draft.findings.push(Finding::warning("dangling-link", message).subject(path.to_string()));
        }
        for file in &arranged.files {
            let survey = self.reached.seen.get(&file.source).map(|seen| &seen.survey);
            let mut entry = entry_of(self.context, file, survey.unwrap_or(&Survey::default()));
            if file.executable && !is_own {
                // ld.so and what is run through it must stay executable; here nothing is known of who starts what.
                entry.mode = 0o755;
            }
            if self.reached.graph.is_loader(&file.source) {
                (entry.role, entry.mode) = LOADER;
            }
            if let Some(elf) = survey.and_then(|survey| survey.elf.as_deref()) {
                draft.saw(elf, is_own);
            }
            self.file(entry, &file.source, is_own.then_some(file.below.as_slice()), draft)?;
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
    fn libraries(&mut self, homes: &Homes, draft: &mut Draft) -> Result<()> {
        let (store, graph) = (self.context.store, &self.reached.graph);
        for id in &homes.shipped {
            let (node, home) = (&graph.nodes[id], &homes.of[id]);
            let (role, mode) = if graph.is_loader(&id.1) { LOADER } else { (Role::Library, 0o644) };
            let size = store.metadata(&id.1)?.len();
            let mut entry = Entry::file(home.clone(), Source::Store(store.disk(&id.1)), size, mode, role);
            entry.origin = store.origin(&id.1);
            draft.saw(&node.elf, false);
            self.file(entry, &id.1, None, draft)?;
        }
        for (link, home) in &homes.links {
            draft.entries.add(Entry::link_to(link.clone(), home))?;
        }
        Ok(())
    }

    fn file(
        &mut self,
        mut entry: Entry,
        source: &StoreFile,
        below: Option<&[u8]>,
        draft: &mut Draft,
    ) -> Result<()> {
        let Laying { context, reached, relocation, .. } = *self;
        let mut operated = self.operated.remove(&entry.path).unwrap_or_default();
        let nothing = Named::default();
        let Some(seen) = reached.seen.get(source) else {
            return draft.file(context, entry, below, &nothing, operated, relocation);
        };
        let mut named = &seen.named;
        match named.packing {
            None => {
                let (patches, surgery) = reached.host_patches(context, source, seen, &seen.places)?;
                let (elsewhere, words) = context.rules.outside.patches(named, seen.survey.elf.as_deref());
                operated.patches.extend(patches.into_iter().chain(elsewhere));
                operated.surgery.extend(surgery.into_iter().chain(words));
            }
            Some(packing) => {
                let repacked = reached.repacked(context, relocation, source, seen, packing)?;
                operated.surgery.extend(draft.members(&mut entry, named, repacked, relocation));
                named = &nothing;
            }
        }
        draft.file(context, entry, below, named, operated, relocation)
    }
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
        // An example among the documents is one of them.
        None if file.executable && survey.is_script && !file.below.starts_with(b"share/doc/") => {
            Role::Program
        }
        _ if file.below.starts_with(b"share/licenses/") => Role::License,
        _ if file.below.starts_with(b"share/doc/") || file.below.starts_with(b"share/man/") => Role::Doc,
        _ => Role::Data,
    }
}
