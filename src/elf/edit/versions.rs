//! Which version of a symbol is wanted: edits of versym and verneed (LSB core, "Symbol Versioning").

use std::collections::HashSet;

use goblin::elf::dynamic::{DT_VERDEF, DT_VERNEED, DT_VERNEEDNUM, DT_VERSYM};
use scroll::Pread;

use super::draft::{Draft, Edit, Field};
use crate::elf::operation::Refusal;
use crate::elf::symbols::Symbols;
use crate::elf::{FileOffset, Patch};

const VERSIONS: &str = "symbol versions";

/// The symbol is global, of no version (VER_NDX_GLOBAL).
const GLOBAL: u16 = 1;

/// The bits of a versym that are an index; the other says that the symbol is hidden (VERSYM_VERSION).
const INDEX: u16 = 0x7fff;

impl Draft<'_> {
    /// Symbols of these names are of no version any more.
    pub fn clear_versions(&mut self, names: &[Vec<u8>]) -> Result<(), Refusal> {
        let names: HashSet<&[u8]> = names.iter().map(Vec::as_slice).collect();
        if names.is_empty() {
            return Ok(());
        }
        let missing = || Refusal::impossible(VERSIONS, "it has none");
        let symbols = Symbols::agreed(&self.image, &self.elf.layout, self.elf.abi).ok_or_else(missing)?;
        let chosen = self.symbol_names(symbols)?;
        let chosen: Vec<bool> = chosen.iter().map(|name| names.contains(name.as_slice())).collect();
        // What is local (VER_NDX_LOCAL) has none.
        self.edit_versym(symbols, |index, version| chosen[index] && version & INDEX != 0)
    }

    /// Forgets that versions of files are needed: symbols that were bound to one are of no version any more.
    pub fn drop_versions(&mut self, names: &[Vec<u8>]) -> Result<(), Refusal> {
        let mut gone = Vec::new();
        for index in 0..self.versions.len() {
            let name = self.strings.get(self.versions[index].file.string);
            if names.iter().any(|gone| gone == name) {
                gone.push(index);
            }
        }
        if gone.is_empty() {
            return Ok(());
        }
        let versions = gone.iter().flat_map(|index| &self.versions[*index].versions);
        // vna_other stands right before vna_name.
        let indexes: HashSet<u16> =
            versions.filter_map(|version| Some(self.image.u16(version.at - 2)? & INDEX)).collect();
        let cut_off = || Refusal::impossible(VERSIONS, "its symbols cannot be followed");
        let symbols = Symbols::agreed(&self.image, &self.elf.layout, self.elf.abi).ok_or_else(cut_off)?;
        self.edit_versym(symbols, |_, version| indexes.contains(&(version & INDEX)))?;
        let fields = gone.iter().copied().map(Field::File).collect();
        self.edit_strings(vec![Edit { new: None, fields }])?;
        gone.iter().rev().for_each(|index| drop(self.versions.remove(*index)));
        self.link_versions();
        Ok(())
    }

    /// Makes the chosen symbols global.
    fn edit_versym(
        &mut self,
        symbols: Symbols,
        is_chosen: impl Fn(usize, u16) -> bool,
    ) -> Result<(), Refusal> {
        let place = self.elf.layout.place(DT_VERSYM);
        let table = place.and_then(|at| Some((at, self.image.slice(at, symbols.count.checked_mul(2)?)?)));
        let (at, bytes) = table.ok_or_else(|| Refusal::impossible(VERSIONS, "it has none"))?;
        let mut versym = self.versym.take().map_or_else(|| bytes.to_vec(), |versym| versym.1);
        for (index, entry) in versym.chunks_exact_mut(2).enumerate() {
            let version: u16 = entry.pread_with(0, self.image.ctx.le).unwrap_or(GLOBAL);
            if is_chosen(index, version) {
                entry.copy_from_slice(&self.image.u16_bytes(GLOBAL));
            }
        }
        self.versym = Some((at, versym));
        Ok(())
    }

    /// Links what is left of verneed, whose first record stays where DT_VERNEED says.
    fn link_versions(&mut self) {
        // A record begins four bytes before its vn_file.
        let start = |need: &crate::elf::symver::Verneed| need.file.at - 4;
        let Some(table) = self.elf.layout.place(DT_VERNEED) else { return };
        let starts: Vec<u64> = self.versions.iter().map(start).collect();
        for (index, at) in starts.iter().enumerate() {
            let home = if index == 0 { table } else { *at };
            let next = starts.get(index + 1).map_or(0, |next| next - home);
            let Some(old) = self.image.slice(*at, 16) else { continue };
            let mut record = old.to_vec();
            let aux = self.image.u32(at + 8).unwrap_or_default().wrapping_add((at - home) as u32);
            record[8..12].copy_from_slice(&self.image.u32_bytes(aux));
            record[12..16].copy_from_slice(&self.image.u32_bytes(next as u32));
            self.versions[index].file.at = home + 4;
            // Without vn_file, which is a field of its own.
            self.patches.push(Patch::new(FileOffset(home), record[..4].to_vec()));
            self.patches.push(Patch::new(FileOffset(home + 8), record[8..].to_vec()));
        }
        self.version_files = Some(starts.len());
        let has_definitions = self.elf.layout.value(DT_VERDEF).is_some();
        self.dynamic.retain(|entry| match entry.tag {
            DT_VERNEED | DT_VERNEEDNUM => !starts.is_empty(),
            // ld.so looks versions up in tables that it makes only where some are needed or defined (dl-version.c).
            DT_VERSYM => !starts.is_empty() || has_definitions,
            _ => true,
        });
        let count = self.dynamic.iter_mut().filter(|entry| entry.tag == DT_VERNEEDNUM);
        count.for_each(|entry| entry.value = starts.len() as u64);
    }
}
