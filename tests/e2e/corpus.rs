//! The corpus itself: what no test of a bundle would mean anything without.

use std::process::Command;

use crate::harness::{Case, Machine, succeeds};

/// Every check passes with nothing but the case's closure, so it asks for nothing that a target lacks.
#[test]
fn checks_pass_with_the_bare_closure() {
    for target in ["scratch", "bullseye"] {
        for case in Case::all() {
            Machine::new(target).passes_bare(&case);
        }
    }
}

/// The loader of the corpus' glibc looks in its own folder and in none of the system's, as nixpkgs' does.
#[test]
fn the_loader_searches_its_own_folder_alone() {
    let hello = Case::named("hello-c");
    let glibc = hello.closure().into_iter().find(|path| path.ends_with("-glibc-2.41")).unwrap();
    let help = succeeds(Command::new(format!("{glibc}/lib/ld-linux-x86-64.so.2")).arg("--help"));
    let folders: Vec<_> =
        help.lines().filter_map(|line| line.trim().strip_suffix("(system search path)")).collect();
    assert!(
        folders.iter().any(|folder| folder.trim().trim_end_matches('/') == format!("{glibc}/lib")),
        "{help}"
    );
    assert!(!folders.iter().any(|folder| folder.contains("/lib/x86_64-linux-gnu")), "{help}");
}
