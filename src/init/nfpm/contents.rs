//! nfpm's `contents`.

use super::draft::Draft;
use super::value::{self, Variables, expanded, list, octal, quoted};
use crate::yaml::{Node, Value};

/// What nfpm puts into an .rpm alone.
const OF_RPM: &[&str] = &["doc", "licence", "license", "readme", "ghost"];

pub fn put(draft: &mut Draft, of: &str, to: &'static str, node: &Node) {
    for (item, number) in node.items().iter().zip(0..) {
        let path = format!("{of}[{number}]");
        if let Some(lines) = content(draft, &path, item) {
            draft.push(&path, to, &lines);
        }
    }
}

/// Old nfpm's.
pub fn empty_folders(draft: &mut Draft, node: &Node) {
    for folder in node.items().iter().filter_map(Node::text) {
        let lines = [format!("dst = {}", quoted(folder)), "type = \"dir\"".to_owned()];
        draft.push("empty_folders", "contents", &lines);
    }
}

/// The lines of one `[[contents]]`; `None` for what no artifact of explant's has.
fn content(draft: &mut Draft, path: &str, item: &Node) -> Option<Vec<String>> {
    let text = |key: &str| item.get(key).and_then(Node::text).filter(|text| !text.is_empty());
    let packager = text("packager");
    if let Some(other) = packager.filter(|packager| !matches!(*packager, "deb" | "rpm")) {
        draft.leave(path, format!("it is for {other} alone, and explant writes .deb, .rpm and tarballs"));
        return None;
    }
    let kind = text("type");
    let of_rpm = kind.is_some_and(|kind| OF_RPM.contains(&kind));
    if of_rpm && packager == Some("deb") {
        draft.leave(path, "nfpm ships it in an .rpm alone, and it is for the .deb");
        return None;
    }
    let is_expanded = text("expand") == Some("true");
    let variables = if is_expanded { Variables::Optional } else { Variables::None };
    // Without `expand`, bundle.toml has no variables here either.
    let name = |text: &str| if is_expanded { expanded(text, variables) } else { text.to_owned() };
    let mut lines = Vec::new();
    if let Some(src) = text("src").filter(|_| kind != Some("ghost")) {
        lines.push(format!("src = {}", quoted(&name(src))));
    }
    lines.extend(text("dst").map(|dst| format!("dst = {}", quoted(&absolute(&name(dst))))));
    lines.extend(kind.map(|kind| format!("type = {}", quoted(kind))));
    let packager = packager.or(of_rpm.then_some("rpm")).filter(|_| kind != Some("ghost"));
    lines.extend(packager.map(|packager| format!("packager = {}", quoted(packager))));
    if is_expanded {
        lines.push("expand = true".to_owned());
    }
    lines.extend(disowned(item));
    lines.extend(file_info(draft, path, item, kind));
    unknown(draft, path, item);
    Some(lines)
}

/// nfpm takes a relative destination for one below the root.
fn absolute(dst: &str) -> String {
    if dst.starts_with('/') || dst.starts_with("${") { dst.to_owned() } else { format!("/{dst}") }
}

fn disowned(item: &Node) -> Option<String> {
    let folders: Vec<String> =
        item.get("disown_subtree")?.items().iter().filter_map(Node::text).map(str::to_owned).collect();
    (!folders.is_empty()).then(|| format!("disown_subtree = {}", list(&folders)))
}

/// Flat, as bundle.toml has it. A link's mode has no meaning.
fn file_info(draft: &mut Draft, path: &str, item: &Node, kind: Option<&str>) -> Vec<String> {
    let mut lines = Vec::new();
    let Some(Value::Map(pairs)) = item.get("file_info").map(|info| &info.value) else { return lines };
    for (key, node) in pairs {
        let path = format!("{path}.file_info.{key}");
        match (key.as_str(), node.text()) {
            ("mode", _) if kind == Some("symlink") => draft.leave(&path, "it has no meaning for a symlink"),
            ("mode", Some(text)) => match octal(text) {
                Some(mode) => lines.push(format!("mode = {mode}")),
                None => draft.leave(&path, "it is no file mode"),
            },
            ("owner" | "group" | "mtime" | "lang", Some(text)) => {
                lines.push(format!("{key} = {}", quoted(text)))
            }
            _ => draft.leave(&path, "it is no key of nfpm's, or has no text"),
        }
    }
    lines
}

fn unknown(draft: &mut Draft, path: &str, item: &Node) {
    const KNOWN: &[&str] = &["src", "dst", "type", "packager", "expand", "disown_subtree", "file_info"];
    let Value::Map(pairs) = &item.value else { return };
    for (key, node) in pairs.iter().filter(|(key, _)| !KNOWN.contains(&key.as_str())) {
        for leaf in value::leaves(&format!("{path}.{key}"), node) {
            draft.leave(&leaf, "it is no key of nfpm's");
        }
    }
}
