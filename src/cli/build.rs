//! `explant build`

use std::path::{Path, PathBuf};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use explant::check::{self, Policy, Report};
use explant::config::{Compression, Config};
use explant::error::{Error, IoContext, Result};
use explant::package::{self, Beside, Digests, Draft, Format, Order};
use explant::payload;
use explant::plan::{Finding, Kind, Plan, table};
use explant::sign::Signers;

use super::arguments::{Input, open_store};
use super::{interrupt, report, tell};

/// What the check has to say, and what is written to SHA256SUMS.
type Seen = (Vec<Report>, Digests);

pub fn run(input: &Input) -> Result<()> {
    let start = Instant::now();
    check_outside(&input.output, &input.store)?;
    let config = input.config()?;
    let mut plan = input.plan(&config)?;
    let signers = Signers::load(&config.signing, &input.formats(), plan.mtime)?;
    plan.findings.extend(signers.findings());
    payload::complete_bill(&mut plan)?;
    if !input.json {
        report::findings(&plan.findings);
    }
    let folder = OutputFolder::make(&input.output)?;
    interrupt::clean_up_after(folder.made.clone())?;
    let (mut drafts, seen) = write(input, &config, &plan, &signers)?;
    let (reports, digests): (Vec<_>, Vec<_>) = seen.into_iter().unzip();
    let (reports, mut digests) = (reports.concat(), digests.into_iter().flatten().collect::<Digests>());
    let artifacts = drafts.len();
    drafts.extend(package::bill(&plan, &input.output)?);
    digests.extend(package::digests(&drafts[artifacts..])?);
    let mut beside = Beside::of(&drafts, &digests, &input.output, &signers)?;
    let files = publish(drafts.into_iter().chain(std::mem::take(&mut beside.drafts)))?;
    beside.clear_void()?;
    folder.keep();
    let found = new_findings(&plan, &reports);
    if !input.json {
        report::findings(&found);
    }
    summary(input, &plan, &found, files.split_at(artifacts), start)
}

/// The artifacts, and what was seen of each when it was read again.
fn write(input: &Input, config: &Config, plan: &Plan, signers: &Signers) -> Result<(Vec<Draft>, Vec<Seen>)> {
    package::clear_leftovers(&input.output)?;
    let total = plan
        .entries
        .iter()
        .map(|entry| if let Kind::File { size, .. } = entry.kind { size } else { 0 })
        .sum();
    let bar = progress_bar(total, input.json);
    let order = Order {
        plan,
        formats: input.formats().into_iter().map(|format| (format, compression(config, format))).collect(),
        folder: &input.output,
        threads: input.threads(),
        memory: input.memory(),
        signers,
        progress: &|bytes| bar.inc(bytes),
    };
    let written = package::write(&order, &|drafts| {
        std::thread::scope(|scope| {
            let digests = scope.spawn(|| package::digests(drafts));
            let reports = check_all(config, drafts)?;
            let digests = digests.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            Ok((reports, digests))
        })
    });
    bar.finish_and_clear();
    written
}

fn compression(config: &Config, format: Format) -> Compression {
    match format {
        Format::Deb => config.deb.compression,
        Format::Rpm => config.rpm.compression,
        Format::Tar => config.tarball.compression,
        Format::Run => config.run.compression,
    }
}

/// Shown on a terminal only.
fn progress_bar(total: u64, hidden: bool) -> ProgressBar {
    if hidden {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {eta}");
    ProgressBar::new(total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Opens each artifact again; what is not closed gets no name. A tarball that a .deb holds byte for byte is unpacked once.
fn check_all(config: &Config, drafts: &[Draft]) -> Result<Vec<Report>> {
    let policy =
        Policy { store_dir: b"/nix/store".to_vec(), baseline: Some(config.runtime.baseline.clone()) };
    let of = |format| drafts.iter().find(|draft| draft.format == Some(format));
    let is_in_deb = match (of(Format::Deb), of(Format::Tar)) {
        (Some(deb), Some(tarball)) => check::is_data_of(tarball.path(), deb.path()),
        _ => false,
    };
    let checked: Vec<&Draft> =
        drafts.iter().filter(|draft| !(is_in_deb && draft.format == Some(Format::Tar))).collect();
    let checks = std::thread::scope(|scope| {
        let threads: Vec<_> =
            checked.iter().map(|draft| scope.spawn(|| check::check(draft.path(), &policy))).collect();
        threads.into_iter().map(|thread| thread.join()).collect::<Vec<_>>()
    });
    let mut reports = Vec::new();
    for (draft, check) in checked.iter().zip(checks) {
        let report =
            check.map_err(|_| Error::failure(format!("the check of {} broke off", draft.name)))??;
        if !report.failures.is_empty() {
            return Err(Error::failure(format!(
                "{} is not closed, and is not published:\n  {}",
                draft.name,
                report.failures.join("\n  ")
            )));
        }
        reports.push(report);
    }
    Ok(reports)
}

/// Gives artifacts, and what stands beside them, their names: all of them, or none.
fn publish(drafts: impl Iterator<Item = Draft>) -> Result<Vec<PathBuf>> {
    let mut published = Vec::new();
    for draft in drafts {
        match draft.publish() {
            Ok(path) => published.push(path),
            Err(error) => {
                for path in published {
                    std::fs::remove_file(&path).while_doing("remove", &path)?;
                }
                return Err(error);
            }
        }
    }
    Ok(published)
}

/// What the checks found that the plan did not tell: each once, since the artifacts hold the same.
fn new_findings(plan: &Plan, reports: &[Report]) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    for finding in reports.iter().flat_map(|report| &report.findings) {
        if !found.contains(finding) && !plan.findings.iter().any(|planned| planned.code == finding.code) {
            found.push(finding.clone());
        }
    }
    found
}

/// Errors: the folder would be in the store, which only Nix writes. A derivation has its own place there, and it alone: Nix's sandbox sees to that.
fn check_outside(output: &Path, root: &Path) -> Result<()> {
    let store = open_store(root)?;
    let dir = store.disk(store.dir());
    let there = output.ancestors().find_map(|folder| match folder.as_os_str().is_empty() {
        true => std::env::current_dir().ok(),
        false => folder.canonicalize().ok(),
    });
    if std::env::var_os("NIX_BUILD_TOP").is_some() || !there.is_some_and(|there| there.starts_with(&dir)) {
        return Ok(());
    }
    Err(Error::usage(format!("the output folder {} is in the Nix store", output.display()))
        .remedy("name one that is elsewhere: -o FOLDER"))
}

/// The folder for artifacts; one that a failed build made is taken away again.
struct OutputFolder {
    made: Option<PathBuf>,
}

impl OutputFolder {
    fn make(folder: &Path) -> Result<Self> {
        let made = (!folder.exists()).then(|| folder.to_owned());
        std::fs::create_dir_all(folder).while_doing("make the output folder", folder)?;
        Ok(OutputFolder { made })
    }

    fn keep(mut self) {
        self.made = None;
    }
}

impl Drop for OutputFolder {
    fn drop(&mut self) {
        if let Some(folder) = &self.made {
            // Fails, and should, where somebody else put something in it.
            let _ = std::fs::remove_dir(folder);
        }
    }
}

/// `files`: the artifacts, and what stands beside them.
fn summary(
    input: &Input,
    plan: &Plan,
    found: &[Finding],
    files: (&[PathBuf], &[PathBuf]),
    start: Instant,
) -> Result<()> {
    let sized = |paths: &[PathBuf]| -> Result<Vec<(PathBuf, u64)>> {
        let size = |path: &PathBuf| Ok((path.clone(), path.metadata().while_doing("read", path)?.len()));
        paths.iter().map(size).collect()
    };
    let (artifacts, beside) = (sized(files.0)?, sized(files.1)?);
    let seconds = start.elapsed().as_secs_f64();
    if input.json {
        let list = |files: &[(PathBuf, u64)]| -> Vec<_> {
            files.iter().map(|(path, size)| json!({ "path": path, "size": size })).collect()
        };
        let value = json!({
            "artifacts": list(&artifacts),
            "beside": list(&beside),
            "plan": table::json(plan),
            "check-findings": found,
            "seconds": seconds,
        });
        return tell::out(format_args!("{value:#}\n"));
    }
    let line = |(path, size): &(PathBuf, u64)| {
        let path = input.output.join(path.file_name().unwrap_or_default());
        format!("{}  {}\n", path.display(), table::size(*size))
    };
    tell::out(artifacts.iter().chain(&beside).map(line).collect::<String>())?;
    tell::note(format_args!("{}; {seconds:.1} s", table::totals(plan)));
    Ok(())
}
