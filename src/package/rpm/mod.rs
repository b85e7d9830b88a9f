//! The .rpm, version 4 (rpm's format.md): a lead, a signature header, a header, and a compressed cpio archive.
//!
//! All that stands before the archive holds digests of it. But digests have a fixed length, so the header is laid out
//! with zeros for them, its length is left free, and it is written when they are known.

mod changelog;
mod files;
mod header;
mod relations;
mod scriptlet;
mod signature;
mod standard;
mod system;
mod tag;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::cpio::Cpio;
use super::stream::{FileDigest, Packed};
use super::tree::{Member, check_lengths};
use super::{Archive, Artifact, Encoder, Order};
use crate::config::names;
use crate::config::{Compression, DEFAULT_GROUP, Format, Package};
use crate::error::{Error, IoContext, Result};
use crate::hex::hex;
use crate::path::InstallPath;
use crate::sign::{Algorithm, Signer};
use files::Files;
use header::{Header, Value};
use signature::{Facts, Signatures};
use tag::{SHA256, tags};

/// Of a SHA-256, in bytes.
const DIGEST: usize = 32;

pub struct Rpm<'a> {
    /// `jq-1.7.1-1.x86_64`
    nevra: String,
    file_name: String,
    files: Files<'a>,
    members: usize,
    header: Header,
    /// Whether the package may be too large for sizes in 32 bits.
    large: bool,
    mtime: u32,
    signer: Option<&'a Signer>,
    /// The length of the signature header, and of all that stands before the archive.
    signature_room: usize,
    room: u64,
}

impl<'a> Rpm<'a> {
    /// Errors: the metadata cannot be said in an .rpm.
    pub fn new(order: &Order<'a>, members: &'a [Member<'a>], compression: Compression) -> Result<Self> {
        check_lengths(members, Format::Rpm)?;
        let plan = order.plan;
        let package = &plan.package;
        let name = names::rpm_name(&package.name);
        let version = names::rpm_version(&package.version);
        let release = names::rpm_release(package.release.as_deref().unwrap_or("1"));
        let arch = package.rpm.arch.as_deref().unwrap_or(plan.architecture.rpm());
        let files = Files::new(members);

        let mut header = Header::new(tags::HEADERIMMUTABLE);
        put_package(&mut header, package);
        header.put(tags::NAME, Value::text(&name));
        header.put(tags::VERSION, Value::text(&version));
        header.put(tags::RELEASE, Value::text(&release));
        header.put(tags::ARCH, Value::text(arch));
        header.put(tags::PLATFORM, Value::text(format!("{arch}-linux-gnu")));
        header.put(tags::BUILDTIME, Value::number(plan.mtime));
        // A package without its source's name is taken for a source package.
        header.put(tags::SOURCERPM, Value::text(format!("{name}-{version}-{release}.src.rpm")));
        changelog::put(&mut header, package, &format!("{version}-{release}"));
        put_payload(&mut header, compression);
        files.put(&mut header, plan.mtime);
        match u32::try_from(files.total_size()) {
            Ok(size) => header.put(tags::SIZE, Value::number(size)),
            Err(_) => header.put(tags::LONGSIZE, Value::Int64(vec![files.total_size()])),
        }
        if files.are_utf8() {
            header.put(tags::ENCODING, Value::text("utf-8"));
        }
        let epoch = if package.epoch == 0 { String::new() } else { format!("{}:", package.epoch) };
        let interpreters = scriptlet::put(&mut header, plan)?;
        relations::Subject {
            package,
            name: &name,
            evr: &format!("{epoch}{version}-{release}"),
            architecture: plan.architecture,
            compression,
            files: &files,
            interpreters,
            sets_up: plan.system.rpm.sets_up(),
        }
        .put(&mut header)?;

        let nevra = format!("{name}-{version}-{release}.{arch}");
        // No codec makes what it cannot compress larger by a sixteenth.
        let large = files.archive_bound() > u64::from(u32::MAX) / 16 * 15;
        let file_name = format!("{nevra}.rpm");
        let members = members.len();
        let signer = order.signers.rpm.as_deref();
        let mtime = plan.mtime;
        let mut rpm = Rpm {
            nevra,
            file_name,
            files,
            members,
            header,
            large,
            mtime,
            signer,
            signature_room: 0,
            room: 0,
        };
        rpm.put_digests(&[0; DIGEST], |_| vec![0; DIGEST]);
        let header = rpm.header.to_bytes();
        rpm.signature_room =
            signature::room(&Facts { header: &header, size: 0, unpacked_size: 0, large }, signer);
        rpm.room = rpm.front(&header, vec![0; rpm.signature_room]).len() as u64;
        Ok(rpm)
    }

    /// Without PAYLOADDIGESTALT, that of the payload before compression, which rpm 4.16 brought: rpm -K is content with one of the two,
    /// and no rpm before it (RHEL 8) reads it.
    fn put_digests(&mut self, packed: &[u8], file: impl Fn(&Member) -> Vec<u8>) {
        self.header.put(tags::PAYLOADDIGEST, Value::texts([hex(packed)]));
        self.files.put_digests(&mut self.header, file);
    }

    /// All that stands before the archive: `header`, and what is told of it.
    fn front(&self, header: &[u8], signature: Vec<u8>) -> Vec<u8> {
        let mut front = lead(&self.nevra);
        front.extend(signature);
        front.resize(front.len().next_multiple_of(8), 0);
        front.extend(header);
        front
    }

    /// Errors: the archive, which is signed, cannot be read again.
    fn signatures(&self, header: &[u8], packed: &Packed) -> io::Result<Option<(Algorithm, Signatures)>> {
        let Some(signer) = self.signer else { return Ok(None) };
        Ok(Some((signer.algorithm(), Signatures::make(signer, header, packed.bytes()?)?)))
    }
}

/// What comes from the configuration as it is.
fn put_package(header: &mut Header, package: &Package) {
    let or = |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_owned() };
    let own = |text: &Option<String>, other: &str| text.clone().unwrap_or_else(|| other.to_owned());
    let summary = one_line(&own(&package.rpm.summary, &package.summary));
    let summary = or(&summary, &package.name);
    header.put(tags::HEADERI18NTABLE, Value::texts(["C"]));
    header.put(tags::SUMMARY, Value::i18n(&summary));
    header.put(tags::DESCRIPTION, Value::i18n(or(description(package).trim_end(), &summary)));
    header.put(tags::GROUP, Value::i18n(own(&package.rpm.group, DEFAULT_GROUP)));
    header.put(tags::LICENSE, Value::text(or(&package.license, "Unknown")));
    header.put_text(tags::URL, &package.homepage);
    header.put_text(tags::VENDOR, &package.vendor);
    header.put_text(tags::PACKAGER, &own(&package.rpm.packager, &package.maintainer));
    header.put(tags::OS, Value::text("linux"));
    // The machine that builds is nobody's business, and would change the bytes.
    header.put(tags::BUILDHOST, Value::text(own(&package.rpm.buildhost, "localhost")));
    header.put(tags::RPMVERSION, Value::text(concat!("explant ", env!("CARGO_PKG_VERSION"))));
    if package.epoch != 0 {
        header.put(tags::EPOCH, Value::number(package.epoch));
    }
    if !package.rpm.prefixes.is_empty() {
        header.put(tags::PREFIXES, Value::texts(package.rpm.prefixes.iter().map(InstallPath::as_bytes)));
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The whole of it: the package's summary is its first line where the .rpm has another one, which is what nfpm's is split into.
fn description(package: &Package) -> String {
    let is_left_out = |own: &&String| {
        **own != package.summary && package.summary != Package::default_summary(&package.name)
    };
    match package.rpm.summary.as_ref().filter(is_left_out) {
        Some(_) => format!("{}\n{}", one_line(&package.summary), package.description),
        None => package.description.clone(),
    }
}

/// How the archive is packed. Without a compressor's name rpm takes gzip, whose reader passes on what is not compressed.
fn put_payload(header: &mut Header, compression: Compression) {
    let (compressor, level) = match compression {
        Compression::Zstd(level) => ("zstd", level.to_string()),
        Compression::Xz(level) => ("xz", level.to_string()),
        Compression::Gzip(level) => ("gzip", level.to_string()),
        Compression::None => ("", String::new()),
    };
    header.put(tags::PAYLOADFORMAT, Value::text("cpio"));
    header.put_text(tags::PAYLOADCOMPRESSOR, compressor);
    header.put(tags::PAYLOADFLAGS, Value::text(level));
    header.put(tags::PAYLOADDIGESTALGO, Value::number(SHA256));
}

/// For file(1); rpm itself looks at no more than the magic and the version.
fn lead(nevra: &str) -> Vec<u8> {
    const BINARY: u16 = 0;
    const ANY_ARCHITECTURE: u16 = 1;
    const NAME: usize = 66;
    const LINUX: u16 = 1;
    const HEADER_SIGNATURE: u16 = 5;
    let mut lead = vec![0xed, 0xab, 0xee, 0xdb, 3, 0];
    lead.extend(BINARY.to_be_bytes());
    lead.extend(ANY_ARCHITECTURE.to_be_bytes());
    let mut name: Vec<u8> = nevra.bytes().take(NAME - 1).collect();
    name.resize(NAME, 0);
    lead.extend(name);
    lead.extend(LINUX.to_be_bytes());
    lead.extend(HEADER_SIGNATURE.to_be_bytes());
    lead.extend([0; 16]);
    lead
}

impl Artifact for Rpm<'_> {
    fn name(&self) -> &str {
        &self.file_name
    }

    fn archive(&self) -> Archive {
        Archive::Cpio
    }

    fn encoder(&self) -> Box<dyn Encoder> {
        let index = self.files.payload_index(self.members);
        Box::new(Cpio { index, mtime: self.mtime, stripped: self.files.has_large() })
    }

    fn file_digest(&self) -> Option<FileDigest> {
        Some(FileDigest::Sha256)
    }

    fn room(&self) -> Option<u64> {
        Some(self.room)
    }

    fn complete(mut self: Box<Self>, draft: &File, destination: &Path, packed: &Packed) -> Result<()> {
        self.put_digests(&packed.digest, |member| packed.files[member.number].clone());
        let header = self.header.to_bytes();
        let signatures = self.signatures(&header, packed).while_doing("sign", destination)?;
        let facts = Facts {
            header: &header,
            size: header.len() as u64 + packed.size,
            unpacked_size: packed.unpacked_size,
            large: self.large,
        };
        let front = self.front(&header, signature::bytes(&facts, signatures.as_ref(), self.signature_room));
        if front.len() as u64 != self.room {
            return Err(Error::failure(format!(
                "cannot write {}: its header has {} bytes where {} were foreseen; this is a bug of explant",
                destination.display(),
                front.len(),
                self.room
            )));
        }
        draft.write_all_at(&front, 0).while_doing("write", destination)
    }
}
