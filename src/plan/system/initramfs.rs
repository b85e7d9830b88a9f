//! Programs that must be there before the root file system is: hooks for initramfs-tools and dracut, which copy them with the
//! bundle's loader and libraries.

use std::collections::BTreeSet;

use super::super::context::Context;
use super::super::draft::Draft;
use super::super::{Entry, Finding, Kind, Role};
use super::reach::Reach;
use crate::config::names;
use crate::error::{Error, Result};
use crate::path::InstallPath;
use crate::shell::quoted;

const INITRAMFS_TOOLS: &str = include_str!("../../../templates/initramfs-tools.sh");
const DRACUT: &str = include_str!("../../../templates/dracut.sh");

/// What begins the name of a file system's tool; its end is the file system's.
const TOOLS: &[&str] = &["mkfs.", "fsck.", "mount."];
/// File systems over a network or of a user's, by what their names begin with: `mount.` alone makes none of these wanted before
/// the root file system is there (initramfs-tools and dracut have hooks of their own for NFS and CIFS).
const LATER: &[&str] = &[
    "afp", "aufs", "ceph", "cifs", "curl", "dav", "ecryptfs", "fuse", "gluster", "nfs", "s3", "smb", "ssh",
    "vboxsf", "vmhgfs",
];
/// Below `/` and prefix.
const PROGRAM_FOLDERS: &[&str] = &["bin", "sbin", "usr/bin", "usr/sbin"];

/// What goes into the initramfs.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    paths: BTreeSet<InstallPath>,
    /// Their file systems, if it is their tools; then only a system that has one wants them.
    file_systems: BTreeSet<String>,
}

/// Adds the hooks. False if nothing belongs into an initramfs.
///
/// Errors: what bundle.toml asks for is not shipped; a file cannot be read.
pub fn add(context: &Context, draft: &mut Draft) -> Result<bool> {
    let wanted = match &context.config.install.system.initramfs {
        Some(names) => named(context, draft, names)?,
        None => by_rule(&context.prefix, draft.entries.iter()),
    };
    if wanted.paths.is_empty() {
        return Ok(false);
    }
    let mut reach = Reach::new(&draft.entries, context.store.dir().as_bytes());
    for path in &wanted.paths {
        reach.take(path)?;
    }
    let Reach { paths, of_host, broken, .. } = reach;
    if !broken.is_empty() {
        let message =
            "scripts of store paths' interpreters are left out of the initramfs: they would not run there";
        let mut finding = Finding::warning("initramfs-script", message);
        finding.subjects = broken.iter().map(ToString::to_string).collect();
        draft
            .findings
            .push(finding.remedy("shorten `install.lib-dir`, so that their references can be rewritten"));
    }
    if !of_host.is_empty() {
        let mut finding = Finding::note(
            "initramfs-host-libraries",
            "programs for the initramfs need libraries of the target",
        );
        finding.subjects = of_host.iter().map(ToString::to_string).collect();
        draft.findings.push(
            finding.remedy("the hooks leave those to initramfs-tools and dracut, which ask the target's ldd"),
        );
    }
    let name = names::deb_name(&context.package.name);
    let files: Vec<u8> = paths.iter().flat_map(|path| [path.as_bytes(), b"\n"].concat()).collect();
    let usr = InstallPath::root().join("usr");
    let hooks = [
        (usr.join("share/initramfs-tools/hooks").join(&name), initramfs_tools(&name, &wanted, &of_host)),
        (
            usr.join(format!("lib/dracut/modules.d/90{name}/module-setup.sh")),
            dracut(&name, &wanted, &of_host),
        ),
    ];
    for (path, text) in hooks {
        let (before, after) = text.split_once("@FILES@").expect("both templates have it");
        let bytes = [before.as_bytes(), &files, after.as_bytes()].concat();
        draft.entries.add(Entry { mode: 0o755, ..Entry::made(path, bytes, Role::Data) })?;
    }
    Ok(true)
}

fn named(context: &Context, draft: &Draft, names: &[String]) -> Result<Wanted> {
    let mut wanted = Wanted::default();
    for name in names {
        let path = InstallPath::new(name).unwrap_or_else(|| context.prefix.join(name));
        let below = draft.entries.iter().filter(|entry| entry.path.starts_with(&path));
        let before = wanted.paths.len();
        wanted.paths.extend(
            below.filter(|entry| !matches!(entry.kind, Kind::Folder)).map(|entry| entry.path.clone()),
        );
        if wanted.paths.len() == before {
            return Err(Error::usage(format!(
                "`install.system.initramfs` names {name:?}, and nothing is installed at {path}"
            ))
            .remedy("paths are as `explant plan` shows them, absolute or relative to the prefix"));
        }
    }
    Ok(wanted)
}

fn by_rule<'e>(prefix: &InstallPath, entries: impl Iterator<Item = &'e Entry>) -> Wanted {
    let root = InstallPath::root();
    let folders: Vec<InstallPath> =
        PROGRAM_FOLDERS.iter().flat_map(|folder| [root.join(folder), prefix.join(folder)]).collect();
    let programs: Vec<(&InstallPath, &str)> = entries
        .filter(|entry| matches!(entry.kind, Kind::File { .. } | Kind::Link { .. }))
        .filter(|entry| entry.path.parent().is_some_and(|folder| folders.contains(&folder)))
        .filter_map(|entry| Some((&entry.path, str::from_utf8(entry.path.file_name()).ok()?)))
        .collect();
    let file_systems: BTreeSet<String> =
        programs.iter().filter_map(|(_, name)| file_system(name)).map(str::to_owned).collect();
    let is_tool = |name: &str| {
        let of = TOOLS.iter().find_map(|tool| name.strip_prefix(tool)).unwrap_or(name);
        file_systems.contains(of)
    };
    let tools = programs.into_iter().filter(|(_, name)| is_tool(name));
    Wanted { paths: tools.map(|(path, _)| path.clone()).collect(), file_systems: file_systems.clone() }
}

/// The file system that a program's name speaks of.
fn file_system(name: &str) -> Option<&str> {
    let of = TOOLS.iter().find_map(|tool| name.strip_prefix(tool))?;
    let is_plain = of.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') && !of.is_empty();
    let is_later = name.starts_with("mount.") && LATER.iter().any(|later| of.starts_with(later));
    (is_plain && !is_later).then_some(of)
}

fn initramfs_tools(name: &str, wanted: &Wanted, of_host: &BTreeSet<InstallPath>) -> String {
    let modules = modules(wanted);
    let modules =
        if modules.is_empty() { String::new() } else { format!("manual_add_modules {modules}\n\n") };
    let host: String =
        of_host.iter().map(|path| format!("copy_exec {}\n", quoted(&path.to_string()))).collect();
    INITRAMFS_TOOLS.replace("@PACKAGE@", name).replace("@MODULES@", &modules).replace("@HOST@\n", &host)
}

fn dracut(name: &str, wanted: &Wanted, of_host: &BTreeSet<InstallPath>) -> String {
    let modules = modules(wanted);
    let (check, modules) = match modules.is_empty() {
        true => (String::new(), String::new()),
        false => {
            let types: Vec<&str> = wanted.file_systems.iter().map(String::as_str).collect();
            // As dracut's own modules for file systems do.
            let check = format!(
                "    [[ $hostonly ]] || [[ $mount_needs ]] && {{\n        local type\n        for type in \"${{host_fs_types[@]}}\"; do\n            \
                 case $type in\n            {}) return 0 ;;\n            esac\n        done\n        return 255\n    }}\n",
                types.join(" | ")
            );
            (check, format!("    hostonly='' instmods {modules}\n"))
        }
    };
    let host: String =
        of_host.iter().map(|path| format!("    inst {}\n", quoted(&path.to_string()))).collect();
    DRACUT
        .replace("@PACKAGE@", name)
        .replace("@CHECK@", &check)
        .replace("@MODULES@", &modules)
        .replace("@HOST@", &host)
}

/// The kernel's modules are named as the file systems are.
fn modules(wanted: &Wanted) -> String {
    wanted.file_systems.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(programs: &[&str]) -> (Vec<String>, Vec<String>) {
        let link = |path: &&str| Entry::link(InstallPath::new(path).unwrap(), b"x".to_vec());
        let entries: Vec<Entry> = programs.iter().map(link).collect();
        let wanted = by_rule(&InstallPath::new("/opt/x").unwrap(), entries.iter());
        (wanted.paths.iter().map(ToString::to_string).collect(), wanted.file_systems.into_iter().collect())
    }

    #[test]
    fn a_file_systems_tools_are_known_by_their_names() {
        let (paths, file_systems) = rule(&[
            "/opt/x/bin/bcachefs",
            "/opt/x/bin/bcachefs-convert",
            "/opt/x/bin/mkfs.bcachefs",
            "/opt/x/share/fsck.x",
            "/sbin/mount.bcachefs",
        ]);
        assert_eq!(paths, ["/opt/x/bin/bcachefs", "/opt/x/bin/mkfs.bcachefs", "/sbin/mount.bcachefs"]);
        assert_eq!(file_systems, ["bcachefs"]);
    }

    #[test]
    fn what_is_mounted_later_is_not_wanted() {
        for names in [
            &["/usr/sbin/mount.nfs"][..],
            &["/usr/bin/mount.sshfs"],
            &["/usr/bin/mount"],
            &["/usr/bin/mkfs."],
        ] {
            assert_eq!(rule(names), (Vec::new(), Vec::new()), "{names:?}");
        }
        assert_eq!(rule(&["/usr/sbin/mount.ntfs-3g"]).1, ["ntfs-3g"]);
    }
}
