//! The tree: what is loaded, below who asked for it.

use std::collections::HashSet;
use std::fmt::Write;

use crate::elf::describe::Kind;
use crate::inspect::loader::Whose;
use crate::inspect::tree::{Loader, Tree, TreeNeed};

/// Deeper levels are not set in further: the margin would outgrow the names.
const DEEPEST: usize = 40;

/// Each object with its needed entries the first time that it is named, by its path alone afterwards.
pub(super) fn write(out: &mut String, tree: &Tree, kind: Kind) {
    let Some(root) = tree.objects.first() else { return };
    // Writing to a String does not fail.
    if root.needs.is_empty() && tree.loader.path.is_none() {
        let _ = writeln!(out, "  {}", nothing(kind));
        return;
    }
    loader(out, &tree.loader);
    let mut told = HashSet::from([0]);
    // Objects that are being told, each with the needed entries that are left. No recursion: a chain of libraries may be long.
    let mut open = vec![(0, root.needs.iter())];
    while let Some((asker, needs)) = open.last_mut() {
        let asker = *asker;
        let Some(need) = needs.next() else {
            open.pop();
            continue;
        };
        let is_new = need.object.is_some_and(|object| told.insert(object));
        entry(out, tree, need, (asker, open.len()), is_new);
        if let Some(object) = need.object.filter(|_| is_new) {
            open.push((object, tree.objects[object].needs.iter()));
        }
    }
    for missing in &tree.missing_versions {
        let _ = writeln!(
            out,
            "  version {} is not in {}, and is needed by {}",
            missing.version, missing.library, missing.needed_by
        );
    }
}

fn nothing(kind: Kind) -> &'static str {
    match kind {
        Kind::Program | Kind::StaticProgram | Kind::Library => "needs nothing",
        _ => "is nothing that is loaded",
    }
}

fn loader(out: &mut String, loader: &Loader) {
    let whose = match loader.whose {
        Whose::Nix => "a Nix store's",
        Whose::Musl => "musl's",
        Whose::Distribution => "the distribution's",
    };
    let _ = match &loader.path {
        Some(path) => writeln!(out, "  loaded by {path} ({whose})"),
        None => writeln!(out, "  loaded by {whose} loader"),
    };
    if let Some(error) = &loader.error {
        let _ = writeln!(out, "    which cannot be used: {error}");
    }
}

/// A needed entry of the object `asker`.
fn entry(out: &mut String, tree: &Tree, need: &TreeNeed, (asker, depth): (usize, usize), is_new: bool) {
    let margin = "  ".repeat(depth.min(DEEPEST) + 1);
    let Some(object) = need.object.map(|index| &tree.objects[index]) else {
        let _ = writeln!(out, "{margin}{} => NOT FOUND", need.name);
        for line in reasons(need) {
            let _ = writeln!(out, "{margin}    {line}");
        }
        return;
    };
    if !is_new {
        let _ = writeln!(out, "{margin}{} (above)", need.name);
        return;
    }
    let by = match need.led_by {
        Some(by) if by == asker => " (run path)".to_owned(),
        Some(by) => format!(" (run path of {})", tree.objects[by].path),
        None => String::new(),
    };
    let _ = writeln!(out, "{margin}{} => {}{by}", need.name, object.path);
    for build in &need.newer_builds {
        let _ = writeln!(out, "{margin}    or {build}, on a processor that has what it needs");
    }
}

/// Why nothing was found.
fn reasons(need: &TreeNeed) -> Vec<String> {
    let mut lines: Vec<String> =
        need.passed_over.iter().map(|passed| format!("{}: {}", passed.path, passed.reason)).collect();
    match need.looked_in.as_slice() {
        [] if lines.is_empty() => lines.push("there was no folder to look in".into()),
        [] => {}
        folders => lines.push(format!("looked in {}", folders.join(", "))),
    }
    lines
}
