//! What the package does for the system that it is installed on: units, accounts, temporary files. Pure data; the formats
//! make their scripts of it.

mod account;
mod initramfs;
mod lint;
mod manual;
mod reach;
mod told;
mod unit;

use super::context::Context;
use super::draft::Draft;
use super::{Entry, Kind};
use crate::config::{self, Format};
use crate::error::Result;
use crate::path::InstallPath;
use crate::payload;

pub use account::Account;
pub use told::Told;
pub use unit::{Scope, Unit};

/// What each of the two formats that have scripts sets up: not every file is in both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Systems {
    pub deb: System,
    pub rpm: System,
}

/// What is to be set up, each list sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct System {
    /// What was switched off.
    pub wanted: config::System,
    /// The units that the package ships, templates left out.
    pub units: Vec<Unit>,
    /// The files of sysusers.d; empty where they are switched off.
    pub accounts: Vec<AccountFile>,
    /// The names of the files of tmpfiles.d (`acme.conf`); empty where they are switched off.
    pub tmpfiles: Vec<String>,
    /// Whether something of the package belongs into the initramfs.
    pub initramfs: bool,
}

impl System {
    /// Whether scripts set up units, accounts or temporary files.
    pub fn sets_up(&self) -> bool {
        !(self.units.is_empty() && self.accounts.is_empty() && self.tmpfiles.is_empty())
    }
}

/// A file of sysusers.d.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountFile {
    pub path: InstallPath,
    /// Its lines, without comments.
    pub lines: Vec<String>,
    /// What they say.
    pub accounts: Vec<Account>,
}

/// Looks through the entries, and adds what the system needs besides.
///
/// Errors: a file cannot be read; bundle.toml asks for what is not there.
pub fn add(context: &Context, draft: &mut Draft) -> Result<Systems> {
    manual::compress(draft, &context.prefix)?;
    manual::share_completions(draft)?;
    let initramfs = initramfs::add(context, draft)?;
    lint::add(context, draft)?;
    let wanted = &context.config.install.system;
    let of = |format| System::of(draft.entries.iter().filter(|entry| entry.is_in(format)), wanted, initramfs);
    Ok(Systems { deb: of(Format::Deb)?, rpm: of(Format::Rpm)? })
}

impl System {
    fn of<'e>(
        entries: impl Iterator<Item = &'e Entry>,
        wanted: &config::System,
        initramfs: bool,
    ) -> Result<Self> {
        let mut system = System { wanted: wanted.clone(), initramfs, ..System::default() };
        for entry in entries {
            let Some((looked, name)) = looked(&entry.path) else { continue };
            match looked {
                Looked::Units(scope) => system.units.extend(unit(entry, name, scope)?),
                Looked::Sysusers if wanted.sysusers => {
                    system.accounts.extend(accounts(entry)?);
                }
                Looked::Tmpfiles if wanted.tmpfiles => {
                    if matches!(entry.kind, Kind::File { .. }) {
                        system.tmpfiles.push(name.to_owned());
                    }
                }
                Looked::Sysusers | Looked::Tmpfiles => {}
            }
        }
        system.units.sort();
        system.units.dedup();
        system.tmpfiles.sort();
        system.tmpfiles.dedup();
        Ok(system)
    }
}

/// Whether the package's scripts set up what is installed there.
pub fn is_set_up(path: &InstallPath) -> bool {
    looked(path).is_some()
}

/// What systemd takes a file for, and the file's name.
fn looked(path: &InstallPath) -> Option<(Looked, &str)> {
    let name = str::from_utf8(path.file_name()).ok().filter(|name| is_plain(name))?;
    let looked = path.parent().as_ref().and_then(kind)?;
    let is_read = match looked {
        Looked::Units(_) => unit::is_unit(name),
        Looked::Sysusers | Looked::Tmpfiles => name.ends_with(".conf"),
    };
    is_read.then_some((looked, name))
}

/// What systemd finds in a folder.
enum Looked {
    Units(Scope),
    Sysusers,
    Tmpfiles,
}

/// The folders that systemd looks in (systemd.unit(5), sysusers.d(5), tmpfiles.d(5)).
fn kind(folder: &InstallPath) -> Option<Looked> {
    let folder = folder.as_bytes();
    let below = [&b"/usr/local/lib/"[..], b"/usr/lib/", b"/lib/", b"/etc/"]
        .iter()
        .find_map(|top| folder.strip_prefix(*top))?;
    Some(match below {
        b"systemd/system" => Looked::Units(Scope::System),
        b"systemd/user" => Looked::Units(Scope::User),
        b"sysusers.d" => Looked::Sysusers,
        b"tmpfiles.d" => Looked::Tmpfiles,
        _ => return None,
    })
}

/// A name that needs no care in a shell.
fn is_plain(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || ":-_.\\@+".contains(c)) && !name.starts_with('-')
}

fn unit(entry: &Entry, name: &str, scope: Scope) -> Result<Option<Unit>> {
    let text = text(entry)?;
    Ok(text.map(|text| Unit::new(name, scope, &text)))
}

fn accounts(entry: &Entry) -> Result<Option<AccountFile>> {
    let Some(text) = text(entry)? else { return Ok(None) };
    let lines: Vec<String> = account::lines(&text).map(str::to_owned).collect();
    let accounts = lines.iter().filter_map(|line| Account::parse(line)).collect();
    Ok(Some(AccountFile { path: entry.path.clone(), lines, accounts }))
}

/// What a file will hold; `None` for a link.
fn text(entry: &Entry) -> Result<Option<String>> {
    Ok(payload::whole(entry)?.map(|body| String::from_utf8_lossy(&body).into_owned()))
}
