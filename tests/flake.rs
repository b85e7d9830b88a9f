//! flake.nix, nix/ and the examples, evaluated and built by Nix against a stand-in for nixpkgs (tests/flake).
//!
//! Wants nix-build (able to write the store), gcc and dpkg-deb.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

/// Standard output of a command, run in the project's folder, that must succeed.
fn output(command: &mut Command) -> String {
    let run = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    let errors = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{command:?}: {}\n{errors}", run.status);
    String::from_utf8(run.stdout).unwrap()
}

/// A Nix command that needs no network, no build users and no configuration of the machine's.
fn nix(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("NIX_CONFIG", "sandbox = false\nsubstituters =\nbuild-users-group =\n");
    command
}

/// The same for an attribute of tests/flake/default.nix.
fn nix_on(program: &str, attribute: &str) -> Command {
    let mut command = nix(program);
    command.args(["tests/flake", "-A", attribute, "--argstr", "explant", env!("CARGO_BIN_EXE_explant")]);
    command
}

/// The value of an attribute, as JSON.
fn evaluate(attribute: &str) -> serde_json::Value {
    let json = output(nix_on("nix-instantiate", attribute).args(["--eval", "--strict", "--json"]));
    serde_json::from_str(&json).unwrap()
}

/// Builds an attribute; the folder of artifacts.
fn build(attribute: &str) -> PathBuf {
    let path = output(nix_on("nix-build", attribute).arg("--no-out-link"));
    PathBuf::from(path.trim_end())
}

/// The names of a folder's artifacts, sorted, without those of what stands beside them.
fn artifacts(folder: &Path) -> Vec<String> {
    let entries = folder.read_dir().unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| [".deb", ".rpm", ".tar.zst"].iter().any(|ending| name.ends_with(ending)));
    names.sort();
    names
}

/// What dpkg-deb says of the only .deb in a folder; `what` is -I or -c.
fn deb(what: &str, folder: &Path) -> String {
    let names = artifacts(folder);
    let [name] = names.iter().filter(|name| name.ends_with(".deb")).collect::<Vec<_>>()[..] else {
        panic!("not one .deb: {names:?}")
    };
    output(Command::new("dpkg-deb").arg(what).arg(folder.join(name)))
}

#[test]
fn every_nix_file_parses() {
    let files =
        output(Command::new("find").args(["flake.nix", "nix", "examples", "tests", "-name", "*.nix"]));
    assert!(files.lines().count() >= 6, "{files}");
    for file in files.lines() {
        output(nix("nix-instantiate").args(["--parse", file]));
    }
}

#[test]
fn the_flake_has_what_nix_looks_for() {
    for outputs in ["packages", "apps", "bundlers", "checks", "devShells"] {
        let systems = evaluate(&format!("systems.{outputs}"));
        let systems = systems.as_array().unwrap();
        assert!(systems.contains(&"x86_64-linux".into()), "{outputs}: {systems:?}");
        assert!(systems.contains(&"aarch64-linux".into()), "{outputs}: {systems:?}");
    }
    assert_eq!(evaluate("names-of-bundlers"), json!(["deb", "default", "rpm", "tarball"]));
    assert_eq!(
        evaluate("outputs.packages.x86_64-linux.explant.name"),
        concat!("explant-", env!("CARGO_PKG_VERSION"))
    );
    // A system that is not this machine's.
    assert_eq!(evaluate("outputs.packages.aarch64-linux.explant.system"), "aarch64-linux");
}

#[test]
fn the_deb_bundler_makes_a_deb_that_needs_no_store_path() {
    let folder = build("deb");
    assert_eq!(artifacts(&folder).len(), 1);

    let control = deb("-I", &folder);
    assert!(control.contains("Package: hello\n"), "{control}");
    assert!(control.contains("Version: 1.0\n"), "{control}");
    let contents = deb("-c", &folder);
    assert!(contents.contains(" ./usr/bin/hello"), "{contents}");
    assert!(contents.contains("libgreet.so.1"), "{contents}");

    let references = output(nix("nix-store").args(["-q", "--references"]).arg(&folder));
    assert_eq!(references, "", "the artifacts keep store paths alive");
}

#[test]
fn each_bundler_makes_its_format() {
    for (bundler, endings) in [
        ("rpm", &[".rpm"][..]),
        ("tarball", &[".tar.zst"]),
        ("all", &[".tar.zst", ".rpm", ".deb"]),
        ("check", &[".tar.zst", ".rpm", ".deb"]),
    ] {
        let names = artifacts(&build(bundler));
        assert_eq!(names.len(), endings.len(), "{bundler}: {names:?}");
        for ending in endings {
            assert!(names.iter().any(|name| name.ends_with(ending)), "{bundler}: {names:?}");
        }
    }
}

/// `nix bundle .#hello` hands over apps.<system>.hello where there is one.
#[test]
fn an_app_is_bundled_as_the_store_path_of_its_program() {
    assert_eq!(evaluate("app.arguments"), evaluate("deb.arguments"));
    assert_eq!(evaluate("app.name"), "explant-hello-1.0");
}

#[test]
fn bundle_toml_and_the_files_beside_it_reach_explant() {
    let folder = build("configured");
    assert_eq!(artifacts(&folder).len(), 3);
    assert!(folder.to_str().unwrap().ends_with("-greeter"));

    let control = deb("-I", &folder);
    assert!(control.contains("Description: Greets the world in three languages\n"), "{control}");
    let contents = deb("-c", &folder);
    assert!(contents.contains(" ./usr/bin/greet"), "{contents}");

    let arguments = evaluate("configured.arguments");
    let config = arguments.as_array().unwrap().last().unwrap().as_str().unwrap();
    assert!(Path::new(config).with_file_name("README.md").exists(), "{config}");
}

#[test]
fn several_outputs_and_several_results_make_one_package() {
    for bundle in ["installed-outputs", "several"] {
        let contents = deb("-c", &build(bundle));
        assert!(contents.contains(" ./usr/bin/hello"), "{bundle}: {contents}");
        assert!(contents.contains(" ./usr/share/doc/hello/README"), "{bundle}: {contents}");
    }
}

#[test]
fn without_flakes_the_same_is_built() {
    assert_eq!(evaluate("without-flake.drvPath"), evaluate("deb.drvPath"));
}

#[test]
fn the_flake_of_the_bcachefs_example_evaluates() {
    let arguments = evaluate("bcachefs-tools.arguments").to_string();
    assert!(arguments.contains("/bundle.toml\""), "{arguments}");
}

/// Whatever the result: every key is known, and carried out.
#[test]
fn every_bundle_toml_of_the_examples_can_be_planned() {
    let hello = output(nix("nix-build").args(["--no-out-link", "examples/hello"]));
    for example in ["hello", "bcachefs-tools", "tarball", "ci-release"] {
        let config = format!("examples/{example}/bundle.toml");
        output(Command::new(env!("CARGO_BIN_EXE_explant")).args(["plan", hello.trim_end(), "-c", &config]));
    }
}
