//! makeBinaryWrapper's programs, which keep the command that made them as a string (nixpkgs, make-binary-wrapper.sh,
//! docstring).

use memchr::memmem;

use super::shell::{shown, words};
use super::{Action, Maker, Wrapper};
use crate::path::printable;

const HEADING: &[u8] =
    b"# The C-code for this binary wrapper has been generated using the following command:";
const COMMAND: &[u8] = b"makeCWrapper ";
/// As long as such a command may be.
const LONGEST: usize = 1 << 20;

/// What a program does, if makeBinaryWrapper made it.
pub fn wrapper(program: &[u8]) -> Option<Wrapper> {
    let heading = memmem::find(program, HEADING)?;
    let rest = program[heading + HEADING.len()..].trim_ascii_start();
    let rest = rest.strip_prefix(COMMAND)?;
    let rest = &rest[..rest.len().min(LONGEST)];
    let end = memmem::find(rest, b"\n\n").or_else(|| memchr::memchr(0, rest))?;
    // One command, on lines that a backslash joins.
    let mut line = Vec::with_capacity(end);
    let mut from = 0;
    for at in memmem::find_iter(&rest[..end], b"\\\n") {
        line.extend_from_slice(&rest[from..at]);
        line.push(b' ');
        from = at + 2;
    }
    line.extend_from_slice(&rest[from..end]);
    parse(&line)
}

fn parse(line: &[u8]) -> Option<Wrapper> {
    let words = words(line)?;
    let mut arguments = words.iter().map(|word| printable(&shown(word)));
    let program = arguments.next()?;
    let mut actions = Vec::new();
    while let Some(flag) = arguments.next() {
        let mut next = || arguments.next();
        actions.push(match flag.as_str() {
            "--set" => Action::Set { variable: next()?, value: next()? },
            "--set-default" => Action::SetDefault { variable: next()?, value: next()? },
            "--unset" => Action::Unset { variable: next()? },
            "--prefix" => Action::Prefix { variable: next()?, separator: next()?, value: next()? },
            "--suffix" => Action::Suffix { variable: next()?, separator: next()?, value: next()? },
            "--chdir" => Action::Chdir { folder: next()? },
            "--argv0" => Action::Argv0 { name: next()? },
            "--inherit-argv0" => Action::InheritArgv0,
            "--resolve-argv0" => Action::ResolveArgv0,
            "--add-flag" => Action::AddFlags { flags: vec![next()?] },
            "--append-flag" => Action::AppendFlags { flags: vec![next()?] },
            // Taken apart at spaces, and nothing more (addFlags of make-binary-wrapper.sh).
            "--add-flags" => Action::AddFlags { flags: split(&next()?) },
            "--append-flags" => Action::AppendFlags { flags: split(&next()?) },
            _ => return None,
        });
    }
    Some(Wrapper { maker: Maker::MakeBinaryWrapper, program, actions, other_lines: 0 })
}

fn split(flags: &str) -> Vec<String> {
    flags.split_whitespace().map(str::to_owned).collect()
}
