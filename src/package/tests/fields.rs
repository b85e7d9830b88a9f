//! What nfpm's fields become, read by dpkg and rpm.

use super::*;
use crate::config::changelog::Release;
use crate::config::{DebTrigger, Formats, RelationKind, RpmTrigger, TriggerKind, TriggerScope};

const BOTH: [(Format, Compression); 3] = [(Format::Deb, ZSTD), (Format::Rpm, ZSTD), (Format::Tar, ZSTD)];

fn query(written: &Written, format: &str) -> String {
    run_text("rpm", &["-qp", "--qf", format, written.path(".rpm").to_str().unwrap()])
}

fn control(written: &Written, name: &str) -> String {
    run_text("dpkg-deb", &["-I", written.path(".deb").to_str().unwrap(), name])
}

fn field(written: &Written, name: &str) -> String {
    run_text("dpkg-deb", &["-f", written.path(".deb").to_str().unwrap(), name]).trim_end().to_owned()
}

fn apart(entry: Entry, format: Format) -> Entry {
    Entry { special: Special { formats: Formats::only(format), ..entry.special }, ..entry }
}

#[test]
fn each_artifact_has_its_own_files() {
    let mut plan = plan(vec![
        file("/opt/x/all", "all"),
        apart(file("/opt/x/apart", "the .deb's"), Format::Deb),
        apart(config("/etc/only.conf"), Format::Rpm),
    ]);
    plan.entries.push(apart(file("/opt/x/apart", "the tarball's"), Format::Tar));
    plan.entries.sort_by(|a, b| a.path.cmp(&b.path));
    let written = build(&plan, &BOTH);
    let deb = written.path(".deb").to_str().unwrap();
    let in_deb = run_text("sh", &["-c", &format!("dpkg-deb --fsys-tarfile {deb} | tar -xO ./opt/x/apart")]);
    assert_eq!(in_deb, "the .deb's");
    let tarball = written.path(".tar").to_str().unwrap();
    assert_eq!(run_text("tar", &["-xOf", tarball, "./opt/x/apart"]), "the tarball's");
    assert_eq!(
        query(&written, "[%{filenames}\n]"),
        "/etc/only.conf\n/opt/x\n/opt/x/all\n",
        "/opt/x/apart is in the others"
    );
    assert!(!control(&written, "md5sums").contains("only.conf"));
    assert!(!run_text("dpkg-deb", &["-c", deb]).contains("only.conf"));
    run("rpm", &["-K", written.path(".rpm").to_str().unwrap()]);
}

#[test]
fn times_languages_and_folders_of_others_are_told() {
    let special = |special: Special, entry: Entry| Entry { special, ..entry };
    let plan = plan(vec![
        special(Special { mtime: Some(1_257_894_000), ..Special::default() }, file("/opt/x/old", "")),
        special(Special { lang: Some("de".into()), ..Special::default() }, file("/opt/x/de", "")),
        special(
            Special { disowned: true, ..Special::default() },
            entry("/opt/x", Kind::Folder, 0o755, Role::Folder),
        ),
    ]);
    let written = build(&plan, &BOTH);
    assert_eq!(
        query(&written, "[%{filenames} %{filemtimes} %{filelangs}\n]"),
        format!("/opt/x/de {MTIME} de\n/opt/x/old 1257894000 \n")
    );
    let deb = written.path(".deb").to_str().unwrap();
    let listed = run_text("dpkg-deb", &["-c", deb]);
    assert!(
        listed.lines().any(|line| line.contains("2009-11-10") && line.ends_with("./opt/x/old")),
        "{listed}"
    );
    // dpkg makes no folders by itself.
    assert!(listed.lines().any(|line| line.ends_with("./opt/x/")), "{listed}");
    let root = tempfile::tempdir().unwrap();
    let arguments = ["--root", root.path().to_str().unwrap(), "--nodeps", "--force-debian", "-i"];
    run("rpm", &[&arguments[..], &[written.path(".rpm").to_str().unwrap()]].concat());
    assert_eq!(std::fs::metadata(root.path().join("opt/x/old")).unwrap().modified().unwrap(), {
        std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_257_894_000)
    });
}

#[test]
fn the_deb_has_debians_own() {
    let mut plan = plan(vec![file("/opt/a", "")]);
    let package = &mut plan.package;
    package.deb.arch = Some("loong64".into());
    package.deb.arch_variant = Some("la64v1".into());
    package.deb.breaks = vec!["old (<< 2)".into()];
    package.deb.predepends = vec!["dpkg (>= 1.17) | other".into()];
    package.deb.relations.suggests = vec!["more".into()];
    package.deb.overrides.insert(RelationKind::Depends, vec!["mine".into()]);
    package.relations.depends = vec!["everybodys".into()];
    package.deb.triggers = vec![
        DebTrigger { directive: "interest-noawait", name: "/usr/share/x".into() },
        DebTrigger { directive: "activate", name: "update-x".into() },
    ];
    package.scripts.common.postinstall = Some("echo all\n".into());
    package.scripts.deb.own.postinstall = Some("echo deb\n".into());
    package.scripts.deb.config = Some("#!/bin/sh\n".into());
    package.scripts.deb.templates = Some("Template: x/y\nType: boolean\nDescription: z\n".into());
    let written = build(&plan, &BOTH);
    for (name, wanted) in [
        ("Architecture", "loong64"),
        ("Architecture-Variant", "la64v1"),
        ("Pre-Depends", "dpkg (>= 1.17) | other"),
        ("Depends", "mine"),
        ("Suggests", "more"),
        ("Breaks", "old (<< 2)"),
    ] {
        assert_eq!(field(&written, name), wanted, "{name}");
    }
    assert!(written.path(".deb").ends_with("acme-tool_1.2+rc3_loong64.deb"));
    assert_eq!(control(&written, "triggers"), "interest-noawait /usr/share/x\nactivate update-x\n");
    assert_eq!(control(&written, "postinst"), "#!/bin/sh\necho deb\n");
    assert_eq!(control(&written, "templates"), "Template: x/y\nType: boolean\nDescription: z\n");
    let deb = written.path(".deb").to_str().unwrap();
    let listing = run_text("sh", &["-c", &format!("dpkg-deb --ctrl-tarfile '{deb}' | tar -tv")]);
    let mode = |name: &str| listing.lines().find(|line| line.ends_with(name)).unwrap()[..10].to_owned();
    assert_eq!((mode("./config"), mode("./templates")), ("-rwxr-xr-x".into(), "-rw-r--r--".into()));
    assert_eq!(query(&written, "%{postin}"), "echo all\n");
    assert!(query(&written, "[%{requirename}\n]").contains("everybodys\n"));
}

#[test]
fn the_rpm_has_rpms_own() {
    let mut plan = plan(vec![file("/opt/a", "")]);
    let package = &mut plan.package;
    package.rpm.arch = Some("x86_64_v3".into());
    package.rpm.summary = Some("Another".into());
    package.rpm.packager = Some("Builder <b@example.org>".into());
    package.rpm.buildhost = Some("builder".into());
    package.rpm.prefixes = vec![InstallPath::new("/opt").unwrap()];
    package.rpm.relations.conflicts = vec!["foe".into()];
    let script = |text: &str| Some(format!("#!/bin/sh\n: {text}\n"));
    package.scripts.rpm.pretrans = Some("#!<lua>\nprint('hello')\n".into());
    package.scripts.rpm.posttrans = script("posttrans");
    package.scripts.rpm.preuntrans = script("preuntrans");
    package.scripts.rpm.postuntrans = script("postuntrans");
    package.scripts.rpm.verify = script("verify");
    package.scripts.rpm.triggers = vec![
        RpmTrigger {
            kind: TriggerKind::In,
            scope: TriggerScope::Package,
            script: "#!/bin/bash\n: in\n".into(),
            conditions: vec!["one".into(), "two (>= 2)".into()],
        },
        RpmTrigger {
            kind: TriggerKind::Postun,
            scope: TriggerScope::Package,
            script: "#!/bin/sh\n: gone\n".into(),
            conditions: vec!["one".into()],
        },
    ];
    let written = build(&plan, &BOTH);
    for (format, wanted) in [
        (
            "%{arch} %{summary} %{packager} %{buildhost} [%{prefixes}]",
            "x86_64_v3 Another Builder <b@example.org> builder /opt",
        ),
        ("%{pretrans}%{pretransprog}", "print('hello')\n<lua>"),
        ("%{posttrans}%{posttransprog}", "#!/bin/sh\n: posttrans\n/bin/sh"),
        ("%{verifyscript}%{verifyscriptprog}", "#!/bin/sh\n: verify\n/bin/sh"),
        ("[%{conflictnevrs}\n]", "foe\n"),
        (
            "[%{triggertype} %{triggerconds}: %{triggerscriptprog} %{triggerscripts}]",
            "in one, two >= 2: /bin/bash #!/bin/bash\n: in\npostun one: /bin/sh #!/bin/sh\n: gone\n",
        ),
    ] {
        assert_eq!(query(&written, format), wanted, "{format}");
    }
    let needs = query(&written, "[%{requirenevrs} %{requireflags:deptype}\n]");
    for line in
        ["rpmlib(BuiltinLuaScripts) <= 4.2.2-1 rpmlib", "/bin/sh interp,posttrans", "/bin/sh verify,interp"]
    {
        assert!(needs.lines().any(|l| l == line), "{line}: {needs}");
    }
    let package = ::rpm::Package::open(written.path(".rpm")).unwrap();
    for (found, wanted) in [
        (package.metadata.get_pre_untrans_script(), ": preuntrans\n"),
        (package.metadata.get_post_untrans_script(), ": postuntrans\n"),
    ] {
        assert!(found.unwrap().script.ends_with(wanted));
    }
    // It can be moved, and the scriptlets run.
    let root = tempfile::tempdir().unwrap();
    let arguments = [
        "--root",
        root.path().to_str().unwrap(),
        "--nodeps",
        "--noscripts",
        "--force-debian",
        "--ignorearch",
    ];
    let out = output(
        "rpm",
        &[&arguments[..], &["-i", "--relocate", "/opt=/srv", written.path(".rpm").to_str().unwrap()]]
            .concat(),
    );
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(root.path().join("srv/a").exists());
}

#[test]
fn a_summary_of_the_rpms_own_takes_nothing_from_its_description() {
    let of = |summary: &str, description: &str, own: &str| {
        let mut plan = plan(vec![file("/opt/a", "")]);
        (plan.package.summary, plan.package.description) = (summary.into(), description.into());
        plan.package.rpm.summary = Some(own.into());
        query(&build(&plan, &BOTH), "%{summary}|%{description}")
    };
    assert_eq!(of("Only one line", "", "Other"), "Other|Only one line");
    assert_eq!(of("First", "  second\nthird\n", "Other"), "Other|First\n  second\nthird");
    assert_eq!(of("Same", "More", "Same"), "Same|More");
    // What explant says where nobody says anything is left out.
    assert_eq!(of("Acme_Tool, built with Nix", "More", "Other"), "Other|More");
}

#[test]
fn who_has_no_mail_address_keeps_the_name() {
    let mut plan = plan(vec![file("/opt/a", "")]);
    plan.package.maintainer = "Acme <https://acme.example>".into();
    let written = build(&plan, &BOTH);
    assert_eq!(field(&written, "Maintainer"), "Acme <unknown@explant.invalid>");
    assert_eq!(query(&written, "%{packager}"), "Acme <https://acme.example>");
}

#[test]
fn versions_and_releases_begin_as_the_user_says() {
    let mut plan = plan(vec![file("/opt/a", "")]);
    (plan.package.version, plan.package.release) = ("abc".into(), Some("r1".into()));
    let written = build(&plan, &BOTH);
    assert_eq!(query(&written, "%{evr}"), "abc-r1");
    assert!(query(&written, "[%{providenevrs}\n]").contains("Acme_Tool = abc-r1\n"));
    assert_eq!(field(&written, "Version"), "0~abc-r1");
    assert!(written.path(".deb").ends_with("acme-tool_0~abc-r1_amd64.deb"));
}

#[test]
fn the_changelog_is_rpms() {
    let mut plan = plan(vec![file("/opt/a", "")]);
    let release = |version: &str, seconds, note: &str| Release {
        version: version.into(),
        seconds,
        author: "Jane Doe <jane@example.org>".into(),
        distribution: "unstable".into(),
        urgency: "medium".into(),
        notes: vec![note.into(), "more\n  lines".into()],
    };
    plan.package.epoch = 2;
    plan.package.changelog =
        vec![release("1.2-rc3", 1_257_854_400, "new"), release("1.1", 1_257_768_000, "old")];
    let written = build(&plan, &BOTH);
    assert_eq!(
        run_text("rpm", &["-qp", "--changelog", written.path(".rpm").to_str().unwrap()]),
        "* Tue Nov 10 2009 Jane Doe <jane@example.org> - 2:1.2+rc3-1\n- new\n- more\n  lines\n\n\
         * Mon Nov 09 2009 Jane Doe <jane@example.org> - 1.1\n- old\n- more\n  lines\n\n"
    );
}

/// rpm runs them: on a package that has files below a path, before and after, by package and by transaction.
#[test]
fn triggers_on_files_run() {
    let root = tempfile::tempdir().unwrap();
    let trigger = |kind, scope, word: &str| RpmTrigger {
        kind,
        scope,
        // It gets the names of the files.
        script: format!(
            "#!<lua>\nlocal f = io.open('/log', 'a')\nf:write('{word} ' .. rpm.next_file() .. '\\n')\nf:close()\n"
        ),
        conditions: vec!["/opt/plugins".into()],
    };
    let mut host = plan(vec![file("/opt/host", "")]);
    host.package.scripts.rpm.triggers = vec![
        trigger(TriggerKind::In, TriggerScope::Files, "in"),
        trigger(TriggerKind::Postun, TriggerScope::Files, "postun"),
        trigger(TriggerKind::In, TriggerScope::Transaction, "transaction"),
    ];
    let mut plugin = plan(vec![file("/opt/plugins/one", "")]);
    plugin.package.name = "plugin".into();
    let [host, plugin] = [host, plugin].map(|plan| build(&plan, &[(Format::Rpm, ZSTD)]));
    let listed = run_text("rpm", &["-qp", "--filetriggers", host.path(".rpm").to_str().unwrap()]);
    for line in [
        "filetriggerin scriptlet (using <lua>) -- /opt/plugins",
        "transfiletriggerin scriptlet (using <lua>) -- /opt/plugins",
    ] {
        assert!(listed.lines().any(|l| l == line), "{line}: {listed}");
    }
    // Lua runs in rpm itself, so no shell needs to be in the root.
    let rpm = |arguments: &[&str]| {
        let common = ["--root", root.path().to_str().unwrap(), "--nodeps", "--force-debian"];
        let out = output("rpm", &[&common[..], arguments].concat());
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    };
    rpm(&["-i", host.path(".rpm").to_str().unwrap()]);
    rpm(&["-i", plugin.path(".rpm").to_str().unwrap()]);
    rpm(&["-e", "plugin"]);
    let said = std::fs::read_to_string(root.path().join("log")).unwrap_or_default();
    // The folder is the first of the plugin's files.
    assert_eq!(said, "in /opt/plugins\ntransaction /opt/plugins\npostun /opt/plugins\n");
}
