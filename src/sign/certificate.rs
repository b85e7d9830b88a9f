//! The keys of an OpenPGP certificate with its secrets (RFC 9580, 10.2): which of them signs, and until when.

use pgp::composed::{SignedSecretKey, SignedSecretSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{PublicKey, PublicSubkey, SecretKey, SecretSubkey, Signature, SubpacketData};
use pgp::types::{KeyDetails, KeyVersion, Password, S2kParams, SecretParams, SigningKey, Tag};

use super::Algorithm;

/// Its secrets are on a smart card, or were left out by `gpg --export-secret-subkeys` (GnuPG's doc/DETAILS, "gnu-dummy").
const GNU_S2K: u8 = 101;

/// A key that could sign, and what its certificate says of it.
#[derive(Clone)]
pub struct Key {
    secret: Secret,
    pub algorithm: Algorithm,
    /// Hexadecimal digits, in upper case.
    pub fingerprint: String,
    /// That of its certificate.
    pub certificate: String,
    /// What it was read from, for people.
    pub origin: String,
    /// When it and all that binds it to its certificate was made: seconds since 1970. What it signed earlier is void.
    pub since: u32,
    /// When it or its certificate expires.
    pub until: Option<u32>,
    /// Whether it is bound to its certificate, or that to its name, by a SHA-1.
    pub by_sha1: bool,
}

#[derive(Clone)]
enum Secret {
    Primary(Box<SecretKey>),
    Subkey(Box<SecretSubkey>),
}

/// Why a key of a certificate cannot sign.
pub type Reason = String;

impl Key {
    pub fn name(&self) -> String {
        format!("key {} of {}", &self.fingerprint[self.fingerprint.len() - 16..], self.origin)
    }

    pub fn is_primary(&self) -> bool {
        matches!(self.secret, Secret::Primary(_))
    }

    pub fn is_locked(&self) -> bool {
        self.secret.params().is_encrypted()
    }

    /// Takes the passphrase off.
    pub fn unlock(&mut self, passphrase: &[u8]) -> pgp::errors::Result<()> {
        let passphrase = Password::from(passphrase);
        match &mut self.secret {
            Secret::Primary(key) => key.remove_password(&passphrase),
            Secret::Subkey(key) => key.remove_password(&passphrase),
        }
    }

    pub fn secret(&self) -> &dyn SigningKey {
        match &self.secret {
            Secret::Primary(key) => &**key,
            Secret::Subkey(key) => &**key,
        }
    }

    /// Whether a signature of nothing is this key's.
    pub fn verify_empty(&self, signature: &Signature) -> pgp::errors::Result<()> {
        match &self.secret {
            Secret::Primary(key) => signature.verify(key.public_key(), &b""[..]),
            Secret::Subkey(key) => signature.verify(key.public_key(), &b""[..]),
        }
    }
}

/// Every key of the certificate that may sign, the primary one last and newer subkeys first: GnuPG's order of preference.
/// And why each other one does not.
pub fn signing_keys(certificate: &SignedSecretKey, origin: &str, now: u32) -> (Vec<Key>, Vec<Reason>) {
    let primary = certificate.primary_key.public_key();
    let about = match Standing::of_primary(certificate, now) {
        Ok(about) => about,
        Err(reason) => return (Vec::new(), vec![format!("{} {reason}", short_id(primary))]),
    };
    let mut keys = Vec::new();
    let mut reasons = Vec::new();
    let mut take = |secret: Secret, about: Result<Standing, Reason>| {
        let fingerprint = format!("{:X}", secret.details().fingerprint());
        let key = about.and_then(|about| {
            about.may_sign.then_some(()).ok_or("is not for signatures")?;
            let algorithm = secret.can_sign()?;
            let (origin, certificate) = (origin.to_owned(), format!("{:X}", primary.fingerprint()));
            let Standing { since, until, by_sha1, .. } = about;
            Ok(Key {
                secret,
                algorithm,
                fingerprint: fingerprint.clone(),
                certificate,
                origin,
                since,
                until,
                by_sha1,
            })
        });
        match key {
            Ok(key) => keys.push(key),
            Err(reason) => reasons.push(format!("{} {reason}", &fingerprint[fingerprint.len() - 16..])),
        }
    };
    for subkey in &certificate.secret_subkeys {
        let standing = about.of_subkey(primary, subkey, now);
        take(Secret::Subkey(Box::new(subkey.key.clone())), standing);
    }
    take(Secret::Primary(Box::new(certificate.primary_key.clone())), Ok(about));
    keys.sort_by_key(|key| (key.is_primary(), std::cmp::Reverse(key.since)));
    (keys, reasons)
}

impl Secret {
    fn details(&self) -> &dyn KeyDetails {
        match self {
            Secret::Primary(key) => &**key,
            Secret::Subkey(key) => &**key,
        }
    }

    fn params(&self) -> &SecretParams {
        match self {
            Secret::Primary(key) => key.secret_params(),
            Secret::Subkey(key) => key.secret_params(),
        }
    }

    /// Whether it is a kind of key that distributions know, and there at all.
    fn can_sign(&self) -> Result<Algorithm, Reason> {
        if is_elsewhere(self.params()) {
            return Err("has its secret elsewhere (on a card, or left out)".into());
        }
        let details = self.details();
        if details.version() != KeyVersion::V4 {
            return Err("is not of version 4, and no other is known to GnuPG and rpm".into());
        }
        Algorithm::of(details.algorithm())
            .ok_or_else(|| format!("is of {:?}, not RSA, Ed25519 or ECDSA", details.algorithm()))
    }
}

/// Whether all that is here of a secret is GnuPG's word that there is one.
fn is_elsewhere(params: &SecretParams) -> bool {
    let SecretParams::Encrypted(params) = params else { return false };
    match params.string_to_key_params() {
        S2kParams::Cfb { s2k, .. } | S2kParams::MalleableCfb { s2k, .. } | S2kParams::Aead { s2k, .. } => {
            s2k.id() == GNU_S2K
        }
        S2kParams::Unprotected | S2kParams::LegacyCfb { .. } => false,
    }
}

/// What the newest signature over a key says.
#[derive(Clone, Copy)]
struct Standing {
    may_sign: bool,
    since: u32,
    until: Option<u32>,
    by_sha1: bool,
}

impl Standing {
    fn of_primary(certificate: &SignedSecretKey, now: u32) -> Result<Self, Reason> {
        let key = certificate.primary_key.public_key();
        let details = &certificate.details;
        if details.revocation_signatures.iter().any(|signature| signature.verify_key(key).is_ok()) {
            return Err("is revoked".into());
        }
        // Others may have signed it, too.
        let own_direct =
            details.direct_signatures.iter().filter(|signature| signature.verify_key(key).is_ok());
        let own_names = details.users.iter().flat_map(|user| {
            let is_own = |signature: &&Signature| {
                signature.is_certification()
                    && signature.verify_certification(key, Tag::UserId, &user.id).is_ok()
            };
            user.signatures.iter().filter(is_own)
        });
        let newest = own_direct.chain(own_names).max_by_key(|signature| created(signature));
        let newest = newest.ok_or("has no valid signature of its own over its name")?;
        Standing::said_by(newest, key, now)
    }

    fn of_subkey(self, primary: &PublicKey, subkey: &SignedSecretSubKey, now: u32) -> Result<Self, Reason> {
        use pgp::packet::SignatureType::{SubkeyBinding, SubkeyRevocation};
        let key: &PublicSubkey = subkey.key.public_key();
        let valid = |signature: &&Signature| signature.verify_subkey_binding(primary, key).is_ok();
        let mut signatures = subkey.signatures.iter().filter(valid);
        if signatures.clone().any(|signature| signature.typ() == Some(SubkeyRevocation)) {
            return Err("is revoked".into());
        }
        signatures = subkey.signatures.iter().filter(valid);
        let binding = signatures
            .filter(|signature| signature.typ() == Some(SubkeyBinding))
            .max_by_key(|signature| created(signature))
            .ok_or("is not bound to its certificate by a valid signature")?;
        let own = Standing::said_by(binding, key, now)?;
        // Without it anybody could call another's key his own: nobody takes its signatures (RFC 9580, 5.2.1.9).
        let back = binding.embedded_signature();
        if own.may_sign && back.is_none_or(|back| back.verify_primary_key_binding(key, primary).is_err()) {
            return Err(
                "did not sign that it belongs to its certificate (gpg --edit-key, cross-certify)".into()
            );
        }
        let until = [self.until, own.until].into_iter().flatten().min();
        let by_sha1 = self.by_sha1 || own.by_sha1;
        Ok(Standing { since: self.since.max(own.since), until, by_sha1, ..own })
    }

    fn said_by(signature: &Signature, key: &dyn KeyDetails, now: u32) -> Result<Self, Reason> {
        let lifetime = signature.key_expiration_time().map_or(0, |lifetime| lifetime.as_secs());
        let made = key.created_at().as_secs();
        let until = (lifetime != 0).then(|| made.saturating_add(lifetime));
        if until.is_some_and(|until| until <= now) {
            return Err("has expired".into());
        }
        let mut subpackets = signature.config().into_iter().flat_map(|config| config.hashed_subpackets());
        let says_what_for = subpackets.any(|packet| matches!(packet.data, SubpacketData::KeyFlags(_)));
        Ok(Standing {
            may_sign: !says_what_for || signature.key_flags().sign(),
            since: made.max(created(signature)),
            until,
            by_sha1: signature.hash_alg() == Some(HashAlgorithm::Sha1),
        })
    }
}

fn created(signature: &Signature) -> u32 {
    signature.created().map_or(0, |time| time.as_secs())
}

fn short_id(key: &dyn KeyDetails) -> String {
    let fingerprint = format!("{:X}", key.fingerprint());
    fingerprint[fingerprint.len() - 16..].to_owned()
}
