//! `[install.system]`: what a package does for the running system, beyond laying its files there.

use super::schema::{self, Value};

/// `[install.system]`. All is done unless it is switched off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct System {
    /// Units are enabled when the package is installed: an .rpm's by the distribution's presets.
    pub enable: bool,
    /// Units are started when the .deb is installed (no rpm distribution does that).
    pub start: bool,
    /// Units that run are restarted by an upgrade.
    pub restart: bool,
    /// Users and groups of sysusers.d are made.
    pub sysusers: bool,
    /// Files and folders of tmpfiles.d are made.
    pub tmpfiles: bool,
}

impl Default for System {
    fn default() -> Self {
        System { enable: true, start: true, restart: true, sysusers: true, tmpfiles: true }
    }
}

impl System {
    pub(super) fn from_schema(schema: &schema::System) -> Self {
        let default = System::default();
        let or =
            |value: &Value<bool>, default: bool| value.as_ref().map_or(default, |value| *value.get_ref());
        System {
            enable: or(&schema.enable, default.enable),
            start: or(&schema.start, default.start),
            restart: or(&schema.restart, default.restart),
            sysusers: or(&schema.sysusers, default.sysusers),
            tmpfiles: or(&schema.tmpfiles, default.tmpfiles),
        }
    }
}
