//! Walks the symbol version tables (LSB core, "Symbol Versioning") for the strings that they name.
//!
//! ld.so follows vn_next and vna_next until they are zero and never counts, so neither do these.

use super::image::Image;

/// A version is an index of 15 bits (VERSYM_VERSION), so no honest table names more.
const MOST_NAMES: usize = 0x7fff;

/// A field that holds an offset into the string table.
#[derive(Clone, Copy, Debug)]
pub(super) struct NameField {
    /// Where the field lies in the file.
    pub at: u64,
    pub string: u64,
}

/// An Elfxx_Verneed and its Elfxx_Vernaux.
pub(super) struct Verneed {
    pub file: NameField,
    pub versions: Vec<NameField>,
}

/// The table of needed versions at a file offset. `None`: it leaves the file, or is longer than a table can be.
pub(super) fn verneed(image: &Image, mut at: u64) -> Option<Vec<Verneed>> {
    let mut needs = Vec::new();
    let mut names = 0;
    loop {
        let mut versions = Vec::new();
        let mut aux = at.checked_add(image.u32(at.checked_add(8)?)?.into())?;
        loop {
            versions.push(name_field(image, aux.checked_add(8)?)?);
            names += 1;
            match image.u32(aux.checked_add(12)?)? {
                0 => break,
                next if names < MOST_NAMES => aux = aux.checked_add(next.into())?,
                _ => return None,
            }
        }
        needs.push(Verneed { file: name_field(image, at.checked_add(4)?)?, versions });
        match image.u32(at.checked_add(12)?)? {
            0 => return Some(needs),
            next if names < MOST_NAMES => at = at.checked_add(next.into())?,
            _ => return None,
        }
    }
}

/// An Elfxx_Verdef: a version and its parents.
pub(super) struct Verdef {
    pub flags: u16,
    /// What DT_VERSYM says of the symbols that have it.
    pub index: u16,
    /// Its own name, then its parents'.
    pub names: Vec<NameField>,
}

/// The table of defined versions at a file offset. `None` as for [`verneed`].
pub(super) fn definitions(image: &Image, mut at: u64) -> Option<Vec<Verdef>> {
    let mut definitions = Vec::new();
    let mut count = 0;
    // A definition names itself and its parents: twice the versions is more than any linker writes.
    let most = 2 * MOST_NAMES;
    loop {
        let mut names = Vec::new();
        let mut aux = at.checked_add(image.u32(at.checked_add(12)?)?.into())?;
        // A definition may have no name (vd_cnt); then there is nothing to follow.
        if image.u16(at.checked_add(6)?)? > 0 {
            loop {
                names.push(name_field(image, aux)?);
                count += 1;
                match image.u32(aux.checked_add(4)?)? {
                    0 => break,
                    next if count < most => aux = aux.checked_add(next.into())?,
                    _ => return None,
                }
            }
        }
        let (flags, index) = (image.u16(at.checked_add(2)?)?, image.u16(at.checked_add(4)?)?);
        definitions.push(Verdef { flags, index, names });
        match image.u32(at.checked_add(16)?)? {
            0 => return Some(definitions),
            next if definitions.len().max(count) < most => at = at.checked_add(next.into())?,
            _ => return None,
        }
    }
}

/// The names in the table of defined versions at a file offset. `None` as for [`verneed`].
pub(super) fn verdef(image: &Image, at: u64) -> Option<Vec<NameField>> {
    Some(definitions(image, at)?.into_iter().flat_map(|definition| definition.names).collect())
}

fn name_field(image: &Image, at: u64) -> Option<NameField> {
    Some(NameField { at, string: image.u32(at)?.into() })
}
