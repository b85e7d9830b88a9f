//! What a program and its library must have become: the edits carried out on plain data.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use explant::elf::{Elf, Operation, RunPath};

use crate::build::{Built, LIBRARY, PROGRAM};
use crate::edit::{Edit, Victim};
use crate::layout::Linker;

const SPARE: &str = "libspare.so.1";
const EXTRA: &str = "libextra.so";

/// The fields of one file that edits change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields {
    pub interpreter: Option<Vec<u8>>,
    pub soname: Option<Vec<u8>>,
    pub rpath: Option<Vec<u8>>,
    pub runpath: Option<Vec<u8>>,
    pub needed: Vec<Vec<u8>>,
}

impl Fields {
    pub fn of(bytes: &[u8]) -> Fields {
        let elf = parse(bytes);
        let Elf { interpreter, soname, rpath, runpath, needed, .. } = elf;
        Fields { interpreter, soname, rpath, runpath, needed }
    }

    /// Carries out what of an operation it has fields for.
    fn operate(&mut self, operation: &Operation) {
        self.soname = operation.soname.clone().or(self.soname.take());
        self.interpreter = operation.interpreter.clone().or(self.interpreter.take());
        if operation.remove_run_path || operation.run_path.is_some() {
            (self.rpath, self.runpath) = (None, None);
        }
        if let Some(RunPath { folders, runpath }) = &operation.run_path {
            *(if *runpath { &mut self.runpath } else { &mut self.rpath }) = Some(folders.clone());
        }
        self.needed.retain(|name| !operation.remove_needed.contains(name));
        for name in &mut self.needed {
            if let Some((_, new)) = operation.replace_needed.iter().find(|(old, _)| old == name) {
                *name = new.clone();
            }
        }
        self.needed.splice(0..0, operation.add_needed.iter().cloned());
    }
}

/// Both files, and what the program says when it runs.
#[derive(Clone)]
pub struct Model {
    pub program: Fields,
    pub library: Fields,
    /// What symbols are called now, where that is no longer `sym_<number>`.
    pub symbols: BTreeMap<u16, String>,
    /// Whether the program can do without the library that it refers to weakly: mold makes that a strong reference on some machines,
    /// and on s390x a missing function has an address all the same.
    can_spare: bool,
    /// MIPS' own hash table, whose order of symbols is not understood.
    has_xhash: bool,
}

impl Model {
    pub fn of(built: &Built) -> Model {
        Model {
            program: Fields::of(&built.program),
            library: Fields::of(&built.library),
            symbols: BTreeMap::new(),
            can_spare: built.layout.linker != Linker::Mold && !built.layout.target.is("s390x"),
            has_xhash: built.layout.has_xhash(),
        }
    }

    /// The name of the library that the program cannot do without.
    fn dep(&self) -> String {
        let known = [SPARE.as_bytes(), EXTRA.as_bytes()];
        let names = self.program.needed.iter().filter(|name| !known.contains(&name.as_slice()));
        String::from_utf8(
            names
                .clone()
                .find(|name| name.starts_with(b"d") || **name == LIBRARY.as_bytes())
                .unwrap()
                .clone(),
        )
        .unwrap()
    }

    fn symbol(&self, number: u16) -> Vec<u8> {
        self.symbols.get(&number).cloned().unwrap_or(format!("sym_{number}")).into()
    }

    /// The operations, the program's and the library's, that a step's edits come to; carried out on the model.
    pub fn step(&mut self, edits: &[Edit], folder: &Path) -> (Operation, Operation) {
        // A refusal because of a payload is another test's matter.
        let start = Operation { grow_before_payload: true, ..Operation::default() };
        let (mut program, mut library) = (start.clone(), start);
        for edit in edits {
            let of = match edit.victim() {
                Some(Victim::Library) => &mut library,
                _ => &mut program,
            };
            match edit {
                Edit::RemoveRunPath(_) => of.remove_run_path = true,
                Edit::RunPath { folders, runpath, .. } => {
                    of.run_path = Some(RunPath { folders: folders.clone().into(), runpath: *runpath });
                }
                Edit::Interpreter(depth) => of.interpreter = Some(loader(folder, *depth).into()),
                Edit::Soname(name) => of.soname = Some(name.clone().into()),
                Edit::ExecutableStack(_, executable) => of.executable_stack = Some(*executable),
                Edit::RemoveSpare if self.can_spare => of.remove_needed.push(SPARE.into()),
                Edit::RemoveSpare => {}
                Edit::RemoveExtra => of.remove_needed.push(EXTRA.into()),
                Edit::ReplaceNeeded(name) => {
                    program.replace_needed.push((self.dep().into(), name.clone().into()))
                }
                Edit::AddExtra => of.add_needed.push(EXTRA.into()),
                Edit::ClearVersion(number) => of.clear_versions.push(self.symbol(*number)),
                Edit::NoDefaultLib(_) => of.no_default_lib = true,
                Edit::DebugTag(_) => of.debug_tag = true,
                Edit::RenameSymbols(_) if self.has_xhash => {}
                Edit::RenameSymbols(names) => of.rename_symbols = self.renames(names),
            }
        }
        library.rename_symbols = program.rename_symbols.clone();
        self.program.operate(&program);
        self.library.operate(&library);
        (program, library)
    }

    /// Renames that leave each name unique; the model's own names change at once.
    fn renames(&mut self, names: &[(u16, String)]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut renames: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        let olds: BTreeMap<u16, Vec<u8>> =
            names.iter().map(|(number, _)| (*number, self.symbol(*number))).collect();
        for (number, new) in names {
            let is_taken = self.symbols.values().any(|name| name == new)
                || olds.values().any(|old| old == new.as_bytes());
            let old = &olds[number];
            if !is_taken && !renames.iter().any(|(known, _)| known == old) {
                renames.push((old.clone(), new.clone().into()));
                self.symbols.insert(*number, new.clone());
            }
        }
        renames
    }

    /// What the program prints.
    pub fn output(&self) -> String {
        let has = |name: &str| self.program.needed.iter().any(|needed| needed == name.as_bytes());
        let extra = if has(EXTRA) { "extra\n" } else { "" };
        // 1000 to 2999.
        let sum: u32 = (1000..3000).sum();
        format!(
            "{extra}constructors 2\nsymbols {sum} {sum}\ndlsym 2345\nbss 0\nheaders right\nspare {}\ncaught 7\n",
            i32::from(has(SPARE))
        )
    }

    /// Puts the files where the program finds them.
    pub fn lay_out(&self, built: &Built, folder: &Path, program: &[u8], library: &[u8]) {
        for (name, bytes) in [(PROGRAM, program), (LIBRARY, library)] {
            write(&folder.join(name), bytes);
        }
        for name in [SPARE, EXTRA] {
            link(&built.folder.join(name), &folder.join(name));
        }
        if self.dep() != LIBRARY {
            link(Path::new(LIBRARY), &folder.join(self.dep()));
        }
        if let Some(path) = &self.program.interpreter {
            let path = Path::new(std::str::from_utf8(path).unwrap());
            if path.starts_with(folder) {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                let original = String::from_utf8(parse(&built.program).interpreter.unwrap()).unwrap();
                link(&built.layout.target.disk(&original), path);
            }
        }
    }
}

/// The path of an interpreter so many folders deep.
fn loader(folder: &Path, depth: usize) -> String {
    format!("{}/{}l", folder.display(), "deep/".repeat(depth))
}

fn link(to: &Path, at: &Path) {
    let _ = fs::remove_file(at);
    symlink(to, at).unwrap();
}

/// A new file, as the old one may be running.
pub fn write(path: &Path, bytes: &[u8]) {
    let _ = fs::remove_file(path);
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

pub fn parse(bytes: &[u8]) -> Elf {
    Elf::parse(bytes).unwrap().unwrap()
}
