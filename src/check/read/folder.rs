//! A folder that an artifact was unpacked to.

use std::fs::File;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use walkdir::WalkDir;

use super::{Kind, Member, Take, install_path, kind_of_mode, malformed};
use crate::path::printable;

/// Hands out everything below the folder, sorted. Links are not followed.
pub fn read(folder: &Path, take: &mut Take) -> io::Result<()> {
    for entry in WalkDir::new(folder).min_depth(1).sort_by_file_name() {
        let entry = entry?;
        let relative =
            entry.path().strip_prefix(folder).map_err(|_| malformed("a name leads out of the folder"))?;
        let path = install_path(relative.as_os_str().as_bytes())?;
        let mode = entry.metadata()?.permissions().mode();
        let named = |cause: io::Error| {
            io::Error::new(cause.kind(), format!("{}: {cause}", printable(path.as_bytes())))
        };
        let kind = match kind_of_mode(mode) {
            Kind::Link(_) => {
                Kind::Link(std::fs::read_link(entry.path()).map_err(named)?.into_os_string().into_vec())
            }
            other => other,
        };
        if matches!(kind, Kind::File) {
            let mut file = File::open(entry.path()).map_err(named)?;
            take(Member { path, mode: mode & 0o7777, caps: false, kind }, &mut file)?;
        } else {
            take(Member { path, mode: mode & 0o7777, caps: false, kind }, &mut io::empty())?;
        }
    }
    Ok(())
}
