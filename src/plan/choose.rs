//! Which files of a store path a bundle takes.

use globset::{Glob, GlobBuilder, GlobMatcher, GlobSet, GlobSetBuilder};

use super::licence_name::is_licence;
use crate::error::{Error, Result};

/// What programs do not need at run time (design.md section 5). Paths are below a store path.
const DEVELOPMENT: &[&str] = &[
    "include/**",
    "**/*.{a,la}",
    "{lib,lib64,share}/pkgconfig/**",
    "{lib,lib64,share}/cmake/**",
    "share/aclocal/**",
    "nix-support/**",
    "share/info/**",
    "share/gtk-doc/**",
    "lib/debug/**",
    "**/*.debug",
    // What the target makes of all packages' files: a package with it overwrites the others'.
    "share/applications/mimeinfo.cache",
    "share/icons/*/icon-theme.cache",
];

/// Manuals of the closure's other outputs: who wants them installs those.
const MANUALS: &[&str] = &["share/man/**"];

/// Tells what is taken of a result, and of the rest of the closure.
pub struct Choice {
    include: GlobSet,
    /// The patterns that the user wrote out: they bring back development files too.
    wanted: GlobSet,
    exclude: GlobSet,
    development: GlobSet,
    manuals: GlobSet,
}

impl Choice {
    /// From `install.include` and `install.exclude`.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self> {
        let wanted = include.iter().filter(|glob| *glob != "**");
        Ok(Choice {
            include: globs("install.include", include)?,
            wanted: globs("install.include", wanted)?,
            exclude: globs("install.exclude", exclude)?,
            development: globs("", DEVELOPMENT)?,
            manuals: globs("", MANUALS)?,
        })
    }

    /// Whether a file of the result is shipped. Licence texts stay, for every store path that is.
    pub fn of_result(&self, below: &[u8]) -> bool {
        let path = to_path(below);
        if self.exclude.is_match(path) || !self.include.is_match(path) {
            return false;
        }
        self.wanted.is_match(path) || is_licence(below) || !self.development.is_match(path)
    }

    /// Whether a file of another store path of the closure is shipped, in the store layout.
    pub fn of_closure(&self, below: &[u8]) -> bool {
        let path = to_path(below);
        is_licence(below) || !(self.development.is_match(path) || self.manuals.is_match(path))
    }
}

/// What globs match.
pub fn to_path(bytes: &[u8]) -> &std::path::Path {
    use std::os::unix::ffi::OsStrExt;
    std::path::Path::new(std::ffi::OsStr::from_bytes(bytes))
}

/// A set of globs in which `*` stops at a slash and `**` does not, as in .gitignore.
pub fn globs<G: AsRef<str>>(field: &str, patterns: impl IntoIterator<Item = G>) -> Result<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(path_glob(pattern.as_ref()).map_err(|error| Error::usage(format!("`{field}`: {error}")))?);
    }
    set.build().map_err(|error| Error::usage(format!("`{field}`: {error}")))
}

/// One such glob.
pub fn matcher(field: &str, pattern: &str) -> Result<GlobMatcher> {
    let glob = path_glob(pattern).map_err(|error| Error::usage(format!("`{field}`: {error}")))?;
    Ok(glob.compile_matcher())
}

fn path_glob(pattern: &str) -> std::result::Result<Glob, globset::Error> {
    GlobBuilder::new(pattern).literal_separator(true).empty_alternates(true).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(include: &[&str], exclude: &[&str]) -> Choice {
        let owned = |globs: &[&str]| globs.iter().map(|g| g.to_string()).collect::<Vec<_>>();
        Choice::new(&owned(include), &owned(exclude)).unwrap()
    }

    #[test]
    fn development_files_stay_behind() {
        let default = choice(&["**"], &[]);
        for (path, taken) in [
            ("bin/jq", true),
            ("include/jq.h", false),
            ("lib/libjq.a", false),
            ("lib/python3/config/libpython.a", false),
            ("lib/pkgconfig/jq.pc", false),
            ("lib/python3/site-packages/cmake/x.py", true),
            ("share/info/dir", false),
            ("nix-support/propagated-build-inputs", false),
            ("share/licenses/jq/COPYING", true),
            ("share/man/man1/jq.1.gz", true),
        ] {
            assert_eq!(default.of_result(path.as_bytes()), taken, "{path}");
        }
        assert!(!default.of_closure(b"share/man/man1/jq.1.gz"));
        assert!(default.of_closure(b"share/doc/jq/COPYING"));
    }

    #[test]
    fn the_users_words_win() {
        let chosen = choice(&["**", "include/**"], &["bin/*-test", "share/**"]);
        assert!(chosen.of_result(b"include/jq.h"));
        assert!(!chosen.of_result(b"bin/jq-test"));
        assert!(!chosen.of_result(b"share/licenses/x"));
        let few = choice(&["bin/*"], &[]);
        assert!(few.of_result(b"bin/jq") && !few.of_result(b"bin/sub/jq") && !few.of_result(b"lib/x.so"));
    }
}
