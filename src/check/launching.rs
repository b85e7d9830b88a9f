//! Whether launchers lead to something: the program that each becomes, and the script that it gives to it
//! (docs/design.md, "Any folder").

use std::collections::HashSet;

use super::Report;
use super::tree::{Content, FileNode, Node, Sorted, Tree};
use crate::elf::Elf;
use crate::finding::Finding;
use crate::path::{InstallPath, printable};
use crate::plan::script_of;
use crate::stub::{Change, Table};

/// Tells of launchers that lead to nothing: a public one is a failure, others are a finding.
pub(super) fn check(tree: &Tree, members: &[Sorted], named: &HashSet<InstallPath>, report: &mut Report) {
    let mut others = Vec::new();
    for &(path, node) in members {
        let Node::File(FileNode { content: Content::Elf { elf, launches: Some(table), .. }, .. }) = node
        else {
            continue;
        };
        let Some(why) = why_not(tree, path, elf, table) else { continue };
        let told = format!("{path} {why}");
        if named.contains(path) { report.failures.push(told) } else { others.push(told) }
    }
    if !others.is_empty() {
        let mut finding = Finding::warning("missing-program", "launchers outside bin start nothing");
        finding.subjects = others;
        report.findings.push(finding);
    }
}

/// What a launcher at `path` lacks.
fn why_not(tree: &Tree, path: &InstallPath, launcher: &Elf, table: &Table) -> Option<String> {
    let Some(program) = table.loader_from(path.as_bytes()) else {
        return Some("starts a program above the root folder".to_owned());
    };
    // An absolute one is the target's.
    if !table.loader.starts_with(b"/")
        && let Some(why) = why_not_started(tree, &program, launcher)
    {
        return Some(format!("starts {}, which {why}", printable(&program)));
    }
    let script = script_of(path);
    let is_given = |change: &Change| {
        let Change::Argument(text) = change else { return false };
        table.rooted(path.as_bytes(), text).is_some_and(|given| given == script.as_bytes())
    };
    let is_missing = table.changes.iter().any(is_given) && !is_file(tree, script.as_bytes());
    is_missing.then(|| format!("gives {} the script {script}, which is not there", printable(&program)))
}

fn is_file(tree: &Tree, path: &[u8]) -> bool {
    let found = tree.resolve(path).ok();
    found.is_some_and(|path| matches!(tree.get(&path), Some(Node::File(_))))
}

fn why_not_started(tree: &Tree, program: &[u8], launcher: &Elf) -> Option<String> {
    let Ok(found) = tree.resolve(program) else { return Some("is not in the artifact".into()) };
    tree.why_not_run(&found, launcher.abi).or_else(|| match tree.get(&found) {
        Some(Node::File(FileNode { content: Content::Elf { .. } | Content::Script(_), .. })) => None,
        _ => Some("is no program".into()),
    })
}
