//! What a package does for the system that it is installed on.

use explant::plan::system::Scope;

use crate::fixture::Fixture;

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
    let system = app().plan("").system;
    let units: Vec<_> =
        system.units.iter().map(|unit| (unit.scope, unit.name.as_str(), unit.is_installable)).collect();
    assert_eq!(units, [(Scope::System, "app.service", true), (Scope::User, "agent.socket", false)]);
    let files: Vec<_> = system.accounts.iter().map(|file| (file.path.to_string(), &file.lines[..])).collect();
    assert_eq!(files, [("/usr/lib/sysusers.d/app.conf".into(), &["u app - \"App\"".to_owned()][..])]);
    assert_eq!(system.tmpfiles, ["app.conf"]);
}

#[test]
fn they_are_left_alone_where_they_are_switched_off() {
    let system = app().plan("[install.system]\nsysusers = false\ntmpfiles = false\nstart = false\n").system;
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
    assert_eq!(plan.system.units.iter().map(|unit| unit.name.as_str()).collect::<Vec<_>>(), ["more.timer"]);
}
