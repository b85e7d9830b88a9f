//! Scriptlets and triggers.

use super::super::script::{interpreter, merged};
use super::header::{Header, Value};
use super::relations::Dependency;
use super::system;
use super::tag::{sense, tags};
use crate::config::{LUA, RpmTrigger, TriggerKind, TriggerScope};
use crate::error::Result;
use crate::plan::Plan;

/// Puts the scripts and their interpreters into the header; returns what they require.
///
/// The tags of the transactions' scriptlets are older than rpm 4.14, but for those of removal, which came with 4.19; an rpm that
/// does not know a tag passes over it.
///
/// Errors: something is to be added to a script that is not the shell's; a trigger's condition is no relation that rpm can say.
pub fn put(header: &mut Header, plan: &Plan) -> Result<Vec<Dependency>> {
    let mut scripts = plan.package.scripts.for_rpm();
    let added = system::phases(&plan.system.rpm);
    for (field, script, additions) in [
        ("scripts.preinstall", &mut scripts.own.preinstall, &added.preinstall),
        ("scripts.postinstall", &mut scripts.own.postinstall, &added.postinstall),
        ("scripts.preremove", &mut scripts.own.preremove, &added.preremove),
        ("scripts.postremove", &mut scripts.own.postremove, &added.postremove),
    ] {
        *script = merged(field, script.as_deref(), additions)?;
    }
    let mut interpreters = Vec::new();
    for (script, tag, program_tag, when) in [
        (&scripts.own.preinstall, tags::PREIN, tags::PREINPROG, sense::SCRIPT_PRE),
        (&scripts.own.postinstall, tags::POSTIN, tags::POSTINPROG, sense::SCRIPT_POST),
        (&scripts.own.preremove, tags::PREUN, tags::PREUNPROG, sense::SCRIPT_PREUN),
        (&scripts.own.postremove, tags::POSTUN, tags::POSTUNPROG, sense::SCRIPT_POSTUN),
        (&scripts.pretrans, tags::PRETRANS, tags::PRETRANSPROG, sense::PRETRANS),
        (&scripts.posttrans, tags::POSTTRANS, tags::POSTTRANSPROG, sense::POSTTRANS),
        (&scripts.preuntrans, tags::PREUNTRANS, tags::PREUNTRANSPROG, sense::PREUNTRANS),
        (&scripts.postuntrans, tags::POSTUNTRANS, tags::POSTUNTRANSPROG, sense::POSTUNTRANS),
        (&scripts.verify, tags::VERIFYSCRIPT, tags::VERIFYSCRIPTPROG, sense::SCRIPT_VERIFY),
    ] {
        let Some(text) = script else { continue };
        let (command, body) = command(text);
        header.put(tag, Value::text(body));
        interpreters.push(requirement(&command, when));
        header.put(
            program_tag,
            match &command[..] {
                [program] => Value::text(program),
                _ => Value::texts(command),
            },
        );
    }
    interpreters.extend(put_triggers(header, &scripts.triggers)?);
    Ok(interpreters)
}

/// The interpreter with its arguments, and what it gets to read. rpm hands a script to its interpreter as a file, so what the
/// script's first line says is taken from it; Lua, which gets it as a text, would stumble over that line.
fn command(text: &str) -> (Vec<&str>, &str) {
    let command = interpreter(text);
    match command[..] {
        [] => (vec!["/bin/sh"], text),
        [LUA, ..] => (vec![LUA], text.split_once('\n').map_or("", |(_, rest)| rest)),
        _ => (command, text),
    }
}

fn requirement(command: &[&str], when: u32) -> Dependency {
    match command.first() {
        Some(&LUA) => Dependency::rpmlib("BuiltinLuaScripts", "4.2.2-1"),
        program => Dependency::script(program.unwrap_or(&"/bin/sh"), when | sense::INTERP),
    }
}

/// The tags of the triggers of one scope.
struct TriggerTags {
    scripts: u32,
    programs: u32,
    names: u32,
    versions: u32,
    flags: u32,
    index: u32,
    priorities: Option<u32>,
}

const PACKAGE_TRIGGERS: TriggerTags = TriggerTags {
    scripts: tags::TRIGGERSCRIPTS,
    programs: tags::TRIGGERSCRIPTPROG,
    names: tags::TRIGGERNAME,
    versions: tags::TRIGGERVERSION,
    flags: tags::TRIGGERFLAGS,
    index: tags::TRIGGERINDEX,
    priorities: None,
};

const FILE_TRIGGERS: TriggerTags = TriggerTags {
    scripts: tags::FILETRIGGERSCRIPTS,
    programs: tags::FILETRIGGERSCRIPTPROG,
    names: tags::FILETRIGGERNAME,
    versions: tags::FILETRIGGERVERSION,
    flags: tags::FILETRIGGERFLAGS,
    index: tags::FILETRIGGERINDEX,
    priorities: Some(tags::FILETRIGGERPRIORITIES),
};

const TRANSACTION_TRIGGERS: TriggerTags = TriggerTags {
    scripts: tags::TRANSFILETRIGGERSCRIPTS,
    programs: tags::TRANSFILETRIGGERSCRIPTPROG,
    names: tags::TRANSFILETRIGGERNAME,
    versions: tags::TRANSFILETRIGGERVERSION,
    flags: tags::TRANSFILETRIGGERFLAGS,
    index: tags::TRANSFILETRIGGERINDEX,
    priorities: Some(tags::TRANSFILETRIGGERPRIORITIES),
};

/// rpm's own (RPMTRIGGER_DEFAULT_PRIORITY).
const PRIORITY: u32 = 1_000_000;

/// Each condition has a place in three lists, and says by number which script it belongs to (rpm's build/parseScript.c).
fn put_triggers(header: &mut Header, all: &[RpmTrigger]) -> Result<Vec<Dependency>> {
    let mut interpreters = Vec::new();
    for (scope, tags) in [
        (TriggerScope::Package, PACKAGE_TRIGGERS),
        (TriggerScope::Files, FILE_TRIGGERS),
        (TriggerScope::Transaction, TRANSACTION_TRIGGERS),
    ] {
        let triggers: Vec<&RpmTrigger> = all.iter().filter(|trigger| trigger.scope == scope).collect();
        if triggers.is_empty() {
            continue;
        }
        // A trigger's interpreter has no arguments: there is one text for each script.
        let commands: Vec<_> = triggers.iter().map(|trigger| command(&trigger.script)).collect();
        interpreters.extend(commands.iter().map(|(command, _)| requirement(command, sense::ANY)));
        header.put(tags.scripts, Value::texts(commands.iter().map(|(_, body)| body)));
        header.put(tags.programs, Value::texts(commands.iter().map(|(command, _)| command[0])));
        let mut conditions: Vec<(Dependency, u32)> = Vec::new();
        for (trigger, number) in triggers.iter().zip(0..) {
            for text in &trigger.conditions {
                conditions.push((condition(trigger, text)?, number));
            }
        }
        header.put(tags.names, Value::texts(conditions.iter().map(|(on, _)| &on.name)));
        header.put(tags.versions, Value::texts(conditions.iter().map(|(on, _)| &on.version)));
        header.put(tags.flags, Value::Int32(conditions.iter().map(|(on, _)| on.flags).collect()));
        header.put(tags.index, Value::Int32(conditions.iter().map(|(_, number)| *number).collect()));
        if let Some(priorities) = tags.priorities {
            header.put(priorities, Value::Int32(vec![PRIORITY; triggers.len()]));
        }
    }
    Ok(interpreters)
}

fn condition(trigger: &RpmTrigger, text: &str) -> Result<Dependency> {
    let when = match trigger.kind {
        TriggerKind::Prein => sense::TRIGGERPREIN,
        TriggerKind::In => sense::TRIGGERIN,
        TriggerKind::Un => sense::TRIGGERUN,
        TriggerKind::Postun => sense::TRIGGERPOSTUN,
    };
    match trigger.scope {
        TriggerScope::Package => Dependency::parse("rpm.triggers.conditions", text, when, false),
        TriggerScope::Files | TriggerScope::Transaction => Ok(Dependency::new(text, when, "")),
    }
}
