//! `explant patch`, and explant under the name of patchelf.

mod parse;

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitCode;

use serde_json::json;

use explant::error::{Error, Result};
use explant::patch::{Dialect, Outcome};
use explant::path::printable;

use super::arguments::set_threads;
use parse::{Call, Command};

/// The version of patchelf whose ways are followed, as scripts that ask for it want to hear.
const PATCHELF: &str = "patchelf 0.19.3";

/// What is told of both commands.
const HELP: &str = include_str!("help.txt");
const OWN_HELP: &str = include_str!("help_explant.txt");

/// explant under the name of patchelf: its defaults, its words, its exit statuses, one file after the other.
pub fn patchelf(arguments: Vec<OsString>) -> ExitCode {
    if arguments.is_empty() {
        eprint!("{}", HELP.replace("{name}", "patchelf"));
        return ExitCode::FAILURE;
    }
    let say = |words: String| {
        eprintln!("patchelf: {words}");
        ExitCode::FAILURE
    };
    let call = match parse::parse(Dialect::Patchelf, arguments) {
        Err(error) => return say(error.to_string()),
        Ok(Command::Help) => {
            eprint!("{}", HELP.replace("{name}", "patchelf"));
            return ExitCode::SUCCESS;
        }
        Ok(Command::Version) => {
            println!("{PATCHELF}");
            return ExitCode::SUCCESS;
        }
        Ok(Command::Patch(call)) => call,
    };
    for file in &call.files {
        let outcome = call.request.carry_out(file);
        if let Err(cause) = print(&lines(&outcome)) {
            return say(format!("write: {cause}"));
        }
        for warning in &outcome.warnings {
            eprintln!("warning: {warning}");
        }
        if let Some(failure) = &outcome.failure {
            return say(failure.patchelf_words(file));
        }
    }
    ExitCode::SUCCESS
}

/// That of `explant patch`.
pub fn help() -> String {
    HELP.replace("{name}", "explant patch") + OWN_HELP
}

/// `explant patch`. False: at least one file was not patched, which is told.
pub fn run(arguments: Vec<OsString>) -> Result<bool> {
    let is_bare = arguments.is_empty();
    match parse::parse(Dialect::Explant, arguments) {
        Err(_) if is_bare => Err(Error::usage("nothing is asked for").remedy("see `explant patch --help`")),
        Err(error) => Err(error),
        Ok(Command::Help) => {
            print!("{}", help());
            Ok(true)
        }
        Ok(Command::Version) => {
            println!("explant {}, as {PATCHELF}", env!("CARGO_PKG_VERSION"));
            Ok(true)
        }
        Ok(Command::Patch(call)) => patch(&call),
    }
}

fn patch(call: &Call) -> Result<bool> {
    let (done, which) = carry_out(call);
    let outcomes: Vec<_> = call.files.iter().zip(which.iter().map(|at| &done[*at])).collect();
    let told = if call.request.json {
        let values: Vec<_> = outcomes.iter().map(|(file, outcome)| value(file, outcome)).collect();
        format!("{:#}\n", json!(values)).into_bytes()
    } else {
        outcomes.iter().flat_map(|(_, outcome)| lines(outcome)).collect()
    };
    print(&told).map_err(|cause| Error::io("write to", "standard output", &cause))?;
    for (file, outcome) in &outcomes {
        for warning in &outcome.warnings {
            eprintln!("warning: {}: {warning}", file.display());
        }
        if let Some(failure) = &outcome.failure {
            eprintln!("error: {}", failure.error(file));
        }
    }
    Ok(done.iter().all(|outcome| outcome.failure.is_none()))
}

/// The outcomes, and which is whose.
fn carry_out(call: &Call) -> (Vec<Outcome>, Vec<usize>) {
    if let [file] = &call.files[..] {
        // Threads take longer to start than one file takes.
        return (vec![call.request.carry_out(file)], vec![0]);
    }
    set_threads(call.jobs);
    call.request.carry_out_on_all(&call.files)
}

/// What is printed of a file, in lines.
fn lines(outcome: &Outcome) -> Vec<u8> {
    let mut lines = Vec::new();
    for (field, value) in &outcome.values {
        value.write(*field, &mut lines);
    }
    lines
}

fn value(file: &Path, outcome: &Outcome) -> serde_json::Value {
    let mut value = serde_json::Map::new();
    value.insert("file".into(), json!(printable(file.as_os_str().as_bytes())));
    value.extend(outcome.values.iter().map(|(field, value)| (field.name().to_owned(), value.json())));
    match &outcome.failure {
        Some(failure) => value.insert("error".into(), json!(failure.error(file).to_string())),
        None => {
            value.insert("written".into(), json!(outcome.change.written));
            value.insert("grown".into(), json!(outcome.change.grown))
        }
    };
    value.into()
}

/// All at once, and without the panic of `print!` where nobody reads it.
fn print(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush())
}
