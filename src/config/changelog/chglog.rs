//! goreleaser/chglog's YAML, which nfpm reads.

use super::{DISTRIBUTION, Release, URGENCY};
use crate::config::date;
use crate::yaml::{self, Node, Value};

/// Whether a text without `.yaml` in its name is one: a list whose first item has a `semver`.
pub fn is_one(text: &str) -> bool {
    let begins = text.lines().find(|line| !matches!(line.trim(), "" | "---") && !line.starts_with('#'));
    begins.is_some_and(|line| line.starts_with("- ")) && text.contains("semver:") && read(text).is_ok()
}

pub fn read(text: &str) -> Result<Vec<Release>, String> {
    let root = yaml::parse(text)?;
    match &root.value {
        Value::List(items) => items.iter().map(release).collect(),
        Value::Null => Ok(Vec::new()),
        _ => Err("it is no list of releases".to_owned()),
    }
}

fn release(node: &Node) -> Result<Release, String> {
    let needed = |key: &str| {
        node.get(key)
            .and_then(Node::text)
            .ok_or_else(|| format!("line {}: a release lacks `{key}`", node.line))
    };
    let date = needed("date")?;
    let seconds = date::seconds(date).ok_or_else(|| format!("line {}: `{date}` is no date", node.line))?;
    let deb = |key: &str| node.get("deb").and_then(|deb| deb.get(key));
    let distributions: Vec<&str> =
        deb("distributions").map(Node::items).unwrap_or_default().iter().filter_map(Node::text).collect();
    let changes = node.get("changes").map(Node::items).unwrap_or_default();
    let notes = changes.iter().filter_map(|change| change.get("note")?.text());
    Ok(Release {
        version: needed("semver")?.to_owned(),
        seconds,
        author: needed("packager")?.to_owned(),
        distribution: if distributions.is_empty() {
            DISTRIBUTION.to_owned()
        } else {
            distributions.join(" ")
        },
        urgency: deb("urgency").and_then(Node::text).unwrap_or(URGENCY).to_owned(),
        notes: notes.map(|note| note.trim().to_owned()).filter(|note| !note.is_empty()).collect(),
    })
}
