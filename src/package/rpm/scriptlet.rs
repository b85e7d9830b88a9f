//! Scriptlets.

use super::super::script::merged;
use super::header::{Header, Value};
use super::relations::Dependency;
use super::system;
use super::tag::{sense, tags};
use crate::error::Result;
use crate::plan::Plan;

/// Puts the scripts and their interpreters into the header; returns what they require.
///
/// rpm hands a script to its interpreter as a file, so what the script's first line says is taken from it.
///
/// Errors: something is to be added to a script that is not the shell's.
pub fn put(header: &mut Header, plan: &Plan) -> Result<Vec<Dependency>> {
    let scripts = &plan.package.scripts;
    let added = system::phases(&plan.system);
    let mut interpreters = Vec::new();
    let texts = [
        merged("scripts.preinstall", scripts.preinstall.as_deref(), &added.preinstall)?,
        merged("scripts.postinstall", scripts.postinstall.as_deref(), &added.postinstall)?,
        merged("scripts.preremove", scripts.preremove.as_deref(), &added.preremove)?,
        merged("scripts.postremove", scripts.postremove.as_deref(), &added.postremove)?,
    ];
    let tags = [
        (tags::PREIN, tags::PREINPROG, sense::SCRIPT_PRE),
        (tags::POSTIN, tags::POSTINPROG, sense::SCRIPT_POST),
        (tags::PREUN, tags::PREUNPROG, sense::SCRIPT_PREUN),
        (tags::POSTUN, tags::POSTUNPROG, sense::SCRIPT_POSTUN),
    ];
    for (text, (tag, program_tag, when)) in texts.into_iter().zip(tags) {
        let Some(text) = text else { continue };
        let first = text.lines().next().unwrap_or_default();
        let command: Vec<&str> = first.strip_prefix("#!").unwrap_or_default().split_whitespace().collect();
        header.put(tag, Value::text(&text));
        interpreters.push(Dependency::script(command.first().unwrap_or(&"/bin/sh"), when | sense::INTERP));
        header.put(
            program_tag,
            match command[..] {
                [] => Value::text("/bin/sh"),
                [program] => Value::text(program),
                _ => Value::texts(command),
            },
        );
    }
    Ok(interpreters)
}
