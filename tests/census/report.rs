//! What came of each edit: a journal, so that a run that was stopped goes on, and one table.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::complaints::without_numbers;
use crate::corpus::Entry;
use crate::worlds::Runs;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Verdict {
    InPlace,
    Grown,
    Refused(String),
    Failed(String),
    /// Of the tools.
    Fine,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    pub arch: String,
    pub kind: String,
    pub edit: String,
    pub path: String,
    pub verdict: Verdict,
}

/// A line of JSON for each file; of another build of this program it is void.
pub struct Journal {
    known: HashMap<PathBuf, Vec<Outcome>>,
    file: Mutex<File>,
}

impl Journal {
    pub fn open(folder: &Path) -> io::Result<Journal> {
        let mut hasher = DefaultHasher::new();
        fs::read(std::env::current_exe()?)?.hash(&mut hasher);
        let path = folder.join(format!("journal-{:016x}", hasher.finish()));
        let text = fs::read_to_string(&path).unwrap_or_default();
        // The last line may be half written.
        let known = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        Ok(Journal { known, file: Mutex::new(OpenOptions::new().create(true).append(true).open(path)?) })
    }

    pub fn outcomes(&self, file: &Entry) -> Option<Vec<Outcome>> {
        self.known.get(&file.path).cloned()
    }

    pub fn write(&self, file: &Entry, outcomes: &[Outcome]) {
        let Ok(line) = serde_json::to_string(&(&file.path, outcomes)) else { return };
        if let Ok(mut journal) = self.file.lock() {
            // Without it, a run that is stopped begins anew.
            let _ = writeln!(journal, "{line}");
        }
    }
}

#[derive(Default)]
struct Row {
    in_place: usize,
    grown: usize,
    refused: usize,
    failed: usize,
    fine: usize,
}

/// How many of what, then refusals by reason, then every failure.
pub struct Table<'a> {
    rows: BTreeMap<(String, String), Row>,
    files: BTreeMap<(String, String), usize>,
    refusals: BTreeMap<String, usize>,
    /// By edit and what is wrong, numbers aside.
    failures: BTreeMap<String, Vec<&'a Outcome>>,
    runs: &'a Runs,
}

impl<'a> Table<'a> {
    pub fn new(outcomes: &'a [Outcome], runs: &'a Runs) -> Table<'a> {
        let mut table = Table {
            rows: BTreeMap::new(),
            files: BTreeMap::new(),
            refusals: BTreeMap::new(),
            failures: BTreeMap::new(),
            runs,
        };
        for outcome in outcomes {
            let Outcome { arch, kind, edit, verdict, .. } = outcome;
            if matches!(&**edit, "longer run path" | "read") {
                *table.files.entry((arch.clone(), kind.clone())).or_default() += 1;
            }
            let row = table.rows.entry((arch.clone(), edit.clone())).or_default();
            match verdict {
                Verdict::InPlace => row.in_place += 1,
                Verdict::Grown => row.grown += 1,
                Verdict::Fine => row.fine += 1,
                Verdict::Refused(reason) => {
                    row.refused += 1;
                    *table.refusals.entry(format!("{kind}: {reason}")).or_default() += 1;
                }
                Verdict::Failed(how) => {
                    row.failed += 1;
                    table
                        .failures
                        .entry(format!("{edit}: {}", without_numbers(how)))
                        .or_default()
                        .push(outcome);
                }
            }
        }
        table
    }
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "files:")?;
        for ((arch, kind), count) in &self.files {
            writeln!(f, "  {arch:10}{kind:10}{count:7}")?;
        }
        writeln!(
            f,
            "{:12}{:22}{:>9}{:>9}{:>9}{:>9}{:>9}",
            "", "", "in place", "grown", "refused", "failed", "fine"
        )?;
        for ((arch, edit), row) in &self.rows {
            let Row { in_place, grown, refused, failed, fine } = row;
            writeln!(f, "  {arch:10}{edit:22}{in_place:9}{grown:9}{refused:9}{failed:9}{fine:9}")?;
        }
        writeln!(f, "refusals:")?;
        for (reason, count) in &self.refusals {
            writeln!(f, "{count:9}  {reason}")?;
        }
        writeln!(f, "failures:")?;
        for (how, outcomes) in &self.failures {
            writeln!(f, "{:9}  {how}", outcomes.len())?;
            for Outcome { arch, path, .. } in outcomes.iter().take(3) {
                writeln!(f, "{:13}{arch} {path}", "")?;
            }
        }
        write!(f, "{}", self.runs)
    }
}
