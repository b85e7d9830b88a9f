//! Which folders above a bundle's files are the package's.
//!
//! A folder that nothing but its contents asks for may well be another's: rpm refuses a package that gives a folder of
//! another package's another mode or owner, and gives its own to one that no package has; a tarball that is unpacked at `/` does so
//! with all, and puts a folder where the target has a link (tar(1), `--overwrite-dir`, `--keep-directory-symlink`). dpkg makes no
//! folder that is not in the archive, and leaves one alone that is there. So a .deb has them all, and the others only those
//! that are surely the package's, or the same everywhere.

use std::collections::BTreeSet;

use globset::GlobSet;

use super::Entry;
use super::choose;
use super::context::Context;
use super::main_program::MainProgram;
use crate::config::{Format, Formats};
use crate::error::Result;
use crate::path::{InstallPath, printable};

pub struct Ownership {
    /// A folder of one of these names is the package's.
    names: BTreeSet<Vec<u8>>,
    prefix: InstallPath,
    /// What `disown_subtree` says.
    disowned: GlobSet,
}

/// Trees in which folders are root's and of mode 0755, and none of the usual ones a link: what of them is the distribution's own,
/// package::rpm knows.
const UNIFORM: [&str; 9] = ["usr", "opt", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "srv"];

/// The same of folders alone.
const PLAIN: [&str; 4] = ["etc", "var", "var/cache", "var/lib"];

impl Ownership {
    /// Errors: a glob of `disown_subtree` is too large.
    pub fn new(context: &Context) -> Result<Self> {
        let globs = context.config.contents.iter().flat_map(|content| &content.disowned);
        let globs = globs.map(|glob| glob.trim_end_matches('/'));
        Ok(Ownership {
            names: MainProgram::new(context).names.into_iter().map(String::into_bytes).collect(),
            prefix: context.prefix.clone(),
            disowned: choose::globs("contents.disown_subtree", globs)?,
        })
    }

    /// A folder that is there for what lies in it, in those formats.
    pub fn implied(&self, path: InstallPath, formats: Formats) -> Entry {
        let is_foreign = !self.is_known(&path);
        let mut folder = Entry::folder(path);
        folder.special.disowned = is_foreign;
        folder.special.formats =
            if is_foreign { formats.without(Formats::only(Format::Tar)) } else { formats };
        folder
    }

    /// Whether bundle.toml says that it is another package's.
    pub fn is_disowned(&self, folder: &InstallPath) -> bool {
        self.disowned.is_match(printable(folder.as_bytes()))
    }

    /// Whether it is the package's, or one and the same on every target.
    fn is_known(&self, folder: &InstallPath) -> bool {
        let root = InstallPath::root();
        UNIFORM.iter().any(|tree| folder.starts_with(&root.join(tree)))
            || PLAIN.iter().any(|plain| *folder == root.join(plain))
            || folder.starts_with(&self.prefix)
            || folder.components().skip(1).any(|name| self.names.contains(name))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Of a package that is called jq.
    pub fn ownership() -> Ownership {
        Ownership {
            names: [b"jq".to_vec()].into(),
            prefix: InstallPath::new("/data/tools").unwrap(),
            disowned: choose::globs("", ["/opt/*-common"]).unwrap(),
        }
    }

    #[test]
    fn a_folder_of_others_is_in_the_deb_alone() {
        let ownership = ownership();
        let told = |path: &str| {
            let folder = ownership.implied(InstallPath::new(path).unwrap(), Formats::ALL);
            (folder.special.disowned, folder.is_in(Format::Deb), folder.is_in(Format::Tar))
        };
        for own in ["/usr/lib/jq", "/etc", "/etc/jq/rules.d", "/var/lib/jq", "/opt/acme", "/data/tools/bin"] {
            assert_eq!(told(own), (false, true, true), "{own}");
        }
        for foreign in
            ["/tmp", "/var/run", "/var/log", "/etc/audit/rules.d", "/var/lib/pgsql", "/data", "/jq"]
        {
            assert_eq!(told(foreign), (true, true, false), "{foreign}");
        }
        let is_disowned = |path: &str| ownership.is_disowned(&InstallPath::new(path).unwrap());
        assert!(is_disowned("/opt/acme-common") && !is_disowned("/opt/acme-common/a"));
    }
}
