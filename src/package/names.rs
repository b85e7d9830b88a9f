//! Names and versions as the formats allow them.

/// Debian Policy 5.6.1: lower case letters, digits, `+`, `-` and `.`.
pub fn deb_name(name: &str) -> String {
    name.to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "+-.".contains(c) { c } else { '-' })
        .collect()
}

/// Debian Policy 5.6.12, one part of a version: letters, digits, `.`, `+` and `~`.
pub fn deb_version(version: &str) -> String {
    version.chars().map(|c| if c.is_ascii_alphanumeric() || ".+~".contains(c) { c } else { '+' }).collect()
}

/// As rpmbuild has them: letters, digits, `.`, `_`, `+` and `-`.
pub fn rpm_name(name: &str) -> String {
    name.to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "._+-".contains(c) { c } else { '-' })
        .collect()
}

/// As rpmbuild has them: letters, digits, `.`, `_`, `+`, `~` and `^`.
pub fn rpm_version(version: &str) -> String {
    version.chars().map(|c| if c.is_ascii_alphanumeric() || "._+~^".contains(c) { c } else { '+' }).collect()
}
