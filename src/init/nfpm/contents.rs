//! nfpm's `contents`.

use super::draft::Draft;
use super::kind::Kind;
use super::value::{Variables, expanded, quoted};
use crate::yaml::Node;

/// What nfpm puts into an .rpm alone.
const OF_RPM: &[&str] = &["doc", "licence", "license", "readme", "ghost"];

const TEXT: Kind = Kind::Text(Variables::Neither);

const FILE_INFO: &[(&str, Kind)] =
    &[("mode", Kind::Mode), ("owner", TEXT), ("group", TEXT), ("mtime", TEXT), ("lang", TEXT)];

pub fn put(draft: &mut Draft, of: &str, to: &'static str, node: &Node) {
    for (item, number) in draft.items(of, node).iter().zip(0..) {
        let path = format!("{of}[{number}]");
        if let Some(lines) = content(draft, &path, item) {
            draft.push(&path, to, lines);
        }
    }
}

/// Old nfpm's.
pub fn empty_folders(draft: &mut Draft, node: &Node) {
    for (item, number) in draft.items("empty_folders", node).iter().zip(0..) {
        let path = format!("empty_folders[{number}]");
        if let Some(folder) = draft.text(&path, Some(item)) {
            draft.push(
                &path,
                "contents",
                vec![format!("dst = {}", quoted(folder)), "type = \"dir\"".to_owned()],
            );
        }
    }
}

/// The lines of one `[[contents]]`; `None` for what no artifact of explant's has.
fn content(draft: &mut Draft, path: &str, item: &Node) -> Option<Vec<String>> {
    let pairs = draft.pairs(path, item);
    if pairs.is_empty() {
        return None;
    }
    let [src, dst, kind, packager] =
        ["src", "dst", "type", "packager"].map(|key| draft.text(&format!("{path}.{key}"), item.get(key)));
    let of_rpm = kind.is_some_and(|kind| OF_RPM.contains(&kind));
    if let Some(why) = nowhere(packager, of_rpm) {
        draft.leave(path, why);
        return None;
    }
    let mut value = |key: &str, kind| draft.value(&format!("{path}.{key}"), kind, item.get(key)?);
    let is_expanded = value("expand", Kind::Truth).as_deref() == Some("true");
    // Without `expand`, bundle.toml has no variables here either.
    let variables = if is_expanded { Variables::Optional } else { Variables::Neither };
    let disowned = value("disown_subtree", Kind::Texts(Variables::Neither));
    let is_ghost = kind == Some("ghost");
    let texts = [
        ("src", src.filter(|_| !is_ghost).map(|src| expanded(src, variables))),
        ("dst", dst.map(|dst| absolute(&expanded(dst, variables)))),
        ("type", kind.map(str::to_owned)),
        ("packager", packager.or(of_rpm.then_some("rpm")).filter(|_| !is_ghost).map(str::to_owned)),
    ];
    let mut lines: Vec<String> =
        texts.into_iter().filter_map(|(key, text)| Some(format!("{key} = {}", quoted(&text?)))).collect();
    if is_expanded {
        lines.push("expand = true".to_owned());
    }
    lines.extend(disowned.map(|folders| format!("disown_subtree = {folders}")));
    lines.extend(file_info(draft, &format!("{path}.file_info"), item, kind));
    unknown(draft, path, pairs);
    Some(lines)
}

/// Why no artifact of explant's has it.
fn nowhere(packager: Option<&str>, of_rpm: bool) -> Option<String> {
    match packager? {
        "deb" if of_rpm => Some("nfpm ships it in an .rpm alone, and it is for the .deb".to_owned()),
        "deb" | "rpm" => None,
        other => Some(format!("it is for {other} alone, and explant writes .deb, .rpm and tarballs")),
    }
}

/// nfpm takes a relative destination for one below the root.
fn absolute(dst: &str) -> String {
    if dst.starts_with('/') || dst.starts_with("${") { dst.to_owned() } else { format!("/{dst}") }
}

/// Flat, as bundle.toml has it. A link's mode has no meaning.
fn file_info(draft: &mut Draft, path: &str, item: &Node, kind: Option<&str>) -> Vec<String> {
    let Some(node) = item.get("file_info") else { return Vec::new() };
    let mut pairs = draft.pairs(path, node).to_vec();
    if kind == Some("symlink") && node.get("mode").is_some() {
        draft.leave(&format!("{path}.mode"), "it has no meaning for a symlink");
        pairs.retain(|(key, _)| key != "mode");
    }
    draft.lines(path, FILE_INFO, &pairs)
}

fn unknown(draft: &mut Draft, path: &str, item: &[(String, Node)]) {
    const KNOWN: &[&str] = &["src", "dst", "type", "packager", "expand", "disown_subtree", "file_info"];
    for (key, node) in item.iter().filter(|(key, _)| !KNOWN.contains(&key.as_str())) {
        draft.unknown(&format!("{path}.{key}"), node);
    }
}
