//! What stopped explant, said so that the user can mend it.

use std::fmt;
use std::path::Path;

/// The outcome of everything that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// Whose fault a failure is; decides the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The command line or bundle.toml is wrong: exit status 2.
    Usage,
    /// It could not be done, or a check failed: exit status 1.
    Failure,
}

/// A failure: what happened, naming the file and the field, and what to do about it.
#[derive(Clone, Debug)]
pub struct Error {
    fault: Fault,
    message: String,
    remedy: Option<String>,
}

impl Error {
    /// The command line or bundle.toml asks for something that cannot be.
    pub fn usage(message: impl Into<String>) -> Self {
        Error { fault: Fault::Usage, message: message.into(), remedy: None }
    }

    /// Something could not be done.
    pub fn failure(message: impl Into<String>) -> Self {
        Error { fault: Fault::Failure, message: message.into(), remedy: None }
    }

    /// An input or output error at `path`; `doing` is a verb: "read", "write", "list".
    pub fn io(doing: &str, path: impl AsRef<Path>, cause: &std::io::Error) -> Self {
        Error::failure(format!("cannot {doing} {}: {cause}", path.as_ref().display()))
    }

    /// Adds what the user can do.
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    pub fn fault(&self) -> Fault {
        self.fault
    }

    /// The process's exit status for this failure (design.md section 4).
    pub fn exit_status(&self) -> u8 {
        match self.fault {
            Fault::Usage => 2,
            Fault::Failure => 1,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.remedy {
            Some(remedy) => write!(f, "\n  remedy: {remedy}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

/// Names the file in an [`std::io::Result`].
pub trait IoContext<T> {
    /// `doing` is a verb: "read", "write", "list".
    fn while_doing(self, doing: &str, path: impl AsRef<Path>) -> Result<T>;
}

impl<T> IoContext<T> for std::io::Result<T> {
    fn while_doing(self, doing: &str, path: impl AsRef<Path>) -> Result<T> {
        self.map_err(|cause| Error::io(doing, path, &cause))
    }
}
