//! Values of an nfpm.yaml, written as TOML.

use crate::yaml::{Node, Value};

/// A string as TOML has it.
pub fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

pub fn list(texts: &[String]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", quoted.join(", "))
}

/// A file mode, by Go's rules for whole numbers: `0644` and `0o644` are octal; `644` is decimal, and 0o1204. Of one with the
/// kind of file in it (`0100644`) nfpm keeps the mode.
pub fn mode(text: &str) -> Option<u32> {
    let text = text.replace('_', "").to_ascii_lowercase();
    let in_base = |prefix: &str, base| text.strip_prefix(prefix).map(|digits| (digits, base));
    let (digits, base) = in_base("0x", 16)
        .or_else(|| in_base("0b", 2))
        .or_else(|| in_base("0o", 8))
        .or_else(|| in_base("0", 8).filter(|(digits, _)| !digits.is_empty()))
        .unwrap_or((text.as_str(), 10));
    // Rust's own takes a sign.
    if digits.starts_with('+') {
        return None;
    }
    u32::from_str_radix(digits, base).ok().map(|mode| mode & 0o7777)
}

/// YAML 1.1's words for it, which go-yaml takes where a truth is wanted.
pub fn truth(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" | "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "false" | "False" | "FALSE" | "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// How `${NAME}` stands in a value: nfpm's variables are nothing where they are not set (Go's os.Expand), and in the other
/// fields they are no variables.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Variables {
    /// They must be set: a version without them is none.
    Needed,
    Optional,
    None,
    /// Neither nfpm nor bundle.toml has any there.
    Neither,
}

/// The text with its variables in bundle.toml's form.
pub fn expanded(text: &str, variables: Variables) -> String {
    match variables {
        Variables::None => return text.replace("${", "$${"),
        Variables::Neither => return text.to_owned(),
        Variables::Needed | Variables::Optional => {}
    }
    let mut result = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        result.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let braced = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
        let plain = (&after[..end], &after[end..]);
        let (name, left) = braced.unwrap_or(plain);
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            result.push('$');
            rest = after;
            continue;
        }
        let other = if variables == Variables::Optional { ":-" } else { "" };
        result.push_str(&format!("${{{name}{other}}}"));
        rest = left;
    }
    result.push_str(rest);
    result
}

/// The paths of all that a value holds, by `path`: `apk.signature.key_file`.
pub fn leaves(path: &str, node: &Node) -> Vec<String> {
    match &node.value {
        Value::Map(pairs) if !pairs.is_empty() => {
            pairs.iter().flat_map(|(key, node)| leaves(&format!("{path}.{key}"), node)).collect()
        }
        Value::List(items) if items.iter().any(|item| matches!(item.value, Value::Map(_))) => items
            .iter()
            .zip(0..)
            .flat_map(|(item, number): (&Node, usize)| leaves(&format!("{path}[{number}]"), item))
            .collect(),
        _ => vec![path.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read_as_go_yaml_reads_them() {
        for (text, wanted) in [
            ("0644", 0o644),
            ("0o4755", 0o4755),
            ("0O644", 0o644),
            ("420", 0o644),
            ("644", 0o1204),
            ("0", 0),
            ("0x1ed", 0o755),
            ("0b110100100", 0o644),
            ("0_755", 0o755),
            ("0100644", 0o644),
        ] {
            assert_eq!(mode(text), Some(wanted), "{text}");
        }
        for text in ["rw", "089", "-1", "", "+1", "0x", "0x+1"] {
            assert_eq!(mode(text), None, "{text}");
        }
    }

    #[test]
    fn variables_are_written_as_bundle_toml_has_them() {
        for (text, needed, optional, none) in [
            ("v${A}", "v${A}", "v${A:-}", "v$${A}"),
            ("$A-$B_2.x", "${A}-${B_2}.x", "${A:-}-${B_2:-}.x", "$A-$B_2.x"),
            ("costs $5", "costs $5", "costs $5", "costs $5"),
            ("a$", "a$", "a$", "a$"),
        ] {
            let all = [Variables::Needed, Variables::Optional, Variables::None].map(|v| expanded(text, v));
            assert_eq!(all, [needed, optional, none], "{text}");
        }
    }
}
