//! The bundle.toml in the making.

use std::path::Path;

use super::differences::Differences;
use super::kind::Kind;
use super::value;
use crate::config::Config;
use crate::finding::Finding;
use crate::yaml::{Node, Value};

/// The tables in the order that they are written in.
pub const TABLES: &[&str] = &[
    "package",
    "scripts",
    "overrides.deb",
    "overrides.deb.scripts",
    "overrides.rpm",
    "overrides.rpm.scripts",
    "deb",
    "deb.fields",
    "deb.scripts",
    "deb.triggers",
    "deb.signature",
    "rpm",
    "rpm.scripts",
    "rpm.signature",
];

/// Keys that nfpm had before 2.0, or has since 2.48.
const OTHER_NFPMS: &[(&str, &str)] = &[
    ("files", "it is an old nfpm's; write each as one of `contents`, with `src` and `dst`"),
    ("config_files", "it is an old nfpm's; write each as one of `contents`, with `type: config`"),
    ("symlinks", "it is an old nfpm's; write each as one of `contents`, with `type: symlink`"),
    ("bindir", "it is an old nfpm's; write the whole path as `dst` of what is in `contents`"),
    ("interpreters", NOTHING_FOR_IT),
    ("script_requires", NOTHING_FOR_IT),
    ("doc_dirs", NOTHING_FOR_IT),
];

const NOTHING_FOR_IT: &str = "it is a newer nfpm's, and explant has nothing for it";

pub struct Draft<'a> {
    /// Where the bundle.toml will be.
    file: &'a Path,
    /// Of each table, its lines.
    tables: Vec<(&'static str, Vec<String>)>,
    /// Of each list of tables, each one's lines.
    lists: Vec<(&'static str, Vec<String>)>,
    /// What is not taken over, and why.
    left: Vec<(String, String)>,
    differences: Differences,
}

impl<'a> Draft<'a> {
    pub fn new(file: &'a Path) -> Self {
        let tables = TABLES.iter().map(|table| (*table, Vec::new())).collect();
        Draft { file, tables, lists: Vec::new(), left: Vec::new(), differences: Differences::default() }
    }

    /// Writes a key, if bundle.toml takes the value; else it is left, with what is wrong with it. `of` is nfpm's name for it.
    pub fn put(&mut self, of: &str, table: &'static str, key: &str, value: &str) {
        let line = format!("{} = {value}", bare_or_quoted(key));
        match self.read(&format!("[{table}]\n{line}\n")) {
            Ok(_) => {
                if let Some((_, lines)) = self.tables.iter_mut().find(|(name, _)| *name == table) {
                    lines.push(line);
                }
            }
            Err(why) => self.leave(of, why),
        }
    }

    /// The same for one table of a list: `[[contents]]`.
    pub fn push(&mut self, of: &str, list: &'static str, mut lines: Vec<String>) {
        let text = format!("[package]\n{}\n[[{list}]]\n{}\n", self.rules(), lines.join("\n"));
        match self.read(&text) {
            Ok(config) => {
                let contents = config.map(|config| config.contents).unwrap_or_default();
                let mode = self.differences.look(of, &contents);
                lines.extend(mode.map(|mode| format!("mode = 0o{mode:o}")));
                self.lists.push((list, lines));
            }
            Err(why) => self.leave(of, why.replace(&format!("`{list}[0]"), &format!("`{of}"))),
        }
    }

    /// What the package says of all contents.
    fn rules(&self) -> String {
        let of_package = self.tables.iter().filter(|(table, _)| *table == "package");
        let is_rule =
            |line: &&String| line.starts_with("umask = ") || line.starts_with("disable_globbing = ");
        let rules: Vec<&str> =
            of_package.flat_map(|(_, lines)| lines).filter(is_rule).map(String::as_str).collect();
        rules.join("\n")
    }

    /// A value that has no place in bundle.toml.
    pub fn leave(&mut self, of: &str, why: impl Into<String>) {
        self.left.push((of.to_owned(), why.into()));
    }

    /// The same, each value of it by its own name.
    pub fn leave_all(&mut self, of: &str, node: &Node, why: &str) {
        for leaf in value::leaves(of, node) {
            self.leave(&leaf, why);
        }
    }

    /// A key that nfpm 2.48 does not have.
    pub fn unknown(&mut self, of: &str, node: &Node) {
        let key = of.rsplit_once('.').map_or(of, |(_, key)| key);
        match OTHER_NFPMS.iter().find(|(known, _)| *known == key) {
            Some((_, why)) => self.leave(of, *why),
            None => self.leave_all(of, node, "it is no key of nfpm's"),
        }
    }

    /// A value as TOML. `None` for an empty one, and for one of another kind, which is left.
    pub fn value(&mut self, of: &str, kind: Kind, node: &Node) -> Option<String> {
        kind.written(node).unwrap_or_else(|why| {
            self.leave(of, why);
            None
        })
    }

    /// A text that is not empty. What is none is left.
    pub fn text<'n>(&mut self, of: &str, node: Option<&'n Node>) -> Option<&'n str> {
        let node = node.filter(|node| node.value != Value::Null)?;
        if node.text().is_none() {
            self.leave(of, "it is no text");
        }
        node.text().filter(|text| !text.is_empty())
    }

    /// A map's pairs. What is no map is left.
    pub fn pairs<'n>(&mut self, of: &str, node: &'n Node) -> &'n [(String, Node)] {
        if !matches!(node.value, Value::Map(_) | Value::Null) {
            self.leave(of, "it is no map");
        }
        node.pairs()
    }

    /// A list's items. What is no list is left.
    pub fn items<'n>(&mut self, of: &str, node: &'n Node) -> &'n [Node] {
        if !matches!(node.value, Value::List(_) | Value::Null) {
            self.leave(of, "it is no list");
        }
        node.items()
    }

    /// The lines of a map whose keys are these; others are left.
    pub fn lines(&mut self, of: &str, keys: &[(&str, Kind)], pairs: &[(String, Node)]) -> Vec<String> {
        let mut lines = Vec::new();
        for (key, node) in pairs {
            let path = format!("{of}.{key}");
            match keys.iter().find(|(known, _)| known == key) {
                Some((_, kind)) => {
                    let value = self.value(&path, *kind, node);
                    lines.extend(value.map(|value| format!("{key} = {value}")));
                }
                None => self.unknown(&path, node),
            }
        }
        lines
    }

    /// What a text of bundle.toml says; `None` if that depends on a variable that is not set.
    ///
    /// Errors: what is wrong with it, in one line.
    fn read(&self, text: &str) -> Result<Option<Config>, String> {
        // A variable that is not set now may be when the bundle is built, to what nobody knows.
        let unknown = std::cell::Cell::new(false);
        let environment = |name: &str| {
            let held = std::env::var(name).ok();
            unknown.set(unknown.get() || held.is_none());
            held.or_else(|| Some("1".to_owned()))
        };
        let message = match Config::parse_in(text, self.file, &environment) {
            Ok(config) => return Ok(Some(config)),
            Err(error) => error.to_string(),
        };
        let what = message.lines().next().unwrap_or_default().to_owned();
        let remedy =
            message.rsplit_once("remedy: ").map(|(_, remedy)| format!("; {remedy}")).unwrap_or_default();
        if unknown.get() { Ok(None) } else { Err(what + &remedy) }
    }

    /// The text, and a finding for all that was left or is otherwise than nfpm has it.
    pub fn finish(self, source: &str) -> (String, Vec<Finding>) {
        let mut text = format!("# From {source}, by `explant init --from`.\n");
        for (table, lines) in &self.tables {
            if !lines.is_empty() {
                text.push_str(&format!("\n[{table}]\n{}\n", lines.join("\n")));
            }
        }
        for (list, lines) in &self.lists {
            text.push_str(&format!("\n[[{list}]]\n{}\n", lines.join("\n")));
        }
        if !self.left.is_empty() {
            text.push_str(&format!("\n# Of {source}, not taken over:\n"));
        }
        let mut findings = Vec::new();
        for (of, why) in self.left {
            text.push_str(&format!("#   {of}: {why}\n"));
            findings.push(Finding::warning("nfpm-key", format!("`{of}` is not taken over: {why}")));
        }
        findings.extend(self.differences.findings());
        (text, findings)
    }
}

fn bare_or_quoted(key: &str) -> String {
    let is_bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if is_bare { key.to_owned() } else { value::quoted(key) }
}
