//! `--closure FILE`: the forms in which Nix writes down a closure.

use std::collections::BTreeMap;

use serde_json::Value;

use super::StorePath;
use crate::path::StoreFile;

/// Each store path of a closure, and what it refers to where the file tells.
pub type Graph = BTreeMap<StorePath, Option<Vec<StorePath>>>;

/// Reads any of: the `registration` text of nixpkgs' closureInfo (what `nix-store --load-db` takes), the
/// `exportReferencesGraph` text, a plain list of store paths, `nix path-info -r --json` (a list of objects until Nix 2.18,
/// a map since, the map below `info` and without the store folder in later ones).
///
/// Errors: a sentence that says what is wrong, and in which line.
pub fn parse(text: &str, store_dir: &StoreFile) -> Result<Graph, String> {
    match text.trim_start().chars().next() {
        None => Err("it is empty".into()),
        Some('{' | '[') => json(text, store_dir),
        Some(_) => lines(text, store_dir),
    }
}

/// A store path by its full name or, as newer Nix writes it in JSON, by its last component.
fn store_path(text: &str, store_dir: &StoreFile) -> Option<StorePath> {
    let text = text.trim_end_matches('/');
    let component = match text.strip_prefix(store_dir.to_string_lossy().as_ref()) {
        Some(below) => below.strip_prefix('/')?,
        None => text,
    };
    StorePath::parse(component.as_bytes())
}

fn lines(text: &str, store_dir: &StoreFile) -> Result<Graph, String> {
    let lines: Vec<&str> = text.lines().collect();
    let is_path = |line: &str| line.starts_with('/') && store_path(line, store_dir).is_some();
    // A list has a store path in each line; a graph has a deriver (or an empty line) and a count behind each path.
    if lines.iter().all(|line| line.is_empty() || is_path(line)) && !lines.contains(&"0") {
        return Ok(lines
            .iter()
            .filter_map(|line| store_path(line, store_dir))
            .map(|path| (path, None))
            .collect());
    }
    records(&lines, store_dir)
}

/// `path, [NAR hash, NAR size,] deriver, count, references...` over and over.
fn records(lines: &[&str], store_dir: &StoreFile) -> Result<Graph, String> {
    let mut graph = Graph::new();
    let mut at = 0;
    let path_at = |at: usize| {
        let line = lines.get(at).ok_or_else(|| format!("it ends in the middle, at line {}", at + 1))?;
        store_path(line, store_dir).ok_or_else(|| format!("line {} is no store path: {line:?}", at + 1))
    };
    while at < lines.len() {
        if lines[at].is_empty() {
            at += 1;
            continue;
        }
        let path = path_at(at)?;
        let has_nar = lines.get(at + 2).is_some_and(|line| is_number(line))
            && lines.get(at + 1).is_some_and(|line| !line.is_empty() && !line.starts_with('/'));
        at += if has_nar { 4 } else { 2 };
        let count: usize = lines
            .get(at)
            .and_then(|line| line.parse().ok())
            .ok_or_else(|| format!("line {} should be the number of references of {path}", at + 1))?;
        let references = (at + 1..).take(count).map(path_at).collect::<Result<Vec<_>, _>>()?;
        graph.insert(path, Some(references));
        at += 1 + count;
    }
    Ok(graph)
}

fn is_number(line: &str) -> bool {
    !line.is_empty() && line.bytes().all(|b| b.is_ascii_digit())
}

fn json(text: &str, store_dir: &StoreFile) -> Result<Graph, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
    let objects: Vec<(&str, &Value)> = match &value {
        Value::Array(list) => {
            list.iter().map(|object| (object["path"].as_str().unwrap_or_default(), object)).collect()
        }
        Value::Object(map) => match map.get("info") {
            Some(Value::Object(info)) => info.iter().map(|(path, object)| (path.as_str(), object)).collect(),
            _ => map.iter().map(|(path, object)| (path.as_str(), object)).collect(),
        },
        _ => return Err("it is neither a list nor a map".into()),
    };
    let mut graph = Graph::new();
    for (path, object) in objects {
        let named = store_path(path, store_dir).ok_or_else(|| format!("{path:?} is no store path"))?;
        if object.is_null() {
            return Err(format!("{path} is not valid in the store that was asked"));
        }
        let references = match object.get("references").and_then(Value::as_array) {
            None => None,
            Some(list) => Some(
                list.iter()
                    .map(|reference| reference.as_str().and_then(|text| store_path(text, store_dir)))
                    .collect::<Option<Vec<_>>>()
                    .ok_or_else(|| format!("{path} has a reference that is no store path"))?,
            ),
        };
        graph.insert(named, references);
    }
    Ok(graph)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "l5zk7hn88za59mxzan3hkpl5k8lxn7cn-jq-1.7.1";
    const B: &str = "bk9c75rxrjj320p4nm7gh2h5bv03pgf0-glibc-2.41";

    fn read(text: &str) -> Result<Vec<(String, Option<usize>)>, String> {
        let dir = StoreFile::new("/nix/store").unwrap();
        Ok(parse(text, &dir)?.into_iter().map(|(p, refs)| (p.component(), refs.map(|r| r.len()))).collect())
    }

    fn wanted(a: Option<usize>, b: Option<usize>) -> Result<Vec<(String, Option<usize>)>, String> {
        Ok(vec![(B.into(), b), (A.into(), a)])
    }

    #[test]
    fn every_form_is_read() {
        let (a, b) = (format!("/nix/store/{A}"), format!("/nix/store/{B}"));
        assert_eq!(read(&format!("{a}\n{b}\n")), wanted(None, None));
        // closureInfo's registration; a NAR hash as `sha256:...`, no deriver.
        assert_eq!(
            read(&format!(
                "{a}\nsha256:0abc\n120\n\n2\n{a}\n{b}\n{b}\nsha256:0abd\n99\n/nix/store/{B}.drv\n0\n"
            )),
            wanted(Some(2), Some(0))
        );
        // exportReferencesGraph
        assert_eq!(read(&format!("{a}\n\n1\n{b}\n{b}\n\n0\n")), wanted(Some(1), Some(0)));
        assert_eq!(
            read(&format!(r#"[{{"path":"{a}","references":["{b}"]}},{{"path":"{b}","references":[]}}]"#)),
            wanted(Some(1), Some(0))
        );
        assert_eq!(
            read(&format!(r#"{{"{a}":{{"references":["{b}"]}},"{b}":{{"references":[]}}}}"#)),
            wanted(Some(1), Some(0))
        );
        assert_eq!(
            read(&format!(
                r#"{{"version":2,"info":{{"{A}":{{"references":["{B}"]}},"{B}":{{"references":[]}}}}}}"#
            )),
            wanted(Some(1), Some(0))
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        let a = format!("/nix/store/{A}");
        for (text, message) in [
            ("", "empty"),
            ("{", "not JSON"),
            ("{\"/tmp/x\":{}}", "no store path"),
            ("hello\nworld\n", "line 1 is no store path"),
            (&format!("{a}\n\n3\n{a}\n"), "ends in the middle"),
            (&format!("{a}\n\nmany\n"), "number of references"),
            (&format!("{{\"{a}\":null}}"), "not valid"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(message), "{text:?}: {error}");
        }
    }
}
