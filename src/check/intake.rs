//! Takes in an artifact's members: of each file only what the checks want is kept.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::sync::Arc;

use memmap2::Mmap;

use super::read::{Kind, Member};
use super::tree::{Content, Tree};
use crate::elf::{Elf, Malformed};

/// ELF files up to this size are parsed in memory, larger ones in a temporary file.
const IN_MEMORY: usize = 1 << 20;
/// An ELF file beyond this is taken for an attempt to fill the disk.
const ELF_MAX: u64 = 8 << 30;
const ELF_MAGIC: &[u8] = b"\x7fELF";
/// As much of a script as the kernel reads (BINPRM_BUF_SIZE, linux/binfmts.h).
const SHEBANG_MAX: u64 = 256;

#[derive(Default)]
pub(super) struct Intake {
    pub tree: Tree,
    /// Used again for each file.
    buffer: Vec<u8>,
    /// Unlinked, used again for each large file.
    spool: Option<File>,
}

impl Intake {
    /// Adds a member to the tree.
    pub fn take(&mut self, member: Member, body: &mut dyn Read) -> io::Result<()> {
        let content = match member.kind {
            Kind::File => self.content(&member, body)?,
            _ => Content::Data,
        };
        self.tree.add(member, content)
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
            return Ok(parsed(Elf::parse(&self.buffer)));
        }
        let spool = match &mut self.spool {
            Some(spool) => spool,
            none => none.insert(tempfile::tempfile()?),
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
        Ok(parsed(Elf::parse(&map)))
    }
}

fn parsed(outcome: Result<Option<Elf>, Malformed>) -> Content {
    match outcome {
        Ok(Some(elf)) => Content::Elf(Arc::new(elf)),
        Ok(None) => Content::Data,
        Err(Malformed(reason)) => Content::Malformed(reason),
    }
}
