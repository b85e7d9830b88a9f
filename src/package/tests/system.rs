//! The scripts of packages with units, accounts and temporary files, run with tools that say what they are asked for.

use super::*;
use crate::plan::system::{Account, AccountFile, Scope, System, Systems, Unit};

fn unit(name: &str, scope: Scope, is_installable: bool) -> Unit {
    Unit { scope, name: name.into(), is_installable }
}

fn with_units() -> Plan {
    let line = "u acme - - /var/lib/acme";
    let system = System {
        wanted: Default::default(),
        units: vec![
            unit("acme.timer", Scope::System, true),
            unit("acme.service", Scope::System, false),
            unit("acme-agent.service", Scope::User, true),
        ],
        accounts: vec![AccountFile {
            path: InstallPath::new("/usr/lib/sysusers.d/acme.conf").unwrap(),
            lines: vec![line.into()],
            accounts: vec![Account::parse(line).unwrap()],
        }],
        tmpfiles: vec!["acme.conf".into()],
        initramfs: true,
    };
    let system = Systems { deb: system.clone(), rpm: system };
    Plan { system, ..plan(vec![file("/usr/lib/systemd/system/acme.service", "")]) }
}

/// A machine whose tools print their names and arguments, and which runs systemd (or not).
struct Machine(tempfile::TempDir);

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for tool in [
            "systemctl",
            "systemd-sysusers",
            "systemd-tmpfiles",
            "deb-systemd-helper",
            "deb-systemd-invoke",
            "helper",
        ] {
            let path = folder.path().join(tool);
            std::fs::write(&path, "#!/bin/sh\necho ${0##*/} \"$@\" >&2\n").unwrap();
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        }
        Machine(folder)
    }

    /// What a script asks for; paths that a test cannot make are led here.
    fn asked(&self, script: &str, arguments: &[&str]) -> Vec<String> {
        let tools = self.0.path();
        let script = script
            .replace("/usr/bin/deb-systemd-helper", &tools.join("deb-systemd-helper").to_string_lossy())
            .replace("/usr/lib/systemd/systemd-update-helper", &tools.join("helper").to_string_lossy())
            .replace("/run/systemd/system", &tools.to_string_lossy())
            .replace(">/dev/null", "")
            .replace("2>&1", "");
        let done = Command::new("/bin/sh")
            .args(["-euc", &script, "sh"])
            .args(arguments)
            .env("PATH", format!("{}:/usr/bin:/bin", tools.display()))
            .output()
            .unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert!(done.status.success(), "{script}\n{said}");
        said.lines().map(|line| line.trim_start_matches(&*tools.to_string_lossy()).to_owned()).collect()
    }
}

fn deb_script(written: &Written, name: &str) -> String {
    run_text("dpkg-deb", &["-I", written.path(".deb").to_str().unwrap(), name])
}

fn rpm_script(written: &Written, tag: &str) -> String {
    run_text("rpm", &["-qp", "--qf", &format!("%{{{tag}}}"), written.path(".rpm").to_str().unwrap()])
}

#[test]
fn a_deb_does_what_debhelpers_would() {
    let written = build(&with_units(), &[(Format::Deb, ZSTD)]);
    let machine = Machine::new();
    let postinst = deb_script(&written, "postinst");
    let always = [
        "systemd-sysusers --replace=/usr/lib/sysusers.d/acme.conf -",
        "systemd-tmpfiles --create acme.conf",
        "deb-systemd-helper unmask acme.timer",
        "deb-systemd-helper --quiet was-enabled acme.timer",
        "deb-systemd-helper enable acme.timer",
        "deb-systemd-helper --user unmask acme-agent.service",
        "deb-systemd-helper --quiet --user was-enabled acme-agent.service",
        "deb-systemd-helper --user enable acme-agent.service",
        "systemctl --system daemon-reload",
    ];
    let with = |more: &[&'static str]| [&always, more].concat();
    assert_eq!(machine.asked(&postinst, &["configure", ""]), with(&["deb-systemd-invoke start acme.timer"]));
    assert_eq!(
        machine.asked(&postinst, &["configure", "1.0"]),
        with(&["deb-systemd-invoke restart acme.timer", "deb-systemd-invoke try-restart acme.service"])
    );
    assert!(machine.asked(&postinst, &["triggered", "x"]).is_empty());

    let prerm = deb_script(&written, "prerm");
    assert_eq!(machine.asked(&prerm, &["remove"]), ["deb-systemd-invoke stop acme.timer acme.service"]);
    assert!(machine.asked(&prerm, &["upgrade", "2"]).is_empty());
    let postrm = deb_script(&written, "postrm");
    assert_eq!(machine.asked(&postrm, &["remove"]), ["systemctl --system daemon-reload"]);
    assert!(machine.asked(&postrm, &["upgrade", "2"]).is_empty());
    assert_eq!(
        machine.asked(&postrm, &["purge"]),
        ["deb-systemd-helper purge acme.timer", "deb-systemd-helper --user purge acme-agent.service"]
    );
}

#[test]
fn accounts_come_before_files_that_are_theirs() {
    let mut plan = with_units();
    plan.entries.push(Entry { owner: "acme".into(), ..file("/usr/lib/systemd/system/zacme.service", "") });
    let written = build(&plan, &[(Format::Deb, ZSTD)]);
    let machine = Machine::new();
    let made = "systemd-sysusers --replace=/usr/lib/sysusers.d/acme.conf -";
    assert_eq!(machine.asked(&deb_script(&written, "preinst"), &["install"]), [made]);
    assert!(!machine.asked(&deb_script(&written, "postinst"), &["configure", ""]).contains(&made.to_owned()));
}

#[test]
fn an_rpm_does_what_fedoras_macros_would() {
    let written = build(&with_units(), &[(Format::Rpm, ZSTD)]);
    let rpm = written.path(".rpm");
    let order = run_text("rpm", &["-qp", "--qf", "[%{ORDERNAME} ]", rpm.to_str().unwrap()]);
    assert_eq!(order, "shadow shadow-utils systemd ");
    let machine = Machine::new();
    let asked = |tag: &str, left: &str| machine.asked(&rpm_script(&written, tag), &[left]);
    assert_eq!(asked("PREIN", "1"), ["systemd-sysusers --replace=/usr/lib/sysusers.d/acme.conf -"]);
    assert_eq!(
        asked("POSTIN", "1"),
        [
            "systemd-tmpfiles --create acme.conf",
            "helper install-system-units acme.timer",
            "helper install-user-units acme-agent.service"
        ]
    );
    assert_eq!(asked("POSTIN", "2"), ["systemd-tmpfiles --create acme.conf"]);
    assert_eq!(
        asked("PREUN", "0"),
        ["helper remove-system-units acme.timer acme.service", "helper remove-user-units acme-agent.service"]
    );
    assert!(asked("PREUN", "1").is_empty());
    assert_eq!(
        asked("POSTUN", "1"),
        [
            "helper mark-restart-system-units acme.timer acme.service",
            "helper mark-restart-user-units acme-agent.service"
        ]
    );
    assert!(asked("POSTUN", "0").is_empty());
}

#[test]
fn before_systemd_249_systemctl_is_asked_itself() {
    let written = build(&with_units(), &[(Format::Rpm, ZSTD)]);
    let machine = Machine::new();
    std::fs::remove_file(machine.0.path().join("helper")).unwrap();
    let asked = |tag: &str, left: &str| machine.asked(&rpm_script(&written, tag), &[left]);
    assert_eq!(
        asked("POSTIN", "1")[1..],
        [
            "systemctl --no-reload preset acme.timer",
            "systemctl --global --no-reload preset acme-agent.service"
        ]
    );
    assert_eq!(
        asked("PREUN", "0"),
        [
            "systemctl --no-reload disable acme.timer acme.service",
            "systemctl stop acme.timer acme.service",
            "systemctl --global --no-reload disable acme-agent.service"
        ]
    );
    assert_eq!(
        asked("POSTUN", "1"),
        ["systemctl daemon-reload", "systemctl try-restart acme.timer acme.service"]
    );
}

#[test]
fn what_is_switched_off_is_not_done() {
    let mut plan = with_units();
    for system in [&mut plan.system.deb, &mut plan.system.rpm] {
        let wanted = &mut system.wanted;
        (wanted.enable, wanted.start, wanted.restart) = (false, false, false);
    }
    let written = build(&plan, &[(Format::Deb, ZSTD), (Format::Rpm, ZSTD)]);
    let machine = Machine::new();
    let asked = machine.asked(&deb_script(&written, "postinst"), &["configure", "1.0"]);
    assert!(!asked.iter().any(|line| line.contains("invoke")), "{asked:?}");
    assert!(asked.contains(&"deb-systemd-helper update-state acme.timer".to_owned()), "{asked:?}");
    assert!(!run_text("dpkg-deb", &["-I", written.path(".deb").to_str().unwrap()]).contains("prerm"));
    assert_eq!(
        machine.asked(&rpm_script(&written, "POSTIN"), &["1"]),
        ["systemd-tmpfiles --create acme.conf"]
    );
    assert_eq!(rpm_script(&written, "POSTUN"), "(none)");
}

#[test]
fn the_users_own_script_runs_in_between() {
    let mut plan = with_units();
    plan.package.scripts.common.postinstall = Some("#!/bin/sh\necho user >&2\nexit 0\n".into());
    let written = build(&plan, &[(Format::Deb, ZSTD), (Format::Rpm, ZSTD)]);
    let machine = Machine::new();
    for script in [deb_script(&written, "postinst"), rpm_script(&written, "POSTIN")] {
        let argument = if script.contains("deb-systemd") { "configure" } else { "1" };
        let asked = machine.asked(&script, &[argument, ""]);
        let at = asked.iter().position(|line| line == "user").unwrap();
        assert!(asked[at - 1].starts_with("systemd-tmpfiles") && asked.len() > at + 1, "{asked:?}");
    }
}
