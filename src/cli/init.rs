//! `explant init`

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use explant::config::Config;
use explant::error::{Error, IoContext, Result};
use explant::finding::Finding;
use explant::plan::{self, Request};
use explant::{init, path};

use super::arguments::open_store;
use super::{report, tell};

#[derive(Args)]
pub struct Arguments {
    /// The Nix build result that it is for.
    #[arg(value_name = "RESULT", default_value = "result", conflicts_with = "from")]
    result: PathBuf,
    /// Take an nfpm.yaml over; run it in the folder that nfpm is run in.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Where to write it; must not be there yet.
    #[arg(short, long, value_name = "FILE", default_value = "bundle.toml")]
    config: PathBuf,
    /// The root of a chroot store: its files are under ROOT/nix/store.
    #[arg(long, value_name = "ROOT", default_value = "/")]
    store: PathBuf,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    // Said before anything is read; that it holds when the file is made is `create_new`'s to see to.
    if arguments.config.symlink_metadata().is_ok() {
        return Err(already_there(&arguments.config));
    }
    let (text, findings) = match &arguments.from {
        Some(yaml) => of_nfpm(arguments, yaml)?,
        None => of_result(arguments)?,
    };
    write(&arguments.config, &text)?;
    report::findings(&findings);
    tell::out(format_args!("{}\n", path::printable(arguments.config.as_os_str().as_encoded_bytes())))
}

fn of_nfpm(arguments: &Arguments, yaml: &Path) -> Result<(String, Vec<Finding>)> {
    let bytes = std::fs::read(yaml).while_doing("read", yaml)?;
    let text = String::from_utf8(bytes).map_err(|_| {
        Error::usage(format!("{} is no YAML: it is not UTF-8", yaml.display())).remedy("save it as UTF-8")
    })?;
    let folder = arguments.config.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder
        && folder.canonicalize().while_doing("find", folder)?
            != Path::new(".").canonicalize().while_doing("find", ".")?
    {
        return Err(Error::usage(format!(
            "the files that {} names are relative to this folder, and {} is in another",
            yaml.display(),
            arguments.config.display()
        ))
        .remedy("run it in the folder that bundle.toml is for"));
    }
    init::nfpm::translate(&text, &yaml.display().to_string(), &arguments.config)
}

fn of_result(arguments: &Arguments) -> Result<(String, Vec<Finding>)> {
    let store = open_store(&arguments.store)?;
    let config = Config::default();
    let results = [arguments.result.clone()];
    let plan = plan::make(&Request { config: &config, store: &store, results: &results, closure: None })?;
    let text = init::bundle(&plan, &path::printable(arguments.result.as_os_str().as_encoded_bytes()));
    Ok((text, plan.findings))
}

fn already_there(file: &Path) -> Error {
    Error::failure(format!("{} is there already", file.display()))
        .remedy("take it away first, or name another with `-c`")
}

fn write(file: &Path, text: &str) -> Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut draft = tempfile::NamedTempFile::new_in(folder).while_doing("write", file)?;
    draft.write_all(text.as_bytes()).while_doing("write", file)?;
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    draft.as_file().set_permissions(mode).while_doing("write", file)?;
    match draft.persist_noclobber(file) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Err(already_there(file)),
        Err(error) => Err(Error::io("write", file, &error.error)),
    }
}
