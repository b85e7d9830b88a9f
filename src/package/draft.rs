//! Artifacts that have not got their names yet.
//!
//! A draft is a file `.explant-XXXXXX.tmp` in the output folder, locked with flock(2) for as long as the run lives. The
//! kernel drops the lock when the process dies, however it dies, so a draft that nobody holds is what a killed run left.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use tempfile::NamedTempFile;

use super::Format;
use crate::error::{Error, IoContext, Result};

const PREFIX: &str = ".explant-";
const SUFFIX: &str = ".tmp";

/// Where this process's drafts are: for [`discard_all`].
static DRAFTS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Removes every draft of this process, which is about to die: a signal runs no destructors. Nothing can be drafted or published
/// any more when this returns.
pub fn discard_all() {
    let drafts = DRAFTS.lock().unwrap_or_else(PoisonError::into_inner);
    for path in drafts.iter() {
        // What is gone already has been published or dropped.
        let _ = std::fs::remove_file(path);
    }
    std::mem::forget(drafts);
}

/// An artifact that is complete but has not got its name yet. Dropped without `publish`, it is gone.
#[derive(Debug)]
pub struct Draft {
    /// `None`: it is no artifact, but stands beside one.
    pub format: Option<Format>,
    /// The name it will have, without folder.
    pub name: String,
    temporary: NamedTempFile,
}

impl Draft {
    /// An empty one in `folder`.
    pub(super) fn new(format: Option<Format>, name: &str, folder: &Path) -> Result<Self> {
        let mut drafts = DRAFTS.lock().unwrap_or_else(PoisonError::into_inner);
        let temporary = locked(folder).while_doing("write", folder.join(name))?;
        drafts.push(temporary.path().to_owned());
        drop(drafts);
        Ok(Draft { format, name: name.to_owned(), temporary })
    }

    /// Where its bytes are now.
    pub fn path(&self) -> &Path {
        self.temporary.path()
    }

    pub(super) fn file(&self) -> &File {
        self.temporary.as_file()
    }

    /// Where it will be, for people to read.
    pub(super) fn destination(&self) -> PathBuf {
        self.path().with_file_name(&self.name)
    }

    /// Gives it its name, replacing what had it. Mode 0644, or 0755 where it is a program, whatever the umask: an artifact is for
    /// everyone to read.
    pub fn publish(self) -> Result<PathBuf> {
        let destination = self.destination();
        let _alive = DRAFTS.lock().unwrap_or_else(PoisonError::into_inner);
        let mode = if self.format == Some(Format::Run) { 0o755 } else { 0o644 };
        self.file().set_permissions(Permissions::from_mode(mode)).while_doing("write", &destination)?;
        match self.temporary.persist(&destination) {
            Ok(_) => Ok(destination),
            Err(failed) => Err(Error::io("write", &destination, &failed.error)),
        }
    }
}

/// A new, locked temporary file.
fn locked(folder: &Path) -> io::Result<NamedTempFile> {
    loop {
        let file = tempfile::Builder::new().prefix(PREFIX).suffix(SUFFIX).tempfile_in(folder)?;
        match rustix::fs::flock(&file, FlockOperation::LockExclusive) {
            // Where the file system has no locks, nobody gets one, so nobody takes the draft for a leftover.
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOLCK | Errno::NOSYS) => {}
            Err(errno) => return Err(errno.into()),
        }
        // Between its creation and the lock another run may have cleared it away.
        if is_at(file.as_file(), file.path())? {
            return Ok(file);
        }
    }
}

/// Whether `path` is the name of this very file.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let held = file.metadata()?;
    match path.symlink_metadata() {
        Ok(named) => Ok((named.dev(), named.ino()) == (held.dev(), held.ino())),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(cause) => Err(cause),
    }
}

/// Removes what runs that were killed left in the folder. What another run is at work on stays, and so does what we
/// may not open (another user's).
pub fn clear_leftovers(folder: &Path) -> Result<()> {
    for file in folder.read_dir().while_doing("list", folder)? {
        let file = file.while_doing("list", folder)?;
        let name = file.file_name();
        let name = name.as_encoded_bytes();
        if name.starts_with(PREFIX.as_bytes()) && name.ends_with(SUFFIX.as_bytes()) {
            clear(&file.path()).while_doing("remove", file.path())?;
        }
    }
    Ok(())
}

fn clear(path: &Path) -> io::Result<()> {
    // Not through links, and never waiting for a pipe's other end. For writing, since NFS turns flock into a lock that
    // wants it.
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(descriptor) = rustix::fs::open(path, flags, Mode::empty()) else { return Ok(()) };
    let file = File::from(descriptor);
    let held = rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err();
    if held || !file.metadata()?.is_file() || !is_at(&file, path)? {
        return Ok(());
    }
    std::fs::remove_file(path)
}
