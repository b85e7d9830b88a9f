//! The digests of what is shipped, for the bill of materials.

use std::collections::BTreeMap;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::open;
use crate::bill::Digests;
use crate::config::Formats;
use crate::error::{Error, Result};
use crate::hex::hex;
use crate::path::InstallPath;
use crate::plan::{Entry, Kind, Plan, Sha256Digest, Source};

/// Puts the digests into the plan's bill of materials, if it has one, and into the entries, on all cores.
///
/// The files are read here and once more when they are packed: a bill lies somewhere among them, and an archive is written in one
/// go. They were read a moment ago, when references were looked for.
///
/// Errors: a file cannot be read, or is not what it was when the plan was made.
pub fn complete_bill(plan: &mut Plan) -> Result<()> {
    let Some(bill) = &plan.bill else { return Ok(()) };
    let listed: Vec<&InstallPath> = bill.listed().map(|file| &file.path).collect();
    let files: Vec<usize> = listed.iter().flat_map(|path| plan.at(path)).collect();
    // One by one: a large file at the end keeps no others waiting behind it.
    let files = files.par_iter().with_max_len(1);
    let digests: BTreeMap<usize, [Sha256Digest; 2]> =
        files.map(|file| Ok((*file, digests(&plan.entries[*file])?))).collect::<Result<_>>()?;
    let told =
        |[shipped, original]: &[Sha256Digest; 2]| Digests { shipped: hex(shipped), original: hex(original) };
    let mut made = Vec::new();
    // One for the formats whose programs have other bytes.
    for place in plan.at(&bill.place) {
        let formats = plan.entries[place].special.formats;
        let is_beside = |file: &usize| plan.entries[*file].special.formats.and(formats) != Formats::NONE;
        let of_file = |path: &&InstallPath| {
            let file = plan.at(path).find(is_beside)?;
            Some(((*path).clone(), told(digests.get(&file)?)))
        };
        made.push((place, bill.json(&listed.iter().filter_map(of_file).collect())));
    }
    let name = bill.place.clone();
    for (file, [shipped, _]) in digests {
        let entry = &mut plan.entries[file];
        // A file of the user's may be another when it is packed.
        let stays = matches!(entry.kind, Kind::File { source: Source::Store(_), .. });
        entry.special.digest = stays.then_some(shipped);
    }
    for (place, bytes) in made {
        match &mut plan.entries[place].kind {
            Kind::File { source, size, .. } if *size == bytes.len() as u64 => {
                *source = Source::Made(bytes.into())
            }
            _ => {
                let message = format!("{name} is not as long as planned; this is a bug of explant");
                return Err(Error::failure(message));
            }
        }
    }
    Ok(())
}

/// Of the bytes that are shipped, and of those that the store has, which are read once.
fn digests(entry: &Entry) -> Result<[Sha256Digest; 2]> {
    let Some(mut body) = open(entry)? else { return Ok(Default::default()) };
    let mut shipped = Sha256::new();
    let mut original = body.is_edited().then(Sha256::new);
    while let Some(window) = body.next_after(|unedited| {
        if let Some(original) = &mut original {
            original.update(unedited);
        }
    }) {
        shipped.update(&*window?);
    }
    let shipped = shipped.finalize().into();
    Ok([shipped, original.map_or(shipped, |original| original.finalize().into())])
}
