//! Versions of several parts: nfpm's `prerelease`, `version_metadata` and `version_schema`.

/// A version in its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    pub base: String,
    pub prerelease: Option<String>,
    pub metadata: Option<String>,
}

impl Version {
    /// `v1.2-rc1+git` is 1.2.0, rc1 and git: a semantic version with or without its `v`, and with one number or two left
    /// out, as nfpm reads it (Masterminds/semver's `NewVersion`). `None` for what is none.
    pub fn semantic(text: &str) -> Option<Version> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let (text, metadata) = match text.split_once('+') {
            Some((text, metadata)) => (text, Some(metadata)),
            None => (text, None),
        };
        let (numbers, prerelease) = match text.split_once('-') {
            Some((numbers, prerelease)) => (numbers, Some(prerelease)),
            None => (text, None),
        };
        let numbers: Vec<u64> = numbers.split('.').map(number).collect::<Option<_>>()?;
        let [major, minor, patch] = match numbers[..] {
            [major] => [major, 0, 0],
            [major, minor] => [major, minor, 0],
            [major, minor, patch] => [major, minor, patch],
            _ => return None,
        };
        let identifiers = |text: &&str| text.split('.').all(is_identifier);
        if !prerelease.iter().chain(&metadata).all(identifiers) {
            return None;
        }
        Some(Version {
            base: format!("{major}.{minor}.{patch}"),
            prerelease: prerelease.map(str::to_owned),
            metadata: metadata.map(str::to_owned),
        })
    }

    /// `1.2.0~rc1+git`: both formats sort `~` before the end of a version. A `-` in a prerelease would begin a release, so
    /// it becomes `_`.
    pub fn joined(&self) -> String {
        let mut text = self.base.clone();
        if let Some(prerelease) = &self.prerelease {
            text.push('~');
            text.push_str(&prerelease.replace('-', "_"));
        }
        if let Some(metadata) = &self.metadata {
            text.push('+');
            text.push_str(metadata);
        }
        text
    }
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn semantic_versions_are_taken_apart() {
        for (given, joined) in [
            ("1.2.3", "1.2.3"),
            ("v1.2", "1.2.0"),
            ("1", "1.0.0"),
            ("v1.2.3-rc.1+git", "1.2.3~rc.1+git"),
            ("1.2.3-rc-1", "1.2.3~rc_1"),
            ("1.2.3+a-b", "1.2.3+a-b"),
        ] {
            assert_eq!(Version::semantic(given).unwrap().joined(), joined, "{given}");
        }
        for given in ["", "1.2.3.4", "1.x", "1.2.3-", "1.2.3-a..b", "1.2.3+", "1.2_3", "-1", "vv1", "1."] {
            assert_eq!(Version::semantic(given), None, "{given}");
        }
    }
}
