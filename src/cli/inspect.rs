//! `explant inspect`

use std::path::{Path, PathBuf};

use clap::Args;

use explant::Result;
use explant::error::IoContext;
use explant::inspect::report::Report;
use explant::inspect::{Disk, Wanted, inspect, text};
use explant::path::printable;

use super::tell;

#[derive(Args)]
pub struct Arguments {
    /// A program, a library, any other ELF file, or a script.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Show what ld.so would load, and from where; the exit status is 1 if it would not find something.
    #[arg(long)]
    tree: bool,
    /// List the dynamic symbols with their versions, and the libraries that the versions name.
    #[arg(long)]
    symbols: bool,
    /// The root of another system: FILE and all that it names are below DIR.
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// Say it as JSON, with all the fields.
    #[arg(long)]
    json: bool,
}

/// False if a file cannot be inspected, or its tree lacks something.
pub fn run(arguments: &Arguments) -> Result<bool> {
    let disk = Disk::new(&arguments.root);
    let wanted = Wanted { symbols: arguments.symbols, tree: arguments.tree };
    let mut reports = Vec::new();
    for file in &arguments.files {
        let name = file.as_os_str().as_encoded_bytes();
        let path = absolute(arguments, file)?;
        let report = inspect(&disk, path.as_os_str().as_encoded_bytes(), &printable(name), wanted);
        reports.push(report.unwrap_or_else(|error| {
            tell::note(format_args!("error: {error}"));
            Report::error(name, &error)
        }));
    }
    let text = if arguments.json { json(&reports) } else { blocks(&reports) };
    tell::out(text)?;
    Ok(reports.iter().all(Report::is_complete))
}

/// Where a file is below the root.
fn absolute(arguments: &Arguments, file: &Path) -> Result<PathBuf> {
    if arguments.root == Path::new("/") {
        return std::path::absolute(file).while_doing("find", file);
    }
    Ok(Path::new("/").join(file))
}

fn json(reports: &[Report]) -> String {
    // Maps with keys of text and sequences: nothing that JSON cannot say.
    let text = serde_json::to_string_pretty(reports).unwrap_or_default();
    text + "\n"
}

/// What could not be inspected has been said.
fn blocks(reports: &[Report]) -> String {
    let blocks: Vec<String> = reports.iter().filter(|report| report.is_told()).map(text).collect();
    blocks.join("\n")
}
