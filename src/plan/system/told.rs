//! What is set up on the target, for people and for programs.

use super::{Scope, System, Systems};

/// One thing that installing the package does.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Told {
    /// A unit, or a file.
    pub name: String,
    pub kind: &'static str,
    /// Empty where the kind says it.
    pub done: Vec<&'static str>,
    /// The packages that do so.
    pub formats: Vec<&'static str>,
}

impl Systems {
    /// Each thing once, in the order of its kinds.
    pub fn told(&self) -> Vec<Told> {
        let mut all: Vec<Told> = Vec::new();
        for (format, system) in [(".deb", &self.deb), (".rpm", &self.rpm)] {
            for mut told in system.told() {
                match all.iter_mut().find(|other| (other.kind, &other.name) == (told.kind, &told.name)) {
                    Some(other) => other.formats.push(format),
                    None => {
                        told.formats.push(format);
                        all.push(told);
                    }
                }
            }
        }
        all
    }
}

impl System {
    fn told(&self) -> Vec<Told> {
        let told = |name: &str, kind, done| Told { name: name.to_owned(), kind, done, formats: Vec::new() };
        let units = self.units.iter().map(|unit| {
            let (kind, starts) = match unit.scope {
                Scope::System => ("system unit", self.wanted.start),
                Scope::User => ("user unit", false),
            };
            let done = [
                (self.wanted.enable && unit.is_installable, "enabled"),
                (starts && unit.is_installable, "started"),
                (self.wanted.restart && unit.is_restarted(), "restarted by an upgrade"),
            ];
            told(
                &unit.name,
                kind,
                done.iter().filter(|(is_done, _)| *is_done).map(|(_, word)| *word).collect(),
            )
        });
        let accounts = self.accounts.iter().filter(|file| !file.lines.is_empty());
        let accounts = accounts.map(|file| told(&file.path.to_string(), "users and groups", Vec::new()));
        let tmpfiles = self.tmpfiles.iter().map(|name| told(name, "temporary files", Vec::new()));
        let initramfs = self.initramfs.then(|| told("initramfs", "hooks", vec!["initramfs-tools", "dracut"]));
        units.chain(accounts).chain(tmpfiles).chain(initramfs).collect()
    }
}
