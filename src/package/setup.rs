//! What the scripts of both formats do alike: users and groups, temporary files.

use super::script::{Additions, filled};
use crate::plan::system::{Account, AccountFile, System};
use crate::shell::quoted;

/// What is added to a package's scripts.
#[derive(Default)]
pub struct Phases {
    pub preinstall: Additions,
    pub postinstall: Additions,
    pub preremove: Additions,
    pub postremove: Additions,
}

/// Defines what makes accounts by hand.
const BY_HAND: &str = include_str!("../../templates/sysusers.sh");
const TMPFILES: &str = include_str!("../../templates/tmpfiles.sh");
/// No line of sysusers.d is this.
const END: &str = "EXPLANT_SYSUSERS";

/// Makes the accounts, before or after the files of sysusers.d lie there (`--replace`, systemd 238); empty where there are
/// none. DPKG_ROOT is dpkg's (dpkg(1)); rpm sets none.
pub fn accounts(system: &System) -> String {
    let files: Vec<String> =
        system.accounts.iter().filter(|file| !file.lines.is_empty()).map(one_file).collect();
    if files.is_empty() { String::new() } else { format!("{BY_HAND}{}", files.concat()) }
}

fn one_file(file: &AccountFile) -> String {
    let by_hand: String = file.accounts.iter().map(by_hand).collect();
    format!(
        "if ! {{ command -v systemd-sysusers >/dev/null 2>&1 &&\n    systemd-sysusers ${{DPKG_ROOT:+--root=\"$DPKG_ROOT\"}} \
         --replace={} -; }} <<'{END}'\n{}\n{END}\nthen\n    :\n{by_hand}fi\n",
        quoted(&file.path.to_string()),
        file.lines.join("\n")
    )
}

fn by_hand(account: &Account) -> String {
    let or = |text: &Option<String>| quoted(text.as_deref().unwrap_or_default());
    match account {
        Account::Group { name, id } => format!("    explant_group {} {}\n", quoted(name), or(id)),
        Account::Member { user, group } => {
            format!(
                "    explant_group {} ''\n    explant_member {} {}\n",
                quoted(group),
                quoted(user),
                quoted(group)
            )
        }
        Account::User { name, id, group, about, home, shell } => {
            let group = group.as_deref().unwrap_or(name);
            // A group by its number is there already.
            let make = match group.bytes().all(|b| b.is_ascii_digit()) {
                true => String::new(),
                false => format!(
                    "    explant_group {} {}\n",
                    quoted(group),
                    if group == name { or(id) } else { "''".into() }
                ),
            };
            let rest = [group, about, home, shell].map(quoted).join(" ");
            format!("{make}    explant_user {} {} {rest}\n", quoted(name), or(id))
        }
    }
}

/// Makes what tmpfiles.d asks for; empty where it asks for nothing.
pub fn tmpfiles(system: &System) -> String {
    if system.tmpfiles.is_empty() {
        return String::new();
    }
    let files: Vec<String> = system.tmpfiles.iter().map(|name| quoted(name)).collect();
    filled(TMPFILES, &[("FILES", &files.join(" "))])
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::path::InstallPath;

    /// On a system without systemd-sysusers: the accounts are made by hand, and a second time nothing is.
    #[test]
    fn accounts_are_made_by_hand_where_there_is_no_systemd() {
        let lines = ["u acme 404 \"Acme's daemon\" /var/lib/acme", "g web", "m acme web"];
        let system = System {
            accounts: vec![AccountFile {
                path: InstallPath::new("/usr/lib/sysusers.d/acme.conf").unwrap(),
                lines: lines.map(str::to_owned).to_vec(),
                accounts: lines.iter().filter_map(|line| Account::parse(line)).collect(),
            }],
            ..System::default()
        };
        let tools = "getent() { [ \"$2\" = web ]; }; groupadd() { echo groupadd \"$@\"; }; \
                     useradd() { echo useradd \"$@\"; }; usermod() { echo usermod \"$@\"; }";
        let script = format!("set -eu\nPATH=/nowhere\n{tools}\n{}", accounts(&system));
        let done = Command::new("/bin/sh").arg("-c").arg(&script).output().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&done.stdout).lines().collect::<Vec<_>>(),
            [
                "groupadd -r -g 404 acme",
                "useradd -r -M -u 404 -g acme -c Acme's daemon -d /var/lib/acme -s /usr/sbin/nologin acme",
                "usermod -a -G web acme",
            ],
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
    }

    #[test]
    fn systemd_makes_them_where_it_is() {
        let line = "u acme - \"$(false) `x`\"";
        let system = System {
            accounts: vec![AccountFile {
                path: InstallPath::new("/usr/lib/sysusers.d/acme.conf").unwrap(),
                lines: vec![line.to_owned()],
                accounts: vec![Account::parse(line).unwrap()],
            }],
            ..System::default()
        };
        let folder = tempfile::tempdir().unwrap();
        let tool = folder.path().join("systemd-sysusers");
        std::fs::write(&tool, "#!/bin/sh\necho \"$@\"; cat\n").unwrap();
        std::fs::set_permissions(&tool, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let script = format!("set -eu\n{}", accounts(&system));
        let path = format!("{}:/usr/bin:/bin", folder.path().display());
        let done =
            Command::new("/bin/sh").arg("-c").arg(&script).env("PATH", path).env("DPKG_ROOT", "/r").output();
        assert_eq!(
            String::from_utf8_lossy(&done.unwrap().stdout),
            format!("--root=/r --replace=/usr/lib/sysusers.d/acme.conf -\n{line}\n")
        );
    }
}
