//! Takes in an artifact's members: of each file only what the checks want is kept.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memmap2::Mmap;

use super::anchored::Anchored;
use super::read::{Kind, Member};
use super::tree::{Content, Tree};
use crate::config::glibc_set::is_glibc_set;
use crate::elf::{Class, Elf, Malformed, ldso};
use crate::path::InstallPath;
use crate::stub::{self, Table};

/// ELF files up to this size are parsed in memory, larger ones in a temporary file.
const IN_MEMORY: usize = 8 << 20;
/// An ELF file beyond this is taken for an attempt to fill the disk.
const ELF_MAX: u64 = 8 << 30;
const ELF_MAGIC: &[u8] = b"\x7fELF";
/// As much of a script as the kernel reads (BINPRM_BUF_SIZE, linux/binfmts.h).
const SHEBANG_MAX: u64 = 256;

#[derive(Default)]
pub(super) struct Intake {
    pub tree: Tree,
    /// What leads through a descriptor.
    pub anchored: Anchored,
    /// Where the artifact is: a build writes there anyway, and has more room there than in a /tmp in memory.
    folder: PathBuf,
    /// Used again for each file.
    buffer: Vec<u8>,
    /// Unlinked, used again for each large file.
    spool: Option<File>,
}

impl Intake {
    /// For an artifact in `folder`.
    pub fn new(folder: &Path) -> Self {
        Intake { folder: folder.to_owned(), ..Intake::default() }
    }

    /// Adds a member to the tree.
    pub fn take(&mut self, member: Member, body: &mut dyn Read) -> io::Result<()> {
        let content = match member.kind {
            Kind::File => self.file(&member, body)?,
            _ => Content::Data,
        };
        self.tree.add(member, content)
    }

    fn file(&mut self, member: &Member, body: &mut dyn Read) -> io::Result<Content> {
        let mut anchored = std::mem::take(&mut self.anchored);
        let mut watched = anchored.watch(&member.path, body);
        let content = self.content(member, &mut watched)?;
        // To the end, though the rest is not kept.
        io::copy(&mut watched, &mut io::sink())?;
        self.anchored = anchored;
        if let Content::Elf { elf, launches, .. } = &content {
            let planted = elf.stub.as_ref().and_then(|planted| Table::decode(&planted.table));
            if let Some(table) = launches.as_deref().or(planted.as_ref()) {
                self.anchored.program(table, &member.path);
            }
        }
        Ok(content)
    }

    fn content(&mut self, member: &Member, body: &mut dyn Read) -> io::Result<Content> {
        self.buffer.clear();
        body.take(ELF_MAGIC.len() as u64).read_to_end(&mut self.buffer)?;
        if self.buffer == ELF_MAGIC {
            return self.elf(member, body);
        }
        if self.buffer.starts_with(b"#!") {
            body.take(SHEBANG_MAX - self.buffer.len() as u64).read_to_end(&mut self.buffer)?;
            let line = self.buffer.split(|b| *b == b'\n').next().unwrap_or_default();
            return Ok(Content::Script(line[2..].trim_ascii().to_vec()));
        }
        Ok(Content::Data)
    }

    fn elf(&mut self, member: &Member, body: &mut dyn Read) -> io::Result<Content> {
        body.take((IN_MEMORY - self.buffer.len()) as u64).read_to_end(&mut self.buffer)?;
        if self.buffer.len() < IN_MEMORY {
            return Ok(parse(&self.buffer, &member.path));
        }
        let spool = match &mut self.spool {
            Some(spool) => spool,
            none => none.insert(temporary(&self.folder)?),
        };
        spool.set_len(0)?;
        spool.rewind()?;
        spool.write_all(&self.buffer)?;
        // Through the buffer, which is larger than io::copy's own.
        loop {
            self.buffer.clear();
            if body.take(IN_MEMORY as u64).read_to_end(&mut self.buffer)? == 0 {
                break;
            }
            spool.write_all(&self.buffer)?;
            if spool.stream_position()? > ELF_MAX {
                return Err(io::Error::other(format!("{} is an absurdly large ELF file", member.path)));
            }
        }
        // SAFETY: the file has no name and no other user, and is not written to while it is mapped.
        let map = unsafe { Mmap::map(&*spool) }?;
        Ok(parse(&map, &member.path))
    }
}

/// A nameless file in `folder`, or else, where that is not for us to write to, in the system's place for such.
fn temporary(folder: &Path) -> io::Result<File> {
    tempfile::tempfile_in(folder).or_else(|_| tempfile::tempfile()).map_err(|cause| {
        let place = std::env::temp_dir();
        io::Error::new(
            cause.kind(),
            format!("there is no room for a temporary file in {}: {cause}", place.display()),
        )
    })
}

fn parse(bytes: &[u8], path: &InstallPath) -> Content {
    match Elf::parse(bytes) {
        Ok(Some(mut elf)) => {
            stub::see_through(&mut elf, path.as_bytes());
            let loader_folders = if is_glibc_loader(&elf) { loader_folders(bytes) } else { Vec::new() };
            let launches = stub::launched(bytes).map(Box::new);
            Content::Elf { elf: Arc::new(elf), loader_folders, launches }
        }
        Ok(None) => Content::Data,
        Err(Malformed(reason)) => Content::Malformed(reason),
    }
}

/// Of the glibc set, only the loaders' names begin so.
fn is_glibc_loader(elf: &Elf) -> bool {
    let is_loader = |soname: &[u8]| soname.starts_with(b"ld") && is_glibc_set(soname);
    elf.class == Class::Library && elf.soname.as_deref().is_some_and(is_loader)
}

/// The folders that a glibc ld.so was built to look in: its only strings that begin and end in a slash (SYSTEM_DIRS, glibc's
/// elf/dl-load.c).
fn loader_folders(loader: &[u8]) -> Vec<Vec<u8>> {
    let mut folders = Vec::new();
    for (_, text) in ldso::loader_folders(loader, b"") {
        let Some(folder) = text.strip_suffix(b"/").and_then(InstallPath::new) else { continue };
        let folder = folder.as_bytes().to_vec();
        // The compiler may keep a folder twice.
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    folders
}
