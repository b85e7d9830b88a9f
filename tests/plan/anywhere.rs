//! Programs that begin in a stub: in tarballs that run from any folder, and wherever they have an environment.

use explant::config::{Format, Formats};
use explant::elf::Elf;
use explant::payload;
use explant::plan::{Entry, Kind, Plan, Role, Severity};
use explant::stub::{Change, Root, Table, launched};

use crate::fixture::{Fixture, GLIBC, body, codes};

const APP: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-app-1.0";

/// A program in bin, one in libexec that stays with its data, a script.
fn fixture() -> Fixture {
    let mut f = Fixture::new();
    f.library(&format!("{APP}/lib/libapp.so.1"), &[]);
    f.program(&format!("{APP}/bin/app"), &[&format!("{APP}/lib/libapp.so.1")]);
    f.script(&format!("{APP}/bin/script"), "#!/bin/sh\nexit 0\n");
    f.result(APP);
    f
}

/// The program at a path as one format has it.
fn program(plan: &Plan, path: &str, format: Format) -> (Elf, Option<Table>) {
    let is_it = |entry: &&Entry| entry.path.to_string() == path && entry.is_in(format);
    let entry = plan.entries.iter().find(is_it).unwrap();
    let elf = Elf::parse(&payload::whole(entry).unwrap().unwrap()).unwrap().unwrap();
    let table = elf.stub.as_ref().map(|stub| Table::decode(&stub.table).unwrap());
    (elf, table)
}

/// Where the programs are.
fn programs(plan: &Plan) -> Vec<String> {
    let is_program = |entry: &&Entry| entry.role == Role::Program && entry.path.file_name() == b"app";
    plan.entries.iter().filter(is_program).map(|entry| entry.path.to_string()).collect()
}

#[test]
fn only_the_tarballs_programs_differ() {
    let f = fixture();
    let plain = f.plan("");
    let plan = f.plan("[tarball]\nrelocatable = true\n");
    let at = programs(&plain).remove(0);
    assert_eq!(programs(&plan), [at.clone(), at.clone()]);
    let (elf, none) = program(&plan, &at, Format::Deb);
    let loader = elf.interpreter.unwrap();
    assert!(none.is_none() && loader.starts_with(b"/usr/lib/app/"));
    assert_eq!(body(&plain, &at), body(&plan, &at), "the packages' is what it was");
    let (elf, table) = program(&plan, &at, Format::Tar);
    let table = table.unwrap();
    assert_eq!(elf.interpreter, None);
    // /usr is the root of the tarball.
    assert_eq!([b"/usr/", table.loader.as_slice()].concat(), loader);
    assert_eq!(
        table.loader_from(format!("/any/where{}", &at["/usr".len()..]).as_bytes()).unwrap(),
        [b"/any/where/", table.loader.as_slice()].concat()
    );
    assert!(table.changes.is_empty());
    for made in ["README", "install.sh", "manifest"] {
        let entry =
            plan.entries.iter().find(|entry| entry.path.to_string() == format!("/usr/{made}")).unwrap();
        assert_eq!(entry.special.formats, Formats::only(Format::Tar), "{made}");
    }
    let list = String::from_utf8(body(&plan, "/usr/manifest")).unwrap();
    assert!(list.lines().any(|line| line == at.trim_start_matches("/usr/")), "{list}");
    assert!(list.lines().is_sorted() && !list.contains("/usr"), "{list}");
    assert!(!codes(&plan).contains(&"no-stub"), "a script starts from anywhere");
}

/// What the finding says of a tarball that is one for `/`; nothing where it is not.
fn ties(plan: &Plan) -> Vec<String> {
    let finding = plan.findings.iter().find(|finding| finding.code == "tarball-at-root");
    assert_eq!(finding.is_none(), plan.relocatable, "{:?}", plan.findings);
    assert_eq!(
        plan.relocatable,
        plan.entries.iter().any(|entry| entry.path.to_string() == "/usr/install.sh")
    );
    finding.map(|finding| finding.subjects.clone()).unwrap_or_default()
}

#[test]
fn a_tarball_runs_from_any_folder_by_default() {
    let f = fixture();
    let (default, asked) = (f.plan_by_default(""), f.plan("[tarball]\nrelocatable = true\n"));
    assert_eq!(ties(&default), [""; 0]);
    let told = |plan: &Plan| format!("{:#?}", plan.entries);
    assert!(told(&default) == told(&asked));
}

/// What only an archive that is unpacked at `/` can do makes it one, with the reason; nothing is left of the other then.
#[test]
fn a_tarball_that_cannot_run_from_any_folder_is_one_for_the_root() {
    let f = fixture();
    let file = tempfile::NamedTempFile::new().unwrap();
    let content =
        |dst: &str, more: &str| format!("[[contents]]\nsrc = {:?}\ndst = \"{dst}\"\n{more}\n", file.path());
    let caps = "[[install.files]]\npath = \"bin/app\"\ncaps = \"cap_net_raw+ep\"\n";
    for (toml, tie) in [
        ("[[install.files]]\npath = \"bin/app\"\nmode = 0o4755\n".to_owned(), "bin/app: its mode or"),
        (caps.to_owned(), "bin/app: its mode or"),
        (content("/usr/libexec/x", "file_info.mode = 0o2755"), "/usr/libexec/x: its mode or"),
        (content("/etc/app.conf", "type = \"config\""), "/etc/app.conf: `contents` puts it outside"),
        (
            "[install.links]\n\"/sbin/mkfs.app\" = \"/usr/bin/app\"\n".to_owned(),
            "/sbin/mkfs.app: `install.links`",
        ),
        (content("/usr/manifest", ""), "/usr/manifest: a tarball for any folder has a file of explant's"),
    ] {
        let (plan, fixed) = (f.plan_by_default(&toml), f.plan(&toml));
        let told = ties(&plan);
        assert!(told.len() == 1 && told[0].starts_with(tie), "{toml}: {told:?}");
        assert_eq!(format!("{:#?}", plan.entries), format!("{:#?}", fixed.entries), "{toml}");
        assert_eq!(plan.findings.len(), fixed.findings.len() + 1, "{toml}");
        // Who asks for it gets it, but not two files at one path.
        let asked = f.try_plan(&format!("{toml}[tarball]\nrelocatable = true\n"));
        match tie.contains("manifest") {
            true => {
                assert!(asked.unwrap_err().to_string().contains("two things are to be installed"), "{toml}")
            }
            false => assert!(asked.unwrap().relocatable, "{toml}"),
        }
    }
    for toml in [
        content("/usr/share/app/x", ""),
        content("/usr/README", ""),
        content("/etc/app.conf", "packager = \"deb\""),
        content("/srv/doc/x", "type = \"doc\""),
        "[[contents]]\ndst = \"/var/lib/app\"\ntype = \"dir\"\nfile_info.mode = 0o2775\n".to_owned(),
    ] {
        assert_eq!(ties(&f.plan_by_default(&toml)), [""; 0], "{toml}");
    }
}

#[test]
fn a_name_that_the_list_of_files_cannot_have_ties_the_tarball_to_its_place() {
    let f = fixture();
    f.file(&format!("{APP}/share/app/two\nlines"), "");
    let told = ties(&f.plan_by_default(""));
    assert!(told.len() == 1 && told[0].contains("two\\nlines: install.sh"), "{told:?}");
    let error = f.try_plan("[tarball]\nrelocatable = true\n").unwrap_err().to_string();
    assert!(error.contains("two\\nlines: install.sh") && error.contains("install.exclude"), "{error}");
}

/// A stub would stand between the program and the data that it looks for at its end.
#[test]
fn a_program_that_can_have_no_stub_ties_the_tarball_to_its_place() {
    let f = fixture();
    let app = f.disk(&format!("{APP}/bin/app"));
    let program = std::fs::read(&app).unwrap();
    std::fs::write(&app, [&program[..], &[b'x'; 100]].concat()).unwrap();
    let plan = f.plan_by_default("[install]\nlayout = \"store\"");
    let told = ties(&plan);
    assert!(told.len() == 1 && told[0].contains("/bin/app: ") && told[0].contains("100 bytes"), "{told:?}");
    assert!(!codes(&plan).contains(&"no-stub"), "it is no lack of this tarball's");
}

/// Nothing opens a descriptor for them; without data of the bundle's they need none.
#[test]
fn static_programs_with_data_of_the_bundle_tie_the_tarball_to_its_place() {
    let with = |data: &str| {
        let mut f = Fixture::new();
        let source =
            format!("const char *const volatile data = \"{data}\"; int main(void) {{ return !data; }}");
        f.compile(&format!("{APP}/bin/app"), &source, &[], &["-static"]);
        f.file(&format!("{BASH}/share/list"), "x");
        f.result(APP);
        ties(&f.plan_by_default(""))
    };
    assert_eq!(with("/usr/share/list"), [""; 0]);
    let told = with(&format!("/nix/store/{BASH}/share/list"));
    assert!(told.len() == 1 && told[0].starts_with("/usr/bin/app: a static program with"), "{told:?}");
}

#[test]
fn without_the_descriptor_what_names_each_other_stays_at_its_place() {
    let f = wrapped();
    let told = ties(&f.plan_by_default("[tarball]\nanchor = false\n"));
    assert!(told.len() == 1 && told[0].contains("`tarball.anchor` is off"), "{told:?}");
    assert_eq!(ties(&f.plan_by_default("")), [""; 0]);
}

#[test]
fn an_environment_is_in_every_dynamic_program() {
    let f = fixture();
    let env = "[runtime.env]\nB = { prefix = '${root}/b' }\nA = { set = 'a' }\n";
    let plan = f.plan(&format!("[tarball]\nrelocatable = true\n{env}"));
    let at = programs(&plan).remove(0);
    let (_, fixed) = program(&plan, &at, Format::Rpm);
    let (_, anywhere) = program(&plan, &at, Format::Tar);
    let (fixed, anywhere) = (fixed.unwrap(), anywhere.unwrap());
    assert_eq!(
        (&fixed.root, fixed.loader.starts_with(b"/usr/lib/app/")),
        (&Root::At(b"/usr".to_vec()), true)
    );
    assert!(matches!(anywhere.root, Root::Above(_)) && !anywhere.loader.starts_with(b"/"));
    let bytes = |text: &str| text.as_bytes().to_vec();
    let changes = [
        Change::Set { variable: bytes("A"), value: bytes("a") },
        Change::Prefix { variable: bytes("B"), separator: bytes(":"), value: bytes("${root}/b") },
    ];
    assert_eq!((&fixed.changes[..], &anywhere.changes[..]), (&changes[..], &changes[..]));
    let finding = plan.findings.iter().find(|finding| finding.code == "no-stub").unwrap();
    assert!(finding.subjects[0].contains("script: it is a script"), "{finding}");
}

/// A program that runs on the target's glibc needs a stub for its environment alone.
#[test]
fn the_hosts_loader_is_named_by_its_absolute_path() {
    let mut f = Fixture::new();
    let loader = format!("-Wl,--dynamic-linker=/nix/store/{GLIBC}/lib/ld-linux-x86-64.so.2");
    f.compile(&format!("{APP}/bin/app"), "int main(void) { return 0; }", &[], &[&loader]);
    f.result(APP);
    let host = "[runtime]\nglibc = 'host'\n[tarball]\nrelocatable = true\n";
    let plan = f.plan(host);
    assert_eq!(programs(&plan), ["/usr/bin/app"]);
    let plan = f.plan(&format!("{host}[runtime.env]\nA = {{ set = '${{root}}' }}\n"));
    let (_, table) = program(&plan, "/usr/bin/app", Format::Tar);
    let table = table.unwrap();
    assert_eq!((table.root, table.loader), (Root::Above(1), b"/lib64/ld-linux-x86-64.so.2".to_vec()));
}

/// The program that makes anchored references permanent is there where there is a list of files that have some.
#[test]
fn a_list_of_anchored_files_brings_the_program_for_them() {
    let f = fixture();
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list");
    std::fs::write(&list, "/proc/self/fd/240\tlib/app\n").unwrap();
    let relocatable = "[tarball]\nrelocatable = true\n";
    let listed =
        format!("{relocatable}[[contents]]\nsrc = {list:?}\ndst = \"/usr/anchored\"\npackager = \"tar\"\n");
    let has = |toml: &str| {
        let plan = f.plan(toml);
        plan.entries
            .iter()
            .filter(|entry| entry.path.to_string() == "/usr/relocate")
            .map(|entry| {
                assert!(entry.is_in(Format::Tar) && !entry.is_in(Format::Deb) && entry.mode == 0o755);
            })
            .count()
    };
    assert_eq!((has(relocatable), has(&listed)), (0, 1));
}

/// Packages have whole paths in it, since ld.so ignores `$ORIGIN` under AT_SECURE; the tarball has no such program.
#[test]
fn a_setuid_programs_run_path_holds_in_any_folder() {
    let f = fixture();
    let setuid = "[[install.files]]\npath = \"bin/app\"\nmode = 0o4755\n";
    let plan = f.plan(&format!("{setuid}[tarball]\nrelocatable = true\n"));
    let at = programs(&plan).remove(0);
    let rpath = |format: Format| String::from_utf8(program(&plan, &at, format).0.rpath.unwrap()).unwrap();
    assert!(rpath(Format::Deb).starts_with("/usr/lib/app"), "{}", rpath(Format::Deb));
    let anywhere = rpath(Format::Tar);
    assert!(anywhere.split(':').all(|folder| folder.starts_with("$ORIGIN")), "{anywhere}");
}

const WRAPPED: &str = "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww-wrapped-1.0";
const BASH: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-bash-5.2";
const DATA: &str = "dddddddddddddddddddddddddddddddd-data-1.0";

/// A result with wrappers of a program beside them, of one elsewhere, one that a table cannot stand for, and scripts.
fn wrapped() -> Fixture {
    let mut f = Fixture::new();
    f.program(&format!("{BASH}/bin/bash"), &[]);
    f.program(&format!("{WRAPPED}/bin/.one-wrapped_"), &[]);
    f.program(&format!("{APP}/bin/app"), &[]);
    let wrapper = |lines: &str| format!("#! /nix/store/{BASH}/bin/bash -e\n{lines} \"$@\"\n");
    let own = format!("/nix/store/{WRAPPED}");
    for (name, lines) in [
        (
            "one",
            format!(
                "export A='{own}/share:/nix/store/{DATA}/lib:x'\nexec -a \"$0\" {own}/bin/.one-wrapped --outer"
            ),
        ),
        (".one-wrapped", format!("export B=1\nexec -a \"$0\" {own}/bin/.one-wrapped_ --inner")),
        ("other", format!("exec /nix/store/{APP}/bin/app")),
        ("runs", format!("echo \"$(date)\"\nexec /nix/store/{APP}/bin/app")),
    ] {
        f.script(&format!("{WRAPPED}/bin/{name}"), &wrapper(&lines));
    }
    f.script(
        &format!("{WRAPPED}/bin/script"),
        &format!("#!/nix/store/{BASH}/bin/bash\n. \"$(dirname \"$0\")/read\"\n"),
    );
    f.link(&format!("{WRAPPED}/bin/renamed"), "script");
    f.script(&format!("{WRAPPED}/bin/read"), &format!("#!/nix/store/{BASH}/bin/bash\n"));
    f.script(&format!("{WRAPPED}/lib/module.py"), &format!("#!/nix/store/{BASH}/bin/bash\n"));
    f.file(&format!("{WRAPPED}/share/data"), "x");
    f.file(&format!("{DATA}/share/data"), "x");
    f.result(WRAPPED);
    f
}

/// What the tarball has of the result at a path.
fn in_tarball<'p>(plan: &'p Plan, below: &str) -> &'p Entry {
    let is_it = |entry: &&Entry| {
        entry.is_in(Format::Tar) && entry.path.to_string().ends_with(&format!("-wrapped-1.0/{below}"))
    };
    plan.entries.iter().find(is_it).unwrap_or_else(|| panic!("no {below}"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn wrappers_become_their_programs_or_start_them() {
    let f = wrapped();
    let plan = f.plan("[tarball]\nrelocatable = true\n");
    let own = |below: &str| payload::whole(in_tarball(&plan, below)).unwrap().unwrap();
    let elf = Elf::parse(&own("bin/one")).unwrap().unwrap();
    let table = Table::decode(&elf.stub.unwrap().table).unwrap();
    let share = table.changes.iter().find_map(|change| match change {
        Change::Set { variable, value } if variable == b"A" => Some(text(value)),
        _ => None,
    });
    let share = share.unwrap();
    // What is carried, and a folder that is not there.
    let [carried, nothing, other] = share.split(':').collect::<Vec<_>>()[..] else { panic!("{share}") };
    assert!(carried.starts_with("${root}/lib/") && carried.ends_with("-wrapped-1.0/share"), "{share}");
    assert!(nothing.starts_with("${root}/lib/") && nothing.ends_with("-data-1.0/lib"), "{share}");
    assert_eq!(other, "x");
    let arguments = table.changes.iter().filter_map(|change| match change {
        Change::Argument(text) => Some(text.as_slice()),
        _ => None,
    });
    assert_eq!(Vec::from_iter(arguments), [b"--inner".as_slice(), b"--outer"]);
    for hidden in [".one-wrapped", ".one-wrapped_"] {
        match &in_tarball(&plan, &format!("bin/{hidden}")).kind {
            Kind::Link { target } => assert_eq!(target, b"one"),
            other => panic!("{hidden}: {other:?}"),
        }
    }
    let other = launched(&own("bin/other")).unwrap();
    assert!(text(&other.loader).ends_with("-app-1.0/bin/app"), "{other:?}");
    assert_eq!(other.changes, [Change::Argv0([b"${root}/", other.loader.as_slice()].concat())]);
}

/// What the packages have at the path where the tarball has that of the result.
fn packaged(plan: &Plan, below: &str) -> Vec<u8> {
    let is_it = |entry: &&Entry| {
        entry.is_in(Format::Deb) && entry.path.to_string().ends_with(&format!("-wrapped-1.0/{below}"))
    };
    let entry = plan.entries.iter().find(is_it).unwrap_or_else(|| panic!("no {below}"));
    payload::whole(entry).unwrap().unwrap_or_default()
}

#[test]
fn packages_have_no_shell_between_a_wrapper_and_its_program() {
    let f = wrapped();
    for relocatable in [true, false] {
        let plan = f.plan(&format!("[tarball]\nrelocatable = {relocatable}\n"));
        let elf = Elf::parse(&packaged(&plan, "bin/one")).unwrap().unwrap();
        let table = Table::decode(&elf.stub.unwrap().table).unwrap();
        assert_eq!(table.root, Root::At(b"/usr".to_vec()));
        let set = |value: &Change| matches!(value, Change::Set { variable, value } if variable == b"A" && value.starts_with(b"/usr/lib/"));
        assert!(table.changes.iter().any(set), "{table:?}");
        let other = launched(&packaged(&plan, "bin/other")).unwrap();
        let started = [b"/usr/", other.loader.as_slice()].concat();
        assert_eq!(other.changes, [Change::Argv0(started)]);
        // They are where their interpreter is.
        for script in ["bin/runs", "bin/script"] {
            assert!(packaged(&plan, script).starts_with(b"#!"), "{script}");
        }
        assert!(plan.entries.iter().any(|entry| entry.path.to_string().ends_with("/bin/bash")));
    }
}

/// A result whose wrapper is all that names a shell; `hidden` is behind it, and `more` is done by it.
fn only_wrapped(more: &str, hidden: impl Fn(&Fixture, &str)) -> Fixture {
    let mut f = Fixture::new();
    f.program(&format!("{BASH}/bin/bash"), &[]);
    hidden(&f, &format!("{APP}/bin/.app-wrapped"));
    let lines = format!("{more}exec -a \"$0\" /nix/store/{APP}/bin/.app-wrapped");
    f.script(&format!("{APP}/bin/app"), &format!("#! /nix/store/{BASH}/bin/bash -e\n{lines} \"$@\"\n"));
    f.result(APP);
    f
}

#[test]
fn the_shell_of_a_wrapper_is_carried_where_the_wrapper_stays_one() {
    let shells = |f: &Fixture, toml: &str| {
        let plan = f.plan_by_default(toml);
        let has = plan.entries.iter().any(|entry| entry.path.to_string().ends_with("-bash-5.2/bin/bash"));
        let is_app = |entry: &&Entry| {
            entry.path.to_string().ends_with("/bin/app") && matches!(entry.kind, Kind::File { .. })
        };
        let app = plan.entries.iter().filter(is_app).find(|entry| entry.is_in(Format::Deb));
        let is_script = payload::whole(app.unwrap()).unwrap().unwrap().starts_with(b"#!");
        assert_eq!(has, is_script);
        has
    };
    let program = |f: &Fixture, path: &str| _ = f.program(path, &[]);
    let set = "export A='x'\n";
    assert!(!shells(&only_wrapped(set, program), ""));
    assert!(!shells(&only_wrapped(set, program), "[tarball]\nrelocatable = false\n"));
    assert!(shells(&only_wrapped("date\n", program), ""));
    // Bytes behind a program leave no place for a stub.
    let appended = |f: &Fixture, path: &str| {
        f.program(path, &[]);
        let disk = f.disk(path);
        std::fs::write(&disk, [&std::fs::read(&disk).unwrap()[..], &[b'x'; 100]].concat()).unwrap();
    };
    assert!(shells(&only_wrapped(set, appended), ""));
    // A shell that ends in nothing is no program's wrapper.
    let nothing = |f: &Fixture, path: &str| _ = f.file(path, "no program");
    assert!(shells(&only_wrapped(set, nothing), ""));
    // The stub refuses to start with more rights than the user has.
    let setuid = "[[install.files]]\npath = \"bin/app\"\nmode = 0o4755\n";
    assert!(shells(&only_wrapped(set, program), setuid));
    let group = "[[install.files]]\npath = \"bin/app\"\nmode = 0o750\ngroup = \"adm\"\n";
    let f = only_wrapped(set, program);
    let plan = f.plan(group);
    let is_app = |entry: &&Entry| {
        entry.path.to_string().ends_with("/bin/app") && matches!(entry.kind, Kind::File { .. })
    };
    let app = plan.entries.iter().find(is_app).unwrap();
    assert_eq!((app.mode, app.group.as_str()), (0o750, "adm"));
}

#[test]
fn scripts_of_the_bundles_interpreter_start_by_a_launcher() {
    let f = wrapped();
    let plan = f.plan("[tarball]\nrelocatable = true\n");
    let start = |below: &str| launched(&payload::whole(in_tarball(&plan, below)).unwrap().unwrap());
    for (name, argument) in [("script", None), ("runs", Some("-e"))] {
        let table = start(&format!("bin/{name}")).unwrap();
        assert!(text(&table.loader).ends_with("-bash-5.2/bin/bash"), "{table:?}");
        let script = in_tarball(&plan, &format!(".bin/{name}"));
        assert_eq!(
            (script.mode, script.role, script.special.formats),
            (0o755, Role::Data, Formats::only(Format::Tar))
        );
        let path = format!("${{root}}{}", &script.path.to_string()["/usr".len()..]);
        let given: Vec<Change> = argument
            .into_iter()
            .chain([path.as_str()])
            .map(|text| Change::Argument(text.as_bytes().to_vec()))
            .collect();
        assert_eq!(table.changes[1..], given);
    }
    // A link is another name of it; neighbours are found from where the script is.
    let renamed = start("bin/renamed").unwrap();
    let Some(Change::Argument(given)) = renamed.changes.last() else { panic!("{renamed:?}") };
    assert!(text(given).ends_with("-wrapped-1.0/.bin/renamed"), "{renamed:?}");
    for (name, wanted) in
        [(".bin/renamed", "script"), (".bin/one", "../bin/one"), (".bin/read", "../bin/read")]
    {
        match &in_tarball(&plan, name).kind {
            Kind::Link { target } => assert_eq!(text(target), wanted),
            other => panic!("{name}: {other:?}"),
        }
    }
    for left in ["bin/read", "lib/module.py"] {
        assert!(start(left).is_none(), "{left}");
    }
    let finding = plan.findings.iter().find(|finding| finding.code == "no-stub").unwrap();
    let told = |part: &str| finding.subjects.iter().any(|subject| subject.contains(part));
    assert!(told("bin/runs: a wrapper that stays what it is: it runs 1 line"), "{finding}");
    assert!(told("bin/read: a script that others read") && !told("module.py"), "{finding}");
    let note = plan.findings.iter().find(|finding| finding.code == "relocatable-script").unwrap();
    assert!(note.severity == Severity::Note && note.subjects.len() == 1, "{note}");
    assert!(note.subjects[0].ends_with("/lib/module.py"), "{note}");
}
