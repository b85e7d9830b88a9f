//! What is told of a file: data, the same for people and for programs. Names are text for people already.

use std::fmt;

use serde::Serialize;

use super::hardening::Hardening;
use super::symbols::Symbols;
use super::tree::Tree;
use super::versions::{Needs, VersionSet};
use super::wrapper::{self, Wrapper};
use crate::elf::describe::{Description, Kind};
use crate::elf::{Abi, Class, DlopenNote, Elf, Malformed, Priority};
use crate::hex::hex;
use crate::path::printable;
use crate::plan::arch::Architecture;

/// What became of one file that was named.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    pub file: String,
    #[serde(flatten)]
    pub content: Content,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Content {
    Elf(Box<Image>),
    Script(Script),
    Error { error: String },
}

/// An ELF file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Image {
    pub kind: Kind,
    pub machine: Machine,
    pub position_independent: bool,
    pub interpreter: Option<String>,
    pub rpath: Option<String>,
    pub runpath: Option<String>,
    pub soname: Option<String>,
    pub needed: Vec<String>,
    pub versions_needed: Needs,
    pub versions_defined: VersionSet,
    pub build_id: Option<String>,
    /// The oldest kernel, as `3.2.0`.
    pub kernel: Option<String>,
    /// The least processor that ld.so lets it run on.
    pub processor: Option<&'static str>,
    pub dlopen: Vec<Dlopen>,
    pub wrapper: Option<Wrapper>,
    pub hardening: Option<Hardening>,
    pub debug: Debug,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbols: Option<Symbols>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tree: Option<Tree>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Machine {
    pub name: String,
    pub bits: u8,
    pub little_endian: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Dlopen {
    /// Any one will do, the first is liked best.
    pub sonames: Vec<String>,
    pub priority: &'static str,
    pub feature: String,
    pub description: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Debug {
    /// The full symbol table is there.
    pub symbol_table: bool,
    pub dwarf: bool,
    /// The file that holds what was split off.
    pub link: Option<String>,
}

/// A file that begins with `#!`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind", rename = "script")]
pub struct Script {
    pub interpreter: String,
    /// What stands behind the interpreter: the kernel hands it over in one piece.
    pub argument: Option<String>,
    pub wrapper: Option<Wrapper>,
}

impl Machine {
    pub(super) fn of(abi: Abi) -> Self {
        let name = match Architecture::of(abi) {
            Some(architecture) => architecture.nix().to_owned(),
            None => match goblin::elf::header::machine_to_str(abi.machine) {
                name if name.contains(' ') || name.contains("UNKNOWN") => format!("machine {}", abi.machine),
                name => name.to_ascii_lowercase(),
            },
        };
        Machine { name, bits: if abi.is_64 { 64 } else { 32 }, little_endian: abi.is_little_endian }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = if self.little_endian { "little" } else { "big" };
        write!(f, "{}, {}-bit, {order}-endian", self.name, self.bits)
    }
}

impl Image {
    /// All but symbols and tree.
    pub(super) fn read(elf: &Elf, bytes: &[u8]) -> Result<Self, Malformed> {
        let text = |field: &Option<Vec<u8>>| field.as_deref().map(printable);
        let Description { kind, is_position_independent, versions, notes, protection, debug } =
            Description::read(elf, bytes)?;
        let hardening = match protection {
            Some(protection) => {
                Some(Hardening::new(elf, bytes, protection, &notes.features, is_position_independent)?)
            }
            None => None,
        };
        let may_wrap = matches!(elf.class, Class::Program | Class::StaticProgram);
        Ok(Image {
            kind,
            machine: Machine::of(elf.abi),
            position_independent: is_position_independent,
            interpreter: text(&elf.interpreter),
            rpath: text(&elf.rpath),
            runpath: text(&elf.runpath),
            soname: text(&elf.soname),
            needed: elf.needed.iter().map(|name| printable(name)).collect(),
            versions_needed: Needs::new(&versions.needed),
            versions_defined: VersionSet::new(
                versions
                    .defined
                    .iter()
                    .filter(|version| !version.is_base)
                    .map(|version| printable(&version.name)),
            ),
            build_id: notes.build_id.as_deref().map(hex),
            kernel: notes.kernel.map(|[a, b, c]| format!("{a}.{b}.{c}")),
            processor: notes.processor,
            dlopen: elf.dlopen.iter().map(Dlopen::new).collect(),
            wrapper: may_wrap.then(|| wrapper::of_program(bytes)).flatten(),
            hardening,
            debug: Debug {
                symbol_table: debug.symbol_table,
                dwarf: debug.dwarf,
                link: debug.link.as_deref().map(printable),
            },
            symbols: None,
            tree: None,
        })
    }
}

impl Dlopen {
    fn new(note: &DlopenNote) -> Self {
        let text = |text: &str| printable(text.as_bytes());
        Dlopen {
            sonames: note.sonames.iter().map(|soname| printable(soname)).collect(),
            priority: match note.priority {
                Priority::Required => "required",
                Priority::Recommended => "recommended",
                Priority::Suggested => "suggested",
            },
            feature: text(&note.feature),
            description: text(&note.description),
        }
    }
}

/// The kernel reads no more of a first line (BINPRM_BUF_SIZE).
const FIRST_LINE: usize = 256;

/// A script's interpreter, and what stands behind it, which the kernel hands over in one piece. `None`: the bytes do not begin with
/// `#!` and the name of an interpreter.
pub fn first_line(script: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = script.strip_prefix(b"#!")?;
    let line = rest[..rest.len().min(FIRST_LINE)].split(|byte| *byte == b'\n').next()?.trim_ascii();
    let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
    (end > 0).then(|| (&line[..end], line[end..].trim_ascii()))
}

impl Script {
    /// `None`: the bytes do not begin with `#!` and the name of an interpreter.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (interpreter, argument) = first_line(bytes)?;
        // `#!/usr/bin/env bash` is a script of bash's.
        let shell = if crate::path::file_name(interpreter) == b"env" { argument } else { interpreter };
        Some(Script {
            interpreter: printable(interpreter),
            argument: (!argument.is_empty()).then(|| printable(argument)),
            wrapper: wrapper::of_script(bytes, shell),
        })
    }
}
