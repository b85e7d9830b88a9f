//! Relations to other packages. The user writes them as either family does, `foo (>= 1.2)` or `foo >= 1.2`, with
//! alternatives as `foo | bar`; each format gets its own form.

use crate::error::{Error, Result};

/// `package.depends` and the like: packages of which any one will do.
#[derive(Debug, PartialEq, Eq)]
pub struct Relation {
    alternatives: Vec<Alternative>,
}

/// One package, in certain versions or any.
#[derive(Debug, PartialEq, Eq)]
pub struct Alternative {
    pub name: String,
    pub bound: Option<(Operator, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Less,
    LessEqual,
    Equal,
    GreaterEqual,
    Greater,
}

impl Operator {
    /// The longest operator that the text begins with. `<<` and `>>` are dpkg's, `<` and `>` rpm's; dpkg took these for
    /// `<=` and `>=` once (deb-control(5)), rpm never did, and who writes them today means what they say.
    fn strip(text: &str) -> Option<(Operator, &str)> {
        use Operator::*;
        [
            ("<=", LessEqual),
            (">=", GreaterEqual),
            ("<<", Less),
            (">>", Greater),
            ("<", Less),
            (">", Greater),
            // nfpm takes it for the same.
            ("==", Equal),
            ("=", Equal),
        ]
        .into_iter()
        .find_map(|(sign, operator)| Some((operator, text.strip_prefix(sign)?)))
    }

    fn deb(self) -> &'static str {
        match self {
            Operator::Less => "<<",
            Operator::Greater => ">>",
            other => other.rpm(),
        }
    }

    fn rpm(self) -> &'static str {
        match self {
            Operator::Less => "<",
            Operator::LessEqual => "<=",
            Operator::Equal => "=",
            Operator::GreaterEqual => ">=",
            Operator::Greater => ">",
        }
    }
}

impl Relation {
    /// `field` is what the error names: `package.depends`.
    pub fn parse(field: &str, text: &str) -> Result<Relation> {
        let alternatives: Option<Vec<_>> = text.split('|').map(Alternative::parse).collect();
        match alternatives {
            Some(alternatives) => Ok(Relation { alternatives }),
            None => Err(wrong(field, text, "is no relation").remedy(match text.trim().starts_with('(') {
                true => "write it as \"foo | bar\"; what only rpm can say is for [rpm] and [overrides.rpm]",
                false => "write it as \"foo\", \"foo (>= 1.2)\" or \"foo | bar\"",
            })),
        }
    }

    /// In the form of deb-control(5).
    pub fn deb(&self, field: &str) -> Result<String> {
        let parts: Result<Vec<String>> = self.alternatives.iter().map(|a| a.deb(field)).collect();
        Ok(parts?.join(" | "))
    }

    /// The package, if it is one and no choice.
    pub fn single(&self) -> Option<&Alternative> {
        match &self.alternatives[..] {
            [single] => Some(single),
            _ => None,
        }
    }

    /// Whether more than one version of something will do, but not any.
    pub fn has_range(&self) -> bool {
        let is_range = |bound: &(Operator, String)| bound.0 != Operator::Equal;
        self.alternatives.iter().any(|alternative| alternative.bound.as_ref().is_some_and(is_range))
    }

    /// rpm's boolean form: `(foo >= 1.2 or bar)`.
    pub fn rpm_boolean(&self) -> String {
        let parts: Vec<String> = self.alternatives.iter().map(Alternative::rpm).collect();
        format!("({})", parts.join(" or "))
    }
}

impl Alternative {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        // A name may have parentheses of its own, `libc.so.6(GLIBC_2.34)(64bit)`; a version's begin with an operator.
        let is_end = |at: usize| {
            let rest = text[at..].trim_start();
            rest.len() < text.len() - at
                || Operator::strip(rest.strip_prefix('(').unwrap_or(rest).trim_start()).is_some()
        };
        let cut = text.char_indices().map(|(at, _)| at).find(|at| is_end(*at)).unwrap_or(text.len());
        let (name, rest) = text.split_at(cut);
        let rest = rest.trim();
        let bound = match rest {
            "" => None,
            _ => Some(Self::bound(rest)?),
        };
        let well_formed = !name.is_empty()
            && !name.starts_with('(')
            && !name.contains(|c: char| c == ',' || c.is_control());
        well_formed.then(|| Alternative { name: name.to_owned(), bound })
    }

    fn bound(text: &str) -> Option<(Operator, String)> {
        let inner = match text.strip_prefix('(') {
            Some(inner) => inner.strip_suffix(')')?.trim(),
            None => text,
        };
        let (operator, version) = Operator::strip(inner)?;
        let version = version.trim();
        let legal = |c: char| c.is_ascii_alphanumeric() || "._+~^:-".contains(c);
        (!version.is_empty() && version.chars().all(legal)).then(|| (operator, version.to_owned()))
    }

    fn deb(&self, field: &str) -> Result<String> {
        // Policy 5.6.1, and an architecture qualifier (`python3:any`).
        let (name, qualifier) = self.name.split_once(':').unwrap_or((&self.name, "any"));
        let starts = name.starts_with(|c: char| c.is_ascii_alphanumeric());
        if name.len() < 2 || !starts || !is_of_debian_name(name) || !is_of_debian_name(qualifier) {
            return Err(wrong(field, &self.name, "is no name of a Debian package")
                .remedy("name what only rpm has under [rpm], or leave the .deb out (-f rpm,tar)"));
        }
        match &self.bound {
            None => Ok(self.name.clone()),
            Some((_, version)) if version.contains(['^', '_']) => {
                Err(wrong(field, version, "is no version of a Debian package")
                    .remedy("leave `^` and `_` out of it, or name what only rpm has under [rpm]"))
            }
            Some((operator, version)) => Ok(format!("{} ({} {version})", self.name, operator.deb())),
        }
    }

    /// The name without dpkg's architecture qualifier (`:any`, `:amd64`), which rpm would take for a part of it. What else has a
    /// colon in rpm has parentheses, too: `perl(Foo::Bar)`.
    pub fn rpm_name(&self) -> &str {
        match self.name.split_once(':') {
            Some((name, qualifier)) if is_of_debian_name(name) && is_of_debian_name(qualifier) => name,
            _ => &self.name,
        }
    }

    fn rpm(&self) -> String {
        match &self.bound {
            None => self.rpm_name().to_owned(),
            Some((operator, version)) => format!("{} {} {version}", self.rpm_name(), operator.rpm()),
        }
    }
}

/// The characters of a package's name, and of an architecture's.
fn is_of_debian_name(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c))
}

/// An error that names the field and what stands in it.
pub fn wrong(field: &str, text: &str, what: &str) -> Error {
    Error::usage(format!("bundle.toml: {field}: {text:?} {what}"))
}

/// Of a field that has relations to one package each.
pub fn no_choice(field: &str, text: &str) -> Error {
    wrong(field, text, "has alternatives, and this field can have none")
        .remedy("name one of them, or each as a relation of its own")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deb(text: &str) -> String {
        Relation::parse("depends", text).unwrap().deb("depends").unwrap()
    }

    fn rpm(text: &str) -> String {
        Relation::parse("depends", text).unwrap().rpm_boolean()
    }

    #[test]
    fn both_families_spellings_are_read() {
        for text in ["foo (>= 1.2)", "foo >= 1.2", "foo(>=1.2)", "foo>=1.2", " foo  ( >= 1.2 ) "] {
            assert_eq!(deb(text), "foo (>= 1.2)", "{text}");
            assert_eq!(rpm(text), "(foo >= 1.2)", "{text}");
        }
        assert_eq!(deb("foo < 2 | bar | baz:any (= 1:2-3)"), "foo (<< 2) | bar | baz:any (= 1:2-3)");
        assert_eq!(rpm("foo (<< 2) | bar | baz:any (= 1:2-3)"), "(foo < 2 or bar or baz = 1:2-3)");
        assert_eq!(rpm("libc.so.6(GLIBC_2.34)(64bit)"), "(libc.so.6(GLIBC_2.34)(64bit))");
        assert_eq!(rpm("perl(Foo::Bar) >= 1.2"), "(perl(Foo::Bar) >= 1.2)");
        assert_eq!((deb("foo == 1"), rpm("foo (==1)")), ("foo (= 1)".into(), "(foo = 1)".into()));
    }

    #[test]
    fn rpm_knows_no_architecture_qualifiers() {
        for (given, wanted) in [
            ("foo:any", "(foo)"),
            ("foo:amd64 (>= 1)", "(foo >= 1)"),
            ("foo:linux-any", "(foo)"),
            ("perl(Foo::Bar)", "(perl(Foo::Bar))"),
            ("/srv/a:b", "(/srv/a:b)"),
        ] {
            assert_eq!(rpm(given), wanted);
        }
    }

    #[test]
    fn a_boolean_of_rpms_is_sent_to_where_it_can_stand() {
        let remedy = |text: &str| Relation::parse("package.depends", text).unwrap_err().to_string();
        assert!(remedy("(a or b)").contains("[overrides.rpm]"));
        assert!(!remedy("a b").contains("[overrides.rpm]"));
    }

    #[test]
    fn what_is_no_relation_is_refused_by_field_and_text() {
        for text in [
            "",
            "foo bar",
            "foo (>= )",
            "foo (1.2)",
            "foo (>= 1",
            "a, b",
            "a |",
            "(a or b)",
            "a\nb",
            "a >= 1\nB: c",
            ">= 1",
        ] {
            let error = Relation::parse("package.depends", text).unwrap_err().to_string();
            assert!(
                error.contains("bundle.toml: package.depends") && error.contains(&format!("{text:?}")),
                "{error}"
            );
        }
        for text in ["libc.so.6(GLIBC_2.34)(64bit)", "Foo", "foo:", "/bin/sh", "x"] {
            assert!(
                Relation::parse("package.depends", text).unwrap().deb("package.depends").is_err(),
                "{text}"
            );
        }
    }
}
