//! `--output`: the patched file goes elsewhere.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{Gid, SeekFrom as Extent, Uid, fchown, seek};
use rustix::io::Errno;
use tempfile::{Builder, NamedTempFile, tempfile};

use crate::elf::{Patch, patched_len};

use super::apply::{self, Source};
use super::failure::{Doing, Failure};

/// Writes a patched copy, even where nothing changed. What `output` was before is whole until the copy is.
pub(super) fn write(source: &Source, output: &Path, patches: &[Patch]) -> Result<(), Failure> {
    match fs::metadata(output) {
        Ok(there) if is_same(&there, &source.metadata) => apply::in_place(source, patches),
        Ok(there) if !there.is_file() => through(source, output, patches),
        there => beside(source, output, patches, there.ok().as_ref()),
    }
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// To a temporary file beside the output, which then takes its name. Like patchelf's, a new file may be run by whomever
/// the umask lets; one that was there keeps its mode and, if that is ours to give, its owner.
fn beside(
    source: &Source,
    output: &Path,
    patches: &[Patch],
    there: Option<&Metadata>,
) -> Result<(), Failure> {
    // A link keeps leading where it led.
    let target = fs::canonicalize(output).unwrap_or_else(|_| output.to_owned());
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let temporary: NamedTempFile = Builder::new()
        .prefix(".explant-")
        .permissions(Permissions::from_mode(0o777))
        .tempfile_in(folder)
        .map_err(Failure::io(Doing::Open, output))?;
    let file = temporary.as_file();
    let finish = || {
        copy(source, file, patches)?;
        if let Some(there) = there {
            // Before the mode: it takes setuid away.
            let _ = fchown(file, Some(Uid::from_raw(there.uid())), Some(Gid::from_raw(there.gid())));
            file.set_permissions(there.permissions())?;
        }
        Ok(())
    };
    finish().map_err(Failure::io(Doing::Write, output))?;
    temporary.persist(&target).map_err(|error| Failure::io(Doing::Write, output)(error.error))?;
    Ok(())
}

/// To what can be neither renamed nor patched: /dev/null, a pipe.
fn through(source: &Source, output: &Path, patches: &[Patch]) -> Result<(), Failure> {
    let mut to = OpenOptions::new().write(true).open(output).map_err(Failure::io(Doing::Open, output))?;
    let mut pour = || {
        let mut whole = tempfile()?;
        copy(source, &whole, patches)?;
        whole.seek(SeekFrom::Start(0))?;
        io::copy(&mut whole, &mut to)
    };
    pour().map_err(Failure::io(Doing::Write, output))?;
    Ok(())
}

/// Copies a file extent by extent and patches the copy. `io::copy` is copy_file_range, so a file system that can share
/// blocks does; holes are skipped, since it would fill them on those that cannot.
fn copy(source: &Source, mut to: &File, patches: &[Patch]) -> io::Result<()> {
    let len = source.len();
    apply::check_size_limit(patched_len(len, patches))?;
    let mut from = &source.file;
    let mut end = 0;
    while let Some(start) = next(from, Extent::Data(end))? {
        end = next(from, Extent::Hole(start))?.unwrap_or(len);
        from.seek(SeekFrom::Start(start))?;
        to.seek(SeekFrom::Start(start))?;
        io::copy(&mut from.take(end - start), &mut to)?;
    }
    to.set_len(len)?;
    apply::write(to, patches)
}

/// `None` where nothing of the kind comes any more.
fn next(file: &File, extent: Extent) -> io::Result<Option<u64>> {
    match seek(file, extent) {
        Ok(at) => Ok(Some(at)),
        Err(Errno::NXIO) => Ok(None),
        Err(cause) => Err(cause.into()),
    }
}
