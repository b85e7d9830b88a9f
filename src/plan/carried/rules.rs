//! What becomes of a reference: bundle.toml's rules first, then those of templates/references.toml, then the policy.

use std::collections::BTreeSet;

use globset::{GlobMatcher, GlobSet};
use serde::Deserialize;

use crate::config::{Outcome, Policy, ReferenceRule, References};
use crate::error::{Error, Result};
use crate::path::{InstallPath, file_name};
use crate::plan::choose::{globs, matcher, to_path};
use crate::plan::outside::{Asked, Outsides};

/// The rules that fit how nixpkgs builds things.
const KNOWN: &str = include_str!("../../../templates/references.toml");

pub struct Rules {
    /// bundle.toml's first.
    all: Vec<Rule>,
    alone: GlobSet,
    policy: Policy,
    /// What is not in the store.
    pub outside: Outsides,
    /// Functions whose callers decide.
    pub functions: BTreeSet<String>,
}

struct Rule {
    path: GlobMatcher,
    within: Option<GlobMatcher>,
    imports: Vec<String>,
    outcome: Outcome,
    why: String,
}

/// The rules whose globs match a reference in a file. Which of them settles it depends on what the bundle calls.
#[derive(Clone, Debug)]
pub struct Matching {
    /// `<hash>-<name>/<path>`
    named: Vec<u8>,
    /// In order, each with how much of `named` it stands for.
    rules: Vec<(usize, usize)>,
}

/// What becomes of one reference.
#[derive(Debug, PartialEq, Eq)]
pub enum Settlement<'r> {
    Carried,
    /// The target has it: `to` stands for the first so many bytes of `<hash>-<name>/<path>`.
    Host {
        to: InstallPath,
        len: usize,
    },
    Ignored {
        why: &'r str,
    },
    /// No rule says, and the policy is strict.
    Unsettled,
}

/// templates/references.toml
#[derive(Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "'de: 'static"))]
struct Known {
    rules: Vec<KnownRule>,
    alone: Vec<Alone>,
    outside: Vec<Asked>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KnownRule {
    path: String,
    #[serde(rename = "in")]
    within: Option<String>,
    #[serde(default)]
    imports: Vec<String>,
    policy: Option<Policy>,
    is: String,
    why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Alone {
    path: String,
    #[serde(rename = "why")]
    _why: String,
}

impl Rules {
    /// Errors: a glob of bundle.toml that is none.
    pub fn new(references: &References) -> Result<Self> {
        let broken = |what: &str| Error::failure(format!("templates/references.toml is broken: {what}"));
        let table: Known = toml::from_str(KNOWN).map_err(|error| broken(&error.to_string()))?;
        let mut all = references.rules.iter().map(Rule::new).collect::<Result<Vec<_>>>()?;
        for rule in table.rules {
            if rule.policy.is_some_and(|policy| policy != references.policy) {
                continue;
            }
            let outcome = Outcome::parse(&rule.is).ok_or_else(|| broken(&rule.is))?;
            let own = ReferenceRule { path: rule.path, within: rule.within, outcome };
            all.push(Rule { imports: rule.imports, why: rule.why, ..Rule::new(&own)? });
        }
        let asked = table.outside.iter().map(|asked| &asked.imports);
        let functions = all.iter().map(|rule| &rule.imports).chain(asked).flatten().cloned().collect();
        let alone = globs("references", table.alone.iter().map(|alone| &alone.path))?;
        Ok(Rules { all, alone, policy: references.policy, outside: Outsides(table.outside), functions })
    }

    /// What matches `named`, which is `<hash>-<name>/<path>`; `by` is the path of the file that names it, below its store path.
    pub fn matching(&self, named: Vec<u8>, by: &[u8]) -> Matching {
        let mut rules = Vec::new();
        for (index, rule) in self.all.iter().enumerate() {
            if let Some(len) = rule.matches(&named, by) {
                rules.push((index, len));
                // None comes after one that holds whatever is called.
                if rule.imports.is_empty() {
                    break;
                }
            }
        }
        Matching { named, rules }
    }

    /// Settles a reference; `imported` are the functions that the bundle calls.
    pub fn settle(&self, matching: &Matching, imported: &BTreeSet<String>) -> Settlement<'_> {
        let holds = |rule: &Rule| {
            rule.imports.is_empty() || rule.imports.iter().any(|function| imported.contains(function))
        };
        let mut rules = matching.rules.iter().map(|(index, len)| (&self.all[*index], *len));
        match rules.find(|(rule, _)| holds(rule)) {
            Some((Rule { outcome: Outcome::Carried, .. }, _)) => Settlement::Carried,
            Some((Rule { outcome: Outcome::Ignored, why, .. }, _)) => Settlement::Ignored { why },
            Some((Rule { outcome: Outcome::Host(to), .. }, len)) => Settlement::Host { to: to.clone(), len },
            Some((Rule { outcome: Outcome::HostFolder(folder), .. }, len)) => {
                Settlement::Host { to: folder.join(file_name(&matching.named[..len])), len }
            }
            None if self.policy == Policy::Strict => Settlement::Unsettled,
            None => Settlement::Carried,
        }
    }

    /// Whether only what is named of a store path is carried.
    pub fn is_alone(&self, component: &str) -> bool {
        self.alone.is_match(component)
    }
}

impl Rule {
    fn new(rule: &ReferenceRule) -> Result<Self> {
        let within = rule.within.as_deref().map(|glob| matcher("references.rules", glob)).transpose()?;
        Ok(Rule {
            path: matcher("references.rules", &rule.path)?,
            within,
            imports: Vec::new(),
            outcome: rule.outcome.clone(),
            why: "a rule of bundle.toml".to_owned(),
        })
    }

    /// How much of `named` the rule stands for, if it matches: the longest folder or file that its glob matches.
    fn matches(&self, named: &[u8], by: &[u8]) -> Option<usize> {
        if self.within.as_ref().is_some_and(|within| !within.is_match(to_path(by))) {
            return None;
        }
        let ends = (0..=named.len()).rev().filter(|end| named.get(*end).is_none_or(|byte| *byte == b'/'));
        ends.into_iter().find(|end| self.path.is_match(to_path(&named[..*end])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(own: &[(&str, Option<&str>, &str)], policy: Policy) -> Rules {
        let rule = |(path, within, is): &(&str, Option<&str>, &str)| ReferenceRule {
            path: path.to_string(),
            within: within.map(str::to_owned),
            outcome: Outcome::parse(is).unwrap(),
        };
        Rules::new(&References { policy, rules: own.iter().map(rule).collect() }).unwrap()
    }

    fn host(to: &'static str, len: usize) -> (Option<String>, usize) {
        (Some(to.to_owned()), len)
    }

    fn settled<'r>(rules: &'r Rules, named: &str, by: &str, imported: &[&str]) -> Settlement<'r> {
        let matching = rules.matching(named.into(), by.as_bytes());
        let imported = imported.iter().map(|name| name.to_string()).collect();
        rules.settle(&matching, &imported)
    }

    fn hosted(rules: &Rules, named: &str, by: &str) -> (Option<String>, usize) {
        match settled(rules, named, by, &[]) {
            Settlement::Host { to, len } => (Some(to.to_string()), len),
            _ => (None, 0),
        }
    }

    #[test]
    fn the_first_rule_that_matches_settles() {
        let rules = rules(
            &[
                ("*-bash-*/bin/*sh", Some("bin/one"), "host:/bin/dash"),
                ("*-bash-*/bin/*sh", None, "host:/bin/sh"),
            ],
            Policy::Carry,
        );
        let bash = "h-bash-5.2/bin/bash";
        assert_eq!(hosted(&rules, bash, "bin/one"), host("/bin/dash", bash.len()));
        assert_eq!(hosted(&rules, bash, "bin/two"), host("/bin/sh", bash.len()));
        assert_eq!(hosted(&rules, "h-bash-5.2/lib/bash", "bin/two"), (None, 0));
    }

    #[test]
    fn a_rule_holds_for_all_below() {
        let rules = rules(&[("*-tzdata-*/share/zoneinfo", None, "host:/usr/share/zoneinfo")], Policy::Carry);
        let folder = "h-tzdata-2025/share/zoneinfo";
        assert_eq!(
            hosted(&rules, &format!("{folder}/Europe/Berlin"), "x"),
            host("/usr/share/zoneinfo", folder.len())
        );
    }

    #[test]
    fn what_of_glibc_is_wanted_depends_on_who_calls() {
        let rules = rules(&[], Policy::Carry);
        let settle = |named: &str, imported: &[&str]| {
            matches!(settled(&rules, named, "lib/libc.so.6", imported), Settlement::Carried)
        };
        assert!(settle("h-glibc-2.42/lib/gconv/gconv-modules.cache", &["iconv_open"]));
        assert!(!settle("h-glibc-2.42/lib/gconv", &["setlocale"]));
        assert!(settle("h-glibc-locales-2.42/lib/locale/locale-archive", &[]), "another package");
        assert!(!settle("h-glibc-2.42/share/locale", &["setlocale", "iconv_open"]));
        assert!(
            !settle("h-libidn2-2.3/lib/libidn2.so.0", &[])
                && settle("h-libidn2-2.3/lib/libidn2.so.0", &["getaddrinfo"])
        );
    }

    #[test]
    fn policies() {
        let sh = "h-bash-5.2/bin/sh";
        assert_eq!(hosted(&rules(&[], Policy::Lean), sh, "bin/x"), host("/bin/sh", sh.len()));
        assert_eq!(hosted(&rules(&[], Policy::Carry), sh, "bin/x"), (None, 0));
        let env = "h-coreutils-9/bin/ls";
        assert_eq!(hosted(&rules(&[], Policy::Lean), env, "bin/x").0.as_deref(), Some("/bin/ls"));
        let strict = rules(&[], Policy::Strict);
        assert_eq!(settled(&strict, sh, "bin/x", &[]), Settlement::Unsettled);
    }
}
