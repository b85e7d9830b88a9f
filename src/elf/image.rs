//! Reads the structures of an image at offsets that the image itself names: nothing is trusted, every read is bounded.

use goblin::container::{Container, Ctx, Endian};
use scroll::Pread;
use scroll::ctx::TryFromCtx;

use super::Abi;

/// A file's bytes and how its numbers are written.
#[derive(Clone, Copy)]
pub(super) struct Image<'a> {
    pub bytes: &'a [u8],
    pub ctx: Ctx,
}

/// A PT_LOAD: so many bytes of the file and the address that they are mapped at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub vaddr: u64,
    pub offset: u64,
    pub filesz: u64,
}

impl Abi {
    /// How goblin is told of word size and byte order.
    pub(crate) fn ctx(self) -> Ctx {
        let container = if self.is_64 { Container::Big } else { Container::Little };
        Ctx::new(container, if self.is_little_endian { Endian::Little } else { Endian::Big })
    }
}

impl<'a> Image<'a> {
    pub fn new(bytes: &'a [u8], abi: Abi) -> Self {
        Image { bytes, ctx: abi.ctx() }
    }

    pub fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// One of goblin's structures.
    pub fn read<T>(&self, at: u64) -> Option<T>
    where
        T: TryFromCtx<'a, Ctx, Error = goblin::error::Error>,
    {
        self.bytes.pread_with(usize::try_from(at).ok()?, self.ctx).ok()
    }

    pub fn slice(&self, at: u64, len: u64) -> Option<&'a [u8]> {
        let end = at.checked_add(len)?;
        self.bytes.get(usize::try_from(at).ok()?..usize::try_from(end).ok()?)
    }

    pub fn u16(&self, at: u64) -> Option<u16> {
        self.bytes.pread_with(usize::try_from(at).ok()?, self.ctx.le).ok()
    }

    pub fn u32(&self, at: u64) -> Option<u32> {
        self.bytes.pread_with(usize::try_from(at).ok()?, self.ctx.le).ok()
    }

    /// Writes an ELF word of the class's own size (Elf32_Word, Elf64_Xword) behind others.
    pub fn push_word(&self, words: &mut Vec<u8>, value: u64) {
        match self.ctx.container {
            Container::Big => words.extend(self.u64_bytes(value)),
            // Only what came from a 32-bit file, or an offset within one, is ever written back.
            Container::Little => words.extend(self.u32_bytes(value as u32)),
        }
    }

    pub fn u16_bytes(&self, value: u16) -> [u8; 2] {
        match self.ctx.le {
            Endian::Little => value.to_le_bytes(),
            Endian::Big => value.to_be_bytes(),
        }
    }

    pub fn u64_bytes(&self, value: u64) -> [u8; 8] {
        match self.ctx.le {
            Endian::Little => value.to_le_bytes(),
            Endian::Big => value.to_be_bytes(),
        }
    }

    pub fn u32_bytes(&self, value: u32) -> [u8; 4] {
        match self.ctx.le {
            Endian::Little => value.to_le_bytes(),
            Endian::Big => value.to_be_bytes(),
        }
    }
}

/// Where an address lies in the file, and how many bytes of its segment follow there.
pub(super) fn file_offset(loads: &[Load], vaddr: u64) -> Option<(u64, u64)> {
    loads.iter().find_map(|load| {
        let into = vaddr.checked_sub(load.vaddr).filter(|into| *into < load.filesz)?;
        Some((load.offset + into, load.filesz - into))
    })
}
