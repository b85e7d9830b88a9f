//! Words as a shell takes them apart: as much of the language as wrappers are written in.

/// A piece of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Quotes and backslashes taken away.
    Text(Vec<u8>),
    /// `$NAME`, `${NAME}`, `$0`, `$@`.
    Variable(Vec<u8>),
    /// `${NAME<operator>word}`; the operator is one or two characters (`-`, `:+`, `#`, `/`).
    Expansion { variable: Vec<u8>, operator: Vec<u8>, word: Vec<Part> },
}

pub(super) type Word = Vec<Part>;

/// As deep as expansions are in one another; wrappers have one.
const DEEPEST: usize = 4;

/// The words of a line. `None`: it says what is not understood here (a pipe, a command in `$(...)`, a quote without end).
pub(super) fn words(line: &[u8]) -> Option<Vec<Word>> {
    let mut reader = Reader { rest: line, depth: 0 };
    let mut words = Vec::new();
    loop {
        reader.rest = reader.rest.trim_ascii_start();
        if reader.rest.is_empty() || reader.rest.starts_with(b"#") {
            return Some(words);
        }
        words.push(reader.word(|byte| byte.is_ascii_whitespace())?);
    }
}

/// The text of a word that has nothing else in it.
pub(super) fn text(word: &[Part]) -> Option<&[u8]> {
    match word {
        [] => Some(b""),
        [Part::Text(text)] => Some(text),
        _ => None,
    }
}

/// A word as people know it again, with its variables and without quotes.
pub(super) fn shown(word: &[Part]) -> Vec<u8> {
    let mut shown = Vec::new();
    for part in word {
        match part {
            Part::Text(text) => shown.extend_from_slice(text),
            Part::Variable(name) => shown.extend([b"$", name.as_slice()].concat()),
            Part::Expansion { variable, operator, word } => {
                shown.extend([b"${", variable.as_slice(), operator, &self::shown(word), b"}"].concat());
            }
        }
    }
    shown
}

struct Reader<'a> {
    rest: &'a [u8],
    depth: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    /// Takes what comes before `end`, which must come.
    fn until(&mut self, end: u8) -> Option<Vec<u8>> {
        let at = memchr::memchr(end, self.rest)?;
        let taken = self.rest[..at].to_vec();
        self.rest = &self.rest[at + 1..];
        Some(taken)
    }

    fn word(&mut self, is_end: impl Fn(u8) -> bool + Copy) -> Option<Word> {
        let mut word = Word::new();
        while let Some(first) = self.rest.first().copied().filter(|byte| !is_end(*byte)) {
            self.next();
            match first {
                b'\'' => push(&mut word, &self.until(b'\'')?),
                b'"' => self.quoted(&mut word)?,
                b'\\' => push(&mut word, &[self.next()?]),
                b'$' => self.dollar(&mut word)?,
                b'`' | b'|' | b'&' | b';' | b'<' | b'>' | b'(' | b')' => return None,
                other => push(&mut word, &[other]),
            }
        }
        Some(word)
    }

    /// What is in double quotes, of which the first is taken.
    fn quoted(&mut self, word: &mut Word) -> Option<()> {
        // Quotes without content make a word, too.
        push(word, b"");
        loop {
            match self.next()? {
                b'"' => return Some(()),
                b'\\' => match self.next()? {
                    escaped @ (b'$' | b'`' | b'"' | b'\\') => push(word, &[escaped]),
                    other => push(word, &[b'\\', other]),
                },
                b'$' if self.rest.starts_with(b"'") => push(word, b"$"),
                b'$' => self.dollar(word)?,
                b'`' => return None,
                other => push(word, &[other]),
            }
        }
    }

    /// What a dollar begins, which is taken.
    fn dollar(&mut self, word: &mut Word) -> Option<()> {
        match self.rest.first() {
            Some(b'\'') => {
                self.next();
                push(word, &self.ansi()?);
            }
            Some(b'{') => {
                self.next();
                let part = self.braces()?;
                word.push(part);
            }
            Some(b'@' | b'0' | b'*' | b'#' | b'?' | b'$') => {
                let name = self.next()?;
                word.push(Part::Variable(vec![name]));
            }
            Some(byte) if is_name(*byte) => {
                let name = self.name();
                word.push(Part::Variable(name));
            }
            Some(b'(') => return None,
            _ => push(word, b"$"),
        }
        Some(())
    }

    fn name(&mut self) -> Vec<u8> {
        let end = self.rest.iter().position(|byte| !is_name(*byte)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        name.to_vec()
    }

    /// `NAME}` or `NAME<operator>word}`.
    fn braces(&mut self) -> Option<Part> {
        let mut variable = self.name();
        if self.rest.starts_with(b"[") {
            variable.extend(self.until(b']')?);
            variable.push(b']');
        }
        let mut operator = vec![self.next()?];
        if operator == b"}" {
            return Some(Part::Variable(variable));
        }
        if operator == b":" {
            operator.push(self.next()?);
        }
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let word = self.word(|byte| byte == b'}')?;
        self.depth -= 1;
        self.next()?;
        Some(Part::Expansion { variable, operator, word })
    }

    /// `$'...'`, of which dollar and quote are taken.
    fn ansi(&mut self) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        loop {
            match self.next()? {
                b'\'' => return Some(text),
                b'\\' => {
                    let escaped = self.next()?;
                    text.push(match escaped {
                        b'n' => b'\n',
                        b't' => b'\t',
                        b'r' => b'\r',
                        b'a' => 7,
                        b'b' => 8,
                        b'e' | b'E' => 27,
                        b'f' => 12,
                        b'v' => 11,
                        b'0'..=b'7' => self.octal(escaped),
                        other => other,
                    });
                }
                other => text.push(other),
            }
        }
    }

    /// Up to three octal digits, the first of which is taken: how bash quotes what is not printable.
    fn octal(&mut self, first: u8) -> u8 {
        let mut value = u32::from(first - b'0');
        for _ in 0..2 {
            let Some(digit) = self.rest.first().filter(|byte| matches!(byte, b'0'..=b'7')) else { break };
            value = value * 8 + u32::from(digit - b'0');
            self.next();
        }
        // Three digits may say more than a byte holds; bash takes the lower bits.
        value as u8
    }
}

fn is_name(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric()
}

/// Adds text to a word, to the text that it ends with if it does.
fn push(word: &mut Word, text: &[u8]) {
    match word.last_mut() {
        Some(Part::Text(last)) => last.extend_from_slice(text),
        _ => word.push(Part::Text(text.to_vec())),
    }
}
