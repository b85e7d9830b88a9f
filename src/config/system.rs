//! `[install.system]`: what a package does for the running system, beyond laying its files there.

use super::document::Document;
use super::schema::{self, Value};
use super::text;
use crate::error::Result;

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
    /// What goes into the initramfs, as it is installed: absolute, or relative to prefix. `None`: a file system's tools.
    pub initramfs: Option<Vec<String>>,
    /// Whether what the system looks for in /usr goes there, when prefix is another.
    pub integrate: bool,
}

impl Default for System {
    fn default() -> Self {
        System {
            enable: true,
            start: true,
            restart: true,
            sysusers: true,
            tmpfiles: true,
            initramfs: None,
            integrate: true,
        }
    }
}

impl System {
    pub(super) fn from_schema(document: &Document, schema: &schema::System) -> Result<Self> {
        let default = System::default();
        let or =
            |value: &Value<bool>, default: bool| value.as_ref().map_or(default, |value| *value.get_ref());
        let program = |value| {
            let name = text::line(document, value)?;
            text::climbs(document, &name, value.span())?;
            Ok(name)
        };
        Ok(System {
            enable: or(&schema.enable, default.enable),
            start: or(&schema.start, default.start),
            restart: or(&schema.restart, default.restart),
            sysusers: or(&schema.sysusers, default.sysusers),
            tmpfiles: or(&schema.tmpfiles, default.tmpfiles),
            initramfs: schema
                .initramfs
                .as_ref()
                .map(|names| names.iter().map(program).collect::<Result<_>>())
                .transpose()?,
            integrate: or(&schema.integrate, default.integrate),
        })
    }
}
