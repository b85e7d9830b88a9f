//! Absolute paths, of the target system and of the store: two types, since they must not be mixed.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// Where the bundle will be installed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target;

/// The tree that references speak of (`/nix/store/...`), wherever `--store ROOT` keeps it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreTree;

/// A path of the target system.
pub type InstallPath = AbsolutePath<Target>;

/// A path in the store's tree, as references name it.
pub type StoreFile = AbsolutePath<StoreTree>;

/// An absolute, normalised path: begins with `/`, has no `.`, `..`, empty component or
/// trailing slash (the root itself is `/`). Any bytes but NUL: file names need not be UTF-8.
///
/// Ordered by component, so that a folder sorts right before what it holds (`/a`, `/a/b`, `/a.b`).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AbsolutePath<Tree>(Vec<u8>, PhantomData<Tree>);

impl<Tree: Clone> AbsolutePath<Tree> {
    pub fn root() -> Self {
        AbsolutePath(b"/".to_vec(), PhantomData)
    }

    /// Normalises an absolute path by its text alone; `None` if it is not absolute or holds a NUL.
    pub fn new(path: impl AsRef<[u8]>) -> Option<Self> {
        let path = path.as_ref();
        if !path.starts_with(b"/") || path.contains(&0) {
            return None;
        }
        let mut components = path[1..].split(|b| *b == b'/');
        if components.all(|component| !matches!(component, b"" | b"." | b"..")) {
            return Some(AbsolutePath(path.to_vec(), PhantomData));
        }
        Some(Self::root().join(path))
    }

    /// `path` below this folder: `..` goes up, never beyond the root; a leading slash counts for nothing.
    pub fn join(&self, path: impl AsRef<[u8]>) -> Self {
        let path = path.as_ref();
        let mut joined = Vec::with_capacity(self.0.len() + 1 + path.len());
        joined.extend_from_slice(if self.is_root() { b"" } else { &self.0 });
        for component in path.split(|b| *b == b'/') {
            match component {
                b"" | b"." => {}
                b".." => {
                    let cut = joined.iter().rposition(|b| *b == b'/').unwrap_or(0);
                    joined.truncate(cut);
                }
                name => {
                    joined.push(b'/');
                    joined.extend_from_slice(name);
                }
            }
        }
        if joined.is_empty() { Self::root() } else { AbsolutePath(joined, PhantomData) }
    }

    pub fn is_root(&self) -> bool {
        self.0 == b"/"
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Without the leading slash: how archives name it. Empty for the root.
    pub fn relative(&self) -> &[u8] {
        &self.0[1..]
    }

    /// The last component; empty for the root.
    pub fn file_name(&self) -> &[u8] {
        file_name(&self.0)
    }

    /// The folder that holds it; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let cut = self.0.iter().rposition(|b| *b == b'/').unwrap_or(0);
        Some(if cut == 0 { Self::root() } else { AbsolutePath(self.0[..cut].to_vec(), PhantomData) })
    }

    /// The path itself and the folders that hold it, up to the root.
    pub fn ancestors(&self) -> impl Iterator<Item = Self> + use<Tree> {
        std::iter::successors(Some(self.clone()), Self::parent)
    }

    /// Where a link of this path leads with `target`, by its text alone.
    pub fn link_target(&self, target: &[u8]) -> Self {
        match target.first() {
            Some(b'/') => Self::root().join(target),
            _ => self.parent().unwrap_or_else(Self::root).join(target),
        }
    }

    /// The components, from the root down.
    pub fn components(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|b| *b == b'/').filter(|c| !c.is_empty())
    }

    /// Whether it is `folder` or lies below it.
    pub fn starts_with(&self, folder: &Self) -> bool {
        folder.is_root()
            || self.0 == folder.0
            || (self.0.starts_with(&folder.0) && self.0.get(folder.0.len()) == Some(&b'/'))
    }

    /// How a link or a run path in the folder `from` names this path, with as many `..` as it takes;
    /// `.` for the folder itself.
    pub fn relative_to(&self, from: &Self) -> Vec<u8> {
        // What lies below it, as most does, needs no `..`.
        if !from.is_root() && self.starts_with(from) && self.0.len() > from.0.len() {
            return self.0[from.0.len() + 1..].to_vec();
        }
        let here: Vec<_> = from.components().collect();
        let there: Vec<_> = self.components().collect();
        let common = here.iter().zip(&there).take_while(|(a, b)| a == b).count();
        let mut parts: Vec<&[u8]> = vec![b"..".as_slice(); here.len() - common];
        parts.extend_from_slice(&there[common..]);
        if parts.is_empty() { b".".to_vec() } else { parts.join(&b'/') }
    }

    pub fn to_string_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

impl<Tree: Clone + Eq> Ord for AbsolutePath<Tree> {
    /// Component by component, which is byte by byte with the slash before all others.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let common = common(&self.0, &other.0);
        let rank = |byte: &u8| if *byte == b'/' { 0 } else { u16::from(*byte) + 1 };
        self.0.get(common).map(rank).cmp(&other.0.get(common).map(rank))
    }
}

/// How many bytes two paths begin with alike: in one folder, most of them.
fn common(a: &[u8], b: &[u8]) -> usize {
    let mut common = 0;
    for (one, other) in a.as_chunks().0.iter().zip(b.as_chunks().0) {
        let differs = u64::from_le_bytes(*one) ^ u64::from_le_bytes(*other);
        if differs != 0 {
            return common + differs.trailing_zeros() as usize / 8;
        }
        common += 8;
    }
    common + a[common..].iter().zip(&b[common..]).take_while(|(a, b)| a == b).count()
}

impl<Tree: Clone + Eq> PartialOrd for AbsolutePath<Tree> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<Tree> fmt::Display for AbsolutePath<Tree> {
    /// As text for people: what is not printable is escaped, so that a name cannot forge a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.0))
    }
}

impl<Tree> fmt::Debug for AbsolutePath<Tree> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl<Tree> serde::Serialize for AbsolutePath<Tree> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// As many links as the kernel follows in one path (include/linux/namei.h, MAXSYMLINKS).
pub const MAX_LINKS: usize = 40;

/// The part of a name behind its last slash.
pub fn file_name(name: &[u8]) -> &[u8] {
    name.rsplit(|b| *b == b'/').next().unwrap_or(name)
}

/// Bytes of a file name as text for people: UTF-8 as it is, control characters and other bytes escaped
/// (`\n`, `\xff`).
pub fn printable(bytes: &[u8]) -> String {
    // Most names are plain.
    if bytes.iter().all(|byte| (b' '..0x7f).contains(byte)) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() { text.extend(c.escape_default()) } else { text.push(c) }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> InstallPath {
        InstallPath::new(text).unwrap()
    }

    #[test]
    fn is_normalised() {
        for (given, wanted) in [("/", "/"), ("//a/./b//", "/a/b"), ("/a/../../b", "/b"), ("/..", "/")] {
            assert_eq!(path(given).as_bytes(), wanted.as_bytes(), "{given}");
        }
        assert!(InstallPath::new("a").is_none());
        assert!(InstallPath::new("/a\0b").is_none());
    }

    #[test]
    fn relative_paths_lead_there() {
        for (to, from, wanted) in [
            ("/usr/lib/jq", "/usr/bin", "../lib/jq"),
            ("/usr/lib/jq", "/usr/lib/jq", "."),
            ("/usr/lib/jq/x", "/usr/lib/jq", "x"),
            ("/", "/usr/bin", "../.."),
            ("/opt/a", "/", "opt/a"),
        ] {
            assert_eq!(path(to).relative_to(&path(from)), wanted.as_bytes());
            assert_eq!(path(from).join(wanted), path(to));
        }
    }

    #[test]
    fn folders_sort_right_before_what_they_hold() {
        let mut paths = [path("/a.b"), path("/a/b"), path("/a"), path("/")];
        paths.sort();
        assert_eq!(paths, [path("/"), path("/a"), path("/a/b"), path("/a.b")]);
    }

    #[test]
    fn paths_are_ordered_by_their_components() {
        let paths = ["/", "/a", "/a/b", "/a/b/c", "/a!", "/a.b", "/a.b/c", "/ab", "/b"].map(path);
        for (one, other) in paths.iter().flat_map(|one| paths.iter().map(move |other| (one, other))) {
            assert_eq!(one.cmp(other), one.components().cmp(other.components()), "{one} {other}");
        }
    }

    #[test]
    fn names_cannot_forge_a_line() {
        assert_eq!(printable(b"a\nb\xff \xc3\xa9"), "a\\nb\\xff é");
    }
}
