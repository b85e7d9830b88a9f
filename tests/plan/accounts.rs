//! What a bundle says of itself: licence texts, Debian's copyright file, the bill of materials.

use std::collections::BTreeSet;

use explant::path::InstallPath;
use explant::plan::{Kind, Plan, Role};
use explant::store::{StoreHash, scan::Scanner};

use crate::fixture::{Fixture, GLIBC, body, entry, lines};

const APP: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-app-1.0";
const ONE: &str = "11111111111111111111111111111111-one-1.0-lib";
const ONE_DOC: &str = "dddddddddddddddddddddddddddddddd-one-1.0-doc";
const TWO: &str = "22222222222222222222222222222222-two-2.0";
const BILL: &str = "/usr/share/doc/app/app.cdx.json";
const COPYRIGHT: &str = "/usr/share/doc/app/copyright";

const MIT: &str = "MIT License\n\nCopyright (c) 2012 Jane Doe\n\nPermission is hereby granted...\n";

/// A program, two libraries, and a text for one of them in another output.
fn fixture() -> Fixture {
    let mut f = Fixture::new();
    let (one, two) = (format!("{ONE}/lib/libone.so.1"), format!("{TWO}/lib/libtwo.so.1"));
    f.library(&one, &[]).library(&two, &[&one]);
    f.program(&format!("{APP}/bin/app"), &[&two]);
    f.file(&format!("{ONE_DOC}/share/licenses/one/COPYING"), MIT);
    f.file(&format!("{ONE}/nix-support/propagated"), format!("/nix/store/{ONE_DOC}"));
    f.result(APP);
    f
}

fn text(plan: &Plan, path: &str) -> String {
    String::from_utf8(body(plan, path)).unwrap()
}

fn has(plan: &Plan, path: &str) -> bool {
    plan.entry(&InstallPath::new(path).unwrap()).is_some()
}

#[test]
fn the_texts_of_all_outputs_are_shipped() {
    let f = fixture();
    let plan = f.plan("");
    let place = "/usr/share/doc/app/licenses/one-COPYING";
    assert_eq!((text(&plan, place).as_str(), entry(&plan, place).role), (MIT, Role::License));
    let copyright = text(&plan, COPYRIGHT);
    assert_eq!(entry(&plan, COPYRIGHT).role, Role::License);
    let paragraph = "\nFiles: usr/lib/app/libone.so.1\nCopyright: 2012 Jane Doe\nLicense: one\n The text is in \
                     /usr/share/doc/app/licenses/one-COPYING\n";
    assert!(copyright.contains(paragraph), "{copyright}");
    let finding = plan.findings.iter().find(|finding| finding.code == "no-licence-text").unwrap();
    assert_eq!(
        finding.message,
        "3 of 4 bundled projects have no licence text in the closure: app, glibc, two"
    );
}

#[test]
fn what_the_user_says_of_licences_is_told() {
    let said = "[package]\nlicense = \"MIT\"\n[licenses]\nglibc = \"LGPL-2.1-or-later\"\ntwo = \"Acme's own\"\nthree = \"MIT\"\n";
    let f = fixture();
    let plan = f.plan(said);
    let copyright = text(&plan, COPYRIGHT);
    for part in [
        "Files: *\nCopyright: not said in what Nix built\nLicense: Expat\n In SPDX's words: MIT\n",
        "License: LGPL-2.1+\n In SPDX's words: LGPL-2.1-or-later\n On Debian systems, a text is in /usr/share/common-licenses/LGPL-2.1\n",
        "License: Acme's-own\n",
    ] {
        assert!(copyright.contains(part), "{part}\nis not in\n{copyright}");
    }
    let finding = plan.findings.iter().find(|finding| finding.code == "no-licence-text").unwrap();
    assert!(finding.message.starts_with("2 of 4 ") && finding.message.ends_with(": app, two"), "{finding}");

    let unused = plan.findings.iter().find(|finding| finding.code == "unused-licence").unwrap();
    assert_eq!(unused.subjects, ["three"]);

    let bill: serde_json::Value = serde_json::from_slice(&body(&plan, BILL)).unwrap();
    let licence = |name: &str| {
        let components = bill["components"].as_array().unwrap();
        components.iter().find(|component| component["name"] == name).unwrap()["licenses"][0].clone()
    };
    assert_eq!(licence("app"), serde_json::json!({ "expression": "MIT" }));
    assert_eq!(licence("two"), serde_json::json!({ "license": { "name": "Acme's own" } }));
}

#[test]
fn a_results_own_texts_lie_with_the_others_and_links_lead_there() {
    let mut f = Fixture::new();
    f.program(&format!("{APP}/bin/app"), &[]);
    f.file(&format!("{APP}/share/doc/app/copyright"), "Copyright 2001 Old")
        .file(&format!("{APP}/share/licenses/app/LICENSE"), MIT);
    f.file(&format!("{APP}/share/doc/app/README"), "");
    let plan = f.result(APP).plan("");
    assert_eq!(
        lines(&plan).into_iter().filter(|line| line.contains("/share/")).collect::<Vec<_>>(),
        [
            "/usr/share/doc/app/README = app-1.0/share/doc/app/README",
            "/usr/share/doc/app/licenses/app-LICENSE = app-1.0/share/licenses/app/LICENSE",
            "/usr/share/doc/app/licenses/app-copyright = app-1.0/share/doc/app/copyright",
            "/usr/share/licenses/app/LICENSE -> ../../doc/app/licenses/app-LICENSE",
        ]
    );
    assert!(
        text(&plan, COPYRIGHT).contains("Files: *\nCopyright: 2001 Old\n 2012 Jane Doe\n"),
        "{}",
        text(&plan, COPYRIGHT)
    );
}

#[test]
fn one_text_is_shipped_once() {
    let f = fixture();
    f.file(&format!("{TWO}/share/doc/two/LICENSE"), MIT);
    let plan = f.plan("");
    let Kind::Link { target } = &entry(&plan, "/usr/share/doc/app/licenses/two-LICENSE").kind else {
        panic!()
    };
    assert_eq!(target, b"one-COPYING");
    assert!(text(&plan, COPYRIGHT).contains("The text is in /usr/share/doc/app/licenses/two-LICENSE\n"));
}

#[test]
fn in_the_store_layout_the_texts_are_listed_too() {
    let f = fixture();
    f.file(&format!("{TWO}/share/doc/two/LICENSE"), MIT);
    let plan = f.plan("[install]\nlayout = \"store\"");
    assert_eq!(text(&plan, "/usr/share/doc/app/licenses/one-COPYING"), MIT);
    let old = lines(&plan).into_iter().find(|line| line.contains("-two-2.0/share/doc/two/LICENSE")).unwrap();
    assert!(old.ends_with(" -> ../../../../../../share/doc/app/licenses/two-LICENSE"), "{old}");
    let copyright = text(&plan, COPYRIGHT);
    assert!(copyright.contains("-two-2.0/*\n"), "{copyright}");
}

#[test]
fn the_user_may_ship_a_copyright_file_or_none() {
    let f = fixture();
    let own = f.disk("copyright").with_file_name("copyright");
    std::fs::write(&own, "mine").unwrap();
    let contents = format!("[[contents]]\nsrc = {own:?}\ndst = \"{COPYRIGHT}\"");
    assert_eq!(text(&f.plan(&contents), COPYRIGHT), "mine");
    let plan = f.plan("[install]\nlicenses = false\nsbom = false");
    assert!(
        !has(&plan, COPYRIGHT) && !has(&plan, BILL) && !has(&plan, "/usr/share/doc/app/licenses"),
        "{:?}",
        lines(&plan)
    );
    assert!(plan.bill.is_none() && plan.findings.iter().all(|finding| finding.code != "no-licence-text"));
}

#[test]
fn the_copyright_file_lies_in_usr_whatever_the_prefix() {
    let f = fixture();
    let plan = f.plan("[install]\nprefix = \"/opt/acme/app\"");
    assert!(has(&plan, COPYRIGHT) && has(&plan, "/opt/acme/app/share/doc/app/app.cdx.json"));
    assert!(has(&plan, "/opt/acme/app/share/doc/app/licenses/one-COPYING"));
}

fn bill(f: &Fixture, place: &str) -> serde_json::Value {
    let mut plan = f.plan("");
    explant::payload::complete_bill(&mut plan).unwrap();
    serde_json::from_slice(&body(&plan, place)).unwrap()
}

/// As a bill has it.
fn cut(path: &str) -> String {
    format!("{}~{}", &path[..16], &path[16..])
}

fn needs(bill: &serde_json::Value, name: &str) -> BTreeSet<String> {
    let all = bill["dependencies"].as_array().unwrap();
    let of = all.iter().find(|one| one["ref"] == name).unwrap_or_else(|| panic!("no {name} in {bill:#}"));
    of["dependsOn"].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

/// Of a folder of links, and of a script whose interpreter is a program of another store path.
#[test]
fn what_is_named_and_led_to_is_needed_too() {
    const TOOLS: &str = "jjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjj-tools";
    const SHELL: &str = "ssssssssssssssssssssssssssssssss-shell-5.2";
    let mut f = Fixture::new();
    f.program(&format!("{SHELL}/bin/sh"), &[]);
    f.script(&format!("{APP}/bin/app"), &format!("#!/nix/store/{SHELL}/bin/sh\n"));
    f.link(&format!("{TOOLS}/bin/app"), &format!("/nix/store/{APP}/bin/app"));
    let bill = bill(f.result(TOOLS), "/usr/share/doc/tools/tools.cdx.json");
    assert_eq!(needs(&bill, "tools@0"), [cut(APP)].into());
    assert_eq!(needs(&bill, &cut(APP)), [cut(SHELL)].into());
    assert_eq!(needs(&bill, &cut(SHELL)), [cut(GLIBC)].into());
}

#[test]
fn the_bill_tells_what_is_needed_by_what() {
    let bill = bill(&fixture(), BILL);
    let needs = |name: &str| needs(&bill, name);
    assert_eq!(needs("app@1.0"), [cut(APP)].into());
    assert_eq!(needs(&cut(APP)), [cut(TWO), cut(GLIBC)].into());
    assert_eq!(needs(&cut(TWO)), [cut(ONE), cut(GLIBC)].into());
    // The output with the text is not bundled.
    assert!(!bill.to_string().contains("one-1.0-doc"));
    let one = &bill["components"].as_array().unwrap().iter().find(|one| one["name"] == "one").unwrap();
    assert_eq!(one["purl"], format!("pkg:nix/one@1.0?output=lib&outputhash={}", &cut(ONE)[..33]));
    assert_eq!(one["components"][0]["name"], "/usr/lib/app/libone.so.1");
    assert_eq!(one["components"][0]["pedigree"]["notes"], "run path $ORIGIN");
    assert_ne!(one["components"][0]["hashes"], one["components"][0]["pedigree"]["ancestors"][0]["hashes"]);
}

#[test]
fn nothing_that_is_made_refers_to_the_store() {
    for layout in ["flat", "store"] {
        let f = fixture();
        let mut plan = f.plan(&format!("[install]\nlayout = \"{layout}\""));
        explant::payload::complete_bill(&mut plan).unwrap();
        let hashes =
            [APP, ONE, ONE_DOC, TWO, GLIBC].map(|path| StoreHash::new(&path.as_bytes()[..32]).unwrap());
        let scanner = Scanner::new(b"/nix/store", hashes);
        for path in [BILL, COPYRIGHT] {
            assert_eq!(scanner.scan(&body(&plan, path)), [], "{path}");
        }
        // With the tilde taken out it does.
        let mended: Vec<u8> = body(&plan, BILL).into_iter().filter(|b| *b != b'~').collect();
        let found: BTreeSet<StoreHash> = scanner.scan(&mended).into_iter().map(|hit| hit.hash).collect();
        assert!(found.len() >= 4, "{found:?}");
    }
}
