//! What `build` and `plan` are given.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use explant::config::Config;
use explant::error::{Error, Result};
use explant::package::{self, Format};
use explant::plan::{self, Plan, Request};
use explant::store::Store;

#[derive(Args)]
pub struct Input {
    /// The Nix build results: store paths, or links to them.
    #[arg(value_name = "RESULT", default_value = "result")]
    pub results: Vec<PathBuf>,
    /// What to make of them [default: bundle.toml, where there is one]
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The folder to write artifacts to.
    #[arg(short, long, value_name = "DIR", default_value = "dist")]
    pub output: PathBuf,
    /// The formats to write, separated by commas; `run` is one file that unpacks and starts its program.
    #[arg(short, long, value_enum, value_delimiter = ',', default_value = "deb,rpm,tar")]
    pub formats: Vec<FormatName>,
    /// The root of a chroot store: its files are under ROOT/nix/store.
    #[arg(long, value_name = "ROOT", default_value = "/")]
    pub store: PathBuf,
    /// The closure, as closureInfo's `registration`, as a list, or as `nix path-info -r --json` has it.
    #[arg(long, value_name = "FILE")]
    pub closure: Option<PathBuf>,
    /// How many threads work [default: one for each processor]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// What compressing may take: 600M, 2G; the artifacts do not depend on it [default: half of the machine's]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub memory: Option<u64>,
    /// Say what was done, or would be, as JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum FormatName {
    Deb,
    Rpm,
    #[value(alias = "tarball")]
    Tar,
    Run,
}

/// bundle.toml is looked for under this name.
const CONFIG: &str = "bundle.toml";

impl Input {
    /// bundle.toml, or the defaults where none is named and none is there; with what the formats want.
    pub fn config(&self) -> Result<Config> {
        let config = match &self.config {
            Some(file) => Config::load(file)?,
            None if Path::new(CONFIG).exists() => Config::load(Path::new(CONFIG))?,
            None => Config::default(),
        };
        config.for_formats(&self.formats())
    }

    /// Makes the plan.
    pub fn plan(&self, config: &Config) -> Result<Plan> {
        set_threads(self.jobs);
        let store = open_store(&self.store)?;
        let plan = plan::make(&Request {
            config,
            store: &store,
            results: &self.results,
            closure: self.closure.as_deref(),
        })?;
        if self.formats().contains(&Format::Run) {
            plan.main_program()?;
        }
        Ok(plan)
    }

    pub fn threads(&self) -> usize {
        threads(self.jobs)
    }

    /// In bytes.
    pub fn memory(&self) -> u64 {
        self.memory.unwrap_or_else(package::default_memory)
    }

    /// The formats asked for, each once.
    pub fn formats(&self) -> Vec<Format> {
        let mut names = self.formats.clone();
        names.sort();
        names.dedup();
        names
            .into_iter()
            .map(|name| match name {
                FormatName::Deb => Format::Deb,
                FormatName::Rpm => Format::Rpm,
                FormatName::Tar => Format::Tar,
                FormatName::Run => Format::Run,
            })
            .collect()
    }
}

/// Bytes, or with K, M, G or T the binary multiples; a B or iB behind them says nothing new.
fn size(text: &str) -> std::result::Result<u64, String> {
    let unit = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(unit);
    let shift = match unit.trim_end_matches(['B', 'b']).trim_end_matches('i').to_ascii_uppercase().as_str() {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return Err(format!("`{unit}` is no unit: K, M, G or T")),
    };
    let number: u64 = digits.parse().map_err(|_| "a size is such as 600M or 2G".to_owned())?;
    number.checked_mul(1 << shift).ok_or_else(|| "is more than there can be".to_owned())
}

/// The store below a root.
pub fn open_store(root: &Path) -> Result<Store> {
    let real = root
        .canonicalize()
        .map_err(|cause| Error::usage(format!("there is no store root {}: {cause}", root.display())))?;
    Ok(Store::new(real))
}

/// `--jobs`, or else as many threads as there are processors.
fn threads(jobs: Option<u16>) -> usize {
    match jobs {
        Some(jobs) => jobs.into(),
        None => std::thread::available_parallelism().map_or(1, usize::from),
    }
}

/// The size of rayon's pool.
pub fn set_threads(jobs: Option<u16>) {
    // A pool that is there already is one of a caller's; then its size holds.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(threads(jobs)).build_global();
}
