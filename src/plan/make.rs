//! From results and bundle.toml to a plan.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::anchors::Anchors;
use super::carried::Rules;
use super::choose::Choice;
use super::context::Context;
use super::draft::Draft;
use super::ownership::Ownership;
use super::relocation::Relocation;
use super::stubs::{Lack, Undone};
use super::{
    Architecture, Entry, Finding, Kind, MainProgram, Plan, Surgery, Why, bill, extras, face, flat, licences,
    public_text, relations, relocatable, store_layout, stubs, survey, system,
};
use crate::config::{Config, Layout, Package, distribution, maintainer, names};
use crate::error::{Error, Result};
use crate::path::{InstallPath, StoreFile};
use crate::store::closure::Pending;
use crate::store::{Store, result};

/// What a plan is made from.
pub struct Request<'a> {
    pub config: &'a Config,
    pub store: &'a Store,
    /// As the user names them.
    pub results: &'a [PathBuf],
    /// `--closure FILE`
    pub closure: Option<&'a Path>,
}

/// 2000-01-01: dpkg and rpm linters take files of 1970, as the store has them, for broken.
const DEFAULT_MTIME: u32 = 946_684_800;

/// Makes the plan. Reads the store; writes nothing, runs nothing of the results.
pub fn make(request: &Request) -> Result<Plan> {
    let Request { config, store, .. } = *request;
    let results =
        request.results.iter().map(|path| result::locate(store, path)).collect::<Result<Vec<_>>>()?;
    let first = results.first().ok_or_else(|| Error::usage("no result is named"))?;
    let package = Package::resolve(&config.package, first.name());
    let prefix = config.install.prefix.clone();
    let lib_dir = match &config.install.lib_dir {
        Some(below) => prefix.join(below),
        None => lib_dir(&prefix, &names::deb_name(&package.name), store.dir()),
    };
    let system = if config.install.system.integrate { face::system(&prefix) } else { prefix.clone() };
    let choice = Choice::new(&config.install.include, &config.install.exclude)?;
    let mtime = match config.package.mtime {
        Some(mtime) => mtime,
        None => mtime()?,
    };
    let rules = Rules::new(&config.references)?;
    let file = request.closure.map(Path::to_owned);
    let pending = Pending::begin(store.clone(), results.clone(), file, rules.outside.paths());
    let mut context = Context {
        config,
        store,
        results: &results,
        pending,
        package,
        prefix,
        system,
        lib_dir,
        choice,
        rules,
        relocatable: false,
        scripts: BTreeSet::new(),
        mtime,
    };
    loop {
        match attempt(&mut context)? {
            Attempt::Plan(plan) => return Ok(*plan),
            Attempt::Scripts(scripts) => context.scripts.extend(scripts),
        }
    }
}

/// What comes of a wrapper is known in the end, and what it needs if it stays one has to be carried from the beginning.
enum Attempt {
    Plan(Box<Plan>),
    /// Wrappers, as the disk has them, that stay scripts and whose shells are not carried.
    Scripts(BTreeSet<PathBuf>),
}

fn attempt(context: &mut Context) -> Result<Attempt> {
    context.relocatable = context.config.relocatable.unwrap_or(true);
    let mut draft = Draft::new(context.package.clone());
    match context.config.install.layout {
        Layout::Flat => flat::plan(context, &mut draft)?,
        Layout::Store => store_layout::plan(context, &mut draft)?,
    }
    let (store, edits) = (context.store, std::mem::take(&mut draft.edits));
    // What is left to do for the plan is mostly one thread's.
    let (settled, sound) = rayon::join(|| settled(context, draft), || survey::verify_all(store, &edits));
    sound?;
    settled
}

/// The rest of the plan, for a tarball that can be anywhere if that is asked for, or if nobody says and nothing is against it.
fn settled(context: &mut Context, mut draft: Draft) -> Result<Attempt> {
    // Only with its stubs it is known whether the tarball can be anywhere.
    let before = context.config.relocatable.is_none().then(|| draft.clone());
    let mut planted = plant(context, &mut draft)?;
    if let Some(before) = before.filter(|_| !planted.ties.is_empty()) {
        let ties = planted.ties;
        (context.relocatable, draft) = (false, before);
        planted = plant(context, &mut draft)?;
        draft.findings.push(relocatable::tied(ties));
    }
    let scripts = std::mem::take(&mut planted.scripts);
    Ok(match scripts.is_empty() {
        true => Attempt::Plan(Box::new(finish(context, draft, planted)?)),
        false => Attempt::Scripts(scripts),
    })
}

/// `lib/<name>` below prefix, the name cut off where a reference could not be rewritten at its length; `lib` where no room is left
/// for any, in a prefix of the package's own.
fn lib_dir(prefix: &InstallPath, name: &str, store_dir: &StoreFile) -> InstallPath {
    let lib = prefix.join("lib");
    let room = Relocation::longest_lib_dir(store_dir).saturating_sub(lib.as_bytes().len() + 1);
    let short = name.get(..room).unwrap_or(name).trim_end_matches(['-', '.', '+']);
    let is_own = ![&b"/usr"[..], b"/usr/local"].contains(&prefix.as_bytes());
    match short.len() {
        len if len >= SHORTEST_NAME.min(name.len()) => lib.join(short),
        _ if is_own && lib.as_bytes().len() <= Relocation::longest_lib_dir(store_dir) => lib,
        _ => lib.join(name),
    }
}

/// The fewest characters that still tell whose a folder is.
const SHORTEST_NAME: usize = 4;

/// What is known once all programs have their stubs.
struct Planted {
    architecture: Architecture,
    system: system::Systems,
    anchors: Option<Anchors>,
    /// What would not do in a folder of the tarball's own what it does at its place, and why.
    ties: Vec<String>,
    /// Programs that a finding says do not start from any folder.
    unstarted: BTreeSet<InstallPath>,
    /// What would not start: [`Attempt::Scripts`].
    scripts: BTreeSet<PathBuf>,
}

/// Adds what is not the results', and plants the stubs.
fn plant(context: &Context, draft: &mut Draft) -> Result<Planted> {
    draft.unmatched_files(context)?;
    draft.keep_bytecode_valid(context)?;
    public_text::prettify(context, draft)?;
    extras::add(context, draft)?;
    let system = system::add(context, draft)?;
    licences::add(context, draft)?;
    draft.report_leftovers(context)?;
    draft.report_without_run_path();
    draft.report_conditions();
    if distribution::names_a_distribution_package(&draft.package.name) {
        draft.findings.push(replaces_distribution(&draft.package));
    }
    draft.findings.extend(without_mail(&draft.package));
    let moved = moved_programs(context, draft);
    draft.findings.extend(moved);
    let architecture = architecture(draft, context.config)?;
    relations::settle(context, draft, architecture)?;
    let mut ties = relocatable::ties(context, draft);
    let anchors = Anchors::new(context, draft);
    if anchors.is_some() && !context.config.anchor {
        ties.push("files of the bundle name each other, and `tarball.anchor` is off".to_owned());
    }
    let anchors = anchors.filter(|_| context.config.anchor);
    let Undone { lacks, wrappers: mut scripts } =
        stubs::plant(context, draft, anchors.as_ref().map(|anchors| &anchors.folder))?;
    scripts.extend(draft.scripts_without_shell());
    ties.extend(lacks.iter().filter(|lack| lack.is_tied).map(Lack::to_string));
    if let Some(anchors) = &anchors {
        ties.extend(anchors.without_descriptor(draft)?);
    }
    let unstarted = lacks.into_iter().filter(|lack| !lack.starts).map(|lack| lack.path).collect();
    Ok(Planted { architecture, system, anchors, ties, unstarted, scripts })
}

fn finish(context: &Context, mut draft: Draft, planted: Planted) -> Result<Plan> {
    let Planted { architecture, system, anchors, unstarted, .. } = planted;
    let anchored = anchors.as_ref().map(|anchors| anchors.apply(context, &mut draft)).transpose()?;
    let bill = bill::add(context, &mut draft, architecture)?;
    relocatable::add(context, &mut draft, bill.as_ref(), anchored.as_ref(), &unstarted)?;
    let mut seen = BTreeSet::new();
    draft.findings.retain(|finding| seen.insert(finding.to_string()));
    draft.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let why = Why::new(context.store, std::mem::take(&mut draft.carried));
    Ok(Plan {
        package: draft.package,
        architecture,
        layout: context.config.install.layout,
        prefix: context.prefix.clone(),
        lib_dir: context.lib_dir.clone(),
        relocatable: context.relocatable,
        program: MainProgram::new(context),
        anchor: anchors.map(|anchors| anchors.folder),
        mtime: context.mtime,
        entries: draft.entries.finish(&Ownership::new(context)?)?,
        bill,
        findings: draft.findings,
        system,
        why,
    })
}

/// An .rpm that can be moved, with programs that cannot: the kernel finds a loader by its absolute path.
fn moved_programs(context: &Context, draft: &Draft) -> Option<Finding> {
    let prefixes = &draft.package.rpm.prefixes;
    let is_moved = prefixes.iter().any(|prefix| context.lib_dir.starts_with(prefix));
    let with_loader = |entry: &&Entry| match &entry.kind {
        Kind::File { surgery, .. } => surgery.iter().any(|edit| matches!(edit, Surgery::Interpreter(_))),
        _ => false,
    };
    let programs: Vec<String> =
        draft.entries.iter().filter(with_loader).map(|entry| entry.path.to_string()).collect();
    if !is_moved || programs.is_empty() {
        return None;
    }
    let message = "programs name their loader by its absolute path, and do not start where an .rpm is installed elsewhere \
                   (`rpm -i --prefix`)";
    let mut finding = Finding::warning("rpm-prefixes", message).remedy("leave `rpm.prefixes` out");
    finding.subjects = programs;
    Some(finding)
}

/// What the programs are made for, or what the user says where that can be.
fn architecture(draft: &Draft, config: &Config) -> Result<Architecture> {
    let found = draft.architecture()?;
    let Some(arch) = &config.package.arch else { return Ok(found) };
    let Some(asked) = Architecture::named(arch.nix) else { return Ok(found) };
    if found != Architecture::Any && found != asked {
        return Err(Error::usage(format!(
            "`package.arch` says {}, and the result's programs are for {}",
            arch.written,
            found.nix()
        ))
        .remedy("leave `package.arch` out: it follows from the programs"));
    }
    Ok(asked)
}

fn replaces_distribution(package: &Package) -> Finding {
    Finding::warning(
        "replaces-distribution-package",
        format!(
            "a package named {} would replace the distribution's own, on which other packages depend",
            package.name
        ),
    )
    .remedy("set `package.name` (\"my-bash\") and an `install.prefix` of its own (\"/opt/my-bash\")")
}

/// A .deb's maintainer must have one (Debian Policy 5.6.2).
fn without_mail(package: &Package) -> Option<Finding> {
    if maintainer::has_mail(&package.maintainer) {
        return None;
    }
    let in_deb = maintainer::for_deb(&package.maintainer);
    let message =
        format!("`package.maintainer` has no mail address, which a .deb must have: it says {in_deb} there");
    Some(
        Finding::warning("maintainer-without-mail", message)
            .remedy("write it as `Jane Doe <jane@example.org>`"),
    )
}

/// SOURCE_DATE_EPOCH, as reproducible-builds.org defines it.
fn mtime() -> Result<u32> {
    let Some(value) = std::env::var_os("SOURCE_DATE_EPOCH") else { return Ok(DEFAULT_MTIME) };
    value.to_str().and_then(|text| text.trim().parse().ok()).ok_or_else(|| {
        Error::usage(format!(
            "SOURCE_DATE_EPOCH is {value:?}, which is no number of seconds since 1970 below 2^32"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lib_dir_leaves_room_for_the_hash() {
        let store_dir = StoreFile::new("/nix/store").unwrap();
        let of = |prefix: &str, name: &str| {
            lib_dir(&InstallPath::new(prefix).unwrap(), name, &store_dir).to_string()
        };
        assert_eq!(of("/usr", "jq"), "/usr/lib/jq");
        assert_eq!(of("/opt/acme/btrfs-progs", "x-btrfs-progs"), "/opt/acme/btrfs-progs/lib/x-btrfs");
        assert_eq!(of("/usr", "a-program-with-a-very-long-name"), "/usr/lib/a-program-with-a-very-lon");
        assert_eq!(of("/opt/a-vendor/and-a-program", "program"), "/opt/a-vendor/and-a-program/lib");
        assert_eq!(
            of("/opt/a-vendor/and-a-program-beyond-it", "x-y"),
            "/opt/a-vendor/and-a-program-beyond-it/lib/x-y"
        );
    }
}
