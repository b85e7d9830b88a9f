//! One systemd unit.

/// Whose manager runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    System,
    User,
}

/// A unit that is no template.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unit {
    pub scope: Scope,
    /// `acme.service`
    pub name: String,
    /// Has an `[Install]` section: it can be enabled, and starts with the system. Others are started by those that need them.
    pub is_installable: bool,
}

/// Suffixes of units (systemd.unit(5)) that packages ship.
const SUFFIXES: &[&str] =
    &["service", "socket", "timer", "path", "target", "mount", "automount", "swap", "slice"];
/// The suffixes of units that a new version of the package changes, and which bear to be stopped in between.
const RESTARTED: &[&str] = &["service", "socket", "timer", "path"];

/// Whether a file's name is that of a unit, and not of a template, which means nothing without an instance.
pub fn is_unit(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(stem, suffix)| SUFFIXES.contains(&suffix) && !stem.contains('@'))
}

impl Unit {
    /// `text` is what the file holds.
    pub fn new(name: &str, scope: Scope, text: &str) -> Self {
        let is_installable = text.lines().any(|line| line.trim() == "[Install]");
        Unit { scope, name: name.to_owned(), is_installable }
    }

    /// Whether an upgrade restarts it, if it runs.
    pub fn is_restarted(&self) -> bool {
        self.name.rsplit_once('.').is_some_and(|(_, suffix)| RESTARTED.contains(&suffix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_and_other_files_are_no_units() {
        for (name, is) in [
            ("a.service", true),
            ("a-b.c.timer", true),
            ("dev-sda.swap", true),
            ("a@.service", false),
            ("a@b.service", false),
            ("a.service.d", false),
            ("README", false),
        ] {
            assert_eq!(is_unit(name), is, "{name}");
        }
    }

    #[test]
    fn only_those_with_an_install_section_can_be_enabled() {
        let of = |text: &str| Unit::new("a.service", Scope::System, text).is_installable;
        assert!(of("[Service]\nExecStart=/bin/a\n\n[Install]\nWantedBy=multi-user.target\n"));
        assert!(!of("[Service]\nExecStart=/bin/a\n# [Install]\n"));
    }
}
