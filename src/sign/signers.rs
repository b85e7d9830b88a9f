//! The keys of a build: from files or the environment, never from the command line, which everybody on the machine can read.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use pgp::composed::{Deserializable, SignedSecretKey};

use super::certificate::{Key, signing_keys};
use super::{Algorithm, Signer};
use crate::config::{KeyConfig, SignerRole, Signing};
use crate::error::{Error, IoContext, Result};
use crate::finding::Finding;
use crate::package::Format;

/// The key in ASCII armor, or the name of its file.
const KEY: &str = "EXPLANT_SIGNING_KEY";
const PASSPHRASE: &str = "EXPLANT_SIGNING_PASSPHRASE";
/// nfpm's, so that what works with it does here. Before it comes NFPM_DEB_PASSPHRASE, NFPM_RPM_PASSPHRASE.
const NFPM_PASSPHRASE: &str = "NFPM_PASSPHRASE";

/// Who signs what. Those that are one key are one signer.
#[derive(Clone, Default)]
pub struct Signers {
    pub deb: Option<Arc<Signer>>,
    pub deb_role: SignerRole,
    pub rpm: Option<Arc<Signer>>,
    /// The tarball and SHA256SUMS.
    pub others: Option<Arc<Signer>>,
}

/// Looks a variable of the environment up.
type Variables<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Where one format's key comes from.
struct Source {
    key: KeyText,
    id: Option<String>,
    /// The variables to look for a passphrase in, then the file.
    variables: Vec<String>,
    file: Option<PathBuf>,
}

#[derive(Clone, PartialEq)]
enum KeyText {
    File(PathBuf),
    Text(Vec<u8>),
}

impl Signers {
    /// For these formats: reads the keys, chooses the one that signs of each, unlocks it and tries it out. `time` is the build's
    /// ([`crate::plan::Plan::mtime`]); whether a key has expired the clock says.
    ///
    /// Errors, each before anything is built: a key that cannot be read, that is none, has expired, is revoked, or is locked
    /// by another passphrase or by one that is not there.
    pub fn load(signing: &Signing, formats: &[Format], time: u32) -> Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let now = u32::try_from(now).unwrap_or(u32::MAX);
        Signers::load_from(signing, formats, time, now, &|name| std::env::var_os(name))
    }

    pub(super) fn load_from(
        signing: &Signing,
        formats: &[Format],
        time: u32,
        now: u32,
        variables: Variables,
    ) -> Result<Self> {
        let mut known: Vec<(String, Arc<Signer>)> = Vec::new();
        let mut signer = |table: &str, own: &KeyConfig| -> Result<Option<Arc<Signer>>> {
            let Some(source) = Source::find(table, own, &signing.common, variables)? else { return Ok(None) };
            let key = source.choose(now)?;
            if let Some((_, signer)) = known.iter().find(|(fingerprint, _)| *fingerprint == key.fingerprint) {
                return Ok(Some(signer.clone()));
            }
            let fingerprint = key.fingerprint.clone();
            let signer = Arc::new(Signer::new(source.unlock(key, variables)?, time)?);
            known.push((fingerprint, signer.clone()));
            Ok(Some(signer))
        };
        let wanted = |format| formats.contains(&format);
        Ok(Signers {
            deb: if wanted(Format::Deb) { signer("deb", &signing.deb)? } else { None },
            deb_role: signing.deb_role,
            rpm: match wanted(Format::Rpm) {
                true => signer("rpm", &signing.rpm)?.map(known_to_rpm).transpose()?,
                false => None,
            },
            others: signer("", &KeyConfig::default())?,
        })
    }

    /// Who will not accept the signatures, as far as that is known.
    pub fn findings(&self) -> Vec<Finding> {
        let Some(signer) = &self.rpm else { return Vec::new() };
        let mut findings = Vec::new();
        if signer.algorithm() != Algorithm::Rsa {
            let finding =
                Finding::warning("rpm-signature", "rpm of RHEL 8 and 9 does not know signatures by Ed25519");
            findings.push(
                finding.remedy("give `[rpm.signature]` a key of RSA, unless the package is for others alone"),
            );
        }
        if signer.key.by_sha1 {
            let finding = Finding::warning(
                "sha1-key",
                "RHEL 9 and later do not import a key that signed its own name by SHA-1",
            );
            findings.push(
                finding.remedy(
                    "sign the name anew: gpg --cert-digest-algo SHA256 --quick-set-expire ID EXPIRES",
                ),
            );
        }
        findings.into_iter().map(|finding| finding.subject(signer.name())).collect()
    }
}

/// rpm's own reader of OpenPGP knows no ECDSA (rpmio/rpmpgp_internal.c); Sequoia's, which rpm may have from 4.19 on, does.
fn known_to_rpm(signer: Arc<Signer>) -> Result<Arc<Signer>> {
    match signer.algorithm() {
        Algorithm::Rsa | Algorithm::EdDsa => Ok(signer),
        Algorithm::Ecdsa => {
            Err(Error::failure(format!("{} is of ECDSA, which rpm before 4.19 does not know", signer.name()))
                .remedy("give `[rpm.signature]` a key of RSA, which every rpm knows"))
        }
    }
}

impl Source {
    /// A format's own key, else that of the environment, else the common one; `None` where nothing speaks of a key.
    fn find(table: &str, own: &KeyConfig, common: &KeyConfig, variables: Variables) -> Result<Option<Self>> {
        let shared = if own.key_file.is_some() { &KeyConfig::default() } else { common };
        let set = |name: &str| variables(name).filter(|value| !value.is_empty());
        let id = own.key_id.clone().or_else(|| shared.key_id.clone());
        let key = match (&own.key_file, set(KEY), &shared.key_file) {
            (Some(file), _, _) | (None, None, Some(file)) => KeyText::File(file.clone()),
            (None, Some(value), _) => key_of_the_environment(value),
            (None, None, None) if id.is_none() => return Ok(None),
            (None, None, None) => {
                let table =
                    if own.key_id.is_some() { format!("{table}.signature") } else { "signature".into() };
                return Err(Error::usage(format!(
                    "`{table}.key_id` names a key, and there is none to be read"
                ))
                .remedy(format!("set `{table}.key_file`, or {KEY} to the key or the name of its file")));
            }
        };
        let own_variable = (!table.is_empty()).then(|| format!("NFPM_{}_PASSPHRASE", table.to_uppercase()));
        Ok(Some(Source {
            key,
            id,
            variables: own_variable.into_iter().chain([PASSPHRASE.into(), NFPM_PASSPHRASE.into()]).collect(),
            file: own.passphrase_file.clone().or_else(|| shared.passphrase_file.clone()),
        }))
    }

    fn origin(&self) -> String {
        match &self.key {
            KeyText::File(file) => file.display().to_string(),
            KeyText::Text(_) => KEY.to_owned(),
        }
    }

    /// The one key that is asked for: of several certificates `key_id` says which.
    fn choose(&self, now: u32) -> Result<Key> {
        let origin = self.origin();
        let certificates = self.certificates()?;
        let mut keys = Vec::new();
        let mut reasons = Vec::new();
        for certificate in &certificates {
            let (of_it, not) = signing_keys(certificate, &origin, now);
            keys.extend(of_it);
            reasons.extend(not);
        }
        if let Some(id) = &self.id {
            // A key's own ID before its certificate's: whoever names the primary key means it, if it can sign.
            let exact = keys.iter().position(|key| key.fingerprint.ends_with(id.as_str()));
            let chosen = exact.or_else(|| keys.iter().position(|key| key.certificate.ends_with(id.as_str())));
            return chosen
                .map(|index| keys.swap_remove(index))
                .ok_or_else(|| no_key(format!("{origin} has no key {id} that signs"), &reasons));
        }
        match keys.split_first() {
            None => Err(no_key(format!("{origin} has no key that signs"), &reasons)),
            Some((first, others)) => match others.iter().find(|key| key.certificate != first.certificate) {
                None => Ok(keys.swap_remove(0)),
                Some(other) => {
                    Err(Error::failure(format!("{origin} has several keys that sign")).remedy(format!(
                        "say which by `signature.key_id`: {} or {}",
                        first.certificate, other.certificate
                    )))
                }
            },
        }
    }

    fn certificates(&self) -> Result<Vec<SignedSecretKey>> {
        let origin = self.origin();
        let bytes = match &self.key {
            KeyText::Text(bytes) => bytes.clone(),
            KeyText::File(file) => std::fs::read(file).while_doing("read the key", file)?,
        };
        let broken = |cause: pgp::errors::Error| {
            Error::failure(format!("{origin} is no OpenPGP secret key: {cause}"))
                .remedy("`gpg --armor --export-secret-keys ID > FILE` writes one")
        };
        let (certificates, _) = SignedSecretKey::from_reader_many(&bytes[..]).map_err(broken)?;
        certificates.collect::<std::result::Result<_, _>>().map_err(broken)
    }

    fn unlock(&self, mut key: Key, variables: Variables) -> Result<Key> {
        if !key.is_locked() {
            return Ok(key);
        }
        let Some((passphrase, origin)) = self.passphrase(variables)? else {
            return Err(Error::failure(format!(
                "{} is locked by a passphrase, and none is given",
                key.name()
            ))
            .remedy(format!(
                "set {PASSPHRASE}, or name a file that holds it by `signature.passphrase_file`"
            )));
        };
        match key.unlock(&passphrase) {
            Ok(()) => Ok(key),
            Err(cause) => Err(Error::failure(format!(
                "cannot unlock {} by the passphrase of {origin}: {cause}",
                key.name()
            ))
            .remedy("the passphrase is another, most likely")),
        }
    }

    /// And where it is from.
    fn passphrase(&self, variables: Variables) -> Result<Option<(Vec<u8>, String)>> {
        for name in &self.variables {
            if let Some(value) = variables(name).filter(|value| !value.is_empty()) {
                return Ok(Some((value.into_vec(), name.clone())));
            }
        }
        let Some(file) = &self.file else { return Ok(None) };
        let bytes = std::fs::read(file).while_doing("read the passphrase", file)?;
        // The first line, as gpg's --passphrase-file.
        let line = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        Ok(Some((line.to_vec(), file.display().to_string())))
    }
}

fn key_of_the_environment(value: OsString) -> KeyText {
    let is_text = value.as_bytes().windows(10).any(|window| window == b"-----BEGIN");
    if is_text { KeyText::Text(value.into_vec()) } else { KeyText::File(Path::new(&value).to_owned()) }
}

fn no_key(message: String, reasons: &[String]) -> Error {
    let error = match reasons {
        [] => Error::failure(message),
        reasons => Error::failure(format!("{message}:\n  {}", reasons.join("\n  "))),
    };
    error.remedy(
        "`gpg --armor --export-secret-keys ID > FILE` writes a key with its subkeys and all of their secrets",
    )
}
