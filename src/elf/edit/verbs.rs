//! The verbs: what each part of an operation changes of a draft.

use goblin::elf::dynamic::{
    DF_1_NODEFLIB, DT_DEBUG, DT_FLAGS_1, DT_GNU_HASH, DT_HASH, DT_JMPREL, DT_NEEDED, DT_REL, DT_RELA,
    DT_RPATH, DT_RUNPATH, DT_SONAME, DT_STRSZ, DT_STRTAB, DT_SYMTAB, DT_VERDEF, DT_VERNEED, DT_VERSYM,
};
use goblin::elf::header::ET_DYN;

use super::cache::{self, Cache};
use super::draft::{Draft, Edit, Field};
use super::headers::segments;
use crate::elf::Class;
use crate::elf::operation::{Operation, Refusal, RunPath};
use crate::elf::symbols::Symbols;

const INTERPRETER: &str = "interpreter";
const RUN_PATH: &str = "run path";
const NEEDED: &str = "needed entry";
const SONAME: &str = "soname";

impl Draft<'_> {
    pub fn set_os_abi(&mut self, abi: u8) -> Result<(), Refusal> {
        // A table of segments that lies over the file header would change with it.
        if segments(&self.image).is_none() {
            return Err(Refusal::impossible("OS ABI", "its program headers cannot be read"));
        }
        self.os_abi = Some(abi);
        Ok(())
    }

    pub fn set_soname(&mut self, new: &[u8]) -> Result<(), Refusal> {
        check_string(SONAME, new)?;
        self.check_dynamic(SONAME)?;
        if self.elf.e_type != ET_DYN {
            return Err(Refusal::impossible(SONAME, "only a shared object has one"));
        }
        if self.entries(DT_SONAME).next().is_none() {
            self.insert(self.behind_needed(), DT_SONAME, 0);
        }
        let fields = self.entries(DT_SONAME).map(Field::Entry).collect();
        self.edit_strings(vec![Edit { new: Some(new.to_vec()), fields }])
    }

    pub fn set_interpreter(&mut self, new: &[u8]) -> Result<(), Refusal> {
        check_string(INTERPRETER, new)?;
        check_not_empty(INTERPRETER, new)?;
        // The kernel's own limit, NUL included (load_elf_binary: PATH_MAX).
        if new.len() >= 4096 {
            return Err(Refusal::impossible(INTERPRETER, "the kernel takes no path of 4096 bytes or more"));
        }
        match &self.elf.interpreter {
            None => Err(Refusal::impossible(INTERPRETER, "it has none, as it is static or a library")),
            Some(old) if old == new => Ok(()),
            Some(_) => {
                self.interpreter = Some(new.to_vec());
                Ok(())
            }
        }
    }

    pub fn remove_run_path(&mut self) -> Result<(), Refusal> {
        if self.elf.layout.dynamic.is_empty() {
            return Ok(());
        }
        self.check_dynamic(RUN_PATH)?;
        self.drop_cache();
        let fields = self.run_path_fields();
        self.edit_strings(vec![Edit { new: None, fields }])?;
        self.dynamic.retain(|entry| !matches!(entry.tag, DT_RPATH | DT_RUNPATH));
        Ok(())
    }

    /// Every DT_RPATH and DT_RUNPATH gets the same tag and string, so that whatever reads the file reads the new one.
    pub fn set_run_path(&mut self, run_path: &RunPath) -> Result<(), Refusal> {
        check_string(RUN_PATH, &run_path.folders)?;
        self.check_dynamic(RUN_PATH)?;
        if !matches!(self.elf.class, Class::Program | Class::Library) {
            return Err(Refusal::impossible(
                RUN_PATH,
                "it loads no libraries, as it is static or no program at all",
            ));
        }
        if self.is_glibc_loader() {
            return Err(Refusal::impossible(RUN_PATH, "glibc's loader aborts over one of its own"));
        }
        let tag = if run_path.runpath { DT_RUNPATH } else { DT_RPATH };
        if self.run_path_fields().is_empty() {
            self.insert(self.behind_needed(), tag, 0);
        }
        let fields = self.run_path_fields();
        let heeded = fields.first().map_or(0, |field| self.string_of(*field));
        if self.strings.get(heeded) != run_path.folders {
            self.drop_cache();
        }
        self.edit_strings(vec![Edit { new: Some(run_path.folders.clone()), fields }])?;
        let run_paths = self.dynamic.iter_mut().filter(|entry| matches!(entry.tag, DT_RPATH | DT_RUNPATH));
        run_paths.for_each(|entry| entry.tag = tag);
        Ok(())
    }

    /// By its soname: `ld-linux*.so.*`, `ld64.so.*`, `ld.so.1`. It asserts that it has no run path (get-dynamic-info.h,
    /// RTLD_BOOTSTRAP).
    fn is_glibc_loader(&self) -> bool {
        let soname = self.elf.soname.as_deref().unwrap_or_default();
        let is_named_so =
            ["ld-linux", "ld64.so.", "ld.so."].iter().any(|name| soname.starts_with(name.as_bytes()));
        self.elf.interpreter.is_none() && self.elf.needed.is_empty() && is_named_so
    }

    /// Those that ld.so heeds first: DT_RPATH counts for nothing where there is a DT_RUNPATH.
    fn run_path_fields(&self) -> Vec<Field> {
        self.entries(DT_RUNPATH).chain(self.entries(DT_RPATH)).map(Field::Entry).collect()
    }

    pub fn edit_needed(&mut self, operation: &Operation) -> Result<(), Refusal> {
        let names = operation.replace_needed.iter().map(|(_, new)| new).chain(&operation.add_needed);
        for name in names {
            check_string(NEEDED, name)?;
            check_not_empty(NEEDED, name)?;
        }
        if self.elf.layout.dynamic.is_empty() && operation.add_needed.is_empty() {
            return Ok(());
        }
        if !operation.remove_needed.is_empty() || !operation.replace_needed.is_empty() {
            self.check_dynamic(NEEDED)?;
        }
        if !operation.remove_needed.is_empty() {
            self.remove_needed(&operation.remove_needed)?;
        }
        self.replace_needed(&operation.replace_needed)?;
        self.add_needed(&operation.add_needed)
    }

    fn remove_needed(&mut self, names: &[Vec<u8>]) -> Result<(), Refusal> {
        // Versions of a file that is not needed are nobody's business.
        let names: Vec<_> = names.iter().filter(|name| !self.needed(name).is_empty()).cloned().collect();
        let mut gone: Vec<usize> = names.iter().flat_map(|name| self.needed(name)).collect();
        gone.sort();
        gone.dedup();
        if !gone.is_empty() {
            self.drop_cache();
        }
        let fields = gone.iter().copied().map(Field::Entry).collect();
        self.edit_strings(vec![Edit { new: None, fields }])?;
        let mut index = 0;
        self.dynamic.retain(|_| {
            index += 1;
            gone.binary_search(&(index - 1)).is_err()
        });
        self.drop_versions(&names)
    }

    /// Renames every entry of a name, and the verneed file of that name: ld.so looks it up among the needed ones
    /// (dl-version.c, find_needed).
    fn replace_needed(&mut self, renames: &[(Vec<u8>, Vec<u8>)]) -> Result<(), Refusal> {
        let is_first = |index: usize| !renames[..index].iter().any(|(old, _)| *old == renames[index].0);
        let firsts = (0..renames.len()).filter(|index| is_first(*index)).map(|index| &renames[index]);
        let mut edits = Vec::new();
        for (old, new) in firsts.filter(|(old, new)| old != new) {
            let entries = self.needed(old);
            if entries.is_empty() {
                continue;
            }
            let files = self.files(old);
            let fields = entries.into_iter().map(Field::Entry).chain(files).collect();
            edits.push(Edit { new: Some(new.clone()), fields });
        }
        if edits.is_empty() {
            return Ok(());
        }
        self.drop_cache();
        self.edit_strings(edits)
    }

    /// The verneed files of a name.
    fn files(&mut self, name: &[u8]) -> Vec<Field> {
        let files = 0..self.versions.len();
        files
            .filter(|index| self.strings.get(self.versions[*index].file.string) == name)
            .map(Field::File)
            .collect()
    }

    fn add_needed(&mut self, names: &[Vec<u8>]) -> Result<(), Refusal> {
        if names.is_empty() {
            return Ok(());
        }
        self.check_dynamic(NEEDED)?;
        self.drop_cache();
        for name in names.iter().rev() {
            self.insert(0, DT_NEEDED, 0);
            self.edit_strings(vec![Edit { new: Some(name.clone()), fields: vec![Field::Entry(0)] }])?;
        }
        Ok(())
    }

    pub fn forbid_default_folders(&mut self) -> Result<(), Refusal> {
        self.check_dynamic("flag DF_1_NODEFLIB")?;
        match self.entries(DT_FLAGS_1).last() {
            Some(index) => self.dynamic[index].value |= DF_1_NODEFLIB,
            None => self.insert(self.dynamic.len(), DT_FLAGS_1, DF_1_NODEFLIB),
        }
        Ok(())
    }

    pub fn add_debug_tag(&mut self) -> Result<(), Refusal> {
        self.check_dynamic("DT_DEBUG")?;
        if self.entries(DT_DEBUG).next().is_none() {
            self.insert(self.dynamic.len(), DT_DEBUG, 0);
        }
        Ok(())
    }

    /// The note tells what was found by the run path and the needed entries of before.
    fn drop_cache(&mut self) {
        let segments = segments(&self.image);
        if segments.is_some_and(|(_, segments)| cache::find(&self.image, &segments).is_some()) {
            self.cache = Cache::Goes;
        }
    }

    pub fn set_cache(&mut self, descriptor: &[u8]) {
        let old = cache::resolution_cache(self.image.bytes, self.elf);
        if self.cache != Cache::Stays || old.as_deref() != Some(descriptor) {
            self.cache = Cache::New(descriptor.to_vec());
        }
    }

    fn check_dynamic(&self, field: &'static str) -> Result<(), Refusal> {
        if self.elf.layout.dynamic.is_empty() {
            return Err(Refusal::impossible(
                field,
                "it has no dynamic section, as it is static or no program",
            ));
        }
        let layout = &self.elf.layout;
        if layout.value(DT_STRTAB).is_none() || layout.value(DT_STRSZ).is_none() {
            return Err(Refusal::impossible(
                field,
                "it does not say where its strings are (DT_STRTAB, DT_STRSZ)",
            ));
        }
        self.check_tables(field)?;
        // Where it is loaded from, and where the tools look.
        if layout.dynamic.first().is_some_and(|first| first.at != layout.dynamic_offset) {
            return Err(Refusal::impossible(
                field,
                "the offset and the address of its PT_DYNAMIC lead to two places",
            ));
        }
        Ok(())
    }
}

impl Draft<'_> {
    /// The string table, which is searched for room and may move, is a table of its own.
    fn check_tables(&self, field: &'static str) -> Result<(), Refusal> {
        let layout = &self.elf.layout;
        let overlap = || Refusal::impossible(field, "its dynamic string table overlaps other tables");
        let strings = &layout.strings;
        if layout.value(DT_STRSZ).is_some_and(|size| size > strings.end - strings.start) {
            return Err(overlap());
        }
        if strings.end > strings.start && self.image.slice(strings.end - 1, 1) != Some(&[0]) {
            return Err(Refusal::impossible(field, "its dynamic string table does not end with a NUL"));
        }
        let is_inside = |tag: &u64| layout.place(*tag).is_some_and(|at| strings.contains(&at));
        let symbols =
            Symbols::find(&self.image, layout, self.elf.abi).map(|it| it.at..it.at + it.count * it.size);
        let is_over_symbols = symbols.is_some_and(|it| it.start < strings.end && strings.start < it.end);
        if TABLES.iter().any(is_inside) || is_over_symbols { Err(overlap()) } else { Ok(()) }
    }
}

/// Tags that lead to other tables.
pub(super) const TABLES: [u64; 9] =
    [DT_HASH, DT_GNU_HASH, DT_SYMTAB, DT_REL, DT_RELA, DT_JMPREL, DT_VERSYM, DT_VERNEED, DT_VERDEF];

fn check_string(field: &'static str, new: &[u8]) -> Result<(), Refusal> {
    if new.contains(&0) { Err(Refusal::impossible(field, "the new one holds a NUL")) } else { Ok(()) }
}

fn check_not_empty(field: &'static str, new: &[u8]) -> Result<(), Refusal> {
    if new.is_empty() { Err(Refusal::impossible(field, "the new one is empty")) } else { Ok(()) }
}
