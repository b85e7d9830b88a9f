//! The command line: one file a command.

mod arguments;
mod build;
mod check;
mod init;
mod inspect;
mod interrupt;
pub mod patch;
mod plan;
mod report;
pub mod tell;

use std::ffi::OsString;

use clap::{Parser, Subcommand};

use explant::Result;

use arguments::Input;

/// Lifts a program out of the Nix store: a .deb, an .rpm and a tarball that run where there is no Nix.
#[derive(Parser)]
#[command(version, arg_required_else_help = true, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write the artifacts of a Nix build result.
    Build(Input),
    /// Show what `build` would ship, edit, skip and leave over; writes nothing.
    Plan(plan::Arguments),
    /// Prove that artifacts are closed: that they need nothing which is not in them.
    Check(check::Arguments),
    /// Write a bundle.toml for a Nix build result, or for what an nfpm.yaml says.
    Init(init::Arguments),
    /// Print and edit the fields of ELF files, with patchelf's options.
    #[command(disable_help_flag = true, override_help = patch::help())]
    Patch {
        /// Read by hand: patchelf's grammar is not clap's.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Show what ELF files say, what they would load, and what that lacks; runs nothing.
    Inspect(inspect::Arguments),
}

/// Carries out a command. False: it was done, and what it looked at is not as it should be.
pub fn run(cli: Cli) -> Result<bool> {
    match cli.command {
        Command::Build(input) => build::run(&input).map(|()| true),
        Command::Plan(arguments) => plan::run(&arguments).map(|()| true),
        Command::Check(arguments) => check::run(&arguments),
        Command::Init(arguments) => init::run(&arguments).map(|()| true),
        Command::Patch { arguments } => patch::run(arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
    }
}
