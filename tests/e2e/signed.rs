//! Signed artifacts, verified by the tools of Debian 11, 12 and 13.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::gnupg::Gnupg;
use crate::harness::{Case, Machine, artifacts, explant, output, scratch_folder, succeeds, told, write_all};
use crate::lifecycle::{DEBIANS, SHELL};

const BUNDLE: &str =
    "[package]\nname = \"x-signed\"\nversion = \"1\"\nmaintainer = \"Corpus <corpus@example.org>\"\n";

/// A folder with a signed build in `dist`, one that is not in `unsigned`, and the key. And the key's fingerprint.
fn signed(algorithm: &str) -> (TempDir, String) {
    let folder = scratch_folder();
    let gnupg = Gnupg::new();
    let fingerprint = gnupg.key(algorithm, "sign", "never", "");
    for (name, how) in [
        ("secret.asc", &["--armor", "--export-secret-keys"][..]),
        ("public.asc", &["--armor", "--export"]),
        ("public.gpg", &["--export"]),
    ] {
        std::fs::write(folder.path().join(name), gnupg.does("", how)).unwrap();
    }
    write_all(
        folder.path(),
        &[
            ("bundle.toml", BUNDLE),
            ("signed.toml", &format!("{BUNDLE}[signature]\nkey_file = \"secret.asc\"\n")),
        ],
    );
    for (config, out) in [("signed.toml", "dist"), ("bundle.toml", "unsigned")] {
        let mut build = explant();
        build.arg("build").current_dir(&folder).args(["-c", config, "-o", out]);
        succeeds(build.arg(Case::named("hello-c").result()));
    }
    (folder, fingerprint)
}

#[test]
fn rpm_and_dnf_of_each_debian_accept_the_signature_and_no_other() {
    for algorithm in ["rsa4096", "ed25519"] {
        let (folder, _) = signed(algorithm);
        for debian in DEBIANS {
            Machine::new(debian).does(
                folder.path(),
                &(SHELL.to_owned()
                    + "rpm=/mnt/dist/x-signed-1-1.x86_64.rpm
                 fails rpm -K $rpm
                 rpm --import /mnt/public.asc
                 [ \"$(rpm -K $rpm)\" = \"$rpm: digests signatures OK\" ]
                 rpmkeys -Kv $rpm >/tmp/said
                 [ $(grep -c 'Signature, key ID .*: OK$' /tmp/said) = 2 ]
                 [ -z \"$(grep -v ': OK$' /tmp/said | grep -vx $rpm:)\" ]
                 [ \"$(rpm -K --define '_pkgverify_level all' $rpm)\" = \"$rpm: digests signatures OK\" ]
                 mkdir -p /root/repository
                 repository() { cp $1 /root/repository; createrepo_c -q /root/repository; }
                 with_dnf() {
                   dnf -y -q --releasever=1 --repofrompath=local,/root/repository --repo=local --refresh \\
                     --setopt=local.gpgcheck=1 --setopt=local.gpgkey=file:///mnt/public.asc \"$@\"
                 }
                 repository /mnt/unsigned/*.rpm
                 fails with_dnf install x-signed
                 repository $rpm
                 with_dnf clean all
                 with_dnf install x-signed
                 [ \"$(hello)\" = '*Hello, Goodbye' ]
                 silent rpm -V x-signed"),
            );
        }
    }
}

#[test]
fn debsig_verify_accepts_the_origin_of_a_deb() {
    for algorithm in ["rsa4096", "ed25519"] {
        let (folder, fingerprint) = signed(algorithm);
        let id = &fingerprint[24..];
        let policy = format!(
            "<?xml version=\"1.0\"?>\n<!DOCTYPE Policy SYSTEM \"https://www.debian.org/debsig/1.0/policy.dtd\">\n\
             <Policy xmlns=\"https://www.debian.org/debsig/1.0/\">\n<Origin Name=\"Corpus\" id=\"{id}\" Description=\"x\"/>\n\
             <Selection><Required Type=\"origin\" File=\"corpus.gpg\" id=\"{id}\"/></Selection>\n\
             <Verification MinOptional=\"0\"><Required Type=\"origin\" File=\"corpus.gpg\" id=\"{id}\"/></Verification>\n</Policy>\n"
        );
        write_all(folder.path(), &[("corpus.pol", &policy)]);
        for debian in DEBIANS {
            let said = Machine::new(debian).does(
                folder.path(),
                &format!(
                    "{SHELL}
                     mkdir -p /etc/debsig/policies/{id} /usr/share/debsig/keyrings/{id}
                     cp /mnt/corpus.pol /etc/debsig/policies/{id}
                     cp /mnt/public.gpg /usr/share/debsig/keyrings/{id}/corpus.gpg
                     debsig-verify -v /mnt/dist/x-signed_1_amd64.deb
                     fails debsig-verify /mnt/unsigned/x-signed_1_amd64.deb
                     # A byte of data.tar.
                     cp /mnt/dist/x-signed_1_amd64.deb /tmp/changed.deb
                     printf '!' | dd of=/tmp/changed.deb bs=1 seek=20000 conv=notrunc status=none
                     fails debsig-verify /tmp/changed.deb
                     dpkg -i /mnt/dist/x-signed_1_amd64.deb
                     [ \"$(hello)\" = '*Hello, Goodbye' ]"
                ),
            );
            assert!(said.contains("Verified package from 'x' (Corpus)"), "{said}");
        }
    }
}

#[test]
fn what_stands_beside_holds_and_check_passes_over_it() {
    let (folder, fingerprint) = signed("ed25519");
    let dist = folder.path().join("dist");
    let gnupg = Gnupg::new();
    gnupg.does("", &["--import", folder.path().join("public.asc").to_str().unwrap()]);
    let mut verified = 0;
    for signature in artifacts(&dist).iter().filter(|path| path.extension() == Some(OsStr::new("asc"))) {
        let read = |path: &Path| std::fs::read(path).unwrap();
        assert_eq!(gnupg.verify(&read(signature), &read(&signature.with_extension(""))).1, fingerprint);
        verified += 1;
    }
    assert_eq!(verified, 2);
    let mut sums = Command::new("sha256sum");
    let said = succeeds(sums.current_dir(&dist).args(["--strict", "-c", "SHA256SUMS"]));
    assert!(said.lines().filter(|line| line.ends_with(": OK")).count() >= 3, "{said}");

    let done = output(explant().arg("check").args(artifacts(&dist)), "");
    assert!(done.status.success(), "{}", told(&done));
    assert_eq!(String::from_utf8_lossy(&done.stdout).lines().count(), 3, "{}", told(&done));
}

/// A single file is signed by what stands beside it, and runs as it does without.
#[test]
fn a_single_file_is_signed_beside_itself() {
    let (folder, fingerprint) = signed("ed25519");
    let gnupg = Gnupg::new();
    gnupg.does("", &["--import", folder.path().join("public.asc").to_str().unwrap()]);
    let out = folder.path().join("run");
    let run = format!("{BUNDLE}[run]\nprogram = \"hello\"\n[signature]\nkey_file = \"secret.asc\"\n");
    write_all(folder.path(), &[("run.toml", &run)]);
    let mut build = explant();
    build.arg("build").current_dir(&folder).args(["-c", "run.toml", "-f", "run", "-o"]).arg(&out);
    succeeds(build.arg(Case::named("hello-c").result()));
    let [file, signature, sums, of_sums] = [".run", ".run.asc", "SHA256SUMS", "SHA256SUMS.asc"].map(|name| {
        let is_it = |path: &PathBuf| path.to_string_lossy().ends_with(name);
        artifacts(&out).into_iter().find(is_it).unwrap_or_else(|| panic!("no {name}"))
    });
    let [bytes, signature, sums, of_sums] =
        [&file, &signature, &sums, &of_sums].map(|path| std::fs::read(path).unwrap());
    assert_eq!(gnupg.verify(&signature, &bytes).1, fingerprint);
    assert_eq!(gnupg.verify(&of_sums, &sums).1, fingerprint);
    let said = succeeds(Command::new("sha256sum").current_dir(&out).args(["--strict", "-c", "SHA256SUMS"]));
    assert!(said.contains("-linux.run: OK\n"), "{said}");
    let answer = succeeds(Command::new(&file).env("XDG_CACHE_HOME", folder.path()));
    assert_eq!(answer, "*Hello, Goodbye\n");
    succeeds(explant().arg("check").arg(&file));

    // One byte, of the script or of the archive.
    for at in [100, bytes.len() - 100] {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let [good, bad] = [("good", &bytes), ("bad", &changed)].map(|(name, bytes)| {
            std::fs::write(gnupg.path(name), bytes).unwrap();
            gnupg.run(
                "",
                &[
                    "--verify",
                    file.with_extension("run.asc").to_str().unwrap(),
                    gnupg.path(name).to_str().unwrap(),
                ],
            )
        });
        assert!(good.status.success(), "{}", told(&good));
        assert!(String::from_utf8_lossy(&bad.stderr).contains("BAD signature"), "{at}: {}", told(&bad));
    }
}

/// The key's trouble is told before anything is written.
#[test]
fn without_its_passphrase_nothing_is_built() {
    let folder = scratch_folder();
    let gnupg = Gnupg::new();
    gnupg.key("ed25519", "sign", "never", "sesame");
    let locked = gnupg.export("sesame", "--export-secret-keys");
    let build = |passphrase: Option<&str>| {
        let out = folder.path().join("dist");
        let mut build = explant();
        build.arg("build").current_dir(&folder).arg("-o").arg(&out).env("EXPLANT_SIGNING_KEY", &locked);
        build.envs(passphrase.map(|passphrase| ("EXPLANT_SIGNING_PASSPHRASE", passphrase)));
        let done = output(build.arg(Case::named("hello-c").result()), "");
        (done, out.exists())
    };
    for (passphrase, wanted) in [(None, "is locked by a passphrase"), (Some("thistle"), "cannot unlock")] {
        let (done, exists) = build(passphrase);
        assert!(done.status.code() == Some(1) && !exists, "{}", told(&done));
        assert!(String::from_utf8_lossy(&done.stderr).contains(wanted), "{}", told(&done));
    }
    let (done, exists) = build(Some("sesame"));
    assert!(done.status.success() && exists, "{}", told(&done));
}
