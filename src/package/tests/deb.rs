//! dpkg reads the .deb.

use super::*;

fn deb(plan: &Plan) -> Written {
    build(plan, &[(Format::Deb, ZSTD)])
}

fn field(written: &Written, name: &str) -> String {
    run_text("dpkg-deb", &["-f", written.path(".deb").to_str().unwrap(), name]).trim_end().to_owned()
}

/// A folder that dpkg takes for a system.
fn root() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for folder in ["updates", "info"] {
        std::fs::create_dir_all(root.path().join("var/lib/dpkg").join(folder)).unwrap();
    }
    for file in ["status", "available"] {
        std::fs::write(root.path().join("var/lib/dpkg").join(file), "").unwrap();
    }
    root
}

fn dpkg(root: &Path, arguments: &[&str]) -> Output {
    let root = format!("--root={}", root.display());
    let mut all =
        vec![root.as_str(), "--force-not-root", "--force-depends", "--force-bad-path", "--log=/dev/null"];
    all.extend(arguments);
    output("dpkg", &all)
}

fn assert_success(out: &Output) {
    assert!(
        out.status.success(),
        "{}{}",
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    );
}

#[test]
fn installs_verifies_and_removes() {
    let plan = everything();
    for codec in CODECS {
        let written = build(&plan, &[(Format::Deb, codec)]);
        let root = root();
        assert_success(&dpkg(root.path(), &["-i", written.path(".deb").to_str().unwrap()]));
        assert_installed(&plan, root.path());
        let verified = dpkg(root.path(), &["-V", "acme-tool"]);
        assert_success(&verified);
        assert_eq!(String::from_utf8_lossy(&verified.stdout), "", "{codec:?}");
        assert_success(&dpkg(root.path(), &["-P", "acme-tool"]));
        let left: Vec<_> = std::fs::read_dir(root.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
        assert_eq!(left, ["var"], "{codec:?}");
    }
}

#[test]
fn control_says_what_the_package_is() {
    let mut plan = everything();
    let package = &mut plan.package;
    package.epoch = 2;
    package.release = Some("1".into());
    package.relations.depends = vec!["foo >= 1.2".into(), "a1 | b1".into()];
    package.deb.relations.depends = vec!["libc6 (>= 2.34)".into()];
    package.relations.conflicts = vec!["old < 3".into()];
    package.relations.replaces = vec!["old".into()];
    package.deb.fields = vec![("Bugs".into(), "https://example.org/bugs".into())];
    let written = deb(&plan);
    assert_eq!(written.path(".deb").file_name().unwrap(), "acme-tool_1.2+rc3-1_amd64.deb");
    for (name, wanted) in [
        ("Package", "acme-tool"),
        ("Version", "2:1.2+rc3-1"),
        ("Architecture", "amd64"),
        ("Maintainer", "Jane Doe <jane@example.org>"),
        ("Depends", "foo (>= 1.2), a1 | b1, libc6 (>= 2.34)"),
        ("Recommends", ""),
        ("Conflicts", "old (<< 3)"),
        ("Replaces", "old"),
        ("Section", "utils"),
        ("Bugs", "https://example.org/bugs"),
        ("Description", "An example\n It does things.\n .\n  .hidden is what this line begins with."),
    ] {
        assert_eq!(field(&written, name), wanted, "{name}");
    }
}

#[test]
fn a_description_keeps_its_paragraphs_and_indentation() {
    let mut plan = plan(vec![file("/opt/a", "")]);
    plan.package.description = "\n  * one\n\n\n.\n  * two\n\n".into();
    assert_eq!(field(&deb(&plan), "Description"), "An example\n   * one\n .\n   * two");
}

#[test]
fn what_a_deb_cannot_say_is_refused_with_a_remedy() {
    type Spoil = fn(&mut Package);
    let spoilers: [(Spoil, &str, &str); 5] = [
        (|p| p.relations.provides = vec!["foo (>= 1)".into()], "package.provides", "write `=`"),
        (|p| p.relations.conflicts = vec!["a | b".into()], "package.conflicts", "name one of them"),
        (|p| p.relations.depends = vec!["a = 1.0-1_x".into()], "package.depends", "under [rpm]"),
        (|p| p.relations.depends = vec!["(a or b)".into()], "package.depends", "foo | bar"),
        (
            |p| p.scripts.common.postinstall = Some("#!<lua>\nprint()\n".into()),
            "scripts.postinstall",
            "[overrides.rpm.scripts]",
        ),
    ];
    for (spoil, field, remedy) in spoilers {
        let mut plan = plan(vec![file("/opt/a", "")]);
        spoil(&mut plan.package);
        let folder = tempfile::tempdir().unwrap();
        let write = |format| write_to(&plan, &[(format, ZSTD)], 1, folder.path());
        let error = write(Format::Deb).unwrap_err();
        let said = error.to_string();
        assert!(said.contains(&format!("bundle.toml: {field}")) && said.contains(remedy), "{said}");
        assert_eq!(error.exit_status(), 2);
    }
}

#[test]
fn a_script_for_rpms_lua_is_no_matter_to_a_deb_with_its_own() {
    let mut plan = plan(vec![file("/opt/a", "")]);
    plan.package.scripts.common.postinstall = Some("#!<lua>\nprint()\n".into());
    let folder = tempfile::tempdir().unwrap();
    write_to(&plan, &[(Format::Rpm, ZSTD)], 1, folder.path()).unwrap();
    plan.package.scripts.deb.own.postinstall = Some("echo\n".into());
    write_to(&plan, &[(Format::Deb, ZSTD)], 1, folder.path()).unwrap();
}

#[test]
fn installed_size_is_what_dpkg_gencontrol_computes() {
    let written = deb(&plan(vec![file("/opt/a", noise(1025)), file("/opt/b", ""), link("/opt/c", "b")]));
    // 2 KiB, 0, 1 for the link and 1 for the folder.
    assert_eq!(field(&written, "Installed-Size"), "4");
}

#[test]
fn control_fields_cannot_be_broken_out_of() {
    type Spoil = fn(&mut Package);
    let spoilers: [(&str, Spoil); 7] = [
        ("package.maintainer", |p| p.maintainer = "a\nDepends: b".into()),
        ("package.section", |p| p.section = "a\nDepends: b".into()),
        ("package.homepage", |p| p.homepage = "a\nDepends: b".into()),
        ("package.depends", |p| p.relations.depends = vec!["a\nB: c".into()]),
        ("deb.fields.X", |p| p.deb.fields = vec![("X".into(), "a\nDepends: b".into())]),
        ("deb.fields", |p| p.deb.fields = vec![("A: b\nC".into(), "d".into())]),
        ("deb.fields", |p| p.deb.fields = vec![("depends".into(), "d".into())]),
    ];
    for (named, spoil) in spoilers {
        let mut plan = plan(vec![file("/opt/a", "")]);
        spoil(&mut plan.package);
        let folder = tempfile::tempdir().unwrap();
        let error = write_to(&plan, &[(Format::Deb, ZSTD)], 1, folder.path()).unwrap_err();
        assert!(error.to_string().contains(named), "{error}");
        assert_eq!(error.exit_status(), 2);
    }
}

#[test]
fn scripts_run_and_have_an_interpreter() {
    let mut plan = plan(vec![file("/opt/a", "")]);
    plan.package.scripts.common.preinstall = Some("echo pre\n".into());
    plan.package.scripts.common.postremove = Some("#!/bin/bash\necho post\n".into());
    let written = deb(&plan);
    let deb = written.path(".deb").to_str().unwrap();
    assert_eq!(run_text("dpkg-deb", &["-I", deb, "preinst"]), "#!/bin/sh\necho pre\n");
    assert_eq!(run_text("dpkg-deb", &["-I", deb, "postrm"]), "#!/bin/bash\necho post\n");
    let listing = run_text("sh", &["-c", &format!("dpkg-deb --ctrl-tarfile '{deb}' | tar -tv")]);
    let modes: Vec<&str> = listing.lines().filter(|l| l.contains("./p")).map(|l| &l[..10]).collect();
    assert_eq!(modes, ["-rwxr-xr-x", "-rwxr-xr-x"]);
}

#[test]
fn postinst_sets_capabilities() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("a 'b' $c \\d\u{e9}");
    std::fs::write(&target, "").unwrap();
    let mut plan =
        plan(vec![Entry { caps: Some("cap_net_raw+ep".into()), ..program(target.to_str().unwrap(), 0o755) }]);
    plan.package.scripts.common.postinstall = Some("#!/bin/sh\necho the user\\'s\nexit 0\n".into());
    let written = deb(&plan);
    let script = folder.path().join("postinst");
    std::fs::write(&script, run("dpkg-deb", &["-I", written.path(".deb").to_str().unwrap(), "postinst"]))
        .unwrap();
    let script = script.to_str().unwrap();

    assert_eq!(run_text("sh", &[script, "configure"]), "the user's\n");
    let caps = run_text("getcap", &[target.to_str().unwrap()]);
    assert!(caps.contains("cap_net_raw=ep"), "{caps}");

    let without = Command::new("/bin/sh").args([script, "configure"]).env("PATH", "").output().unwrap();
    let said = String::from_utf8_lossy(&without.stderr).into_owned();
    assert!(
        without.status.success() && said.contains("libcap2-bin") && said.contains(target.to_str().unwrap()),
        "{said}"
    );
}

#[test]
fn a_script_in_another_language_cannot_set_capabilities() {
    let mut plan = plan(vec![Entry { caps: Some("cap_net_raw+ep".into()), ..program("/opt/a", 0o755) }]);
    plan.package.scripts.common.postinstall = Some("#!/usr/bin/python3\n".into());
    let folder = tempfile::tempdir().unwrap();
    let error = write_to(&plan, &[(Format::Deb, ZSTD)], 1, folder.path()).unwrap_err().to_string();
    assert!(error.contains("/usr/bin/python3"), "{error}");
}

#[test]
fn paths_in_folders_that_are_links_into_usr_are_followed() {
    let plan = plan(vec![
        link("/sbin/mkfs.acme", "../bin/acme"),
        link("/bin/acme", "/usr/bin/acme"),
        program("/usr/bin/acme", 0o755),
        file("/lib/udev/rules.d/60-acme.rules", "x"),
        link("/opt/rules", "/lib/udev/rules.d/60-acme.rules"),
        link("/opt/host", "/lib/host"),
    ]);
    let written = deb(&plan);
    let listing =
        run_text("sh", &["-c", &format!("dpkg-deb --fsys-tarfile {:?} | tar -t", written.path(".deb"))]);
    let names: Vec<&str> = listing.lines().collect();
    assert_eq!(
        names,
        [
            "./",
            "./opt/",
            "./opt/host",
            "./opt/rules",
            "./usr/",
            "./usr/bin/",
            "./usr/bin/acme",
            "./usr/lib/",
            "./usr/lib/udev/",
            "./usr/lib/udev/rules.d/",
            "./usr/lib/udev/rules.d/60-acme.rules",
            "./usr/sbin/",
            "./usr/sbin/mkfs.acme"
        ]
    );
    let root = tempfile::tempdir().unwrap();
    run("dpkg-deb", &["-x", written.path(".deb").to_str().unwrap(), root.path().to_str().unwrap()]);
    for (link, target) in [
        ("usr/sbin/mkfs.acme", "../../bin/acme"),
        ("opt/rules", "/usr/lib/udev/rules.d/60-acme.rules"),
        ("opt/host", "/lib/host"),
    ] {
        let is = std::fs::read_link(root.path().join(link)).unwrap();
        assert!(is == Path::new(target) || link.contains("mkfs"), "{link} -> {is:?}");
    }
}

#[test]
fn one_file_under_two_names_is_refused() {
    let plan = plan(vec![program("/bin/acme", 0o755), program("/usr/bin/acme", 0o755)]);
    let folder = tempfile::tempdir().unwrap();
    let error = write_to(&plan, &[(Format::Deb, ZSTD)], 1, folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("/bin/acme and /usr/bin/acme") || error.contains("/usr/bin/acme and /bin/acme"),
        "{error}"
    );
}

fn refusal(plan: &Plan) -> String {
    let folder = tempfile::tempdir().unwrap();
    write_to(plan, &[(Format::Deb, ZSTD)], 1, folder.path()).unwrap_err().to_string()
}

#[test]
fn names_that_dpkg_cannot_take_are_refused() {
    let error = refusal(&plan(vec![config("/etc/a ")]));
    assert!(error.contains("\"/etc/a \" cannot be a configuration file"), "{error}");
    let error = refusal(&plan(vec![file("/opt/two\nlines", "x")]));
    assert!(error.contains("/opt/two\\nlines cannot be in a .deb"), "{error}");
}
