//! Text that people and other programs read (desktop files, units, D-Bus and polkit files, configuration) names what is in
//! prefix by its path there, not by the rewritten one. Nothing records the lengths of such files.

use std::collections::BTreeMap;

use super::anchors;
use super::carried::reference::ends;
use super::context::Context;
use super::draft::Draft;
use super::face::Place;
use super::{Entry, Kind, Role, Source, Surgery};
use crate::config::{Format, Formats};
use crate::elf::Patch;
use crate::error::Result;
use crate::path::{InstallPath, MAX_LINKS};
use crate::payload;

/// No such file is longer, in bytes.
const LONGEST: u64 = 1 << 20;

/// Rewrites the public files among the entries.
pub fn prettify(context: &Context, draft: &mut Draft) -> Result<()> {
    let lib_dir = &context.lib_dir;
    let public = public_names(draft, lib_dir);
    let texts: Vec<InstallPath> = draft
        .entries
        .iter()
        .filter(|entry| is_public_text(context, entry) || is_launcher(context, entry))
        .map(|entry| entry.path.clone())
        .collect();
    for path in texts {
        let Some(old) = draft.entries.get(&path).map(payload::whole).transpose()?.flatten() else { continue };
        if old.contains(&0) {
            continue;
        }
        let (mut new, mut count) =
            rewritten(&old, lib_dir, |place| public_path(draft, lib_dir, &public, place));
        if draft.entries.get(&path).is_some_and(|entry| is_launcher(context, entry)) {
            let programs = context.prefix.join("bin");
            count += name_commands(&mut new, &programs, |program| draft.entries.get(program).is_some());
        }
        let Some(mut pretty) = draft.entries.get(&path).filter(|_| count > 0).cloned() else { continue };
        pretty.remake(new);
        if let Kind::File { grown, patches, surgery, .. } = &mut pretty.kind {
            (*grown, *patches) = (0, Vec::<Patch>::new());
            surgery.push(Surgery::Public(count));
        }
        if context.anchors() && !anchors::is_for_others(context, &pretty) {
            // No pretty path leads into a folder that may be anywhere; the others are anchored.
            pretty.special.formats = pretty.special.formats.without(Formats::only(Format::Tar));
        }
        draft.entries.supersede(pretty);
    }
    Ok(())
}

/// Whether it is a text of the public face in which references were rewritten.
fn is_public_text(context: &Context, entry: &Entry) -> bool {
    let Kind::File { source: Source::Store(_), size, surgery, .. } = &entry.kind else { return false };
    let has_references = surgery.iter().any(|edit| matches!(edit, Surgery::References(_)));
    let below = [&context.prefix, &context.system].into_iter().find(|folder| entry.path.starts_with(folder));
    let is_public = match below {
        Some(folder) => Place::of(&entry.path.relative_to(folder)) == Place::Public,
        None => matches!(entry.role, Role::Config { .. }),
    };
    has_references && is_public && *size <= LONGEST
}

/// Whether it is a desktop file of programs that no PATH leads to.
fn is_launcher(context: &Context, entry: &Entry) -> bool {
    let folders = [context.system.join("share/applications"), InstallPath::root().join("etc/xdg/autostart")];
    context.prefix != context.system
        && matches!(entry.kind, Kind::File { source: Source::Store(_), size, .. } if size <= LONGEST)
        && entry.path.file_name().ends_with(b".desktop")
        && folders.iter().any(|folder| entry.path.starts_with(folder))
}

/// Replaces the bare names of programs in `folder` that a desktop file starts (`Exec`, `TryExec`) by their paths; how many there are.
fn name_commands(text: &mut Vec<u8>, folder: &InstallPath, is_there: impl Fn(&InstallPath) -> bool) -> usize {
    let mut count = 0;
    let lines = text.split_inclusive(|byte| *byte == b'\n').map(|line| {
        let key = [&b"Exec="[..], b"TryExec="].into_iter().find(|key| line.starts_with(key));
        let Some(command) = key.map(|key| &line[key.len()..]) else { return line.to_vec() };
        let name = command.split(u8::is_ascii_whitespace).next().unwrap_or_default();
        let program = folder.join(name);
        if name.is_empty() || name.contains(&b'/') || !is_there(&program) {
            return line.to_vec();
        }
        count += 1;
        let key = &line[..line.len() - command.len()];
        [key, program.as_bytes(), &command[name.len()..]].concat()
    });
    *text = lines.collect::<Vec<_>>().concat();
    count
}

/// The links outside of lib-dir that lead into it, by where they lead: programs of what stays together there.
fn public_names(draft: &Draft, lib_dir: &InstallPath) -> BTreeMap<InstallPath, InstallPath> {
    let leads_in = |entry: &Entry| match &entry.kind {
        Kind::Link { target } if !entry.path.starts_with(lib_dir) => {
            Some((entry.path.link_target(target), entry.path.clone()))
        }
        _ => None,
    };
    draft.entries.iter().filter_map(leads_in).filter(|(place, _)| place.starts_with(lib_dir)).collect()
}

/// The path outside of lib-dir at which the same thing is.
fn public_path(
    draft: &Draft,
    lib_dir: &InstallPath,
    public: &BTreeMap<InstallPath, InstallPath>,
    place: &InstallPath,
) -> Option<InstallPath> {
    let mut place = place.clone();
    for _ in 0..MAX_LINKS {
        if let Some(path) = public.get(&place) {
            return Some(path.clone());
        }
        place = draft.entries.hop(&place)?.1;
        if !place.starts_with(lib_dir) {
            return Some(place);
        }
    }
    None
}

/// A text with each path below `lib_dir` replaced that has another; how many have.
fn rewritten(
    text: &[u8],
    lib_dir: &InstallPath,
    public: impl Fn(&InstallPath) -> Option<InstallPath>,
) -> (Vec<u8>, usize) {
    let before = [lib_dir.as_bytes(), b"/"].concat();
    let (mut new, mut copied, mut count) = (Vec::with_capacity(text.len()), 0, 0);
    for start in memchr::memmem::find_iter(text, &before) {
        let len = text[start..].iter().position(|byte| is_end(*byte)).unwrap_or(text.len() - start);
        let path = InstallPath::new(&text[start..start + len]).and_then(|path| public(&path));
        if let Some(path) = path.filter(|_| start >= copied) {
            new.extend_from_slice(&text[copied..start]);
            new.extend_from_slice(path.as_bytes());
            (copied, count) = (start + len, count + 1);
        }
    }
    new.extend_from_slice(&text[copied..]);
    (new, count)
}

/// In a desktop file `%` begins a field.
fn is_end(byte: u8) -> bool {
    byte == b'%' || ends(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn desktop_files_name_programs_that_no_path_leads_to() {
        let folder = InstallPath::new("/opt/acme/bin").unwrap();
        let mut text =
            b"Exec=geany %F\nTryExec=geany\nName=Exec=geany\nExec=/usr/bin/geany\nExec=other\n".to_vec();
        let count = name_commands(&mut text, &folder, |program| program.file_name() == b"geany");
        let wanted = "Exec=/opt/acme/bin/geany %F\nTryExec=/opt/acme/bin/geany\nName=Exec=geany\n\
                      Exec=/usr/bin/geany\nExec=other\n";
        assert_eq!((str::from_utf8(&text).unwrap(), count), (wanted, 2));
    }

    #[test]
    fn paths_that_have_another_are_replaced() {
        let path = |text: &str| InstallPath::new(text).unwrap();
        let public = |place: &InstallPath| (place.file_name() == b"app").then(|| path("/usr/bin/app"));
        let text = b"Exec=/usr/lib/app/h-app/bin/app %U\nIcon=/usr/lib/app/h-app/share/x.png\n;/usr/lib/app/h-app/bin/app";
        let (new, count) = rewritten(text, &path("/usr/lib/app"), public);
        let wanted = "Exec=/usr/bin/app %U\nIcon=/usr/lib/app/h-app/share/x.png\n;/usr/bin/app";
        assert_eq!((String::from_utf8(new).unwrap().as_str(), count), (wanted, 2));
    }
}
