//! Each table of an nfpm.yaml but its contents.

use super::contents;
use super::draft::Draft;
use super::kind::Kind;
use super::value::{Variables, expanded, quoted};
use crate::yaml::{Node, Value};

use Kind::{Compression, Mode, Number, Text, Texts, Truth};
use Variables::{Needed, Optional};

/// The keys at the top that are those of `[package]`; which of them have variables, nfpm's binary was asked. (Its
/// documentation lacks the name, and has a license that has none.)
const PACKAGE: &[(&str, Kind)] = &[
    ("name", Text(Needed)),
    ("version", Text(Needed)),
    ("version_schema", Text(Variables::None)),
    ("prerelease", Text(Optional)),
    ("version_metadata", Text(Variables::None)),
    ("release", Text(Optional)),
    ("epoch", Number),
    ("arch", Text(Needed)),
    ("platform", Text(Optional)),
    ("license", Text(Variables::None)),
    ("homepage", Text(Optional)),
    ("maintainer", Text(Optional)),
    ("vendor", Text(Optional)),
    ("section", Text(Variables::None)),
    ("priority", Text(Variables::None)),
    ("changelog", Text(Variables::None)),
    ("mtime", Text(Variables::None)),
    ("umask", Mode),
    ("disable_globbing", Truth),
];

const RELATIONS: &[&str] = &["depends", "recommends", "suggests", "conflicts", "replaces", "provides"];

pub fn is_of_package(key: &str) -> bool {
    key == "description" || RELATIONS.contains(&key) || PACKAGE.iter().any(|(known, _)| *known == key)
}

/// `[package]`.
pub fn package(draft: &mut Draft, root: &Node) {
    if root.get("version_schema").is_none_or(|node| node.value == Value::Null) {
        // nfpm takes versions apart unless it is told not to.
        draft.put("version_schema", "package", "version_schema", "\"semver\"");
    }
    for (key, kind) in PACKAGE {
        if let Some(node) = root.get(key) {
            put(draft, key, "package", key, *kind, node);
        }
    }
    if let Some(node) = root.get("description") {
        description(draft, node);
    }
    for key in RELATIONS {
        if let Some(node) = root.get(key) {
            put(draft, key, "package", key, Texts(Optional), node);
        }
    }
}

/// nfpm's first line is the summary.
fn description(draft: &mut Draft, node: &Node) {
    let Some(text) = draft.text("description", Some(node)) else { return };
    let (summary, rest) = text.trim().split_once('\n').unwrap_or((text.trim(), ""));
    if !summary.is_empty() {
        draft.put("description", "package", "summary", &quoted(&expanded(summary, Optional)));
    }
    if !rest.trim().is_empty() {
        draft.put(
            "description",
            "package",
            "description",
            &quoted(&expanded(rest.trim_matches('\n'), Optional)),
        );
    }
}

/// Writes one value. Nothing is written of an empty one.
fn put(draft: &mut Draft, of: &str, table: &'static str, key: &str, kind: Kind, node: &Node) {
    if let Some(value) = draft.value(of, kind, node) {
        draft.put(of, table, key, &value);
    }
}

/// The table's keys that are known, each by its kind; all others are left.
fn table(draft: &mut Draft, of: &str, to: &'static str, keys: &[(&str, Kind)], pairs: &[(String, Node)]) {
    for (key, node) in pairs {
        let path = format!("{of}.{key}");
        match keys.iter().find(|(known, _)| known == key) {
            Some((_, kind)) => put(draft, &path, to, key, *kind, node),
            None => draft.unknown(&path, node),
        }
    }
}

/// The same of a value that is to be a table.
fn table_of(draft: &mut Draft, of: &str, to: &'static str, keys: &[(&str, Kind)], node: &Node) {
    let pairs = draft.pairs(of, node);
    table(draft, of, to, keys, pairs);
}

const FILE: Kind = Text(Variables::None);

pub fn scripts(draft: &mut Draft, of: &str, to: &'static str, node: &Node) {
    let keys = ["preinstall", "postinstall", "preremove", "postremove"].map(|key| (key, FILE));
    table_of(draft, of, to, &keys, node);
}

/// `overrides`: a table for each format.
pub fn overrides(draft: &mut Draft, node: &Node) {
    for (format, node) in draft.pairs("overrides", node) {
        let (to, to_scripts, list) = match format.as_str() {
            "deb" => ("overrides.deb", "overrides.deb.scripts", "overrides.deb.contents"),
            "rpm" => ("overrides.rpm", "overrides.rpm.scripts", "overrides.rpm.contents"),
            _ => {
                super::other_format(draft, &format!("overrides.{format}"), node);
                continue;
            }
        };
        for (key, node) in draft.pairs(to, node) {
            let path = format!("{to}.{key}");
            match key.as_str() {
                "contents" => contents::put(draft, &path, list, node),
                "scripts" => scripts(draft, &path, to_scripts, node),
                "umask" => put(draft, &path, to, key, Mode, node),
                key if RELATIONS.contains(&key) => put(draft, &path, to, key, Texts(Optional), node),
                // Laid over the format's own table.
                key if key == format => {}
                "deb" | "rpm" | "apk" | "archlinux" | "ipk" | "msix" => {
                    draft.leave_all(&path, node, "nfpm reads nothing of another format there");
                }
                _ => draft.unknown(&path, node),
            }
        }
    }
}

/// `[deb]`; `pairs` with what the overrides lay over it.
pub fn deb(draft: &mut Draft, of: &[(String, Node)]) {
    const KEYS: &[(&str, Kind)] = &[
        ("arch", Text(Variables::None)),
        ("arch_variant", Text(Variables::None)),
        ("breaks", Texts(Variables::None)),
        ("predepends", Texts(Optional)),
        ("compression", Compression),
    ];
    for (key, node) in of {
        let path = format!("deb.{key}");
        match key.as_str() {
            "scripts" => {
                let keys = ["rules", "templates", "config"].map(|key| (key, FILE));
                table_of(draft, &path, "deb.scripts", &keys, node);
            }
            "triggers" => {
                let keys = [
                    "interest",
                    "interest_await",
                    "interest_noawait",
                    "activate",
                    "activate_await",
                    "activate_noawait",
                ]
                .map(|key| (key, Texts(Variables::None)));
                table_of(draft, &path, "deb.triggers", &keys, node);
            }
            "fields" => {
                for (key, node) in draft.pairs(&path, node) {
                    put(draft, &format!("{path}.{key}"), "deb.fields", key, Text(Optional), node);
                }
            }
            "signature" => signature(draft, &path, "deb.signature", node),
            _ => table(draft, "deb", "deb", KEYS, &[(key.clone(), node.clone())]),
        }
    }
}

/// `[rpm]`; `pairs` with what the overrides lay over it.
pub fn rpm(draft: &mut Draft, of: &[(String, Node)]) {
    const KEYS: &[(&str, Kind)] = &[
        ("arch", Text(Variables::None)),
        ("buildhost", Text(Variables::None)),
        ("group", Text(Variables::None)),
        ("summary", Text(Variables::None)),
        ("compression", Compression),
        ("packager", Text(Optional)),
        ("prefixes", Texts(Variables::None)),
    ];
    for (key, node) in of {
        let path = format!("rpm.{key}");
        match key.as_str() {
            "scripts" => {
                let keys = ["pretrans", "posttrans", "verify"].map(|key| (key, FILE));
                table_of(draft, &path, "rpm.scripts", &keys, node);
            }
            "requires" => {
                for (key, node) in draft.pairs(&path, node) {
                    let path = format!("{path}.{key}");
                    match key.as_str() {
                        "post" => put(draft, &path, "rpm", "requires-post", Texts(Variables::None), node),
                        _ => draft.unknown(&path, node),
                    }
                }
            }
            "triggers" => triggers(draft, &path, node),
            "signature" => signature(draft, &path, "rpm.signature", node),
            _ => table(draft, "rpm", "rpm", KEYS, &[(key.clone(), node.clone())]),
        }
    }
}

fn triggers(draft: &mut Draft, path: &str, node: &Node) {
    const TEXT: Kind = Text(Variables::Neither);
    const KEYS: &[(&str, Kind)] =
        &[("type", TEXT), ("script", TEXT), ("interpreter", TEXT), ("conditions", Texts(Variables::Neither))];
    for (item, number) in draft.items(path, node).iter().zip(0..) {
        let path = format!("{path}[{number}]");
        let pairs = draft.pairs(&path, item);
        if !pairs.is_empty() {
            let lines = draft.lines(&path, KEYS, pairs);
            draft.push(&path, "rpm.triggers", lines);
        }
    }
}

/// Of the key, what is the same in explant.
fn signature(draft: &mut Draft, of: &str, to: &'static str, node: &Node) {
    for (key, node) in draft.pairs(of, node) {
        let path = format!("{of}.{key}");
        match key.as_str() {
            "key_file" | "key_id" if node.text().is_some_and(|text| text.contains('$')) => {
                draft.leave(&path, "name the key in the environment: EXPLANT_SIGNING_KEY");
            }
            "key_file" | "key_id" => put(draft, &path, to, key, FILE, node),
            "type" if to == "deb.signature" => put(draft, &path, to, key, FILE, node),
            // What explant does in any case.
            "method" if to == "deb.signature" && node.text() == Some("debsign") => {}
            _ => draft.leave_all(&path, node, "explant signs a .deb in debsigs' form alone"),
        }
    }
}
