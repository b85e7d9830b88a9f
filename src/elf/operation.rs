//! What is asked of the surgeon, and why it may say no: data, nothing else.

use std::fmt;

use super::planted::Stub;

/// A run path and the tag that is to carry it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunPath {
    /// Folders, joined by colons.
    pub folders: Vec<u8>,
    /// DT_RUNPATH rather than DT_RPATH.
    pub runpath: bool,
}

/// All that is to be done to one file; what is `None`, `false` or empty stays as it is. Carried out in the order of the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operation {
    /// EI_OSABI.
    pub os_abi: Option<u8>,
    pub soname: Option<Vec<u8>>,
    pub interpreter: Option<Vec<u8>>,
    /// The X flag of PT_GNU_STACK, which is added where there is none.
    pub executable_stack: Option<bool>,
    /// Every DT_RPATH and DT_RUNPATH goes, unless there is a new one.
    pub remove_run_path: bool,
    /// With the folders that are there ([`super::Elf::run_path`]) only the tag is turned, and no string is touched.
    pub run_path: Option<RunPath>,
    /// Needed entries that go. Symbols that were bound to a version of such a library lose it, since ld.so aborts over a
    /// version of a file that is not needed (dl-version.c).
    pub remove_needed: Vec<Vec<u8>>,
    /// Needed entries to rename, verneed kept in step: old, new. A name that is
    /// not needed is passed over; of two new names for one the first counts.
    pub replace_needed: Vec<(Vec<u8>, Vec<u8>)>,
    /// Needed entries to put before the others, in this order; one that is there already is added all the same.
    pub add_needed: Vec<Vec<u8>>,
    /// Dynamic symbols that are to be bound to any version.
    pub clear_versions: Vec<Vec<u8>>,
    /// DF_1_NODEFLIB.
    pub no_default_lib: bool,
    /// A DT_DEBUG, where there is none.
    pub debug_tag: bool,
    /// The descriptor of a note that tells nixpkgs' ld.so where the libraries are (patchelf's --build-resolution-cache). An edit of the
    /// run path or of the needed entries takes an old one away.
    pub resolution_cache: Option<Vec<u8>>,
    /// Dynamic symbols to rename: old, new.
    pub rename_symbols: Vec<(Vec<u8>, Vec<u8>)>,
    /// What the program is to begin with, instead of asking the kernel for its interpreter (PT_INTERP).
    pub stub: Option<Stub>,
    /// The largest page that the added segment is to be loadable with, in bytes; by default the architecture's, or the file's
    /// own where that is larger.
    pub page_size: Option<u64>,
    /// What the bytes of strings that nothing reads any more become: NULs, or patchelf's `X`.
    pub fill: u8,
    /// Let a file grow though there is a payload behind its ELF image, which stays at its offset but is no longer at the end.
    pub grow_before_payload: bool,
}

/// Why an operation is not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The operation makes no sense for this file, or no correct way to carry it out is known.
    Impossible { field: &'static str, reason: String },
    /// The file would have to grow, and there is a payload behind its ELF image, so many bytes: a program that looks for
    /// it at the file's end, or by the image's length, would no longer find it.
    Payload { len: u64 },
    /// The file would have to grow, and there is no place for a further segment.
    NoPlace { reason: &'static str },
}

impl Refusal {
    pub(super) fn impossible(field: &'static str, reason: impl Into<String>) -> Refusal {
        Refusal::Impossible { field, reason: reason.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Impossible { field, reason } => write!(f, "its {field} cannot be set: {reason}"),
            Refusal::Payload { len } => write!(
                f,
                "the edit does not fit in its place, and the file cannot grow: {len} bytes that are no part of the \
                 program lie behind it"
            ),
            Refusal::NoPlace { reason } => {
                write!(f, "the edit does not fit in its place, and the file cannot grow: {reason}")
            }
        }
    }
}

impl std::error::Error for Refusal {}
