//! The bundle.toml in the making.

use std::path::Path;

use crate::config::Config;
use crate::finding::Finding;

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

pub struct Draft<'a> {
    /// Where the bundle.toml will be.
    file: &'a Path,
    /// Of each table, its lines.
    tables: Vec<(&'static str, Vec<String>)>,
    /// Of each list of tables, each one's lines.
    lists: Vec<(&'static str, Vec<String>)>,
    /// What is not taken over, and why.
    left: Vec<(String, String)>,
}

impl<'a> Draft<'a> {
    pub fn new(file: &'a Path) -> Self {
        let tables = TABLES.iter().map(|table| (*table, Vec::new())).collect();
        Draft { file, tables, lists: Vec::new(), left: Vec::new() }
    }

    /// Writes a key, if bundle.toml takes the value; else it is left, with what is wrong with it. `of` is nfpm's name for it.
    pub fn put(&mut self, of: &str, table: &'static str, key: &str, value: &str) {
        let line = format!("{} = {value}", bare_or_quoted(key));
        match self.objection(&format!("[{table}]\n{line}\n")) {
            None => {
                if let Some((_, lines)) = self.tables.iter_mut().find(|(name, _)| *name == table) {
                    lines.push(line);
                }
            }
            Some(why) => self.leave(of, why),
        }
    }

    /// The same for one table of a list: `[[contents]]`.
    pub fn push(&mut self, of: &str, list: &'static str, lines: &[String]) {
        let text = lines.join("\n");
        match self.objection(&format!("[[{list}]]\n{text}\n")) {
            None => self.lists.push((list, lines.to_vec())),
            Some(why) => self.leave(of, why),
        }
    }

    /// A value that has no place in bundle.toml.
    pub fn leave(&mut self, of: &str, why: impl Into<String>) {
        self.left.push((of.to_owned(), why.into()));
    }

    /// What bundle.toml says of a text that is wrong, in one line.
    fn objection(&self, text: &str) -> Option<String> {
        // A variable that is not set now may be when the bundle is built, to what nobody knows.
        let unknown = std::cell::Cell::new(false);
        let environment = |name: &str| {
            let held = std::env::var(name).ok();
            unknown.set(unknown.get() || held.is_none());
            held.or_else(|| Some("1".to_owned()))
        };
        let error = Config::parse_in(text, self.file, &environment).err()?;
        let message = error.to_string();
        let what = message.lines().next().unwrap_or_default().to_owned();
        let remedy =
            message.rsplit_once("remedy: ").map(|(_, remedy)| format!("; {remedy}")).unwrap_or_default();
        (!unknown.get()).then(|| what + &remedy)
    }

    /// The text, and a finding for all that was left.
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
        (text, findings)
    }
}

fn bare_or_quoted(key: &str) -> String {
    let is_bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if is_bare { key.to_owned() } else { super::value::quoted(key) }
}
