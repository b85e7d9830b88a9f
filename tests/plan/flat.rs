//! The flat layout.

use crate::fixture::{Fixture, GLIBC, codes, entry, lines, opening, parsed, run_path, surgery};
use explant::plan::{Kind, Role, Surgery};

const APP: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-app-1.0";
const ONE: &str = "11111111111111111111111111111111-one-1.0";
const TWO: &str = "22222222222222222222222222222222-one-2.0";
const MID: &str = "mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm-mid-1.0";

#[test]
fn a_program_and_its_libraries() {
    let mut f = Fixture::new();
    f.library(&format!("{ONE}/lib/libone.so.1"), &[]);
    f.library(&format!("{MID}/lib/libmid.so.1"), &[&format!("{ONE}/lib/libone.so.1")]);
    f.program(&format!("{APP}/bin/app"), &[&format!("{MID}/lib/libmid.so.1")]);
    f.file(&format!("{APP}/share/man/man1/app.1"), "manual").file(&format!("{APP}/include/app.h"), "");
    f.file(&format!("{APP}/etc/app.conf"), "x=1");
    let plan = f.result(APP).plan("");
    assert_eq!(
        lines(&plan),
        [
            "/etc/app.conf = app-1.0/etc/app.conf",
            "/usr/bin/app = app-1.0/bin/app",
            "/usr/lib/app/ld-linux-x86-64.so.2 = glibc-2.36/lib/ld-linux-x86-64.so.2",
            "/usr/lib/app/libc.so.6 = glibc-2.36/lib/libc.so.6",
            "/usr/lib/app/libmid.so.1 = mid-1.0/lib/libmid.so.1",
            "/usr/lib/app/libone.so.1 = one-1.0/lib/libone.so.1",
            "/usr/share/man/man1/app.1.gz = app-1.0/share/man/man1/app.1",
        ]
    );
    assert_eq!(
        surgery(&plan, "/usr/bin/app"),
        [
            Surgery::Interpreter("/usr/lib/app/ld-linux-x86-64.so.2".into()),
            Surgery::RunPath { to: "$ORIGIN/../lib/app".into(), runpath: false }
        ]
    );
    assert_eq!(run_path(&plan, "/usr/lib/app/libmid.so.1"), "$ORIGIN");
    let modes: Vec<u32> =
        ["/usr/bin/app", "/usr/lib/app/libone.so.1", "/usr/lib/app/ld-linux-x86-64.so.2", "/usr/bin"]
            .map(|path| entry(&plan, path).mode)
            .to_vec();
    assert_eq!(modes, [0o755, 0o644, 0o755, 0o755]);
    assert_eq!((plan.package.name.as_str(), plan.package.version.as_str()), ("app", "1.0"));
}

#[test]
fn two_libraries_of_one_name_are_both_kept() {
    let mut f = Fixture::new();
    let (one, two) = (format!("{ONE}/lib/libone.so.1"), format!("{TWO}/lib/libone.so.1"));
    f.library(&one, &[]).library(&two, &[]);
    f.program(&format!("{APP}/bin/a"), &[&one]).program(&format!("{APP}/bin/b"), &[&two]);
    f.program(&format!("{APP}/bin/c"), &[&one]);
    let plan = f.result(APP).plan("");
    // Two programs want the first, so it has the plain place.
    assert_eq!(entry(&plan, "/usr/lib/app/libone.so.1").origin, "one-1.0/lib/libone.so.1");
    assert_eq!(entry(&plan, "/usr/lib/app/22222222/libone.so.1").origin, "one-2.0/lib/libone.so.1");
    assert_eq!(run_path(&plan, "/usr/bin/a"), "$ORIGIN/../lib/app");
    assert_eq!(run_path(&plan, "/usr/bin/b"), "$ORIGIN/../lib/app/22222222:$ORIGIN/../lib/app");
}

#[test]
fn the_same_library_from_two_store_paths_is_kept_once() {
    let mut f = Fixture::new();
    let (one, two) = (format!("{ONE}/lib/libone.so.1"), format!("{TWO}/lib/libone.so.1"));
    f.library(&one, &[]);
    std::fs::copy(f.disk(&one), f.disk(&two)).unwrap();
    f.program(&format!("{APP}/bin/a"), &[&one]).program(&format!("{APP}/bin/b"), &[&two]);
    let plan = f.result(APP).plan("");
    let kept: Vec<String> = lines(&plan).into_iter().filter(|line| line.contains("libone")).collect();
    assert_eq!(kept, ["/usr/lib/app/libone.so.1 = one-1.0/lib/libone.so.1"]);
    assert_eq!(run_path(&plan, "/usr/bin/b"), "$ORIGIN/../lib/app");
}

#[test]
fn what_each_consumer_loads_is_its_own_even_behind_a_shared_library() {
    // The shared library names no folder for libone, nor does who loads it: the programs do, by an inherited DT_RPATH.
    let mut f = Fixture::new();
    let (one, two) = (format!("{ONE}/lib/libone.so.1"), format!("{TWO}/lib/libone.so.1"));
    let (mid, top) = (format!("{MID}/lib/libmid.so.1"), format!("{MID}/lib/libtop.so.1"));
    f.library(&one, &[]).library(&two, &[]);
    f.with_run_path(&mid, None, &[&one], &["-shared", "-fPIC", "-Wl,-soname,libmid.so.1"]);
    f.with_run_path(&top, None, &[&mid], &["-shared", "-fPIC", "-Wl,-soname,libtop.so.1"]);
    for (name, library) in [("a", &one), ("b", &two)] {
        let rpath = format!(
            "-Wl,--disable-new-dtags,-rpath,/nix/store/{}:/nix/store/{MID}/lib",
            library.rsplit_once('/').unwrap().0
        );
        let loader = format!("-Wl,--dynamic-linker=/nix/store/{GLIBC}/lib/ld-linux-x86-64.so.2");
        f.compile(&format!("{APP}/bin/{name}"), "int main(void) { return 0; }", &[&top], &[&rpath, &loader]);
    }
    let plan = f.result(APP).plan("");
    for library in ["libmid.so.1", "libtop.so.1"] {
        assert_eq!(run_path(&plan, &format!("/usr/lib/app/{library}")), "", "it would be searched first");
    }
    assert_eq!(run_path(&plan, "/usr/bin/a"), "$ORIGIN/../lib/app");
    assert_eq!(run_path(&plan, "/usr/bin/b"), "$ORIGIN/../lib/app/22222222:$ORIGIN/../lib/app");
}

#[test]
fn a_result_with_libraries_stays_together() {
    let mut f = Fixture::new();
    f.library(&format!("{APP}/lib/libapp.so.1"), &[]).link(&format!("{APP}/lib/libapp.so"), "libapp.so.1");
    f.link(&format!("{APP}/lib64"), "lib");
    f.program(&format!("{APP}/bin/app"), &[&format!("{APP}/lib/libapp.so.1")]);
    f.file(&format!("{APP}/share/app/data"), format!("in /nix/store/{APP}/share/app"));
    let plan = f.result(APP).plan("");
    let place = "/usr/lib/app/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-app-1.0";
    let own: Vec<String> = lines(&plan).into_iter().filter(|line| !line.contains("glibc")).collect();
    assert_eq!(
        own,
        [
            "/usr/bin/app -> ../lib/app/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-app-1.0/bin/app".to_owned(),
            format!("{place}/bin/app = app-1.0/bin/app"),
            format!("{place}/lib/libapp.so -> libapp.so.1"),
            format!("{place}/lib/libapp.so.1 = app-1.0/lib/libapp.so.1"),
            format!("{place}/lib64 -> lib"),
            format!("{place}/share/app/data = app-1.0/share/app/data"),
        ]
    );
    assert_eq!(run_path(&plan, &format!("{place}/bin/app")), "$ORIGIN/../..:$ORIGIN/../lib");
    assert_eq!(surgery(&plan, &format!("{place}/share/app/data")), [Surgery::References(1)]);
}

#[test]
fn a_join_is_dereferenced() {
    let mut f = Fixture::new();
    let join = "jjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjj-tools";
    f.program(&format!("{APP}/bin/app"), &[]).file(&format!("{APP}/share/man/man1/app.1"), "");
    f.link(&format!("{join}/bin/app"), &format!("/nix/store/{APP}/bin/app"));
    f.link(&format!("{join}/bin/again"), &format!("/nix/store/{APP}/bin/app"));
    f.link(&format!("{join}/share"), &format!("/nix/store/{APP}/share"));
    let plan = f.result("jjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjj-tools").plan("");
    let own: Vec<String> = lines(&plan).into_iter().filter(|line| !line.contains("glibc")).collect();
    assert_eq!(
        own,
        [
            "/usr/bin/again -> app",
            "/usr/bin/app = app-1.0/bin/app",
            "/usr/share/man/man1/app.1.gz = app-1.0/share/man/man1/app.1"
        ]
    );
    assert_eq!((plan.package.name.as_str(), plan.package.version.as_str()), ("tools", "0"));
}

#[test]
fn a_loader_among_the_programs_lies_with_the_libraries() {
    // glibc's own `bin/ld.so` is a link to the loader in another output.
    let mut f = Fixture::new();
    f.program(&format!("{APP}/bin/app"), &[]);
    f.link(&format!("{APP}/bin/ld.so"), &format!("/nix/store/{GLIBC}/lib/ld-linux-x86-64.so.2"));
    let plan = f.result(APP).plan("");
    assert!(
        lines(&plan).contains(&"/usr/bin/ld.so -> ../lib/app/ld-linux-x86-64.so.2".to_owned()),
        "{:?}",
        lines(&plan)
    );
    assert_eq!(entry(&plan, "/usr/lib/app/ld-linux-x86-64.so.2").mode, 0o755);
}

#[test]
fn setuid_is_asked_for_and_makes_the_run_path_absolute() {
    let mut f = Fixture::new();
    f.library(&format!("{ONE}/lib/libone.so.1"), &[]);
    f.program(&format!("{APP}/bin/ping"), &[&format!("{ONE}/lib/libone.so.1")]);
    f.result(APP);
    let plan = f.plan("[[install.files]]\npath = \"bin/ping\"\nmode = 0o4755");
    assert_eq!(entry(&plan, "/usr/bin/ping").mode, 0o4755);
    assert_eq!(run_path(&plan, "/usr/bin/ping"), "/usr/lib/app");
    let error = f.try_plan("[[install.files]]\npath = \"bin/pong\"\nmode = 0o4755").unwrap_err();
    assert!(error.to_string().contains("bin/pong") && error.exit_status() == 2, "{error}");
}

#[test]
fn baseline_libraries_come_from_the_target() {
    let mut f = Fixture::new();
    f.library(&format!("{ONE}/lib/libGL.so.1"), &[]);
    f.program(&format!("{APP}/bin/app"), &[&format!("{ONE}/lib/libGL.so.1")]);
    let plan = f.result(APP).plan("[runtime]\nbaseline = [\"libGL.so.*\"]");
    assert!(!lines(&plan).iter().any(|line| line.contains("libGL")), "{:?}", lines(&plan));
    let run_path = run_path(&plan, "/usr/bin/app");
    assert!(run_path.starts_with("$ORIGIN/../lib/app:/usr/lib/x86_64-linux-gnu:"), "{run_path}");
    assert!(codes(&plan).contains(&"baseline-library"));
}

#[test]
fn libraries_are_added_on_request() {
    let mut f = Fixture::new();
    f.library(&format!("{ONE}/lib/libone.so.1"), &[]);
    f.library(&format!("{MID}/lib/libplugin.so.1"), &[&format!("{ONE}/lib/libone.so.1")]);
    f.program(&format!("{APP}/bin/app"), &[])
        .file(&format!("{APP}/share/doc/x"), format!("/nix/store/{MID}"));
    f.result(APP);
    let plan = f.plan("[runtime]\nadd = [\"libplugin.so*\"]");
    assert_eq!(entry(&plan, "/usr/lib/app/libplugin.so.1").origin, "mid-1.0/lib/libplugin.so.1");
    assert_eq!(entry(&plan, "/usr/lib/app/libone.so.1").origin, "one-1.0/lib/libone.so.1");
    let error = f.try_plan("[runtime]\nadd = [\"libnothing*\"]").unwrap_err().to_string();
    assert!(error.contains("libnothing"), "{error}");
}

#[test]
fn a_host_bundle_takes_the_targets_glibc_whole() {
    let mut f = Fixture::new();
    f.program(&format!("{APP}/bin/app"), &[]);
    f.result(APP);
    let plan = f.plan("[runtime]\nglibc = \"host\"\ntargets = [\"debian-13\"]");
    assert_eq!(lines(&plan), ["/usr/bin/app = app-1.0/bin/app"]);
    assert!(
        surgery(&plan, "/usr/bin/app").contains(&Surgery::Interpreter("/lib64/ld-linux-x86-64.so.2".into()))
    );
    assert!(plan.package.deb.relations.depends.iter().any(|relation| relation.starts_with("libc6 (>= 2.")));
    assert!(
        plan.package.rpm.relations.depends.iter().any(|relation| relation.starts_with("libc.so.6(GLIBC_2."))
    );
    // __libc_start_main is of 2.34 on any machine that this is compiled on.
    let error = f.try_plan("[runtime]\nglibc = \"host\"\ntargets = [\"debian-11\"]").unwrap_err().to_string();
    assert!(error.contains("debian-11") && error.contains("glibc 2.31"), "{error}");
}

#[test]
fn a_missing_library_names_the_file_the_soname_and_the_folders() {
    let mut f = Fixture::new();
    f.library(&format!("{ONE}/lib/libone.so.1"), &[]);
    f.program(&format!("{APP}/bin/app"), &[&format!("{ONE}/lib/libone.so.1")]);
    std::fs::remove_file(f.disk(&format!("{ONE}/lib/libone.so.1"))).unwrap();
    let error = f.result(APP).try_plan("").unwrap_err().to_string();
    for part in ["app-1.0/bin/app", "libone.so.1", &format!("/nix/store/{ONE}/lib")] {
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[test]
fn scripts_static_programs_and_data_pass_through() {
    let mut f = Fixture::new();
    f.script(&format!("{APP}/bin/script"), &format!("#!/nix/store/{ONE}/bin/bash\n"));
    f.file(&format!("{ONE}/bin/bash"), "");
    f.compile(&format!("{APP}/bin/static"), "int main(void) { return 0; }", &[], &["-static"]);
    f.file(&format!("{APP}/share/licenses/app/COPYING"), format!("{ONE} without its folder"));
    let plan = f.result(APP).plan("");
    let Kind::File { patches, .. } = &entry(&plan, "/usr/bin/static").kind else { panic!() };
    assert!(patches.is_empty(), "{patches:?}");
    // A hash alone cannot be rewritten.
    let leftover = plan.findings.iter().find(|finding| finding.code == "store-reference").unwrap();
    assert!(leftover.subjects[0].contains(ONE) && leftover.subjects[0].contains("COPYING"), "{leftover}");
}

#[test]
fn an_announced_library_is_taken_along() {
    let mut f = Fixture::new();
    f.library(&format!("{ONE}/lib/libone.so.1"), &[]);
    let source = opening(&["libone.so.1"], "recommended") + "int main(void) { return 0; }";
    let loader = format!("-Wl,--dynamic-linker=/nix/store/{GLIBC}/lib/ld-linux-x86-64.so.2");
    let rpath = format!("-Wl,-rpath,/nix/store/{ONE}/lib");
    f.compile(&format!("{APP}/bin/app"), &source, &[], &[&loader, &rpath]);
    let plan = f.result(APP).plan("");
    assert_eq!(entry(&plan, "/usr/lib/app/libone.so.1").origin, "one-1.0/lib/libone.so.1");
}

/// It is in the closure by another file's run path: in lib-dir both lie side by side.
#[test]
fn an_announced_library_that_another_file_brings_is_not_missing() {
    let mut f = Fixture::new();
    let one = format!("{ONE}/lib/libone.so.1");
    f.library(&one, &[]).program(&format!("{APP}/bin/other"), &[&one]);
    let source = opening(&["libone.so.1"], "recommended") + "int main(void) { return 0; }";
    let loader = format!("-Wl,--dynamic-linker=/nix/store/{GLIBC}/lib/ld-linux-x86-64.so.2");
    f.compile(&format!("{APP}/bin/app"), &source, &[], &[&loader]);
    assert!(!codes(&f.result(APP).plan("")).contains(&"dlopen-missing"));
    std::fs::remove_file(f.disk(&format!("{APP}/bin/other"))).unwrap();
    assert!(codes(&f.plan("")).contains(&"dlopen-missing"));
}

/// glibc opens libgcc_s for whoever unwinds a stack in its process: a program, a library, a plugin.
#[test]
fn libgcc_s_is_taken_along_where_threads_end() {
    let plan = |program: &str, plugin: &str| {
        let mut f = Fixture::new();
        f.library(&format!("{GLIBC}/lib/libgcc_s.so.1"), &[]);
        f.compile(&format!("{APP}/lib/plugin.so"), plugin, &[], &["-shared", "-fPIC"]);
        let loader = format!("-Wl,--dynamic-linker=/nix/store/{GLIBC}/lib/ld-linux-x86-64.so.2");
        let source = format!("#include <pthread.h>\nint main(void) {{ {program}; return 0; }}");
        f.compile(&format!("{APP}/bin/app"), &source, &[], &[&loader]);
        f.result(APP).plan("")
    };
    let (waits, ends) = ("pthread_testcancel()", "pthread_exit(0)");
    let plugin = |code: &str| format!("#include <pthread.h>\nvoid end(void) {{ {code}; }}");
    for (program, plugin, wanted) in [
        (waits, plugin(waits), false),
        (ends, plugin(waits), true),
        (waits, plugin(ends), true),
        (waits, "int backtrace(void **, int); int f(void) { return backtrace(0, 0); }".to_owned(), true),
    ] {
        let lines = lines(&plan(program, &plugin));
        assert_eq!(
            lines.iter().any(|line| line.contains("libgcc_s")),
            wanted,
            "{program}, {plugin}: {lines:#?}"
        );
    }
}

#[test]
fn two_glibcs_have_a_library_folder_each() {
    let mut f = Fixture::new();
    let other = "hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh-glibc-2.99";
    for name in ["ld-linux-x86-64.so.2", "libc.so.6"] {
        std::fs::copy(f.disk(&format!("{GLIBC}/lib/{name}")), f.disk(&format!("{other}/lib/{name}")))
            .unwrap();
    }
    f.program(&format!("{APP}/bin/a"), &[]);
    let loader = format!("-Wl,--dynamic-linker=/nix/store/{other}/lib/ld-linux-x86-64.so.2");
    let rpath = format!("-Wl,-rpath,/nix/store/{other}/lib");
    f.compile(&format!("{APP}/bin/b"), "int main(void) { return 0; }", &[], &[&loader, &rpath]);
    let plan = f.result(APP).plan("");
    assert_eq!(run_path(&plan, "/usr/bin/a"), "$ORIGIN/../lib/app");
    assert_eq!(run_path(&plan, "/usr/bin/b"), "$ORIGIN/../lib/app/glibc-2.99");
    assert!(
        surgery(&plan, "/usr/bin/b")
            .contains(&Surgery::Interpreter("/usr/lib/app/glibc-2.99/ld-linux-x86-64.so.2".into()))
    );
    assert_eq!(entry(&plan, "/usr/lib/app/glibc-2.99/libc.so.6").origin, "glibc-2.99/lib/libc.so.6");
}

#[test]
fn builds_for_newer_processors_come_along() {
    let mut f = Fixture::new();
    let one = format!("{ONE}/lib/libone.so.1");
    f.library(&one, &[]).library(&format!("{ONE}/lib/glibc-hwcaps/x86-64-v3/libone.so.1"), &[]);
    f.program(&format!("{APP}/bin/app"), &[&one]);
    let plan = f.result(APP).plan("");
    let ones: Vec<String> = lines(&plan).into_iter().filter(|line| line.contains("libone")).collect();
    assert_eq!(
        ones,
        [
            "/usr/lib/app/glibc-hwcaps/x86-64-v3/libone.so.1 = one-1.0/lib/glibc-hwcaps/x86-64-v3/libone.so.1",
            "/usr/lib/app/libone.so.1 = one-1.0/lib/libone.so.1",
        ]
    );
}

#[test]
fn the_tag_is_turned_on_request() {
    let mut f = Fixture::new();
    f.program(&format!("{APP}/bin/app"), &[]);
    let plan = f.result(APP).plan("[runtime]\nrpath = \"runpath\"");
    let wanted = Surgery::RunPath { to: "$ORIGIN/../lib/app".into(), runpath: true };
    assert!(surgery(&plan, "/usr/bin/app").contains(&wanted));
}

#[test]
fn several_results_make_one_package() {
    let mut f = Fixture::new();
    f.program(&format!("{APP}/bin/app"), &[]).program(&format!("{TWO}/bin/two"), &[]);
    f.file(&format!("{APP}/share/doc/x"), "the same").file(&format!("{TWO}/share/doc/x"), "the same");
    let plan = f.result(APP).result(TWO).plan("");
    let programs: Vec<String> =
        lines(&plan).into_iter().filter(|line| line.starts_with("/usr/bin")).collect();
    assert_eq!(programs, ["/usr/bin/app = app-1.0/bin/app", "/usr/bin/two = one-2.0/bin/two"]);
    f.file(&format!("{TWO}/share/doc/x"), "another");
    let error = f.try_plan("").unwrap_err().to_string();
    assert!(error.contains("app-1.0/share/doc/x and one-2.0/share/doc/x"), "{error}");
}

#[test]
fn a_truncated_program_is_an_error_and_truncated_data_is_not() {
    let mut f = Fixture::new();
    f.program(&format!("{APP}/bin/app"), &[]);
    let whole = std::fs::read(f.disk(&format!("{APP}/bin/app"))).unwrap();
    f.file(&format!("{APP}/share/doc/test.elf"), &whole[..whole.len() / 2]);
    assert_eq!(codes(&f.result(APP).plan("")).first(), Some(&"malformed-elf"));
    f.script(&format!("{APP}/bin/app"), "");
    std::fs::remove_file(f.disk(&format!("{APP}/bin/app"))).unwrap();
    f.file(&format!("{APP}/bin/app"), &whole[..100]);
    let error = f.try_plan("").unwrap_err().to_string();
    assert!(error.contains("bin/app") && error.contains("cut off"), "{error}");
}

#[test]
fn musls_own_way_with_library_paths_is_told_of() {
    let mut f = Fixture::new();
    let loader = f.disk(&format!("{TWO}/lib/ld-musl-x86_64.so.1"));
    std::fs::copy(f.disk(&format!("{GLIBC}/lib/ld-linux-x86-64.so.2")), loader).unwrap();
    let loader = format!("-Wl,--dynamic-linker=/nix/store/{TWO}/lib/ld-musl-x86_64.so.1");
    f.compile(&format!("{APP}/bin/app"), "int main(void) { return 0; }", &[], &[&loader]);
    assert!(codes(&f.result(APP).plan("")).contains(&"musl-library-path"));
}

#[test]
fn capabilities_are_kept_where_a_format_has_them() {
    let mut f = Fixture::new();
    f.program(&format!("{APP}/bin/ping"), &[]);
    let plan = f.result(APP).plan("[[install.files]]\npath = \"bin/ping\"\ncaps = \"cap_net_raw+ep\"");
    assert_eq!(entry(&plan, "/usr/bin/ping").caps.as_deref(), Some("cap_net_raw+ep"));
    assert_eq!(run_path(&plan, "/usr/bin/ping"), "/usr/lib/app", "ld.so ignores $ORIGIN");
    assert!(codes(&plan).contains(&"capabilities-by-hand"));
}

#[test]
fn what_has_no_run_path_or_a_short_one_gets_one() {
    let mut f = Fixture::new();
    let loader = format!("-Wl,--dynamic-linker=/nix/store/{GLIBC}/lib/ld-linux-x86-64.so.2");
    let own = format!("{APP}/lib/libapp.so.1");
    f.with_run_path(&own, Some("$ORIGIN"), &[], &["-shared", "-fPIC", "-Wl,-soname,libapp.so.1"]);
    f.with_run_path(&format!("{APP}/lib/libalone.so"), None, &[], &["-shared", "-fPIC"]);
    f.with_run_path(&format!("{APP}/bin/short"), Some("$ORIGIN/../lib"), &[&own], &[&loader]);
    f.with_run_path(&format!("{APP}/bin/none"), None, &[], &[&loader]);
    let plan = f.result(APP).plan("");
    let place = "/usr/lib/app/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-app-1.0";
    for (file, folders) in [
        ("bin/short", "$ORIGIN/../..:$ORIGIN/../lib"),
        ("bin/none", "$ORIGIN/../.."),
        ("lib/libapp.so.1", "$ORIGIN/../..:$ORIGIN"),
    ] {
        let path = format!("{place}/{file}");
        assert_eq!(run_path(&plan, &path), folders, "{file}");
        let elf = parsed(&plan, &path);
        assert_eq!((elf.rpath.as_deref(), elf.runpath), (Some(folders.as_bytes()), None), "{file}");
    }
    let Kind::File { size, grown, .. } = entry(&plan, &format!("{place}/bin/none")).kind else { panic!() };
    let source = std::fs::metadata(f.disk(&format!("{APP}/bin/none"))).unwrap().len();
    assert!(grown > 0 && size == source + grown, "{source} and {grown} are not {size}");
    // Its program finds glibc for it, so it need not grow.
    assert_eq!(run_path(&plan, &format!("{place}/lib/libalone.so")), "");
    assert!(codes(&plan).is_empty(), "{:?}", plan.findings);
}

#[test]
fn neither_the_loader_nor_glibcs_own_libraries_get_a_run_path() {
    let mut f = Fixture::new();
    let libm = format!("{GLIBC}/lib/libm.so.6");
    f.program(&format!("{APP}/bin/app"), &[&libm]);
    let plan = f.result(APP).plan("");
    for name in ["ld-linux-x86-64.so.2", "libc.so.6", "libm.so.6"] {
        assert_eq!(run_path(&plan, &format!("/usr/lib/app/{name}")), "", "{name}");
    }
}

#[test]
fn a_glibc_that_is_a_result_has_the_loader_of_its_programs() {
    let mut f = Fixture::new();
    f.program(&format!("{APP}/bin/app"), &[]);
    let plan = f.result(APP).result(GLIBC).plan("");
    let place = "/usr/lib/app/gggggggggggggggggggggggggggggg-glibc-2.36/lib";
    let app = parsed(&plan, "/usr/bin/app");
    let loader = format!("{place}/ld-linux-x86-64.so.2");
    assert_eq!(app.interpreter.as_deref(), Some(loader.as_bytes()));
    assert_eq!((entry(&plan, &loader).role, entry(&plan, &loader).mode), (Role::Loader, 0o755));
}

#[test]
fn a_program_with_a_payload_behind_it_does_not_grow() {
    let mut f = Fixture::new();
    let loader = format!("-Wl,--dynamic-linker=/nix/store/{GLIBC}/lib/ld-linux-x86-64.so.2");
    let app = format!("{APP}/bin/app");
    f.with_run_path(&app, None, &[], &[&loader]);
    let program = std::fs::read(f.disk(&app)).unwrap();
    std::fs::write(f.disk(&app), [&program[..], &[b'x'; 100]].concat()).unwrap();
    let error = f.result(APP).try_plan("").unwrap_err().to_string();
    for part in ["app-1.0/bin/app", "100 bytes that are no part of the program", "layout = \"store\""] {
        assert!(error.contains(part), "{part}: {error}");
    }
    // There it is left as it is.
    let plan = f.plan("[install]\nlayout = \"store\"");
    assert_eq!(codes(&plan), ["no-run-path"]);
    let Kind::File { grown: 0, .. } =
        entry(&plan, "/usr/lib/app/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-app-1.0/bin/app").kind
    else {
        panic!("it grew");
    };
}
