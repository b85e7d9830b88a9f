//! References of a relocatable tarball, which lead through a descriptor.

use std::io::{Read, Write};

use explant::config::{Format, Formats};
use explant::elf::Elf;
use explant::payload;
use explant::plan::{Entry, Kind, Plan, Surgery};
use explant::stub::{ANCHOR, Anchor, Table};

use crate::fixture::{Fixture, GLIBC, body, codes};

const APP: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-app-1.0";
const DATA: &str = "0123456789abcdfghijklmnpqrsvwxyz-data-1.0";
const BASH: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-bash-5.2";
/// 44 bytes, as `/nix/store/<hash>-` and `/usr/lib/app/<30 characters>-`.
const ANCHORED: &str = "/proc/self/fd/240/0123456789abcdfghijklmnpq-data-1.0";
const PACKAGED: &str = "/usr/lib/app/0123456789abcdfghijklmnpqrsvwx-data-1.0";
const RELOCATABLE: &str = "[tarball]\nrelocatable = true\n";

/// A program with a path compiled in.
fn compile(f: &mut Fixture, path: &str) {
    f.compile(
        &format!("{APP}/bin/app"),
        &format!(
            "const char *const volatile data = \"/nix/store/{path}\"; int main(void) {{ return !data; }}"
        ),
        &[],
        &[&format!("-Wl,--dynamic-linker=/nix/store/{GLIBC}/lib/ld-linux-x86-64.so.2")],
    );
}

/// A program with data in another store path compiled in, and a text that names it.
fn fixture() -> Fixture {
    let mut f = Fixture::new();
    compile(&mut f, &format!("{DATA}/share/list"));
    f.file(&format!("{DATA}/share/list"), format!("more in /nix/store/{DATA}/share/more"));
    f.file(&format!("{DATA}/share/more"), "more");
    f.result(APP);
    f
}

/// What one format has at a path.
fn of(plan: &Plan, path: &str, format: Format) -> Vec<u8> {
    let is_it = |entry: &&Entry| entry.path.to_string() == path && entry.is_in(format);
    payload::whole(plan.entries.iter().find(is_it).unwrap()).unwrap().unwrap()
}

fn text(plan: &Plan, path: &str, format: Format) -> String {
    String::from_utf8(of(plan, path, format)).unwrap()
}

fn table(bytes: &[u8]) -> Table {
    Table::decode(&Elf::parse(bytes).unwrap().unwrap().stub.unwrap().table).unwrap()
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

#[test]
fn the_tarballs_references_lead_through_the_descriptor_and_the_packages_stay() {
    let f = fixture();
    let (plain, plan) = (f.plan(""), f.plan(RELOCATABLE));
    let list = format!("{PACKAGED}/share/list");
    assert_eq!(text(&plan, &list, Format::Deb), format!("more in {PACKAGED}/share/more"));
    assert_eq!(text(&plan, &list, Format::Tar), format!("more in {ANCHORED}/share/more"));
    for path in ["/usr/bin/app", &list] {
        assert_eq!(body(&plain, path), of(&plan, path, Format::Rpm), "{path}");
    }
    let program = of(&plan, "/usr/bin/app", Format::Tar);
    assert!(has(&program, &format!("{ANCHORED}/share/list\0")) && !has(&program, "/usr/lib/app"));
    assert_eq!(table(&program).anchor, Some(Anchor { descriptor: ANCHOR, folder: b"lib/app".to_vec() }));
    // The name that they lead to.
    let link = "/usr/lib/app/0123456789abcdfghijklmnpq-data-1.0";
    let link = plan.entries.iter().find(|entry| entry.path.to_string() == link).unwrap();
    assert!(
        matches!(&link.kind, Kind::Link { target } if target == b"0123456789abcdfghijklmnpqrsvwx-data-1.0")
    );
    assert_eq!(link.special.formats, Formats::only(Format::Tar));
    assert_eq!(plan.anchor.as_ref().unwrap().to_string(), "/usr/lib/app");
    assert!(!codes(&plan).contains(&"relocatable-absolute-path"));
    assert_eq!(
        text(&plan, "/usr/anchored", Format::Tar),
        format!(
            "/proc/self/fd/240\tlib/app\nbin/app\nlib/app/ld-linux-x86-64.so.2\n{}/share/list\n",
            &PACKAGED["/usr/".len()..]
        )
        .replace(
            "lib/app/ld-linux-x86-64.so.2\n",
            if has_folders(&plan) { "lib/app/ld-linux-x86-64.so.2\n" } else { "" }
        )
    );
}

/// Whether the loader of the machine that made the fixture has folders like Nix's.
fn has_folders(plan: &Plan) -> bool {
    let is_loader = |entry: &&Entry| entry.path.file_name().starts_with(b"ld-linux");
    plan.entries.iter().filter(is_loader).any(|entry| match &entry.kind {
        Kind::File { surgery, .. } => surgery.contains(&Surgery::LoaderFolders),
        _ => false,
    })
}

#[test]
fn a_bundle_that_needs_no_anchor_has_none() {
    let mut f = Fixture::new();
    f.program(&format!("{APP}/bin/app"), &[]);
    f.result(APP);
    let plan = f.plan(RELOCATABLE);
    assert_eq!((table(&of(&plan, "/usr/bin/app", Format::Tar)).anchor, &plan.anchor), (None, &None));
    assert!(!plan.entries.iter().any(|entry| entry.path.to_string() == "/usr/anchored"));
    assert!(!codes(&plan).contains(&"relocatable-absolute-path"));
}

#[test]
fn it_can_be_switched_off() {
    let f = fixture();
    let plan = f.plan(&format!("{RELOCATABLE}anchor = false\n"));
    let program = of(&plan, "/usr/bin/app", Format::Tar);
    assert!(has(&program, PACKAGED) && table(&program).anchor.is_none() && plan.anchor.is_none());
    let told = plan.findings.iter().find(|finding| finding.code == "relocatable-absolute-path").unwrap();
    assert!(told.subjects.contains(&"/usr/bin/app: `tarball.anchor` is off".to_owned()), "{told}");
}

#[test]
fn a_long_lib_dir_leaves_the_same_anchored_names() {
    let f = fixture();
    let plan = f.plan(&format!("[install]\nlib-dir = \"lib/{}\"\n{RELOCATABLE}", "n".repeat(24)));
    assert!(has(&of(&plan, "/usr/bin/app", Format::Tar), &format!("{ANCHORED}/share/list\0")));
    let link = format!("/usr/lib/{}/0123456789abcdfghijklmnpq-data-1.0", "n".repeat(24));
    assert!(plan.entries.iter().any(|entry| entry.path.to_string() == link));
}

#[test]
fn what_is_not_carried_is_nowhere() {
    let f = fixture();
    let gone = "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv-gone-1.0";
    f.file(&format!("{gone}/x"), "");
    f.script(
        &format!("{APP}/bin/script"),
        &format!("#!/bin/sh\n# /nix/store/{gone}/y\ncat /nix/store/{DATA}/share/list\n"),
    );
    let script = text(&f.plan(RELOCATABLE), "/usr/bin/script", Format::Tar);
    assert!(script.contains(&format!("# /proc/self/fd/240/{}-gone-1.0/y", "0".repeat(25))), "{script}");
    assert!(script.contains(&format!("cat {ANCHORED}/share/list")), "{script}");
}

#[test]
fn packed_members_are_anchored_and_not_listed() {
    let f = fixture();
    let reference = format!("in /nix/store/{DATA}/share/list");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(reference.as_bytes()).unwrap();
    f.file(&format!("{APP}/share/app/packed.gz"), gzip.finish().unwrap());
    let plan = f.plan(RELOCATABLE);
    let is_packed = |entry: &&Entry| entry.path.file_name() == b"packed.gz" && entry.is_in(Format::Tar);
    let entry = plan.entries.iter().find(is_packed).unwrap();
    let mut member = String::new();
    let packed = payload::whole(entry).unwrap().unwrap();
    flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut member).unwrap();
    assert_eq!(member, format!("in {ANCHORED}/share/list"));
    assert!(!text(&plan, "/usr/anchored", Format::Tar).contains("packed.gz"));
}

#[test]
fn what_the_targets_programs_read_and_scripts_of_the_bundles_are_told_of() {
    let f = fixture();
    f.program(&format!("{BASH}/bin/bash"), &[]);
    // One in bin would get a launcher.
    f.script(&format!("{APP}/share/app/script"), &format!("#!/nix/store/{BASH}/bin/bash\n"));
    f.file(
        &format!("{APP}/share/applications/app.desktop"),
        format!("[Desktop Entry]\nExec=/nix/store/{APP}/bin/app\nIcon=/nix/store/{DATA}/share/list\n"),
    );
    let plan = f.plan(RELOCATABLE);
    let told = plan.findings.iter().find(|finding| finding.code == "relocatable-absolute-path").unwrap();
    let reasons: Vec<&str> =
        told.subjects.iter().map(|subject| subject.split([':', ',']).nth(1).unwrap()).collect();
    assert_eq!(reasons, [" the target's programs read it"], "{told}");
    let unstarted = plan.findings.iter().find(|finding| finding.code == "relocatable-script").unwrap();
    assert!(unstarted.subjects[0].ends_with("/share/app/script"), "{unstarted}");
    let script = text(&plan, &unstarted.subjects[0], Format::Tar);
    assert!(
        script.starts_with("#!/proc/self/fd/240/bbbbbbbbbbbbbbbbbbbbbbbbb-bash-5.2/bin/bash\n"),
        "{script}"
    );
    let desktop = text(&plan, "/usr/share/applications/app.desktop", Format::Tar);
    assert!(desktop.contains("Exec=/usr/bin/app\n"), "{desktop}");
}

/// One that another script reads stays a script.
#[test]
fn a_script_that_does_not_start_is_told_of_once() {
    let f = fixture();
    f.program(&format!("{BASH}/bin/bash"), &[]);
    f.script(&format!("{APP}/bin/read"), &format!("#!/nix/store/{BASH}/bin/bash\n"));
    f.script(&format!("{APP}/bin/reads"), "#!/bin/sh\n. /usr/bin/read\n");
    let plan = f.plan(RELOCATABLE);
    let told = |code: &str| -> Vec<&String> {
        let findings = plan.findings.iter().filter(|finding| finding.code == code);
        findings
            .flat_map(|finding| &finding.subjects)
            .filter(|subject| subject.contains("bin/read:"))
            .collect()
    };
    assert_eq!(told("no-stub").len(), 1, "{:?}", plan.findings);
    assert_eq!(told("relocatable-absolute-path"), [""; 0]);
}

#[test]
fn configuration_is_the_bundles_own() {
    let mut f = Fixture::new();
    compile(&mut f, &format!("{APP}/etc/app.conf"));
    f.file(&format!("{APP}/etc/app.conf"), format!("run /nix/store/{APP}/bin/app\n"));
    f.result(APP);
    let plan = f.plan(RELOCATABLE);
    let at = "/usr/lib/app/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-app-1.0/etc/app.conf";
    let target = |format: Format| {
        let is_it = |entry: &&Entry| entry.path.to_string() == at && entry.is_in(format);
        match &plan.entries.iter().find(is_it).unwrap().kind {
            Kind::Link { target } => String::from_utf8(target.clone()).unwrap(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(target(Format::Deb), "/etc/app.conf");
    assert_eq!(target(Format::Tar), "../../../../../etc/app.conf");
    assert_eq!(text(&plan, "/etc/app.conf", Format::Deb), "run /usr/bin/app\n");
    let conf = text(&plan, "/etc/app.conf", Format::Tar);
    assert_eq!(conf, "run /proc/self/fd/240/aaaaaaaaaaaaaaaaaaaaaaaaa-app-1.0/bin/app\n");
}

/// In the store layout run paths lead through it, too.
#[test]
fn the_store_layout_is_anchored_whole() {
    let mut f = Fixture::new();
    let library = format!("{DATA}/lib/libdata.so.1");
    f.library(&library, &[]);
    f.program(&format!("{APP}/bin/app"), &[&library]);
    f.result(APP);
    let plan = f.plan(&format!("[install]\nlayout = \"store\"\n{RELOCATABLE}"));
    let program = of(&plan, "/usr/lib/app/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-app-1.0/bin/app", Format::Tar);
    let elf = Elf::parse(&program).unwrap().unwrap();
    let rpath = String::from_utf8(elf.rpath.unwrap()).unwrap();
    assert!(rpath.starts_with("/proc/self/fd/240/0123456789abcdfghijklmnpq-data-1.0/lib:"), "{rpath}");
    assert!(table(&program).loader.starts_with(b"lib/app/gggggggggggggggggggggggggggggg-glibc"));
}
