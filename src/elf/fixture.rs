//! Builds small images of any class and byte order for tests, byte by byte from the gABI.

use goblin::elf::dynamic::*;
use goblin::elf::header::{EM_X86_64, ET_DYN};
use goblin::elf::program_header::{PT_DYNAMIC, PT_INTERP, PT_LOAD, PT_NOTE};

use super::Abi;

pub const X86_64: Abi = Abi { machine: EM_X86_64, is_64: true, is_little_endian: true };

/// Every word size and byte order.
pub fn abis() -> impl Iterator<Item = Abi> {
    [(true, true), (true, false), (false, true), (false, false)]
        .into_iter()
        .map(|(is_64, is_little_endian)| Abi { is_64, is_little_endian, ..X86_64 })
}

/// How the symbols can be counted.
#[derive(Clone, Copy, PartialEq)]
pub enum Hash {
    Sysv,
    Gnu,
    /// A DT_GNU_HASH of nothing, as in programs that export nothing: it does not tell the number of symbols.
    EmptyGnu,
}

#[derive(Clone)]
pub struct Fixture {
    pub abi: Abi,
    pub e_type: u16,
    pub interpreter: Option<&'static str>,
    /// Tags and strings, in order.
    pub strings: Vec<(u64, &'static str)>,
    pub flags_1: u64,
    pub symbols: Vec<&'static str>,
    pub versions: Vec<(&'static str, Vec<&'static str>)>,
    /// Names in verdef.
    pub definitions: Vec<&'static str>,
    pub hash: Hash,
    /// DT_NULLs, the one at the end included.
    pub nulls: usize,
    /// The content of a dlopen note.
    pub note: Option<&'static str>,
}

impl Default for Fixture {
    fn default() -> Self {
        Fixture {
            abi: X86_64,
            e_type: ET_DYN,
            interpreter: None,
            strings: Vec::new(),
            flags_1: 0,
            symbols: vec!["main"],
            versions: Vec::new(),
            definitions: Vec::new(),
            hash: Hash::Sysv,
            nulls: 1,
            note: None,
        }
    }
}

/// Addresses are offsets plus this.
const BASE: u64 = 0x10000;

/// The file so far.
struct Writer {
    abi: Abi,
    bytes: Vec<u8>,
}

impl Writer {
    fn here(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn number(&mut self, value: u64, size: usize) {
        if self.abi.is_little_endian {
            self.bytes.extend_from_slice(&value.to_le_bytes()[..size]);
        } else {
            self.bytes.extend_from_slice(&value.to_be_bytes()[8 - size..]);
        }
    }

    fn half(&mut self, value: u64) {
        self.number(value, 2);
    }

    fn int(&mut self, value: u64) {
        self.number(value, 4);
    }

    fn word(&mut self, value: u64) {
        self.number(value, if self.abi.is_64 { 8 } else { 4 });
    }

    fn align(&mut self) {
        let len = self.bytes.len().next_multiple_of(8);
        self.bytes.resize(len, 0);
    }

    /// Begins a table, aligned; returns where.
    fn table(&mut self) -> u64 {
        self.align();
        self.here()
    }

    fn program_header(&mut self, p_type: u32, at: u64, len: u64) {
        self.int(p_type.into());
        if self.abi.is_64 {
            self.int(6);
        }
        [at, at + BASE, at + BASE, len, len].iter().for_each(|value| self.word(*value));
        if !self.abi.is_64 {
            self.int(6);
        }
        self.word(if p_type == PT_NOTE { 4 } else { 1 });
    }
}

/// The string table; a string that is the end of one before it shares its bytes, as linkers do.
struct Strings(Vec<u8>);

impl Strings {
    fn add(&mut self, string: &str) -> u64 {
        let needle = [string.as_bytes(), b"\0"].concat();
        let there = memchr::memmem::find(&self.0, &needle);
        there.unwrap_or_else(|| {
            self.0.extend_from_slice(&needle);
            self.0.len() - needle.len()
        }) as u64
    }
}

impl Fixture {
    pub fn build(&self) -> Vec<u8> {
        let (header, phdr) = if self.abi.is_64 { (64, 56) } else { (52, 32) };
        let mut out = Writer { abi: self.abi, bytes: vec![0; header + 4 * phdr] };
        let mut strings = Strings(vec![0]);
        let mut dynamic: Vec<(u64, u64)> =
            self.strings.iter().map(|(tag, string)| (*tag, strings.add(string))).collect();

        let interpreter = out.here();
        out.bytes.extend(self.interpreter.iter().flat_map(|path| path.bytes().chain([0])));
        let interpreter_len = out.here() - interpreter;
        let note = out.table();
        self.write_note(&mut out);
        let note_len = out.here() - note;
        dynamic.extend(self.write_hash(&mut out));
        dynamic.push((DT_SYMTAB, self.write_symbols(&mut out, &mut strings) + BASE));
        if !self.versions.is_empty() {
            dynamic.push((DT_VERNEED, self.write_verneed(&mut out, &mut strings) + BASE));
        }
        if !self.definitions.is_empty() {
            dynamic.push((DT_VERDEF, self.write_verdef(&mut out, &mut strings) + BASE));
        }
        let table = out.table();
        out.bytes.extend_from_slice(&strings.0);
        dynamic.extend([
            (DT_STRTAB, table + BASE),
            (DT_STRSZ, strings.0.len() as u64),
            (DT_FLAGS_1, self.flags_1),
        ]);
        dynamic.resize(dynamic.len() + self.nulls, (DT_NULL, 0));
        let at = out.table();
        dynamic.iter().for_each(|(tag, value)| {
            out.word(*tag);
            out.word(*value);
        });

        let mut head = Writer { abi: self.abi, bytes: Vec::new() };
        self.write_header(&mut head, header as u64, phdr as u64);
        head.program_header(PT_LOAD, 0, out.here());
        head.program_header(PT_DYNAMIC, at, out.here() - at);
        head.program_header(if self.note.is_some() { PT_NOTE } else { 0 }, note, note_len);
        head.program_header(
            if self.interpreter.is_some() { PT_INTERP } else { 0 },
            interpreter,
            interpreter_len,
        );
        out.bytes[..head.bytes.len()].copy_from_slice(&head.bytes);
        out.bytes
    }

    fn write_header(&self, out: &mut Writer, size: u64, phdr: u64) {
        let class = 1 + u8::from(self.abi.is_64);
        let data = 2 - u8::from(self.abi.is_little_endian);
        out.bytes.extend_from_slice(&[0x7f, b'E', b'L', b'F', class, data, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        out.half(self.e_type.into());
        out.half(self.abi.machine.into());
        out.int(1);
        [0, size, 0].iter().for_each(|value| out.word(*value));
        out.int(0);
        [size, phdr, 4, 0, 0, 0].iter().for_each(|value| out.half(*value));
    }

    fn write_note(&self, out: &mut Writer) {
        let Some(text) = self.note else { return };
        [4, text.len() as u64 + 1, 0x407c_0c0a].iter().for_each(|value| out.int(*value));
        out.bytes.extend_from_slice(b"FDO\0");
        out.bytes.extend(text.bytes().chain([0]));
        let len = out.bytes.len().next_multiple_of(4);
        out.bytes.resize(len, 0);
    }

    fn write_hash(&self, out: &mut Writer) -> Option<(u64, u64)> {
        let at = out.table();
        let count = self.symbols.len() as u64 + 1;
        match self.hash {
            Hash::Sysv => {
                [1, count, 0].iter().for_each(|value| out.int(*value));
                (0..count).for_each(|_| out.int(0));
                Some((DT_HASH, at + BASE))
            }
            Hash::Gnu => {
                // One bucket; the chain ends at the last symbol.
                [1, 1, 1, 0].iter().for_each(|value| out.int(*value));
                out.word(0);
                out.int(1);
                (1..count).for_each(|index| out.int(u64::from(index + 1 == count)));
                Some((DT_GNU_HASH, at + BASE))
            }
            Hash::EmptyGnu => {
                [1, 1, 1, 0].iter().for_each(|value| out.int(*value));
                out.word(0);
                out.int(0);
                Some((DT_GNU_HASH, at + BASE))
            }
        }
    }

    fn write_symbols(&self, out: &mut Writer, strings: &mut Strings) -> u64 {
        let at = out.table();
        let size = if self.abi.is_64 { 24 } else { 16 };
        for name in std::iter::once(&"").chain(&self.symbols) {
            let end = out.bytes.len() + size;
            let name = strings.add(name);
            out.int(name);
            out.bytes.resize(end, 0);
        }
        at
    }

    fn write_verneed(&self, out: &mut Writer, strings: &mut Strings) -> u64 {
        let at = out.table();
        for (index, (file, names)) in self.versions.iter().enumerate() {
            let count = names.len() as u64;
            let next = if index + 1 == self.versions.len() { 0 } else { 16 + 16 * count };
            out.half(1);
            out.half(count);
            [strings.add(file), 16, next].iter().for_each(|value| out.int(*value));
            for (index, name) in names.iter().enumerate() {
                out.int(0);
                out.int(0);
                out.int(strings.add(name));
                out.int(if index + 1 == names.len() { 0 } else { 16 });
            }
        }
        at
    }

    fn write_verdef(&self, out: &mut Writer, strings: &mut Strings) -> u64 {
        let at = out.table();
        for (index, name) in self.definitions.iter().enumerate() {
            [1, 0, 2 + index as u64, 1].iter().for_each(|value| out.half(*value));
            [0, 20, if index + 1 == self.definitions.len() { 0 } else { 28 }]
                .iter()
                .for_each(|v| out.int(*v));
            [strings.add(name), 0].iter().for_each(|value| out.int(*value));
        }
        at
    }
}
