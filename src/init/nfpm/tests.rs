//! Against nfpm's own list of keys; tests/nfpm asks nfpm itself.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::config::Config;

const KEYS: &str = include_str!("keys.txt");

/// nfpm's keys as paths (`contents[].file_info.mode`), each with its type, and the values that it may have.
fn keys() -> impl Iterator<Item = (&'static str, &'static str)> {
    KEYS.lines().filter(|line| !line.starts_with('#')).map(|line| line.split_once(": ").unwrap())
}

/// A folder with what the samples name.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "#!/bin/sh\n").unwrap();
    with_mode(&folder.path().join("file"), 0o644);
    fs::write(folder.path().join("log.yaml"), "").unwrap();
    folder
}

fn with_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// What becomes of a text in a folder, and all that is said of it.
fn translated(yaml: &str, folder: &Path) -> (String, String) {
    let file = folder.join("bundle.toml");
    let (text, findings) = translate(yaml, "nfpm.yaml", &file).unwrap();
    Config::parse(&text, &file).unwrap_or_else(|error| panic!("{yaml}: {error}\n{text}"));
    let said: Vec<String> = findings.iter().map(ToString::to_string).collect();
    (text, said.join("\n"))
}

/// Something that a key may have.
fn sample(path: &str, kind: &str) -> String {
    let key = path.trim_end_matches("[]").rsplit('.').next().unwrap();
    let is_file = path.contains("scripts.") || matches!(key, "src" | "key_file");
    match (key, kind.split_once(' ')) {
        (_, Some((_, values))) => values.split('|').next().unwrap().to_owned(),
        ("mode" | "umask", _) => "0644".into(),
        ("mtime", _) => "2009-11-10T23:00:00Z".into(),
        ("arch", _) if path == "arch" => "amd64".into(),
        ("maintainer", _) => "Jane Doe <jane@example.org>".into(),
        ("homepage", _) => "https://example.org".into(),
        ("platform", _) => "linux".into(),
        ("priority", _) => "optional".into(),
        ("changelog", _) => "log.yaml".into(),
        ("packager", _) if path.contains("contents") => "deb".into(),
        ("dst", _) | ("prefixes", _) | ("disown_subtree", _) => "/usr/share/sample".into(),
        ("key_id", _) => "9890904DFB2EC88A".into(),
        _ if is_file => "file".into(),
        _ if kind == "boolean" => "true".into(),
        _ if kind == "integer" => "3".into(),
        _ => "7".into(),
    }
}

/// The YAML that has one key.
fn yaml_with(path: &str, kind: &str) -> String {
    let sample = sample(path, kind);
    let quoted = if matches!(kind, "boolean" | "integer") { sample } else { format!("'{sample}'") };
    let mut yaml = String::new();
    let mut indent = 0;
    let parts: Vec<&str> = path.split('.').collect();
    for (at, part) in parts.iter().enumerate() {
        let is_last = at + 1 == parts.len();
        let (key, is_list) = part.strip_suffix("[]").map_or((*part, false), |key| (key, true));
        yaml.push_str(&format!("{}{key}:", " ".repeat(indent)));
        match (is_last, is_list) {
            (true, true) => yaml.push_str(&format!(" [{quoted}]\n")),
            (true, false) => yaml.push_str(&format!(" {quoted}\n")),
            (false, true) => {
                indent += 2;
                let others = if key == "contents" { ["dst: /a", "src: file"] } else { ["x: 1"; 2] };
                let others = others.iter().filter(|other| !other.starts_with(&format!("{}:", parts[at + 1])));
                let first = if key == "contents" { others.copied().collect() } else { vec!["- "] };
                yaml.push('\n');
                if key == "contents" {
                    for (number, other) in first.iter().enumerate() {
                        let dash = if number == 0 { "- " } else { "  " };
                        yaml.push_str(&format!("{}{dash}{other}\n", " ".repeat(indent)));
                    }
                    indent += 2;
                } else {
                    yaml.push_str(&format!("{}-\n", " ".repeat(indent)));
                    indent += 2;
                }
            }
            (false, false) => {
                yaml.push('\n');
                indent += 2;
            }
        }
    }
    yaml
}

#[test]
fn every_key_is_taken_over_or_named() {
    let folder = folder();
    let file = folder.path().join("bundle.toml");
    let (nothing, _) = translate("version_schema: semver\n", "nfpm.yaml", &file).unwrap();
    let mut taken = 0;
    for (path, kind) in keys() {
        let yaml = yaml_with(path, kind);
        let (text, findings) = translate(&format!("{yaml}version_schema: semver\n"), "nfpm.yaml", &file)
            .unwrap_or_else(|_| translate(&yaml, "nfpm.yaml", &file).unwrap());
        let said: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(!said.iter().any(|said| said.contains("no key of nfpm's")), "{path}: {said:?}");
        let numbered = path.trim_end_matches("[]").replace("[]", "[0]");
        // Laid over the format's own table.
        let numbered = numbered.replace("overrides.deb.deb.", "deb.").replace("overrides.rpm.rpm.", "rpm.");
        let is_named = said.iter().any(|said| said.contains(&format!("`{numbered}`")));
        let is_taken = text.lines().count() > nothing.lines().count() && findings.is_empty();
        taken += usize::from(is_taken);
        assert!(is_named != is_taken || path == "version_schema", "{path}: {text}\n{said:?}\n{yaml}");
        Config::parse(&text, &file).unwrap_or_else(|error| panic!("{path}: {error}\n{text}"));
    }
    assert!(taken > 100, "{taken}");
}

/// The same key where bundle.toml has it: known, or refused by name.
#[test]
fn bundle_toml_knows_every_key() {
    for (path, _) in keys() {
        let table = path.replace("[]", "");
        let table = match table.split_once('.') {
            None if !matches!(table.as_str(), "contents") => format!("package.{table}"),
            _ => table,
        };
        let (above, key) = table.rsplit_once('.').unwrap();
        let header = match above {
            "contents" | "overrides.deb.contents" | "overrides.rpm.contents" => {
                format!("[[{above}]]\ndst = '/a'")
            }
            above => match above.strip_suffix(".file_info") {
                Some(list) => format!("[[{list}]]\ndst = '/a'\n[{above}]"),
                None => format!("[{above}]"),
            },
        };
        let text = format!("{header}\n{key} = {{}}\n").replace("dst = '/a'\ndst", "dst");
        let Err(error) = Config::parse(&text, Path::new("bundle.toml")) else { continue };
        let message = error.to_string();
        assert!(
            !message.contains("is not a key") && !message.contains("not valid TOML"),
            "{path}: {message}"
        );
    }
}

#[test]
fn what_is_unknown_or_wrong_is_told() {
    let file = Path::new("bundle.toml");
    for (yaml, wanted) in [
        ("nmae: x", "`nmae` is not taken over: it is no key of nfpm's"),
        ("deb: {brakes: [x]}", "`deb.brakes` is not taken over"),
        (
            "maintainer: jane@example.org",
            "`maintainer` is not taken over: `package.maintainer` is not of the form `Name <mail>`; write",
        ),
        (
            "contents: [{src: nowhere, dst: /a}]",
            "`contents[0]` is not taken over: `contents[0].src` cannot be read",
        ),
        ("contents: [{src: a, dst: /a, packager: apk}]", "it is for apk alone"),
        ("contents: [{src: a, dst: /a, packager: deb, type: doc}]", "nfpm ships it in an .rpm alone"),
        (
            "contents: [{src: /a, dst: /b, type: symlink, file_info: {mode: 0777}}]",
            "has no meaning for a symlink",
        ),
        (
            "rpm: {compression: lzma}",
            "`rpm.compression` is not taken over: `rpm.compression` cannot be `lzma`",
        ),
        ("platform: darwin", "`platform` is not taken over"),
        ("epoch: one", "`epoch` is not taken over"),
        ("overrides: {deb: {rpm: {group: x}}}", "`overrides.deb.rpm.group` is not taken over"),
        ("overrides: {apk: {depends: [x]}}", "`overrides.apk.depends` is not taken over: explant writes"),
        (
            "deb: {signature: {key_file: '${KEY}'}}",
            "`deb.signature.key_file` is not taken over: name the key in the env",
        ),
        ("deb: {signature: {method: dpkg-sig}}", "`deb.signature.method` is not taken over"),
        (
            "contents: [~, {src: a, dst: /a, file_info: {mode: rw}}]",
            "`contents[1].file_info.mode` is not taken over",
        ),
        (
            "contents: [~, {src: /a, dst: /b, type: symlink, file_info: {owner: 'a b'}}]",
            "`contents[1]` is not taken over: `contents[1].owner`",
        ),
        ("rpm: {script_requires: true}", "it is a newer nfpm's, and explant has nothing for it"),
        ("msi: {a: b}", "`msi.a` is not taken over: explant writes .deb, .rpm and tarballs"),
        (
            "config_files: {a: /b}",
            "`config_files` is not taken over: it is an old nfpm's; write each as one of `contents`",
        ),
    ] {
        let (text, findings) = translate(yaml, "nfpm.yaml", file).unwrap();
        let said: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(said.iter().any(|said| said.contains(wanted)), "{yaml}: {said:?}");
        assert!(text.contains("\n# Of nfpm.yaml, not taken over:\n#   "), "{text}");
        Config::parse(&text, file).unwrap();
    }
    for (yaml, wanted) in [("a: [", "is no YAML"), ("- a", "has no keys"), ("", "has no keys")] {
        let error = translate(yaml, "nfpm.yaml", file).unwrap_err();
        assert!(error.to_string().contains(wanted) && error.exit_status() == 2, "{error}");
    }
}

#[test]
fn a_value_of_another_kind_is_told() {
    let folder = folder();
    for (yaml, of) in [
        ("name: [x]", "name"),
        ("description: [x]", "description"),
        ("depends: x", "depends"),
        ("disable_globbing: maybe", "disable_globbing"),
        ("scripts: s.sh", "scripts"),
        ("contents: {src: file, dst: /a}", "contents"),
        ("contents: [file]", "contents[0]"),
        ("contents: [{src: file, dst: /a, type: [x]}]", "contents[0].type"),
        ("contents: [{src: file, dst: /a, expand: maybe}]", "contents[0].expand"),
        ("contents: [{src: file, dst: /a, file_info: 0644}]", "contents[0].file_info"),
        ("contents: [{src: file, dst: /a, disown_subtree: x}]", "contents[0].disown_subtree"),
        ("empty_folders: /a", "empty_folders"),
        ("empty_folders: [[/a]]", "empty_folders[0]"),
        ("overrides: [deb]", "overrides"),
        ("overrides: {deb: x}", "overrides.deb"),
        ("overrides: {deb: {deb: x}}", "overrides.deb.deb"),
        ("overrides: {rpm: {contents: x}}", "overrides.rpm.contents"),
        ("deb: [x]", "deb"),
        ("deb: {triggers: [x]}", "deb.triggers"),
        ("deb: {fields: [a]}", "deb.fields"),
        ("deb: {scripts: x}", "deb.scripts"),
        ("deb: {signature: y}", "deb.signature"),
        ("rpm: x", "rpm"),
        ("rpm: {scripts: x}", "rpm.scripts"),
        ("rpm: {requires: [a]}", "rpm.requires"),
        ("rpm: {triggers: x}", "rpm.triggers"),
        ("rpm: {triggers: [x]}", "rpm.triggers[0]"),
        ("rpm: {triggers: [{type: in, script: file, conditions: [a], x: y}]}", "rpm.triggers[0].x"),
    ] {
        let (_, said) = translated(yaml, folder.path());
        assert!(said.contains(&format!("`{of}` is not taken over: it is ")), "{yaml}: {said}");
    }
    let nothing = "name: ~\nversion_schema: ~\ndescription: ~\nscripts: ~\ncontents: ~\noverrides: {deb: ~, rpm: {rpm: ~}}\n\
                   deb: {triggers: ~, fields: ~, scripts: ~, signature: ~}\nrpm: {requires: ~, triggers: [~]}\n";
    let empty = translated("name: ~", folder.path());
    assert_eq!(translated(nothing, folder.path()), empty);
}

#[test]
fn values_are_read_as_nfpm_reads_them() {
    let folder = folder();
    for (yaml, wanted) in [
        ("disable_globbing: True", "disable_globbing = true"),
        ("disable_globbing: off", "disable_globbing = false"),
        ("contents: [{src: file, dst: '/x${A}', expand: yes}]", "dst = \"/x${A:-}\"\nexpand = true"),
        ("contents: [{src: file, dst: /a, expand: N}]", "dst = \"/a\"\n"),
        ("contents: [{src: file, dst: /a, file_info: {mode: 0100600}}]", "mode = 0o600"),
        ("contents: [{src: file, dst: /a, file_info: {mode: 0x1ed}}]", "mode = 0o755"),
        ("deb: {compression: 'gzip:-1'}", "compression = \"gzip\""),
        ("a: &a {src: file, dst: /a}\ncontents: [{<<: *a, dst: /b}]", "src = \"file\"\ndst = \"/b\""),
        ("disable_globbing: true\ncontents: [{src: 'a[1]', dst: /a}]", "src = \"a[1]\""),
    ] {
        fs::write(folder.path().join("a[1]"), "").unwrap();
        let (text, said) = translated(yaml, folder.path());
        assert!(text.contains(wanted), "{yaml}: {text}");
        assert!(said.is_empty() || yaml.starts_with("a:"), "{yaml}: {said}");
    }
    for yaml in [
        "umask: 0",
        "contents: [{src: file, dst: /a, file_info: {mode: 0}}]",
        "deb: {signature: {method: debsign}}",
    ] {
        let (text, said) = translated(yaml, folder.path());
        assert!(!text.contains("mode") && !text.contains("umask") && said.is_empty(), "{yaml}: {text}{said}");
    }
}

#[test]
fn modes_that_explant_does_not_keep_are_written_or_told() {
    let folder = folder();
    let tree = folder.path().join("tree");
    fs::create_dir(&tree).unwrap();
    with_mode(&tree, 0o755);
    for (name, mode) in [("secret", 0o640), ("plain", 0o664), ("tool", 0o4755)] {
        fs::write(tree.join(name), "").unwrap();
        with_mode(&tree.join(name), mode);
    }
    for (yaml, wanted) in [
        ("contents: [{src: tree/secret, dst: /a}]", Some("mode = 0o640")),
        ("umask: 0o077\ncontents: [{src: tree/secret, dst: /a, type: config}]", Some("mode = 0o600")),
        ("contents: [{src: 'tree/sec*', dst: /a}]", Some("mode = 0o640")),
        ("contents: [{src: tree/tool, dst: /a}]", Some("mode = 0o4755")),
        ("contents: [{src: tree/plain, dst: /a}]", None),
        ("contents: [{src: tree/secret, dst: /a, file_info: {mode: 0644}}]", None),
    ] {
        let (text, said) = translated(yaml, folder.path());
        match wanted {
            Some(wanted) => {
                assert!(text.contains(wanted), "{yaml}: {text}");
                assert!(said.starts_with("note[nfpm-mode]: "), "{yaml}: {said}");
            }
            None => assert!(said.is_empty() && !text.contains("0o640"), "{yaml}: {text}{said}"),
        }
    }
    for yaml in ["contents: [{src: 'tree/*', dst: /a}]", "contents: [{src: tree, dst: /a, type: tree}]"] {
        let (text, said) = translated(yaml, folder.path());
        assert!(!text.contains("mode"), "{yaml}: {text}");
        assert!(said.starts_with("warning[nfpm-mode]: "), "{yaml}: {said}");
        let lines: Vec<&str> = said.lines().filter(|line| line.starts_with("    contents[0]: ")).collect();
        assert!(lines.len() == 2 && lines[0].ends_with("tree/secret (0640)"), "{yaml}: {said}");
        assert!(lines[1].ends_with("tree/tool (4755)"), "{yaml}: {said}");
    }
}

#[test]
fn what_the_package_sets_up_is_told() {
    let folder = folder();
    fs::create_dir(folder.path().join("units")).unwrap();
    fs::write(folder.path().join("units/a.timer"), "").unwrap();
    with_mode(&folder.path().join("units/a.timer"), 0o644);
    let yaml = "contents:\n- {src: file, dst: /lib/systemd/system/}\n\
                - {src: file, dst: etc/systemd/system/b.service}\n\
                - {src: units, dst: /usr/lib/systemd/system, type: tree}\n\
                - {src: file, dst: /usr/lib/sysusers.d/a.conf}\n\
                - {src: file, dst: /usr/lib/systemd/system/c@.service}\n";
    let (_, said) = translated(yaml, folder.path());
    assert!(said.starts_with("note[nfpm-units]: ") && said.contains("`enable = false`"), "{said}");
    let told: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    let wanted =
        ["/etc/systemd/system/b.service", "/usr/lib/systemd/system/a.timer", "/usr/lib/sysusers.d/a.conf"];
    assert_eq!(told, wanted);
}
