//! makeBinaryWrapper's programs, which keep the command that made them as a string (nixpkgs, make-binary-wrapper.sh,
//! docstring).

use memchr::memmem;

use super::shell::words;
use super::{Action, Maker, Text, Wrapper};

const HEADING: &[u8] =
    b"# The C-code for this binary wrapper has been generated using the following command:";
const COMMAND: &[u8] = b"makeCWrapper ";
/// As long as such a command may be.
const LONGEST: usize = 1 << 20;

/// A function that `--resolve-argv0` has in the program; the string does not tell of it (formatArgs).
const RESOLVES: &[u8] = b"resolve_argv0";

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
    let mut wrapper = parse(&line)?;
    let is_told = wrapper.actions.contains(&Action::ResolveArgv0);
    if !is_told && memmem::find(program, RESOLVES).is_some() {
        wrapper.actions.push(Action::ResolveArgv0);
    }
    Some(wrapper)
}

fn parse(line: &[u8]) -> Option<Wrapper> {
    let words = words(line)?;
    let mut arguments = words.iter().map(|word| Text::of(word));
    let program = arguments.next()?;
    let mut actions = Vec::new();
    while let Some(flag) = arguments.next() {
        let mut next = || arguments.next();
        actions.push(match flag.bytes.as_slice() {
            b"--set" => Action::Set { variable: next()?, value: next()? },
            b"--set-default" => Action::SetDefault { variable: next()?, value: next()? },
            b"--unset" => Action::Unset { variable: next()? },
            b"--prefix" => Action::Prefix { variable: next()?, separator: next()?, value: next()? },
            b"--suffix" => Action::Suffix { variable: next()?, separator: next()?, value: next()? },
            b"--chdir" => Action::Chdir { folder: next()? },
            b"--argv0" => Action::Argv0 { name: next()? },
            b"--inherit-argv0" => Action::InheritArgv0,
            b"--resolve-argv0" => Action::ResolveArgv0,
            b"--add-flag" => Action::AddFlags { flags: vec![next()?] },
            b"--append-flag" => Action::AppendFlags { flags: vec![next()?] },
            // Taken apart at spaces, and nothing more (addFlags of make-binary-wrapper.sh).
            b"--add-flags" => Action::AddFlags { flags: split(&next()?) },
            b"--append-flags" => Action::AppendFlags { flags: split(&next()?) },
            _ => return None,
        });
    }
    Some(Wrapper { maker: Maker::MakeBinaryWrapper, program, actions, other_lines: 0 })
}

fn split(flags: &Text) -> Vec<Text> {
    let words = flags.bytes.split(|byte| b" \n\t".contains(byte));
    words.filter(|word| !word.is_empty()).map(Text::exact).collect()
}
