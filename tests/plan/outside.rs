//! What a bundle asks of the target that is not in the store.

use crate::fixture::{Fixture, GLIBC, body, entry, parsed, surgery};
use explant::plan::{Plan, Surgery};

const APP: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-app-1.0";
const GL: &str = "33333333333333333333333333333333-libgl-1.0";
const STORE: &str = "[install]\nlayout = \"store\"\n";

/// A program with a library that looks for the target's drivers.
fn with_drivers() -> Fixture {
    let mut f = Fixture::new();
    let library = format!("{GL}/lib/libgl.so.1");
    let folders = format!("/nix/store/{GLIBC}/lib:/run/opengl-driver/lib");
    f.with_run_path(&library, Some(&folders), &[], &["-shared", "-fPIC", "-Wl,-soname,libgl.so.1"]);
    f.program(&format!("{APP}/bin/app"), &[&library]);
    let places =
        "/run/opengl-driver/share/glvnd/egl_vendor.d\0/run/opengl-driver/lib/dri\0/run/opengl-drivers/etc\0";
    f.file(&format!("{APP}/lib/app/places"), places);
    f.result(APP);
    f
}

fn told(plan: &Plan, code: &str) -> Vec<String> {
    let findings = plan.findings.iter().filter(|finding| finding.code == code);
    findings.flat_map(|finding| finding.subjects.clone()).collect()
}

#[test]
fn drivers_are_looked_for_where_distributions_have_them() {
    let f = with_drivers();
    let plan = f.plan("");
    let run_path = parsed(&plan, "/usr/lib/app/libgl.so.1").rpath.unwrap();
    let run_path = String::from_utf8(run_path).unwrap();
    let target =
        ":/run/opengl-driver/lib:/usr/lib/x86_64-linux-gnu:/lib/x86_64-linux-gnu:/usr/lib64:/usr/lib";
    assert_eq!(run_path, format!("$ORIGIN{target}"));
    let program =
        entry(&plan, "/usr/lib/app/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-app-1.0/bin/app").path.to_string();
    let rpath = String::from_utf8(parsed(&plan, &program).rpath.unwrap()).unwrap();
    assert!(!rpath.contains("opengl") && !rpath.contains(":/"), "{rpath}: the others stay hermetic");
    assert_eq!(told(&plan, "host-drivers"), ["app-1.0/lib/app/places", "libgl-1.0/lib/libgl.so.1"]);
}

#[test]
fn what_describes_drivers_is_the_targets() {
    let f = with_drivers();
    for bundle in ["", STORE] {
        let plan = f.plan(bundle);
        let places = "/usr/lib/app/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-app-1.0/lib/app/places";
        let (old, new) = ("/run/opengl-driver/share", format!("{:/>24}", "/usr/share"));
        assert_eq!(old.len(), new.len());
        let text = String::from_utf8(body(&plan, places)).unwrap();
        // A folder that each distribution names otherwise stays, as does what only begins like it.
        let wanted =
            format!("{new}/glvnd/egl_vendor.d\0/run/opengl-driver/lib/dri\0/run/opengl-drivers/etc\0");
        assert_eq!(text, wanted);
        assert_eq!(surgery(&plan, places), [Surgery::Host("/usr/share".into())]);
        assert_eq!(told(&plan, "host-drivers").len(), 2, "{:?}", plan.findings);
    }
}

#[test]
fn who_asks_pam_is_told_of() {
    let mut f = Fixture::new();
    f.program(&format!("{APP}/bin/app"), &[]);
    let source = "int pam_start(void); int ask(void) { return pam_start(); }";
    f.compile(&format!("{APP}/lib/app/login.so"), source, &[], &["-shared", "-fPIC"]);
    f.result(APP);
    for bundle in ["", STORE] {
        assert_eq!(told(&f.plan(bundle), "pam"), ["app-1.0/lib/app/login.so"]);
    }
}
