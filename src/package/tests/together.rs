//! All formats at once.

use std::sync::Mutex;

use super::*;
use crate::elf::{FileOffset, Patch, patched_len};
use crate::package::noise::tests::random;

const ALL: [Format; 3] = [Format::Deb, Format::Rpm, Format::Tar];

#[test]
fn bytes_depend_on_neither_run_nor_threads_nor_company() {
    let plan = everything();
    let read = |written: &Written, name: &str| std::fs::read(written.path(name)).unwrap();
    for codec in CODECS {
        let together = build_with(&plan, &ALL.map(|format| (format, codec)), 1);
        for threads in [2, 5] {
            let again = build_with(&plan, &ALL.map(|format| (format, codec)), threads);
            for name in [".deb", ".rpm", ".tar"] {
                assert!(read(&again, name) == read(&together, name), "{name} {codec:?} {threads}");
            }
        }
        let alone = build(&plan, &[(Format::Deb, codec)]);
        assert!(read(&alone, ".deb") == read(&together, ".deb"), "{codec:?}");
    }
}

/// Programs that hold the same libraries are not compressed each by itself.
#[test]
fn what_programs_have_in_common_is_packed_once() {
    const OWN: usize = 200_000;
    const COMMON: usize = 800_000;
    let bytes = random(COMMON + 5 * OWN, 1);
    let (common, own) = bytes.split_at(COMMON);
    let program = |(number, own): (usize, &[u8])| file(format!("/usr/bin/{number}"), [own, common].concat());
    let plan = plan(own.chunks(OWN).enumerate().map(program).collect());
    let formats = ALL.map(|format| (format, ZSTD));
    let together = build_with(&plan, &formats, 1);
    let read = |written: &Written, name: &str| std::fs::read(written.path(name)).unwrap();
    for (name, format) in [(".deb", Format::Deb), (".rpm", Format::Rpm), (".tar.zst", Format::Tar)] {
        let packed = read(&together, name);
        let most = bytes.len() * 21 / 20;
        assert!(packed.len() < most, "{name}: {} of {most}", packed.len());
        assert!(packed == read(&build_with(&plan, &formats, 5), name), "{name}");
        assert!(packed == read(&build(&plan, &[(format, ZSTD)]), name), "{name} alone");
    }
    let unpacked = tempfile::tempdir().unwrap();
    run(
        "tar",
        &["-C", unpacked.path().to_str().unwrap(), "-xf", together.path(".tar.zst").to_str().unwrap()],
    );
    assert_installed(&plan, unpacked.path());
}

#[test]
fn the_tarball_is_the_debs_data() {
    let written = build(&everything(), &[(Format::Deb, ZSTD), (Format::Tar, ZSTD)]);
    let data = run("ar", &["p", written.path(".deb").to_str().unwrap(), "data.tar.zst"]);
    assert!(data == std::fs::read(written.path(".tar.zst")).unwrap());
    // Two streams, where the codecs differ.
    let written = build(&everything(), &[(Format::Deb, Compression::Gzip(1)), (Format::Tar, ZSTD)]);
    run("tar", &["-tf", written.path(".tar.zst").to_str().unwrap()]);
    assert!(!run("ar", &["p", written.path(".deb").to_str().unwrap(), "data.tar.gz"]).is_empty());
}

#[test]
fn drafts_come_in_the_order_asked_for_and_progress_adds_up() {
    let plan = everything();
    let folder = tempfile::tempdir().unwrap();
    let taken = Mutex::new(0);
    let progress = |bytes: u64| *taken.lock().unwrap() += bytes;
    let formats = vec![(Format::Tar, ZSTD), (Format::Rpm, ZSTD), (Format::Deb, ZSTD)];
    let drafts = write(&Order {
        plan: &plan,
        formats,
        folder: folder.path(),
        threads: 2,
        memory: 1 << 30,
        signers: &Signers::default(),
        progress: &progress,
    })
    .unwrap();
    assert_eq!(
        drafts.iter().filter_map(|d| d.format).collect::<Vec<_>>(),
        [Format::Tar, Format::Rpm, Format::Deb]
    );
    let size = |entry: &Entry| if let Kind::File { size, .. } = entry.kind { size } else { 0 };
    assert_eq!(*taken.lock().unwrap(), plan.entries.iter().map(size).sum::<u64>());
}

/// An edit made a file longer; its new end lies behind a hole.
#[test]
fn a_grown_file_has_its_new_length_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("program");
    let old = noise(10_000);
    std::fs::write(&source, &old).unwrap();
    let patches =
        [(0, "new"), (5 << 20, "segment")].map(|(at, text)| Patch::new(FileOffset(at), text.as_bytes()));
    let size = patched_len(old.len() as u64, &patches);
    let mut wanted = old.clone();
    wanted.resize(size as usize, 0);
    patches.iter().for_each(|patch| patch.write_to(&mut wanted));
    let kind = Kind::File {
        source: Source::Store(source),
        size,
        grown: size - old.len() as u64,
        patches: patches.to_vec(),
        surgery: Vec::new(),
    };
    let plan = plan(vec![entry("/opt/program", kind, 0o755, Role::Program), file("/opt/zz", "behind it")]);
    for codec in CODECS {
        let written = build(&plan, &ALL.map(|format| (format, codec)));
        let unpack = [
            "dpkg-deb --fsys-tarfile \"$1\" | tar -x",
            "rpm2cpio \"$1\" | cpio -idm --quiet",
            "tar -xf \"$1\"",
        ];
        for (extension, unpack) in [".deb", ".rpm", ".tar"].into_iter().zip(unpack) {
            let root = tempfile::tempdir().unwrap();
            let line = format!("cd \"$0\"; {unpack}");
            run(
                "sh",
                &[
                    "-euc".as_ref(),
                    line.as_ref(),
                    root.path().as_os_str(),
                    written.path(extension).as_os_str(),
                ],
            );
            assert!(
                std::fs::read(root.path().join("opt/program")).unwrap() == wanted,
                "{extension} {codec:?}"
            );
            assert_eq!(std::fs::read(root.path().join("opt/zz")).unwrap(), b"behind it");
        }
        assert_eq!(
            run_text("rpm", &["-qp", "--qf", "[%{filesizes} ]", written.path(".rpm").to_str().unwrap()]),
            format!("{size} 9 ")
        );
    }
}

#[test]
fn an_empty_package_is_one() {
    let written = build(&plan(Vec::new()), &ALL.map(|format| (format, ZSTD)));
    assert_eq!(
        run_text("dpkg-deb", &["--contents", written.path(".deb").to_str().unwrap()]).lines().count(),
        1
    );
    run("rpm", &["-K", written.path(".rpm").to_str().unwrap()]);
}

#[test]
fn a_source_that_is_gone_stops_the_build_and_leaves_nothing() {
    let mut plan = everything();
    let last = plan.entries.iter_mut().rfind(|entry| matches!(entry.kind, Kind::File { .. })).unwrap();
    let Kind::File { source, .. } = &mut last.kind else { unreachable!() };
    *source = Source::User("/nonexistent/file".into());
    let folder = tempfile::tempdir().unwrap();
    let error = write_to(&plan, &ALL.map(|format| (format, ZSTD)), 2, folder.path()).unwrap_err().to_string();
    assert!(error.contains("/nonexistent/file"), "{error}");
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

/// A file system of so many bytes, as long as the value lives.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new(size: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        run("mount", &["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs", path]);
        SmallDisk(folder)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        run("umount", &["-l", self.0.path().to_str().unwrap()]);
    }
}

#[test]
fn a_full_disk_is_said_so_and_leaves_nothing() {
    let plan = plan(vec![file("/opt/noise", noise(8 << 20))]);
    for codec in CODECS {
        // The archive itself does not fit; or it does, and its copy in the .deb does not.
        for (size, formats) in
            [("4m", &ALL[..]), ("4m", &ALL[..1]), ("4m", &ALL[1..2]), ("4m", &ALL[2..]), ("9m", &ALL[..1])]
        {
            let disk = SmallDisk::new(size);
            let formats: Vec<_> = formats.iter().map(|format| (*format, codec)).collect();
            let error = write_to(&plan, &formats, 2, disk.0.path()).map(|_| ()).unwrap_err().to_string();
            assert!(
                error.starts_with("cannot write ") && error.contains("No space left on device"),
                "{error}"
            );
            assert!(["acme-tool", "Acme_Tool"].iter().any(|name| error.contains(name)), "{error}");
            assert_eq!(disk.0.path().read_dir().unwrap().count(), 0);
        }
    }
}
