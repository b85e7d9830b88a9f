//! What must hold of single members: names, modes, links, scripts, ELF header fields.

use memchr::memmem;

use super::tree::{Content, FileNode, Missing, Node, Sorted, Tree};
use super::{Report, abi, is_in_program_folder, is_public};
use crate::elf::{Class, Elf};
use crate::finding::Finding;
use crate::path::{InstallPath, file_name, printable};

/// Findings that gather many files.
#[derive(Default)]
struct Gathered {
    dangling: Vec<String>,
    host_links: Vec<String>,
    shebangs: Vec<String>,
    interpreters: Vec<String>,
    malformed: Vec<String>,
}

/// Checks every member by itself.
pub(super) fn check(tree: &Tree, members: &[Sorted], store_dir: &[u8], report: &mut Report) {
    let mut gathered = Gathered::default();
    for &(path, node) in members {
        if let Some(failure) = below_store(path, node, store_dir) {
            report.failures.push(failure);
        }
        match node {
            Node::Folder { mode, listed } => {
                // With the sticky bit (1777, as /tmp) it is no hole.
                if *listed && mode & 0o1002 == 0o002 {
                    report.failures.push(world_writable(path, *mode));
                }
            }
            Node::File(file) => check_file(tree, path, file, store_dir, report, &mut gathered),
            Node::Link(target) => check_link(tree, path, target, report, &mut gathered),
            Node::Special => {}
        }
    }
    gathered.tell(report);
}

fn check_file(
    tree: &Tree,
    path: &InstallPath,
    file: &FileNode,
    store_dir: &[u8],
    report: &mut Report,
    gathered: &mut Gathered,
) {
    if file.mode & 0o002 != 0 {
        report.failures.push(world_writable(path, file.mode));
    }
    match &file.content {
        Content::Elf { elf, .. } => {
            count(elf, report);
            report.failures.extend(store_strings(path, elf, store_dir));
            report.failures.extend(privileged_origin(path, file, elf));
        }
        Content::Malformed(reason) if is_public(path) && file.mode & 0o111 != 0 => {
            report.failures.push(format!("{path} is no ELF file that can be run: {reason}"));
        }
        Content::Malformed(reason) => gathered.malformed.push(format!("{path}: {reason}")),
        Content::Script(interpreter) if is_in_program_folder(path) && says(interpreter, store_dir) => {
            gathered.shebangs.push(format!("{path}: #!{}", printable(interpreter)));
        }
        Content::Script(interpreter) if is_public(path) => {
            gathered.interpreters.extend(of_target(tree, path, interpreter));
        }
        Content::Script(_) | Content::Data => {}
    }
}

/// A script whose interpreter the target must have, if not every system has it.
fn of_target(tree: &Tree, path: &InstallPath, line: &[u8]) -> Option<String> {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let program = words.next()?;
    let is_option = |word: &&[u8]| word.starts_with(b"-") || word.contains(&b'=');
    let name = match file_name(program) {
        b"env" => words.find(|word| !is_option(word))?,
        _ => program,
    };
    // What env looks for on PATH may lie beside the script.
    let is_there = tree.follow(path, name).is_ok();
    (file_name(name) != b"sh" && !is_there).then(|| format!("{path}: {}", printable(name)))
}

fn count(elf: &Elf, report: &mut Report) {
    match elf.class {
        Class::Program | Class::StaticProgram => report.programs += 1,
        Class::Library => report.libraries += 1,
        Class::Other => {}
    }
}

/// Nothing may be installed where the store is: it is Nix's own.
fn below_store(path: &InstallPath, node: &Node, store_dir: &[u8]) -> Option<String> {
    let is_link = matches!(node, Node::Link(_));
    let in_nix = path.components().next() == Some(b"nix");
    let in_store = InstallPath::new(store_dir).is_some_and(|store| path.starts_with(&store));
    (!is_link && (in_nix || in_store))
        .then(|| format!("{path} would be installed in the Nix store's own place"))
}

fn world_writable(path: &InstallPath, mode: u32) -> String {
    format!("{path} can be written to by every user (mode {mode:04o}): give it a mode in bundle.toml")
}

/// The header fields that name the store.
fn store_strings(path: &InstallPath, elf: &Elf, store_dir: &[u8]) -> Vec<String> {
    elf.header_strings()
        .filter(|(_, value)| says(value, store_dir))
        .map(|(field, value)| format!("{path}: {field} names the Nix store: {}", printable(value)))
        .collect()
}

/// Whether `text` names something in the store, not in another place whose name ends like the store's.
fn says(text: &[u8], store_dir: &[u8]) -> bool {
    memmem::find_iter(text, store_dir).any(|at| {
        let before = at.checked_sub(1).and_then(|before| text.get(before));
        let after = text.get(at + store_dir.len());
        !before.is_some_and(|b| b.is_ascii_alphanumeric() || b"._-+}/".contains(b))
            && !after.is_some_and(|b| b.is_ascii_alphanumeric() || b"._-+".contains(b))
    })
}

/// ld.so ignores `$ORIGIN` under AT_SECURE (ld.so(8)), so that the program would not find its libraries.
fn privileged_origin(path: &InstallPath, file: &FileNode, elf: &Elf) -> Option<String> {
    let origin = elf.run_path().filter(|folders| {
        memmem::find(folders, b"$ORIGIN").is_some() || memmem::find(folders, b"${ORIGIN}").is_some()
    })?;
    let how = if file.caps { "has file capabilities" } else { "is setuid or setgid" };
    (elf.class == Class::Program && (file.mode & 0o6000 != 0 || file.caps)).then(|| {
        format!(
            "{path} {how}, so that the loader ignores the $ORIGIN in its run path {}: its run path must be absolute",
            printable(origin)
        )
    })
}

fn check_link(tree: &Tree, path: &InstallPath, target: &[u8], report: &mut Report, gathered: &mut Gathered) {
    let Err(Missing(missing)) = tree.follow(path, target) else { return };
    let line = format!("{path} -> {}", printable(target));
    if is_public(path) {
        if target.starts_with(b"/") && !is_private(&missing) {
            gathered.host_links.push(line);
        } else {
            let remedy =
                if is_private(&missing) { "" } else { "; a link to what the target has is absolute" };
            report.failures.push(format!("{line}: there is no {missing}{remedy}"));
        }
    } else if is_private(&missing) {
        gathered.dangling.push(line);
    }
}

/// Whether a path lies in a folder that by its name is one package's own, such as /usr/lib/jq, /opt/jq, /usr/local/nix:
/// what is missing there, no target will have.
fn is_private(path: &InstallPath) -> bool {
    let mut components = path.components().peekable();
    components.next_if(|name| *name == b"usr");
    components.next_if(|name| *name == b"local");
    let Some(top) = components.next() else { return false };
    match top {
        b"lib" | b"lib32" | b"lib64" | b"libx32" | b"libexec" => {
            const SHARED: [&[u8]; 6] =
                [b"systemd", b"udev", b"firmware", b"modules", b"debug", b"environment.d"];
            let owner = components.next().unwrap_or_default();
            let folder = [b"/lib/", owner].concat();
            !SHARED.contains(&owner) && !abi::is_system_folder(&folder) && components.next().is_some()
        }
        b"opt" => components.nth(1).is_some(),
        b"nix" => true,
        _ => false,
    }
}

impl Gathered {
    fn tell(self, report: &mut Report) {
        let findings = [
            (self.dangling, Finding::warning("dangling-link", "links lead to what is not in the artifact")),
            (
                self.host_links,
                Finding::note("host-link", "links in bin lead to files that the target must have"),
            ),
            (
                self.shebangs,
                Finding::warning("store-shebang", "scripts in bin name an interpreter in the Nix store")
                    .remedy("map the interpreter to the target's, or use layout = \"store\""),
            ),
            (
                self.interpreters,
                Finding::note(
                    "host-interpreter",
                    "scripts in bin are run by interpreters that the target must have",
                )
                .remedy("name their packages (`package.depends`), or let Nix build the interpreters, too"),
            ),
            (
                self.malformed,
                Finding::note("malformed-elf", "files begin as ELF files but cannot be read as such"),
            ),
        ];
        for (subjects, finding) in findings {
            if !subjects.is_empty() {
                report.findings.push(Finding { subjects, ..finding });
            }
        }
    }
}
