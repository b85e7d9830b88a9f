//! Artifacts that were cut, corrupted, or made to harm: a clear error each, never a panic.

use std::fs;
use std::io::Write;
use std::path::Path;

use super::stranger;
use super::workshop::{FORMATS, Workshop};
use crate::check::{Report, check};

fn check_bytes(bytes: &[u8]) -> crate::Result<Report> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    check(file.path(), &stranger())
}

/// The error's text.
fn refused(bytes: &[u8]) -> String {
    check_bytes(bytes).expect_err("it was not refused").to_string()
}

/// A little of everything, so that a thousand checks take no time.
fn small() -> Workshop {
    let workshop = Workshop::empty();
    workshop.file("usr/bin/script", 0o755, b"#!/bin/sh\nexit 0\n");
    workshop.file("usr/bin/broken", 0o755, b"\x7fELF and no more");
    workshop.file("usr/share/app/data", 0o644, &(0..5000u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>());
    workshop.link("usr/bin/link", "script");
    workshop
}

#[test]
fn every_truncation_is_refused() {
    let workshop = small();
    for format in FORMATS {
        let whole = fs::read(workshop.pack(format)).unwrap();
        // An archive may be followed by padding, which nobody misses.
        let needed = match format {
            "tar-none" => whole.iter().rposition(|b| *b != 0).unwrap() + 1,
            "deb-none" => whole.len() - 10240,
            _ => whole.len() - 1,
        };
        let step = (needed / 100).max(1);
        for length in (0..needed).step_by(step).chain([needed.saturating_sub(1)]) {
            if let Ok(report) = check_bytes(&whole[..length]) {
                panic!("{format}: {length} of {} bytes passed: {report:?}", whole.len());
            }
        }
    }
}

#[test]
fn no_flipped_bit_makes_it_panic() {
    let workshop = small();
    for format in FORMATS {
        let whole = fs::read(workshop.pack(format)).unwrap();
        let step = (whole.len() / 200).max(1);
        for at in (0..whole.len()).step_by(step) {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            let _ = check_bytes(&bytes);
        }
    }
}

#[test]
fn a_corrupted_rpm_is_refused() {
    let whole = fs::read(small().pack("rpm-none")).unwrap();
    // In the payload, and in the header before it.
    for (part, wanted) in [("#!/bin/sh", "payload is corrupted"), ("root", "header is corrupted")] {
        let mut bytes = whole.clone();
        let at = memchr::memmem::find(&bytes, part.as_bytes()).unwrap();
        bytes[at] ^= 4;
        assert!(refused(&bytes).contains(wanted), "{part}: {}", refused(&bytes));
    }
}

#[test]
fn what_is_no_artifact_is_refused() {
    for bytes in [&b""[..], b"hello", b"\x7fELF", b"BZh91AY&SY"] {
        assert!(refused(bytes).contains("it is no .deb, no .rpm, no tarball"), "{}", refused(bytes));
    }
    assert!(check(Path::new("/not there"), &stranger()).unwrap_err().to_string().contains("/not there"));
}

/// A tar archive of regular files with these names, which may be whatever they like.
fn tar_of(names: &[&[u8]]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for name in names {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.set_size(1);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append(&header, &b"x"[..]).unwrap();
    }
    archive.into_inner().unwrap()
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for (names, wanted) in [
        (&[&b"../etc/passwd"[..]][..], "leads out"),
        (&[b"usr/../../etc/passwd"], "leads out"),
        (&[b"/etc/passwd"], "absolute"),
        (&[b"usr/x", b"usr/x"], "twice"),
        (&[b"usr/x", b"./usr//x"], "twice"),
        (&[b"usr/x", b"usr/x/y"], "both as a folder"),
        (&[b"usr/x/y", b"usr/x"], "both as a folder"),
    ] {
        assert!(refused(&tar_of(names)).contains(wanted), "{names:?}: {}", refused(&tar_of(names)));
    }
    let hostile: &[&[u8]] = &[b"usr/a b", b"usr/a\nb", b"usr/\xff", b"usr/..x", b"usr/x.."];
    assert!(check_bytes(&tar_of(hostile)).unwrap().is_closed());
}

#[test]
fn claimed_sizes_are_not_believed() {
    // A long name of 64 GiB, of which 3 MiB are there.
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(64 << 30);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.resize(3 << 20, b'x');
    assert!(refused(&bytes).contains("absurdly large"));

    let ar = |size: &str| format!("!<arch>\n{:<48}{size:<10}`\n", "debian-binary").into_bytes();
    assert!(refused(&ar("9999999999")).contains("does not begin with debian-binary"));
    assert!(refused(&ar("-1")).contains("has no size"));

    let lead = [&b"\xed\xab\xee\xdb"[..], &[0; 92]].concat();
    let header = |tags: u32, store: u32| {
        let counts = [tags.to_be_bytes(), store.to_be_bytes()].concat();
        [&lead[..], &[0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0], &counts].concat()
    };
    assert!(refused(&header(u32::MAX, 0)).contains("headers are corrupted"));
    assert!(refused(&header(1, 200 << 20)).contains("truncated"));
}

#[test]
fn dpkg_would_not_read_a_second_frame() {
    let workshop = small();
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_dir_all(".", workshop.root()).unwrap();
    let data = archive.into_inner().unwrap();
    let (first, second) = data.split_at(data.len() / 2);
    let frames = [zstd::encode_all(first, 1).unwrap(), zstd::encode_all(second, 1).unwrap()].concat();
    check_bytes(&frames).unwrap();

    let mut deb = fs::read(workshop.pack("deb-zstd")).unwrap();
    let at = memchr::memmem::find(&deb, b"data.tar.zst").unwrap();
    deb.truncate(at + 48);
    deb.extend_from_slice(format!("{:<10}`\n", frames.len()).as_bytes());
    deb.extend_from_slice(&frames);
    assert!(refused(&deb).contains("truncated"), "{}", refused(&deb));
}

#[test]
fn rpms_of_another_writer_are_read() {
    let mut stripped = 0;
    // Version 6 names its files by index alone (07070X).
    for config in [rpm::BuildConfig::v4(), rpm::BuildConfig::v6()] {
        let config = config.compression(rpm::CompressionType::None);
        let mut bytes = Vec::new();
        rpm::PackageBuilder::new("app", "1", "MIT", "noarch", "s")
            .using_config(config)
            .with_file_contents(
                "#!/nix/store/x/bin/sh\n",
                rpm::FileOptions::new("/usr/bin/script").permissions(0o755),
            )
            .unwrap()
            .with_file_contents("x", rpm::FileOptions::new("/usr/bin/open").permissions(0o777))
            .unwrap()
            .with_symlink(rpm::FileOptions::symlink("/usr/bin/link", "gone"))
            .unwrap()
            .with_ghost(rpm::FileOptions::ghost("/var/lib/app/state"))
            .unwrap()
            .build()
            .unwrap()
            .write(&mut bytes)
            .unwrap();
        stripped += usize::from(memchr::memmem::find(&bytes, b"07070X").is_some());
        let report = check_bytes(&bytes).unwrap();
        assert_eq!(report.failures.len(), 2, "{report:?}");
        assert_eq!(report.findings.len(), 1, "{report:?}");
    }
    assert_eq!(stripped, 1);
}

#[test]
fn hard_links_are_one_file() {
    let workshop = Workshop::closed();
    fs::hard_link(workshop.path("usr/lib/app/libfoo.so"), workshop.path("usr/lib/app/again.so")).unwrap();
    for format in FORMATS {
        let report = check(&workshop.pack(format), &stranger()).unwrap();
        assert!(report.is_closed(), "{format}: {report:?}");
        assert_eq!(report.libraries, 4, "{format}");
    }
}
