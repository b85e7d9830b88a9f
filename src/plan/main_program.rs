//! Which program a single file starts.

use super::context::Context;
use super::{Entry, Kind, Plan};
use crate::config::{Format, names};
use crate::error::{Error, Result};
use crate::path::{InstallPath, MAX_LINKS};

/// So many names are enough for a message.
const NAMED: usize = 12;

/// What is said of the program that a single file (`-f run`) starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MainProgram {
    /// By `[run] program`: a name, or a path below the prefix.
    pub asked: Option<String>,
    /// What it is called where nobody says: as the package is, or as what Nix built.
    pub names: Vec<String>,
}

impl MainProgram {
    pub(super) fn new(context: &Context) -> Self {
        let built = context.results.iter().map(|result| names::parse_store_name(result.name()).0);
        let package = &context.package.name;
        let mut names = vec![package.clone(), names::deb_name(package)];
        names.extend(built);
        MainProgram { asked: context.config.run.program.clone(), names }
    }
}

impl Plan {
    /// The program that a single file starts: what `[run] program` says, else the one named as the package or the result is, else
    /// the only one.
    ///
    /// Errors, the user's to mend: there is none, or which one is not clear; the choices are named.
    pub fn main_program(&self) -> Result<InstallPath> {
        let folders = ["bin", "sbin"].map(|folder| self.prefix.join(folder));
        let named = |name: &str| {
            let paths = folders.iter().map(|folder| folder.join(name));
            paths.into_iter().find(|path| self.is_program(path))
        };
        let is_choice = |entry: &&Entry| {
            let in_folder = entry.path.parent().is_some_and(|folder| folders.contains(&folder));
            in_folder && !entry.path.file_name().starts_with(b".") && self.is_program(&entry.path)
        };
        let mut choices: Vec<InstallPath> =
            self.entries.iter().filter(is_choice).map(|entry| entry.path.clone()).collect();
        choices.dedup();
        if let Some(asked) = &self.program.asked {
            let below = Some(self.prefix.join(asked)).filter(|path| self.is_program(path));
            return named(asked).or(below).ok_or_else(|| {
                Error::usage(format!("`run.program` is `{asked}`, and the bundle has no such program"))
                    .remedy(remedy(&choices))
            });
        }
        let own = self.program.names.iter().find_map(|name| named(name));
        match (own, choices.as_slice()) {
            (Some(path), _) => Ok(path),
            (None, [only]) => Ok(only.clone()),
            (None, []) => Err(Error::usage("a single file starts a program, and the bundle has none in bin")
                .remedy("leave `run` out of `-f`, or name one elsewhere: `program = \"libexec/name\"` under [run]")),
            (None, several) => Err(Error::usage(format!(
                "the bundle has {} programs, none of them named {}: which one a single file starts is not clear",
                several.len(),
                self.package.name
            ))
            .remedy(remedy(several))),
        }
    }

    /// Whether a tarball has an executable file there, or a link to one.
    fn is_program(&self, path: &InstallPath) -> bool {
        let mut path = path.clone();
        for _ in 0..MAX_LINKS {
            let Some(entry) = self.entries[self.at(&path)].iter().find(|entry| entry.is_in(Format::Run))
            else {
                return false;
            };
            match &entry.kind {
                Kind::File { .. } => return entry.mode & 0o111 != 0,
                Kind::Link { target } => path = entry.path.link_target(target),
                Kind::Folder | Kind::Ghost => return false,
            }
        }
        false
    }
}

fn remedy(choices: &[InstallPath]) -> String {
    let name = |path: &InstallPath| String::from_utf8_lossy(path.file_name()).into_owned();
    let mut names: Vec<String> = choices.iter().take(NAMED).map(name).collect();
    if choices.len() > NAMED {
        names.push("...".to_owned());
    }
    format!("say `program = \"NAME\"` under [run]: {}", names.join(", "))
}
