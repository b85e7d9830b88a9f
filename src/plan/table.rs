//! The plan as people read it, and as programs do.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};

use super::system::Told;
use super::{Entry, Kind, Plan, Role, Surgery};
use crate::config::{Format, Layout};
use crate::path::InstallPath;
use crate::stub::ANCHOR;

/// Rows of a section that are printed; the largest come first, `--json` has all.
const ROWS: usize = 24;

/// One line of a section.
struct Row {
    place: String,
    origin: String,
    bytes: u64,
    what: String,
}

/// What goes where, from which store path, with which surgery; sizes and totals. Findings are not part of it.
pub fn text(plan: &Plan) -> String {
    let mut out = String::new();
    let layout = match plan.layout {
        Layout::Flat => "flat",
        Layout::Store => "store",
    };
    let Plan { package, architecture, lib_dir, .. } = plan;
    // Writing to a String does not fail.
    let _ = writeln!(
        out,
        "{} {} for {}, {layout} layout, private library directory {lib_dir}",
        package.name,
        package.version,
        architecture.nix()
    );
    if let Some(folder) = &plan.anchor {
        let _ = writeln!(out, "the tarball's references are anchored: descriptor {ANCHOR} leads to {folder}");
    }
    if plan.relocatable {
        let _ = writeln!(out, "the tarball is one folder, whose programs run from wherever it is");
    }
    section(&mut out, "programs", rows(plan, |entry| is_own(plan, entry) && entry.role == Role::Program));
    section(&mut out, "libraries", rows(plan, |entry| is_own(plan, entry) && is_library(entry.role)));
    section(&mut out, "other files", folders(plan, |entry| is_own(plan, entry) && is_other(entry)));
    section(&mut out, "store paths", store_paths(plan));
    section(&mut out, "links", links(plan));
    section(&mut out, "set up on the target", set_up(plan));
    let _ = writeln!(out, "\n{}", totals(plan));
    out
}

/// Whether it has a row of its own: in the store layout, store paths have.
fn is_own(plan: &Plan, entry: &Entry) -> bool {
    plan.layout == Layout::Flat || !entry.path.starts_with(&plan.lib_dir)
}

fn is_library(role: Role) -> bool {
    matches!(role, Role::Library | Role::Loader)
}

fn is_other(entry: &Entry) -> bool {
    entry.role != Role::Program
        && !is_library(entry.role)
        && !matches!(entry.kind, Kind::Folder | Kind::Link { .. })
}

/// A row a path; where formats differ, with what the others have.
fn rows(plan: &Plan, wanted: impl Fn(&Entry) -> bool) -> Vec<Row> {
    let files: Vec<&Entry> = plan.entries.iter().filter(|entry| wanted(entry)).collect();
    let row = |alike: &[&Entry]| {
        let (first, others) = alike.split_first()?;
        let mut words = words(first);
        // In which formats the first is follows from the others.
        let first_formats = if others.is_empty() { formats(first) } else { None };
        words.extend(first_formats.map(|formats| format!("only {}", formats.join(" and "))));
        let mut what = words.join(", ");
        for other in others {
            let more: Vec<String> =
                self::words(other).into_iter().filter(|word| !words.contains(word)).collect();
            what += &format!("; {}: {}", formats(other).unwrap_or_default().join(" and "), more.join(", "));
        }
        Some(Row { place: first.path.to_string(), origin: first.origin.clone(), bytes: bytes(first), what })
    };
    files.chunk_by(|one, other| one.path == other.path).filter_map(row).collect()
}

/// A row a folder and store path.
fn folders(plan: &Plan, wanted: impl Fn(&Entry) -> bool) -> Vec<Row> {
    let mut folders: BTreeMap<(InstallPath, &str), (usize, u64)> = BTreeMap::new();
    for entry in each_path(plan).filter(|entry| wanted(entry)) {
        let folder = entry.path.parent().unwrap_or_else(InstallPath::root);
        let row = folders.entry((folder, store_path(entry))).or_default();
        *row = (row.0 + 1, row.1 + bytes(entry));
    }
    let row = |((folder, origin), (count, bytes)): ((InstallPath, &str), (usize, u64))| Row {
        place: format!("{folder}/"),
        origin: origin.to_owned(),
        bytes,
        what: files(count),
    };
    folders.into_iter().map(row).collect()
}

/// In the store layout: a row a store path.
fn store_paths(plan: &Plan) -> Vec<Row> {
    if plan.layout == Layout::Flat {
        return Vec::new();
    }
    let mut paths: BTreeMap<InstallPath, (usize, u64, usize)> = BTreeMap::new();
    for entry in plan.entries.iter().filter(|entry| entry.path.starts_with(&plan.lib_dir) && bytes(entry) > 0)
    {
        let depth = plan.lib_dir.components().count() + 1;
        let place =
            entry.path.components().take(depth).fold(InstallPath::root(), |path, name| path.join(name));
        let row = paths.entry(place).or_default();
        *row = (row.0 + 1, row.1 + bytes(entry), row.2 + references(entry));
    }
    let row = |(place, (count, bytes, references)): (InstallPath, (usize, u64, usize))| Row {
        origin: String::new(),
        place: place.to_string(),
        bytes,
        what: format!("{}, {} rewritten", files(count), counted(references, "reference", "references")),
    };
    paths.into_iter().map(row).collect()
}

/// The links of the public face.
fn links(plan: &Plan) -> Vec<Row> {
    let links = plan.entries.iter().filter_map(|entry| match &entry.kind {
        Kind::Link { target } if !entry.path.starts_with(&plan.lib_dir) => Some((entry, target)),
        _ => None,
    });
    links
        .map(|(entry, target)| Row {
            place: entry.path.to_string(),
            origin: format!("-> {}", crate::path::printable(target)),
            bytes: 0,
            what: String::new(),
        })
        .collect()
}

/// What installing it does besides.
fn set_up(plan: &Plan) -> Vec<Row> {
    let row = |told: Told| {
        let only = (told.formats.len() == 1).then(|| format!("only {}", told.formats[0]));
        let done = told.done.iter().map(|word| (*word).to_owned());
        let what = done.chain(only).collect::<Vec<_>>().join(", ");
        Row { place: told.name, origin: told.kind.to_owned(), bytes: 0, what }
    };
    plan.system.told().into_iter().map(row).collect()
}

fn section(out: &mut String, title: &str, mut rows: Vec<Row>) {
    if rows.is_empty() {
        return;
    }
    rows.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.place.cmp(&b.place)));
    let (count, total) = (rows.len(), rows.iter().map(|row| row.bytes).sum());
    let rest: u64 = rows.iter().skip(ROWS).map(|row| row.bytes).sum();
    rows.truncate(ROWS);
    let width = |text: fn(&Row) -> &str| rows.iter().map(|row| text(row).chars().count()).max().unwrap_or(0);
    let (places, origins) = (width(|row| &row.place), width(|row| &row.origin));
    let size = if total > 0 { format!(", {}", size(total)) } else { String::new() };
    let _ = writeln!(out, "\n{title} ({count}{size})");
    for row in &rows {
        let bytes = if row.bytes > 0 { self::size(row.bytes) } else { String::new() };
        let line = format!("  {:places$}  {:origins$}  {bytes:>9}  {}", row.place, row.origin, row.what);
        let _ = writeln!(out, "{}", line.trim_end());
    }
    if count > ROWS {
        let _ = writeln!(out, "  and {} more, {} (--json lists all)", count - ROWS, self::size(rest));
    }
}

/// What is in it, in numbers.
pub fn totals(plan: &Plan) -> String {
    let count = |wanted: &dyn Fn(&Entry) -> bool| each_path(plan).filter(|entry| wanted(entry)).count();
    format!(
        "{}, {}, {}, {}: {}",
        counted(count(&|entry| entry.role == Role::Program), "program", "programs"),
        counted(count(&|entry| is_library(entry.role)), "library", "libraries"),
        counted(count(&is_other), "other file", "other files"),
        counted(count(&|entry| matches!(entry.kind, Kind::Link { .. })), "link", "links"),
        size(each_path(plan).map(bytes).sum())
    )
}

/// A path counts once, though its bytes may differ from format to format.
fn each_path(plan: &Plan) -> impl Iterator<Item = &Entry> {
    plan.entries.chunk_by(|one, other| one.path == other.path).filter_map(|alike| alike.first())
}

/// Bytes, in the unit that makes it short.
pub fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut unit = "B";
    for next in ["KiB", "MiB", "GiB"] {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, next);
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") }
}

fn bytes(entry: &Entry) -> u64 {
    match entry.kind {
        Kind::File { size, .. } => size,
        _ => 0,
    }
}

fn files(count: usize) -> String {
    counted(count, "file", "files")
}

/// A number and what is counted.
pub fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// The store path of an entry's origin.
fn store_path(entry: &Entry) -> &str {
    entry.origin.split('/').next().unwrap_or_default()
}

fn references(entry: &Entry) -> usize {
    let Kind::File { surgery, .. } = &entry.kind else { return 0 };
    surgery.iter().map(|edit| if let Surgery::References(count) = edit { *count } else { 0 }).sum()
}

/// The surgery on a file, and its mode where that is not an ordinary one.
fn words(entry: &Entry) -> Vec<String> {
    let Kind::File { surgery, .. } = &entry.kind else { return Vec::new() };
    let mut words: Vec<String> = surgery.iter().map(described).collect();
    if entry.mode & 0o7000 != 0 || !matches!(entry.mode, 0o644 | 0o755) {
        words.push(format!("mode {:04o}", entry.mode));
    }
    words.extend(entry.caps.clone());
    words
}

/// The artifacts that it is in, where it is not in all.
fn formats(entry: &Entry) -> Option<Vec<&'static str>> {
    let all = [(Format::Deb, ".deb"), (Format::Rpm, ".rpm"), (Format::Tar, "tarball")];
    let names: Vec<_> =
        all.iter().filter(|(format, _)| entry.is_in(*format)).map(|(_, name)| *name).collect();
    (names.len() < all.len()).then_some(names)
}

pub(super) fn described(edit: &Surgery) -> String {
    match edit {
        Surgery::Interpreter(_) => "interpreter".to_owned(),
        Surgery::RunPath { to, .. } => format!("run path {to}"),
        Surgery::NoRunPath => "no run path".to_owned(),
        Surgery::Needed { to, .. } => format!("needs {to}"),
        Surgery::Members(count) => format!("{} inside", counted(*count, "reference", "references")),
        Surgery::Public(count) => counted(*count, "public path", "public paths"),
        Surgery::Host(to) => format!("the target's {to}"),
        Surgery::References(count) => counted(*count, "reference", "references"),
        Surgery::Anchored(count) => format!("{} anchored", counted(*count, "reference", "references")),
        Surgery::LoaderFolders => "its own folders".to_owned(),
        Surgery::Stub { anywhere: true, environment: false } => "starts from any folder".to_owned(),
        Surgery::Stub { anywhere: true, environment: true } => {
            "starts from any folder, environment".to_owned()
        }
        Surgery::Stub { anywhere: false, .. } => "environment".to_owned(),
        Surgery::Starts(program) => format!("starts {program}"),
        Surgery::PycHeader => "header".to_owned(),
    }
}

/// The whole plan.
pub fn json(plan: &Plan) -> Value {
    let Plan { package, .. } = plan;
    json!({
        "name": package.name,
        "version": package.version,
        "release": package.release,
        "architecture": plan.architecture.nix(),
        "layout": plan.layout,
        "prefix": plan.prefix,
        "lib-dir": plan.lib_dir,
        "relocatable": plan.relocatable,
        "anchor": plan.anchor.as_ref().map(|folder| json!({ "descriptor": ANCHOR, "folder": folder })),
        "mtime": plan.mtime,
        "size": each_path(plan).map(bytes).sum::<u64>(),
        "entries": plan.entries.iter().map(entry).collect::<Vec<_>>(),
        "set-up": plan.system.told(),
        "findings": plan.findings,
    })
}

fn entry(entry: &Entry) -> Value {
    let mut value = json!({
        "path": entry.path,
        "mode": format!("{:04o}", entry.mode),
        "owner": entry.owner,
        "group": entry.group,
    });
    let more = match &entry.kind {
        Kind::Folder => json!({ "kind": "folder" }),
        Kind::Ghost => json!({ "kind": "ghost" }),
        Kind::Link { target } => json!({ "kind": "link", "target": crate::path::printable(target) }),
        Kind::File { size, surgery, .. } => {
            json!({ "kind": "file", "role": entry.role, "size": size, "from": entry.origin, "surgery": surgery })
        }
    };
    if let (Some(value), Value::Object(more)) = (value.as_object_mut(), more) {
        value.extend(more);
        value.extend(entry.caps.as_ref().map(|caps| ("caps".to_owned(), json!(caps))));
        value.extend(formats(entry).map(|formats| ("formats".to_owned(), json!(formats))));
    }
    value
}
