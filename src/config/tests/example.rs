//! bundle.toml.example says what is so.

use super::*;

/// The whole message of what is refused.
fn error(text: &str) -> String {
    Config::parse(text, Path::new("bundle.toml")).unwrap_err().to_string()
}

const EXAMPLE: &str = include_str!("../../../bundle.toml.example");
const NOT_YET: &str = "# ---- Not carried out yet: explant knows these keys and refuses them by name. ----\n";

/// The example, every key set: what stands behind a single `#`.
fn uncommented(text: &str) -> String {
    // Two spaces continue a list.
    let is_prose = |line: &str| line == "#" || line.starts_with("# ") && !line.starts_with("#  ");
    text.lines()
        .filter(|line| !is_prose(line))
        .map(|line| line.strip_prefix('#').unwrap_or(line))
        .fold(String::new(), |text, line| text + line + "\n")
}

#[test]
fn the_example_as_it_is_means_the_defaults() {
    assert_eq!(parse(EXAMPLE), Config::default());
}

#[test]
fn the_example_with_every_key_set_is_read() {
    let folder = folder();
    let (carried_out, not_yet) = EXAMPLE.split_once(NOT_YET).unwrap();
    let file = folder.path().join("bundle.toml");
    fs::write(&file, uncommented(carried_out)).unwrap();
    let config = Config::load(&file).unwrap();
    assert_eq!(config.package.name.as_deref(), Some("bcachefs-tools"));
    assert_eq!(config.install.files[0].caps.as_deref(), Some("cap_net_raw+ep"));
    assert_eq!(config.contents.len(), 1);
    assert_eq!(config.package.deb.fields.len(), 1);

    // The rest is refused by name, none of it for another reason.
    let message = error(&uncommented(not_yet));
    assert!(message.contains("`test[0]` is not carried out yet"), "{message}");
}

#[test]
fn the_defaults_that_the_example_states_are_the_defaults() {
    let defaults = Package::resolve(&PackageConfig::default(), "x");
    for (key, value) in [
        ("license", &defaults.license),
        ("maintainer", &defaults.maintainer),
        ("section", &defaults.section),
        ("priority", &defaults.priority),
        ("group", &DEFAULT_GROUP.to_owned()),
    ] {
        assert!(EXAMPLE.contains(&format!("\n#{key} = \"{value}\"\n")), "{key}");
    }
}

/// The keys of a table, as serde lists them when it meets one that is none.
fn keys_of(table: &str) -> Vec<String> {
    let text = table.replace("{}", "no-such-key = 1");
    let schema: std::result::Result<Schema, _> = toml::from_str(&text);
    let Err(error) = schema else { panic!("accepted: {text}") };
    let known = error.message().split_once("expected ").unwrap().1;
    known.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_example_has_every_key() {
    let all = uncommented(EXAMPLE);
    for table in [
        "{}",
        "[package]\n{}",
        "[install]\n{}",
        "[[install.files]]\n{}",
        "[install.system]\n{}",
        "[runtime]\n{}",
        "relations.x = { {} }",
        "runtime.env.A = { {} }",
        "[references]\n{}",
        "references.rules = [{ {} }]",
        "[[contents]]\n{}",
        "[scripts]\n{}",
        "[overrides.deb]\n{}",
        "[deb]\n{}",
        "[deb.scripts]\n{}",
        "[deb.triggers]\n{}",
        "[rpm]\n{}",
        "[rpm.requires]\n{}",
        "[rpm.scripts]\n{}",
        "[[rpm.triggers]]\n{}",
        "[tarball]\n{}",
        "[run]\n{}",
        "[signature]\n{}",
        "[deb.signature]\n{}",
        "[rpm.signature]\n{}",
        "[[test]]\n{}",
    ] {
        let keys = keys_of(table);
        assert!(!keys.is_empty());
        for key in keys {
            let is_there =
                [format!("{key} = "), format!("{key}]"), format!("[{key}.")].iter().any(|k| all.contains(k));
            assert!(is_there, "{table}: {key} is not in the example");
        }
    }
}
