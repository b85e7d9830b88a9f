//! `explant check`

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use explant::Result;
use explant::check::{Policy, check};
use explant::package;

use super::{report, tell};

#[derive(Args)]
pub struct Arguments {
    /// A .deb, .rpm or tarball, or a folder that one was unpacked to.
    #[arg(value_name = "ARTIFACT", required = true)]
    artifacts: Vec<PathBuf>,
    /// Say what was found as JSON.
    #[arg(long)]
    json: bool,
}

/// False if an artifact is not closed.
pub fn run(arguments: &Arguments) -> Result<bool> {
    let policy = Policy { store_dir: b"/nix/store".to_vec(), baseline: None };
    let mut all_closed = true;
    let mut values = Vec::new();
    for artifact in &arguments.artifacts {
        // `explant check dist/*`
        if artifact.file_name().is_some_and(|name| package::stands_beside(&name.to_string_lossy())) {
            tell::note(format_args!("{}: no artifact, passed over", artifact.display()));
            continue;
        }
        let report = check(artifact, &policy)?;
        all_closed &= report.is_closed();
        if arguments.json {
            values.push(json!({ "artifact": artifact, "closed": report.is_closed(), "report": report }));
            continue;
        }
        report::findings(&report.findings);
        for failure in &report.failures {
            tell::note(format_args!("error: {failure}"));
        }
        tell::out(format_args!("{}: {}\n", artifact.display(), report.verdict()))?;
    }
    if arguments.json {
        tell::out(format_args!("{:#}\n", json!(values)))?;
    }
    Ok(all_closed)
}
