//! The bundle.toml of who has an nfpm.yaml (nfpm 2.48; `nfpm jsonschema` lists its keys).
//!
//! Each key is taken over, or named in a comment and in a finding that say why not. Files are named relative to the folder
//! that nfpm runs in.

mod contents;
mod differences;
mod draft;
mod kind;
mod tables;
mod value;

#[cfg(test)]
mod tests;

use std::path::Path;

use crate::error::{Error, Result};
use crate::finding::Finding;
use crate::path::printable;
use crate::yaml::{self, Node, Value};
use draft::Draft;

/// The text of a bundle.toml that will be at `file`, and what it does not have. `source` is how the nfpm.yaml is called.
///
/// Errors: the text is no YAML, or no map.
pub fn translate(text: &str, source: &str, file: &Path) -> Result<(String, Vec<Finding>)> {
    let source = printable(source.as_bytes());
    let root = yaml::parse(text).map_err(|what| {
        Error::usage(format!("{source} is no YAML: {what}")).remedy("mend it there; nfpm would refuse it too")
    })?;
    let Value::Map(pairs) = &root.value else {
        return Err(Error::usage(format!("{source} is no nfpm.yaml: it has no keys"))
            .remedy("name the file that `nfpm package -f` takes"));
    };
    let mut draft = Draft::new(file);
    tables::package(&mut draft, &root);
    for (key, node) in pairs {
        match key.as_str() {
            "contents" => contents::put(&mut draft, "contents", "contents", node),
            "scripts" => tables::scripts(&mut draft, "scripts", "scripts", node),
            "deb" | "rpm" | "overrides" => {}
            // The last two are newer than 2.48.
            "apk" | "archlinux" | "ipk" | "msix" | "srpm" | "xbps" | "msi" => {
                other_format(&mut draft, key, node)
            }
            "empty_folders" => contents::empty_folders(&mut draft, node),
            key if tables::is_of_package(key) => {}
            key => draft.unknown(key, node),
        }
    }
    if let Some(overrides) = root.get("overrides") {
        tables::overrides(&mut draft, overrides);
    }
    let deb = of_format(&mut draft, &root, "deb");
    tables::deb(&mut draft, &deb);
    let rpm = of_format(&mut draft, &root, "rpm");
    tables::rpm(&mut draft, &rpm);
    Ok(draft.finish(&source))
}

/// Names all that is said of a format that explant does not write.
fn other_format(draft: &mut Draft, path: &str, node: &Node) {
    draft.leave_all(path, node, "explant writes .deb, .rpm and tarballs");
}

/// A format's own table, and what the overrides lay over it: `overrides.deb.deb`.
fn of_format(draft: &mut Draft, root: &Node, format: &str) -> Vec<(String, Node)> {
    let above = root.get("overrides").and_then(|overrides| overrides.get(format)?.get(format));
    let [below, above] =
        [(format.to_owned(), root.get(format)), (format!("overrides.{format}.{format}"), above)]
            .map(|(path, node)| node.map(|node| draft.pairs(&path, node)).unwrap_or_default());
    merged(below, above)
}

/// A table with another laid over it: what that has and is not empty counts, as nfpm has it (mergo's WithOverride).
fn merged(below: &[(String, Node)], above: &[(String, Node)]) -> Vec<(String, Node)> {
    let mut all = below.to_vec();
    for (key, node) in above {
        let is_empty =
            matches!(&node.value, Value::Null) || matches!(&node.value, Value::List(l) if l.is_empty());
        match all.iter_mut().find(|(name, _)| name == key) {
            Some(_) if is_empty => {}
            Some((_, old)) => {
                if let (Value::Map(below), Value::Map(above)) = (&old.value, &node.value) {
                    old.value = Value::Map(merged(below, above));
                } else {
                    *old = node.clone();
                }
            }
            None => all.push((key.clone(), node.clone())),
        }
    }
    all
}
