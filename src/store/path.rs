//! Store paths and their hashes.

use std::fmt;

use crate::path::StoreFile;

/// Characters of a store path's hash.
pub const HASH_LENGTH: usize = 32;

/// Nix's base-32 alphabet: digits and lower-case letters without e, o, t and u (nix/src/libutil/hash.cc).
pub const ALPHABET: &[u8; 32] = b"0123456789abcdfghijklmnpqrsvwxyz";

/// Whether a byte is of it.
pub const IN_ALPHABET: [bool; 256] = {
    let mut table = [false; 256];
    let mut i = 0;
    while i < ALPHABET.len() {
        table[ALPHABET[i] as usize] = true;
        i += 1;
    }
    table
};

/// Whether a byte is of those that Nix allows in names: letters, digits and `+-._?=` (nix/src/libstore/path.cc).
const IN_NAMES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = matches!(byte as u8, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'+' | b'-' | b'.' | b'_' | b'?' | b'=');
        byte += 1;
    }
    table
};

/// The hash of a store path, as it is written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreHash([u8; HASH_LENGTH]);

impl StoreHash {
    /// `None` where the text is not of 32 characters of Nix's alphabet.
    pub fn new(text: &[u8]) -> Option<Self> {
        let hash: [u8; HASH_LENGTH] = text.try_into().ok()?;
        hash.iter().all(|c| IN_ALPHABET[*c as usize]).then_some(StoreHash(hash))
    }

    pub fn as_bytes(&self) -> &[u8; HASH_LENGTH] {
        &self.0
    }
}

impl fmt::Debug for StoreHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

/// The last component of a store path: `<hash>-<name>`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StorePath {
    hash: StoreHash,
    name: String,
}

impl StorePath {
    /// `None` where it is not of the form.
    pub fn parse(component: &[u8]) -> Option<Self> {
        let hash = StoreHash::new(component.get(..HASH_LENGTH)?)?;
        let name = component[HASH_LENGTH..].strip_prefix(b"-")?;
        if name.is_empty() || !name.iter().all(|c| IN_NAMES[*c as usize]) {
            return None;
        }
        // All bytes were just seen to be ASCII.
        Some(StorePath { hash, name: String::from_utf8_lossy(name).into_owned() })
    }

    pub fn hash(&self) -> StoreHash {
        self.hash
    }

    /// Without the hash: `jq-1.7.1`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `<hash>-<name>`.
    pub fn component(&self) -> String {
        format!("{:?}-{}", self.hash, self.name)
    }
}

impl fmt::Display for StorePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.component())
    }
}

impl fmt::Debug for StorePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.component())
    }
}

/// Splits a file of the store into its store path and the path below that (empty for the store path itself).
pub fn split<'a>(store_dir: &StoreFile, file: &'a StoreFile) -> Option<(StorePath, &'a [u8])> {
    let below = file.as_bytes().strip_prefix(store_dir.as_bytes())?.strip_prefix(b"/")?;
    let end = below.iter().position(|b| *b == b'/').unwrap_or(below.len());
    let path = StorePath::parse(&below[..end])?;
    Some((path, below[end..].strip_prefix(b"/").unwrap_or(b"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const JQ: &str = "l5zk7hn88za59mxzan3hkpl5k8lxn7cn-jq-1.7.1";

    #[test]
    fn store_paths_have_a_hash_and_a_name() {
        let path = StorePath::parse(JQ.as_bytes()).unwrap();
        assert_eq!((path.name(), path.component().as_str()), ("jq-1.7.1", JQ));
        for bad in [
            "jq",
            "l5zk7hn88za59mxzan3hkpl5k8lxn7cn",
            "l5zk7hn88za59mxzan3hkpl5k8lxn7cn-",
            "e5zk7hn88za59mxzan3hkpl5k8lxn7cn-x",
            "l5zk7hn88za59mxzan3hkpl5k8lxn7cn-a b",
            ".links",
        ] {
            assert!(StorePath::parse(bad.as_bytes()).is_none(), "{bad}");
        }
    }

    #[test]
    fn files_are_split_at_the_store_path() {
        let dir = StoreFile::new("/nix/store").unwrap();
        let split_text = |text: &str| {
            split(&dir, &StoreFile::new(text).unwrap()).map(|(p, below)| (p.component(), below.to_vec()))
        };
        assert_eq!(split_text(&format!("/nix/store/{JQ}/bin/jq")), Some((JQ.into(), b"bin/jq".to_vec())));
        assert_eq!(split_text(&format!("/nix/store/{JQ}")), Some((JQ.into(), b"".to_vec())));
        assert_eq!(split_text("/nix/store"), None);
        assert_eq!(split_text("/nix/storeroom/x"), None);
    }
}
