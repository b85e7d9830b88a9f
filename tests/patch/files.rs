//! What an edit leaves of a file, and of what surrounds it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use super::workshop::{Ran, Workshop};

#[test]
fn the_inode_stays_with_its_names_and_its_mode() {
    let shop = Workshop::new();
    fs::set_permissions(shop.path("p"), Permissions::from_mode(0o2751)).unwrap();
    fs::hard_link(shop.path("p"), shop.path("second")).unwrap();
    symlink("p", shop.path("link")).unwrap();
    let before = shop.identity("p");
    shop.patchelf(&["--set-rpath", &shop.text("lib"), "link"]).stdout();
    assert_eq!(shop.identity("p"), before);
    assert_eq!(shop.identity("second"), before);
    assert!(fs::symlink_metadata(shop.path("link")).unwrap().is_symlink());
    assert_eq!(shop.run(shop.path("second"), &[]).status, 46);
}

#[test]
fn what_does_not_change_is_not_written() {
    let shop = Workshop::new();
    fs::set_permissions(shop.path("p"), Permissions::from_mode(0o444)).unwrap();
    // It could not even be opened.
    shop.humble_patchelf(&["--set-rpath", &shop.run_path(), "p"]).stdout();
    let ran = shop.humble_patchelf(&["--set-rpath", "/x", "p"]);
    assert_eq!(ran.failure(1), "patchelf: opening 'p': Permission denied\n");
    assert_eq!(shop.patchelf(&["--print-rpath", "p"]).stdout(), format!("{}\n", shop.run_path()));
    fs::set_permissions(shop.path("p"), Permissions::from_mode(0o0)).unwrap();
    let ran = shop.humble_patchelf(&["--print-rpath", "p"]);
    assert_eq!(ran.failure(1), "patchelf: opening 'p': Permission denied\n");
}

#[test]
fn a_program_that_runs_is_not_changed() {
    let shop = Workshop::new();
    let mut child = Command::new(shop.path("p")).arg("sleep").spawn().unwrap();
    let ran = shop.patchelf(&["--set-rpath", "/x", "p"]);
    assert_eq!(ran.failure(1), "patchelf: opening 'p': Text file busy, as it is being run\n");
    let ran = shop.explant(&["--set-rpath", "/x", "p"]);
    assert!(ran.failure(1).contains("--output"), "{ran:?}");
    child.kill().unwrap();
    child.wait().unwrap();
    shop.patchelf(&["--set-rpath", "/x", "p"]).stdout();
}

#[test]
fn a_limit_on_the_size_of_files_is_an_error_and_no_signal() {
    let shop = Workshop::new();
    let before = shop.bytes("p");
    for arguments in ["--set-rpath /x p", "--set-rpath /x --output q p"] {
        let ran = shop.run("sh", &["-c", &format!("ulimit -f 1; exec ./patchelf {arguments}")]);
        assert!(ran.failure(1).ends_with(": File too large\n"), "{ran:?}");
        assert!(shop.bytes("p") == before);
        assert!(!shop.path("q").exists());
    }
}

#[test]
fn the_output_is_written_even_when_nothing_changes() {
    let shop = Workshop::new();
    let before = shop.bytes("p");
    shop.patchelf(&["p", "--output", "q"]).stdout();
    assert!(shop.bytes("q") == before);
    shop.patchelf(&["p", "--set-rpath", &shop.text("lib"), "--output", "q"]).stdout();
    assert!(shop.bytes("p") == before);
    assert_eq!(shop.run(shop.path("q"), &[]).status, 46);
}

/// Like a program that a linker makes.
#[test]
fn a_new_output_may_be_run_by_whom_the_umask_lets() {
    let shop = Workshop::new();
    fs::set_permissions(shop.path("p"), Permissions::from_mode(0o600)).unwrap();
    let ran = shop.run("sh", &["-c", "umask 027; exec ./patchelf --output q p"]);
    ran.stdout();
    assert_eq!(shop.identity("q")[2] & 0o7777, 0o750);
    // One that is there keeps its mode, and a link to it stays a link.
    fs::set_permissions(shop.path("q"), Permissions::from_mode(0o640)).unwrap();
    symlink("q", shop.path("link")).unwrap();
    shop.patchelf(&["--output", "link", "--set-rpath", "/x", "p"]).stdout();
    assert_eq!(shop.identity("q")[2] & 0o7777, 0o640);
    assert!(fs::symlink_metadata(shop.path("link")).unwrap().is_symlink());
    assert_eq!(shop.patchelf(&["--print-rpath", "q"]).stdout(), "/x\n");
}

#[test]
fn the_output_may_be_the_input() {
    let shop = Workshop::new();
    fs::hard_link(shop.path("p"), shop.path("second")).unwrap();
    let before = shop.identity("p");
    shop.patchelf(&["--output", "second", "--set-rpath", "/x", "p"]).stdout();
    assert_eq!(shop.identity("p"), before);
    assert_eq!(shop.patchelf(&["--print-rpath", "p"]).stdout(), "/x\n");
}

#[test]
fn the_output_may_be_what_is_no_file() {
    let shop = Workshop::new();
    shop.patchelf(&["--output", "/dev/null", "--set-rpath", "/x", "p"]).stdout();
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
    let ran = shop.run("sh", &["-c", "./patchelf --output /dev/stdout --set-rpath /x p | cat > q"]);
    ran.stdout();
    assert_eq!(shop.patchelf(&["--print-rpath", "q"]).stdout(), "/x\n");
}

#[test]
fn an_output_that_cannot_be_written_is_named_and_leaves_nothing() {
    let shop = Workshop::new();
    let ran = shop.patchelf(&["--output", "gone/q", "p"]);
    assert_eq!(ran.failure(1), "patchelf: opening 'gone/q': No such file or directory\n");
    assert_eq!(
        shop.patchelf(&["--output", "lib", "p"]).failure(1),
        "patchelf: opening 'lib': Is a directory\n"
    );
    // The run path cannot be set, so that there is nothing to write.
    shop.cc(&["-static", "p.c", "greet.c", "-o", "static"]);
    shop.patchelf(&["--output", "q", "--set-rpath", "/x", "static"]).failure(1);
    assert!(!shop.path("q").exists());
    let leftovers = fs::read_dir(shop.path("")).unwrap().flatten();
    assert!(!leftovers.into_iter().any(|entry| entry.file_name().to_string_lossy().contains("explant")));
}

/// Runs a script in a folder `small` with room for so many KiB. `None` where the machine lets nobody mount one.
fn on_a_small_disk(shop: &Workshop, size: usize, script: &str) -> Option<Ran> {
    fs::create_dir(shop.path("small")).unwrap();
    let mount = format!("mount -t tmpfs -o size={size}k none small");
    if shop.run("unshare", &["-rm", "sh", "-c", &mount]).status != 0 {
        eprintln!("passed over: no file system can be mounted here");
        return None;
    }
    Some(shop.run("unshare", &["-rm", "sh", "-c", &format!("{mount} && {script}")]))
}

#[test]
fn a_full_disk_leaves_the_file_as_it_was() {
    let shop = Workshop::new();
    let script = "cp p small && cp p small/q && { ./patchelf --set-rpath $(printf %030000d 0) small/p; \
        status=$?; cmp p small/p && cmp p small/q && exit $status; }";
    let Some(ran) = on_a_small_disk(&shop, 48, script) else { return };
    assert_eq!(ran.failure(1), "patchelf: writing 'small/p': No space left on device\n");
}

#[test]
fn a_full_disk_leaves_no_half_of_an_output() {
    let shop = Workshop::new();
    let script = "echo old > small/q; ./patchelf --output small/q --set-rpath $(printf %030000d 0) p; \
        status=$?; test $(cat small/q) = old && test $(ls -A small) = q && exit $status";
    let Some(ran) = on_a_small_disk(&shop, 32, script) else { return };
    assert_eq!(ran.failure(1), "patchelf: writing 'small/q': No space left on device\n");
}

#[test]
fn a_file_that_grows_is_still_the_same_file() {
    let shop = Workshop::new();
    fs::hard_link(shop.path("p"), shop.path("second")).unwrap();
    let (before, len) = (shop.identity("p"), shop.bytes("p").len());
    let long = format!("{}:{}", "/x".repeat(3000), shop.text("lib"));
    shop.patchelf(&["--set-rpath", &long, "p"]).stdout();
    assert_eq!(shop.identity("second"), before);
    assert!(shop.bytes("p").len() > len);
    assert_eq!(shop.run(shop.path("second"), &[]).status, 46);
    assert_eq!(shop.patchelf(&["--print-rpath", "p"]).stdout(), format!("{long}\n"));
}

/// A self-extracting program: explant does not move its payload from the end, patchelf does.
#[test]
fn growing_with_a_payload_behind_is_for_patchelf_alone() {
    let shop = Workshop::new();
    let mut whole = shop.bytes("p");
    whole.extend_from_slice(b"PAYLOAD");
    fs::write(shop.path("p"), &whole).unwrap();
    let arguments = ["--set-rpath", &"/x".repeat(3000), "p"];
    assert!(shop.explant(&arguments).failure(1).contains("7 bytes"));
    assert!(shop.bytes("p") == whole);
    shop.patchelf(&arguments).stdout();
    assert!(shop.bytes("p")[whole.len() - 7..].starts_with(b"PAYLOAD"));
}

#[test]
fn patchelf_leaves_crosses_where_a_string_was() {
    let shop = Workshop::new();
    shop.copy("p", "q");
    let crosses = |name: &str| shop.bytes(name).windows(20).any(|bytes| bytes == [b'X'; 20]);
    shop.patchelf(&["--set-rpath", "/x", "p"]).stdout();
    shop.explant(&["--set-rpath", "/x", "q"]).stdout();
    assert!(crosses("p") && !crosses("q"));
}
