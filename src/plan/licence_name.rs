//! Names of files that hold a licence's text.

/// What such a name begins with, in lower case, before a dot, a hyphen, an underscore, a digit or nothing.
const WORDS: &[&str] = &[
    "copying",
    "copyright",
    "copyrights",
    "licence",
    "licences",
    "license",
    "licenses",
    "notice",
    "unlicence",
    "unlicense",
];

/// What such a name ends with where it begins with something else: `MIT-LICENSE`, `GPL_LICENSE.txt`.
const ENDS: &[&str] = &["-license", "_license", "-licence", "_licence", ".license", ".licence"];

/// Endings of code and pictures that are called so, too: `license.py` shows one, and is none.
const NOT_TEXTS: &[&str] = &[
    "a", "bash", "c", "cc", "class", "conf", "cpp", "css", "desktop", "el", "go", "gif", "gmo", "h", "hpp",
    "hs", "jar", "java", "jpg", "js", "json", "la", "lua", "ml", "mo", "o", "php", "pl", "pm", "png", "po",
    "py", "pyc", "qml", "rb", "rs", "service", "sh", "so", "sql", "svg", "toml", "ts", "vim", "xml", "yaml",
    "yml",
];

/// How deep in a store path a text is looked for outside of the folders for it: `lib/python3.13/LICENSE.txt`. Deeper ones are of
/// what is packaged in a package.
const DEPTH: usize = 3;

/// Whether a file holds a licence's text, by its path below a store path.
pub fn is_licence(below: &[u8]) -> bool {
    let path = String::from_utf8_lossy(below).to_lowercase();
    let mut folders: Vec<&str> = path.split('/').collect();
    let Some(name) = folders.pop() else { return false };
    if matches!(folders.first(), Some(&("bin" | "sbin"))) || path.starts_with("share/man/") {
        return false;
    }
    let in_folder = folders.iter().any(|folder| matches!(*folder, "licenses" | "licences"));
    if in_folder && folders.first() == Some(&"share") {
        return true;
    }
    (in_folder || is_licence_name(name))
        && !NOT_TEXTS.iter().any(|ending| name.rsplit_once('.').is_some_and(|(_, own)| own == *ending))
}

/// Whether it is of the project itself, rather than of something inside of it. A Python package has it beside its metadata.
pub fn is_of_project(below: &[u8]) -> bool {
    let path = String::from_utf8_lossy(below);
    let depth = path.matches('/').count();
    path.starts_with("share/doc/")
        || path.starts_with("share/licenses/")
        || depth < DEPTH
        || path.contains(".dist-info/")
}

/// `name` is in lower case.
fn is_licence_name(name: &str) -> bool {
    let begins = |word: &&str| {
        name.strip_prefix(*word).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphabetic()))
    };
    let stem = [".txt", ".md", ".rst", ".html"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    WORDS.iter().any(begins) || ENDS.iter().any(|end| stem.len() > end.len() && stem.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_told_from_what_is_called_like_one() {
        for text in [
            "share/licenses/jq/COPYING",
            "share/licenses/jq/anything.xml",
            "share/doc/jq/copyright",
            "share/doc/rust/LICENSE-MIT",
            "share/doc/x/COPYING.LGPLv2.1",
            "share/doc/x/LICENSES/GPL-2.0-only",
            "share/doc/x/License.txt",
            "share/doc/x/COPYING3.LIB",
            "share/doc/x/MIT-LICENSE.txt",
            "share/doc/x/NOTICE",
            "lib/python3.13/LICENSE.txt",
            "LICENSE_1_0.txt",
            "UNLICENSE",
        ] {
            assert!(is_licence(text.as_bytes()) && is_of_project(text.as_bytes()), "{text}");
        }
        for other in [
            "lib/python3.13/site-packages/license.py",
            "share/icons/license.png",
            "include/copyright.h",
            "share/doc/x/README",
            "bin/licensecheck",
            "share/man/man1/license-tool.1",
            "share/doc/x/copyrighting",
        ] {
            assert!(!is_licence(other.as_bytes()), "{other}");
        }
        assert!(!is_of_project(b"lib/node_modules/x/node_modules/y/LICENSE"));
    }
}
