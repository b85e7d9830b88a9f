//! `[signature]`, `[deb.signature]` and `[rpm.signature]`: with which key artifacts are signed.

use std::path::PathBuf;

use toml::Spanned;

use super::document::{Document, suggest};
use super::schema::{Schema, Value};
use super::text;
use crate::error::Result;
use crate::path::printable;

/// What bundle.toml says of keys. The files are not looked at yet: the environment may name others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signing {
    /// For every artifact, and for SHA256SUMS.
    pub common: KeyConfig,
    pub deb: KeyConfig,
    pub rpm: KeyConfig,
    pub deb_role: SignerRole,
}

/// Where a key is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyConfig {
    pub key_file: Option<PathBuf>,
    /// Hexadecimal digits, in upper case: the end of a key's fingerprint.
    pub key_id: Option<String>,
    pub passphrase_file: Option<PathBuf>,
}

/// Who signs a .deb: debsigs' types of signature (debsigs(1)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignerRole {
    #[default]
    Origin,
    Maint,
    Archive,
}

/// Debian's short key IDs have 8 digits, fingerprints have 40.
const KEY_ID_DIGITS: &[usize] = &[8, 16, 40];

impl Signing {
    pub(super) fn from_schema(document: &Document, schema: &Schema) -> Result<Self> {
        let deb = &schema.deb.signature;
        let rpm = &schema.rpm.signature;
        let common = &schema.signature;
        Ok(Signing {
            common: key(document, &common.key_file, &common.key_id, &common.passphrase_file)?,
            deb: key(document, &deb.key_file, &deb.key_id, &deb.passphrase_file)?,
            rpm: key(document, &rpm.key_file, &rpm.key_id, &rpm.passphrase_file)?,
            deb_role: deb
                .role
                .as_ref()
                .map_or(Ok(SignerRole::default()), |role| signer_role(document, role))?,
        })
    }
}

fn key(
    document: &Document,
    key_file: &Value<String>,
    key_id: &Value<String>,
    passphrase_file: &Value<String>,
) -> Result<KeyConfig> {
    let file = |value: &Value<String>| -> Result<Option<PathBuf>> {
        Ok(text::optional_line(document, value)?.map(|name| document.resolve(&name)))
    };
    Ok(KeyConfig {
        key_file: file(key_file)?,
        key_id: key_id.as_ref().map(|id| digits(document, id)).transpose()?,
        passphrase_file: file(passphrase_file)?,
    })
}

fn digits(document: &Document, value: &Spanned<String>) -> Result<String> {
    let text = text::line(document, value)?;
    let written = text.strip_prefix("0x").unwrap_or(&text);
    let digits: String = written.split_whitespace().collect::<String>().to_ascii_uppercase();
    if !digits.chars().all(|c| c.is_ascii_hexdigit()) || !KEY_ID_DIGITS.contains(&digits.len()) {
        return Err(document
            .wrong(value.span(), format!("is no ID of a key: `{}`", printable(text.as_bytes())))
            .remedy(
                "write the 16 digits, or the 40 of the fingerprint, that `gpg -K --keyid-format long` shows",
            ));
    }
    Ok(digits)
}

fn signer_role(document: &Document, value: &Spanned<String>) -> Result<SignerRole> {
    match value.get_ref().as_str() {
        "origin" => Ok(SignerRole::Origin),
        "maint" => Ok(SignerRole::Maint),
        "archive" => Ok(SignerRole::Archive),
        other => Err(document
            .wrong(value.span(), format!("cannot be `{}`", printable(other.as_bytes())))
            .remedy(suggest(other, &["origin", "maint", "archive"], "a type"))),
    }
}
