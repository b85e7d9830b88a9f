//! Opens an artifact as a stranger would and proves that it is closed.
//!
//! [`read`] hands out the members of any kind of artifact, [`intake`] keeps of each what matters, [`tree`] is what the target's
//! kernel will see of them, and [`loading`], [`launching`] and [`rules`] say what is wrong with it.

pub(crate) mod abi;
mod anchored;
mod intake;
mod launching;
mod loading;
mod read;
mod rules;
mod tree;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use crate::error::{Error, Result};
use crate::finding::Finding;
use crate::path::InstallPath;
use crate::plan::choose::globs;
use crate::plan::table::counted;
use crate::store::path::IN_ALPHABET;

use tree::{Node, Sorted, Tree};

/// The fewest characters of a hash that a carried store path's folder may have.
const FEWEST_HASH: usize = 8;

/// What an artifact may leave to its target.
#[derive(Clone, Debug)]
pub struct Policy {
    /// `/nix/store`: what no ELF header field may say.
    pub store_dir: Vec<u8>,
    /// Soname globs that the target provides. `None`, for an artifact of which nothing else is known: what is searched
    /// for in the system's folders by a run path. Either way, the glibc set is the target's for those programs alone whose
    /// interpreter is the ABI's own (`/lib64/ld-linux-x86-64.so.2`) and not in the artifact.
    pub baseline: Option<Vec<String>>,
}

/// What was found.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Report {
    /// Why it must not be published; empty if it is closed.
    pub failures: Vec<String>,
    pub findings: Vec<Finding>,
    pub programs: usize,
    pub libraries: usize,
}

impl Report {
    /// Whether the artifact may be published.
    pub fn is_closed(&self) -> bool {
        self.failures.is_empty()
    }
}

impl Report {
    /// What came of it, in a line.
    pub fn verdict(&self) -> String {
        let verdict = match self.failures.len() {
            0 => "closed".to_owned(),
            1 => "not closed (1 failure)".to_owned(),
            count => format!("not closed ({count} failures)"),
        };
        let programs = counted(self.programs, "program", "programs");
        format!("{verdict}: {programs}, {}", counted(self.libraries, "library", "libraries"))
    }
}

impl fmt::Display for Report {
    /// A line for each failure, then the findings, then what was looked at.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for failure in &self.failures {
            writeln!(f, "error: {failure}")?;
        }
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        f.write_str(&self.verdict())
    }
}

/// Checks a .deb, .rpm, tarball, or a folder that one was unpacked to. Memory does not grow with the size of the files.
///
/// Errors: the artifact cannot be read, is truncated or corrupted, or holds what no system could install. What is wrong with
/// its contents is in the report.
pub fn check(artifact: &Path, policy: &Policy) -> Result<Report> {
    let baseline =
        policy.baseline.as_deref().map(|patterns| globs("runtime.baseline", patterns)).transpose()?;
    let mut intake = intake::Intake::new(artifact.parent().unwrap_or(artifact));
    read::read(artifact, &mut |member, body| intake.take(member, body))?;
    let (mut tree, anchored) = (intake.tree, intake.anchored);
    anchored
        .enter(&mut tree)
        .and_then(|()| tree.complete())
        .map_err(|cause| Error::failure(format!("cannot check {}: {cause}", artifact.display())))?;
    let mut report = Report::default();
    let members = tree.sorted();
    let named = started_by_name(&tree, &members);
    rules::check(&tree, &members, &policy.store_dir, &mut report);
    loading::check(&tree, &members, &named, baseline.as_ref(), &mut report);
    launching::check(&tree, &members, &named, &mut report);
    anchored.check(&tree, &mut report);
    Ok(report)
}

/// Whether a .deb holds the very bytes of a tarball: what is true of the one is true of the other.
pub fn is_data_of(tarball: &Path, deb: &Path) -> bool {
    read::holds(deb, tarball)
}

/// Whether users start what is at `path` by its name. A carried store path's programs they do not, unless links lead there.
fn is_public(path: &InstallPath) -> bool {
    is_in_program_folder(path) && carried_root(path).is_none()
}

/// The files that are started so: where links lead, those that they lead to.
fn started_by_name(tree: &Tree, members: &[Sorted]) -> HashSet<InstallPath> {
    let public = members.iter().filter(|(path, _)| is_public(path));
    public
        .filter_map(|(path, node)| match node {
            Node::Link(target) => tree.follow(path, target).ok(),
            _ => Some((*path).clone()),
        })
        .collect()
}

fn is_in_program_folder(path: &InstallPath) -> bool {
    path.parent().is_some_and(|folder| matches!(folder.file_name(), b"bin" | b"sbin" | b"libexec"))
}

/// The folder of the carried store path that `path` lies in, by its form: `lib/.../<8 or more characters of a hash>-<name>`.
fn carried_root(path: &InstallPath) -> Option<InstallPath> {
    let is_carried = |name: &[u8]| {
        let hash = name.iter().position(|b| *b == b'-').unwrap_or(0);
        hash >= FEWEST_HASH && name[..hash].iter().all(|b| IN_ALPHABET[usize::from(*b)])
    };
    let components: Vec<&[u8]> = path.components().collect();
    let lib = components.iter().position(|name| *name == b"lib")?;
    let carried = lib + 1 + components[lib + 1..].iter().position(|name| is_carried(name))?;
    let root = components[..=carried].iter().fold(InstallPath::root(), |folder, name| folder.join(name));
    (root != *path).then_some(root)
}
