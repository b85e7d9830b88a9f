//! The symbol table for debuggers (SHT_SYMTAB): what it says of sections that have moved.

use goblin::elf::section_header::{SHT_SYMTAB, SectionHeader};
use goblin::elf::sym::{STT_SECTION, Sym, st_type};

use super::headers::encoded;
use crate::elf::image::Image;
use crate::elf::{FileOffset, Patch};

/// Patches that let section symbols and `_DYNAMIC` follow their sections.
pub(super) fn follow(image: &Image, before: &[SectionHeader], after: &[SectionHeader]) -> Vec<Patch> {
    let moved: Vec<usize> =
        (0..before.len()).filter(|index| before[*index].sh_addr != after[*index].sh_addr).collect();
    let mut patches = Vec::new();
    let size = Sym::size(image.ctx.container) as u64;
    for table in before.iter().filter(|section| section.sh_type == SHT_SYMTAB && !moved.is_empty()) {
        let names = before.get(table.sh_link as usize);
        for at in (0..table.sh_size / size).filter_map(|index| table.sh_offset.checked_add(index * size)) {
            let Some(symbol) = image.read::<Sym>(at) else { break };
            if !moved.contains(&symbol.st_shndx) {
                continue;
            }
            let is_dynamic = || {
                let name = names.and_then(|names| names.sh_offset.checked_add(symbol.st_name as u64));
                name.and_then(|at| image.slice(at, 9)) == Some(b"_DYNAMIC\0")
            };
            if st_type(symbol.st_info) == STT_SECTION || is_dynamic() {
                let st_value = after[symbol.st_shndx].sh_addr;
                patches.push(Patch::new(FileOffset(at), encoded(Sym { st_value, ..symbol }, image.ctx)));
            }
        }
    }
    patches
}
