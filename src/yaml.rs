//! YAML as a tree of texts: what a plain scalar means (a number, a time, an octal mode) is for who reads it to say, and
//! YAML 1.1 and 1.2 do not agree on it.

use saphyr::{MarkedYaml, ScalarStyle, YamlData, YamlLoader};
use saphyr_parser::Parser;

/// A value, and the line that it begins on, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub line: usize,
    pub value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Null,
    Text(String),
    List(Vec<Node>),
    /// In the order of the file.
    Map(Vec<(String, Node)>),
}

/// The first document of a text; null where it has none.
///
/// Errors: it is no YAML; said in one line.
pub fn parse(text: &str) -> Result<Node, String> {
    let mut loader: YamlLoader<MarkedYaml> = YamlLoader::default();
    loader.early_parse(false);
    Parser::new_from_str(text).load(&mut loader, true).map_err(|error| error.to_string())?;
    if let Some(error) = loader.error() {
        return Err(error.to_string());
    }
    match loader.into_documents().first() {
        Some(document) => node(document),
        None => Ok(Node { line: 1, value: Value::Null }),
    }
}

fn node(yaml: &MarkedYaml) -> Result<Node, String> {
    let line = yaml.span.start.line();
    let value = match &yaml.data {
        YamlData::Representation(text, style, _) => {
            let is_null =
                *style == ScalarStyle::Plain && matches!(&**text, "" | "~" | "null" | "Null" | "NULL");
            if is_null { Value::Null } else { Value::Text(text.to_string()) }
        }
        YamlData::Sequence(items) => Value::List(items.iter().map(node).collect::<Result<_, _>>()?),
        YamlData::Mapping(pairs) => Value::Map(map(pairs.iter())?),
        YamlData::Tagged(_, inner) => return node(inner),
        _ => return Err(format!("line {line}: not understood")),
    };
    Ok(Node { line, value })
}

/// The pairs of a map, with those that its merge keys bring: its own keys count, then those of the map named first.
fn map<'y, 'i: 'y>(
    pairs: impl Iterator<Item = (&'y MarkedYaml<'i>, &'y MarkedYaml<'i>)>,
) -> Result<Vec<(String, Node)>, String> {
    let mut all = Vec::new();
    let mut merged = Vec::new();
    for (key, value) in pairs {
        if is_merge_key(key) {
            merged.extend(brought(node(value)?)?);
        } else {
            all.push(pair((key, value))?);
        }
    }
    for (key, node) in merged {
        if all.iter().all(|(known, _)| *known != key) {
            all.push((key, node));
        }
    }
    Ok(all)
}

/// `<<` of YAML 1.1, which is no key in quotes.
fn is_merge_key(key: &MarkedYaml) -> bool {
    matches!(&key.data, YamlData::Representation(text, ScalarStyle::Plain, _) if text == "<<")
}

/// What the value of a merge key brings.
fn brought(node: Node) -> Result<Vec<(String, Node)>, String> {
    let maps = match node.value {
        Value::List(items) => items,
        _ => vec![node],
    };
    let mut all = Vec::new();
    for map in maps {
        let Value::Map(pairs) = map.value else {
            return Err(format!("line {}: `<<` takes a map, or a list of maps", map.line));
        };
        all.extend(pairs);
    }
    Ok(all)
}

fn pair((key, value): (&MarkedYaml, &MarkedYaml)) -> Result<(String, Node), String> {
    match node(key)?.value {
        Value::Text(key) => Ok((key, node(value)?)),
        _ => Err(format!("line {}: a key that is no text", key.span.start.line())),
    }
}

impl Node {
    /// The value of a key, if it is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.pairs().iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The pairs of a map; none of anything else.
    pub fn pairs(&self) -> &[(String, Node)] {
        match &self.value {
            Value::Map(pairs) => pairs,
            _ => &[],
        }
    }

    /// The items of a list; none of anything else.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stay_as_they_are_written() {
        let node =
            parse("a: 0644\nb:\n  - ~\n  - 'x: y'\nc: |-\n  two\n  lines\nd: &x {e: 1}\nf: *x\n").unwrap();
        assert_eq!(node.get("a").unwrap().text(), Some("0644"));
        assert_eq!(node.get("b").unwrap().items()[0].value, Value::Null);
        assert_eq!(node.get("b").unwrap().items()[1].text(), Some("x: y"));
        assert_eq!(node.get("c").unwrap().text(), Some("two\nlines"));
        assert_eq!(node.get("f").unwrap().get("e").unwrap().text(), Some("1"));
        assert_eq!(node.get("d").unwrap().line, 8);
        assert_eq!(parse("").unwrap().value, Value::Null);
    }

    #[test]
    fn merge_keys_bring_what_is_not_there() {
        let text = "a: &a {x: 1, y: 1}\nb: &b {<<: *a, y: 2, z: 2}\n\
                    c: {<<: *a, x: 3}\nd: {<<: [*b, *a]}\ne: {'<<': *a}\n";
        let root = parse(text).unwrap();
        let of = |key: &str| {
            let shown = root
                .get(key)
                .unwrap()
                .pairs()
                .iter()
                .map(|(key, node)| format!("{key}{}", node.text().unwrap_or("?")));
            let mut shown: Vec<String> = shown.collect();
            shown.sort();
            shown.join(" ")
        };
        assert_eq!(["b", "c", "d", "e"].map(of), ["x1 y2 z2", "x3 y1", "x1 y2 z2", "<<?"]);
    }

    #[test]
    fn what_is_no_yaml_is_told() {
        for text in ["{<<: x}", "{<<: [x]}", "{<<: ~}", "a: [", "a: 1\na: 2\n", "\t- x: {", "{a: 1}: 2"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
