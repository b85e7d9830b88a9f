//! Keys as GnuPG makes them; what they sign, GnuPG verifies.

use std::ffi::OsString;
use std::path::PathBuf;

use super::gnupg::Gnupg;
use super::*;
use crate::config::{KeyConfig, Signing};
use crate::package::Format;

const ALL: [Format; 3] = [Format::Deb, Format::Rpm, Format::Tar];
/// 2001-09-09: before any key was made.
const EARLY: u32 = 1_000_000_000;
/// 2100-01-01.
const LATE: u32 = 4_102_444_800;

fn now() -> u32 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u32::try_from(now.as_secs()).unwrap()
}

fn key_file(file: PathBuf) -> Signing {
    Signing { common: KeyConfig { key_file: Some(file), ..KeyConfig::default() }, ..Signing::default() }
}

fn load(signing: &Signing, time: u32, variables: &[(&str, &str)]) -> Result<Signers> {
    Signers::load_from(signing, &ALL, time, now(), &|name| {
        variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
    })
}

/// The signer of everything.
fn signer(signing: &Signing, variables: &[(&str, &str)]) -> Result<std::sync::Arc<Signer>> {
    load(signing, EARLY, variables).map(|signers| signers.others.unwrap())
}

fn refused(signing: &Signing, variables: &[(&str, &str)], wanted: &[&str]) {
    let Err(error) = load(signing, EARLY, variables) else { panic!("not refused: {wanted:?}") };
    let message = error.to_string();
    assert!(wanted.iter().all(|words| message.contains(words)), "{wanted:?}: {message}");
}

/// Adds one to a certificate; gives its fingerprint.
fn subkey(gnupg: &Gnupg, of: &str, algorithm: &str, usage: &str) -> String {
    gnupg.makes("", &["--quick-add-key", of, algorithm, usage, "never"])
}

fn id(fingerprint: &str) -> Option<String> {
    Some(fingerprint[24..].to_owned())
}

#[test]
fn gnupg_accepts_signatures_of_each_kind_of_key() {
    for algorithm in ["rsa4096", "ed25519", "nistp384"] {
        let gnupg = Gnupg::new();
        let fingerprint = gnupg.key(algorithm, "sign", "never", "");
        let signer = if algorithm.starts_with("nist") {
            let signing = Signing {
                // rpm would not know it.
                deb: KeyConfig {
                    key_file: Some(gnupg.export("", "--export-secret-keys")),
                    ..KeyConfig::default()
                },
                ..Signing::default()
            };
            load(&signing, EARLY, &[]).unwrap().deb.unwrap()
        } else {
            signer(&key_file(gnupg.export("", "--export-secret-keys")), &[]).unwrap()
        };
        for data in [vec![], vec![b'x'; 100_000]] {
            let signature = signer.sign(&data[..]).unwrap();
            assert_eq!(gnupg.verify(&signature, &data).1, fingerprint, "{algorithm}");
            assert_eq!(signer.sign(&data[..]).unwrap(), signature, "{algorithm}");
            assert!(signature.len() <= signer.longest());
            let armored = signer.sign_armored(&data[..]).unwrap();
            assert!(armored.starts_with(b"-----BEGIN PGP SIGNATURE-----\n"));
            assert_eq!(gnupg.verify(&armored, &data).1, fingerprint, "{algorithm}");
        }
    }
}

/// That rpm up to 4.16 can read them, is shown in Debian 11 (tests/e2e/signed.rs).
#[test]
fn a_signature_has_what_gnupgs_own_has() {
    let gnupg = Gnupg::new();
    gnupg.key("ed25519", "sign", "never", "");
    let ours =
        signer(&key_file(gnupg.export("", "--export-secret-keys")), &[]).unwrap().sign(&b"data"[..]).unwrap();
    std::fs::write(gnupg.path("ours"), ours).unwrap();
    std::fs::write(gnupg.path("data"), "data").unwrap();
    gnupg.does(
        "",
        &[
            "--digest-algo",
            "SHA256",
            "-o",
            gnupg.path("theirs").to_str().unwrap(),
            "-b",
            gnupg.path("data").to_str().unwrap(),
        ],
    );
    let listed = |name: &str| {
        let list = gnupg.does("", &["--list-packets", gnupg.path(name).to_str().unwrap()]);
        let list = String::from_utf8(list).unwrap();
        let keep =
            |line: &&str| line.contains("subpkt") || line.contains("version") || line.contains("digest algo");
        let words = |line: &str| line.split(['(', ',']).next().unwrap().to_owned();
        list.lines().filter(keep).map(words).collect::<Vec<_>>()
    };
    assert_eq!(listed("ours"), listed("theirs"));
}

#[test]
fn a_signature_is_as_old_as_the_build_unless_its_key_is_younger() {
    let gnupg = Gnupg::new();
    gnupg.key("ed25519", "sign", "never", "");
    let signing = key_file(gnupg.export("", "--export-secret-keys"));
    let time = |time: u32| {
        let signature = load(&signing, time, &[]).unwrap().others.unwrap().sign(&b""[..]).unwrap();
        gnupg.verify(&signature, b"").0
    };
    let key = time(EARLY);
    assert!(key.abs_diff(now()) < 1000);
    assert_eq!(time(key - 1), key);
    assert_eq!(time(key + 1), key + 1);
}

#[test]
fn a_subkey_signs_before_its_primary_key() {
    let gnupg = Gnupg::new();
    let primary = gnupg.key("ed25519", "sign", "never", "");
    let older = subkey(&gnupg, &primary, "ed25519", "sign");
    subkey(&gnupg, &primary, "cv25519", "encr");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let newer = subkey(&gnupg, &primary, "rsa2048", "sign");
    let mut signing = key_file(gnupg.export("", "--export-secret-keys"));
    let mut signs = |key_id: Option<String>| {
        signing.common.key_id = key_id;
        let signature = signer(&signing, &[]).unwrap().sign(&b"x"[..]).unwrap();
        gnupg.verify(&signature, b"x")
    };
    assert_eq!(signs(None).1, newer);
    assert_eq!(signs(None).2, primary);
    assert_eq!(signs(id(&older)).1, older);
    assert_eq!(signs(id(&primary)).1, primary);
    // Short, and whole.
    assert_eq!(signs(Some(older[32..].to_owned())).1, older);
    assert_eq!(signs(Some(older.clone())).1, older);

    // Without the primary key's secret; its ID stands for the whole then.
    signing = key_file(gnupg.export("", "--export-secret-subkeys"));
    let mut signs = |key_id: Option<String>| {
        signing.common.key_id = key_id;
        let signature = signer(&signing, &[]).unwrap().sign(&b"x"[..]).unwrap();
        gnupg.verify(&signature, b"x").1
    };
    assert_eq!(signs(None), newer);
    assert_eq!(signs(id(&primary)), newer);

    signing.common.key_id = Some("0123456789ABCDEF".into());
    refused(&signing, &[], &["has no key 0123456789ABCDEF", "has its secret elsewhere"]);
}

#[test]
fn what_red_hats_rpm_does_not_know_is_told() {
    let codes = |arguments: &[&str]| {
        let gnupg = Gnupg::new();
        gnupg.does("", arguments);
        let signing = key_file(gnupg.export("", "--export-secret-keys"));
        let without_rpm = Signers::load_from(&signing, &[Format::Deb, Format::Tar], EARLY, now(), &|_| None);
        assert!(without_rpm.unwrap().findings().is_empty());
        let findings = load(&signing, EARLY, &[]).unwrap().findings();
        findings.iter().map(|finding| finding.code).collect::<Vec<_>>()
    };
    let generate = ["--quick-gen-key", "name", "rsa2048", "sign", "never"];
    assert_eq!(codes(&generate), Vec::<&str>::new());
    assert_eq!(codes(&["--quick-gen-key", "name", "ed25519", "sign", "never"]), ["rpm-signature"]);
    assert_eq!(codes(&[&["--cert-digest-algo", "SHA1"], &generate[..]].concat()), ["sha1-key"]);
}

#[test]
fn of_several_certificates_one_must_be_named() {
    let gnupg = Gnupg::new();
    let keys = [gnupg.key("ed25519", "sign", "never", ""), gnupg.key("ed25519", "sign", "never", "")];
    let mut signing = key_file(gnupg.export("", "--export-secret-keys"));
    refused(
        &signing,
        &[],
        &["exported.asc has several keys that sign", "signature.key_id", &keys[0], &keys[1]],
    );
    for key in &keys {
        signing.common.key_id = id(key);
        let signature = signer(&signing, &[]).unwrap().sign(&b""[..]).unwrap();
        assert_eq!(gnupg.verify(&signature, b"").1, *key);
    }
}

#[test]
fn what_expired_or_is_revoked_does_not_sign() {
    let gnupg = Gnupg::new();
    // Two minutes after 2020-01-01.
    gnupg.does("", &["--faked-system-time", "1577836920", "--quick-gen-key", "old", "ed25519", "sign", "1d"]);
    let signing = key_file(gnupg.export("", "--export-secret-keys"));
    refused(&signing, &[], &["has no key that signs", "has expired"]);
    // Not yet then.
    let signer = Signers::load_from(&signing, &ALL, EARLY, 1_577_836_999, &|_| None).unwrap().others.unwrap();
    assert_eq!(signer.time, 1_577_836_920);
    // But at the time of the build.
    let late = Signers::load_from(&signing, &ALL, LATE, 1_577_836_999, &|_| None).err().unwrap().to_string();
    assert!(
        late.contains("has expired at the time of the build") && late.contains("SOURCE_DATE_EPOCH"),
        "{late}"
    );

    let gnupg = Gnupg::new();
    let primary = gnupg.key("ed25519", "sign", "never", "");
    gnupg.does(
        "",
        &[
            "--faked-system-time",
            &format!("{}", now() + 5),
            "--quick-add-key",
            &primary,
            "ed25519",
            "sign",
            "1d",
        ],
    );
    let signing = key_file(gnupg.export("", "--export-secret-keys"));
    let later =
        Signers::load_from(&signing, &ALL, EARLY, now() + 200_000, &|_| None).unwrap().others.unwrap();
    assert_eq!(later.key.fingerprint, primary);

    // GnuPG writes the revocation beforehand, with a colon in front so that nobody imports it by mistake.
    let revocation = gnupg.path(&format!("openpgp-revocs.d/{primary}.rev"));
    let text = std::fs::read_to_string(&revocation).unwrap().replace(":-----BEGIN", "-----BEGIN");
    std::fs::write(&revocation, text).unwrap();
    gnupg.does("", &["--import", revocation.to_str().unwrap()]);
    refused(&key_file(gnupg.export("", "--export-secret-keys")), &[], &["is revoked", &primary[24..]]);
}

#[test]
fn a_locked_key_wants_its_passphrase() {
    let gnupg = Gnupg::new();
    let fingerprint = gnupg.key("ed25519", "sign", "never", "sesame");
    let mut signing = key_file(gnupg.export("sesame", "--export-secret-keys"));
    let file = gnupg.path("passphrase");
    refused(
        &signing,
        &[],
        &["is locked by a passphrase", "EXPLANT_SIGNING_PASSPHRASE", "passphrase_file", &fingerprint[24..]],
    );
    for name in ["EXPLANT_SIGNING_PASSPHRASE", "NFPM_PASSPHRASE"] {
        refused(&signing, &[(name, "thistle")], &["cannot unlock", name]);
        let signature = signer(&signing, &[(name, "sesame")]).unwrap().sign(&b""[..]).unwrap();
        assert_eq!(gnupg.verify(&signature, b"").1, fingerprint);
    }
    // nfpm's own for one format.
    refused(&signing, &[("NFPM_RPM_PASSPHRASE", "sesame")], &["is locked by a passphrase"]);
    std::mem::swap(&mut signing.rpm, &mut signing.common);
    assert!(load(&signing, EARLY, &[("NFPM_RPM_PASSPHRASE", "sesame")]).unwrap().rpm.is_some());
    std::mem::swap(&mut signing.rpm, &mut signing.common);

    signing.common.passphrase_file = Some(file.clone());
    refused(&signing, &[], &["cannot read the passphrase", "passphrase: No such file"]);
    for text in ["sesame", "sesame\n", "sesame\r\nand more\n"] {
        std::fs::write(&file, text).unwrap();
        signer(&signing, &[]).unwrap();
    }
    refused(&signing, &[("EXPLANT_SIGNING_PASSPHRASE", "thistle")], &["cannot unlock"]);
}

#[test]
fn the_key_is_the_formats_own_then_the_environments_then_the_common_one() {
    let gnupgs: [Gnupg; 3] = std::array::from_fn(|_| Gnupg::new());
    let keys: Vec<String> = gnupgs.iter().map(|gnupg| gnupg.key("ed25519", "sign", "never", "")).collect();
    let files: Vec<PathBuf> = gnupgs.iter().map(|gnupg| gnupg.export("", "--export-secret-keys")).collect();
    let who = |signer: Option<std::sync::Arc<Signer>>| signer.map(|signer| signer.key.fingerprint.clone());

    let none = load(&Signing::default(), EARLY, &[("EXPLANT_SIGNING_KEY", "")]).unwrap();
    assert!(none.deb.is_none() && none.rpm.is_none() && none.others.is_none());

    let mut signing = key_file(files[0].clone());
    signing.deb.key_file = Some(files[1].clone());
    let signers = load(&signing, EARLY, &[]).unwrap();
    assert_eq!(who(signers.rpm).as_ref(), Some(&keys[0]));
    assert_eq!(who(signers.deb).as_ref(), Some(&keys[1]));
    assert_eq!(who(signers.others).as_ref(), Some(&keys[0]));

    // The key itself, or the name of its file.
    let text = std::fs::read_to_string(&files[2]).unwrap();
    for value in [text.as_str(), files[2].to_str().unwrap()] {
        let signers = load(&signing, EARLY, &[("EXPLANT_SIGNING_KEY", value)]).unwrap();
        assert_eq!(who(signers.deb).as_ref(), Some(&keys[1]));
        assert_eq!(who(signers.rpm).as_ref(), Some(&keys[2]));
        assert_eq!(who(signers.others).as_ref(), Some(&keys[2]));
    }

    // One format alone.
    let rpm = KeyConfig { key_file: Some(files[1].clone()), ..KeyConfig::default() };
    let signers = load(&Signing { rpm, ..Signing::default() }, EARLY, &[]).unwrap();
    assert!(signers.deb.is_none() && signers.rpm.is_some() && signers.others.is_none());

    let mut named = Signing::default();
    named.rpm.key_id = id(&keys[0]);
    refused(&named, &[], &["`rpm.signature.key_id` names a key", "EXPLANT_SIGNING_KEY"]);
}

#[test]
fn what_is_no_secret_key_is_refused_by_its_name() {
    let gnupg = Gnupg::new();
    gnupg.key("ed25519", "sign", "never", "");
    refused(
        &key_file(gnupg.export("", "--export")),
        &[],
        &["exported.asc", "no OpenPGP secret key", "--export-secret-keys"],
    );
    let file = gnupg.path("key.asc");
    refused(&key_file(file.clone()), &[], &["cannot read the key", "key.asc"]);
    let whole = std::fs::read(gnupg.export("", "--export-secret-keys")).unwrap();
    for bytes in [&b""[..], b"rubbish", b"\xff\xff\xff\xff", &whole[..whole.len() / 2]] {
        std::fs::write(&file, bytes).unwrap();
        refused(&key_file(file.clone()), &[], &["key.asc"]);
    }
    refused(
        &Signing::default(),
        &[("EXPLANT_SIGNING_KEY", "-----BEGIN nonsense")],
        &["EXPLANT_SIGNING_KEY is no OpenPGP"],
    );

    let gnupg = Gnupg::new();
    gnupg.key("nistp256", "sign", "never", "");
    let signing = key_file(gnupg.export("", "--export-secret-keys"));
    // Where no .rpm is written, it is of no matter.
    Signers::load_from(&signing, &[Format::Deb], EARLY, now(), &|_| None).unwrap();
    refused(
        &key_file(gnupg.export("", "--export-secret-keys")),
        &[],
        &["ECDSA, which rpm before 4.19 does not know"],
    );
    let gnupg = Gnupg::new();
    gnupg.key("ed25519", "cert", "never", "");
    refused(
        &key_file(gnupg.export("", "--export-secret-keys")),
        &[],
        &["has no key that signs", "is not for signatures"],
    );
}
