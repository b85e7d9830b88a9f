//! What Fedora's macros would add to the scriptlets: %systemd_post, %systemd_preun, %systemd_postun_with_restart, their forms for
//! user units, %sysusers_create_package and %tmpfiles_create (systemd's src/rpm/macros.systemd.in). systemd-update-helper is
//! there since systemd 249; before, and on openSUSE, systemctl is asked itself. systemd's own file triggers do the rest.

use super::super::script::{Additions, filled};
use super::super::setup::{Phases, accounts, tmpfiles};
use crate::plan::system::{Scope, System, Unit};
use crate::shell::quoted;

const POST: &str = include_str!("../../../templates/rpm/post.sh");
const PREUN: &str = include_str!("../../../templates/rpm/preun.sh");
const STOP: &str = include_str!("../../../templates/rpm/stop.sh");
const RESTART: &str = include_str!("../../../templates/rpm/restart.sh");
const TRY_RESTART: &str = include_str!("../../../templates/rpm/try-restart.sh");

/// What is added to each scriptlet.
pub fn phases(system: &System) -> Phases {
    let each = |text: &dyn Fn(Scope, &[&Unit]) -> String| -> String {
        [Scope::System, Scope::User]
            .map(|scope| {
                let units: Vec<&Unit> = system.units.iter().filter(|unit| unit.scope == scope).collect();
                if units.is_empty() { String::new() } else { text(scope, &units) }
            })
            .concat()
    };
    let after = |after: String| Additions { before: String::new(), after };
    Phases {
        // rpm looks a file's owner up when it unpacks the file.
        preinstall: Additions { before: accounts(system), after: String::new() },
        postinstall: Additions {
            before: tmpfiles(system),
            after: each(&|scope, units| enabling(system, scope, units)),
        },
        preremove: Additions { before: each(&disabling), after: String::new() },
        postremove: after(each(&|scope, units| restarting(system, scope, units))),
    }
}

fn enabling(system: &System, scope: Scope, units: &[&Unit]) -> String {
    if system.wanted.enable {
        with_units(POST, scope, units, |unit| unit.is_installable)
    } else {
        String::new()
    }
}

fn disabling(scope: Scope, units: &[&Unit]) -> String {
    let template = filled(PREUN, &[("STOP", if scope == Scope::System { STOP } else { "" })]);
    with_units(&template, scope, units, |_| true)
}

fn restarting(system: &System, scope: Scope, units: &[&Unit]) -> String {
    if !system.wanted.restart {
        return String::new();
    }
    let template = filled(RESTART, &[("TRY", if scope == Scope::System { TRY_RESTART } else { "" })]);
    with_units(&template, scope, units, Unit::is_restarted)
}

/// Nothing where no unit is chosen.
fn with_units(template: &str, scope: Scope, units: &[&Unit], chosen: impl Fn(&Unit) -> bool) -> String {
    let names: Vec<String> =
        units.iter().filter(|unit| chosen(unit)).map(|unit| quoted(&unit.name)).collect();
    if names.is_empty() {
        return String::new();
    }
    let (scope, global) = match scope {
        Scope::System => ("system", ""),
        Scope::User => ("user", "--global "),
    };
    filled(template, &[("SCOPE", scope), ("GLOBAL", global), ("UNITS", &names.join(" "))])
}
