//! Which libraries a file opens itself: by its notes, and by what is known of glibc.

use super::image::Image;
use super::ldso::Process;
use super::{DlopenNote, Elf, Malformed, Priority};

const LIBC: &[u8] = b"libc.so.6";

/// What glibc opens to unwind a thread's stack (glibc 2.36, misc/unwind-link.c).
const UNWINDER: &[u8] = b"libgcc_s.so.1";

/// For whom it does (glibc 2.36: debug/backtrace.c, nptl/pthread_cancel.c, nptl/pthread_exit.c, and those who call the last:
/// sysdeps/pthread/thrd_exit.c, resolv/gai_misc.c).
pub(super) const UNWINDING: [&str; 5] =
    ["backtrace", "pthread_cancel", "pthread_exit", "thrd_exit", "getaddrinfo_a"];

/// A library that a file opens itself.
pub struct Opens<'e> {
    /// Any will do.
    pub names: Vec<&'e [u8]>,
    /// Where the file says so; `None` for what is known of glibc.
    pub note: Option<&'e DlopenNote>,
}

impl Process {
    /// The libraries that one of its objects opens itself and is less without.
    pub fn opens(&self, index: usize) -> impl Iterator<Item = Opens<'_>> {
        // Asked for glibc alone, not for each object of the process.
        let unwinds = || self.objects.iter().any(|loaded| loaded.object.elf.unwinds);
        let opened = self.objects[index].object.elf.opens();
        opened.filter(move |opens| opens.note.is_some() || unwinds())
    }
}

impl Elf {
    /// The libraries that it opens itself and is less without; of glibc, for whoever in its process [unwinds](Elf::unwinds).
    pub fn opens(&self) -> impl Iterator<Item = Opens<'_>> {
        let notes = self.dlopen.iter().filter(|note| note.priority >= Priority::Recommended);
        let is_libc = self.soname.as_deref() == Some(LIBC);
        notes
            .map(|note| Opens { names: note.sonames.iter().map(Vec::as_slice).collect(), note: Some(note) })
            .chain(is_libc.then(|| Opens { names: vec![UNWINDER], note: None }))
    }

    /// As [`Elf::parse`], and tells what a process opens because of it: only all of its symbols say so, of which a large library has
    /// tens of thousands.
    pub fn parse_for_process(bytes: &[u8]) -> Result<Option<Elf>, Malformed> {
        let mut parsed = Elf::parse(bytes)?;
        if let Some(elf) = &mut parsed {
            let is_one = |name: &[u8]| UNWINDING.iter().any(|function| function.as_bytes() == name);
            let unwinds = elf.imported_names(Image::new(bytes, elf.abi)).any(is_one);
            elf.unwinds = unwinds;
        }
        Ok(parsed)
    }
}
