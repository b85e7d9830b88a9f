//! Written as CycloneDX 1.5 JSON, which all scanners in use read.
//!
//! A store path is a component of its own, its programs and libraries are files within: Dependency-Track and Grype look
//! components up by `cpe` and `purl`, and take files along. What was before surgery is each file's pedigree.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::identity::{Products, cut, percent, purl};
use super::{Bill, Component, Digests, Listed};
use crate::path::{InstallPath, printable};
use crate::spdx;
use crate::store::StorePath;

impl Bill {
    /// The document. It has the same length whatever the digests; those that are not given are zeros.
    pub fn json(&self, digests: &BTreeMap<InstallPath, Digests>) -> Vec<u8> {
        let products = Products::new();
        let components =
            self.components.par_iter().map(|component| self.component(component, &products, digests));
        let components: Vec<Value> = components.collect();
        let files = self.files.iter().map(|file| self.file(file, digests));
        let mut document = json!({
            "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
            "bomFormat": "CycloneDX",
            "specVersion": "1.5",
            "version": 1,
            "metadata": self.metadata(),
            "components": components.into_iter().chain(files).collect::<Vec<_>>(),
            "dependencies": self.dependencies(),
        });
        let digest = Sha256::digest(document.to_string());
        document["serialNumber"] = format!("urn:uuid:{}", uuid(&digest)).into();
        let mut text = format!("{document:#}").into_bytes();
        text.push(b'\n');
        text
    }

    fn metadata(&self) -> Value {
        let package = &self.package;
        let mut component = json!({
            "type": "application",
            "bom-ref": self.root(),
            "name": package.name,
            "version": package.version,
            "description": package.summary,
            "purl": format!("pkg:generic/{}@{}", percent(&package.name), percent(&package.version)),
        });
        if !package.homepage.is_empty() {
            component["externalReferences"] = json!([{ "type": "website", "url": package.homepage }]);
        }
        put_licence(&mut component, Some(package.license.as_str()).filter(|licence| *licence != "unknown"));
        json!({
            "timestamp": timestamp(self.mtime),
            "lifecycles": [{ "phase": "build" }],
            "tools": { "components": [{
                "type": "application", "name": "explant", "version": env!("CARGO_PKG_VERSION"),
            }] },
            "component": component,
            "properties": [
                property("explant:architecture", self.architecture.nix()),
                property("explant:hashes", "in the names of store paths, ~ stands in the middle of the hash: tr -d '~' takes it out"),
            ],
        })
    }

    fn component(
        &self,
        component: &Component,
        products: &Products,
        digests: &BTreeMap<InstallPath, Digests>,
    ) -> Value {
        let Component { path, project, files, .. } = component;
        let is_program = files.iter().any(|file| file.is_program);
        let mut value = json!({
            "type": if is_program { "application" } else { "library" },
            "bom-ref": cut(path),
            "name": project.name,
            "purl": purl(path, project),
            // sbomnix's name for it.
            "properties": [property("nix:output_path", &format!("{}/{}", self.store_dir, cut(path)))],
        });
        if let Some(version) = &project.version {
            value["version"] = version.as_str().into();
        }
        if let Some(cpe) = products.cpe(project) {
            value["cpe"] = cpe.into();
        }
        if !files.is_empty() {
            value["components"] = files.iter().map(|file| self.file(file, digests)).collect();
        }
        put_licence(&mut value, component.licence.as_deref());
        value
    }

    fn file(&self, file: &Listed, digests: &BTreeMap<InstallPath, Digests>) -> Value {
        let digests = digests.get(&file.path).cloned().unwrap_or_default();
        let mut value = json!({
            "type": "file",
            "name": file.path.to_string(),
            "hashes": [{ "alg": "SHA-256", "content": digests.shipped }],
        });
        if let Some(below) = &file.below {
            let before = json!({
                "type": "file",
                "name": printable(below),
                "hashes": [{ "alg": "SHA-256", "content": digests.original }],
            });
            value["pedigree"] = json!({ "ancestors": [before] });
            if !file.edits.is_empty() {
                value["pedigree"]["notes"] = file.edits.join(", ").into();
            }
        }
        value
    }

    /// What the package needs, and each component: what its files load, start or name.
    fn dependencies(&self) -> Value {
        let line = |name: String, needs: &[StorePath]| json!({ "ref": name, "dependsOn": needs.iter().map(cut).collect::<Vec<_>>() });
        let components = self.components.iter();
        let components = components.map(|component| line(cut(&component.path), &component.needs));
        std::iter::once(line(self.root(), &self.needs)).chain(components).collect()
    }

    fn root(&self) -> String {
        format!("{}@{}", self.package.name, self.package.version)
    }
}

fn property(name: &str, value: &str) -> Value {
    json!({ "name": name, "value": value })
}

/// An SPDX expression where it is one; else a name.
fn put_licence(component: &mut Value, licence: Option<&str>) {
    let Some(licence) = licence else { return };
    let choice = match spdx::canonical(licence) {
        Some(expression) => json!({ "expression": expression }),
        None => json!({ "license": Map::from_iter([("name".to_owned(), licence.into())]) }),
    };
    component["licenses"] = json!([choice]);
}

/// A UUID that is made of a digest: version 8 (RFC 9562, section 5.8).
fn uuid(digest: &[u8]) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = crate::hex::hex(&bytes);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// Seconds since 1970 as RFC 3339 has them: `2000-01-01T00:00:00Z`.
fn timestamp(seconds: u32) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // The civil calendar from a count of days, by eras of 400 years that begin in March (Howard Hinnant, "chrono-Compatible
    // Low-Level Date Algorithms").
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u32::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_date() {
        for seconds in [0u32, 946_684_800, 951_782_399, 951_868_800, 1_709_164_800, 4_102_444_799, u32::MAX] {
            let date = std::process::Command::new("date")
                .args(["-u", "-d", &format!("@{seconds}"), "+%Y-%m-%dT%H:%M:%SZ"])
                .output()
                .unwrap();
            assert_eq!(timestamp(seconds), String::from_utf8(date.stdout).unwrap().trim());
        }
    }

    #[test]
    fn a_serial_number_is_a_version_8_uuid() {
        assert_eq!(uuid(&[0xff; 32]), "ffffffff-ffff-8fff-bfff-ffffffffffff");
    }
}
