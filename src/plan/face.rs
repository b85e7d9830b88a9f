//! The public face of a result: what the system and its users look for in fixed folders (design.md section 5, "Prefix
//! gets the public face, nothing else").

use crate::path::{InstallPath, file_name};

/// Where a file of a result belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A program: `prefix/bin`, `prefix/sbin`.
    Program,
    /// Looked for by the system or read by people, below prefix.
    Public,
    /// `etc/`: the system administrator's.
    Config,
    /// Everything else: the bundle's own affair.
    Private,
}

/// Folders below which the system looks for files of its own forms. No language's or library's tree is among them.
const PUBLIC: &[&str] = &[
    "lib/NetworkManager/dispatcher.d",
    "lib/binfmt.d",
    "lib/environment.d",
    "lib/kernel/install.d",
    "lib/modprobe.d",
    "lib/modules-load.d",
    "lib/sysctl.d",
    "lib/systemd",
    "lib/sysusers.d",
    "lib/tmpfiles.d",
    "lib/udev",
    "share/appdata",
    "share/applications",
    "share/bash-completion",
    "share/dbus-1",
    "share/doc",
    "share/fish/vendor_completions.d",
    "share/fish/vendor_conf.d",
    "share/fish/vendor_functions.d",
    "share/fonts",
    "share/gnome-shell/search-providers",
    "share/icons",
    "share/licenses",
    "share/man",
    "share/metainfo",
    "share/mime/packages",
    "share/pixmaps",
    "share/polkit-1",
    "share/sounds",
    "share/systemd/user",
    "share/themes",
    "share/thumbnailers",
    "share/wayland-sessions",
    "share/xdg-desktop-portal/portals",
    "share/xsessions",
    "share/zsh/site-functions",
    "share/zsh/vendor-completions",
];

/// Folders of etc/ in which other programs look for files of their own forms.
const HOOKS: &[&str] = &[
    "etc/NetworkManager",
    "etc/X11",
    "etc/bash_completion.d",
    "etc/binfmt.d",
    "etc/cron.d",
    "etc/cron.daily",
    "etc/cron.hourly",
    "etc/cron.monthly",
    "etc/cron.weekly",
    "etc/dbus-1",
    "etc/init.d",
    "etc/logrotate.d",
    "etc/modprobe.d",
    "etc/modules-load.d",
    "etc/network",
    "etc/pam.d",
    "etc/polkit-1",
    "etc/ppp",
    "etc/profile.d",
    "etc/sudoers.d",
    "etc/sysctl.d",
    "etc/systemd",
    "etc/sysusers.d",
    "etc/tmpfiles.d",
    "etc/udev",
    "etc/xdg/autostart",
];

/// Public folders that people, and man, find by the PATH that they find the program by (manpath(1)); all others are looked for in
/// /usr, whatever the prefix.
const OF_PREFIX: &[&str] = &["share/doc", "share/licenses", "share/man"];

/// Whether a public path is looked for by the system, and not by who reads it.
pub fn is_for_system(below: &[u8]) -> bool {
    !OF_PREFIX.iter().any(|folder| is_in(below, folder))
}

/// Where the system looks for what concerns it: prefix if that is one of its own, else /usr. FHS 3.0, 3.13.2, lets a package
/// for /opt have files elsewhere that must be there to work.
pub fn system(prefix: &InstallPath) -> InstallPath {
    let is_own = [&b"/usr"[..], b"/usr/local"].contains(&prefix.as_bytes());
    if is_own { prefix.clone() } else { InstallPath::root().join("usr") }
}

fn is_in(below: &[u8], folder: &str) -> bool {
    below.strip_prefix(folder.as_bytes()).is_some_and(|rest| rest.starts_with(b"/"))
}

impl Place {
    /// Of a path below a result.
    pub fn of(below: &[u8]) -> Place {
        let in_folder = |folder: &str| is_in(below, folder);
        if in_folder("bin") || in_folder("sbin") {
            // A folder in bin is no program: node and others keep modules there. Nor is what a wrapper hides behind a dot.
            let is_program =
                below.iter().filter(|b| **b == b'/').count() == 1 && !file_name(below).starts_with(b".");
            if is_program { Place::Program } else { Place::Private }
        } else if in_folder("etc") {
            Place::Config
        } else if PUBLIC.iter().any(|folder| in_folder(folder)) {
            Place::Public
        } else {
            Place::Private
        }
    }
}

/// Where a file of `etc/` belongs, of what is installed at `prefix`: in /etc, but /etc/opt/<...> for /opt/<...> (FHS 3.0, 3.13.4),
/// unless others look for it.
pub fn config(prefix: &InstallPath, below: &[u8]) -> InstallPath {
    let root = InstallPath::root();
    let opt = root.join("opt");
    let is_apart = prefix.starts_with(&opt) && *prefix != opt;
    if is_apart && !HOOKS.iter().any(|folder| is_in(below, folder)) {
        root.join("etc").join(prefix.relative()).join(&below[b"etc/".len()..])
    } else {
        root.join(below)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_library_or_language_tree_is_public() {
        for (below, place) in [
            ("bin/jq", Place::Program),
            ("sbin/mkfs.x", Place::Program),
            ("bin/modules/x", Place::Private),
            ("bin/.jq-wrapped", Place::Private),
            ("lib/libjq.so", Place::Private),
            ("lib/python3/os.py", Place::Private),
            ("lib/systemd/system/x.service", Place::Public),
            ("share/man/man1/jq.1.gz", Place::Public),
            ("share/jq/data", Place::Private),
            ("share/manual", Place::Private),
            ("share/thumbnailers/x.thumbnailer", Place::Public),
            ("etc/jq.conf", Place::Config),
            ("libexec/jq", Place::Private),
        ] {
            assert_eq!(Place::of(below.as_bytes()), place, "{below}");
        }
    }

    #[test]
    fn opt_has_its_own_etc() {
        let of = |prefix: &str, below: &str| {
            config(&InstallPath::new(prefix).unwrap(), below.as_bytes()).to_string()
        };
        for (prefix, place) in
            [("/usr", "/etc/x"), ("/usr/local", "/etc/x"), ("/opt/acme/jq", "/etc/opt/acme/jq/x")]
        {
            assert_eq!(of(prefix, "etc/x"), place);
        }
        // udev looks in one place.
        assert_eq!(of("/opt/acme/jq", "etc/udev/rules.d/x.rules"), "/etc/udev/rules.d/x.rules");
    }
}
