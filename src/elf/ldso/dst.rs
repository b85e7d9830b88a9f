//! Dynamic string tokens: `$ORIGIN`, `$LIB`, `$PLATFORM` (ld.so(8); glibc's elf/dl-load.c, is_dst and _dl_dst_substitute).

use goblin::elf::header::{EM_386, EM_AARCH64, EM_ARM, EM_X86_64};

use super::Libc;

/// The absolute folders of a run path, without trailing slashes.
pub(super) fn folders(run_path: &[u8], origin: &[u8], machine: u16, libc: Libc) -> Vec<Vec<u8>> {
    // musl knows $ORIGIN alone, and drops a run path with any other token whole (dynlink.c, fixup_rpath).
    if libc == Libc::Musl && tokens(run_path).any(|(name, _)| name != Some(Token::Origin)) {
        return Vec::new();
    }
    let is_separator = |byte: &u8| *byte == b':' || (libc == Libc::Musl && *byte == b'\n');
    run_path
        .split(is_separator)
        .filter_map(|entry| expand(entry, origin, machine, libc))
        .filter(|folder| folder.starts_with(b"/"))
        .map(|folder| {
            let end = folder.iter().rposition(|byte| *byte != b'/').map_or(1, |last| last + 1);
            folder[..end].to_vec()
        })
        .collect()
}

/// `text` with its tokens replaced; unknown ones stay. `None`: a token has no value here, so that ld.so drops the entry.
pub(super) fn expand(text: &[u8], origin: &[u8], machine: u16, libc: Libc) -> Option<Vec<u8>> {
    let mut expanded = Vec::with_capacity(text.len() + origin.len());
    let mut rest = text;
    for (token, len) in tokens(text) {
        // tokens() yields one item for each dollar.
        let dollar = memchr::memchr(b'$', rest)?;
        expanded.extend_from_slice(&rest[..dollar]);
        match token {
            Some(Token::Origin) => expanded.extend_from_slice(origin),
            Some(Token::Lib) if libc == Libc::Glibc => expanded.extend_from_slice(LIB),
            Some(Token::Platform) if libc == Libc::Glibc => expanded.extend_from_slice(platform(machine)?),
            _ => expanded.extend_from_slice(&rest[dollar..dollar + len]),
        }
        rest = &rest[dollar + len..];
    }
    expanded.extend_from_slice(rest);
    Some(expanded)
}

/// What glibc was configured to put its libraries in, below its prefix. In the store that is always `lib`; Debian's own glibc says
/// `lib/x86_64-linux-gnu`, and Fedora's `lib64`, but those load no store libraries.
const LIB: &[u8] = b"lib";

/// AT_PLATFORM, by the kernel's ELF_PLATFORM of the oldest processor. Where it depends on the processor there is none that holds
/// everywhere.
fn platform(machine: u16) -> Option<&'static [u8]> {
    match machine {
        EM_X86_64 => Some(b"x86_64"),
        EM_386 => Some(b"i686"),
        EM_AARCH64 => Some(b"aarch64"),
        EM_ARM => Some(b"v7l"),
        _ => None,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Origin,
    Lib,
    Platform,
}

/// For each dollar: the token that it begins, if any, and its length with the dollar (1 where it begins none).
fn tokens(text: &[u8]) -> impl Iterator<Item = (Option<Token>, usize)> {
    memchr::memchr_iter(b'$', text).map(|dollar| {
        let names: [(&[u8], Token); 3] =
            [(b"ORIGIN", Token::Origin), (b"LIB", Token::Lib), (b"PLATFORM", Token::Platform)];
        let rest = &text[dollar + 1..];
        let (rest, curly) = match rest.strip_prefix(b"{") {
            Some(inner) => (inner, true),
            None => (rest, false),
        };
        let found = names.into_iter().find(|(name, _)| {
            // Without braces glibc asks for no end: $LIBx is $LIB and an x.
            rest.starts_with(name) && (!curly || rest.get(name.len()) == Some(&b'}'))
        });
        match found {
            Some((name, token)) => (Some(token), 1 + name.len() + 2 * usize::from(curly)),
            None => (None, 1),
        }
    })
}
