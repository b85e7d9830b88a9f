//! The bundle.toml of who has an nfpm.yaml (nfpm 2.48; `nfpm jsonschema` lists its keys).
//!
//! Each key is taken over, or named in a comment and in a finding that say why not. Files are named relative to the folder
//! that nfpm runs in.

mod contents;
mod draft;
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
            "apk" | "archlinux" | "ipk" | "msix" | "srpm" => other_format(&mut draft, key, node),
            "empty_folders" => contents::empty_folders(&mut draft, node),
            key if tables::is_of_package(key) => {}
            key => draft.leave(key, "it is no key of nfpm's"),
        }
    }
    let overrides = root.get("overrides");
    tables::overrides(&mut draft, overrides);
    tables::deb(&mut draft, &merged(root.get("deb"), inner(overrides, "deb")));
    tables::rpm(&mut draft, &merged(root.get("rpm"), inner(overrides, "rpm")));
    Ok(draft.finish(&source))
}

/// Names all that is said of a format that explant does not write.
fn other_format(draft: &mut Draft, path: &str, node: &Node) {
    for leaf in value::leaves(path, node) {
        draft.leave(&leaf, "explant writes .deb, .rpm and tarballs");
    }
}

/// `overrides.deb.deb`: what nfpm lays over the top's `deb`.
fn inner<'n>(overrides: Option<&'n Node>, format: &str) -> Option<&'n Node> {
    overrides?.get(format)?.get(format)
}

/// A table with another laid over it: what that has and is not empty counts, as nfpm has it (mergo's WithOverride).
fn merged(below: Option<&Node>, above: Option<&Node>) -> Vec<(String, Node)> {
    let pairs = |node: Option<&Node>| match node.map(|node| &node.value) {
        Some(Value::Map(pairs)) => pairs.clone(),
        _ => Vec::new(),
    };
    let mut all = pairs(below);
    for (key, node) in pairs(above) {
        let is_empty =
            matches!(&node.value, Value::Null) || matches!(&node.value, Value::List(l) if l.is_empty());
        match all.iter_mut().find(|(name, _)| *name == key) {
            Some(_) if is_empty => {}
            Some((_, old)) => {
                if let (Value::Map(_), Value::Map(_)) = (&old.value, &node.value) {
                    let inner = merged(Some(old), Some(&node));
                    old.value = Value::Map(inner);
                } else {
                    *old = node;
                }
            }
            None => all.push((key, node)),
        }
    }
    all
}
