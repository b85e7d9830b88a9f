//! Maintainer scripts (Policy 6).

use super::super::tree::Member;
use crate::config::DebScripts;
use crate::error::{Error, Result};

/// Defines explant_setcap, which sets one file's capabilities.
const SETCAP: &str = include_str!("../../../templates/setcap.sh");

/// The scripts that the package has: name, mode, text.
///
/// A .deb has no field for file capabilities, so postinst sets them, each time: dpkg's unpacking has lost them.
pub fn scripts(scripts: &DebScripts, members: &[&Member]) -> Result<Vec<(&'static str, u32, Vec<u8>)>> {
    let capabilities = set_capabilities(members);
    let postinst = match (&scripts.postinstall, capabilities.is_empty()) {
        (None, true) => None,
        (script, true) => script.clone(),
        (None, false) => Some(format!("#!/bin/sh\nset -e\n{capabilities}")),
        (Some(script), false) => Some(merged(script, &capabilities)?),
    };
    let run = [
        ("preinst", scripts.preinstall.clone()),
        ("postinst", postinst),
        ("prerm", scripts.preremove.clone()),
        ("postrm", scripts.postremove.clone()),
        ("config", scripts.config.clone()),
        ("rules", scripts.rules.clone()),
    ];
    let run = run.into_iter().filter_map(|(name, text)| Some((name, 0o755, executable(text?).into_bytes())));
    let templates = scripts.templates.iter().map(|text| ("templates", 0o644, text.clone().into_bytes()));
    Ok(run.chain(templates).collect())
}

/// dpkg executes scripts; rpm, which runs them with /bin/sh when they do not say otherwise, is followed here.
fn executable(text: String) -> String {
    if text.starts_with("#!") { text } else { format!("#!/bin/sh\n{text}") }
}

/// The capabilities before what the user's script does: it may end in `exit 0`, and may start what needs them.
fn merged(script: &str, capabilities: &str) -> Result<String> {
    let script = executable(script.to_owned());
    let (interpreter, rest) = script.split_once('\n').unwrap_or((&script, ""));
    let program =
        interpreter.split_whitespace().next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    let is_shell = ["sh", "bash", "dash"].contains(&program);
    if !is_shell {
        return Err(Error::usage(format!(
            "scripts.postinstall is run by {:?}, and the .deb's has to set file capabilities in shell",
            interpreter.trim_start_matches("#!").trim()
        ))
        .remedy("write it for /bin/sh"));
    }
    Ok(format!("{interpreter}\n{capabilities}{rest}"))
}

/// Shell text that sets the capabilities of all files that have any; empty if none has.
fn set_capabilities(members: &[&Member]) -> String {
    let calls: Vec<String> = members
        .iter()
        .filter_map(|member| Some((member, member.entry.caps.as_ref()?)))
        .map(|(member, caps)| {
            // A script is bytes, but ours is text: what is not UTF-8 is written in octal, for printf.
            let path = octal(member.path.as_bytes());
            format!("    explant_setcap '{}' '{path}'\n", octal(caps.as_bytes()))
        })
        .collect();
    if calls.is_empty() {
        return String::new();
    }
    format!("{SETCAP}if [ \"$1\" = configure ]; then\n{}fi\n", calls.concat())
}

/// For printf's `%b`, between single quotes: letters and the like as they are, all else as `\0ooo`.
fn octal(bytes: &[u8]) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._+-=,: ".contains(&b);
    bytes.iter().map(|&b| if plain(b) { char::from(b).to_string() } else { format!("\\0{b:03o}") }).collect()
}
