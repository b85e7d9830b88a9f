//! What debhelper would add to the scripts: dh_installsystemd, dh_installsystemduser, dh_installsysusers, dh_installtmpfiles
//! (debhelper 13). All of it does nothing where systemd does not run.

use super::super::script::{Additions, filled};
use super::super::setup::{Phases, accounts, tmpfiles};
use crate::config::Format;
use crate::plan::Plan;
use crate::plan::system::{Scope, System, Unit};
use crate::shell::quoted;

const ENABLE: &str = include_str!("../../../templates/deb/enable.sh");
const LEAVE: &str = include_str!("../../../templates/deb/leave.sh");
const START: &str = include_str!("../../../templates/deb/start.sh");
const STOP: &str = include_str!("../../../templates/deb/prerm.sh");
const RELOAD: &str = include_str!("../../../templates/deb/postrm.sh");
const PURGE: &str = include_str!("../../../templates/deb/purge.sh");

/// Whatever makes the package configured again (Policy 6.5).
const CONFIGURED: &str = "configure | abort-upgrade | abort-deconfigure | abort-remove";

/// The lines of `triggers` (deb-triggers(5)). The initramfs is made anew when the packages are through, as by btrfs-progs' own
/// package; dpkg passes over it where nothing makes one.
pub fn triggers(system: &System) -> Vec<String> {
    if system.initramfs { vec!["activate-noawait update-initramfs".to_owned()] } else { Vec::new() }
}

/// What is added to each script.
pub fn phases(plan: &Plan) -> Phases {
    let system = &plan.system.deb;
    let units =
        |scope: Scope| -> Vec<&Unit> { system.units.iter().filter(|unit| unit.scope == scope).collect() };
    let (of_system, of_users) = (units(Scope::System), units(Scope::User));

    // dpkg looks a file's owner up when it unpacks the file; else the accounts come when a script can be asked to wait.
    let mut entries = plan.entries.iter().filter(|entry| entry.is_in(Format::Deb));
    let has_owners = entries.any(|entry| entry.owner != "root" || entry.group != "root");
    let accounts = accounts(system);
    let (early, late) = if has_owners { (accounts, String::new()) } else { (String::new(), accounts) };
    let is_new = "case \"$1\" in install | upgrade)\n";

    let before = format!("{late}{}", tmpfiles(system));
    let after = format!(
        "{}{}{}",
        enabling(system, &of_system),
        enabling(system, &of_users),
        starting(system, &of_system)
    );
    let purging = [&of_system, &of_users].map(|units| purging(units)).concat();
    Phases {
        preinstall: Additions { before: block(is_new, &early), after: String::new() },
        postinstall: Additions {
            before: block(&format!("case \"$1\" in {CONFIGURED})\n"), &before),
            after: block(&format!("case \"$1\" in {CONFIGURED})\n"), &after),
        },
        preremove: Additions { before: stopping(system, &of_system), after: String::new() },
        postremove: Additions {
            before: String::new(),
            after: if of_system.is_empty() { purging } else { format!("{RELOAD}{purging}") },
        },
    }
}

fn block(case: &str, body: &str) -> String {
    if body.is_empty() { String::new() } else { format!("{case}{body};;\nesac\n") }
}

fn list<'a>(units: impl IntoIterator<Item = &'a Unit>) -> String {
    units.into_iter().map(|unit| quoted(&unit.name)).collect::<Vec<_>>().join(" ")
}

fn scope(unit: &Unit) -> &'static str {
    match unit.scope {
        Scope::System => "",
        Scope::User => "--user ",
    }
}

fn enabling(system: &System, units: &[&Unit]) -> String {
    let template = if system.wanted.enable { ENABLE } else { LEAVE };
    let one = |unit: &&Unit| filled(template, &[("SCOPE", scope(unit)), ("UNIT", &quoted(&unit.name))]);
    units.iter().filter(|unit| unit.is_installable).map(one).collect()
}

/// The system's own units; those of users start with their next session.
///
/// Units without `[Install]` are not started, unlike by debhelper: a timer's service would run at once.
fn starting(system: &System, units: &[&Unit]) -> String {
    if units.is_empty() {
        return String::new();
    }
    let invoke = |verb: &str, chosen: &dyn Fn(&Unit) -> bool| match list(
        units.iter().copied().filter(|unit| chosen(unit)),
    ) {
        names if names.is_empty() => String::new(),
        names => format!("            deb-systemd-invoke {verb} {names} >/dev/null || true\n"),
    };
    let starts = |unit: &Unit| system.wanted.start && unit.is_installable;
    let first = invoke("start", &starts);
    let again = match system.wanted.restart {
        true => {
            let restart = invoke("restart", &|unit| starts(unit) && unit.is_restarted());
            restart + &invoke("try-restart", &|unit| !starts(unit) && unit.is_restarted())
        }
        false => String::new(),
    };
    let or_nothing = |text: String| if text.is_empty() { "            :\n".to_owned() } else { text };
    filled(START, &[("FIRST", &or_nothing(first)), ("AGAIN", &or_nothing(again))])
}

fn stopping(system: &System, units: &[&Unit]) -> String {
    if units.is_empty() || !system.wanted.start {
        return String::new();
    }
    filled(STOP, &[("UNITS", &list(units.iter().copied()))])
}

fn purging(units: &[&Unit]) -> String {
    let installable: Vec<&Unit> = units.iter().copied().filter(|unit| unit.is_installable).collect();
    match installable.first() {
        None => String::new(),
        Some(first) => filled(PURGE, &[("SCOPE", scope(first)), ("UNITS", &list(installable))]),
    }
}
