//! OpenPGP signatures (RFC 9580), of version 4: those that gpg, rpm and dpkg's tools know.
//!
//! [`Signers`] are the keys that a build signs with, read and tried out before anything is built. A [`Signer`] signs what it
//! reads from a stream, and holds nothing of it. What is signed with RSA or Ed25519 at the same time has the same signature.

mod certificate;
mod signers;

#[cfg(test)]
pub(crate) mod gnupg;
#[cfg(test)]
mod tests;

use std::io::{self, Read};

use pgp::composed::{ArmorOptions, DetachedSignature};
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::packet::{PacketTrait, SignatureConfig, SignatureType, Subpacket, SubpacketData};
use pgp::types::{Password, Timestamp};

use crate::error::{Error, Result};
use certificate::Key;
pub use signers::Signers;

/// What an MPI of a signature may be longer than that of another one by the same key: those of leading zeros are cut off.
/// That all of a signature's numbers begin with eight of them does not happen.
const SLACK: usize = 16;

/// A key that signs, and when it says that it did.
pub struct Signer {
    key: Key,
    /// Seconds since 1970.
    time: u32,
    longest: usize,
}

/// The families of signatures that an .rpm has tags for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Rsa,
    /// Ed25519, as GnuPG has it (EdDSALegacy).
    EdDsa,
    Ecdsa,
}

impl Signer {
    /// `time` is that of the build. A signature that is older than its key is void, so it is the key's if that is later.
    ///
    /// Errors: the key is none of [`Algorithm`], has expired at that time, or what it signs does not verify.
    fn new(key: Key, time: u32) -> Result<Self> {
        let time = time.max(key.since);
        if key.until.is_some_and(|until| until <= time) {
            return Err(Error::failure(format!("{} has expired at the time of the build", key.name())).remedy(
                "sign with another key, or extend this one (gpg --quick-set-expire); SOURCE_DATE_EPOCH is the time",
            ));
        }
        let mut signer = Signer { key, time, longest: 0 };
        let probe = signer.packet(&b""[..]).and_then(|packet| match signer.key.verify_empty(&packet) {
            Ok(()) => Ok(packet),
            Err(cause) => Err(io::Error::other(cause.to_string())),
        });
        let probe =
            probe.map_err(|cause| Error::failure(format!("{} cannot sign: {cause}", signer.key.name())))?;
        signer.longest = probe.write_len_with_header() + SLACK;
        Ok(signer)
    }

    /// A signature of all that `data` gives: one packet, binary.
    ///
    /// Errors: those of reading.
    pub fn sign(&self, data: impl Read) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.packet(data)?.to_writer_with_header(&mut bytes).map_err(io::Error::other)?;
        Ok(bytes)
    }

    /// The same, in ASCII armor.
    pub fn sign_armored(&self, data: impl Read) -> io::Result<Vec<u8>> {
        DetachedSignature::new(self.packet(data)?)
            .to_armored_bytes(ArmorOptions::default())
            .map_err(io::Error::other)
    }

    /// As many bytes as [`Signer::sign`] gives at most.
    pub fn longest(&self) -> usize {
        self.longest
    }

    pub fn algorithm(&self) -> Algorithm {
        self.key.algorithm
    }

    /// For people: `key 9890904DFB2EC88A of release.asc`.
    pub fn name(&self) -> String {
        self.key.name()
    }

    /// With the subpackets that GnuPG writes, none of them critical: rpm up to 4.16 refuses a signature that has critical
    /// ones (ProtonMail/go-crypto issue 263, which is what nfpm's signatures had).
    fn packet(&self, mut data: impl Read) -> io::Result<pgp::packet::Signature> {
        let key = self.key.secret();
        let public = self.key.algorithm.number();
        let mut config = SignatureConfig::v4(SignatureType::Binary, public, key.hash_alg());
        let subpacket = |data| Subpacket::regular(data).map_err(io::Error::other);
        config.hashed_subpackets = vec![
            subpacket(SubpacketData::IssuerFingerprint(key.fingerprint()))?,
            subpacket(SubpacketData::SignatureCreationTime(Timestamp::from_secs(self.time)))?,
        ];
        config.unhashed_subpackets = vec![subpacket(SubpacketData::IssuerKeyId(key.legacy_key_id()))?];
        let mut hasher = config.into_hasher().map_err(io::Error::other)?;
        io::copy(&mut data, &mut hasher)?;
        hasher.sign(key, &Password::empty()).map_err(io::Error::other)
    }
}

impl Algorithm {
    fn of(number: PublicKeyAlgorithm) -> Option<Self> {
        match number {
            PublicKeyAlgorithm::RSA | PublicKeyAlgorithm::RSASign => Some(Algorithm::Rsa),
            PublicKeyAlgorithm::EdDSALegacy => Some(Algorithm::EdDsa),
            PublicKeyAlgorithm::ECDSA => Some(Algorithm::Ecdsa),
            _ => None,
        }
    }

    fn number(self) -> PublicKeyAlgorithm {
        match self {
            Algorithm::Rsa => PublicKeyAlgorithm::RSA,
            Algorithm::EdDsa => PublicKeyAlgorithm::EdDSALegacy,
            Algorithm::Ecdsa => PublicKeyAlgorithm::ECDSA,
        }
    }
}
