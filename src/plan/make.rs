//! From results and bundle.toml to a plan.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::choose::Choice;
use super::context::Context;
use super::draft::Draft;
use super::{Finding, Plan, extras, flat, relations, store_layout, system};
use crate::config::{Config, Layout, Package, distribution, names};
use crate::error::{Error, Result};
use crate::store::closure::Pending;
use crate::store::{Store, result};

/// What a plan is made from.
pub struct Request<'a> {
    pub config: &'a Config,
    pub store: &'a Store,
    /// As the user names them.
    pub results: &'a [PathBuf],
    /// `--closure FILE`
    pub closure: Option<&'a Path>,
}

/// 2000-01-01: dpkg and rpm linters take files of 1970, as the store has them, for broken.
const DEFAULT_MTIME: u32 = 946_684_800;

/// Makes the plan. Reads the store; writes nothing, runs nothing of the results.
pub fn make(request: &Request) -> Result<Plan> {
    let Request { config, store, .. } = *request;
    let results =
        request.results.iter().map(|path| result::locate(store, path)).collect::<Result<Vec<_>>>()?;
    let first = results.first().ok_or_else(|| Error::usage("no result is named"))?;
    let package = Package::resolve(&config.package, first.name());
    let prefix = config.install.prefix.clone();
    let lib_dir = match &config.install.lib_dir {
        Some(below) => prefix.join(below),
        None => prefix.join("lib").join(names::deb_name(&package.name)),
    };
    let choice = Choice::new(&config.install.include, &config.install.exclude)?;
    let mtime = mtime()?;
    let pending = Pending::begin(store.clone(), results.clone(), request.closure.map(Path::to_owned));
    let mut draft = Draft::new(package.clone());
    let context =
        Context { config, store, results: &results, pending, package, prefix, lib_dir, choice, mtime };
    match config.install.layout {
        Layout::Flat => flat::plan(&context, &mut draft)?,
        Layout::Store => store_layout::plan(&context, &mut draft)?,
    }
    finish(&context, draft)
}

fn finish(context: &Context, mut draft: Draft) -> Result<Plan> {
    draft.unmatched_files(context)?;
    draft.keep_bytecode_valid(context)?;
    extras::add(context, &mut draft)?;
    let system = system::add(context, &mut draft)?;
    draft.report_leftovers(context)?;
    draft.report_without_run_path();
    draft.report_conditions();
    if distribution::names_a_distribution_package(&draft.package.name) {
        draft.findings.push(replaces_distribution(&draft.package));
    }
    let architecture = draft.architecture()?;
    relations::settle(context, &mut draft, architecture)?;
    let mut seen = BTreeSet::new();
    draft.findings.retain(|finding| seen.insert(finding.to_string()));
    draft.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    Ok(Plan {
        package: draft.package,
        architecture,
        layout: context.config.install.layout,
        prefix: context.prefix.clone(),
        lib_dir: context.lib_dir.clone(),
        mtime: context.mtime,
        entries: draft.entries.finish()?,
        findings: draft.findings,
        system,
    })
}

fn replaces_distribution(package: &Package) -> Finding {
    Finding::warning(
        "replaces-distribution-package",
        format!(
            "a package named {} would replace the distribution's own, on which other packages depend",
            package.name
        ),
    )
    .remedy("set `package.name` (\"my-bash\") and an `install.prefix` of its own (\"/opt/my-bash\")")
}

/// SOURCE_DATE_EPOCH, as reproducible-builds.org defines it.
fn mtime() -> Result<u32> {
    let Some(value) = std::env::var_os("SOURCE_DATE_EPOCH") else { return Ok(DEFAULT_MTIME) };
    value.to_str().and_then(|text| text.trim().parse().ok()).ok_or_else(|| {
        Error::usage(format!(
            "SOURCE_DATE_EPOCH is {value:?}, which is no number of seconds since 1970 below 2^32"
        ))
    })
}
