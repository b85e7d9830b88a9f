//! Scriptlets.

use super::header::{Header, Value};
use super::relations::Dependency;
use super::tag::{sense, tags};
use crate::config::Scripts;

/// Puts the scripts and their interpreters into the header; returns what they require.
///
/// rpm hands a script to its interpreter as a file, so what the script's first line says is taken from it.
pub fn put(header: &mut Header, scripts: &Scripts) -> Vec<Dependency> {
    let mut interpreters = Vec::new();
    for (script, tag, program_tag, when) in [
        (&scripts.preinstall, tags::PREIN, tags::PREINPROG, sense::SCRIPT_PRE),
        (&scripts.postinstall, tags::POSTIN, tags::POSTINPROG, sense::SCRIPT_POST),
        (&scripts.preremove, tags::PREUN, tags::PREUNPROG, sense::SCRIPT_PREUN),
        (&scripts.postremove, tags::POSTUN, tags::POSTUNPROG, sense::SCRIPT_POSTUN),
    ] {
        let Some(text) = script else { continue };
        let first = text.lines().next().unwrap_or_default();
        let command: Vec<&str> = first.strip_prefix("#!").unwrap_or_default().split_whitespace().collect();
        header.put(tag, Value::text(text));
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
    interpreters
}
