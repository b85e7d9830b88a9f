//! File capabilities as text (cap_from_text(3)).

use super::document::{listed, suggest};

/// linux/capability.h, in the order of their numbers, as of Linux 6.18.
const NAMES: &[&str] = &[
    "cap_chown",
    "cap_dac_override",
    "cap_dac_read_search",
    "cap_fowner",
    "cap_fsetid",
    "cap_kill",
    "cap_setgid",
    "cap_setuid",
    "cap_setpcap",
    "cap_linux_immutable",
    "cap_net_bind_service",
    "cap_net_broadcast",
    "cap_net_admin",
    "cap_net_raw",
    "cap_ipc_lock",
    "cap_ipc_owner",
    "cap_sys_module",
    "cap_sys_rawio",
    "cap_sys_chroot",
    "cap_sys_ptrace",
    "cap_sys_pacct",
    "cap_sys_admin",
    "cap_sys_boot",
    "cap_sys_nice",
    "cap_sys_resource",
    "cap_sys_time",
    "cap_sys_tty_config",
    "cap_mknod",
    "cap_lease",
    "cap_audit_write",
    "cap_audit_control",
    "cap_setfcap",
    "cap_mac_override",
    "cap_mac_admin",
    "cap_syslog",
    "cap_wake_alarm",
    "cap_block_suspend",
    "cap_audit_read",
    "cap_perfmon",
    "cap_bpf",
    "cap_checkpoint_restore",
];

/// Why a text is no set of file capabilities.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub what: String,
    pub remedy: String,
}

impl Wrong {
    fn new(what: impl Into<String>) -> Self {
        Wrong {
            what: what.into(),
            remedy: "write it as setcap takes it: `cap_net_raw,cap_net_admin+ep`".to_owned(),
        }
    }
}

/// One bit for each capability.
#[derive(Default)]
struct Sets {
    effective: u64,
    permitted: u64,
    inheritable: u64,
}

/// Checks that setcap(8) would take `text` for a file.
pub(super) fn check(text: &str) -> Result<(), Wrong> {
    let mut sets = Sets::default();
    for clause in text.split_whitespace() {
        read_clause(clause, &mut sets)?;
    }
    let given = sets.permitted | sets.inheritable;
    if given == 0 {
        return Err(Wrong::new("gives no capability to the file"));
    }
    // A file has one effective bit for all its capabilities together (capabilities(7), "File capabilities").
    if sets.effective != 0 && sets.effective != given {
        return Err(Wrong::new("makes some capabilities effective and others not, which a file cannot"));
    }
    Ok(())
}

/// `names`, then one or more times an operator and flags: `cap_net_raw,cap_kill=ep-i`.
fn read_clause(clause: &str, sets: &mut Sets) -> Result<(), Wrong> {
    let Some(operators) = clause.find(['=', '+', '-']) else {
        return Err(Wrong::new(format!("does not say which sets `{clause}` goes to")));
    };
    let (names, mut rest) = clause.split_at(operators);
    let named = read_names(names, rest.starts_with('='))?;
    while let Some(operator) = rest.chars().next() {
        let flags = &rest[1..];
        let end = flags.find(['=', '+', '-']).unwrap_or(flags.len());
        apply(sets, named, operator, &flags[..end])?;
        rest = &flags[end..];
    }
    Ok(())
}

/// The bits of a list of names; none at all stands for every one, before `=` only.
fn read_names(names: &str, before_equals: bool) -> Result<u64, Wrong> {
    let all = (1 << NAMES.len()) - 1;
    if names.is_empty() && before_equals || names.eq_ignore_ascii_case("all") {
        return Ok(all);
    }
    let mut bits = 0;
    for name in names.split(',') {
        let lower = name.to_ascii_lowercase();
        let Some(number) = NAMES.iter().position(|known| *known == lower) else {
            let what = format!("names no capability that Linux has: `{name}`");
            return Err(Wrong { what, remedy: suggest(name, NAMES, "a capability") });
        };
        bits |= 1 << number;
    }
    Ok(bits)
}

fn apply(sets: &mut Sets, named: u64, operator: char, flags: &str) -> Result<(), Wrong> {
    if let Some(flag) = flags.chars().find(|flag| !"eip".contains(*flag)) {
        return Err(Wrong {
            what: format!("names no set of capabilities: `{flag}`"),
            remedy: format!("a set is {}", listed(&["e", "i", "p"])),
        });
    }
    for (flag, set) in [('e', &mut sets.effective), ('p', &mut sets.permitted), ('i', &mut sets.inheritable)]
    {
        let raised = flags.contains(flag);
        match operator {
            '-' if raised => *set &= !named,
            '+' if raised => *set |= named,
            '=' if raised => *set |= named,
            '=' => *set &= !named,
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn takes_what_setcap_takes() {
        for text in [
            "cap_net_raw+ep",
            "cap_net_raw,cap_net_admin=ep",
            "CAP_NET_RAW=ep",
            "cap_net_raw=p cap_net_admin=p",
            "cap_net_raw=eip-i",
            "all=ep",
            "=ep",
            "cap_net_raw=i",
            "  cap_setuid=ep   cap_setgid+ep ",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        for (text, what) in [
            ("", "gives no capability"),
            ("cap_net_raw", "does not say which sets"),
            ("cap_net_raww+ep", "no capability that Linux has"),
            ("cap_net_raw,+ep", "no capability that Linux has"),
            ("+ep", "no capability that Linux has"),
            ("cap_net_raw+x", "names no set"),
            ("cap_net_raw+é", "names no set"),
            ("cap_net_raw+e", "gives no capability"),
            ("cap_net_raw=ep cap_kill=p", "makes some capabilities effective"),
            ("cap_net_raw=ep-ep", "gives no capability"),
        ] {
            let wrong = check(text).unwrap_err();
            assert!(wrong.what.contains(what), "{text}: {wrong:?}");
        }
        assert_eq!(check("cap_net_rew+ep").unwrap_err().remedy, "did you mean `cap_net_raw`?");
    }

    proptest! {
        #[test]
        fn never_panics(text in ".*") {
            let _ = check(&text);
        }
    }
}
