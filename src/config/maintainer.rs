//! Who maintains a package: `Name <mail>`.

use toml::Spanned;

use super::document::Document;
use super::text;
use crate::error::Result;

/// Who maintains what nobody is said to.
const NOBODY: &str = "Unknown";
/// The mail address of who has none: dpkg warns of a package without a Maintainer, and lintian of one at localhost. `.invalid` is
/// nobody's, for ever (RFC 2606, section 2).
const NO_MAIL: &str = "unknown@explant.invalid";

/// A name, as a rule with a mail address; something else may stand in its place (`Acme <https://acme.example>`).
pub(super) fn check(document: &Document, value: &Spanned<String>) -> Result<String> {
    let text = text::line(document, value)?;
    if has_mail(&text) || is_named(&text) {
        return Ok(text);
    }
    Err(document
        .wrong(value.span(), "is not of the form `Name <mail>`")
        .remedy("write it as `Jane Doe <jane@example.org>`"))
}

/// Whether it is `Name <mail>`.
pub fn has_mail(text: &str) -> bool {
    let is_mail = |mail: &str| {
        matches!(mail.split_once('@'), Some((user, host)) if !user.is_empty() && !host.is_empty() && !host.contains('@'))
            && !mail.contains(char::is_whitespace)
            && !mail.contains(['<', '>'])
    };
    let parts = text.strip_suffix('>').and_then(|text| text.split_once('<'));
    parts.is_some_and(|(name, mail)| !name.trim().is_empty() && !name.contains('>') && is_mail(mail))
}

/// Whether there is a name, which is no mail address itself, and nothing or `<...>` behind it.
fn is_named(text: &str) -> bool {
    let (name, rest) = text.split_once('<').unwrap_or((text, ">"));
    let inner = rest.strip_suffix('>');
    !name.trim().is_empty()
        && !name.contains(['>', '@'])
        && inner.is_some_and(|inner| !inner.contains(['<', '>']))
}

/// As a .deb has it, always with a mail address (Debian Policy 5.6.2).
pub fn for_deb(text: &str) -> String {
    if has_mail(text) {
        return text.to_owned();
    }
    let name = text.split('<').next().unwrap_or_default().trim();
    format!("{} <{NO_MAIL}>", if name.is_empty() { NOBODY } else { name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_and_a_deb_has_a_mail_address() {
        for (given, in_deb) in [
            ("Jane Doe <jane@example.org>", "Jane Doe <jane@example.org>"),
            ("Jane Doe", "Jane Doe <unknown@explant.invalid>"),
            ("Acme <https://acme.example>", "Acme <unknown@explant.invalid>"),
            ("Jane <jane>", "Jane <unknown@explant.invalid>"),
        ] {
            assert!(has_mail(given) || is_named(given), "{given}");
            assert_eq!(for_deb(given), in_deb);
            assert!(has_mail(&for_deb(given)), "{given}");
        }
        assert_eq!(for_deb(""), "Unknown <unknown@explant.invalid>");
    }
}
