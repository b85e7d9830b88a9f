//! The store layout.

use std::io::{Cursor, Read, Write};

use crate::fixture::{Fixture, GLIBC, body, codes, entry, lines, parsed, surgery};
use explant::config::Format;
use explant::payload;
use explant::plan::{Kind, Plan, Surgery};

const APP: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-app-1.0";
const LIB: &str = "11111111111111111111111111111111-lib-1.0";
const DEV: &str = "dddddddddddddddddddddddddddddddd-lib-1.0-dev";
const STORE: &str = "[install]\nlayout = \"store\"\n";

#[test]
fn the_closure_moves_and_every_reference_with_it() {
    let mut f = Fixture::new();
    f.script(
        &format!("{APP}/bin/app"),
        &format!("#!/nix/store/{LIB}/bin/sh\nexec /nix/store/{LIB}/libexec/x\n"),
    );
    f.script(&format!("{LIB}/bin/sh"), "").script(&format!("{LIB}/libexec/x"), "");
    f.link(&format!("{APP}/share"), &format!("/nix/store/{LIB}/share")).file(&format!("{LIB}/share/x"), "");
    f.link(&format!("{APP}/up"), &format!("../{LIB}/share/x"));
    let plan = f.result(APP).plan(STORE);
    let (app, lib) = (
        "/usr/lib/app/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-app-1.0",
        "/usr/lib/app/111111111111111111111111111111-lib-1.0",
    );
    assert_eq!(
        lines(&plan),
        [
            "/usr/bin/app -> ../lib/app/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-app-1.0/bin/app".to_owned(),
            format!("{lib}/bin/sh = lib-1.0/bin/sh"),
            format!("{lib}/libexec/x = lib-1.0/libexec/x"),
            format!("{lib}/share/x = lib-1.0/share/x"),
            format!("{app}/bin/app = app-1.0/bin/app"),
            format!("{app}/share -> {lib}/share"),
            format!("{app}/up -> ../111111111111111111111111111111-lib-1.0/share/x"),
        ]
    );
    assert_eq!(
        body(&plan, &format!("{app}/bin/app")),
        format!("#!{lib}/bin/sh\nexec {lib}/libexec/x\n").into_bytes()
    );
    assert!(codes(&plan).is_empty(), "{:?}", plan.findings);
}

#[test]
fn what_nothing_names_any_more_is_gone() {
    let mut f = Fixture::new();
    f.script(&format!("{APP}/bin/app"), &format!("/nix/store/{LIB}/share/x"));
    f.file(&format!("{LIB}/share/x"), "").file(&format!("{LIB}/share/man/man1/lib.1"), "");
    // Only a pkg-config file, which is left out, names it.
    f.file(&format!("{LIB}/lib/pkgconfig/x.pc"), format!("/nix/store/{DEV}"))
        .file(&format!("{DEV}/include/x.h"), "");
    f.file(&format!("{DEV}/share/licenses/COPYING"), "");
    let plan = f.result(APP).plan(STORE);
    // But a text of licence that it has is lib's.
    assert_eq!(lines(&plan).len(), 4, "{:?}", lines(&plan));
}

#[test]
fn public_files_lie_in_prefix_and_their_old_places_lead_there() {
    let mut f = Fixture::new();
    f.script(&format!("{APP}/bin/app"), "")
        .file(&format!("{APP}/etc/app.conf"), format!("/nix/store/{APP}/bin"));
    f.link(&format!("{APP}/share/man/man1/app.1"), &format!("/nix/store/{LIB}/share/man/man1/app.1"));
    f.file(&format!("{LIB}/share/man/man1/app.1"), "");
    let plan = f.result(APP).plan(STORE);
    let place = "/usr/lib/app/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-app-1.0";
    assert_eq!(
        lines(&plan),
        [
            "/etc/app.conf = app-1.0/etc/app.conf".to_owned(),
            "/usr/bin/app -> ../lib/app/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-app-1.0/bin/app".to_owned(),
            format!("{place}/bin/app = app-1.0/bin/app"),
            format!("{place}/etc/app.conf -> /etc/app.conf"),
            format!("{place}/share/man/man1/app.1.gz -> ../../../../../../share/man/man1/app.1.gz"),
            "/usr/share/man/man1/app.1.gz = lib-1.0/share/man/man1/app.1".to_owned(),
        ]
    );
    assert_eq!(body(&plan, "/etc/app.conf"), format!("{place}/bin").into_bytes());
}

#[test]
fn run_paths_keep_their_folders_and_turn_their_tag() {
    let mut f = Fixture::new();
    let library = format!("{LIB}/lib/liblib.so.1");
    f.library(&library, &[]).program(&format!("{APP}/bin/app"), &[&library]);
    let plan = f.result(APP).plan(STORE);
    let program = "/usr/lib/app/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-app-1.0/bin/app";
    let elf = parsed(&plan, program);
    let folders = "/usr/lib/app/111111111111111111111111111111-lib-1.0/lib:/usr/lib/app/gggggggggggggggggggggggggggggg-glibc-2.36/lib";
    assert_eq!(elf.rpath.as_deref(), Some(folders.as_bytes()));
    assert_eq!(elf.runpath, None);
    assert_eq!(
        elf.interpreter.as_deref(),
        Some(b"/usr/lib/app/gggggggggggggggggggggggggggggg-glibc-2.36/lib/ld-linux-x86-64.so.2".as_slice())
    );
    assert!(matches!(
        surgery(&plan, program),
        [Surgery::RunPath { runpath: false, .. }, Surgery::References(_)]
    ));
}

#[test]
fn a_program_without_a_run_path_gets_its_loaders_folder() {
    let mut f = Fixture::new();
    // A needed entry that is a path is a reference in the string table, which moves.
    let soname = format!("-Wl,-soname,/nix/store/{LIB}/lib/liblib.so.1");
    let library = format!("{LIB}/lib/liblib.so.1");
    f.with_run_path(&library, None, &[], &["-shared", "-fPIC", &soname]);
    let loader = format!("-Wl,--dynamic-linker=/nix/store/{GLIBC}/lib/ld-linux-x86-64.so.2");
    f.with_run_path(&format!("{APP}/bin/app"), None, &[&library], &[&loader]);
    let plan = f.result(APP).plan(STORE);
    let program = "/usr/lib/app/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-app-1.0/bin/app";
    let elf = parsed(&plan, program);
    let glibc = "/usr/lib/app/gggggggggggggggggggggggggggggg-glibc-2.36/lib";
    assert_eq!((elf.rpath.as_deref(), elf.runpath), (Some(glibc.as_bytes()), None));
    assert_eq!(elf.interpreter.as_deref(), Some(format!("{glibc}/ld-linux-x86-64.so.2").as_bytes()));
    assert_eq!(elf.needed[0], b"/usr/lib/app/111111111111111111111111111111-lib-1.0/lib/liblib.so.1");
    assert!(matches!(entry(&plan, program).kind, Kind::File { grown: 1.., .. }));
    let body = body(&plan, program);
    assert!(!body.windows(11).any(|window| window == b"/nix/store/"), "a reference is left");
}

#[test]
fn folders_that_are_not_shipped_go_from_run_paths() {
    let mut f = Fixture::new();
    let library = format!("{LIB}/lib/liblib.so.1");
    f.library(&library, &[]);
    let loader = format!("-Wl,--dynamic-linker=/nix/store/{GLIBC}/lib/ld-linux-x86-64.so.2");
    let folders = format!("/nix/store/{DEV}/lib:/nix/store/{LIB}/lib");
    f.with_run_path(&format!("{APP}/bin/app"), Some(&folders), &[&library], &[&loader]);
    let plan = f.result(APP).plan(STORE);
    let elf = parsed(&plan, "/usr/lib/app/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-app-1.0/bin/app");
    let rest = b"/usr/lib/app/111111111111111111111111111111-lib-1.0/lib";
    assert_eq!(elf.rpath.as_deref(), Some(rest.as_slice()));
}

#[test]
fn bytecode_stays_valid_by_time_and_by_hash() {
    let mut f = Fixture::new();
    let source = format!("PATH = '/nix/store/{LIB}/share'\n");
    f.file(&format!("{LIB}/share/x"), "").script(&format!("{APP}/bin/app"), "");
    for mode in ["TIMESTAMP", "CHECKED_HASH", "UNCHECKED_HASH"] {
        let path = format!("{APP}/lib/{}.py", mode.to_lowercase());
        f.file(&path, &source);
        let compile = format!(
            "import py_compile as p, sys; p.compile(sys.argv[1], invalidation_mode=p.PycInvalidationMode.{mode})"
        );
        let python =
            std::process::Command::new("python3").args(["-c", &compile]).arg(f.disk(&path)).status().unwrap();
        assert!(python.success());
    }
    f.result(APP);
    let packaged = "/usr/lib/app/111111111111111111111111111111-lib-1.0/share";
    takes_the_bytecode(&f.plan(STORE), Format::Deb, packaged);
    // References are others in a tarball that runs from any folder.
    let plan = f.plan(&format!("{STORE}[tarball]\nrelocatable = true\n"));
    takes_the_bytecode(&plan, Format::Deb, packaged);
    takes_the_bytecode(&plan, Format::Tar, "/proc/self/fd/240/1111111111111111111111111-lib-1.0/share");
    let listed = String::from_utf8(body(&plan, "/usr/anchored")).unwrap();
    assert!(listed.contains("/timestamp.py\n") && !listed.contains("/checked_hash.py\n"), "{listed}");
}

/// Python takes the compiled files that a format has.
fn takes_the_bytecode(plan: &Plan, format: Format, says: &str) {
    let tree = tempfile::tempdir().unwrap();
    for entry in
        plan.entries.iter().filter(|entry| entry.is_in(format) && matches!(entry.kind, Kind::File { .. }))
    {
        let path = tree.path().join(String::from_utf8_lossy(entry.path.relative()).as_ref());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, payload::whole(entry).unwrap().unwrap()).unwrap();
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(plan.mtime.into());
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    }
    let modules = tree.path().join("usr/lib/app/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-app-1.0/lib");
    // Python says in so many words whether it takes the bytecode or compiles again.
    let done = std::process::Command::new("python3")
        .args(["-v", "-c", "import timestamp, checked_hash, unchecked_hash; print(timestamp.PATH)"])
        .env("PYTHONPATH", &modules)
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&done.stderr);
    for module in ["timestamp", "checked_hash", "unchecked_hash"] {
        assert!(
            log.contains(&format!("{module}.cpython"))
                && log.lines().any(|l| l.contains("matches") && l.contains(&format!("{module}.py"))),
            "{module}: {log}"
        );
    }
    assert_eq!(String::from_utf8_lossy(&done.stdout).trim(), says);
}

#[test]
fn references_in_packed_files_and_in_utf_16_are_rewritten() {
    let mut f = Fixture::new();
    let name = format!("/nix/store/{LIB}/share/x");
    f.script(&format!("{APP}/bin/app"), "").file(&format!("{LIB}/share/x"), "");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(name.as_bytes()).unwrap();
    f.file(&format!("{APP}/share/app/packed.gz"), gzip.finish().unwrap());
    f.file(&format!("{APP}/share/app/wide"), wide(&name));
    for member in ["x", "META-INF/X.SF"] {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file(member, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(name.as_bytes()).unwrap();
        f.file(&format!("{APP}/share/app/{}.jar", member.len()), zip.finish().unwrap().into_inner());
    }
    // Nix sees it here, in a pkg-config file, which is left out: it is there because the others name it.
    f.file(&format!("{APP}/lib/pkgconfig/x.pc"), &name);
    let plan = f.result(APP).plan(STORE);
    let (app, lib) = (
        "/usr/lib/app/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-app-1.0/share/app",
        "/usr/lib/app/111111111111111111111111111111-lib-1.0",
    );
    let place = format!("{lib}/share/x");
    entry(&plan, &place);
    let mut text = String::new();
    flate2::read::GzDecoder::new(&body(&plan, &format!("{app}/packed.gz"))[..])
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, place);
    assert_eq!(surgery(&plan, &format!("{app}/packed.gz")), [Surgery::Members(1)]);
    assert_eq!(body(&plan, &format!("{app}/wide")), wide(&place));
    let mut jar = zip::ZipArchive::new(Cursor::new(body(&plan, &format!("{app}/1.jar")))).unwrap();
    text.clear();
    jar.by_index(0).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, place);
    // A signature covers the other.
    let finding = plan.findings.iter().find(|finding| finding.code == "store-reference").unwrap();
    assert_eq!(finding.subjects, [format!("/nix/store/{LIB} (in {app}/13.jar)")]);
    assert!(surgery(&plan, &format!("{app}/13.jar")).is_empty());
}

fn wide(text: &str) -> Vec<u8> {
    text.bytes().flat_map(|byte| [byte, 0]).collect()
}

#[test]
fn links_of_the_closure_that_lead_nowhere_are_left_out() {
    let mut f = Fixture::new();
    f.script(&format!("{APP}/bin/app"), &format!("/nix/store/{LIB}"));
    f.link(&format!("{LIB}/gone"), "nowhere").link(&format!("{LIB}/dev"), "include/x.h");
    f.file(&format!("{LIB}/include/x.h"), "")
        .file(&format!("{LIB}/x"), "")
        .link(&format!("{LIB}/mtab"), "/proc/mounts");
    let plan = f.result(APP).plan(STORE);
    let links: Vec<String> =
        lines(&plan).into_iter().filter(|line| line.contains("lib-1.0") && line.contains("->")).collect();
    assert_eq!(links, ["/usr/lib/app/111111111111111111111111111111-lib-1.0/mtab -> /proc/mounts"]);
    assert_eq!(codes(&plan), ["dangling-link", "link-leaves-store"]);
}
