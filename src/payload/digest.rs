//! The digests of what is shipped, for the bill of materials.

use std::collections::BTreeMap;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::{Body, open};
use crate::bill::Digests;
use crate::config::Formats;
use crate::error::{Error, Result};
use crate::hex::hex;
use crate::path::InstallPath;
use crate::plan::{Entry, Kind, Plan, Source};

/// Puts the digests into the plan's bill of materials, if it has one, on all cores.
///
/// The files are read here and once more when they are packed: a bill lies somewhere among them, and an archive is written in one
/// go. They were read a moment ago, when references were looked for.
///
/// Errors: a file cannot be read, or is not what it was when the plan was made.
pub fn complete_bill(plan: &mut Plan) -> Result<()> {
    let Some(bill) = &plan.bill else { return Ok(()) };
    let listed: Vec<&InstallPath> = bill.listed().map(|file| &file.path).collect();
    let files: Vec<usize> = listed.iter().flat_map(|path| plan.at(path)).collect();
    let digests: BTreeMap<usize, Digests> =
        files.par_iter().map(|file| Ok((*file, digests(&plan.entries[*file])?))).collect::<Result<_>>()?;
    let mut made = Vec::new();
    // One for the formats whose programs have other bytes.
    for place in plan.at(&bill.place) {
        let formats = plan.entries[place].special.formats;
        let is_beside = |file: &usize| plan.entries[*file].special.formats.and(formats) != Formats::NONE;
        let of_file = |path: &&InstallPath| {
            let file = plan.at(path).find(is_beside)?;
            Some(((*path).clone(), digests.get(&file)?.clone()))
        };
        made.push((place, bill.json(&listed.iter().filter_map(of_file).collect())));
    }
    let name = bill.place.clone();
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

fn digests(entry: &Entry) -> Result<Digests> {
    let shipped = open(entry)?.map(digest).transpose()?.unwrap_or_default();
    let original = match &entry.kind {
        Kind::File { source: Source::Store(_), patches, .. } if !patches.is_empty() => {
            open(entry)?.map(|body| digest(body.unedited())).transpose()?.unwrap_or_default()
        }
        _ => shipped.clone(),
    };
    Ok(Digests { shipped, original })
}

fn digest(body: Body) -> Result<String> {
    let mut digest = Sha256::new();
    for window in body {
        digest.update(&*window?);
    }
    Ok(hex(&digest.finalize()))
}
