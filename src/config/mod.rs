//! bundle.toml, typed, every default filled in.
//!
//! `schema` is the file as it is written, `document` points at places in it; each other file turns one subject of it
//! into what the other stops work with.

mod caps;
pub mod changelog;
mod contents;
pub mod date;
mod deb;
pub mod distribution;
mod document;
mod environment;
mod format;
pub mod glibc_set;
mod globs;
mod install;
pub mod maintainer;
pub mod names;
mod nfpm_keys;
mod package;
mod references;
mod relations;
mod rpm;
mod run;
mod runtime;
mod schema;
mod scripts;
mod signing;
mod soname_relations;
mod system;
pub mod targets;
mod text;
mod version;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::error::{Error, Result};
use crate::path::printable;

pub use contents::{Content, ContentKind};
pub use deb::{Deb, DebTrigger};
pub use format::{Compression, Format, FormatOptions, Formats};
pub use install::{Install, InstallFile, Layout};
pub use package::{DEFAULT_GROUP, Package, PackageConfig};
pub use references::{Outcome, Policy, ReferenceRule, References};
pub use relations::{RelationKind, Relations};
pub use rpm::Rpm;
pub use run::Run;
pub use runtime::{Glibc, RunPathTag, Runtime, Setting};
pub use scripts::{DebScripts, LUA, RpmScripts, RpmTrigger, Scripts, TriggerKind, TriggerScope, executable};
pub use signing::{KeyConfig, SignerRole, Signing};
pub use soname_relations::{SonameRelation, SonameRelations};
pub use system::System;
pub use version::Version;

use document::Document;
use format::{COMPRESSION, DEB_COMPRESSION};
use schema::Schema;

/// Everything bundle.toml says, the parts that need no result to be known. File names are resolved against the
/// folder of bundle.toml. Its default is what no bundle.toml at all means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub package: PackageConfig,
    pub install: Install,
    pub runtime: Runtime,
    pub references: References,
    pub relations: SonameRelations,
    /// SPDX expressions, by the name of what is bundled.
    pub licenses: BTreeMap<String, String>,
    pub contents: Vec<Content>,
    pub deb: FormatOptions,
    pub rpm: FormatOptions,
    pub tarball: FormatOptions,
    /// Whether the tarball's programs run from any folder. `None`: if they can.
    pub relocatable: Option<bool>,
    pub run: Run,
    /// What they have compiled in is found there through a descriptor.
    pub anchor: bool,
    pub signing: Signing,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            package: PackageConfig::default(),
            install: Install::default(),
            runtime: Runtime::default(),
            references: References::default(),
            relations: SonameRelations::new(),
            licenses: BTreeMap::new(),
            contents: Vec::new(),
            deb: FormatOptions { compression: DEB_COMPRESSION },
            rpm: FormatOptions { compression: COMPRESSION },
            tarball: FormatOptions { compression: COMPRESSION },
            relocatable: None,
            run: Run::default(),
            anchor: true,
            signing: Signing::default(),
        }
    }
}

impl Config {
    /// Reads a bundle.toml, and the scripts that it names.
    ///
    /// Errors, all of them the user's to mend: it cannot be read, or what [`Config::parse`] refuses.
    pub fn load(path: &Path) -> Result<Config> {
        let shown = printable(path.as_os_str().as_bytes());
        let bytes = std::fs::read(path).map_err(|cause| {
            Error::usage(format!("cannot read {shown}: {cause}"))
                .remedy("name the bundle.toml with `-c`; without any, the defaults are used")
        })?;
        match std::str::from_utf8(&bytes) {
            Ok(text) => Config::parse(text, path),
            Err(wrong) => Err(not_utf8(&bytes, wrong.valid_up_to(), path)),
        }
    }

    /// Reads the text of a bundle.toml that lies at `file`.
    ///
    /// Errors name the file, the line and the field: no TOML, an unknown key, a value that cannot be, a file that it names
    /// and that is not there, something that is not carried out yet.
    pub fn parse(text: &str, file: &Path) -> Result<Config> {
        Config::parse_in(text, file, &|name| std::env::var(name).ok())
    }

    /// Makes it what the formats that are asked for want: a single file runs from any folder, and so does a tarball beside it;
    /// where there is neither, nothing is planned for them.
    ///
    /// Errors: bundle.toml says that this tarball is to be unpacked at `/`.
    pub fn for_formats(mut self, formats: &[Format]) -> Result<Config> {
        self.relocatable = match (formats.contains(&Format::Run), formats.contains(&Format::Tar)) {
            (true, true) if self.relocatable == Some(false) => {
                return Err(Error::usage(
                    "`tarball.relocatable` is false, and a single file (`run`) is made of a tarball that runs from any folder",
                )
                .remedy("leave it out, or write the two one at a time: `-f tar` and `-f run`"));
            }
            (true, _) => Some(true),
            (false, true) => self.relocatable,
            (false, false) => Some(false),
        };
        Ok(self)
    }

    /// The same, with another environment than the process's: what a variable holds, if it is set.
    pub fn parse_in(text: &str, file: &Path, environment: &dyn Fn(&str) -> Option<String>) -> Result<Config> {
        let document = Document::parse(text, file, environment)?;
        let schema = document.schema()?;
        not_carried_out_yet(&document, &schema)?;
        let install = Install::from_schema(&document, &schema.install)?;
        let contents = contents::from_schema(&document, &schema)?;
        apart_from_links(&document, &schema, &contents)?;
        Ok(Config {
            package: PackageConfig::from_schema(&document, &schema)?,
            runtime: Runtime::from_schema(&document, &schema.runtime, install.layout)?,
            references: References::from_schema(&document, &schema.references, install.layout)?,
            relations: soname_relations::from_schema(&document, &schema.relations)?,
            licenses: licenses(&document, &schema.licenses)?,
            install,
            contents,
            deb: FormatOptions::from_schema(&document, &schema.deb.compression, DEB_COMPRESSION)?,
            rpm: FormatOptions::from_schema(&document, &schema.rpm.compression, COMPRESSION)?,
            tarball: FormatOptions::from_schema(&document, &schema.tarball.compression, COMPRESSION)?,
            relocatable: schema.tarball.relocatable.as_ref().map(|value| *value.get_ref()),
            run: Run::from_schema(&document, &schema.run)?,
            anchor: schema.tarball.anchor.as_ref().is_none_or(|value| *value.get_ref()),
            signing: Signing::from_schema(&document, &schema)?,
        })
    }
}

/// Refuses by name what the schema has and nothing carries out yet: it must not be passed over in silence.
fn not_carried_out_yet(document: &Document, schema: &Schema) -> Result<()> {
    match schema.test.iter().map(|test| test.span()).min_by_key(|place| place.start) {
        Some(place) => Err(document.not_yet(place)),
        None => Ok(()),
    }
}

/// `[licenses]`: what the store does not say.
fn licenses(document: &Document, schema: &schema::Table<String>) -> Result<BTreeMap<String, String>> {
    schema
        .iter()
        .map(|(name, value)| Ok((text::line(document, name)?, text::line(document, value)?)))
        .collect()
}

/// Refuses a path that both `[[contents]]` and `[install.links]` make.
fn apart_from_links(document: &Document, schema: &Schema, contents: &[Content]) -> Result<()> {
    for written in schema.install.links.keys() {
        let link = text::install_path(document, written)?;
        if contents.iter().any(|content| content.dst == link) {
            return Err(document
                .wrong(written.span(), format!("makes {link}, which `contents` makes too"))
                .remedy("leave one of the two out"));
        }
    }
    Ok(())
}

/// `bytes` is valid up to `end`.
fn not_utf8(bytes: &[u8], end: usize, path: &Path) -> Error {
    let text = String::from_utf8_lossy(bytes);
    // The replacement character stands where the first wrong byte was.
    let message = document::point(&text, path, end..end + 1, "not valid TOML: not UTF-8");
    Error::usage(message).remedy("save it as UTF-8")
}
