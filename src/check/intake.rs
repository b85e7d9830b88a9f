//! Takes in an artifact's members: of each file only what the checks want is kept.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memmap2::MmapOptions;

use super::anchored::Anchored;
use super::read::{Kind, Member, fill};
use super::tree::{Content, Tree};
use crate::config::glibc_set::is_glibc_set;
use crate::elf::{Class, Elf, Malformed, ldso};
use crate::path::InstallPath;
use crate::stub::{self, Table};

/// ELF files up to this size are parsed in memory, larger ones in a temporary file.
const IN_MEMORY: usize = 24 << 20;
/// How much of other files is read at a time.
const CHUNK: usize = 256 << 10;
/// An ELF file beyond this is taken for an attempt to fill the disk.
const ELF_MAX: u64 = 8 << 30;
const ELF_MAGIC: &[u8] = b"\x7fELF";
/// As much of a script as the kernel reads (BINPRM_BUF_SIZE, linux/binfmts.h).
const SHEBANG_MAX: usize = 256;

pub(super) struct Intake {
    pub tree: Tree,
    /// What leads through a descriptor.
    pub anchored: Anchored,
    /// Where the artifact is: a build writes there anyway, and has more room there than in a /tmp in memory.
    folder: PathBuf,
    /// [`IN_MEMORY`] bytes, used again for each file: zeros that the kernel has, of which only what is used becomes memory.
    buffer: Vec<u8>,
    /// Unlinked, and used again for each large file, which goes over the one before: room that is given back and taken anew costs as much
    /// as what is written.
    spool: Option<File>,
}

impl Intake {
    /// For an artifact in `folder`.
    pub fn new(folder: &Path) -> Self {
        Intake {
            tree: Tree::default(),
            anchored: Anchored::default(),
            folder: folder.to_owned(),
            buffer: vec![0; IN_MEMORY],
            spool: None,
        }
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
        while take(&mut watched, &mut self.buffer[..CHUNK])? > 0 {}
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
        let mut beginning = [0; SHEBANG_MAX];
        let magic = take(body, &mut beginning[..ELF_MAGIC.len()])?;
        if beginning[..magic] == *ELF_MAGIC {
            return self.elf(member, body);
        }
        if beginning[..magic].starts_with(b"#!") {
            let length = magic + take(body, &mut beginning[magic..])?;
            let line = beginning[..length].split(|b| *b == b'\n').next().unwrap_or_default();
            return Ok(Content::Script(line[2..].trim_ascii().to_vec()));
        }
        Ok(Content::Data)
    }

    /// Of a file behind its magic number.
    fn elf(&mut self, member: &Member, body: &mut dyn Read) -> io::Result<Content> {
        self.buffer[..ELF_MAGIC.len()].copy_from_slice(ELF_MAGIC);
        let mut length = ELF_MAGIC.len() + take(body, &mut self.buffer[ELF_MAGIC.len()..])?;
        if length < IN_MEMORY {
            return Ok(parse(&self.buffer[..length], &member.path));
        }
        let spool = match &mut self.spool {
            Some(spool) => spool,
            none => none.insert(temporary(&self.folder)?),
        };
        spool.rewind()?;
        let mut size = 0;
        // Through the buffer, which is larger than io::copy's own.
        while length > 0 {
            spool.write_all(&self.buffer[..length])?;
            size += length as u64;
            if size > ELF_MAX {
                return Err(io::Error::other(format!("{} is an absurdly large ELF file", member.path)));
            }
            length = take(body, &mut self.buffer)?;
        }
        // SAFETY: the file has no name and no other user, and is not written to while it is mapped.
        let map = unsafe { MmapOptions::new().len(size as usize).map(&*spool) }?;
        Ok(parse(&map, &member.path))
    }
}

/// Not `read_to_end`, which zeroes the room for each read.
fn take(body: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let (length, outcome) = fill(body, buffer);
    outcome.map(|()| length)
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
