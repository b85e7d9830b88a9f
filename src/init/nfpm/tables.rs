//! Each table of an nfpm.yaml but its contents.

use super::contents;
use super::draft::Draft;
use super::value::{self, Variables, expanded, list, octal, quoted};
use crate::yaml::{Node, Value};

/// How a value is written in bundle.toml.
#[derive(Clone, Copy)]
enum Kind {
    Text(Variables),
    Texts(Variables),
    Number,
    Octal,
    Truth,
}

use Kind::{Number, Octal, Text, Texts, Truth};
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
    ("umask", Octal),
    ("disable_globbing", Truth),
];

const RELATIONS: &[&str] = &["depends", "recommends", "suggests", "conflicts", "replaces", "provides"];

pub fn is_of_package(key: &str) -> bool {
    key == "description" || RELATIONS.contains(&key) || PACKAGE.iter().any(|(known, _)| *known == key)
}

/// `[package]`.
pub fn package(draft: &mut Draft, root: &Node) {
    if root.get("version_schema").is_none() {
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
    let Some(text) = node.text() else { return draft.leave("description", "it is no text") };
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

/// Writes one value. Nothing is written of an empty one: nfpm takes it for one that is not there.
fn put(draft: &mut Draft, of: &str, table: &'static str, key: &str, kind: Kind, node: &Node) {
    let value = match (kind, &node.value) {
        (_, Value::Null) => return,
        (Text(_), Value::Text(text)) if text.is_empty() => return,
        (Texts(_), Value::List(items)) if items.is_empty() => return,
        (Text(variables), Value::Text(text)) => Some(quoted(&expanded(text, variables))),
        (Texts(variables), Value::List(_)) => texts(node, variables).map(|texts| list(&texts)),
        (Number, Value::Text(text)) => text.parse::<u32>().ok().map(|number| number.to_string()),
        (Octal, Value::Text(text)) => octal(text),
        (Truth, Value::Text(text)) => {
            Some(text.clone()).filter(|text| matches!(text.as_str(), "true" | "false"))
        }
        _ => None,
    };
    match value {
        Some(value) => draft.put(of, table, key, &value),
        None => draft.leave(of, "it is not what nfpm wants there"),
    }
}

/// A list of texts; the empty ones left out, as nfpm does.
fn texts(node: &Node, variables: Variables) -> Option<Vec<String>> {
    let texts: Option<Vec<&str>> = node
        .items()
        .iter()
        .map(|item| if item.value == Value::Null { Some("") } else { item.text() })
        .collect();
    let given = texts?.into_iter().filter(|text| !text.trim().is_empty());
    Some(given.map(|text| expanded(text, variables)).collect())
}

/// The table's keys that are known, each by its kind; all others are left.
fn table(draft: &mut Draft, of: &str, to: &'static str, keys: &[(&str, Kind)], pairs: &[(String, Node)]) {
    for (key, node) in pairs {
        let path = format!("{of}.{key}");
        match keys.iter().find(|(known, _)| known == key) {
            Some((_, kind)) => put(draft, &path, to, key, *kind, node),
            None => leave(draft, &path, node, "it is no key of nfpm's"),
        }
    }
}

fn leave(draft: &mut Draft, path: &str, node: &Node, why: &str) {
    for leaf in value::leaves(path, node) {
        draft.leave(&leaf, why);
    }
}

fn pairs(node: &Node) -> &[(String, Node)] {
    match &node.value {
        Value::Map(pairs) => pairs,
        _ => &[],
    }
}

const FILE: Kind = Text(Variables::None);

pub fn scripts(draft: &mut Draft, of: &str, to: &'static str, node: &Node) {
    let keys = ["preinstall", "postinstall", "preremove", "postremove"].map(|key| (key, FILE));
    table(draft, of, to, &keys, pairs(node));
}

/// `overrides`: a table for each format.
pub fn overrides(draft: &mut Draft, node: Option<&Node>) {
    for (format, node) in node.map(pairs).unwrap_or_default() {
        let (to, to_scripts, list) = match format.as_str() {
            "deb" => ("overrides.deb", "overrides.deb.scripts", "overrides.deb.contents"),
            "rpm" => ("overrides.rpm", "overrides.rpm.scripts", "overrides.rpm.contents"),
            _ => {
                super::other_format(draft, &format!("overrides.{format}"), node);
                continue;
            }
        };
        for (key, node) in pairs(node) {
            let path = format!("{to}.{key}");
            match key.as_str() {
                "contents" => contents::put(draft, &path, list, node),
                "scripts" => scripts(draft, &path, to_scripts, node),
                "umask" => put(draft, &path, to, key, Octal, node),
                key if RELATIONS.contains(&key) => put(draft, &path, to, key, Texts(Optional), node),
                // Laid over the format's own table.
                key if key == format => {}
                "deb" | "rpm" | "apk" | "archlinux" | "ipk" | "msix" => {
                    leave(draft, &path, node, "nfpm reads nothing of another format there");
                }
                _ => leave(draft, &path, node, "it is no key of nfpm's"),
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
        ("compression", Text(Variables::None)),
    ];
    for (key, node) in of {
        let path = format!("deb.{key}");
        match key.as_str() {
            "scripts" => {
                let keys = ["rules", "templates", "config"].map(|key| (key, FILE));
                table(draft, &path, "deb.scripts", &keys, pairs(node));
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
                table(draft, &path, "deb.triggers", &keys, pairs(node));
            }
            "fields" => {
                for (key, node) in pairs(node) {
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
        ("compression", Text(Variables::None)),
        ("packager", Text(Optional)),
        ("prefixes", Texts(Variables::None)),
    ];
    for (key, node) in of {
        let path = format!("rpm.{key}");
        match key.as_str() {
            "scripts" => {
                let keys = ["pretrans", "posttrans", "verify"].map(|key| (key, FILE));
                table(draft, &path, "rpm.scripts", &keys, pairs(node));
            }
            "requires" => {
                for (key, node) in pairs(node) {
                    let path = format!("{path}.{key}");
                    match key.as_str() {
                        "post" => put(draft, &path, "rpm", "requires-post", Texts(Variables::None), node),
                        _ => leave(draft, &path, node, "it is no key of nfpm's"),
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
    for (item, number) in node.items().iter().zip(0..) {
        let text =
            |key: &str| item.get(key).and_then(Node::text).map(|text| format!("{key} = {}", quoted(text)));
        let conditions = item.get("conditions").and_then(|node| texts(node, Variables::None));
        let mut lines: Vec<String> = ["type", "script", "interpreter"].into_iter().filter_map(text).collect();
        lines.extend(conditions.map(|texts| format!("conditions = {}", list(&texts))));
        draft.push(&format!("{path}[{number}]"), "rpm.triggers", &lines);
    }
}

/// Of the key, what is the same in explant.
fn signature(draft: &mut Draft, of: &str, to: &'static str, node: &Node) {
    for (key, node) in pairs(node) {
        let path = format!("{of}.{key}");
        match key.as_str() {
            "key_file" | "key_id" if node.text().is_some_and(|text| text.contains('$')) => {
                draft.leave(&path, "name the key in the environment: EXPLANT_SIGNING_KEY");
            }
            "key_file" | "key_id" => put(draft, &path, to, key, FILE, node),
            "type" if to == "deb.signature" => put(draft, &path, to, key, FILE, node),
            _ => leave(draft, &path, node, "explant signs a .deb in debsigs' form alone"),
        }
    }
}
