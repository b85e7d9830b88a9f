//! What the flat layout carries besides libraries: everything that is reached from the results, and nothing else.

use crate::fixture::{Fixture, GLIBC, body, codes, entry, lines, run_path, surgery};
use explant::plan::{Plan, Surgery};

const APP: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-app-1.0";
const BASH: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-bash-5.2";
const DATA: &str = "dddddddddddddddddddddddddddddddd-data-1.0";
const LIBS: &str = "llllllllllllllllllllllllllllllll-libs-1.0";

/// Where a store path lies in the bundle.
fn place(path: &str) -> String {
    // `/usr/lib/app/` leaves 30 characters of the hash.
    format!("/usr/lib/app/{}{}", &path[..30], &path[32..])
}

/// The lines of what is neither glibc's nor the result's own.
fn carried(plan: &Plan) -> Vec<String> {
    let is_own = |line: &str| line.contains("glibc") || line.starts_with("/usr/bin/");
    lines(plan).into_iter().filter(|line| !is_own(line)).collect()
}

fn content(plan: &Plan, path: &str) -> String {
    String::from_utf8(body(plan, path)).unwrap()
}

fn bash(f: &Fixture) {
    f.program(&format!("{BASH}/bin/bash"), &[]).link(&format!("{BASH}/bin/sh"), "bash");
    f.file(&format!("{BASH}/share/bash/data"), "data")
        .file(&format!("{BASH}/share/man/man1/bash.1"), "manual");
    f.file(&format!("{BASH}/include/bash.h"), "");
}

#[test]
fn a_script_brings_its_interpreter_with_what_lies_beside_it() {
    let mut f = Fixture::new();
    bash(&f);
    f.script(&format!("{APP}/bin/app"), &format!("#!/nix/store/{BASH}/bin/sh -e\necho\n"));
    let plan = f.result(APP).plan("");
    let bash = place(BASH);
    assert_eq!(
        carried(&plan),
        [
            format!("{bash}/bin/bash = bash-5.2/bin/bash"),
            format!("{bash}/bin/sh -> bash"),
            format!("{bash}/share/bash/data = bash-5.2/share/bash/data"),
        ]
    );
    assert!(content(&plan, "/usr/bin/app").starts_with(&format!("#!{bash}/bin/sh -e\n")));
    assert_eq!(run_path(&plan, &format!("{bash}/bin/bash")), "$ORIGIN/../..");
    assert_eq!(entry(&plan, &format!("{bash}/bin/bash")).mode, 0o755);
    assert!(codes(&plan).iter().all(|code| *code != "store-reference"), "{:?}", plan.findings);
}

#[test]
fn of_data_what_is_named_is_carried() {
    let mut f = Fixture::new();
    for file in ["share/one/x", "share/two/y", "share/three/z", "lib/mods/a", "lib/mods/sub/b"] {
        f.file(&format!("{DATA}/{file}"), file);
    }
    f.link(&format!("{DATA}/share/link"), &format!("/nix/store/{DATA}/share/two"));
    let text = format!(
        "/nix/store/{DATA}/share/one/x:/nix/store/{DATA}/lib/mods/?.so /nix/store/{DATA}/share/link/y"
    );
    f.script(&format!("{APP}/bin/app"), &format!("#!/bin/sh\n{text} /nix/store/{DATA}/share/none\n"));
    let plan = f.result(APP).plan("");
    let data = place(DATA);
    assert_eq!(
        carried(&plan),
        [
            format!("{data}/lib/mods/a = data-1.0/lib/mods/a"),
            format!("{data}/lib/mods/sub/b = data-1.0/lib/mods/sub/b"),
            format!("{data}/share/link -> {data}/share/two"),
            format!("{data}/share/one/x = data-1.0/share/one/x"),
            format!("{data}/share/two/y = data-1.0/share/two/y"),
        ]
    );
    let nothing = plan.findings.iter().find(|finding| finding.code == "reference-to-nothing").unwrap();
    assert_eq!(nothing.subjects, ["data-1.0/share/none (in app-1.0/bin/app)"]);
}

#[test]
fn a_library_that_is_named_by_its_path_lies_where_references_lead() {
    let mut f = Fixture::new();
    let (plugin, both) = (format!("{LIBS}/lib/libplugin.so.1"), format!("{LIBS}/lib/libboth.so.1"));
    f.library(&plugin, &[]).library(&both, &[]);
    let loader = format!("-Wl,--dynamic-linker=/nix/store/{GLIBC}/lib/ld-linux-x86-64.so.2");
    let source = format!(
        "const char *a = \"/nix/store/{plugin}\", *b = \"/nix/store/{both}\"; int main(void) {{ return 0; }}"
    );
    f.compile(&format!("{APP}/bin/app"), &source, &[&both], &[&loader]);
    let plan = f.result(APP).plan("");
    let libs = place(LIBS);
    assert_eq!(
        carried(&plan),
        [
            "/usr/lib/app/libboth.so.1 = libs-1.0/lib/libboth.so.1".to_owned(),
            format!("{libs}/lib/libboth.so.1 -> ../../libboth.so.1"),
            format!("{libs}/lib/libplugin.so.1 = libs-1.0/lib/libplugin.so.1"),
        ]
    );
}

#[test]
fn what_only_a_run_path_leads_to_is_there_for_a_dlopen() {
    let mut f = Fixture::new();
    let (needed, opened) = (format!("{LIBS}/lib/libone.so.1"), format!("{DATA}/lib/libtwo.so.1"));
    f.library(&needed, &[]).library(&opened, &[]).link(&format!("{DATA}/lib/libtwo.so"), "libtwo.so.1");
    f.library(&format!("{LIBS}/lib/libunasked.so.1"), &[]);
    let loader = format!("-Wl,--dynamic-linker=/nix/store/{GLIBC}/lib/ld-linux-x86-64.so.2");
    let folders = format!("/nix/store/{LIBS}/lib:/nix/store/{DATA}/lib:/nix/store/{GLIBC}/lib");
    f.with_run_path(&format!("{APP}/bin/app"), Some(&folders), &[&needed], &[&loader]);
    let plan = f.result(APP).plan("");
    let found = carried(&plan);
    assert!(found.contains(&"/usr/lib/app/libtwo.so.1 = data-1.0/lib/libtwo.so.1".to_owned()), "{found:?}");
    assert!(found.contains(&"/usr/lib/app/libtwo.so -> libtwo.so.1".to_owned()), "{found:?}");
    assert!(!found.iter().any(|line| line.contains("libunasked")), "{found:?}");
}

#[test]
fn glibcs_own_data_follows_from_what_is_called() {
    let built = |call: &str| {
        let mut f = Fixture::new();
        f.file(&format!("{GLIBC}/lib/gconv/gconv-modules"), "")
            .file(&format!("{GLIBC}/lib/locale/C.utf8/LC_CTYPE"), "");
        let names = format!(
            "/nix/store/{GLIBC}/lib/gconv\0/nix/store/{GLIBC}/lib/locale\0/nix/store/{GLIBC}/share/zoneinfo\0"
        );
        let libc = f.disk(&format!("{GLIBC}/lib/libc.so.6"));
        let bytes = [std::fs::read(&libc).unwrap(), names.into_bytes()].concat();
        std::fs::write(&libc, bytes).unwrap();
        let loader = format!("-Wl,--dynamic-linker=/nix/store/{GLIBC}/lib/ld-linux-x86-64.so.2");
        let source =
            format!("#include <iconv.h>\n#include <locale.h>\nint main(void) {{ return {call} != 0; }}");
        f.compile(&format!("{APP}/bin/app"), &source, &[], &[&loader]);
        f.result(APP).plan("")
    };
    let data = |plan: &Plan| {
        let lines = lines(plan).into_iter();
        lines.filter(|line| line.contains("/gconv/") || line.contains("/locale/")).count()
    };
    assert_eq!(data(&built("0")), 0);
    assert_eq!(data(&built("(long)iconv_open(\"a\", \"b\")")), 1);
    let plan = built("(long)setlocale(LC_ALL, \"\")");
    assert_eq!(data(&plan), 1);
    assert!(surgery(&plan, "/usr/lib/app/libc.so.6").contains(&Surgery::Host("/usr/share/zoneinfo".into())));
}

#[test]
fn a_result_in_prefix_finds_itself_where_its_references_lead() {
    let mut f = Fixture::new();
    f.script(&format!("{APP}/bin/app"), &format!("#!/bin/sh\nexec /nix/store/{APP}/bin/tool\n"));
    f.script(&format!("{APP}/bin/tool"), "#!/bin/sh\n").link(&format!("{APP}/sbin"), "bin");
    let plan = f.result(APP).plan("");
    let app = place(APP);
    assert_eq!(carried(&plan), [format!("{app}/bin/tool -> ../../../../bin/tool")]);
    assert_eq!(content(&plan, "/usr/bin/app"), format!("#!/bin/sh\nexec {app}/bin/tool\n"));
}

#[test]
fn a_program_behind_a_wrapper_is_no_public_one() {
    let mut f = Fixture::new();
    bash(&f);
    f.program(&format!("{APP}/bin/.app-wrapped"), &[]);
    f.script(
        &format!("{APP}/bin/app"),
        &format!("#! /nix/store/{BASH}/bin/bash -e\nexec -a \"$0\" \"/nix/store/{APP}/bin/.app-wrapped\"  \"$@\" \n"),
    );
    let plan = f.result(APP).plan("");
    let app = place(APP);
    let in_bin: Vec<String> = lines(&plan).into_iter().filter(|line| line.starts_with("/usr/bin/")).collect();
    assert_eq!(in_bin, [format!("/usr/bin/app -> ..{}/bin/app", &app["/usr".len()..])]);
    // The program is in the wrapper's place.
    assert_eq!(
        carried(&plan),
        [format!("{app}/bin/.app-wrapped -> app"), format!("{app}/bin/app = app-1.0/bin/.app-wrapped")]
    );
}

#[test]
fn rules_send_references_to_the_target() {
    let mut f = Fixture::new();
    bash(&f);
    let shebang = format!("#!/nix/store/{BASH}/bin/sh -e\n");
    f.script(&format!("{APP}/bin/app"), &format!("{shebang}/nix/store/{BASH}/bin/sh\n"));
    f.script(&format!("{APP}/bin/other"), &shebang);
    f.result(APP);
    let rule = |path: &str, within: &str, is: &str| {
        format!("[[references.rules]]\npath = \"{path}\"\n{within}is = \"{is}\"\n")
    };

    let plan = f.plan(&rule("*-bash-*/bin/*sh", "", "host:/bin/sh"));
    assert_eq!(carried(&plan), [""; 0]);
    let text = content(&plan, "/usr/bin/app");
    let len = shebang.len() - "#!\n".len() - " -e".len();
    assert_eq!(
        text,
        format!("#!{:>len$} -e\n{}\n", "/bin/sh", format!("{:>len$}", "/bin/sh").replace(' ', "/"))
    );

    let plan = f.plan(&rule("*-bash-*/bin/*sh", "in = \"bin/other\"\n", "host:/bin/sh"));
    assert!(content(&plan, "/usr/bin/other").contains(" /bin/sh -e\n"));
    assert!(content(&plan, "/usr/bin/app").starts_with(&format!("#!{}/bin/sh", place(BASH))));

    let plan = f.plan("[references]\npolicy = \"lean\"");
    assert_eq!(carried(&plan), [""; 0]);
    let error = f.try_plan("[references]\npolicy = \"strict\"").unwrap_err().to_string();
    assert!(error.contains("bash-5.2/bin/sh (in app-1.0/bin/app)"), "{error}");
    let plan = f.plan(&format!("[references]\npolicy = \"strict\"\n{}", rule("*-bash-*", "", "ignored")));
    assert_eq!(carried(&plan), [""; 0]);
    let long = format!("host:/{}", "x".repeat(90));
    let error = f.try_plan(&rule("*-bash-*/bin/*sh", "", &long)).unwrap_err().to_string();
    assert!(error.contains("longer than what it stands for"), "{error}");
}

#[test]
fn the_chain_to_each_file_is_told() {
    let mut f = Fixture::new();
    bash(&f);
    f.library(&format!("{LIBS}/lib/libone.so.1"), &[]);
    f.program(&format!("{BASH}/bin/tool"), &[&format!("{LIBS}/lib/libone.so.1")]);
    f.script(&format!("{APP}/bin/app"), &format!("#!/nix/store/{BASH}/bin/sh\n"));
    let plan = f.result(APP).plan("");
    let chain = |path: &str| -> Vec<String> {
        plan.why(path).unwrap().iter().map(|step| format!("{} {}", step.file, step.how)).collect()
    };
    let bash = place(BASH);
    assert_eq!(chain("/usr/bin/app"), ["app-1.0/bin/app which the result holds"]);
    assert_eq!(
        chain(&format!("{bash}/bin/sh")),
        ["bash-5.2/bin/sh is named by", "app-1.0/bin/app which the result holds"]
    );
    let steps = chain("/usr/lib/app/libone.so.1");
    assert_eq!(steps[0], "libs-1.0/lib/libone.so.1 is needed by");
    assert_eq!(steps.last().unwrap(), "app-1.0/bin/app which the result holds");
    assert_eq!(chain(&format!("/nix/store/{BASH}/bin/bash"))[1], "bash-5.2/bin/sh is named by");
    assert!(plan.why("/usr/bin/nothing").unwrap_err().to_string().contains("/usr/bin/nothing"));
}

#[test]
fn what_is_reached_does_not_depend_on_order() {
    let mut f = Fixture::new();
    bash(&f);
    let other = "cccccccccccccccccccccccccccccccc-other-1.0";
    f.file(&format!("{DATA}/share/x"), format!("/nix/store/{LIBS}/lib/libone.so.1"));
    f.library(&format!("{LIBS}/lib/libone.so.1"), &[]);
    f.script(&format!("{APP}/bin/app"), &format!("#!/nix/store/{BASH}/bin/sh\n/nix/store/{DATA}/share/x\n"));
    f.program(&format!("{other}/bin/other"), &[&format!("{LIBS}/lib/libone.so.1")]);
    f.script(
        &format!("{other}/bin/script"),
        &format!("#!/nix/store/{BASH}/bin/bash\n/nix/store/{APP}/bin/app\n"),
    );
    f.result(APP).result(other);
    let there = lines(&f.plan("[package]\nname = \"app\""));
    f.results.reverse();
    assert_eq!(there, lines(&f.plan("[package]\nname = \"app\"")));
}

#[test]
fn a_lib_dir_without_room_is_refused_only_where_something_is_carried() {
    let mut f = Fixture::new();
    f.program(&format!("{APP}/bin/app"), &[]);
    f.result(APP);
    let long = format!("[install]\nlib-dir = \"lib/{}\"", "x".repeat(30));
    assert!(lines(&f.plan(&long)).iter().any(|line| line.contains("libc.so.6")));
    bash(&f);
    f.script(&format!("{APP}/bin/script"), &format!("#!/nix/store/{BASH}/bin/sh\n"));
    let error = f.try_plan(&long).unwrap_err().to_string();
    assert!(error.contains("`install.lib-dir` is too long"), "{error}");
}

#[test]
fn references_in_packed_files_and_in_utf_16_are_followed_and_rewritten() {
    let mut f = Fixture::new();
    for file in ["one", "two", "three"] {
        f.file(&format!("{DATA}/share/{file}"), file);
    }
    let name = |file: &str| format!("/nix/store/{DATA}/share/{file}");
    let packed = f.disk(&format!("{APP}/lib/app/data.gz"));
    let gzip = "import sys, gzip; gzip.open(sys.argv[1], 'w').write(sys.argv[2].encode())";
    let python = |code: &str, file: &std::path::Path, text: &str| {
        let done = std::process::Command::new("python3").args(["-c", code]).arg(file).arg(text).status();
        assert!(done.unwrap().success());
    };
    python(gzip, &packed, &name("one"));
    let zip = "import sys, zipfile; zipfile.ZipFile(sys.argv[1], 'w').writestr('member', sys.argv[2])";
    let archive = f.disk(&format!("{APP}/lib/app/data.jar"));
    python(zip, &archive, &name("two"));
    let wide: Vec<u8> = name("three").bytes().flat_map(|byte| [byte, 0]).collect();
    f.file(&format!("{APP}/lib/app/wide"), &wide);
    f.program(&format!("{APP}/bin/app"), &[]);
    let plan = f.result(APP).plan("");

    let (app, data) = (place(APP), place(DATA));
    for file in ["one", "two", "three"] {
        entry(&plan, &format!("{data}/share/{file}"));
    }
    let unpacked = |file: &str, code: &str| {
        let copy = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(copy.path(), body(&plan, &format!("{app}/lib/app/{file}"))).unwrap();
        let done =
            std::process::Command::new("python3").args(["-c", code]).arg(copy.path()).output().unwrap();
        String::from_utf8(done.stdout).unwrap()
    };
    let gunzip = "import sys, gzip; print(gzip.open(sys.argv[1]).read().decode(), end='')";
    assert_eq!(unpacked("data.gz", gunzip), format!("{data}/share/one"));
    let unzip = "import sys, zipfile; print(zipfile.ZipFile(sys.argv[1]).read('member').decode(), end='')";
    assert_eq!(unpacked("data.jar", unzip), format!("{data}/share/two"));
    let wanted: Vec<u8> = format!("{data}/share/three").bytes().flat_map(|byte| [byte, 0]).collect();
    assert_eq!(body(&plan, &format!("{app}/lib/app/wide")), wanted);
    assert_eq!(surgery(&plan, &format!("{app}/lib/app/data.jar")), [Surgery::Members(1)]);
}

#[test]
fn text_that_others_read_names_programs_by_their_public_paths() {
    let mut f = Fixture::new();
    f.program(&format!("{APP}/bin/app"), &[]);
    let desktop = format!(
        "[Desktop Entry]\nExec=/nix/store/{APP}/bin/app %U\nIcon=/nix/store/{APP}/share/icons/app.png\n"
    );
    f.file(&format!("{APP}/share/applications/app.desktop"), &desktop)
        .file(&format!("{APP}/share/icons/app.png"), "");
    f.file(
        &format!("{APP}/etc/app.conf"),
        format!("data = /nix/store/{APP}/share/app\nrun = /nix/store/{APP}/bin/app\n"),
    );
    let together = format!("{}/share/app", place(APP));
    f.result(APP);
    let has_public_paths = |f: &Fixture| {
        let plan = f.plan("");
        let text = content(&plan, "/usr/share/applications/app.desktop");
        assert_eq!(text, "[Desktop Entry]\nExec=/usr/bin/app %U\nIcon=/usr/share/icons/app.png\n");
        assert_eq!(content(&plan, "/etc/app.conf"), format!("data = {together}\nrun = /usr/bin/app\n"));
    };
    has_public_paths(&f);
    // With more in it, it stays together, and its program in prefix is a link.
    f.file(&format!("{APP}/share/app/data"), "data");
    has_public_paths(&f);
}

#[test]
fn a_result_of_links_to_the_target_alone_has_nothing_to_follow() {
    let mut f = Fixture::new();
    f.link(&format!("{APP}/bin/app"), "/usr/bin/other");
    let plan = f.result(APP).plan("");
    assert_eq!(lines(&plan), ["/usr/bin/app -> /usr/bin/other"]);
}
