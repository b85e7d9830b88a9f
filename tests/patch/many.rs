//! Several files in one call.

use std::fs;

use super::workshop::Workshop;

#[test]
fn patchelf_stops_at_the_first_that_fails() {
    let shop = Workshop::new();
    shop.copy("p", "q");
    let ran = shop.patchelf(&["--set-rpath", "/x", "p", "p.c", "q"]);
    assert_eq!(ran.failure(1), "patchelf: not an ELF executable\n");
    assert_eq!(shop.patchelf(&["--print-rpath", "p"]).stdout(), "/x\n");
    assert_eq!(shop.patchelf(&["--print-rpath", "q"]).stdout(), format!("{}\n", shop.run_path()));
}

#[test]
fn explant_goes_on_and_tells_of_each_in_order() {
    let shop = Workshop::new();
    let names: Vec<_> = (0..40).map(|n| format!("p{n}")).collect();
    for name in &names {
        shop.copy("p", name);
        shop.patchelf(&["--set-rpath", &format!("/{name}"), name]).stdout();
    }
    let mut arguments = vec!["-j4", "--print-rpath", "--set-rpath", "/x", "gone", "p.c"];
    arguments.extend(names.iter().map(String::as_str));
    let ran = shop.explant(&arguments);
    assert_eq!(ran.stdout, names.iter().map(|name| format!("/{name}\n")).collect::<String>());
    let errors =
        "error: getting info about 'gone': No such file or directory\nerror: p.c: it is no ELF file\n";
    assert_eq!(ran.failure(1), errors);
    for name in &names {
        assert_eq!(shop.patchelf(&["--print-rpath", name]).stdout(), "/x\n");
    }
}

#[test]
fn a_file_with_two_names_is_edited_once() {
    let shop = Workshop::new();
    fs::hard_link(shop.path("p"), shop.path("second")).unwrap();
    let ran = shop.explant(&["--jobs", "4", "--shrink-rpath", "--print-rpath", "p", "second", "p"]);
    assert_eq!(ran.stdout(), format!("{}\n", shop.run_path()).repeat(3));
    // patchelf goes through them one by one, and finds the second done.
    let ran = shop.patchelf(&["--set-rpath", "/x", "--print-rpath", "p", "second"]);
    assert_eq!(ran.stdout(), format!("{}\n/x\n", shop.text("lib")));
}
