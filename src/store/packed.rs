//! References inside of compressed files: gzip, xz, zstd, and the members of zip archives (.jar, .whl, .egg).
//!
//! A reference in compressed data cannot be rewritten where it stands, and the checksum of a stored member covers it. So what is
//! packed is unpacked, rewritten and packed again, with the same method, name, time and mode.

use std::io::{Cursor, Read, Write};

use zip::read::{ZipArchive, ZipFile};
use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, result::ZipResult};

/// A member that unpacks to more is not looked into: each thread may hold one.
const LARGEST: u64 = 1 << 26;

/// As `gzip -9`, `xz -6`, and zstd's slowest level that any decoder takes: such files are small, and made once.
const GZIP_LEVEL: u32 = 9;
const XZ_LEVEL: u32 = 6;
const ZSTD_LEVEL: i32 = 19;

/// What each member of a gzip file begins with: DEFLATE is the only method there is.
const GZIP_MAGIC: &[u8] = b"\x1f\x8b\x08";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    Gzip,
    Xz,
    Zstd,
    Zip,
}

/// What comes of packing again.
#[derive(Debug, PartialEq, Eq)]
pub enum Repacked {
    Bytes(Vec<u8>),
    /// A signature covers the members (JAR File Specification, "Signed JAR File"): they stay as they are.
    Signed,
}

impl Packing {
    /// By a file's first bytes.
    pub fn of(bytes: &[u8]) -> Option<Packing> {
        let known: [(&[u8], Packing); 4] = [
            (GZIP_MAGIC, Packing::Gzip),
            (b"\xfd7zXZ\0", Packing::Xz),
            (b"\x28\xb5\x2f\xfd", Packing::Zstd),
            (b"PK\x03\x04", Packing::Zip),
        ];
        known.into_iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, packing)| packing)
    }

    /// Shows what is in a file, member by member; nothing of what cannot be read, or is too large.
    pub fn each_member(self, bytes: &[u8], see: &mut dyn FnMut(&[u8])) {
        match self {
            // What is broken behind is not read by programs either.
            Packing::Zip => drop(each_zip_member(bytes, see)),
            _ => self.unpack(bytes).iter().for_each(|member| see(member)),
        }
    }

    /// The file with its members rewritten; `None` where it cannot be read.
    pub fn repack(self, bytes: &[u8], rewrite: &dyn Fn(Vec<u8>) -> Vec<u8>) -> Option<Repacked> {
        if self == Packing::Zip {
            return rezip(bytes, rewrite).ok();
        }
        let rewritten = rewrite(self.unpack(bytes)?);
        self.pack(&rewritten).ok().map(Repacked::Bytes)
    }

    fn unpack(self, bytes: &[u8]) -> Option<Vec<u8>> {
        let reader: Box<dyn Read + '_> = match self {
            Packing::Gzip => match gunzip(bytes) {
                Some(content) => return Some(content),
                None => Box::new(flate2::read::MultiGzDecoder::new(bytes)),
            },
            Packing::Xz => Box::new(liblzma::read::XzDecoder::new_multi_decoder(bytes)),
            Packing::Zstd => Box::new(zstd::Decoder::new(bytes).ok()?),
            Packing::Zip => return None,
        };
        within_limit(reader)
    }

    /// The same bytes for the same content: a gzip header has neither name nor time.
    fn pack(self, content: &[u8]) -> std::io::Result<Vec<u8>> {
        match self {
            Packing::Gzip => {
                let mut writer =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(GZIP_LEVEL));
                writer.write_all(content)?;
                writer.finish()
            }
            Packing::Xz => {
                let mut writer = liblzma::write::XzEncoder::new(Vec::new(), XZ_LEVEL);
                writer.write_all(content)?;
                writer.finish()
            }
            Packing::Zstd => zstd::encode_all(content, ZSTD_LEVEL),
            Packing::Zip => Ok(Vec::new()),
        }
    }
}

/// What a gzip file of one member holds, much sooner than from a stream; `None` where it may have more, is too large or is broken.
fn gunzip(bytes: &[u8]) -> Option<Vec<u8>> {
    // libdeflate stops behind the first member and does not tell where that is.
    if memchr::memmem::find(bytes.get(1..)?, GZIP_MAGIC).is_some() {
        return None;
    }
    // The last four bytes are the size (RFC 1952, "Member format"). It is believed as far as DEFLATE can shrink: to a 1032nd (zlib's
    // "Maximum Compression Factor").
    let size = u32::from_le_bytes(*bytes.last_chunk()?) as usize;
    if size as u64 > LARGEST || size / 1032 > bytes.len() {
        return None;
    }
    let mut content = vec![0; size];
    let unpacked = libdeflater::Decompressor::new().gzip_decompress(bytes, &mut content).ok()?;
    (unpacked == size).then_some(content)
}

fn within_limit(reader: impl Read) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    reader.take(LARGEST + 1).read_to_end(&mut content).ok()?;
    (content.len() as u64 <= LARGEST).then_some(content)
}

fn each_zip_member(bytes: &[u8], see: &mut dyn FnMut(&[u8])) -> ZipResult<()> {
    let mut archive = ZipArchive::new(Cursor::new(bytes))?;
    for index in 0..archive.len() {
        // What is encrypted, or packed by a method that is not known, holds nothing that a program reads by itself.
        if let Ok(member) = archive.by_index(index) {
            within_limit(member).iter().for_each(|member| see(member));
        }
    }
    Ok(())
}

fn rezip(bytes: &[u8], rewrite: &dyn Fn(Vec<u8>) -> Vec<u8>) -> ZipResult<Repacked> {
    let mut archive = ZipArchive::new(Cursor::new(bytes))?;
    let names = archive.file_names().flatten();
    if names.into_iter().any(|name| is_signature(&name)) {
        return Ok(Repacked::Signed);
    }
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.set_raw_comment(archive.comment().to_vec().into_boxed_slice())?;
    for index in 0..archive.len() {
        let rewritten = match archive.by_index(index) {
            Ok(member) if !member.is_dir() => {
                let (name, options) = (member.name()?.into_owned(), options(&member));
                within_limit(member).and_then(|content| {
                    let rewritten = rewrite(content.clone());
                    (rewritten != content).then_some((name, options, rewritten))
                })
            }
            _ => None,
        };
        match rewritten {
            Some((name, options, content)) => {
                writer.start_file(name, options)?;
                writer.write_all(&content)?;
            }
            None => writer.raw_copy_file(archive.by_index_raw(index)?)?,
        }
    }
    Ok(Repacked::Bytes(writer.finish()?.into_inner()))
}

fn options<R: Read>(member: &ZipFile<'_, R>) -> SimpleFileOptions {
    let method = match member.compression() {
        CompressionMethod::Stored => CompressionMethod::Stored,
        _ => CompressionMethod::Deflated,
    };
    let options = SimpleFileOptions::default().compression_method(method);
    let options = options.last_modified_time(member.last_modified().unwrap_or_default());
    match member.unix_mode() {
        Some(mode) => options.unix_permissions(mode & 0o7777),
        None => options,
    }
}

fn is_signature(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    upper.starts_with("META-INF/") && [".SF", ".RSA", ".DSA", ".EC"].iter().any(|end| upper.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(packing: Packing, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut members = Vec::new();
        packing.each_member(bytes, &mut |member| members.push(member.to_vec()));
        members
    }

    fn upper(content: Vec<u8>) -> Vec<u8> {
        content.to_ascii_uppercase()
    }

    fn zipped(names: &[&str]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (index, name) in names.iter().enumerate() {
            let method = if index % 2 == 0 { CompressionMethod::Stored } else { CompressionMethod::Deflated };
            let options = SimpleFileOptions::default().compression_method(method).unix_permissions(0o755);
            writer.start_file(*name, options).unwrap();
            writer.write_all(format!("text of {name}").as_bytes()).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn streams_are_rewritten_and_packed_again() {
        for packing in [Packing::Gzip, Packing::Xz, Packing::Zstd] {
            let packed = packing.pack(b"some text").unwrap();
            assert_eq!(Packing::of(&packed), Some(packing));
            assert_eq!(members(packing, &packed), [b"some text"]);
            let Some(Repacked::Bytes(again)) = packing.repack(&packed, &upper) else { panic!("{packing:?}") };
            assert_eq!(members(packing, &again), [b"SOME TEXT"]);
        }
    }

    #[test]
    fn all_members_of_a_gzip_file_are_read() {
        let one = Packing::Gzip.pack(b"twice").unwrap();
        assert_eq!(gunzip(&one).unwrap(), b"twice");
        let twice = [one.clone(), one.clone()].concat();
        assert_eq!(gunzip(&twice), None);
        assert_eq!(members(Packing::Gzip, &twice), [b"twicetwice"]);
        let mut huge = one;
        huge.splice(huge.len() - 4.., [0, 0, 0, 3]);
        assert_eq!(gunzip(&huge), None);
    }

    #[test]
    fn members_of_a_zip_keep_their_names_methods_and_modes() {
        let packed = zipped(&["a/stored", "b/deflated"]);
        let Some(Repacked::Bytes(again)) = Packing::Zip.repack(&packed, &upper) else { panic!() };
        let mut archive = ZipArchive::new(Cursor::new(&again)).unwrap();
        for (index, name, method) in
            [(0, "a/stored", CompressionMethod::Stored), (1, "b/deflated", CompressionMethod::Deflated)]
        {
            let member = archive.by_index(index).unwrap();
            assert_eq!((member.name().unwrap().as_ref(), member.compression()), (name, method));
            assert_eq!(member.unix_mode().unwrap() & 0o777, 0o755);
            assert_eq!(
                within_limit(member).unwrap(),
                format!("text of {name}").to_ascii_uppercase().as_bytes()
            );
        }
    }

    #[test]
    fn unzip_takes_what_was_packed_again() {
        let Some(Repacked::Bytes(again)) = Packing::Zip.repack(&zipped(&["a", "b"]), &upper) else {
            panic!()
        };
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), again).unwrap();
        let code = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print(z.read('b').decode())";
        let done =
            std::process::Command::new("python3").args(["-c", code]).arg(file.path()).output().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&done.stdout),
            "TEXT OF B\n",
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
    }

    #[test]
    fn what_is_signed_stays() {
        let packed = zipped(&["META-INF/MANIFEST.MF", "META-INF/X.SF", "a"]);
        assert_eq!(Packing::Zip.repack(&packed, &upper), Some(Repacked::Signed));
    }

    #[test]
    fn what_cannot_be_read_has_no_members() {
        for broken in
            [b"\x1f\x8b\x08broken".as_slice(), b"PK\x03\x04broken", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0x"]
        {
            let packing = Packing::of(broken).unwrap();
            assert!(members(packing, broken).is_empty() && packing.repack(broken, &upper).is_none());
        }
        assert_eq!(Packing::of(b"\x7fELF"), None);
    }
}
