//! Keys for tests, made by GnuPG, which also verifies what is signed.

use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

/// A home of GnuPG's, with an agent of its own.
pub struct Gnupg(TempDir);

impl Gnupg {
    pub fn new() -> Self {
        // Not below a long TMPDIR: the agent's socket has a name of 107 bytes at most.
        Gnupg(tempfile::Builder::new().prefix("gpg").tempdir_in("/tmp").unwrap())
    }

    pub fn run(&self, passphrase: &str, arguments: &[&str]) -> Output {
        Command::new("gpg")
            .args(["--batch", "--yes", "--quiet", "--pinentry-mode", "loopback", "--passphrase", passphrase])
            .args(arguments)
            .env("GNUPGHOME", self.0.path())
            .env("LC_ALL", "C")
            .output()
            .unwrap()
    }

    /// Standard output of what must succeed.
    pub fn does(&self, passphrase: &str, arguments: &[&str]) -> Vec<u8> {
        let done = self.run(passphrase, arguments);
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        done.stdout
    }

    /// Makes a certificate; gives its fingerprint.
    pub fn key(&self, algorithm: &str, usage: &str, expires: &str, passphrase: &str) -> String {
        let number = self.fingerprints().len();
        let user = format!("Key {number} <{number}@example.org>");
        self.makes(passphrase, &["--quick-gen-key", &user, algorithm, usage, expires])
    }

    /// The fingerprint of the key that GnuPG makes.
    pub fn makes(&self, passphrase: &str, arguments: &[&str]) -> String {
        let before = self.fingerprints();
        self.does(passphrase, arguments);
        self.fingerprints().into_iter().find(|fingerprint| !before.contains(fingerprint)).unwrap()
    }

    /// Of every key and subkey.
    fn fingerprints(&self) -> Vec<String> {
        let list = String::from_utf8(self.does("", &["--list-keys", "--with-colons"])).unwrap();
        let lines = list.lines().filter_map(|line| line.strip_prefix("fpr:"));
        lines.map(|line| line.trim_matches(':').to_owned()).collect()
    }

    /// All secret keys, in a file.
    pub fn export(&self, passphrase: &str, how: &str) -> PathBuf {
        let file = self.path("exported.asc");
        std::fs::write(&file, self.does(passphrase, &["--armor", how])).unwrap();
        file
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// What GnuPG says of a detached signature, which must be good: its time, and the fingerprints of the key and of its
    /// certificate.
    pub fn verify(&self, signature: &[u8], data: &[u8]) -> (u32, String, String) {
        let (signature_file, data_file) = (self.path("signature"), self.path("data"));
        std::fs::write(&signature_file, signature).unwrap();
        std::fs::write(&data_file, data).unwrap();
        let files = [&signature_file, &data_file].map(|file| file.to_str().unwrap());
        let said = self.does("", &["--status-fd", "1", "--verify", files[0], files[1]]);
        let said = String::from_utf8(said).unwrap();
        // doc/DETAILS: fingerprint, date, time, ..., fingerprint of the primary key.
        let valid = said.lines().find_map(|line| line.strip_prefix("[GNUPG:] VALIDSIG ")).unwrap();
        let fields: Vec<&str> = valid.split(' ').collect();
        (fields[2].parse().unwrap(), fields[0].into(), fields.last().copied().unwrap().into())
    }
}

impl Drop for Gnupg {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").args(["--kill", "all"]).env("GNUPGHOME", self.0.path()).status();
    }
}
