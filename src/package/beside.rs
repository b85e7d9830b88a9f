//! What stands beside artifacts: SHA256SUMS, and detached signatures.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use rustix::fs::FlockOperation;
use sha2::{Digest, Sha256};

use super::{Draft, Format};
use crate::error::{IoContext, Result};
use crate::hex::hex;
use crate::sign::{Signer, Signers};

/// As sha256sum(1) writes and reads it.
const SUMS: &str = "SHA256SUMS";
/// Behind the name of what is signed.
const SIGNATURE: &str = ".asc";
/// Behind the name of a bill of materials.
pub(super) const BILL: &str = ".cdx.json";
const BUFFER: usize = 128 << 10;

/// Whether a file of that name is one that stands beside artifacts.
pub fn stands_beside(name: &str) -> bool {
    name == SUMS || name.ends_with(SIGNATURE) || name.ends_with(BILL)
}

/// By name, in hexadecimal digits.
pub type Digests = BTreeMap<Vec<u8>, String>;

/// SHA-256 of each.
///
/// Errors: those of reading.
pub fn digests(drafts: &[Draft]) -> Result<Digests> {
    let digest = |draft: &Draft| {
        let digest = File::open(draft.path()).and_then(digest).while_doing("read", draft.destination())?;
        Ok((draft.name.clone().into_bytes(), digest))
    };
    drafts.par_iter().map(digest).collect()
}

/// Files that are named together with the artifacts that they are about.
pub struct Beside {
    /// In the order of their artifacts; then SHA256SUMS, then its signature.
    pub drafts: Vec<Draft>,
    /// Signatures of an earlier build, of files that are replaced and not signed again.
    void: Vec<PathBuf>,
    /// SHA256SUMS is the folder's: another build waits for this one to have written it.
    _lock: File,
}

impl Beside {
    /// Of drafts that are to be named in `folder`, and their digests.
    ///
    /// SHA256SUMS keeps the lines of an earlier build if their files are there still, and are what the lines say: so it holds
    /// for the whole folder, and its signature vouches for nothing that is not so.
    ///
    /// Errors: those of reading and writing.
    pub fn of(artifacts: &[Draft], digests: &Digests, folder: &Path, signers: &Signers) -> Result<Self> {
        let lock = lock(folder).while_doing("lock", folder)?;
        let mut beside = Beside { drafts: Vec::new(), void: Vec::new(), _lock: lock };
        for artifact in artifacts.iter().filter(|draft| draft.format.is_some_and(Format::is_unpacked)) {
            beside.sign(&artifact.name, artifact.path(), folder, signers.others.as_deref())?;
        }
        let sums = Draft::new(None, SUMS, folder)?;
        let lines = lines(digests, folder)?;
        sums.file().write_all(&lines).while_doing("write", sums.destination())?;
        let path = sums.path().to_owned();
        beside.drafts.push(sums);
        beside.sign(SUMS, &path, folder, signers.others.as_deref())?;
        Ok(beside)
    }

    /// A detached signature of the file at `path`, which will be called `name`.
    fn sign(&mut self, name: &str, path: &Path, folder: &Path, signer: Option<&Signer>) -> Result<()> {
        let signature = format!("{name}{SIGNATURE}");
        let Some(signer) = signer else {
            self.void.push(folder.join(signature));
            return Ok(());
        };
        let draft = Draft::new(None, &signature, folder)?;
        let bytes = File::open(path).and_then(|file| signer.sign_armored(file));
        let bytes = bytes.while_doing("sign", folder.join(name))?;
        draft.file().write_all(&bytes).while_doing("write", draft.destination())?;
        self.drafts.push(draft);
        Ok(())
    }

    /// To be called when everything has its name: removes signatures that are void now.
    pub fn clear_void(&self) -> Result<()> {
        for path in &self.void {
            match std::fs::remove_file(path) {
                Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                    return Err(cause).while_doing("remove", path);
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Waits for a lock of the folder; where the file system has none, nobody gets one.
fn lock(folder: &Path) -> io::Result<File> {
    let folder = File::open(folder)?;
    // NFS has locks only of what is open for writing, which no folder can be.
    let _ = rustix::fs::flock(&folder, FlockOperation::LockExclusive);
    Ok(folder)
}

fn lines(ours: &Digests, folder: &Path) -> Result<Vec<u8>> {
    let mut lines = earlier(folder, ours).while_doing("read", folder.join(SUMS))?;
    lines.extend(ours.clone());
    Ok(lines.iter().flat_map(|(name, digest)| [digest.as_bytes(), b"  ", name, b"\n"].concat()).collect())
}

/// The lines of an earlier build that still hold, of files that are not about to be replaced by `ours`.
fn earlier(folder: &Path, ours: &Digests) -> io::Result<Digests> {
    use std::os::unix::ffi::OsStrExt;
    let mut kept = BTreeMap::new();
    let sums = match File::open(folder.join(SUMS)) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(kept),
        sums => sums?,
    };
    for line in BufReader::new(sums).split(b'\n') {
        let line = line?;
        let Some((digest_of_line, name)) = line.split_at_checked(64) else { continue };
        let Some(name) = name.strip_prefix(b"  ").or_else(|| name.strip_prefix(b" *")) else { continue };
        let path = folder.join(std::ffi::OsStr::from_bytes(name));
        // Nothing but a file of this very folder, and not through links.
        let is_file = path.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
        if name.contains(&b'/') || !is_file || ours.contains_key(name) {
            continue;
        }
        let digest = digest(File::open(&path)?)?;
        if digest.as_bytes() == digest_of_line {
            kept.insert(name.to_vec(), digest);
        }
    }
    Ok(kept)
}

/// SHA-256, in hexadecimal digits.
pub(super) fn digest(mut file: impl Read) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&hasher.finalize())),
            read => hasher.update(&buffer[..read]),
        }
    }
}
