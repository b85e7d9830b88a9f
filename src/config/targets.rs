//! The distributions that a bundle on the target's own glibc may name, and the glibc that each has.
//!
//! The numbers are those of the PEP 600 compliance table (github.com/mayeut/pep600_compliance, README, "Distro
//! compatibility"), which measures them in each distribution's images; where it does not list one, the line says where
//! the number comes from. Where minor releases differ, the oldest counts, since a bundle must run on all of them.

/// Name, and the (major, minor) of its glibc.
const TARGETS: &[(&str, (u32, u32))] = &[
    ("debian-11", (2, 31)),
    ("debian-12", (2, 36)),
    ("debian-13", (2, 41)),
    ("ubuntu-20.04", (2, 31)),
    ("ubuntu-22.04", (2, 35)),
    ("ubuntu-24.04", (2, 39)),
    ("ubuntu-25.04", (2, 41)),
    ("ubuntu-25.10", (2, 42)),
    // Not measured: an Ubuntu of April has the glibc of the February before it, as those above show.
    ("ubuntu-26.04", (2, 43)),
    ("rhel-7", (2, 17)),
    ("rhel-8", (2, 28)),
    ("rhel-9", (2, 34)),
    ("rhel-10", (2, 39)),
    ("almalinux-8", (2, 28)),
    ("almalinux-9", (2, 34)),
    ("almalinux-10", (2, 39)),
    ("rocky-8", (2, 28)),
    ("rocky-9", (2, 34)),
    ("rocky-10", (2, 39)),
    ("amazonlinux-2", (2, 26)),
    ("amazonlinux-2023", (2, 34)),
    ("fedora-38", (2, 37)),
    ("fedora-39", (2, 38)),
    ("fedora-40", (2, 39)),
    ("fedora-41", (2, 40)),
    ("fedora-42", (2, 41)),
    ("fedora-43", (2, 42)),
    // Not measured: an even Fedora has the glibc of the February before it, as those above show.
    ("fedora-44", (2, 43)),
    // 15.3 to 15.5; 15.6 has 2.38. 15.0 to 15.2, with 2.26, have had no updates since 2021.
    ("opensuse-leap-15", (2, 31)),
    // Its repository: glibc-2.40-160000.2.2.
    ("opensuse-leap-16", (2, 40)),
];

/// Distributions whose C library is musl, by how their names begin.
const MUSL: &[&str] = &["alpine", "postmarketos", "chimera"];

/// The glibc of a distribution, (major, minor); `None` for one that is not known.
pub fn glibc_of(target: &str) -> Option<(u32, u32)> {
    TARGETS.iter().find(|(name, _)| *name == target).map(|(_, glibc)| *glibc)
}

/// Whether a distribution has no glibc at all.
pub(super) fn is_musl(target: &str) -> bool {
    MUSL.iter().any(|name| target.starts_with(name))
}

/// Every name that [`glibc_of`] knows.
pub(super) fn names() -> Vec<&'static str> {
    TARGETS.iter().map(|(name, _)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_the_documentation_names() {
        assert_eq!(glibc_of("debian-12"), Some((2, 36)));
        assert_eq!(glibc_of("ubuntu-22.04"), Some((2, 35)));
        assert_eq!(glibc_of("rhel-9"), Some((2, 34)));
        assert_eq!(glibc_of("alpine-3.22"), None);
        assert!(is_musl("alpine-3.22"));
    }

    #[test]
    fn newer_releases_have_no_older_glibc() {
        for pair in TARGETS.windows(2) {
            let family = |name: &str| name.rsplit_once('-').map(|(family, _)| family.to_owned());
            if family(pair[0].0) == family(pair[1].0) {
                assert!(pair[0].1 <= pair[1].1, "{pair:?}");
            }
        }
    }
}
