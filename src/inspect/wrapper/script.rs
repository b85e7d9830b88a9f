//! makeWrapper's shell scripts, by the lines that it writes (nixpkgs, make-wrapper.sh, of all years).

use super::shell::{Part, Word, text, words};
use super::{Action, Maker, Text, Wrapper};
use crate::path::file_name;

/// A script that is longer is none that sets up an environment.
const LONGEST: usize = 1 << 20;

/// What a script does, if it ends in `exec ... "$@"`. `interpreter` is that of its first line.
pub fn wrapper(script: &[u8], interpreter: &[u8]) -> Option<Wrapper> {
    let is_shell = matches!(file_name(interpreter), b"sh" | b"bash" | b"dash" | b"ash" | b"ksh" | b"zsh");
    if !is_shell || script.len() > LONGEST {
        return None;
    }
    let mut lines: Vec<&[u8]> = script.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).collect();
    lines.retain(|line| !line.is_empty() && !line.starts_with(b"#"));
    let (last, lines) = lines.split_last()?;
    let (program, call) = exec(last)?;
    let mut reader = Reader::default();
    lines.iter().for_each(|line| reader.line(line));
    reader.actions.extend(call);
    Some(Wrapper { maker: Maker::Script, program, actions: reader.actions, other_lines: reader.other_lines })
}

/// `exec [-a NAME] PROGRAM [FLAG...] "$@" [FLAG...]`: the program, and what is done to its arguments.
fn exec(line: &[u8]) -> Option<(Text, Vec<Action>)> {
    let words = words(line)?;
    let (first, mut rest) = words.split_first()?;
    if text(first)? != b"exec" {
        return None;
    }
    let mut actions = Vec::new();
    if rest.first().is_some_and(|word| text(word) == Some(b"-a")) {
        let name = rest.get(1)?;
        actions.push(match word_variable(name) {
            Some(b"0") => Action::InheritArgv0,
            _ => Action::Argv0 { name: Text::of(name) },
        });
        rest = &rest[2..];
    }
    let (program, arguments) = rest.split_first()?;
    let is = |word: &Word, name: &[u8]| word_variable(word) == Some(name);
    let user = arguments.iter().position(|word| is(word, b"@"))?;
    // What `--run` adds to; its lines are counted.
    let flags = |words: &[Word]| -> Vec<Text> {
        words.iter().filter(|word| !is(word, b"extraFlagsArray[@]")).map(|word| Text::of(word)).collect()
    };
    let (before, behind) = (flags(&arguments[..user]), flags(&arguments[user + 1..]));
    if !before.is_empty() {
        actions.push(Action::AddFlags { flags: before });
    }
    if !behind.is_empty() {
        actions.push(Action::AppendFlags { flags: behind });
    }
    Some((Text::of(program), actions))
}

/// The variable that a word consists of, in quotes or not.
fn word_variable(word: &[Part]) -> Option<&[u8]> {
    match word {
        [Part::Variable(name)] => Some(name),
        [Part::Text(text), Part::Variable(name)] if text.is_empty() => Some(name),
        _ => None,
    }
}

#[derive(Default)]
struct Reader {
    actions: Vec<Action>,
    other_lines: usize,
    /// What the lines before said of the variable that is being extended.
    separator: Option<Text>,
}

/// What a line comes to.
enum Line {
    Action(Action),
    /// A step of an extension that takes several lines.
    Step,
    Other,
}

impl Reader {
    fn separator(&self) -> Text {
        self.separator.clone().unwrap_or_else(|| Text::of(&[]))
    }

    fn line(&mut self, line: &[u8]) {
        match self.meaning(line) {
            Line::Action(action) => self.actions.push(action),
            Line::Step => {}
            Line::Other => self.other_lines += 1,
        }
    }

    fn meaning(&mut self, line: &[u8]) -> Line {
        // The one test that makeWrapper writes: whether a suffix is there already.
        if line == b"fi" || line.starts_with(b"if [[ $") && line.ends_with(b"* ]]; then") {
            return Line::Step;
        }
        let Some(words) = words(line) else { return Line::Other };
        let command = words.first().and_then(|word| text(word)).unwrap_or_default();
        match (command, &words[1.min(words.len())..]) {
            (b"unset", [name]) => Line::Action(Action::Unset { variable: Text::of(name) }),
            (b"cd", [folder]) => Line::Action(Action::Chdir { folder: Text::of(folder) }),
            (b"export", [word]) => match text(word) {
                Some(name) if !name.contains(&b'=') => Line::Step,
                _ => self.assignment(word),
            },
            (b"set", _) => Line::Step,
            (_, []) if !words.is_empty() => self.assignment(&words[0]),
            _ => Line::Other,
        }
    }

    /// `NAME=...` or `NAME+=...`.
    fn assignment(&mut self, word: &Word) -> Line {
        let Some((Part::Text(head), rest)) = word.split_first() else { return Line::Other };
        let Some(equals) = memchr::memchr(b'=', head) else { return Line::Other };
        let (name, value) = (&head[..equals], &head[equals + 1..]);
        let (name, is_added) = match name.strip_suffix(b"+") {
            Some(name) => (name, true),
            None => (name, false),
        };
        if name.iter().any(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_') {
            return Line::Other;
        }
        let mut parts = Vec::from_iter((!value.is_empty()).then(|| Part::Text(value.to_vec())));
        parts.extend_from_slice(rest);
        self.value(name, &parts, is_added)
    }

    /// What is assigned, by the forms that makeWrapper has had.
    fn value(&mut self, name: &[u8], parts: &[Part], is_added: bool) -> Line {
        let own = |variable: &[u8]| variable == name;
        let variable = Text::exact(name);
        let prefix = |separator: Text, value: &[u8]| {
            Line::Action(Action::Prefix { variable: variable.clone(), separator, value: Text::exact(value) })
        };
        let suffix = |separator: Text, value: &[u8]| {
            Line::Action(Action::Suffix { variable: variable.clone(), separator, value: Text::exact(value) })
        };
        match parts {
            // export NAME='value'
            [] | [Part::Text(_)] if !is_added => {
                let value = Text::of(parts);
                Line::Action(Action::Set { variable, value })
            }
            [Part::Expansion { variable: of, operator, word }] if own(of) => match operator.as_slice() {
                // export NAME=${NAME-'value'}
                b"-" | b":-" => Line::Action(Action::SetDefault { variable, value: Text::of(word) }),
                // NAME=${NAME:+':'$NAME':'}, the first step
                b":+" => {
                    self.separator = word.first().map(|part| Text::of(std::slice::from_ref(part)));
                    Line::Step
                }
                // NAME=${NAME/':''value'':'/':'}, NAME=${NAME#':'}, NAME=${NAME%':'}
                b"/" | b"#" | b"%" => Line::Step,
                _ => Line::Other,
            },
            // NAME='value'$NAME, NAME=$NAME'value', the steps that matter
            [Part::Text(value), Part::Variable(of)] if own(of) => prefix(self.separator(), value),
            [Part::Variable(of), Part::Text(value)] if own(of) => suffix(self.separator(), value),
            // export NAME='value'${NAME:+':'$NAME}, or with $NAME behind it
            [Part::Text(value), Part::Expansion { variable: of, word, .. }, ..] if own(of) => {
                prefix(Text::of(&word[..1.min(word.len())]), value)
            }
            // export NAME=$NAME${NAME:+':'}'value', or NAME+=${NAME:+':'}'value'
            [.., Part::Expansion { variable: of, word, .. }, Part::Text(value)] if own(of) => {
                suffix(Text::of(word), value)
            }
            _ => Line::Other,
        }
    }
}
