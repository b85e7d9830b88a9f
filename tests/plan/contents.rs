//! `[[contents]]`, links and changelogs.

use explant::config::Format;
use explant::plan::{Kind, Plan, Role};

use crate::fixture::{Fixture, entry, lines};

const APP: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-app-1.0";

#[test]
fn contents_links_and_a_changelog_are_added() {
    let mut f = Fixture::new();
    f.program(&format!("{APP}/bin/app"), &[]);
    f.file("../../app.service", "[Unit]").file("../../CHANGELOG.md", "# 1.0");
    let plan = f.result(APP).plan(
        "[package]\nchangelog = \"CHANGELOG.md\"\n[install.links]\n\"/sbin/mkfs.app\" = \"/usr/bin/app\"\n\
         [[contents]]\nsrc = \"app.service\"\ndst = \"/usr/lib/systemd/system/app.service\"\n\
         [[contents]]\nsrc = \"app.service\"\ndst = \"/etc/app.conf\"\ntype = \"config|noreplace\"\n\
         [[contents]]\ndst = \"/var/lib/app\"\ntype = \"dir\"\nmode = 0o700\n",
    );
    assert!(lines(&plan).contains(&"/sbin/mkfs.app -> /usr/bin/app".to_owned()), "{:?}", lines(&plan));
    assert_eq!(entry(&plan, "/etc/app.conf").role, Role::Config { noreplace: true, missingok: false });
    assert_eq!(entry(&plan, "/usr/lib/systemd/system/app.service").mode, 0o644);
    assert_eq!(entry(&plan, "/var/lib/app").mode, 0o700);
    // A text is the upstream changelog; its usual name is the Debian changelog's where the version has no release.
    assert!(lines(&plan).contains(&"/usr/share/doc/app/CHANGELOG.md.gz = ".to_owned()));
    assert_eq!(entry(&plan, "/usr/share/doc/app/changelog.gz").role, Role::Doc);
    assert_eq!(plan.package.changelog[0].notes, ["Release 1.0."]);
}

/// A folder that an .rpm lists, and whether a tarball has it.
fn owned(plan: &Plan, path: &str) -> (bool, bool) {
    let folder = entry(plan, path);
    assert!(matches!(folder.kind, Kind::Folder) && folder.is_in(Format::Deb), "{path}");
    (!folder.special.disowned, folder.is_in(Format::Tar))
}

/// rpm and tar give a folder that is there the mode and owner that the package says.
#[test]
fn folders_of_others_are_not_the_packages() {
    let mut f = Fixture::new();
    f.program(&format!("{APP}/bin/app"), &[]);
    f.file("../../app.conf", "a").file("../../tree/deep/other/file", "b").file("../../tree/own/file", "c");
    let content = |dst: &str, more: &str| format!("[[contents]]\ndst = \"{dst}\"\n{more}\n");
    let config = "src = \"app.conf\"\ntype = \"config\"";
    let bundle = [
        content("/etc/audit/rules.d/app.rules", config),
        content("/etc/app/main.conf", config),
        content("/var/run/app/x", "type = \"dir\""),
        content(
            "/opt/tree",
            "type = \"tree\"\nsrc = \"tree\"\ndisown_subtree = [\"/opt/*ee\", \"/opt/tree/deep/\"]",
        ),
        content("/var/lib/state", "type = \"tree\"\nsrc = \"tree\"\nowner = \"games\""),
    ];
    let plan = f.result(APP).plan(&bundle.concat());
    for path in ["/etc/audit", "/etc/audit/rules.d", "/var/run"] {
        assert_eq!(owned(&plan, path), (false, false), "{path}");
    }
    for path in ["/etc", "/etc/app", "/var/run/app", "/var/run/app/x", "/opt", "/opt/tree/own", "/var/lib"] {
        assert_eq!(owned(&plan, path), (true, true), "{path}");
    }
    assert_eq!(owned(&plan, "/opt/tree"), (false, true), "the tree's own folder is disowned, too");
    assert_eq!(owned(&plan, "/opt/tree/deep"), (false, true));
    assert_eq!(owned(&plan, "/opt/tree/deep/other"), (true, true));
    let state = entry(&plan, "/var/lib/state");
    assert_eq!((state.owner.as_str(), owned(&plan, "/var/lib/state")), ("games", (true, true)));
}

#[test]
fn a_tree_may_lie_at_the_root() {
    let mut f = Fixture::new();
    f.program(&format!("{APP}/bin/app"), &[]);
    f.file("../../stage/etc/app.conf", "a").file("../../stage/usr/share/app/data", "b");
    let plan =
        f.result(APP).plan("[[contents]]\nsrc = \"stage\"\ndst = \"/\"\ntype = \"tree\"\nowner = \"games\"");
    assert_eq!(entry(&plan, "/usr/share/app/data").owner, "games");
    assert_eq!(entry(&plan, "/etc/app.conf").role, Role::Data);
    assert!(plan.entries.iter().all(|entry| !entry.path.is_root()));
}
