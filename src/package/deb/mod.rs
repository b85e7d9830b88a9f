//! The .deb (deb(5)): an ar archive of `debian-binary`, control.tar and data.tar.

mod control;
mod script;
mod system;

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use super::Order;
use super::compress::{self, Compressor};
use super::packer::Packer;
use super::stream::{FileDigest, Packed};
use super::tar::{self, Tar};
use super::tree::{self, Member};
use super::{Archive, Artifact, Encoder, Format};
use crate::config::names;
use crate::config::{Compression, SignerRole};
use crate::error::{Error, IoContext, Result};
use crate::sign::Signer;

/// The size of an ar member has ten digits (deb(5)).
const LARGEST_MEMBER: u64 = 9_999_999_999;

/// What debian-binary holds.
const VERSION: &[u8] = b"2.0\n";

pub struct Deb<'a> {
    name: String,
    members: Vec<&'a Member<'a>>,
    /// The files of control.tar but `md5sums`, which is known last: name, mode, content.
    control: Vec<(&'static str, u32, Vec<u8>)>,
    compression: Compression,
    mtime: u32,
    signer: Option<&'a Signer>,
    role: SignerRole,
}

impl<'a> Deb<'a> {
    /// Errors: the metadata or a name cannot be said in a .deb.
    pub fn new(order: &Order<'a>, members: &'a [Member<'a>], compression: Compression) -> Result<Self> {
        let plan = order.plan;
        tree::check_lengths(members, Format::Deb)?;
        let members = tree::in_format(members, Format::Deb);
        control::check_names(&members)?;
        let package = &plan.package;
        let mut files = vec![("control", 0o644, control::control(plan, &members)?.into_bytes())];
        let conffiles = control::conffiles(&members)?;
        if !conffiles.is_empty() {
            files.push(("conffiles", 0o644, conffiles));
        }
        let triggers = control::triggers(plan);
        if !triggers.is_empty() {
            files.push(("triggers", 0o644, triggers));
        }
        files.extend(script::scripts(plan, &members)?);
        let name = format!(
            "{}_{}_{}.deb",
            names::deb_name(&package.name),
            names::deb_upstream_version(package),
            control::architecture(plan)
        );
        Ok(Deb {
            name,
            members,
            control: files,
            compression,
            mtime: plan.mtime,
            signer: order.signers.deb.as_deref(),
            role: order.signers.deb_role,
        })
    }

    /// control.tar, compressed. In data.tar's codec: a dpkg that reads the one reads the other.
    fn control_tar(&mut self, packed: &Packed) -> io::Result<Vec<u8>> {
        self.control.push(("md5sums", 0o644, control::md5sums(&self.members, &packed.files)));
        let packer = Packer::start(self.compression, 1)?;
        let mut compressor = Compressor::new(self.compression, 1, packer, Vec::new())?;
        compressor.write_all(&tar::archive(&self.control, self.mtime))?;
        compressor.finish()
    }

    fn write(&mut self, draft: &File, packed: &Packed) -> io::Result<()> {
        let control = self.control_tar(packed)?;
        let member = |name: &str, size: u64| {
            let mut header = ar::Header::new(name.as_bytes().to_vec(), size);
            header.set_mode(0o100644);
            header.set_mtime(self.mtime.into());
            header
        };
        let extension = compress::extension(self.compression);
        let mut archive = ar::Builder::new(draft);
        archive.append(&member("debian-binary", VERSION.len() as u64), VERSION)?;
        archive.append(&member(&format!("control.tar{extension}"), control.len() as u64), &control[..])?;
        // File to file: std copies it inside the kernel.
        archive.append(&member(&format!("data.tar{extension}"), packed.size), packed.bytes()?)?;
        let Some(signer) = self.signer else { return Ok(()) };
        let signature = signer.sign(VERSION.chain(&control[..]).chain(packed.bytes()?))?;
        archive.append(&member(signature_name(self.role), signature.len() as u64), &signature[..])
    }
}

/// The member that holds a signature of what the members before it hold, one after the other (debsigs(1)). dpkg passes
/// over names that begin with an underscore (deb(5)).
fn signature_name(role: SignerRole) -> &'static str {
    match role {
        SignerRole::Origin => "_gpgorigin",
        SignerRole::Maint => "_gpgmaint",
        SignerRole::Archive => "_gpgarchive",
    }
}

impl Artifact for Deb<'_> {
    fn name(&self) -> &str {
        &self.name
    }

    fn archive(&self) -> Archive {
        Archive::Tar
    }

    fn encoder(&self) -> Box<dyn Encoder> {
        Box::new(Tar { mtime: self.mtime, format: Format::Deb, top: None })
    }

    fn file_digest(&self) -> Option<FileDigest> {
        Some(FileDigest::Md5)
    }

    /// control.tar holds the digests of data.tar's files and comes before it.
    fn room(&self) -> Option<u64> {
        None
    }

    fn complete(mut self: Box<Self>, draft: &File, destination: &Path, packed: &Packed) -> Result<()> {
        if packed.size > LARGEST_MEMBER {
            return Err(Error::failure(format!(
                "cannot write {}: its data.tar has {} bytes, a .deb has room for {LARGEST_MEMBER}",
                destination.display(),
                packed.size
            ))
            .remedy(
                "compress it better ([deb] compression = \"xz\"), or make an .rpm or a tarball (-f rpm,tar)",
            ));
        }
        self.write(draft, packed).while_doing("write", destination)
    }
}
