//! What a bundle asks of the target: relations from the bytes.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use explant::plan::Plan;

use crate::fixture::{Fixture, GLIBC, codes, opening, relations_of};

const APP: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-app-1.0";
const ONE: &str = "11111111111111111111111111111111-one-1.0";
const HOST: &str = "[runtime]\nglibc = \"host\"\nbaseline = [\"libz.so.*\", \"libone.so.*\"]\n";

/// A program that needs the machine's libz, glibc, and a library of its own.
fn fixture() -> Fixture {
    let mut f = Fixture::new();
    let zlib = format!("{ONE}/lib/libz.so.1");
    std::fs::copy("/lib/x86_64-linux-gnu/libz.so.1", f.disk(&zlib)).unwrap();
    f.library(&format!("{ONE}/lib/libone.so.1"), &[]);
    let source = "int inflateReset2(void *, int); int main(void) { return inflateReset2(0, 0); }";
    let loader = format!("-Wl,--dynamic-linker=/nix/store/{GLIBC}/lib/ld-linux-x86-64.so.2");
    f.compile(&format!("{APP}/bin/app"), source, &[&zlib, &format!("{ONE}/lib/libone.so.1")], &[&loader]);
    f.result(APP);
    f
}

/// What rpm's own generator says that a file of the store needs.
fn elfdeps(f: &Fixture, path: &str) -> BTreeSet<String> {
    let mut child = Command::new("/usr/lib/rpm/elfdeps")
        .arg("--requires")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{}", f.disk(path).display()).unwrap();
    let told = child.wait_with_output().unwrap();
    assert!(told.status.success());
    String::from_utf8(told.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn requires(plan: &Plan) -> BTreeSet<String> {
    relations_of(plan).1.into_iter().collect()
}

fn depends(plan: &Plan) -> Vec<String> {
    relations_of(plan).0
}

#[test]
fn requires_are_those_of_rpms_own_generator() {
    let f = fixture();
    let wanted = elfdeps(&f, &format!("{APP}/bin/app"));
    assert!(wanted.contains("libz.so.1(ZLIB_1.2.3.4)(64bit)"), "{wanted:?}");
    assert_eq!(requires(&f.plan(HOST)), wanted);
}

#[test]
fn those_of_a_32_bit_program_have_no_mark() {
    let mut f = Fixture::new();
    f.disk(&format!("{GLIBC}/lib/ld-linux.so.2"));
    std::fs::copy("/lib32/ld-linux.so.2", f.disk(&format!("{GLIBC}/lib/ld-linux.so.2"))).unwrap();
    std::fs::copy("/lib32/libc.so.6", f.disk(&format!("{GLIBC}/lib/libc.so.6"))).unwrap();
    let loader = format!("-Wl,--dynamic-linker=/nix/store/{GLIBC}/lib/ld-linux.so.2");
    f.compile(&format!("{APP}/bin/app"), "int main(void) { return 0; }", &[], &["-m32", &loader]);
    f.result(APP);
    let plan = f.plan("[runtime]\nglibc = \"host\"");
    let wanted = elfdeps(&f, &format!("{APP}/bin/app"));
    assert!(wanted.contains("libc.so.6"), "{wanted:?}");
    assert_eq!(requires(&plan), wanted);
    assert_eq!(depends(&plan).len(), 1);
}

#[test]
fn debian_packages_are_those_of_the_table() {
    let plan = fixture().plan(HOST);
    let depends = depends(&plan);
    // dpkg-shlibdeps says `zlib1g (>= 1:1.2.3.4)` of inflateReset2, too; the version is as old as that.
    assert!(depends.iter().any(|one| one.starts_with("zlib1g")), "{depends:?}");
    assert!(depends.iter().any(|one| one.starts_with("libc6 (>= 2.")), "{depends:?}");
    let finding = plan.findings.iter().find(|finding| finding.code == "unknown-package").unwrap();
    assert_eq!(finding.subjects, ["libone.so.1"]);
}

#[test]
fn the_users_words_win() {
    let f = fixture();
    let relations = "[relations]\n\"libone.so.1\" = { deb = \"libone1 (>= 1.2) | libone\", rpm = \"one-libs >= 1.2\" }\n\
                     \"libz.so.1\" = { deb = \"\", rpm = \"\" }\n";
    let plan = f.plan(&format!("[package]\ndepends = [\"libc6 (>= 2.30)\"]\n{HOST}{relations}"));
    assert_eq!(depends(&plan), ["libone1 (>= 1.2) | libone"]);
    let requires = requires(&plan);
    assert!(requires.contains("one-libs >= 1.2"), "{requires:?}");
    assert!(!requires.iter().any(|one| one.contains("libz") || one.contains("libone.so")), "{requires:?}");
    assert!(!codes(&plan).contains(&"unknown-package"));
}

#[test]
fn a_bundled_glibc_depends_on_nothing() {
    let plan = fixture().plan("");
    assert_eq!(relations_of(&plan), (Vec::new(), Vec::new()));
    // A baseline library is all that such a bundle wants of the target.
    let plan = fixture().plan("[runtime]\nbaseline = [\"libz.so.*\"]");
    assert_eq!(depends(&plan).len(), 1);
    assert!(requires(&plan).iter().all(|one| one.starts_with("libz.so.1(")), "{:?}", requires(&plan));
}

/// What a program opens itself, and is less without, is recommended; what it needs besides is not.
#[test]
fn what_is_opened_of_the_target_is_recommended() {
    let plan = |priority: &str, bundle: &str| {
        let mut f = Fixture::new();
        let source = opening(&["libnone.so.7", "libz.so.1"], priority) + "int main(void) { return 0; }";
        let loader = format!("-Wl,--dynamic-linker=/nix/store/{GLIBC}/lib/ld-linux-x86-64.so.2");
        f.compile(&format!("{APP}/bin/app"), &source, &[], &[&loader]);
        let package = f.result(APP).plan(bundle).package;
        (package.deb.relations.recommends, package.rpm.relations.recommends)
    };
    let baseline = "[runtime]\nbaseline = [\"libz.so.*\"]\n";
    for priority in ["required", "recommended"] {
        let (deb, rpm) = plan(priority, baseline);
        assert_eq!(rpm, ["libz.so.1()(64bit)"]);
        assert!(deb.len() == 1 && deb[0].starts_with("zlib1g"), "{deb:?}");
    }
    assert_eq!(plan("suggested", baseline), (Vec::new(), Vec::new()));
    assert_eq!(plan("required", ""), (Vec::new(), Vec::new()));
    let (deb, _) = plan("required", &format!("{baseline}[package]\nrecommends = [\"zlib1g\"]\n"));
    assert!(deb.is_empty(), "{deb:?}");
}

/// Programs that are shipped as they are: what they need is the target's, but for what the bundle has.
#[test]
fn contents_have_relations_too() {
    let mut f = Fixture::new();
    f.program(&format!("{APP}/bin/app"), &[]);
    let one = format!("{ONE}/lib/libone.so.1");
    f.library(&one, &[]);
    let source = "int inflateReset2(void *, int); int main(void) { return inflateReset2(0, 0); }";
    f.compile("own", source, &[&one], &["/lib/x86_64-linux-gnu/libz.so.1"]);
    f.result(APP);
    let (own, library) = (f.disk("own"), f.disk(&one));
    let bundle = format!(
        "[[contents]]\nsrc = \"{}\"\ndst = \"/usr/bin/own\"\npackager = \"rpm\"\n\
         [[contents]]\nsrc = \"{}\"\ndst = \"/usr/lib/own/libone.so.1\"\n",
        own.display(),
        library.display()
    );
    let plan = f.plan(&bundle);
    let mut wanted = elfdeps(&f, "own");
    wanted.remove("libone.so.1()(64bit)");
    assert!(wanted.contains("libz.so.1(ZLIB_1.2.3.4)(64bit)"), "{wanted:?}");
    assert_eq!(requires(&plan), wanted);
    // The program is not in the .deb.
    assert!(!depends(&plan).iter().any(|one| one.starts_with("zlib1g")), "{:?}", depends(&plan));
    let plan = f.plan(&bundle.replace("packager = \"rpm\"\n", ""));
    assert!(depends(&plan).iter().any(|one| one.starts_with("zlib1g")), "{:?}", depends(&plan));
}
