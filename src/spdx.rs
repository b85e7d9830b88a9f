//! SPDX licence expressions in Debian's words (DEP-5, "License specification").

use ::spdx::expression::{ExprNode, Operator};
use ::spdx::{Expression, ParseMode};

/// SPDX's names of licences, and DEP-5's where they are others. `-only` and `-or-later` are dealt with by themselves.
const SHORT_NAMES: &[(&str, &str)] = &[
    ("MIT", "Expat"),
    ("BSD-2-Clause", "BSD-2-clause"),
    ("BSD-3-Clause", "BSD-3-clause"),
    ("BSD-4-Clause", "BSD-4-clause"),
    ("Artistic-1.0-Perl", "Artistic"),
    ("Artistic-1.0", "Artistic"),
    ("Python-2.0", "PSF-2"),
    ("PSF-2.0", "PSF-2"),
    ("Zlib", "zlib"),
    ("CC0-1.0", "CC0"),
    ("W3C", "W3C-Software"),
];

/// What Debian has the text of, in /usr/share/common-licenses (base-files of Debian 11 to 13), by DEP-5's name.
const COMMON: &[(&str, &str)] = &[
    ("Apache-2.0", "Apache-2.0"),
    ("Artistic", "Artistic"),
    ("CC0", "CC0-1.0"),
    ("GFDL-1.2", "GFDL-1.2"),
    ("GFDL-1.3", "GFDL-1.3"),
    ("GPL-1", "GPL-1"),
    ("GPL-2", "GPL-2"),
    ("GPL-3", "GPL-3"),
    ("LGPL-2", "LGPL-2"),
    ("LGPL-2.1", "LGPL-2.1"),
    ("LGPL-3", "LGPL-3"),
    ("MPL-1.1", "MPL-1.1"),
    ("MPL-2.0", "MPL-2.0"),
];

/// A licence as DEP-5 has it.
#[derive(Debug, PartialEq, Eq)]
pub struct Debian {
    /// `GPL-2+ or Expat`
    pub name: String,
    /// Files of /usr/share/common-licenses.
    pub common: Vec<&'static str>,
    /// Whether Debian has the text of each of its licences.
    pub is_complete: bool,
}

/// An expression that tools can read, its old names replaced (`GPL-2.0+`); `None` where it is none.
pub fn canonical(licence: &str) -> Option<String> {
    parse(licence)?;
    Some(Expression::canonicalize(licence).ok().flatten().unwrap_or_else(|| licence.to_owned()))
}

/// Whether Debian has all texts of a licence, so that none needs to be shipped.
pub fn debian_has_texts(licence: &str) -> bool {
    debian(licence).is_complete
}

/// What is no SPDX expression is taken for a name.
pub fn debian(licence: &str) -> Debian {
    let Some(expression) = parse(licence) else {
        // A short name has no spaces (DEP-5).
        let name = licence.split_whitespace().collect::<Vec<_>>().join("-");
        return Debian { name, common: Vec::new(), is_complete: false };
    };
    let mut stack: Vec<(String, Level)> = Vec::new();
    let mut common: Vec<&'static str> = Vec::new();
    let mut is_complete = true;
    for node in expression.iter() {
        match node {
            ExprNode::Req(requirement) => {
                let (name, text) = single(&requirement.req.to_string());
                is_complete &= text.is_some();
                common.extend(text.filter(|text| !common.contains(text)));
                stack.push((name, Level::One));
            }
            ExprNode::Op(operator) => {
                let right = stack.pop();
                let left = stack.pop();
                if let (Some(left), Some(right)) = (left, right) {
                    stack.push(joined(left, right, *operator));
                }
            }
        }
    }
    let name = stack.pop().map(|(name, _)| name).unwrap_or_default();
    Debian { name, common, is_complete }
}

fn parse(licence: &str) -> Option<Expression> {
    // Old names (GPL-2.0+) are clear enough; what one has to guess at ("GPL") is not.
    let mode = ParseMode {
        allow_imprecise_license_names: false,
        allow_slash_as_or_operator: false,
        ..ParseMode::LAX
    };
    Expression::parse_mode(licence, mode).ok()
}

/// How the parts of a name are held together. `and` binds closer than `or`, and a comma before it is DEP-5's only parenthesis.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    One,
    And,
    Or,
    Comma,
}

fn joined((left, a): (String, Level), (right, b): (String, Level), operator: Operator) -> (String, Level) {
    match operator {
        Operator::Or => (format!("{left} or {right}"), Level::Or),
        Operator::And if [a, b].iter().any(|level| matches!(level, Level::Or | Level::Comma)) => {
            (format!("{left}, and {right}"), Level::Comma)
        }
        Operator::And => (format!("{left} and {right}"), Level::And),
    }
}

/// `GPL-2.0-or-later WITH Classpath-exception-2.0` is `GPL-2+ with Classpath exception`; and the file that Debian has of it.
fn single(name: &str) -> (String, Option<&'static str>) {
    let (name, exception) = match name.split_once(" WITH ") {
        Some((name, exception)) => (name, Some(exception)),
        None => (name, None),
    };
    let (base, or_later) = match name.strip_suffix("-or-later").or_else(|| name.strip_suffix('+')) {
        Some(base) => (base, "+"),
        None => (name.strip_suffix("-only").unwrap_or(name), ""),
    };
    let known = SHORT_NAMES.iter().find(|(spdx, _)| *spdx == base).map(|(_, short)| *short);
    // DEP-5: the version of the GNU licences has no `.0`.
    let is_gnu = ["GPL-", "LGPL-", "AGPL-", "GFDL-"].iter().any(|family| base.starts_with(family));
    let short = known.unwrap_or(if is_gnu { base.strip_suffix(".0").unwrap_or(base) } else { base });
    let text = COMMON.iter().find(|(known, _)| *known == short).map(|(_, file)| *file);
    let name = match exception {
        Some(exception) => {
            let what = exception.split("-exception").next().unwrap_or(exception);
            format!("{short}{or_later} with {what} exception")
        }
        None => format!("{short}{or_later}"),
    };
    // What an exception says is in no common text.
    (name, text.filter(|_| exception.is_none()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_become_debians_names() {
        for (spdx, name, common) in [
            ("MIT", "Expat", &[][..]),
            ("GPL-2.0-or-later", "GPL-2+", &["GPL-2"]),
            ("GPL-2.0-only", "GPL-2", &["GPL-2"]),
            ("LGPL-2.1-or-later", "LGPL-2.1+", &["LGPL-2.1"]),
            ("GPL-3.0-only WITH Classpath-exception-2.0", "GPL-3 with Classpath exception", &[]),
            ("MIT OR Apache-2.0", "Expat or Apache-2.0", &["Apache-2.0"]),
            (
                "MIT AND (LGPL-2.1-only OR MPL-2.0)",
                "Expat, and LGPL-2.1 or MPL-2.0",
                &["LGPL-2.1", "MPL-2.0"],
            ),
            ("BSD-3-Clause AND GPL-1.0-or-later", "BSD-3-clause and GPL-1+", &["GPL-1"]),
            ("LicenseRef-Acme", "LicenseRef-Acme", &[]),
            ("All rights reserved", "All-rights-reserved", &[]),
        ] {
            let debian = debian(spdx);
            assert_eq!((debian.name.as_str(), &debian.common[..]), (name, common), "{spdx}");
        }
        assert!(debian_has_texts("GPL-2.0-or-later OR Apache-2.0") && !debian_has_texts("MIT OR Apache-2.0"));
        assert_eq!(canonical("MIT OR GPL-2.0+").as_deref(), Some("MIT OR GPL-2.0-or-later"));
        assert_eq!((canonical("unknown"), canonical("GPL")), (None, None));
    }
}
