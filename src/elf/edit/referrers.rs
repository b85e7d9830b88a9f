//! Whatever names a string of the dynamic string table, but for the fields that are edited as such (dynamic entries, vn_file):
//! linkers let one string be the end of another, so bytes may be overwritten only where nobody else reads them.

use goblin::elf::dynamic::{DT_SYMTAB, DT_VERDEF, DT_VERNEED};
use goblin::elf::header::Header;
use scroll::Pread;

use crate::elf::image::Image;
use crate::elf::read::Layout;
use crate::elf::sections::names;
use crate::elf::symbols::Symbols;
use crate::elf::{Abi, symver};

pub(super) struct Referrers<'a> {
    pub image: Image<'a>,
    pub layout: &'a Layout,
    pub abi: Abi,
}

impl Referrers<'_> {
    /// Calls `visit` with the offset into the string table of each string that is named. `None`: a table cannot be followed, so
    /// that nobody knows.
    pub fn visit(&self, visit: &mut dyn FnMut(u64)) -> Option<()> {
        if self.layout.value(DT_VERNEED).is_some() {
            let needs = symver::verneed(&self.image, self.layout.place(DT_VERNEED)?)?;
            needs.iter().flat_map(|need| &need.versions).for_each(|version| visit(version.string));
        }
        if self.layout.value(DT_VERDEF).is_some() {
            symver::verdef(&self.image, self.layout.place(DT_VERDEF)?)?
                .iter()
                .for_each(|name| visit(name.string));
        }
        self.visit_symbols(visit)?;
        self.visit_section_names(visit);
        Some(())
    }

    fn visit_symbols(&self, visit: &mut dyn FnMut(u64)) -> Option<()> {
        if self.layout.value(DT_SYMTAB).is_none() {
            return Some(());
        }
        let symbols = Symbols::most(&self.image, self.layout, self.abi)?;
        for index in 0..symbols.count {
            visit(symbols.name(&self.image, index)?);
        }
        Some(())
    }

    /// Names of sections, where their table shares bytes with the dynamic one (seen in files that were stripped by other
    /// tools). Tools read them; the loader does not, so those that are not believed count for nothing.
    fn visit_section_names(&self, visit: &mut dyn FnMut(u64)) {
        let Ok(header) = self.image.bytes.pread::<Header>(0) else { return };
        let sections = self.layout.sections(&self.image);
        let Some(names) = names(&self.image, &header, sections) else { return };
        let strings = &self.layout.strings;
        if names.sh_offset >= strings.end || names.sh_offset + names.sh_size <= strings.start {
            return;
        }
        for section in sections {
            let at = names.sh_offset + section.sh_name as u64;
            // A name that begins before the table may reach into its first string.
            if at < strings.end {
                visit(at.saturating_sub(strings.start));
            }
        }
    }
}
