//! deb-changelog(5).

use std::fmt::Write;

use super::Release;
use crate::config::date;

/// The parts of `jq (1.7.1-1) unstable; urgency=medium`: version, distributions, urgency.
fn heading(line: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = line.split_once(" (")?;
    let (version, rest) = rest.split_once(')')?;
    let (distribution, keywords) = rest.split_once(';')?;
    let is_name = !name.is_empty() && !name.contains(char::is_whitespace);
    let urgency = keywords.split(',').find_map(|pair| pair.trim().strip_prefix("urgency="))?;
    (is_name && !version.is_empty()).then_some((version.trim(), distribution.trim(), urgency.trim()))
}

pub fn is_one(text: &str) -> bool {
    text.lines().find(|line| !line.trim().is_empty()).is_some_and(|line| heading(line).is_some())
}

pub fn read(text: &str) -> Result<Vec<Release>, String> {
    let mut releases = Vec::new();
    let mut open: Option<(Release, Vec<&str>)> = None;
    for (line, number) in text.lines().zip(1..) {
        let begins = line.starts_with(|c: char| !c.is_whitespace());
        match (&mut open, heading(line).filter(|_| begins)) {
            (None, Some((version, distribution, urgency))) => {
                let own = str::to_owned;
                let release = Release {
                    version: own(version),
                    seconds: 0,
                    author: String::new(),
                    distribution: own(distribution),
                    urgency: own(urgency),
                    notes: Vec::new(),
                };
                open = Some((release, Vec::new()));
            }
            (None, None) if line.trim().is_empty() || is_comment(line) => {}
            // What stands behind the last entry is the editor's, or from before there were rules.
            (None, None) if !releases.is_empty() => break,
            (None, None) => return Err(format!("line {number} begins no entry")),
            (Some(_), Some(_)) => {
                return Err(format!("line {number} comes before the entry above has its ` -- `"));
            }
            (Some((release, lines)), None) => match line.strip_prefix(" -- ") {
                Some(trailer) => {
                    let (author, at) = trailer
                        .split_once("  ")
                        .ok_or_else(|| format!("line {number} lacks two spaces before the date"))?;
                    release.author = author.trim().to_owned();
                    release.seconds = date::from_mail(at.trim())
                        .ok_or_else(|| format!("line {number} has no date: `{}`", at.trim()))?;
                    release.notes = notes(lines);
                    releases.extend(open.take().map(|(release, _)| release));
                }
                None => lines.push(line),
            },
        }
    }
    match open {
        None => Ok(releases),
        Some((release, _)) => Err(format!("the entry of {} has no ` -- ` line", release.version)),
    }
}

fn is_comment(line: &str) -> bool {
    line.starts_with('#')
        || line.starts_with("/*")
        || line.starts_with("vim:")
        || line.starts_with("Local variables:")
}

/// `  * a` begins a note, what is indented further continues it; `  [ Name ]` is a note of its own.
fn notes(lines: &[&str]) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    for line in lines.iter().map(|line| line.trim_end()) {
        let text = line.trim_start();
        let begins = text.strip_prefix("* ").filter(|_| line.starts_with("  * "));
        match (begins, notes.last_mut()) {
            _ if text.is_empty() => {}
            (Some(note), _) => notes.push(note.trim().to_owned()),
            (None, Some(last)) if !text.starts_with("[ ") => {
                last.push('\n');
                last.push_str(line.strip_prefix("    ").unwrap_or(text));
            }
            (None, _) => notes.push(text.to_owned()),
        }
    }
    notes
}

/// The text of a changelog. Only what a line cannot hold is changed.
pub fn write(name: &str, releases: &[Release]) -> String {
    let mut text = String::new();
    for release in releases {
        if !text.is_empty() {
            text.push('\n');
        }
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "{name} ({}) {}; urgency={}\n\n",
            release.version, release.distribution, release.urgency
        );
        for note in &release.notes {
            let mut lines = note.lines().map(str::trim_end).filter(|line| !line.is_empty());
            let _ = writeln!(text, "  * {}", lines.next().unwrap_or_default());
            lines.for_each(|line| text.push_str(&format!("    {line}\n")));
        }
        let _ = writeln!(text, "\n -- {}  {}", release.author, date::to_mail(release.seconds));
    }
    text
}
