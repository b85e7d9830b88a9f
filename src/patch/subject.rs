//! The file that a call is about, read.

use goblin::elf::header::{EI_OSABI, ET_DYN, ET_EXEC, Header};
use goblin::elf::program_header::{PF_X, PT_DYNAMIC, PT_GNU_STACK, ProgramHeader};
use scroll::Pread;

use crate::elf::Elf;

use super::failure::{Failure, Lack};
use super::print::{Field, Value};
use super::{malformed, os_abi};

/// Whether there is a dynamic section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dynamic {
    Present,
    /// A static program.
    Absent,
    /// The headers tell of one, but it is elsewhere: a separate debug file.
    Stripped,
    /// There is a section of that name, but nobody is led to it: what a linker script without a PT_DYNAMIC makes.
    Unloaded,
}

pub(super) struct Subject<'a> {
    pub bytes: &'a [u8],
    pub elf: Elf,
    header: Header,
    segments: Vec<ProgramHeader>,
}

impl<'a> Subject<'a> {
    pub fn read(bytes: &'a [u8]) -> Result<Self, Failure> {
        let elf = Elf::parse(bytes).map_err(Failure::Malformed)?.ok_or(Failure::NotElf)?;
        let header: Header = bytes.pread(0).map_err(|_| Failure::NotElf)?;
        if !matches!(header.e_type, ET_EXEC | ET_DYN) {
            return Err(Failure::NotLoadable);
        }
        let ctx = elf.abi.ctx();
        // Where they cannot be read, Elf::parse has said so, unless it is a debug file.
        let segments = ProgramHeader::parse(bytes, header.e_phoff as usize, header.e_phnum.into(), ctx)
            .unwrap_or_default();
        Ok(Subject { bytes, elf, header, segments })
    }

    pub fn dynamic(&self) -> Dynamic {
        if self.elf.is_dynamic() {
            Dynamic::Present
        } else if self.segments.iter().any(|segment| segment.p_type == PT_DYNAMIC) {
            Dynamic::Stripped
        } else if malformed::has_section(self.bytes, b".dynamic") {
            Dynamic::Unloaded
        } else {
            Dynamic::Absent
        }
    }

    pub fn may_have_soname(&self) -> bool {
        self.header.e_type == ET_DYN
    }

    /// EM_*, as it is written in the file.
    pub fn machine(&self) -> &'a [u8] {
        &self.bytes[super::run_path::MACHINE]
    }

    /// What a field is now.
    pub fn value(&self, field: Field) -> Value {
        let or_nothing =
            |text: Option<&[u8]>| text.map_or(Value::Nothing, |text| Value::Text(text.to_owned()));
        match field {
            Field::Interpreter => match &self.elf.interpreter {
                Some(interpreter) => Value::Text(interpreter.clone()),
                None => Value::Missing(Lack::Interpreter),
            },
            Field::OsAbi => Value::Text(os_abi::name(self.header.e_ident[EI_OSABI]).into_bytes()),
            Field::ExecutableStack => {
                let stack = self.segments.iter().find(|segment| segment.p_type == PT_GNU_STACK);
                stack.map_or(Value::Nothing, |stack| Value::Flag(stack.p_flags & PF_X != 0))
            }
            Field::Soname if !self.may_have_soname() => Value::Nothing,
            Field::Soname | Field::RunPath | Field::Needed if self.dynamic() != Dynamic::Present => {
                match self.dynamic() {
                    Dynamic::Absent => Value::Missing(Lack::Dynamic),
                    _ => Value::Elsewhere,
                }
            }
            Field::Soname => or_nothing(self.elf.soname.as_deref().filter(|soname| !soname.is_empty())),
            Field::RunPath => or_nothing(self.elf.run_path()),
            Field::Needed => Value::List(self.elf.needed.clone()),
        }
    }
}
