//! What is checked here is packed by the real tools: dpkg-deb, rpmbuild, tar.

mod failures;
mod findings;
mod hostile;
mod workshop;

use workshop::{FORMATS, Workshop};

use super::*;

/// What nothing else is known of.
fn stranger() -> Policy {
    Policy { store_dir: b"/nix/store".to_vec(), baseline: None }
}

fn check_root(workshop: &Workshop) -> Report {
    check(&workshop.root(), &stranger()).unwrap()
}

/// The only failure there is.
fn failure(workshop: &Workshop) -> String {
    let report = check_root(workshop);
    assert_eq!(report.failures.len(), 1, "{report:?}");
    report.failures[0].clone()
}

#[test]
fn a_closed_artifact_is_closed_in_every_format() {
    let workshop = Workshop::closed();
    for format in FORMATS {
        let report = check(&workshop.pack(format), &stranger()).unwrap();
        assert!(report.is_closed() && report.findings.is_empty(), "{format}: {report:?}");
        assert_eq!((report.programs, report.libraries), (1, 3), "{format}");
    }
}

#[test]
fn musls_loader_is_its_c_library() {
    let workshop = Workshop::empty();
    let (program, libc) = workshop::musl();
    workshop.file("usr/bin/app", 0o755, &program);
    workshop.file("usr/lib/app/libfoo.so", 0o644, &workshop::library(&["-nostdlib"]));
    workshop.file("usr/lib/app/ld-musl-any.so.1", 0o755, &libc);
    let report = check_root(&workshop);
    assert!(report.is_closed() && report.findings.is_empty(), "{report:?}");
}

#[test]
fn what_is_wrong_is_found_in_every_format() {
    let workshop = Workshop::closed();
    workshop.remove("usr/lib/app/libfoo.so");
    workshop.file("usr/lib/app/plugin.so", 0o666, &workshop::specimen().library);
    workshop.link("usr/bin/nowhere", "missing");
    let wanted = check_root(&workshop);
    assert_eq!(wanted.failures.len(), 3, "{wanted}");
    for format in FORMATS {
        let report = check(&workshop.pack(format), &stranger()).unwrap();
        assert_eq!(report.failures, wanted.failures, "{format}");
        assert_eq!(report.findings, wanted.findings, "{format}");
    }
}

#[test]
fn a_report_is_told_in_lines_and_in_json() {
    let report = Report {
        failures: vec!["/usr/bin/app needs libfoo.so".into()],
        findings: vec![Finding::note("host-link", "links lead to the target").subject("/usr/bin/sh")],
        programs: 1,
        libraries: 2,
    };
    insta::assert_snapshot!(report, @r"
    error: /usr/bin/app needs libfoo.so
    note[host-link]: links lead to the target
        /usr/bin/sh
    not closed (1 failure): 1 program, 2 libraries
    ");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["failures"][0], "/usr/bin/app needs libfoo.so");
    assert_eq!(json["findings"][0]["code"], "host-link");
}
