//! Folders that are the distribution's own.
//!
//! A package that lists them takes part in owning them: rpm refuses it where it says another mode or owner than
//! `filesystem` does, and dpkg-like tools report /usr as its own. So only folders that come with the package are listed.

use crate::path::InstallPath;

/// Below `/usr`, `/usr/local`; `*` is any one component, `*` behind a text any end of it.
const OF_A_PREFIX: &[&str] = &[
    "bin",
    "etc",
    "games",
    "include",
    "lib",
    "lib32",
    "lib64",
    "libexec",
    "libx32",
    "sbin",
    "share",
    "src",
    "share/applications",
    "share/bash-completion",
    "share/bash-completion/completions",
    "share/dbus-1",
    "share/dbus-1/*",
    "share/desktop-directories",
    "share/dict",
    "share/doc",
    "share/fish",
    "share/fish/vendor_*",
    "share/fonts",
    "share/fonts/*",
    "share/games",
    "share/gir-1.0",
    "share/glib-2.0",
    "share/glib-2.0/schemas",
    "share/gnome-shell",
    "share/gnome-shell/search-providers",
    "share/icons",
    "share/icons/hicolor",
    "share/icons/hicolor/*",
    "share/icons/hicolor/*/*",
    "share/info",
    "share/licenses",
    "share/locale",
    "share/locale/*",
    "share/locale/*/LC_*",
    "share/man",
    "share/man/man*",
    "share/man/*",
    "share/man/*/man*",
    "share/metainfo",
    "share/appdata",
    "share/mime",
    "share/mime/packages",
    "share/misc",
    "share/pixmaps",
    "share/pkgconfig",
    "share/polkit-1",
    "share/polkit-1/*",
    "share/sounds",
    "share/systemd",
    "share/systemd/user",
    "share/themes",
    "share/thumbnailers",
    "share/vala",
    "share/xml",
    "share/xdg-desktop-portal",
    "share/xdg-desktop-portal/portals",
    "share/xsessions",
    "share/wayland-sessions",
    "share/zsh",
    "share/zsh/site-functions",
    "share/zsh/vendor-completions",
    "share/lintian",
    "share/lintian/overrides",
    "lib/NetworkManager",
    "lib/NetworkManager/dispatcher.d",
    "lib/binfmt.d",
    "lib/debug",
    "lib/environment.d",
    "lib/kernel",
    "lib/kernel/install.d",
    "lib/modprobe.d",
    "lib/modules-load.d",
    "lib/pkgconfig",
    "lib/sysctl.d",
    "lib/systemd",
    "lib/systemd/*",
    "lib/sysusers.d",
    "lib/tmpfiles.d",
    "lib/udev",
    "lib/udev/*.d",
    "lib64/pkgconfig",
];

/// Below `/`.
const OF_THE_ROOT: &[&str] = &[
    "bin",
    "boot",
    "dev",
    "etc",
    "home",
    "lib",
    "lib32",
    "lib64",
    "libx32",
    "media",
    "mnt",
    "opt",
    "proc",
    "root",
    "run",
    "sbin",
    "srv",
    "sys",
    "tmp",
    "usr",
    "usr/local",
    "var",
    "var/cache",
    "var/lib",
    "var/log",
    "var/opt",
    "var/spool",
    "var/tmp",
    "etc/bash_completion.d",
    "etc/cron.*",
    "etc/dbus-1",
    "etc/dbus-1/*",
    "etc/default",
    "etc/init.d",
    "etc/ld.so.conf.d",
    "etc/logrotate.d",
    "etc/modprobe.d",
    "etc/opt",
    "etc/pam.d",
    "etc/polkit-1",
    "etc/polkit-1/*",
    "etc/profile.d",
    "etc/security",
    "etc/skel",
    "etc/ssl",
    "etc/ssl/certs",
    "etc/sudoers.d",
    "etc/sysconfig",
    "etc/sysctl.d",
    "etc/systemd",
    "etc/systemd/*",
    "etc/tmpfiles.d",
    "etc/udev",
    "etc/udev/*.d",
    "etc/X11",
    "etc/xdg",
    "etc/xdg/autostart",
    "lib/systemd",
    "lib/systemd/*",
    "lib/udev",
    "lib/udev/*.d",
    "lib/modules",
    "lib/firmware",
];

/// Whether every distribution, or a package of it that all others build on, has the folder.
pub fn is_standard(folder: &InstallPath) -> bool {
    let path = folder.relative();
    let below = |prefix: &[u8]| {
        path.strip_prefix(prefix).is_some_and(|rest| OF_A_PREFIX.iter().any(|p| matches(p, rest)))
    };
    OF_THE_ROOT.iter().any(|pattern| matches(pattern, path)) || below(b"usr/") || below(b"usr/local/")
}

fn matches(pattern: &str, path: &[u8]) -> bool {
    let mut components = path.split(|b| *b == b'/');
    let mut patterns = pattern.split('/');
    loop {
        match (patterns.next(), components.next()) {
            (None, None) => return true,
            (Some(pattern), Some(component)) if matches_component(pattern, component) => {}
            _ => return false,
        }
    }
}

fn matches_component(pattern: &str, component: &[u8]) -> bool {
    match pattern.split_once('*') {
        None => component == pattern.as_bytes(),
        Some((start, end)) => {
            component.len() >= start.len() + end.len()
                && component.starts_with(start.as_bytes())
                && component.ends_with(end.as_bytes())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_the_distribution_are_told_from_the_packages_own() {
        for (path, standard) in [
            ("/usr", true),
            ("/usr/lib", true),
            ("/usr/share/man/man1", true),
            ("/usr/share/man/pt_BR/man8", true),
            ("/usr/local/share/man/man1", true),
            ("/usr/share/icons/hicolor/48x48/apps", true),
            ("/usr/lib/systemd/system", true),
            ("/usr/lib/udev/rules.d", true),
            ("/opt", true),
            ("/opt/acme", false),
            ("/usr/lib/jq", false),
            ("/usr/share/doc/jq", false),
            ("/usr/lib/udev/rules", false),
            ("/etc/jq", false),
            ("/usr/local/lib/nix", false),
        ] {
            assert_eq!(is_standard(&InstallPath::new(path).unwrap()), standard, "{path}");
        }
    }
}
