//! Each thing that stops an artifact from being published.

use super::workshop::{Workshop, library, program, specimen};
use super::{check_root, failure, stranger};
use crate::check::{Policy, check};
use crate::elf::{Elf, Operation, patched};
use crate::stub::{ANCHOR, Anchor, Change, Root, Table, launcher, stub};

fn with_baseline(workshop: &Workshop, baseline: &[&str]) -> Vec<String> {
    let baseline = Some(baseline.iter().map(|glob| (*glob).to_owned()).collect());
    check(&workshop.root(), &Policy { baseline, ..stranger() }).unwrap().failures
}

#[test]
fn a_missing_library_names_program_soname_and_folders() {
    let workshop = Workshop::closed();
    workshop.remove("usr/lib/app/libfoo.so");
    let failure = failure(&workshop);
    assert!(failure.starts_with("/usr/bin/app needs libfoo.so, which is not in the artifact"), "{failure}");
    assert!(failure.contains("/usr/bin/../lib/app"), "{failure}");
}

#[test]
fn a_missing_library_of_a_library_names_both() {
    let workshop = Workshop::closed();
    workshop.file("usr/bin/further", 0o755, &specimen().program);
    workshop.remove("usr/lib/app/libc.so.6");
    let failures = check_root(&workshop).failures.join("\n");
    assert!(
        failures.contains("/usr/lib/app/libfoo.so, loaded by /usr/bin/app, needs libc.so.6"),
        "{failures}"
    );
    assert!(failures.contains("(1 more programs lack it too)"), "{failures}");
}

#[test]
fn a_baseline_library_may_be_missing() {
    let workshop = Workshop::closed();
    workshop.remove("usr/lib/app/libfoo.so");
    assert_eq!(with_baseline(&workshop, &["libfoo*"]), [""; 0]);
    assert_eq!(with_baseline(&workshop, &["libbar*"]).len(), 1);
}

#[test]
fn the_baseline_never_gives_a_bundled_loader_its_c_library() {
    let workshop = Workshop::closed();
    workshop.remove("usr/lib/app/libc.so.6");
    assert!(!with_baseline(&workshop, &["*"]).is_empty());
}

#[test]
fn system_folders_in_a_run_path_are_the_targets() {
    let workshop = Workshop::closed();
    workshop.remove("usr/lib/app/libfoo.so");
    let rpath = "-Wl,-rpath,$ORIGIN/../lib/app:/usr/lib/x86_64-linux-gnu:/usr/lib64";
    workshop.file("usr/bin/app", 0o755, &program(&[rpath], "/usr/lib/app/ld.so"));
    assert!(check_root(&workshop).is_closed());
    assert_eq!(with_baseline(&workshop, &[]).len(), 1);
}

#[test]
fn the_interpreter_must_be_there_executable_and_a_loader() {
    let workshop = Workshop::closed();
    workshop.file("usr/lib/app/ld.so", 0o644, &specimen().loader);
    assert!(failure(&workshop).contains("its interpreter /usr/lib/app/ld.so is not executable (mode 0644)"));
    workshop.file("usr/lib/app/ld.so", 0o755, b"#!/bin/sh\n");
    assert!(failure(&workshop).contains("is no ELF file"));
    workshop.remove("usr/lib/app/ld.so");
    assert!(
        failure(&workshop)
            .contains("/usr/bin/app: its interpreter /usr/lib/app/ld.so is not in the artifact")
    );
}

#[test]
fn an_interpreter_of_another_processor_is_none() {
    let workshop = Workshop::closed();
    let mut loader = specimen().loader.clone();
    // e_machine
    loader[18..20].copy_from_slice(&243u16.to_le_bytes());
    workshop.file("usr/lib/app/ld.so", 0o755, &loader);
    assert!(failure(&workshop).contains("is built for another processor"));
}

#[test]
fn a_program_on_the_targets_glibc_leaves_all_of_it_to_the_target() {
    let workshop = Workshop::closed();
    let options = ["-Wl,-rpath,$ORIGIN/../lib/app"];
    workshop.file("usr/bin/app", 0o755, &program(&options, &specimen().own_loader));
    workshop.remove("usr/lib/app/ld.so");
    let failure = failure(&workshop);
    assert!(failure.contains("would load /usr/lib/app/libc.so.6"), "{failure}");
    workshop.remove("usr/lib/app/libc.so.6");
    assert!(check_root(&workshop).is_closed());
    workshop.remove("usr/lib/app/libfoo.so");
    assert_eq!(check_root(&workshop).failures.len(), 1);
}

#[test]
fn programs_behind_links_in_bin_are_public() {
    let workshop = Workshop::closed();
    let options = ["-Wl,-rpath,$ORIGIN/../gone"];
    workshop.file("usr/lib/app/real/app", 0o755, &program(&options, "/usr/lib/app/ld.so"));
    assert!(check_root(&workshop).is_closed());
    workshop.link("usr/bin/linked", "../lib/app/real/app");
    let failures = check_root(&workshop).failures.join("\n");
    assert!(failures.contains("/usr/lib/app/real/app needs libfoo.so"), "{failures}");
}

#[test]
fn links_are_followed_below_the_artifact() {
    let workshop = Workshop::closed();
    workshop.file("usr/lib/app/real/libfoo.so.1", 0o644, &specimen().library);
    workshop.remove("usr/lib/app/libfoo.so");
    workshop.link("usr/lib/app/libfoo.so", "/usr/lib/app/folder/libfoo.so.1");
    workshop.link("usr/lib/app/folder", "real");
    assert!(check_root(&workshop).is_closed());
    workshop.remove("usr/lib/app/folder");
    workshop.link("usr/lib/app/folder", "folder");
    assert!(!check_root(&workshop).is_closed());
}

#[test]
fn no_header_field_names_the_store() {
    let store = "/nix/store/00000000000000000000000000000000-x";
    let workshop = Workshop::closed();
    let rpath = format!("-Wl,-rpath,$ORIGIN/../lib/app:{store}/lib");
    workshop.file("usr/bin/app", 0o755, &program(&[&rpath], "/usr/lib/app/ld.so"));
    let soname = format!("-Wl,-soname,{store}/libfoo.so");
    workshop.file("usr/share/test-data.so", 0o644, &library(&[&soname]));
    let failures = check_root(&workshop).failures;
    assert_eq!(failures.len(), 2, "{failures:?}");
    assert!(failures[0].contains("/usr/bin/app: DT_RPATH names the Nix store"), "{failures:?}");
    assert!(failures[1].contains("/usr/share/test-data.so: DT_SONAME names the Nix store"), "{failures:?}");
}

#[test]
fn nothing_is_installed_below_nix() {
    let workshop = Workshop::closed();
    workshop.file("nix/x", 0o644, b"");
    let failures = check_root(&workshop).failures;
    assert_eq!(failures.len(), 2, "{failures:?}");
    let workshop = Workshop::closed();
    workshop.file("usr/local/nix/lib/x", 0o644, b"");
    assert!(check_root(&workshop).is_closed());
}

#[test]
fn dangling_links_in_bin() {
    let workshop = Workshop::closed();
    workshop.link("usr/bin/x", "../lib/app/gone");
    assert!(failure(&workshop).contains("/usr/bin/x -> ../lib/app/gone: there is no /usr/lib/app/gone"));
}

#[test]
fn what_everybody_can_write_to() {
    let workshop = Workshop::closed();
    workshop.file("usr/lib/app/data", 0o666, b"");
    assert!(failure(&workshop).contains("/usr/lib/app/data can be written to by every user (mode 0666)"));
    workshop.remove("usr/lib/app/data");
    workshop.folder("usr/lib/app/sticky", 0o1777);
    assert!(check_root(&workshop).is_closed());
    workshop.folder("usr/lib/app/open", 0o777);
    assert!(failure(&workshop).contains("/usr/lib/app/open"));
}

#[test]
fn setuid_and_origin_do_not_go_together() {
    let workshop = Workshop::closed();
    workshop.file("usr/bin/app", 0o4755, &specimen().program);
    assert!(
        failure(&workshop)
            .contains("/usr/bin/app is setuid or setgid, so that the loader ignores the $ORIGIN")
    );
    workshop.file("usr/bin/app", 0o4755, &program(&["-Wl,-rpath,/usr/lib/app"], "/usr/lib/app/ld.so"));
    assert!(check_root(&workshop).is_closed());
}

#[test]
fn a_broken_elf_file_in_bin() {
    let workshop = Workshop::closed();
    workshop.file("usr/bin/broken", 0o755, &specimen().program[..40]);
    assert!(failure(&workshop).contains("/usr/bin/broken is no ELF file that can be run"));
}

/// The specimen's program, with a stub that opens `folder` below its root.
fn anchored(folder: &str) -> Vec<u8> {
    let bytes = &specimen().program;
    let elf = Elf::parse(bytes).unwrap().unwrap();
    let anchor = Some(Anchor { descriptor: ANCHOR, folder: folder.into() });
    let table =
        Table { root: Root::Above(1), loader: b"lib/app/ld.so".to_vec(), anchor, changes: Vec::new() };
    let operation = Operation { stub: Some(stub(elf.abi, &table).unwrap()), ..Operation::default() };
    patched(bytes, &elf.operate(bytes, &operation).unwrap())
}

#[test]
fn what_is_named_through_a_descriptor_must_be_there() {
    let workshop = Workshop::closed();
    workshop.file("usr/bin/app", 0o755, &anchored("lib/app"));
    let named = "/proc/self/fd/240/0123456789abcdfgh0123456-data-1/x";
    workshop.file(
        "usr/lib/app/script",
        0o644,
        format!("#!/bin/sh\n# {}\ncat {named}\n", "x".repeat(9000)).as_bytes(),
    );
    let told = failure(&workshop);
    assert!(
        told.starts_with("/usr/lib/app/script names /proc/self/fd/240/0123456789abcdfgh0123456-"),
        "{told}"
    );
    workshop.file("usr/lib/app/0123456789abcdfgh-data-1/x", 0o644, b"");
    workshop.link("usr/lib/app/0123456789abcdfgh0123456-data-1", "0123456789abcdfgh-data-1");
    assert!(check_root(&workshop).is_closed());
    workshop.file("usr/bin/app", 0o755, &anchored("lib/none"));
    assert!(failure(&workshop).contains("/usr/lib/none as descriptor 240, which holds nothing"));
}

#[test]
fn programs_of_two_bundles_are_told_apart() {
    let workshop = Workshop::closed();
    workshop.file("usr/bin/app", 0o755, &anchored("lib/app"));
    workshop.file("usr/bin/other", 0o755, &anchored("lib"));
    assert!(failure(&workshop).contains("different folders as descriptor 240: /usr/lib, /usr/lib/app"));
}

/// A launcher of the specimen's program, and what else it says.
fn launcher_of(program: &str, changes: Vec<Change>) -> Vec<u8> {
    let abi = Elf::parse(&specimen().program).unwrap().unwrap().abi;
    let table = Table { root: Root::Above(1), loader: program.into(), anchor: None, changes };
    launcher(abi, &table).unwrap()
}

#[test]
fn a_launcher_leads_to_a_program_and_its_script() {
    let workshop = Workshop::closed();
    let given = |text: &str| vec![Change::Argument(b"-e".into()), Change::Argument(text.into())];
    workshop.file("usr/bin/run", 0o755, &launcher_of("bin/app", given("${root}/.bin/run")));
    assert_eq!(
        failure(&workshop),
        "/usr/bin/run gives /usr/bin/app the script /usr/.bin/run, which is not there"
    );
    workshop.file("usr/.bin/run", 0o644, b"");
    // What else a launcher hands on may be made later.
    workshop.file("usr/bin/more", 0o755, &launcher_of("bin/app", given("${root}/share/none")));
    let report = check_root(&workshop);
    assert!(report.is_closed() && report.findings.is_empty(), "{report:?}");
    assert_eq!(report.programs, 3);
    for (program, why) in [
        ("bin/none", "is not in the artifact"),
        ("lib/app", "is no program"),
        (".bin/run", "is not executable (mode 0644)"),
    ] {
        workshop.file("usr/bin/more", 0o755, &launcher_of(program, Vec::new()));
        assert_eq!(failure(&workshop), format!("/usr/bin/more starts /usr/{program}, which {why}"));
    }
    // A store path's own, behind a link in bin.
    let carried = "lib/app/0123456789abcdfgh-more-1/bin/more";
    workshop.remove("usr/bin/more");
    workshop.file(&format!("usr/{carried}"), 0o755, &launcher_of("bin/none", Vec::new()));
    workshop.link("usr/bin/more", &format!("../{carried}"));
    assert!(failure(&workshop).starts_with(&format!("/usr/{carried} starts ")));
    workshop.remove("usr/bin/more");
    workshop.remove(&format!("usr/{carried}"));
    workshop.file("usr/lib/app/more", 0o755, &launcher_of("bin/app", Vec::new()));
    let report = check_root(&workshop);
    let told = &report.findings[0];
    assert!(report.is_closed() && told.code == "missing-program", "{report:?}");
    assert!(told.subjects[0].starts_with("/usr/lib/app/more starts /usr/lib/bin/app"), "{told}");
}

/// What a public launcher starts must find its libraries, wherever it lies.
#[test]
fn a_launched_program_is_public() {
    let workshop = Workshop::closed();
    workshop.file("usr/lib/tool/app", 0o755, &specimen().program);
    assert!(check_root(&workshop).is_closed());
    workshop.file("usr/bin/start", 0o755, &launcher_of("lib/tool/app", Vec::new()));
    let failures = check_root(&workshop).failures;
    assert!(
        failures.iter().any(|told| told.starts_with("/usr/lib/tool/app needs libfoo.so")),
        "{failures:?}"
    );
}

/// Launchers open the descriptor as stubs do.
#[test]
fn a_launchers_descriptor_leads_somewhere() {
    let workshop = Workshop::closed();
    let abi = Elf::parse(&specimen().program).unwrap().unwrap().abi;
    let anchor = Some(Anchor { descriptor: ANCHOR, folder: b"lib/none".to_vec() });
    let table = Table { root: Root::Above(1), loader: b"bin/app".to_vec(), anchor, changes: Vec::new() };
    workshop.file("usr/bin/start", 0o755, &launcher(abi, &table).unwrap());
    assert!(failure(&workshop).contains("/usr/lib/none as descriptor 240, which holds nothing"));
}
