//! The signature header: digests and sizes of what follows, and its signatures.

use std::io::{self, Read};

use sha1::{Digest, Sha1};
use sha2::Sha256;

use super::header::{Header, Value};
use super::tag::tags;
use crate::hex::hex;
use crate::sign::{Algorithm, Signer};

/// Bytes that alignment may add or take when a signature's length changes.
const ALIGNMENT: usize = 16;

/// What is told of a package.
pub struct Facts<'h> {
    pub header: &'h [u8],
    /// Of the header and the archive.
    pub size: u64,
    pub unpacked_size: u64,
    /// Whether the sizes may not fit in 32 bits.
    pub large: bool,
}

/// Two signatures, each by the same key.
///
/// That of the header is the one that counts: the header holds the archive's digest. That of both, of which `rpmsign` calls
/// itself `--rpmv3`, is for rpm before 4.14 and whoever looks for it: RHEL 7's yum refuses a package that has one of the two
/// alone (nfpm issue 265).
pub struct Signatures {
    header: Vec<u8>,
    package: Vec<u8>,
}

impl Signatures {
    /// Reads the archive once.
    pub fn make(signer: &Signer, header: &[u8], archive: impl Read) -> io::Result<Self> {
        Ok(Signatures { header: signer.sign(header)?, package: signer.sign(header.chain(archive))? })
    }

    /// As long as any.
    fn longest(signer: &Signer) -> Self {
        Signatures { header: vec![0; signer.longest()], package: vec![0; signer.longest()] }
    }
}

/// The length of the signature header before anything is signed. It stays, whatever the signatures are: an MPI's leading zeros
/// are not written, so not all of a key's are of one length.
pub fn room(facts: &Facts, signer: Option<&Signer>) -> usize {
    let longest = signer.map(|signer| (signer.algorithm(), Signatures::longest(signer)));
    header(facts, longest.as_ref(), ALIGNMENT).len()
}

/// Of that length, if the signatures fit.
pub fn bytes(facts: &Facts, signatures: Option<&(Algorithm, Signatures)>, room: usize) -> Vec<u8> {
    let bare = header(facts, signatures, 1).len();
    header(facts, signatures, 1 + room.saturating_sub(bare))
}

/// `reserved`: filling, which rpm keeps for signatures, too.
fn header(facts: &Facts, signatures: Option<&(Algorithm, Signatures)>, reserved: usize) -> Vec<u8> {
    let mut header = Header::new(tags::HEADERSIGNATURES);
    header.put(tags::SIG_SHA1, Value::text(hex(&Sha1::digest(facts.header))));
    header.put(tags::SIG_SHA256, Value::text(hex(&Sha256::digest(facts.header))));
    if facts.large {
        header.put(tags::SIG_LONGSIZE, Value::Int64(vec![facts.size]));
        header.put(tags::SIG_LONGARCHIVESIZE, Value::Int64(vec![facts.unpacked_size]));
    } else {
        header.put(tags::SIG_SIZE, Value::number(facts.size as u32));
        header.put(tags::SIG_PAYLOADSIZE, Value::number(facts.unpacked_size as u32));
    }
    if let Some((algorithm, signatures)) = signatures {
        let (of_header, of_package) = match algorithm {
            Algorithm::Rsa => (tags::SIG_RSA, tags::SIG_PGP),
            Algorithm::EdDsa | Algorithm::Ecdsa => (tags::SIG_DSA, tags::SIG_GPG),
        };
        header.put(of_header, Value::Binary(signatures.header.clone()));
        header.put(of_package, Value::Binary(signatures.package.clone()));
        // The last tag: so its length alters no other's place.
        header.put(tags::SIG_RESERVEDSPACE, Value::Binary(vec![0; reserved]));
    }
    header.to_bytes()
}
