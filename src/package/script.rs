//! Maintainer scripts and scriptlets: the user's, and around it what explant adds.

use crate::config::executable;
use crate::error::{Error, Result};
use crate::shell::quoted;

/// What explant adds to a script, as shell text of whole lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Additions {
    pub before: String,
    pub after: String,
}

/// What a script of debconf's begins with: it starts the script anew, under a frontend (debconf-devel(7), confmodule(3)).
const DEBCONF: &str = "/usr/share/debconf/confmodule";

/// A script's whole text; `None` where there is none. `field` is where bundle.toml names the user's.
///
/// The user's script may end by `exit 0`, replace itself (`exec`) or set options. Where something comes behind it, it runs in
/// a subshell, where all that ends with it; its status counts. It is read there as from a file, a command at a time: what `alias` or `shopt`
/// change holds for the next line, and what stands behind `exit` need not be shell. debconf is asked before that: what it starts anew must not be the
/// subshell, or all that comes behind would be done in there and once more.
///
/// Errors: something is to be added to a script in another language.
pub fn merged(field: &str, script: Option<&str>, additions: &Additions) -> Result<Option<String>> {
    let Additions { before, after } = additions;
    let nothing = before.is_empty() && after.is_empty();
    let Some(script) = script else {
        return Ok((!nothing).then(|| format!("#!/bin/sh\nset -e\n{before}{after}")));
    };
    if nothing {
        return Ok(Some(script.to_owned()));
    }
    let script = executable(script.to_owned());
    let (interpreter, rest) = script.split_once('\n').unwrap_or((&script, ""));
    check_shell(field, &script)?;
    let debconf = match rest.contains(DEBCONF) {
        true => format!("if [ -e {DEBCONF} ]; then\n. {DEBCONF}\nfi\n"),
        false => String::new(),
    };
    Ok(Some(match after.is_empty() {
        true => format!("{interpreter}\n{before}{rest}"),
        false => format!(
            "{interpreter}\n{debconf}{before}(eval {})\nexplant_status=$?\n[ $explant_status = 0 ] || exit $explant_status\n{after}",
            quoted(rest)
        ),
    }))
}

/// What a script says to be run by: the words of its first line.
pub fn interpreter(script: &str) -> Vec<&str> {
    let first = script.lines().next().unwrap_or_default();
    first.strip_prefix("#!").unwrap_or_default().split_whitespace().collect()
}

fn check_shell(field: &str, script: &str) -> Result<()> {
    let interpreter = interpreter(script);
    if program(&interpreter).is_some_and(|program| ["sh", "bash", "dash"].contains(&program)) {
        return Ok(());
    }
    Err(Error::usage(format!(
        "{field} is run by {:?}, and explant has to add to it in shell (file capabilities, units, accounts)",
        interpreter.join(" ")
    ))
    .remedy("write it for /bin/sh, or switch off what would be added (`[install.system]`)"))
}

/// The name of the program that runs in the end: `env` starts another. All that stands behind it is one word for it, unless there is
/// `-S` (env(1)).
fn program<'a>(interpreter: &[&'a str]) -> Option<&'a str> {
    let name = |path: &'a str| path.rsplit('/').next().unwrap_or(path);
    let first = name(interpreter.first()?);
    match interpreter[1..] {
        [started] | ["-S", started, ..] if first == "env" => Some(name(started)),
        _ => Some(first),
    }
}

/// A template with its `@NAMES@` filled in.
pub fn filled(template: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(template.to_owned(), |text, (name, value)| text.replace(&format!("@{name}@"), value))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn additions(before: &str, after: &str) -> Additions {
        Additions { before: before.into(), after: after.into() }
    }

    /// Runs it; what it says, and its status.
    fn run(script: &str) -> (String, i32) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("script");
        std::fs::write(&file, script).unwrap();
        let first = script.lines().next().unwrap();
        let mut command = Command::new(if first.contains("bash") { "bash" } else { "sh" });
        if first.ends_with(" -e") {
            command.arg("-e");
        }
        let done = command.arg(&file).arg("configure").output().unwrap();
        (String::from_utf8(done.stdout).unwrap(), done.status.code().unwrap())
    }

    #[test]
    fn whatever_the_users_script_does_ours_run_around_it() {
        let ours = additions("echo before\n", "echo after $1\n");
        for (script, said, status) in [
            ("echo user; exit 0", "before\nuser\nafter configure\n", 0),
            ("#!/bin/sh -e\necho user\nexit 0\n", "before\nuser\nafter configure\n", 0),
            ("#!/bin/bash\nexec echo user\n", "before\nuser\nafter configure\n", 0),
            ("#!/usr/bin/env bash\nexec echo user\n", "before\nuser\nafter configure\n", 0),
            ("#!/usr/bin/env -S bash -e\nfalse\necho never", "before\n", 1),
            ("false\necho $1", "before\nconfigure\nafter configure\n", 0),
            ("set -eu\ncd /\ntrap 'echo trapped' EXIT\n", "before\ntrapped\nafter configure\n", 0),
            ("cat <<X\nuser\nX", "before\nuser\nafter configure\n", 0),
            ("echo user # comment", "before\nuser\nafter configure\n", 0),
            ("", "before\nafter configure\n", 0),
            ("#!/bin/bash\nshopt -s extglob\necho /etc/!(*)\n", "before\n/etc/!(*)\nafter configure\n", 0),
            ("alias say='echo'\nsay \"it's\"\n", "before\nit's\nafter configure\n", 0),
            ("echo user\nexit 0\n__DATA__\nit's (no shell\n", "before\nuser\nafter configure\n", 0),
            ("exit 3", "before\n", 3),
            ("set -e\nfalse\necho never", "before\n", 1),
        ] {
            let merged = merged("scripts.postinstall", Some(script), &ours).unwrap().unwrap();
            assert_eq!(run(&merged), (said.to_owned(), status), "{merged}");
        }
    }

    #[test]
    fn what_debconf_starts_anew_does_everything_once() {
        let folder = tempfile::tempdir().unwrap();
        let frontend = folder.path().join("confmodule");
        let starts = "[ -n \"$FRONTEND\" ] || { export FRONTEND=1; exec sh \"$0\" \"$@\"; }\n";
        std::fs::write(&frontend, starts).unwrap();
        let script = format!("#!/bin/sh\n. {DEBCONF}\necho user\n");
        let merged =
            merged("f", Some(&script), &additions("echo before\n", "echo after\n")).unwrap().unwrap();
        let merged = merged.replace(DEBCONF, frontend.to_str().unwrap());
        assert_eq!(run(&merged), ("before\nuser\nafter\n".to_owned(), 0), "{merged}");
    }

    #[test]
    fn what_nothing_is_added_to_stays_as_it_is() {
        let none = Additions::default();
        assert_eq!(merged("f", None, &none).unwrap(), None);
        assert_eq!(merged("f", Some("#!/usr/bin/perl\n1"), &none).unwrap().unwrap(), "#!/usr/bin/perl\n1");
        assert_eq!(merged("f", Some("true"), &none).unwrap().unwrap(), "true");
        assert_eq!(
            merged("f", None, &additions("", "true\n")).unwrap().unwrap(),
            "#!/bin/sh\nset -e\ntrue\n"
        );
    }

    #[test]
    fn the_program_behind_env_counts() {
        for (first, wanted) in [
            ("#!/bin/bash -e", Some("bash")),
            ("#! /usr/bin/env sh", Some("sh")),
            ("#!/usr/bin/env -S dash -e -u", Some("dash")),
            ("#!/usr/bin/env bash -e", Some("env")),
            ("#!/usr/bin/env", Some("env")),
            ("#!", None),
        ] {
            assert_eq!(program(&interpreter(first)), wanted, "{first}");
        }
    }

    #[test]
    fn a_script_in_another_language_is_refused() {
        let error = merged("scripts.x", Some("#!/usr/bin/python3\n"), &additions("", "true\n")).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("scripts.x") && text.contains("/usr/bin/python3"), "{text}");
        assert_eq!(error.exit_status(), 2);
    }
}
