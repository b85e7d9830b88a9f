//! What is worth knowing, but stops nothing.

use super::check_root;
use super::workshop::{Workshop, library, program, specimen};
use crate::finding::Finding;

/// The only finding there is, and no failure.
fn finding(workshop: &Workshop) -> Finding {
    let report = check_root(workshop);
    assert!(report.is_closed() && report.findings.len() == 1, "{report:?}");
    report.findings[0].clone()
}

/// Needs libfoo.so.
fn plugin(options: &[&str]) -> Vec<u8> {
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::write(folder.path().join("libfoo.so"), library(&[])).unwrap();
    let search = format!("-L{}", folder.path().display());
    library(&[&[&search, "-Wl,--no-as-needed", "-lfoo", "-Wl,-soname,plugin.so"], options].concat())
}

#[test]
fn a_program_elsewhere_that_lacks_a_library() {
    let workshop = Workshop::closed();
    workshop.file("usr/share/tests/app", 0o755, &specimen().program);
    let finding = finding(&workshop);
    assert_eq!(finding.code, "missing-library");
    assert!(finding.subjects[1].starts_with("/usr/share/tests/app needs libfoo.so; looked in "), "{finding}");
}

#[test]
fn a_program_elsewhere_that_lacks_its_interpreter() {
    let workshop = Workshop::closed();
    workshop.file("usr/lib/app/tests/app", 0o755, &program(&["-Wl,-rpath,$ORIGIN/.."], "/gone/ld.so"));
    let report = check_root(&workshop);
    assert!(report.is_closed(), "{report:?}");
    assert_eq!(report.findings[0].code, "missing-interpreter");
}

#[test]
fn many_lacks_are_one_finding() {
    let workshop = Workshop::closed();
    for name in ["a", "b", "c"] {
        workshop.file(&format!("usr/share/tests/{name}"), 0o755, &specimen().program);
    }
    assert_eq!(finding(&workshop).subjects.len(), 6, "libfoo.so and libc.so.6 each");
}

#[test]
fn plugins_find_what_a_program_has_loaded_or_leads_to() {
    let workshop = Workshop::closed();
    // Loaded by the program.
    workshop.file("usr/lib/app/plugins/a.so", 0o644, &plugin(&[]));
    assert!(check_root(&workshop).findings.is_empty());
    // In the program's DT_RPATH, but not loaded by it.
    let only = library(&["-Wl,-soname,libonly.so"]);
    workshop.file("usr/lib/app/libonly.so", 0o644, &only);
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::write(folder.path().join("libonly.so"), only).unwrap();
    let search = format!("-L{}", folder.path().display());
    let needs_only = library(&[&search, "-Wl,--no-as-needed", "-lonly", "-Wl,-soname,plugin.so"]);
    workshop.file("usr/lib/app/plugins/b.so", 0o644, &needs_only);
    assert!(check_root(&workshop).findings.is_empty());
    workshop.remove("usr/lib/app/libonly.so");
    let finding = finding(&workshop);
    assert!(finding.subjects[0].starts_with("/usr/lib/app/plugins/b.so needs libonly.so"), "{finding}");
}

#[test]
fn plugins_whose_library_is_loaded_by_path() {
    let workshop = Workshop::closed();
    // As Java's libraries need lib/server/libjvm.so.
    workshop.file("usr/lib/app/plugins/a.so", 0o644, &plugin(&[]));
    workshop.file("usr/lib/app/server/libfoo.so", 0o644, &specimen().library);
    workshop.remove("usr/lib/app/libfoo.so");
    workshop.file("usr/bin/app", 0o755, b"");
    let report = check_root(&workshop);
    let elsewhere = report.findings.iter().find(|finding| finding.code == "library-elsewhere").unwrap();
    assert!(elsewhere.subjects.contains(&"/usr/lib/app/plugins/a.so needs libfoo.so".into()), "{report:?}");
}

#[test]
fn links_that_lead_nowhere_or_to_the_target() {
    let workshop = Workshop::closed();
    workshop.link("usr/lib/app/gone", "./not-there");
    workshop.link("usr/lib/app/certificates", "/etc/ssl/certs");
    let dangling = finding(&workshop);
    assert_eq!((dangling.code, dangling.subjects.len()), ("dangling-link", 1));
    workshop.remove("usr/lib/app/gone");
    assert!(check_root(&workshop).findings.is_empty());
    workshop.link("usr/bin/sh", "/bin/dash");
    assert_eq!(finding(&workshop).code, "host-link");
}

#[test]
fn scripts_that_name_an_interpreter_in_the_store() {
    let workshop = Workshop::closed();
    let script = b"#! /nix/store/00000000000000000000000000000000-bash/bin/bash -e\n";
    workshop.file("usr/bin/script", 0o755, script);
    let finding = finding(&workshop);
    assert_eq!(finding.code, "store-shebang");
    assert!(finding.subjects[0].starts_with("/usr/bin/script: #!/nix/store/"), "{finding}");
}

#[test]
fn scripts_whose_interpreter_the_target_must_have() {
    let workshop = Workshop::closed();
    for (name, line) in
        [("a", "/bin/sh -e"), ("b", "/usr/bin/env sh"), ("c", "/usr/bin/app"), ("d", "/usr/bin/env app")]
    {
        workshop.file(&format!("usr/bin/{name}"), 0o755, format!("#!{line}\n").as_bytes());
    }
    assert!(check_root(&workshop).findings.is_empty());
    workshop.file("usr/bin/e", 0o755, b"#!/usr/bin/python3 -s\n");
    workshop.file("usr/bin/f", 0o755, b"#!/usr/bin/env -S A=1 node --no-warnings\n");
    let finding = finding(&workshop);
    assert_eq!(
        (finding.code, &finding.subjects[..]),
        ("host-interpreter", &["/usr/bin/e: /usr/bin/python3".into(), "/usr/bin/f: node".into()][..])
    );
}

#[test]
fn broken_elf_files_elsewhere() {
    let workshop = Workshop::closed();
    workshop.file("usr/share/tests/broken", 0o644, &specimen().library[..100]);
    assert_eq!(finding(&workshop).code, "malformed-elf");
}
