use super::*;
use std::path::PathBuf;

/// The ELF files that this machine's own programs and libraries are.
pub(crate) fn system_files() -> Vec<PathBuf> {
    let folders = [
        "/usr/bin",
        "/usr/sbin",
        "/usr/lib/x86_64-linux-gnu",
        "/lib/x86_64-linux-gnu",
        "/usr/lib64",
        "/usr/lib",
    ];
    let mut files: Vec<PathBuf> = folders
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .filter_map(|entry| std::fs::canonicalize(entry.ok()?.path()).ok())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files.dedup();
    files
}

/// goblin's own reading of the same files, which goes by other ways (it counts verneed, say), is the witness.
#[test]
fn reads_what_goblin_reads_of_every_file_of_the_system() {
    let mut seen = 0;
    for path in system_files() {
        let bytes = std::fs::read(&path).unwrap_or_default();
        let Some(elf) = Elf::parse(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        else {
            continue;
        };
        let witness = goblin::elf::Elf::parse(&bytes).unwrap();
        let show = path.display();
        if elf.class == Class::Other {
            continue;
        }
        seen += 1;
        let text =
            |bytes: &Option<Vec<u8>>| bytes.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        assert_eq!(text(&elf.interpreter).as_deref(), witness.interpreter, "{show}");
        assert_eq!(text(&elf.soname).as_deref(), witness.soname, "{show}");
        assert_eq!(
            elf.needed,
            witness.libraries.iter().map(|name| name.as_bytes()).collect::<Vec<_>>(),
            "{show}"
        );
        assert_eq!(text(&elf.runpath).into_iter().collect::<Vec<_>>(), witness.runpaths, "{show}");
        assert_eq!(text(&elf.rpath).into_iter().collect::<Vec<_>>(), witness.rpaths, "{show}");
        let versions = elf.versions_needed.iter().map(|need| need.versions.len()).sum::<usize>();
        let counted: usize =
            witness.verneed.iter().flat_map(|section| section.iter()).map(|need| need.iter().count()).sum();
        assert_eq!(versions, counted, "{show}");
    }
    assert!(seen > 100, "{seen}");
}
