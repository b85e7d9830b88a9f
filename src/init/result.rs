//! The bundle.toml of a result: every key a comment, since the defaults hold; what was found beside them.

use std::fmt::Write;

use crate::plan::{Entry, Finding, Kind, Plan, Role};

/// How many of a kind are listed.
const LISTED: usize = 12;

/// The text for the plan that no bundle.toml at all leads to.
pub fn bundle(plan: &Plan, result: &str) -> String {
    let package = &plan.package;
    let quote = |text: &str| toml::Value::from(text).to_string();
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "# What explant makes of {result}. A key behind `#` has the value that holds without it.\n\n\
         [package]\n\
         #name = {}\n\
         #version = {}\n\
         #summary = {}\n\
         #description = \"\"\n\
         #license = {}\n\
         #homepage = \"https://example.org\"\n\
         #maintainer = {}\n\
         #changelog = \"CHANGELOG.md\"\n\
         #depends = []\n\n\
         [install]\n\
         #prefix = {}\n\
         #lib-dir = {}\n",
        quote(&package.name),
        quote(&package.version),
        quote(&package.summary),
        quote(&package.license),
        quote(&package.maintainer),
        quote(&plan.prefix.to_string_lossy()),
        quote(&String::from_utf8_lossy(&plan.lib_dir.relative_to(&plan.prefix))),
    );
    text.push_str("#layout = \"flat\"\n");
    found(&mut text, "programs", plan, |entry| {
        entry.role == Role::Program && !entry.path.starts_with(&plan.lib_dir)
    });
    found(&mut text, "libraries, all private", plan, |entry| entry.role == Role::Library);
    found(&mut text, "systemd units", plan, |entry| is_below(entry, "/lib/systemd/"));
    found(&mut text, "udev rules", plan, |entry| is_below(entry, "/lib/udev/"));
    found(&mut text, "configuration, kept in upgrades", plan, |entry| {
        matches!(entry.role, Role::Config { .. })
    });
    found(&mut text, "manual pages", plan, |entry| is_below(entry, "/share/man/"));
    for finding in &plan.findings {
        noted(&mut text, finding);
    }
    text
}

fn is_below(entry: &Entry, folder: &str) -> bool {
    matches!(entry.kind, Kind::File { .. }) && entry.path.to_string_lossy().contains(folder)
}

/// A comment that lists what is of a kind.
fn found(text: &mut String, kind: &str, plan: &Plan, is_one: impl Fn(&Entry) -> bool) {
    let paths: Vec<&Entry> = plan.entries.iter().filter(|entry| is_one(entry)).collect();
    if paths.is_empty() {
        return;
    }
    let _ = write!(text, "\n# Found: {} {kind}\n", paths.len());
    for entry in paths.iter().take(LISTED) {
        let _ = writeln!(text, "#   {}", entry.path);
    }
    if paths.len() > LISTED {
        let _ = writeln!(text, "#   and {} more", paths.len() - LISTED);
    }
}

fn noted(text: &mut String, finding: &Finding) {
    text.push('\n');
    for line in finding.to_string().lines() {
        let _ = writeln!(text, "# {line}");
    }
}
