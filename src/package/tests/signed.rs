//! Signed packages, read by rpm and gpg of this machine; tests/e2e/signed.rs has those of the targets.

use super::*;
use crate::config::{KeyConfig, SignerRole, Signing};
use crate::package::Beside;
use crate::sign::gnupg::Gnupg;

/// Made by GnuPG, with all that signs by it.
fn signers(algorithm: &str, deb_role: SignerRole) -> (Gnupg, Signers) {
    let gnupg = Gnupg::new();
    gnupg.key(algorithm, "sign", "never", "");
    let common =
        KeyConfig { key_file: Some(gnupg.export("", "--export-secret-keys")), ..KeyConfig::default() };
    let signing = Signing { common, deb_role, ..Signing::default() };
    let signers = Signers::load(&signing, &[Format::Deb, Format::Rpm], MTIME).unwrap();
    (gnupg, signers)
}

fn build_signed(plan: &Plan, formats: &[(Format, Compression)], signers: &Signers) -> Written {
    let folder = tempfile::tempdir().unwrap();
    let order = Order {
        plan,
        formats: formats.to_vec(),
        folder: folder.path(),
        threads: 2,
        memory: 1 << 30,
        signers,
        progress: &|_| {},
    };
    let files = write(&order).unwrap().into_iter().map(|draft| draft.publish().unwrap()).collect();
    Written { _folder: folder, files }
}

/// A database of rpm's that knows the key.
fn keyring(gnupg: &Gnupg) -> tempfile::TempDir {
    let database = tempfile::tempdir().unwrap();
    let key = gnupg.export("", "--export");
    run("rpm", &["--dbpath", database.path().to_str().unwrap(), "--import", key.to_str().unwrap()]);
    database
}

#[test]
fn rpm_finds_nothing_wrong_with_a_signed_package() {
    for algorithm in ["rsa3072", "ed25519"] {
        let (gnupg, signers) = signers(algorithm, SignerRole::Origin);
        let database = keyring(&gnupg);
        let database = ["--dbpath", database.path().to_str().unwrap()];
        for codec in CODECS {
            let written = build_signed(&everything(), &[(Format::Rpm, codec)], &signers);
            let path = written.path(".rpm").to_str().unwrap();
            let silent = run_text("rpm", &[&database[..], &["-K", path]].concat());
            assert_eq!(silent, format!("{path}: digests signatures OK\n"));
            let told = run_text("rpm", &[&database[..], &["-Kv", path]].concat());
            let name = if algorithm == "ed25519" { "EdDSA" } else { "RSA" };
            let ok = |line: &str| line.trim().ends_with(": OK");
            assert!(told.lines().skip(1).all(ok), "{told}");
            let begins = |text: &str| told.lines().any(|line| line.trim().starts_with(text));
            assert!(begins(&format!("Header V4 {name}/SHA256 Signature")), "{told}");
            assert!(begins(&format!("V4 {name}/SHA256 Signature")), "{told}");

            // A byte of the archive, and one of the header.
            let mut bytes = std::fs::read(path).unwrap();
            let last = bytes.len() - 10;
            bytes[last] ^= 1;
            std::fs::write(path, &bytes).unwrap();
            assert!(!output("rpm", &[&database[..], &["-K", path]].concat()).status.success());
        }
    }
}

/// The numbers of a signature begin with zeros now and then, which are not written.
#[test]
fn signatures_of_any_length_fit_in() {
    let (gnupg, signers) = signers("ed25519", SignerRole::Origin);
    let database = keyring(&gnupg);
    let mut lengths = std::collections::BTreeSet::new();
    let mut rooms = std::collections::BTreeSet::new();
    // One of seventeen is shorter.
    for number in 100..600 {
        let plan = plan(vec![file("/opt/number", format!("{number}"))]);
        let written = build_signed(&plan, &[(Format::Rpm, Compression::None)], &signers);
        let path = written.path(".rpm").to_str().unwrap();
        run("rpm", &["--dbpath", database.path().to_str().unwrap(), "-K", path]);
        let signature = run_text("rpm", &["-qp", "--qf", "%{SIGGPG}", path]);
        lengths.insert(signature.len() / 2);
        let bytes = std::fs::read(path).unwrap();
        rooms.insert(bytes[96 + 8..96 + 16].to_vec());
        if lengths.len() > 1 {
            break;
        }
    }
    assert!(lengths.len() > 1, "{lengths:?}");
    // How many tags, and how long their data.
    assert_eq!(rooms.len(), 1);
}

#[test]
fn a_debs_signature_is_of_what_it_holds() {
    for (role, name) in [
        (SignerRole::Origin, "_gpgorigin"),
        (SignerRole::Maint, "_gpgmaint"),
        (SignerRole::Archive, "_gpgarchive"),
    ] {
        let (gnupg, signers) = signers("rsa2048", role);
        let written = build_signed(&everything(), &[(Format::Deb, ZSTD)], &signers);
        let deb = written.path(".deb").to_str().unwrap();
        assert_eq!(
            run_text("ar", &["t", deb]),
            format!("debian-binary\ncontrol.tar.zst\ndata.tar.zst\n{name}\n")
        );
        let data =
            ["debian-binary", "control.tar.zst", "data.tar.zst"].map(|member| run("ar", &["p", deb, member]));
        gnupg.verify(&run("ar", &["p", deb, name]), &data.concat());
        run("dpkg-deb", &["--contents", deb]);
    }
}

#[test]
fn the_same_key_and_plan_give_the_same_bytes() {
    for algorithm in ["rsa2048", "ed25519"] {
        let (_gnupg, signers) = signers(algorithm, SignerRole::Origin);
        let formats = [(Format::Deb, ZSTD), (Format::Rpm, ZSTD), (Format::Tar, ZSTD)];
        let [one, two] = [(); 2].map(|()| build_signed(&everything(), &formats, &signers));
        for name in [".deb", ".rpm", ".tar"] {
            assert!(
                std::fs::read(one.path(name)).unwrap() == std::fs::read(two.path(name)).unwrap(),
                "{name}"
            );
        }
    }
}

/// Builds into one folder, with what stands beside; the names that are there then.
fn build_beside(plan: &Plan, folder: &Path, signers: &Signers) -> Vec<String> {
    let formats = vec![(Format::Rpm, ZSTD), (Format::Tar, ZSTD)];
    let order = Order { plan, formats, folder, threads: 1, memory: 1 << 30, signers, progress: &|_| {} };
    let drafts = write(&order).unwrap();
    let mut beside =
        Beside::of(&drafts, &crate::package::digests(&drafts).unwrap(), folder, signers).unwrap();
    for draft in drafts.into_iter().chain(std::mem::take(&mut beside.drafts)) {
        draft.publish().unwrap();
    }
    beside.clear_void().unwrap();
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn sums(folder: &Path) -> String {
    run("sh", &["-euc", "cd $1; sha256sum --strict --quiet -c SHA256SUMS", "sh", folder.to_str().unwrap()]);
    std::fs::read_to_string(folder.join("SHA256SUMS")).unwrap()
}

fn named(sums: &str) -> Vec<&str> {
    sums.lines().map(|line| &line[66..]).collect()
}

#[test]
fn sums_hold_for_the_whole_folder() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let unsigned = Signers::default();
    let mut plan = plan(vec![file("/opt/x", "x")]);
    let first = ["Acme_Tool-1.2+rc3-1.x86_64.rpm", "Acme_Tool-1.2-rc3-x86_64-linux.tar.zst"];
    build_beside(&plan, folder, &unsigned);
    assert_eq!(named(&sums(folder)), first);

    // Another package's stay, in the order of names.
    plan.package.name = "other".into();
    let second = ["other-1.2+rc3-1.x86_64.rpm", "other-1.2-rc3-x86_64-linux.tar.zst"];
    build_beside(&plan, folder, &unsigned);
    assert_eq!(named(&sums(folder)), [first, second].concat());

    // What is gone, what has changed, and what is no file of this folder, does not.
    std::fs::remove_file(folder.join(first[0])).unwrap();
    std::fs::write(folder.join(first[1]), "changed").unwrap();
    let digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    std::fs::write(folder.join("empty"), "").unwrap();
    std::os::unix::fs::symlink("empty", folder.join("link")).unwrap();
    let more = format!("{digest} *empty\n{digest}  ../etc\n{digest}  link\nrubbish\n\n\\{digest}  a\\nb\n");
    std::fs::write(folder.join("SHA256SUMS"), sums_of(folder) + &more).unwrap();
    build_beside(&plan, folder, &unsigned);
    assert_eq!(named(&sums(folder)), ["empty", second[0], second[1]]);
}

fn sums_of(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("SHA256SUMS")).unwrap()
}

/// Each waits for the other to have written its lines.
#[test]
fn builds_at_the_same_time_lose_no_lines() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for name in ["one", "two", "three", "four"] {
            let mut plan = plan(vec![file("/opt/x", name)]);
            plan.package.name = name.into();
            scope.spawn({
                let folder = folder.path();
                move || build_beside(&plan, folder, &Signers::default())
            });
        }
    });
    assert_eq!(named(&sums(folder.path())).len(), 8);
}

#[test]
fn detached_signatures_are_of_the_files_beside_them() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (gnupg, signers) = signers("ed25519", SignerRole::Origin);
    let plan = plan(vec![file("/opt/x", "x")]);
    let tarball = "Acme_Tool-1.2-rc3-x86_64-linux.tar.zst";
    let signatures = [format!("{tarball}.asc"), "SHA256SUMS.asc".to_owned()];
    let names = build_beside(&plan, folder, &signers);
    assert_eq!(names.len(), 5, "{names:?}");
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    for signature in &signatures {
        gnupg.verify(&read(signature), &read(signature.strip_suffix(".asc").unwrap()));
    }
    assert!(sums(folder).contains(tarball) && !sums(folder).contains(".asc"));

    // Not signed, they would be void.
    let names = build_beside(&plan, folder, &Signers::default());
    assert_eq!(names.len(), 3, "{names:?}");
}
