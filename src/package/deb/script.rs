//! Maintainer scripts (Policy 6).

use super::super::script::{interpreter, merged};
use super::super::tree::Member;
use super::system;
use crate::config::{LUA, executable};
use crate::error::{Error, Result};
use crate::plan::Plan;

/// Defines explant_setcap, which sets one file's capabilities.
const SETCAP: &str = include_str!("../../../templates/setcap.sh");

/// The scripts that the package has: name, mode, text.
///
/// A .deb has no field for file capabilities, so postinst sets them, each time: dpkg's unpacking has lost them. They come
/// before what the user's script does, which may start what needs them.
///
/// Errors: a script is for rpm's own interpreter; something is to be added to one that is not the shell's.
pub fn scripts(plan: &Plan, members: &[&Member]) -> Result<Vec<(&'static str, u32, Vec<u8>)>> {
    let scripts = plan.package.scripts.for_deb();
    let mut added = system::phases(plan);
    added.postinstall.before.insert_str(0, &set_capabilities(members));
    let mut files = Vec::new();
    for (name, field, script, additions) in [
        ("preinst", "scripts.preinstall", &scripts.own.preinstall, &added.preinstall),
        ("postinst", "scripts.postinstall", &scripts.own.postinstall, &added.postinstall),
        ("prerm", "scripts.preremove", &scripts.own.preremove, &added.preremove),
        ("postrm", "scripts.postremove", &scripts.own.postremove, &added.postremove),
    ] {
        check_runs(field, script.as_deref())?;
        let text = merged(field, script.as_deref(), additions)?;
        files.extend(text.map(|text| (name, 0o755, executable(text).into_bytes())));
    }
    for (name, script) in [("config", scripts.config), ("rules", scripts.rules)] {
        files.extend(script.map(|text| (name, 0o755, executable(text).into_bytes())));
    }
    files.extend(scripts.templates.map(|text| ("templates", 0o644, text.into_bytes())));
    Ok(files)
}

/// dpkg executes a script, and only rpm has Lua in it.
fn check_runs(field: &str, script: Option<&str>) -> Result<()> {
    if script.is_none_or(|script| interpreter(script).first() != Some(&LUA)) {
        return Ok(());
    }
    Err(Error::usage(format!(
        "bundle.toml: {field} is for rpm's own interpreter, {LUA}, and cannot run in a .deb"
    ))
    .remedy("name it under [overrides.rpm.scripts] instead, or leave the .deb out (-f rpm,tar)"))
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
