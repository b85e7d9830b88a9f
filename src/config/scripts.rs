//! `[scripts]`, and those of one format: what runs when a package is installed or removed.

use toml::Spanned;

use super::document::{Document, suggest};
use super::relations;
use super::schema::{self, Schema, Strings, Value};
use super::text::{self, Wanted};
use crate::error::Result;
use crate::path::printable;

/// Maintainer scripts, their text. Each begins with a `#!` line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scripts {
    pub common: InstallScripts,
    pub deb: DebScripts,
    pub rpm: RpmScripts,
}

/// The scripts that both formats know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstallScripts {
    pub preinstall: Option<String>,
    pub postinstall: Option<String>,
    pub preremove: Option<String>,
    pub postremove: Option<String>,
}

/// The scripts of a .deb.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DebScripts {
    /// Those that are given are instead of the common ones.
    pub own: InstallScripts,
    /// debconf's (debconf-devel(7)).
    pub config: Option<String>,
    /// debconf's questions: text, no script.
    pub templates: Option<String>,
    /// Shipped as nfpm does; nothing reads it.
    pub rules: Option<String>,
}

/// The scriptlets of an .rpm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RpmScripts {
    /// Those that are given are instead of the common ones.
    pub own: InstallScripts,
    pub pretrans: Option<String>,
    pub posttrans: Option<String>,
    /// Read by rpm 4.19 and later; older ones pass over it.
    pub preuntrans: Option<String>,
    /// As preuntrans.
    pub postuntrans: Option<String>,
    pub verify: Option<String>,
    pub triggers: Vec<RpmTrigger>,
}

/// A script that runs when another package comes or goes (rpm's triggers.md, file_triggers.md).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RpmTrigger {
    pub kind: TriggerKind,
    pub scope: TriggerScope,
    /// Begins with a `#!` line.
    pub script: String,
    /// Other packages, as relations, or beginnings of paths; at least one.
    pub conditions: Vec<String>,
}

/// What a trigger waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriggerScope {
    Package,
    /// A package with files below a path.
    Files,
    /// The same, once for a transaction.
    Transaction,
}

/// When a trigger runs: before or after the other package is installed, before or after it is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriggerKind {
    Prein,
    In,
    Un,
    Postun,
}

/// nfpm's names, and rpm's own of the triggers on files.
const TRIGGERS: &[(&str, TriggerKind, TriggerScope)] = &[
    ("prein", TriggerKind::Prein, TriggerScope::Package),
    ("in", TriggerKind::In, TriggerScope::Package),
    ("un", TriggerKind::Un, TriggerScope::Package),
    ("postun", TriggerKind::Postun, TriggerScope::Package),
    ("filein", TriggerKind::In, TriggerScope::Files),
    ("fileun", TriggerKind::Un, TriggerScope::Files),
    ("filepostun", TriggerKind::Postun, TriggerScope::Files),
    ("transfilein", TriggerKind::In, TriggerScope::Transaction),
    ("transfileun", TriggerKind::Un, TriggerScope::Transaction),
    ("transfilepostun", TriggerKind::Postun, TriggerScope::Transaction),
];

impl Scripts {
    pub(super) fn from_schema(document: &Document, schema: &Schema) -> Result<Self> {
        Ok(Scripts {
            common: InstallScripts::from_schema(document, &schema.scripts)?,
            deb: DebScripts::from_schema(document, schema)?,
            rpm: RpmScripts::from_schema(document, schema)?,
        })
    }

    /// What the .deb has.
    pub fn for_deb(&self) -> DebScripts {
        let deb = self.deb.clone();
        DebScripts { own: deb.own.or(&self.common), ..deb }
    }

    /// What the .rpm has.
    pub fn for_rpm(&self) -> RpmScripts {
        let rpm = self.rpm.clone();
        RpmScripts { own: rpm.own.or(&self.common), ..rpm }
    }
}

impl InstallScripts {
    fn from_schema(document: &Document, schema: &schema::Scripts) -> Result<Self> {
        Ok(InstallScripts {
            preinstall: optional(document, &schema.preinstall)?,
            postinstall: optional(document, &schema.postinstall)?,
            preremove: optional(document, &schema.preremove)?,
            postremove: optional(document, &schema.postremove)?,
        })
    }

    /// With the other's where it has none.
    fn or(self, other: &Self) -> Self {
        InstallScripts {
            preinstall: self.preinstall.or_else(|| other.preinstall.clone()),
            postinstall: self.postinstall.or_else(|| other.postinstall.clone()),
            preremove: self.preremove.or_else(|| other.preremove.clone()),
            postremove: self.postremove.or_else(|| other.postremove.clone()),
        }
    }
}

impl DebScripts {
    fn from_schema(document: &Document, schema: &Schema) -> Result<Self> {
        let own = &schema.deb.scripts;
        Ok(DebScripts {
            own: InstallScripts::from_schema(document, &schema.overrides.deb.scripts)?,
            config: optional(document, &own.config)?,
            templates: own.templates.as_ref().map(|value| content(document, value)).transpose()?,
            rules: optional(document, &own.rules)?,
        })
    }
}

impl RpmScripts {
    fn from_schema(document: &Document, schema: &Schema) -> Result<Self> {
        let own = &schema.rpm.scripts;
        Ok(RpmScripts {
            own: InstallScripts::from_schema(document, &schema.overrides.rpm.scripts)?,
            pretrans: optional(document, &own.pretrans)?,
            posttrans: optional(document, &own.posttrans)?,
            preuntrans: optional(document, &own.preuntrans)?,
            postuntrans: optional(document, &own.postuntrans)?,
            verify: optional(document, &own.verify)?,
            triggers: schema
                .rpm
                .triggers
                .iter()
                .map(|raw| RpmTrigger::from_schema(document, raw))
                .collect::<Result<_>>()?,
        })
    }
}

impl RpmTrigger {
    fn from_schema(document: &Document, schema: &schema::RpmTrigger) -> Result<Self> {
        let (kind, scope) = trigger_kind(document, &schema.kind)?;
        let script = trigger_script(document, schema)?;
        Ok(RpmTrigger { kind, scope, script, conditions: conditions(document, &schema.conditions, scope)? })
    }
}

fn trigger_kind(document: &Document, value: &Spanned<String>) -> Result<(TriggerKind, TriggerScope)> {
    let name = value.get_ref().as_str();
    let known: Vec<_> = TRIGGERS.iter().map(|(name, ..)| *name).collect();
    let found = TRIGGERS.iter().find(|(known, ..)| *known == name);
    found.map(|(_, kind, scope)| (*kind, *scope)).ok_or_else(|| {
        document.wrong(value.span(), format!("cannot be `{}`", printable(name.as_bytes()))).remedy(suggest(
            name,
            &known,
            "a trigger",
        ))
    })
}

/// The interpreter goes into the first line, where all other scripts have it.
fn trigger_script(document: &Document, schema: &schema::RpmTrigger) -> Result<String> {
    let text = script(document, &schema.script)?;
    let Some(interpreter) = &schema.interpreter else {
        if text.lines().next().unwrap_or_default().trim().contains(char::is_whitespace) {
            return Err(document
                .wrong(schema.script.span(), "has arguments in its `#!` line, which rpm has no place for")
                .remedy("write them in the script, as `set -e`"));
        }
        return Ok(text);
    };
    let program = text::line(document, interpreter)?;
    if !program.starts_with('/') && program != LUA {
        return Err(document
            .wrong(interpreter.span(), format!("is no interpreter: `{}`", printable(program.as_bytes())))
            .remedy("write its absolute path, as `/bin/bash`, or `<lua>`"));
    }
    let body = text.split_once('\n').map_or("", |(_, body)| body);
    Ok(format!("#!{program}\n{body}"))
}

/// rpm's own interpreter, which is there before any file is (rpm's lua.md).
pub const LUA: &str = "<lua>";

fn conditions(document: &Document, values: &Spanned<Strings>, scope: TriggerScope) -> Result<Vec<String>> {
    let path = |value| text::install_path(document, value).map(|path| path.to_string_lossy().into_owned());
    let conditions = match scope {
        TriggerScope::Package => relations::list(document, values.get_ref())?,
        _ => values.get_ref().iter().map(path).collect::<Result<_>>()?,
    };
    if conditions.is_empty() {
        return Err(document
            .wrong(values.span(), "is empty")
            .remedy("name the packages that the trigger waits for, as `[\"sudo >= 1.9\"]`"));
    }
    Ok(conditions)
}

fn optional(document: &Document, value: &Value<String>) -> Result<Option<String>> {
    value.as_ref().map(|value| script(document, value)).transpose()
}

/// Reads a script. One without a `#!` line gets the shell's: rpm runs it so, and dpkg cannot run it at all.
fn script(document: &Document, value: &Spanned<String>) -> Result<String> {
    let text = content(document, value)?;
    let first_line = text.split('\n').next().unwrap_or_default();
    if first_line.starts_with("#!") && first_line.ends_with('\r') {
        return Err(document
            .wrong(
                value.span(),
                format!(
                    "has a `#!` line that ends in a carriage return: {}",
                    printable(value.get_ref().as_bytes())
                ),
            )
            .remedy(
                "save it with Unix line ends; the kernel takes the carriage return for a part of the name",
            ));
    }
    Ok(executable(text))
}

/// With a `#!` line: dpkg executes scripts; rpm, which runs them with /bin/sh when they do not say otherwise, is followed here.
pub fn executable(text: String) -> String {
    if text.starts_with("#!") { text } else { format!("#!/bin/sh\n{text}") }
}

/// The text of a file.
fn content(document: &Document, value: &Spanned<String>) -> Result<String> {
    let path = text::user_file(document, value, Wanted::File)?;
    let shown = printable(std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()));
    let bytes = std::fs::read(&path)
        .map_err(|cause| document.wrong(value.span(), format!("cannot be read: {shown}: {cause}")))?;
    String::from_utf8(bytes)
        .ok()
        .filter(|text| !text.contains('\0'))
        .ok_or_else(|| document.wrong(value.span(), format!("is no text: {shown}")).remedy("name a script"))
}
