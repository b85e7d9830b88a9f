//! What names a component for the tools that look up vulnerabilities, and for whoever rebuilds it.

use std::collections::BTreeMap;

use crate::config::names;
use crate::plan::Project;
use crate::store::StorePath;

/// NVD's vendor and product of projects whose own name does not say them.
const CPE: &str = include_str!("../../templates/cpe.toml");

/// Where a store path's hash is cut, and what stands in the cut. Nix takes the 32 characters, wherever they stand in the output of a
/// derivation, for a reference, which would keep all that is bundled from being collected. A tilde is in no store path:
/// `tr -d '~'` mends them.
const CUT: (usize, char) = (16, '~');

/// A store path's hash with a tilde in its middle.
pub fn cut_hash(path: &StorePath) -> String {
    let hash = format!("{:?}", path.hash());
    let (front, back) = hash.split_at(CUT.0);
    format!("{front}{}{back}", CUT.1)
}

/// `<hash>-<name>`, the hash cut.
pub fn cut(path: &StorePath) -> String {
    format!("{}-{}", cut_hash(path), path.name())
}

/// The package URL that Syft and sbomnix write for store paths: `pkg:nix/jq@1.7.1?output=bin&outputhash=...`.
pub fn purl(path: &StorePath, project: &Project) -> String {
    let mut purl = format!("pkg:nix/{}", percent(&project.name));
    if let Some(version) = &project.version {
        purl += &format!("@{}", percent(version));
    }
    purl += "?";
    if let Some(output) = names::output(path.name()) {
        purl += &format!("output={}&", percent(output));
    }
    purl + &format!("outputhash={}", cut_hash(path))
}

/// What a package URL has to escape (purl-spec, "Character encoding").
pub fn percent(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b".-_~".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// NVD's names of projects, by those of nixpkgs.
pub struct Products(BTreeMap<String, String>);

impl Products {
    pub fn new() -> Self {
        // A test parses it.
        Products(toml::from_str(CPE).unwrap_or_default())
    }

    /// CPE 2.3's formatted string. Of a project that is not known the name is taken for vendor and product, as other scanners guess.
    /// `None` without a version: it would match all.
    pub fn cpe(&self, project: &Project) -> Option<String> {
        let version = cpe_text(released(project.version.as_deref()?));
        let name = project.name.to_lowercase();
        let own = format!("{name}:{name}");
        let (vendor, product) = self.0.get(&name).unwrap_or(&own).split_once(':')?;
        Some(format!("cpe:2.3:a:{}:{}:{version}:*:*:*:*:*:*:*", cpe_text(vendor), cpe_text(product)))
    }
}

/// A version as its authors released it: without nixpkgs' own count behind it (`2.40-66`), which NVD does not know, and what
/// repackagers add (`2.2.4+ds`).
fn released(version: &str) -> &str {
    let version = version.split('+').next().unwrap_or(version);
    match version.rsplit_once('-') {
        Some((front, count)) if front.contains('.') && count.bytes().all(|b| b.is_ascii_digit()) => front,
        _ => version,
    }
}

/// All but letters, digits, `_`, `-` and `.` has a backslash before it (NISTIR 7695, 6.2).
fn cpe_text(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    text.to_lowercase().chars().map(|c| if plain(c) { c.to_string() } else { format!("\\{c}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> (StorePath, Project) {
        let path = StorePath::parse(format!("l5zk7hn88za59mxzan3hkpl5k8lxn7cn-{name}").as_bytes()).unwrap();
        let project = Project::of(&path);
        (path, project)
    }

    #[test]
    fn store_paths_have_names_without_a_reference() {
        let (jq, project) = path("jq-1.7.1-bin");
        assert_eq!(cut(&jq), "l5zk7hn88za59mxz~an3hkpl5k8lxn7cn-jq-1.7.1-bin");
        assert_eq!(
            purl(&jq, &project),
            "pkg:nix/jq@1.7.1?output=bin&outputhash=l5zk7hn88za59mxz~an3hkpl5k8lxn7cn"
        );
        let (gtk, project) = path("gtk+3-3.24+rc1");
        assert_eq!(
            purl(&gtk, &project),
            "pkg:nix/gtk%2B3@3.24%2Brc1?outputhash=l5zk7hn88za59mxz~an3hkpl5k8lxn7cn"
        );
    }

    #[test]
    fn products_are_named_as_nvd_names_them() {
        let products = Products::new();
        let cpe = |name: &str| products.cpe(&path(name).1);
        assert_eq!(cpe("glibc-2.40-66").as_deref(), Some("cpe:2.3:a:gnu:glibc:2.40:*:*:*:*:*:*:*"));
        assert_eq!(
            cpe("Some+thing-1.0").as_deref(),
            Some("cpe:2.3:a:some\\+thing:some\\+thing:1.0:*:*:*:*:*:*:*")
        );
        assert_eq!(cpe("unversioned"), None);
        let table: BTreeMap<String, String> = toml::from_str(CPE).unwrap();
        assert!(table.values().all(|value| value.split(':').filter(|part| !part.is_empty()).count() == 2));
    }
}
