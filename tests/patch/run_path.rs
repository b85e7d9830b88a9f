//! Which tag a run path has, and what becomes of its folders.

use std::fs;

use super::workshop::{PADDING, Workshop};

impl Workshop {
    /// DT_RPATHs and DT_RUNPATHs.
    #[track_caller]
    fn tags(&self, file: &str) -> (Vec<String>, Vec<String>) {
        (self.dynamic("RPATH", file), self.dynamic("RUNPATH", file))
    }
}

fn only(folders: &str) -> Vec<String> {
    vec![folders.to_owned()]
}

#[test]
fn an_rpath_becomes_a_runpath_unless_it_is_forced() {
    let shop = Workshop::new();
    shop.link("old", &["-Wl,--disable-new-dtags"]);
    assert_eq!(shop.tags("old"), (only(&shop.run_path()), vec![]));
    shop.patchelf(&["--force-rpath", "--set-rpath", "/forced", "old"]).stdout();
    assert_eq!(shop.tags("old"), (only("/forced"), vec![]));
    // Even where the folders stay.
    shop.patchelf(&["--set-rpath", "/forced", "old"]).stdout();
    assert_eq!(shop.tags("old"), (vec![], only("/forced")));
    shop.patchelf(&["--force-rpath", "--set-rpath", "/forced", "old"]).stdout();
    assert_eq!(shop.tags("old"), (only("/forced"), vec![]));
}

#[test]
fn a_runpath_becomes_an_rpath_when_it_is_forced() {
    let shop = Workshop::new();
    assert_eq!(shop.tags("p"), (vec![], only(&shop.run_path())));
    shop.patchelf(&["--set-rpath", "/x", "p"]).stdout();
    assert_eq!(shop.tags("p"), (vec![], only("/x")));
    shop.patchelf(&["--set-rpath", "/y", "--force-rpath", "p"]).stdout();
    assert_eq!(shop.tags("p"), (only("/y"), vec![]));
    // On its own it asks for nothing.
    shop.link("p", &["-Wl,--enable-new-dtags"]);
    shop.patchelf(&["--force-rpath", "p"]).stdout();
    assert_eq!(shop.tags("p"), (vec![], only(&shop.run_path())));
}

#[test]
fn a_file_without_a_run_path_gets_no_empty_one() {
    let shop = Workshop::new();
    let before = shop.bytes("lib/libgreet.so.1");
    for arguments in
        [&["--set-rpath", ""][..], &["--add-rpath", ""], &["--shrink-rpath"], &["--remove-rpath"]]
    {
        shop.patchelf(&[arguments, &["lib/libgreet.so.1"]].concat()).stdout();
        assert!(shop.bytes("lib/libgreet.so.1") == before, "{arguments:?}");
    }
}

#[test]
fn shrinking_keeps_the_folders_that_hold_needed_libraries() {
    let shop = Workshop::new();
    shop.patchelf(&["--shrink-rpath", "p"]).stdout();
    assert_eq!(shop.tags("p"), (vec![], only(&shop.text("lib"))));
    assert_eq!(shop.run(shop.path("p"), &[]).status, 46);
}

#[test]
fn shrinking_keeps_what_is_relative_and_the_first_of_two() {
    let shop = Workshop::new();
    fs::create_dir(shop.path("two")).unwrap();
    shop.copy("lib/libgreet.so.1", "two/libgreet.so.1");
    let lib = shop.text("lib");
    let run_path = format!("-Wl,-rpath,$ORIGIN/x:{PADDING}:{lib}:{}:y:", shop.text("two"));
    shop.cc(&["p.c", "lib/libgreet.so.1", &run_path, "-o", "q"]);
    shop.patchelf(&["--shrink-rpath", "q"]).stdout();
    assert_eq!(shop.patchelf(&["--print-rpath", "q"]).stdout(), format!("$ORIGIN/x:{lib}:y\n"));
}

#[test]
fn shrinking_passes_over_libraries_of_another_machine_and_what_is_no_library() {
    let shop = Workshop::new();
    for (name, machine) in [("a", Some(183)), ("b", None)] {
        fs::create_dir(shop.path(name)).unwrap();
        let mut bytes = shop.bytes("lib/libgreet.so.1");
        match machine {
            Some(machine) => bytes[18] = machine,
            None => bytes = b"/* GNU ld script */".to_vec(),
        }
        fs::write(shop.path(&format!("{name}/libgreet.so.1")), bytes).unwrap();
    }
    let lib = shop.text("lib");
    let run_path = format!("-Wl,-rpath,{}:{}:{lib}", shop.text("a"), shop.text("b"));
    shop.cc(&["p.c", "lib/libgreet.so.1", &run_path, "-o", "q"]);
    shop.patchelf(&["--shrink-rpath", "q"]).stdout();
    assert_eq!(shop.patchelf(&["--print-rpath", "q"]).stdout(), format!("{lib}\n"));
}

#[test]
fn shrinking_to_the_folders_that_are_allowed() {
    let shop = Workshop::new();
    fs::create_dir(shop.path("two")).unwrap();
    shop.copy("lib/libgreet.so.1", "two/libgreet.so.1");
    let two = shop.text("two");
    let run_path = format!("-Wl,-rpath,{}:{two}:relative", shop.text("lib"));
    shop.cc(&["p.c", "lib/libgreet.so.1", &run_path, "-o", "q"]);
    let allowed = format!("/nowhere:{}", &two[..two.len() - 1]);
    shop.patchelf(&["q", "--shrink-rpath", "--allowed-rpath-prefixes", &allowed]).stdout();
    assert_eq!(shop.patchelf(&["--print-rpath", "q"]).stdout(), format!("{two}:relative\n"));
}

#[test]
fn shrinking_counts_before_removing_before_setting() {
    let shop = Workshop::new();
    shop.patchelf(&["--set-rpath", "/x", "--remove-rpath", "--shrink-rpath", "p"]).stdout();
    assert_eq!(shop.tags("p"), (vec![], only(&shop.text("lib"))));
    let ran = shop.patchelf(&["--set-rpath", "/x", "--add-rpath", "/y", "p"]);
    assert_eq!(ran.failure(1), "patchelf: --set-rpath option not allowed with --add-rpath\n");
}
