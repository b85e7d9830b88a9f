//! Edits every ELF file of a few hundred Debian packages and asks everybody whether it is still right. README.md tells how.

#[path = "../elf/complaints.rs"]
mod complaints;
mod corpus;
mod edits;
mod judge;
mod report;
mod tools;
mod worlds;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use report::{Journal, Outcome, Table};

fn main() -> std::io::Result<()> {
    let Some(folder) = std::env::args().skip(1).find(|argument| !argument.starts_with("--")) else {
        println!("usage: census FOLDER      what tests/census/fetch has filled");
        return Ok(());
    };
    let folder = PathBuf::from(folder).canonicalize()?;
    let files = corpus::files(&folder)?;
    let journal = Journal::open(&folder)?;
    let (done, total) = (AtomicUsize::new(0), files.len());
    let outcomes: Vec<Outcome> = files
        .par_iter()
        .flat_map_iter(|file| {
            let outcomes = journal.outcomes(file).unwrap_or_else(|| {
                let outcomes = judge::judge(file);
                journal.write(file, &outcomes);
                outcomes
            });
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if done.is_multiple_of(500) {
                eprintln!("{done} of {total} files");
            }
            outcomes
        })
        .collect();
    let runs = worlds::compare(&folder, &files)?;
    print!("{}", Table::new(&outcomes, &runs));
    Ok(())
}
