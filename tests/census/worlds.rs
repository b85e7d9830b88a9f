//! Two worlds of one architecture, the packages as they are and with every file edited: their programs must say the same.

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use explant::elf::{Class, Elf, Operation, RunPath, patched};
use rayon::prelude::*;

use crate::corpus::Entry;
use crate::edits::{alias, loader, longer};

/// What is put into the worlds for the census lies here.
pub const OURS: &str = "census";
const QEMU: &str = "/census/qemu";

/// How programs started in both.
#[derive(Default)]
pub struct Runs {
    /// By architecture: programs, and those that said their version.
    counts: Vec<(String, usize, usize)>,
    differ: Vec<String>,
}

impl fmt::Display for Runs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (arch, programs, started) in &self.counts {
            writeln!(
                f,
                "{arch}: of {programs} programs {started} tell their version in a world of edited files"
            )?;
        }
        writeln!(f, "differ: {}", self.differ.len())?;
        self.differ.iter().try_for_each(|line| writeln!(f, "  {line}"))
    }
}

/// Makes the edited worlds and runs every program with `--version` in both, as nobody and without a network.
pub fn compare(folder: &Path, files: &[Entry]) -> io::Result<Runs> {
    let mut roots: Vec<(&str, &Path)> = files.iter().map(|file| (&*file.arch, &*file.root)).collect();
    roots.sort();
    roots.dedup();
    let mut runs = Runs::default();
    for (arch, root) in roots {
        let edited = folder.join("edited").join(arch);
        let own: Vec<&Entry> = files.iter().filter(|file| file.arch == arch).collect();
        furnish(arch, root)?;
        edit_all(&own, root, &edited)?;
        if arch == "amd64" {
            for world in [root, &edited] {
                Command::new("ldconfig").arg("-r").arg(world).output()?;
            }
        }
        let programs: Vec<PathBuf> =
            own.iter().map(|file| file.inner()).filter(|path| is_command(path)).collect();
        let outcomes: Vec<_> =
            programs.par_iter().map(|path| run_in_both(arch, [root, &edited], path)).collect();
        let mut started = 0;
        for (path, outcome) in programs.iter().zip(outcomes) {
            match outcome? {
                Ok(has_started) => started += usize::from(has_started),
                Err(how) => runs.differ.push(format!("{arch} {}: {how}", path.display())),
            }
        }
        runs.counts.push((arch.to_owned(), programs.len(), started));
    }
    Ok(runs)
}

fn is_command(path: &Path) -> bool {
    let folder = path.parent().unwrap_or(Path::new("/"));
    ["bin", "sbin", "games"]
        .iter()
        .any(|name| folder == Path::new("/").join(name) || folder == Path::new("/usr").join(name))
}

/// What programs want of a root besides packages.
fn furnish(arch: &str, root: &Path) -> io::Result<()> {
    fs::create_dir_all(root.join(OURS))?;
    fs::create_dir_all(root.join("dev"))?;
    for (name, minor) in [("null", "3"), ("zero", "5"), ("urandom", "9")] {
        let node = root.join("dev").join(name);
        if !node.exists() {
            Command::new("mknod").args(["-m", "666"]).arg(node).args(["c", "1", minor]).status()?;
        }
    }
    if let Some(qemu) = qemu(arch) {
        fs::copy(format!("/usr/bin/qemu-{qemu}-static"), root.join(&QEMU[1..]))?;
    }
    Ok(())
}

fn qemu(arch: &str) -> Option<&'static str> {
    Some(match arch {
        "arm64" => "aarch64",
        "armhf" | "armel" => "arm",
        "ppc64el" => "ppc64le",
        "s390x" => "s390x",
        "mipsel" => "mipsel",
        "mips64el" => "mips64el",
        _ => return None,
    })
}

/// Links all that stays and writes what does not.
fn edit_all(files: &[&Entry], root: &Path, edited: &Path) -> io::Result<()> {
    if edited.exists() {
        fs::remove_dir_all(edited)?;
    }
    fs::create_dir_all(edited.parent().unwrap_or(edited))?;
    let copied = Command::new("cp").arg("-al").arg(root).arg(edited).status()?;
    if !copied.success() {
        return Err(io::Error::other("cp -al failed"));
    }
    let folders = default_folders(root);
    files.par_iter().try_for_each(|file| {
        let bytes = file.map()?;
        let Ok(Some(elf)) = Elf::parse(&bytes) else { return Ok(()) };
        let operation = operation(&elf, &folders, root, edited)?;
        let Ok(patches) = elf.operate(&bytes, &operation) else { return Ok(()) };
        let path = edited.join(file.path.strip_prefix(root).map_err(io::Error::other)?);
        let mode = fs::metadata(&path)?.permissions();
        fs::remove_file(&path)?;
        fs::write(&path, patched(&bytes, &patches))?;
        fs::set_permissions(&path, mode)
    })
}

/// Where ld.so looks without being told.
fn default_folders(root: &Path) -> Vec<PathBuf> {
    let triples =
        fs::read_dir(root.join("usr/lib")).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let triples = triples.filter(|name| name.to_string_lossy().contains("-linux-"));
    triples.flat_map(|name| ["lib", "usr/lib"].map(|lib| Path::new(lib).join(&name))).collect()
}

/// All that can be longer is, and all of it is there.
fn operation(elf: &Elf, folders: &[PathBuf], root: &Path, edited: &Path) -> io::Result<Operation> {
    let mut operation = Operation::default();
    if matches!(elf.class, Class::Other | Class::StaticProgram) {
        return Ok(operation);
    }
    // A run path in ld.so itself fails an assertion of glibc's.
    if !elf.needed.is_empty() {
        operation.run_path = Some(RunPath { folders: longer(elf), runpath: elf.rpath.is_none() });
    }
    if let Some(interpreter) = &elf.interpreter {
        let new = loader(interpreter);
        link_once(&text(interpreter), &edited.join(&text(&new)[1..]))?;
        operation.interpreter = Some(new);
    }
    let mut seen = HashSet::new();
    // Under another name, ld.so would load itself a second time.
    for name in elf.needed.iter().filter(|name| !name.starts_with(b"ld") && seen.insert(*name)) {
        if let Some(folder) = folders.iter().find(|folder| root.join(folder).join(text(name)).exists()) {
            link_once(&text(name), &edited.join(folder).join(text(&alias(name))))?;
            operation.replace_needed.push((name.clone(), alias(name)));
        }
    }
    Ok(operation)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn link_once(to: &str, at: &Path) -> io::Result<()> {
    fs::create_dir_all(at.parent().unwrap_or(at))?;
    match symlink(to, at) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
        _ => Ok(()),
    }
}

/// Whether it told its version, the same in both; or how not.
fn run_in_both(arch: &str, worlds: [&Path; 2], path: &Path) -> io::Result<Result<bool, String>> {
    let mut said = [run(arch, worlds[0], path)?, run(arch, worlds[1], path)?];
    if said[0] != said[1] {
        // What it says may not be the same twice; or the machine was slow.
        said = [run(arch, worlds[0], path)?, run(arch, worlds[1], path)?];
        let again = run(arch, worlds[0], path)?;
        if said[0] != said[1] && again == said[0] {
            return Ok(Err(format!("{:?}, was {:?}", said[1], said[0])));
        }
    }
    Ok(Ok(said[0].status.success()))
}

fn run(arch: &str, world: &Path, path: &Path) -> io::Result<Output> {
    let mut command = Command::new("timeout");
    command.args(["-s", "KILL", "20", "unshare", "--net", "--pid", "--fork", "--kill-child=KILL"]);
    command.args(["chroot", "--userspec=65534:65534"]).arg(world);
    if qemu(arch).is_some() {
        command.arg(QEMU);
    }
    command.arg(path).arg("--version").env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
    command.stdin(std::process::Stdio::null()).output()
}
