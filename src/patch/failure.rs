//! Why a file was not printed or patched, and how each dialect says it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::elf::verify::Violation;
use crate::elf::{Malformed, Refusal};
use crate::error::Error;

/// What was being done to a file when the system said no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    Inspect,
    Open,
    Read,
    Write,
}

/// What a file has not, and should for what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    Interpreter,
    Dynamic,
}

#[derive(Debug)]
pub enum Failure {
    Io {
        doing: Doing,
        path: PathBuf,
        cause: io::Error,
    },
    NotElf,
    /// An object file, a core.
    NotLoadable,
    Lacks(Lack),
    Malformed(Malformed),
    /// patchelf would not take the file, and says so in these words.
    Objection(&'static str),
    Refused(Refusal),
    /// The edited file would not be what was asked for, or not a sound one.
    Unsound(Vec<Violation>),
    /// Writing failed, and so did putting back what was there before.
    Torn {
        path: PathBuf,
        cause: io::Error,
        further: io::Error,
    },
}

impl Failure {
    /// For `map_err`.
    pub(super) fn io(doing: Doing, path: &Path) -> impl FnOnce(io::Error) -> Failure + use<> {
        let path = path.to_owned();
        move |cause| Failure::Io { doing, path, cause }
    }

    /// What patchelf says, where it has words for it; scripts look for some of them.
    pub fn patchelf_words(&self, path: &Path) -> String {
        match self {
            Failure::Io { doing, path, cause } => format!("{doing} '{}': {}", path.display(), reason(cause)),
            Failure::NotElf => "not an ELF executable".into(),
            Failure::NotLoadable => "wrong ELF type".into(),
            Failure::Lacks(lack) => {
                let section = match lack {
                    Lack::Interpreter => ".interp",
                    Lack::Dynamic => ".dynamic",
                };
                format!("cannot find section '{section}'. The input file is most likely statically linked")
            }
            Failure::Objection(words) => (*words).into(),
            Failure::Malformed(malformed) => super::malformed::patchelf_words(malformed)
                .map_or_else(|| self.about(path), |words| words.to_owned()),
            Failure::Refused(_) | Failure::Unsound(_) | Failure::Torn { .. } => self.about(path),
        }
    }

    /// What explant says of a file.
    pub fn error(&self, path: &Path) -> Error {
        let error = Error::failure(self.about(path));
        match self {
            Failure::Io { doing: Doing::Open, cause, .. } if is_running(cause) => {
                error.remedy("stop it, or write to another file with --output")
            }
            _ => error,
        }
    }

    /// A sentence that names the file.
    fn about(&self, subject: &Path) -> String {
        let subject = subject.display();
        match self {
            Failure::Io { doing, path, cause } => format!("{doing} '{}': {}", path.display(), reason(cause)),
            Failure::NotElf => format!("{subject}: it is no ELF file"),
            Failure::NotLoadable => format!("{subject}: it is neither a program nor a library"),
            Failure::Lacks(Lack::Interpreter) => {
                format!("{subject}: it has no interpreter: it is static, or a library")
            }
            Failure::Lacks(Lack::Dynamic) => format!("{subject}: it has no dynamic section: it is static"),
            Failure::Malformed(Malformed(sentence)) => format!("{subject}: {sentence}"),
            Failure::Objection(words) => format!("{subject}: {words}"),
            Failure::Refused(refusal) => format!("{subject}: {refusal}"),
            Failure::Unsound(violations) => {
                let lines: String = violations.iter().map(|violation| format!("\n  {violation}")).collect();
                format!("{subject}: it would not be right once it is edited, and is left as it is:{lines}")
            }
            Failure::Torn { path, cause, further } => format!(
                "writing '{}': {}; and what was there could not be put back ({}): the file is damaged",
                path.display(),
                reason(cause),
                reason(further)
            ),
        }
    }
}

impl fmt::Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Doing::Inspect => "getting info about",
            Doing::Open => "opening",
            Doing::Read => "reading",
            Doing::Write => "writing",
        })
    }
}

fn is_running(cause: &io::Error) -> bool {
    Errno::from_io_error(cause) == Some(Errno::TXTBSY)
}

/// The system's words alone, as C programs print them.
fn reason(cause: &io::Error) -> String {
    let text = cause.to_string();
    let words = text.split_once(" (os error ").map_or(text.as_str(), |(words, _)| words);
    if is_running(cause) { format!("{words}, as it is being run") } else { words.to_owned() }
}
