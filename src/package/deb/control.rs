//! The text files of control.tar: control (deb-control(5)), md5sums and conffiles (deb-conffiles(5)).

use std::fmt::Write;

use super::super::relation::{Relation, no_choice, wrong};
use super::super::tree::Member;
use super::system;
use crate::config::{DebTrigger, Format, Package, RelationKind, maintainer, names};
use crate::error::{Error, Result};
use crate::hex::hex;
use crate::path::printable;
use crate::plan::{Kind, Plan, Role};

/// The user's, or else what the programs are made for.
pub fn architecture(plan: &Plan) -> &str {
    plan.package.deb.arch.as_deref().unwrap_or(plan.architecture.deb())
}

/// The `triggers` file (deb-triggers(5)): the user's, and explant's own.
pub fn triggers(plan: &Plan) -> Vec<u8> {
    let line = |trigger: &DebTrigger| format!("{} {}", trigger.directive, trigger.name);
    let mut lines: Vec<String> = plan.package.deb.triggers.iter().map(line).collect();
    for own in system::triggers(&plan.system.deb) {
        if !lines.contains(&own) {
            lines.push(own);
        }
    }
    lines.iter().map(|line| format!("{line}\n")).collect::<String>().into_bytes()
}

/// Fields in the order that dpkg writes them.
pub fn control(plan: &Plan, members: &[&Member]) -> Result<String> {
    let package = &plan.package;
    let mut fields = vec![
        ("Package", names::deb_name(&package.name)),
        ("Version", names::deb_full_version(package)),
        ("Architecture", architecture(plan).to_owned()),
        ("Architecture-Variant", package.deb.arch_variant.clone().unwrap_or_default()),
        ("Maintainer", line("package.maintainer", &maintainer::for_deb(&package.maintainer))?),
        ("Installed-Size", installed_size(members).to_string()),
    ];
    fields.extend(relations(package)?);
    fields.extend([
        ("Section", line("package.section", &package.section)?),
        ("Priority", line("package.priority", &package.priority)?),
        ("Homepage", line("package.homepage", &package.homepage)?),
        ("Vendor", line("package.vendor", &package.vendor)?),
        ("Description", description(package)),
    ]);
    let mut text = String::new();
    for (name, value) in &fields {
        put(&mut text, name, value);
    }
    for (name, value) in &package.deb.fields {
        check_name(name, &fields)?;
        put(&mut text, name, &line(&format!("deb.fields.{name}"), value)?);
    }
    Ok(text)
}

fn put(text: &mut String, name: &str, value: &str) {
    if !value.is_empty() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name}: {value}");
    }
}

/// A value that must not break out of its line.
fn line(field: &str, value: &str) -> Result<String> {
    if value.contains(|c: char| c.is_control() && c != '\t') {
        return Err(wrong(field, value, "must be one line of text"));
    }
    Ok(value.trim().to_owned())
}

/// Names of further fields: printable US-ASCII without space and colon, not beginning with `#` or `-`
/// (deb822(5)); not one that stands there already.
fn check_name(name: &str, fields: &[(&str, String)]) -> Result<()> {
    let legal = name.chars().all(|c| c.is_ascii_graphic() && c != ':') && !name.starts_with(['#', '-']);
    if name.is_empty() || !legal {
        return Err(wrong("deb.fields", name, "is no name of a control field"));
    }
    if fields.iter().any(|(own, _)| own.eq_ignore_ascii_case(name)) {
        return Err(wrong("deb.fields", name, "is written by explant")
            .remedy("use the key of [package] or [deb] that it comes from"));
    }
    Ok(())
}

fn listed<'a>(key: &str, texts: &'a [String]) -> Vec<(String, &'a str)> {
    texts.iter().map(|text| (key.to_owned(), text.as_str())).collect()
}

/// In the order of deb-control(5). Alternatives are for those fields that say what is needed, ranges of versions for all but
/// Provides.
fn relations(package: &Package) -> Result<Vec<(&'static str, String)>> {
    let of = |kind| package.relations_in(Format::Deb, kind);
    let mut fields = Vec::new();
    for (name, has_alternatives, texts) in [
        ("Pre-Depends", true, listed("deb.predepends", &package.deb.predepends)),
        ("Depends", true, of(RelationKind::Depends)),
        ("Recommends", true, of(RelationKind::Recommends)),
        ("Suggests", true, of(RelationKind::Suggests)),
        ("Breaks", false, listed("deb.breaks", &package.deb.breaks)),
        ("Conflicts", false, of(RelationKind::Conflicts)),
        ("Replaces", false, of(RelationKind::Replaces)),
        ("Provides", false, of(RelationKind::Provides)),
    ] {
        let mut parts: Vec<String> = Vec::new();
        for (key, text) in &texts {
            let relation = Relation::parse(key, text)?;
            if !has_alternatives && relation.single().is_none() {
                return Err(no_choice(key, text));
            }
            if name == "Provides" && relation.has_range() {
                return Err(wrong(key, text, "is of many versions, and a .deb provides one or none")
                    .remedy("write `=`, or name what only rpm can say under [rpm]"));
            }
            parts.push(relation.deb(key)?);
        }
        fields.push((name, parts.join(", ")));
    }
    Ok(fields)
}

/// The synopsis, then the text with a space before each line and ` .` for an empty one (Policy 5.6.13).
fn description(package: &Package) -> String {
    let words: Vec<&str> = package.summary.split_whitespace().collect();
    let mut text = if words.is_empty() { package.name.clone() } else { words.join(" ") };
    let lines = package.description.trim_end().lines();
    let mut was_empty = false;
    for line in lines.skip_while(|line| line.trim().is_empty()) {
        let line = line.trim_end().replace(|c: char| c.is_control() && c != '\t', " ");
        // Paragraphs are one empty line apart, and a lone dot is how such a line is written.
        let line = if line == "." { String::new() } else { line };
        if line.is_empty() && was_empty {
            continue;
        }
        was_empty = line.is_empty();
        // A line that begins with a dot would be taken for something that is yet to be invented.
        let guard = if line.starts_with('.') { " " } else { "" };
        text.push_str("\n ");
        text.push_str(if line.is_empty() { "." } else { guard });
        text.push_str(&line);
    }
    text
}

/// In KiB, each file and link rounded up, 1 for all else (deb-substvars(5)).
fn installed_size(members: &[&Member]) -> u64 {
    let size = |member: &&Member| match &member.entry.kind {
        Kind::File { size, .. } => size.div_ceil(1024),
        Kind::Folder | Kind::Link { .. } => 1,
        Kind::Ghost => 0,
    };
    members.iter().filter(|member| !member.shadowed).map(size).sum()
}

/// `<md5>  usr/bin/jq`, as dpkg reads it: no escapes, the name reaches to the end of the line.
pub fn md5sums(members: &[&Member], digests: &[Vec<u8>]) -> Vec<u8> {
    let mut text = Vec::new();
    for member in members {
        let digest = &digests[member.number];
        if digest.is_empty() {
            continue;
        }
        text.extend(hex(digest).into_bytes());
        text.extend_from_slice(b"  ");
        text.extend_from_slice(member.path.relative());
        text.push(b'\n');
    }
    text
}

/// Errors: a name with a newline. dpkg refuses the whole package ("newline not allowed in archive object name").
pub fn check_names(members: &[&Member]) -> Result<()> {
    let is_broken = |member: &&&Member| {
        member.path.as_bytes().contains(&b'\n') && !matches!(member.entry.kind, Kind::Ghost)
    };
    match members.iter().find(is_broken) {
        None => Ok(()),
        Some(member) => Err(Error::failure(format!(
            "{} cannot be in a .deb: dpkg refuses names with a newline",
            member.path
        ))
        .remedy("leave it out ([install] exclude), or make an .rpm or a tarball (-f rpm,tar)")),
    }
}

/// Absolute names, one a line. Only files: dpkg compares contents.
///
/// Errors: a name that a line cannot hold (dpkg cuts off spaces at the end).
pub fn conffiles(members: &[&Member]) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    for member in members {
        let is_file = matches!(member.entry.kind, Kind::File { .. });
        if !is_file || !matches!(member.entry.role, Role::Config { .. }) {
            continue;
        }
        let name = member.path.as_bytes();
        if name.last().is_some_and(u8::is_ascii_whitespace) {
            return Err(Error::failure(format!(
                "{:?} cannot be a configuration file of a .deb: dpkg cuts off the space at its end",
                printable(name)
            ))
            .remedy("give it another name, or ship it as type = \"file\""));
        }
        text.extend_from_slice(name);
        text.push(b'\n');
    }
    Ok(text)
}
