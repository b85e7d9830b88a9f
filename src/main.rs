//! Arguments to command, error to exit status.

mod cli;

use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_default();
    if Path::new(&name).file_name() == Some(OsStr::new("patchelf")) {
        return cli::patch::patchelf(arguments.collect());
    }
    match cli::run(cli::Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            cli::tell::note(format_args!("error: {error}"));
            ExitCode::from(error.exit_status())
        }
    }
}
