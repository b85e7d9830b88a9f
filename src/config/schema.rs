//! bundle.toml as it is written: every key of design.md section 3, nothing checked but names and types. Each value
//! keeps its place in the file, so that what is wrong with it can be pointed at.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use toml::Spanned;

use super::{Glibc, Layout, Policy, RunPathTag};

/// A key that may be left out.
pub(super) type Value<T> = Option<Spanned<T>>;
/// A list of strings.
pub(super) type Strings = Vec<Spanned<String>>;
/// A table whose keys are the user's own.
pub(super) type Table<T> = BTreeMap<Spanned<String>, Spanned<T>>;

/// A table with keys, and nothing else: serde's own structs may be written as a list of values without keys too.
#[derive(Default)]
pub(super) struct Keyed<T>(T);

impl<T> Deref for Keyed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Keyed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(KeyedVisitor(PhantomData))
    }
}

struct KeyedVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for KeyedVisitor<T> {
    type Value = Keyed<T>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Keyed)
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Schema {
    pub package: Keyed<Package>,
    pub install: Keyed<Install>,
    pub runtime: Keyed<Runtime>,
    pub relations: Table<Keyed<SonameRelation>>,
    pub licenses: Table<String>,
    pub references: Keyed<References>,
    pub contents: Vec<Spanned<Keyed<Content>>>,
    pub scripts: Keyed<Scripts>,
    pub overrides: Keyed<Overrides>,
    pub deb: Keyed<Deb>,
    pub rpm: Keyed<Rpm>,
    pub tarball: Keyed<Tarball>,
    pub signature: Keyed<Signature>,
    pub test: Vec<Spanned<Keyed<Test>>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Package {
    pub name: Value<String>,
    pub version: Value<String>,
    pub release: Value<String>,
    pub prerelease: Value<String>,
    pub version_metadata: Value<String>,
    pub version_schema: Value<VersionSchema>,
    pub epoch: Value<i64>,
    pub arch: Value<String>,
    pub platform: Value<String>,
    pub summary: Value<String>,
    pub description: Value<String>,
    pub license: Value<String>,
    pub homepage: Value<String>,
    pub maintainer: Value<String>,
    pub vendor: Value<String>,
    pub section: Value<String>,
    pub priority: Value<String>,
    pub changelog: Value<String>,
    pub mtime: Value<toml::Value>,
    pub umask: Value<i64>,
    pub disable_globbing: Value<bool>,
    pub depends: Strings,
    pub recommends: Strings,
    pub suggests: Strings,
    pub conflicts: Strings,
    pub replaces: Strings,
    pub provides: Strings,
}

/// nfpm's `version_schema`.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum VersionSchema {
    Semver,
    None,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Install {
    pub prefix: Value<String>,
    pub lib_dir: Value<String>,
    pub include: Option<Strings>,
    pub exclude: Strings,
    pub layout: Value<Layout>,
    pub files: Vec<Keyed<InstallFile>>,
    pub links: Table<String>,
    pub sbom: Value<bool>,
    pub licenses: Value<bool>,
    pub system: Keyed<System>,
}

/// `[install.system]`
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct System {
    pub enable: Value<bool>,
    pub start: Value<bool>,
    pub restart: Value<bool>,
    pub sysusers: Value<bool>,
    pub tmpfiles: Value<bool>,
    pub initramfs: Option<Strings>,
    pub integrate: Value<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InstallFile {
    pub path: Spanned<String>,
    pub mode: Value<i64>,
    pub owner: Value<String>,
    pub group: Value<String>,
    pub caps: Value<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Runtime {
    pub glibc: Value<Glibc>,
    pub baseline: Strings,
    pub rpath: Value<RunPathTag>,
    pub add: Strings,
    pub targets: Strings,
    pub env: Table<Keyed<Variable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SonameRelation {
    pub deb: Value<String>,
    pub rpm: Value<String>,
}

/// One variable of `[runtime.env]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Variable {
    pub set: Value<String>,
    pub default: Value<String>,
    pub unset: Value<bool>,
    pub prefix: Value<String>,
    pub suffix: Value<String>,
    pub separator: Value<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct References {
    pub policy: Value<Policy>,
    pub rules: Vec<Spanned<Keyed<Rule>>>,
}

/// One of `references.rules`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    pub path: Spanned<String>,
    #[serde(rename = "in")]
    pub within: Value<String>,
    pub is: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Content {
    pub src: Value<String>,
    pub dst: Spanned<String>,
    #[serde(rename = "type")]
    pub kind: Value<String>,
    pub packager: Value<String>,
    pub expand: Value<bool>,
    #[serde(default)]
    pub disown_subtree: Strings,
    /// nfpm's spelling of the keys below it.
    #[serde(default)]
    pub file_info: Keyed<FileInfo>,
    pub mode: Value<i64>,
    pub owner: Value<String>,
    pub group: Value<String>,
    pub mtime: Value<toml::Value>,
    pub lang: Value<String>,
    pub caps: Value<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct FileInfo {
    pub mode: Value<i64>,
    pub owner: Value<String>,
    pub group: Value<String>,
    pub mtime: Value<toml::Value>,
    pub lang: Value<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Scripts {
    pub preinstall: Value<String>,
    pub postinstall: Value<String>,
    pub preremove: Value<String>,
    pub postremove: Value<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Overrides {
    pub deb: Keyed<Override>,
    pub rpm: Keyed<Override>,
}

/// What one format has instead of `[package]`, `[[contents]]` and `[scripts]`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Override {
    pub depends: Option<Strings>,
    pub recommends: Option<Strings>,
    pub suggests: Option<Strings>,
    pub conflicts: Option<Strings>,
    pub replaces: Option<Strings>,
    pub provides: Option<Strings>,
    pub contents: Option<Vec<Spanned<Keyed<Content>>>>,
    pub umask: Value<i64>,
    pub scripts: Keyed<Scripts>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Deb {
    pub compression: Value<String>,
    pub arch: Value<String>,
    pub arch_variant: Value<String>,
    pub depends: Strings,
    pub recommends: Strings,
    pub suggests: Strings,
    pub conflicts: Strings,
    pub replaces: Strings,
    pub provides: Strings,
    pub breaks: Strings,
    pub predepends: Strings,
    pub fields: Table<String>,
    pub scripts: Keyed<DebScripts>,
    pub triggers: Keyed<DebTriggers>,
    pub signature: Keyed<DebSignature>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct DebScripts {
    pub rules: Value<String>,
    pub templates: Value<String>,
    pub config: Value<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct DebTriggers {
    pub interest: Strings,
    pub interest_await: Strings,
    pub interest_noawait: Strings,
    pub activate: Strings,
    pub activate_await: Strings,
    pub activate_noawait: Strings,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Rpm {
    pub compression: Value<String>,
    pub arch: Value<String>,
    pub summary: Value<String>,
    pub packager: Value<String>,
    pub buildhost: Value<String>,
    pub prefixes: Strings,
    pub depends: Strings,
    pub recommends: Strings,
    pub suggests: Strings,
    pub conflicts: Strings,
    pub replaces: Strings,
    pub provides: Strings,
    pub group: Value<String>,
    #[serde(rename = "requires-post")]
    pub requires_post: Strings,
    /// nfpm's spelling of `requires-post`.
    pub requires: Keyed<RpmRequires>,
    pub scripts: Keyed<RpmScripts>,
    pub triggers: Vec<Keyed<RpmTrigger>>,
    pub signature: Keyed<Signature>,
}

/// `[signature]`, `[rpm.signature]`
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Signature {
    pub key_file: Value<String>,
    pub key_id: Value<String>,
    pub passphrase_file: Value<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct DebSignature {
    pub key_file: Value<String>,
    pub key_id: Value<String>,
    pub passphrase_file: Value<String>,
    #[serde(rename = "type")]
    pub role: Value<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RpmRequires {
    pub post: Strings,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RpmScripts {
    pub pretrans: Value<String>,
    pub posttrans: Value<String>,
    pub preuntrans: Value<String>,
    pub postuntrans: Value<String>,
    pub verify: Value<String>,
}

/// One `[[rpm.triggers]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RpmTrigger {
    #[serde(rename = "type")]
    pub kind: Spanned<String>,
    pub script: Spanned<String>,
    pub interpreter: Value<String>,
    pub conditions: Spanned<Strings>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Tarball {
    pub compression: Value<String>,
    pub relocatable: Value<bool>,
    pub anchor: Value<bool>,
}

/// One `[[test]]`. Nothing reads it yet but the check of its keys' names and types.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Test {
    #[serde(rename = "run")]
    pub _run: Vec<String>,
    #[serde(rename = "stdout")]
    pub _stdout: Option<String>,
}
