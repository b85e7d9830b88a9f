//! What a package does for the system that it is installed on.

use explant::plan::system::{Scope, System};

use crate::fixture::{Fixture, GLIBC, body, codes, entry, lines};

const APP: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-app-1.0";

/// An app with what systemd looks for.
fn app() -> Fixture {
    let mut f = Fixture::new();
    f.program(&format!("{APP}/bin/app"), &[]);
    f.file(
        &format!("{APP}/lib/systemd/system/app.service"),
        "[Service]\n[Install]\nWantedBy=multi-user.target\n",
    );
    f.file(&format!("{APP}/lib/systemd/system/app@.service"), "[Service]\n[Install]\n");
    f.file(&format!("{APP}/lib/systemd/system/app.service.d/x.conf"), "[Install]\n");
    f.file(&format!("{APP}/lib/systemd/user/agent.socket"), "[Socket]\n");
    f.file(&format!("{APP}/lib/sysusers.d/app.conf"), "# the daemon's\nu app - \"App\"\n");
    f.file(&format!("{APP}/lib/tmpfiles.d/app.conf"), "d /run/app 0755 app app\n");
    f.result(APP);
    f
}

#[test]
fn units_accounts_and_temporary_files_are_found() {
    let system = app().plan("").system.deb;
    let units: Vec<_> =
        system.units.iter().map(|unit| (unit.scope, unit.name.as_str(), unit.is_installable)).collect();
    assert_eq!(units, [(Scope::System, "app.service", true), (Scope::User, "agent.socket", false)]);
    let files: Vec<_> = system.accounts.iter().map(|file| (file.path.to_string(), &file.lines[..])).collect();
    assert_eq!(files, [("/usr/lib/sysusers.d/app.conf".into(), &["u app - \"App\"".to_owned()][..])]);
    assert_eq!(system.tmpfiles, ["app.conf"]);
}

#[test]
fn they_are_left_alone_where_they_are_switched_off() {
    let system =
        app().plan("[install.system]\nsysusers = false\ntmpfiles = false\nstart = false\n").system.deb;
    assert!(system.accounts.is_empty() && system.tmpfiles.is_empty());
    assert!(!system.wanted.start && system.wanted.enable);
}

#[test]
fn a_unit_of_the_users_counts_too() {
    let mut f = Fixture::new();
    f.program(&format!("{APP}/bin/app"), &[]);
    let unit = f.disk("unit");
    std::fs::write(&unit, "[Install]\n").unwrap();
    let content =
        format!("[[contents]]\nsrc = \"{}\"\ndst = \"/lib/systemd/system/more.timer\"\n", unit.display());
    let plan = f.result(APP).plan(&content);
    assert_eq!(
        plan.system.deb.units.iter().map(|unit| unit.name.as_str()).collect::<Vec<_>>(),
        ["more.timer"]
    );
}

#[test]
fn a_unit_of_one_format_is_none_of_the_others() {
    let mut f = Fixture::new();
    f.program(&format!("{APP}/bin/app"), &[]);
    let unit = f.disk("unit");
    std::fs::write(&unit, "[Install]\n").unwrap();
    let content = |packager: &str| {
        format!(
            "[[contents]]\nsrc = \"{}\"\ndst = \"/usr/lib/systemd/system/{packager}.service\"\npackager = \"{packager}\"\n",
            unit.display()
        )
    };
    let system = f.result(APP).plan(&(content("deb") + &content("rpm"))).system;
    let names = |system: &System| system.units.iter().map(|unit| unit.name.clone()).collect::<Vec<_>>();
    assert_eq!(
        (names(&system.deb), names(&system.rpm)),
        (vec!["deb.service".into()], vec!["rpm.service".into()])
    );
}

#[test]
fn the_plan_tells_what_is_set_up() {
    let f = app();
    f.program(&format!("{APP}/bin/mkfs.app"), &[]);
    let plan = f.plan("[install.system]\nstart = false\n");
    let text = explant::plan::table::text(&plan);
    let told = text.split("set up on the target (5)\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let told: Vec<Vec<&str>> = told.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(
        told.iter().map(|words| words.join(" ")).collect::<Vec<_>>(),
        [
            "/usr/lib/sysusers.d/app.conf users and groups",
            "agent.socket user unit restarted by an upgrade",
            "app.conf temporary files",
            "app.service system unit enabled, restarted by an upgrade",
            "initramfs hooks initramfs-tools, dracut",
        ]
    );
    let json = explant::plan::table::json(&plan);
    assert_eq!(json["set-up"][0]["formats"], serde_json::json!([".deb", ".rpm"]));
}

/// What a hook copies.
fn copied(plan: &explant::plan::Plan, hook: &str) -> Vec<String> {
    let text = String::from_utf8(body(plan, hook)).unwrap();
    assert!(
        !["@HOST@", "@CHECK@", "@MODULES@", "@PACKAGE@"].iter().any(|name| text.contains(name)),
        "{text}"
    );
    let files = text.split("'EXPLANT_FILES'\n").nth(1).unwrap().split("EXPLANT_FILES").next().unwrap();
    files.lines().map(str::to_owned).collect()
}

#[test]
fn a_file_systems_tools_go_into_the_initramfs_with_all_that_they_need() {
    const ONE: &str = "11111111111111111111111111111111-one-1.0";
    let mut f = Fixture::new();
    f.library(&format!("{ONE}/lib/libone.so.1"), &[]).library(&format!("{ONE}/lib/libtwo.so.1"), &[]);
    f.program(&format!("{APP}/bin/xfs"), &[&format!("{ONE}/lib/libone.so.1")]);
    f.program(&format!("{APP}/bin/other"), &[&format!("{ONE}/lib/libtwo.so.1")]);
    f.link(&format!("{APP}/bin/mkfs.xfs"), "xfs");
    f.script(&format!("{APP}/bin/fsck.xfs"), "#!/bin/sh\n");
    f.script(&format!("{APP}/bin/mount.xfs"), "#!/nix/store/00000000000000000000000000000000-bash/bin/sh\n");
    let plan = f.result(APP).plan("");
    let wanted = [
        "/usr/bin/fsck.xfs",
        "/usr/bin/mkfs.xfs",
        "/usr/bin/xfs",
        "/usr/lib/app/ld-linux-x86-64.so.2",
        "/usr/lib/app/libc.so.6",
        "/usr/lib/app/libone.so.1",
    ];
    assert!(plan.system.deb.initramfs);
    assert_eq!(copied(&plan, "/usr/share/initramfs-tools/hooks/app"), wanted);
    assert_eq!(copied(&plan, "/usr/lib/dracut/modules.d/90app/module-setup.sh"), wanted);
    assert!(codes(&plan).contains(&"initramfs-script"), "{:?}", codes(&plan));

    let none = f.plan("[install.system]\ninitramfs = []\n");
    assert!(
        !none.system.deb.initramfs
            && !none.entries.iter().any(|entry| entry.path.to_string().contains("dracut"))
    );
}

#[test]
fn what_else_goes_there_is_named() {
    let mut f = Fixture::new();
    f.program(&format!("{APP}/bin/app"), &[]).file(&format!("{APP}/etc/app.conf"), "");
    let plan = f.result(APP).plan("[install.system]\ninitramfs = [\"bin/app\", \"/etc/app.conf\"]\n");
    let files = copied(&plan, "/usr/share/initramfs-tools/hooks/app");
    assert_eq!(files[..2], ["/etc/app.conf", "/usr/bin/app"]);

    let error = f.try_plan("[install.system]\ninitramfs = [\"bin/ap\"]\n").unwrap_err();
    assert!(error.to_string().contains("/usr/bin/ap"), "{error}");
    assert_eq!(error.exit_status(), 2);
}

#[test]
fn on_the_hosts_glibc_its_libraries_are_its_own_affair() {
    let mut f = Fixture::new();
    f.program(&format!("{APP}/bin/fsck.x"), &[]).file(&format!("{GLIBC}/lib/unused"), "");
    let plan = f.result(APP).plan("[runtime]\nglibc = \"host\"\ntargets = [\"debian-12\"]\n");
    let hook = String::from_utf8(body(&plan, "/usr/share/initramfs-tools/hooks/app")).unwrap();
    assert!(hook.ends_with("EXPLANT_FILES\ncopy_exec '/usr/bin/fsck.x'\n"), "{hook}");
    assert!(codes(&plan).contains(&"initramfs-host-libraries"));
}

#[test]
fn manual_pages_are_compressed_and_links_to_them_renamed() {
    let mut f = Fixture::new();
    f.program(&format!("{APP}/bin/app"), &[])
        .file(&format!("{APP}/share/man/man1/app.1"), "a page\n".repeat(99));
    f.link(&format!("{APP}/share/man/man1/b.1"), "app.1").link(&format!("{APP}/share/man/man1/c.1"), "b.1");
    f.link(&format!("{APP}/share/doc/app/app.txt"), "../../man/man1/app.1");
    f.file(&format!("{APP}/share/man/man8/packed.8.gz"), b"\x1f\x8b");
    let plan = f.result(APP).plan("");
    let man: Vec<String> = lines(&plan).into_iter().filter(|line| line.contains("man")).collect();
    assert_eq!(
        man,
        [
            "/usr/share/doc/app/app.txt -> ../../man/man1/app.1.gz",
            "/usr/share/man/man1/app.1.gz = app-1.0/share/man/man1/app.1",
            "/usr/share/man/man1/b.1.gz -> app.1.gz",
            "/usr/share/man/man1/c.1.gz -> b.1.gz",
            "/usr/share/man/man8/packed.8.gz = app-1.0/share/man/man8/packed.8.gz",
        ]
    );
    let packed = body(&plan, "/usr/share/man/man1/app.1.gz");
    // gzip -9n: no time, no name, "maximum compression".
    assert_eq!(packed[..9], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2]);
    assert_eq!(entry(&plan, "/usr/share/man/man1/app.1.gz").mode, 0o644);
}

#[test]
fn completions_are_found_by_debians_zsh_and_by_others() {
    let mut f = Fixture::new();
    f.program(&format!("{APP}/bin/app"), &[])
        .file(&format!("{APP}/share/zsh/site-functions/_app"), "#compdef app\n");
    f.results.push(APP);
    let zsh = |bundle: &str| {
        let found: Vec<String> =
            lines(&f.plan(bundle)).into_iter().filter(|line| line.contains("zsh")).collect();
        found
    };
    let link = "/usr/share/zsh/vendor-completions/_app -> ../site-functions/_app";
    let file = "/usr/share/zsh/site-functions/_app = app-1.0/share/zsh/site-functions/_app";
    assert_eq!(zsh(""), [file, link]);
    assert_eq!(zsh("[install]\nprefix = \"/opt/acme\"\n"), [file, link]);
    assert_eq!(
        zsh("[install]\nprefix = \"/opt/acme\"\nsystem = { integrate = false }\n"),
        ["/opt/acme/share/zsh/site-functions/_app = app-1.0/share/zsh/site-functions/_app"]
    );
}

#[test]
fn a_unit_of_a_package_in_opt_is_found() {
    let plan = app().plan("[install]\nprefix = \"/opt/acme\"\n");
    assert_eq!(plan.system.deb.units.len(), 2);
    assert!(lines(&plan).iter().any(|line| line.starts_with("/usr/lib/systemd/system/app.service = ")));
}

#[test]
fn what_lintian_says_is_overridden_where_it_is_so() {
    let mut f = Fixture::new();
    f.program(&format!("{APP}/bin/app"), &[]).file(&format!("{APP}/share/man/man1/other.1"), "");
    f.results.push(APP);
    let overrides =
        |bundle: &str| String::from_utf8(body(&f.plan(bundle), "/usr/share/lintian/overrides/app")).unwrap();
    let usr = overrides("");
    assert!(
        usr.contains("app: embedded-library\n") && usr.contains("app: no-manual-page [usr/bin/app]\n"),
        "{usr}"
    );
    assert!(!usr.contains("in-opt") && !usr.contains('@'), "{usr}");
    assert!(overrides("[install]\nprefix = \"/opt/x\"\n").contains("app: dir-or-file-in-opt\n"));
}

/// lintian asks for the distribution's interpreters, by their names; the bundle's own is meant only where it is the bundle's own.
#[test]
fn scripts_of_the_bundles_interpreter_need_none_of_the_distribution() {
    const PHP: &str = "pppppppppppppppppppppppppppppppp-php-8.4";
    let mut f = Fixture::new();
    f.program(&format!("{PHP}/bin/php"), &[]).program(&format!("{APP}/bin/app"), &[]);
    f.script(&format!("{APP}/share/app/run"), &format!("#!/nix/store/{PHP}/bin/php\n"));
    f.results.push(APP);
    let plan = f.plan("");
    let overrides = String::from_utf8(body(&plan, "/usr/share/lintian/overrides/app")).unwrap();
    assert!(overrides.contains("app: php-script-but-no-php-cli-dep /usr/lib/app/*\n"), "{overrides}");
    assert!(!overrides.contains('@'), "{overrides}");
    assert!(
        lines(&plan)
            .iter()
            .any(|line| line.starts_with("/usr/lib/app/") && line.contains("-php-8.4/bin/php"))
    );
}
