//! `explant init`, and that who comes from nfpm gets the packages that nfpm made: nfpm 2.48 is asked.

mod peer;
mod workshop;

use std::path::Path;

use explant::config::Config;
use workshop::Workshop;

#[test]
fn a_result_gets_a_bundle_toml_that_says_the_defaults() {
    let shop = Workshop::new();
    let said = shop.explant(&["init", shop.result(), "--store", shop.root()], 0);
    assert_eq!(said.stdout, "bundle.toml\n");
    let text = shop.read("bundle.toml");
    for wanted in [
        "#name = \"tool\"\n",
        "#version = \"1.0\"\n",
        "#lib-dir = \"lib/tool\"\n",
        "# Found: 1 programs\n#   /usr/bin/tool\n",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    let config = Config::load(&shop.path("bundle.toml")).unwrap();
    assert_eq!(config, Config::default());
    // Every key that is commented out is one, with the value that holds.
    let all: String = text
        .lines()
        .filter(|line| !line.starts_with("# "))
        .map(|line| line.strip_prefix('#').unwrap_or(line).to_owned() + "\n")
        .collect();
    shop.write("CHANGELOG.md", "# 1.0\n");
    Config::parse(&all, &shop.path("bundle.toml")).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn what_is_there_is_not_overwritten() {
    let shop = Workshop::new();
    shop.write("bundle.toml", "# mine\n");
    shop.write("nfpm.yaml", "name: tool\n");
    for arguments in [&["init", "--from", "nfpm.yaml"][..], &["init", shop.result(), "--store", shop.root()]]
    {
        let said = shop.explant(arguments, 1);
        assert!(
            said.stderr.contains("bundle.toml is there already") && said.stderr.contains("remedy"),
            "{}",
            said.stderr
        );
    }
    assert_eq!(shop.read("bundle.toml"), "# mine\n");
    let said = shop.explant(&["init", "--from", "nfpm.yaml", "-c", "other.toml"], 0);
    assert_eq!(said.stdout, "other.toml\n");
    assert!(shop.read("other.toml").contains("name = \"tool\""));
}

#[test]
fn a_wrong_nfpm_yaml_is_refused_and_nothing_written() {
    let shop = Workshop::new();
    shop.write("nfpm.yaml", "name: [\n");
    for (arguments, wanted) in [
        (&["init", "--from", "nfpm.yaml"][..], "nfpm.yaml is no YAML"),
        (&["init", "--from", "nowhere.yaml"], "cannot read nowhere.yaml"),
        (&["init", "--from", "nfpm.yaml", "-c", "/tmp/bundle.toml"], "is in another"),
    ] {
        let code = if wanted.starts_with("cannot read") { 1 } else { 2 };
        let said = shop.explant(arguments, code);
        assert!(said.stderr.contains(wanted), "{}", said.stderr);
    }
    assert!(!shop.path("bundle.toml").exists());
}

#[test]
fn what_is_not_taken_over_is_a_finding_and_a_comment() {
    let shop = Workshop::new();
    shop.write("nfpm.yaml", "name: tool\nversion: 1.2.3\napk:\n  arch: armhf\nnmae: x\n");
    let said = shop.explant(&["init", "--from", "nfpm.yaml"], 0);
    let text = shop.read("bundle.toml");
    for of in ["apk.arch", "nmae"] {
        assert!(
            said.stderr.contains(&format!("warning[nfpm-key]: `{of}` is not taken over: ")),
            "{}",
            said.stderr
        );
        assert!(text.contains(&format!("\n#   {of}: ")), "{text}");
    }
    Config::parse(&text, Path::new("bundle.toml")).unwrap();
}
