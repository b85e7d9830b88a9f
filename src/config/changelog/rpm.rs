//! A spec file's %changelog.

use super::{DISTRIBUTION, Release, URGENCY};
use crate::config::date;

pub fn is_one(text: &str) -> bool {
    text.lines()
        .map(str::trim_end)
        .find(|line| !is_passed_over(line))
        .is_some_and(|line| heading(line).is_some())
}

/// The heading of the section, and a spec file's comments.
fn is_passed_over(line: &str) -> bool {
    line.is_empty() || line == "%changelog" || line.starts_with('#')
}

/// The parts of `* Tue Nov 10 2009 Jane Doe <jane@example.org> - 1.2-1`: time, author, version. rpm takes the time of an
/// entry without one for noon (its build/parseChangelog.c).
fn heading(line: &str) -> Option<(i64, &str, &str)> {
    let mut rest = line.strip_prefix('*')?.trim_start();
    let mut words = Vec::new();
    for _ in 0..4 {
        let (word, after) = rest.split_once(char::is_whitespace)?;
        words.push(word);
        rest = after.trim_start();
    }
    let [_, month, day, year] = words[..] else { return None };
    let seconds = date::from_mail(&format!("{day} {month} {year} 12:00:00 +0000"))?;
    let (author, version) = match rest.rsplit_once('>') {
        Some((author, version)) => (&rest[..=author.len()], version),
        None => rest.rsplit_once(" - ").unwrap_or((rest, "")),
    };
    Some((seconds, author.trim(), version.trim_start_matches([' ', '-']).trim()))
}

pub fn read(text: &str) -> Result<Vec<Release>, String> {
    let mut releases: Vec<Release> = Vec::new();
    for (line, number) in text.lines().map(str::trim_end).zip(1..) {
        if line.starts_with('*') {
            let (seconds, author, version) =
                heading(line).ok_or_else(|| format!("line {number} is no heading: `{line}`"))?;
            releases.push(Release {
                version: version.to_owned(),
                seconds,
                author: author.to_owned(),
                distribution: DISTRIBUTION.to_owned(),
                urgency: URGENCY.to_owned(),
                notes: Vec::new(),
            });
            continue;
        }
        let Some(release) = releases.last_mut().filter(|_| !line.is_empty()) else { continue };
        match (line.strip_prefix('-'), release.notes.last_mut()) {
            (Some(note), _) => release.notes.push(note.trim().to_owned()),
            (None, Some(last)) => {
                last.push('\n');
                last.push_str(line.trim());
            }
            (None, None) => release.notes.push(line.trim().to_owned()),
        }
    }
    Ok(releases)
}
