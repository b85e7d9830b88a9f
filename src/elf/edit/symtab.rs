//! The symbol tables of tools (SHT_SYMTAB, SHT_DYNSYM): what they say of sections that have moved.

use goblin::elf::section_header::{SHT_DYNSYM, SHT_SYMTAB, SectionHeader};
use goblin::elf::sym::Sym;

use crate::elf::image::Image;
use crate::elf::{FileOffset, Patch};

/// Patches that let symbols follow their sections: those of sections, `_DYNAMIC`, and libcap's `__execable_dl_loader`, which is the
/// string that PT_INTERP names. `symbols` is where ld.so's own table lies; another one of its kind is none.
pub(super) fn follow(
    image: &Image,
    symbols: Option<u64>,
    before: &[SectionHeader],
    after: &[SectionHeader],
) -> Vec<Patch> {
    let moved: Vec<bool> = before.iter().zip(after).map(|(old, new)| old.sh_addr != new.sh_addr).collect();
    if !moved.contains(&true) {
        return Vec::new();
    }
    let mut patches = Vec::new();
    let size = Sym::size(image.ctx.container) as u64;
    // There is but one of each (gABI, "Sections").
    let debug = before.iter().find(|table| table.sh_type == SHT_SYMTAB);
    let is_own = |table: &&SectionHeader| table.sh_type == SHT_DYNSYM && Some(table.sh_offset) == symbols;
    for table in debug.into_iter().chain(before.iter().find(is_own)) {
        // No table ends behind the file, so that the sum does not overflow.
        for at in (0..table.sh_size / size).map(|index| table.sh_offset + index * size) {
            let Some(symbol) = image.read::<Sym>(at) else { break };
            if moved.get(symbol.st_shndx) == Some(&true)
                && let Some((value, len)) =
                    followed(&symbol, &before[symbol.st_shndx], &after[symbol.st_shndx])
            {
                // st_value and st_size stand side by side in both classes, behind a word (gABI, "Symbol Table").
                let mut fields = Vec::new();
                image.push_word(&mut fields, value);
                image.push_word(&mut fields, len);
                patches.push(Patch::new(FileOffset(at + image.ctx.size() as u64), fields));
            }
        }
    }
    patches
}

/// Value and size of a symbol in a section that has moved. What reaches to its end still does.
fn followed(symbol: &Sym, old: &SectionHeader, new: &SectionHeader) -> Option<(u64, u64)> {
    let into = symbol.st_value.checked_sub(old.sh_addr).filter(|into| *into < old.sh_size)?;
    let reaches_end = into.checked_add(symbol.st_size) == Some(old.sh_size);
    let len = if reaches_end { new.sh_size.saturating_sub(into) } else { symbol.st_size };
    Some((new.sh_addr.wrapping_add(into), len))
}
