//! On roots that are made for the test, and on this machine with its ld.so as the witness.

mod real;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use goblin::elf::dynamic::{DT_NEEDED, DT_RPATH, DT_RUNPATH, DT_SONAME};
use goblin::elf::header::{EM_386, ET_CORE, ET_REL};
use proptest::prelude::*;

use super::*;
use crate::elf::fixture::{Fixture, X86_64, abis};
use crate::elf::{Abi, read::tests::run};

/// A root with files in it.
struct Root(tempfile::TempDir);

impl Root {
    fn new() -> Self {
        Root(tempfile::tempdir().unwrap())
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        let path = self.0.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn write(&self, path: &str, bytes: impl AsRef<[u8]>) -> &Self {
        fs::write(self.path(path), bytes).unwrap();
        self
    }

    fn link(&self, path: &str, target: &str) -> &Self {
        symlink(target, self.path(path)).unwrap();
        self
    }

    fn inspect(&self, path: &str, wanted: Wanted) -> Result<Report> {
        inspect(&Disk::new(self.0.path()), path.as_bytes(), path, wanted)
    }

    fn text(&self, path: &str) -> String {
        text(&self.inspect(path, Wanted::default()).unwrap())
    }

    /// The tree, and whether it is complete.
    fn tree(&self, path: &str) -> (String, bool) {
        let report = self.inspect(path, TREE).unwrap();
        (text(&report), report.is_complete())
    }
}

const TREE: Wanted = Wanted { symbols: false, tree: true };
const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

fn library(soname: &'static str, needed: &[&'static str]) -> Fixture {
    let needed = needed.iter().map(|name| (DT_NEEDED, *name));
    Fixture { strings: std::iter::once((DT_SONAME, soname)).chain(needed).collect(), ..Fixture::default() }
}

fn program(strings: &[(u64, &'static str)]) -> Fixture {
    Fixture { interpreter: Some(LOADER), strings: strings.to_vec(), ..Fixture::default() }
}

/// A root with a loader and a libc.
fn system() -> Root {
    let root = Root::new();
    root.write(LOADER, library("ld-linux-x86-64.so.2", &[]).build());
    let libc = Fixture {
        definitions: vec!["GLIBC_2.2.5", "GLIBC_2.31", "GLIBC_PRIVATE"],
        ..library("libc.so.6", &["ld-linux-x86-64.so.2"])
    };
    root.write("/lib/x86_64-linux-gnu/libc.so.6", libc.build());
    root
}

#[test]
fn fields_are_told_in_lines() {
    let root = Root::new();
    let file = Fixture {
        interpreter: Some("/lib/ld.so"),
        strings: vec![
            (DT_NEEDED, "libb.so.1"),
            (DT_NEEDED, "libc.so.6"),
            (DT_RPATH, "/old"),
            (DT_RUNPATH, "$ORIGIN/../lib:/odd\nname"),
        ],
        versions: vec![
            ("libb.so.1", vec!["B_1.2", "B_1.10"]),
            ("libc.so.6", vec!["GLIBC_2.2.5", "GLIBC_ABI_DT_RELR", "GLIBC_2.34", "GLIBC_PRIVATE"]),
        ],
        definitions: vec!["P_1", "P_2"],
        note: Some(
            r#"[{"soname":["libx.so.2","libx.so.1"],"feature":"x","description":"Does x"},{"soname":["y"],"priority":"required"}]"#,
        ),
        ..Fixture::default()
    };
    root.write("/p", file.build());
    insta::assert_snapshot!(root.text("/p"), @r"
    /p
      kind             program, position-independent; x86_64, 64-bit, little-endian
      interpreter      /lib/ld.so
      rpath            /old
      runpath          $ORIGIN/../lib:/odd\nname
      needed           libb.so.1
                       libc.so.6
      versions needed  libb.so.1  B_1.10 (and 1 older)
                       libc.so.6  GLIBC_2.34 (and 1 older), GLIBC_ABI_DT_RELR (glibc 2.36), GLIBC_PRIVATE
      at least         glibc 2.36 or newer
                       the very glibc that it was built with (GLIBC_PRIVATE)
      versions defined P_2 (and 1 older)
      dlopen           libx.so.2 or libx.so.1 (recommended): x, Does x
                       y (required)
      hardening        PIE, no RELRO, stack not told (often executable), no stack protector seen, nothing fortified
      debug info       none, stripped
    ");
}

#[test]
fn what_is_not_loaded_is_told_for_what_it_is() {
    let root = Root::new();
    let mut told = String::new();
    for (name, e_type) in [("/o", ET_REL), ("/core", ET_CORE), ("/odd", 0xfe01)] {
        root.write(name, Fixture { e_type, ..Fixture::default() }.build());
        told += &root.text(name);
        told += &root.tree(name).0;
    }
    insta::assert_snapshot!(told, @r"
    /o
      kind             object file, for a linker; x86_64, 64-bit, little-endian
    /o
      kind             object file, for a linker; x86_64, 64-bit, little-endian
      is nothing that is loaded
    /core
      kind             core dump; x86_64, 64-bit, little-endian
    /core
      kind             core dump; x86_64, 64-bit, little-endian
      is nothing that is loaded
    /odd
      kind             ELF file that nothing loads; x86_64, 64-bit, little-endian
    /odd
      kind             ELF file that nothing loads; x86_64, 64-bit, little-endian
      is nothing that is loaded
    ");
}

#[test]
fn other_machines_have_their_names() {
    let root = Root::new();
    for abi in abis() {
        root.write("/l", Fixture { abi, ..Fixture::default() }.build());
        let order = if abi.is_little_endian { "little" } else { "big" };
        let told = root.text("/l");
        assert!(told.contains(if abi.is_64 { "64-bit" } else { "32-bit" }) && told.contains(order), "{told}");
    }
    root.write("/l", Fixture { abi: Abi { machine: 0x1234, ..X86_64 }, ..Fixture::default() }.build());
    assert!(root.text("/l").contains("machine 4660"), "{}", root.text("/l"));
}

#[test]
fn scripts_are_told_and_other_files_refused() {
    let root = Root::new();
    root.write("/w", "#! /nix/store/x-bash/bin/bash -e\nexport A='b'\nexec -a \"$0\" \"/p\"  \"$@\"\n");
    insta::assert_snapshot!(root.text("/w"), @r"
    /w
      kind             script
      interpreter      /nix/store/x-bash/bin/bash -e
      wrapper          of /p
                       --set A b
                       --inherit-argv0
    ");
    root.write("/e", "#!/usr/bin/env sh\nexec /p \"$@\"\n");
    assert!(root.text("/e").contains("of /p"));
    root.write("/s", "#!/usr/bin/perl\n1;\n");
    insta::assert_snapshot!(serde_json::to_string(&root.inspect("/s", TREE).unwrap()).unwrap(), @r#"{"file":"/s","kind":"script","interpreter":"/usr/bin/perl","argument":null,"wrapper":null}"#);
    for (name, bytes, wanted) in [
        ("/text", &b"hello"[..], "/text is not an ELF file, nor a script"),
        ("/empty", b"", "/empty is not an ELF file, nor a script"),
        ("/no", b"#!\n", "/no is not an ELF file, nor a script"),
        ("/cut", b"\x7fELF\x02\x01", "/cut is not an ELF file that can be read: it is cut off"),
    ] {
        let error = root.write(name, bytes).inspect(name, TREE).unwrap_err();
        assert!(error.to_string().starts_with(wanted), "{error}");
    }
    assert!(root.inspect("/gone", TREE).unwrap_err().to_string().starts_with("cannot read /gone: "));
    assert!(root.inspect("/", TREE).unwrap_err().to_string().contains("not a regular file"));
    run("mkfifo", &[root.path("/pipe").to_str().unwrap()]);
    assert!(root.inspect("/pipe", TREE).unwrap_err().to_string().contains("not a regular file"));
}

#[test]
fn the_tree_says_who_led_where_and_what_is_missing() {
    let root = system();
    let needed = ["liba.so.1", "libc.so.6", "libgone.so.1", "libforeign.so.1", "libtext.so.1", "sub/libx.so"];
    let needed = needed.map(|name| (DT_NEEDED, name));
    let file = Fixture {
        versions: vec![("libc.so.6", vec!["GLIBC_2.31", "GLIBC_2.38"])],
        ..program(&[&[(DT_RPATH, "$ORIGIN/../lib/p:/other")], &needed[..]].concat())
    };
    root.write("/usr/bin/p", file.build());
    root.write("/usr/lib/p/liba.so.1", library("liba.so.1", &["libb.so.1", "libc.so.6"]).build());
    root.write("/other/libb.so.1", library("libb.so.1", &["liba.so.1"]).build());
    root.write("/usr/lib/p/glibc-hwcaps/x86-64-v3/liba.so.1", library("liba.so.1", &[]).build());
    let foreign = Abi { machine: EM_386, is_64: false, is_little_endian: true };
    root.write(
        "/usr/lib/libforeign.so.1",
        Fixture { abi: foreign, ..library("libforeign.so.1", &[]) }.build(),
    );
    root.write("/other/libtext.so.1", "INPUT(libx.so)");
    let (told, is_complete) = root.tree("/usr/bin/p");
    assert!(!is_complete);
    insta::assert_snapshot!(told, @r"
    /usr/bin/p
      kind             program, position-independent; x86_64, 64-bit, little-endian
      loaded by /lib64/ld-linux-x86-64.so.2 (the distribution's)
        liba.so.1 => /usr/bin/../lib/p/liba.so.1 (run path)
            or /usr/bin/../lib/p/glibc-hwcaps/x86-64-v3/liba.so.1, on a processor that has what it needs
          libb.so.1 => /other/libb.so.1 (run path of /usr/bin/p)
            liba.so.1 (above)
          libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6
            ld-linux-x86-64.so.2 => /lib64/ld-linux-x86-64.so.2
        libc.so.6 (above)
        libgone.so.1 => NOT FOUND
            looked in /usr/bin/../lib/p, /other, /lib/x86_64-linux-gnu, /usr/lib/x86_64-linux-gnu, /lib64, /usr/lib64, /lib, /usr/lib
        libforeign.so.1 => NOT FOUND
            /usr/lib/libforeign.so.1: it is for i686, 32-bit, little-endian
            looked in /usr/bin/../lib/p, /other, /lib/x86_64-linux-gnu, /usr/lib/x86_64-linux-gnu, /lib64, /usr/lib64, /lib, /usr/lib
        libtext.so.1 => NOT FOUND
            /other/libtext.so.1: it is not an ELF file
            looked in /usr/bin/../lib/p, /other, /lib/x86_64-linux-gnu, /usr/lib/x86_64-linux-gnu, /lib64, /usr/lib64, /lib, /usr/lib
        sub/libx.so => NOT FOUND
            sub/libx.so: it depends on the current folder
      version GLIBC_2.38 is not in /lib/x86_64-linux-gnu/libc.so.6, and is needed by /usr/bin/p
    ");
}

#[test]
fn a_loader_that_cannot_be_used_is_told() {
    let root = Root::new();
    root.write("/p", program(&[]).build());
    let (told, is_complete) = root.tree("/p");
    assert!(told.contains("which cannot be used: it is not there") && !is_complete, "{told}");
    let foreign = Abi { machine: EM_386, is_64: false, is_little_endian: true };
    root.write(LOADER, Fixture { abi: foreign, ..library("ld.so", &[]) }.build());
    let (told, is_complete) = root.tree("/p");
    assert!(told.contains("which cannot be used: it is for i686, 32-bit") && !is_complete, "{told}");
}

#[test]
fn a_nix_loader_looks_in_its_own_folder_alone() {
    let root = system();
    let glibc = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-glibc-2.41/lib";
    let mut loader = library("ld-linux-x86-64.so.2", &[]).build();
    loader.extend([b"\0", glibc.as_bytes(), b"/\0"].concat());
    let interpreter: &'static str = format!("{glibc}/ld-linux-x86-64.so.2").leak();
    root.write(interpreter, loader);
    root.write(
        &format!("{glibc}/libc.so.6"),
        Fixture { interpreter: Some(interpreter), ..library("libc.so.6", &[]) }.build(),
    );
    root.write("/usr/lib/libz.so.1", library("libz.so.1", &[]).build());
    let file = program(&[(DT_NEEDED, "libc.so.6"), (DT_NEEDED, "libz.so.1")]);
    root.write("/p", Fixture { interpreter: Some(interpreter), ..file }.build());
    insta::assert_snapshot!(root.tree("/p").0, @r"
    /p
      kind             program, position-independent; x86_64, 64-bit, little-endian
      loaded by /nix/store/0123456789abcdfghijklmnpqrsvwxyz-glibc-2.41/lib/ld-linux-x86-64.so.2 (a Nix store's)
        libc.so.6 => /nix/store/0123456789abcdfghijklmnpqrsvwxyz-glibc-2.41/lib/libc.so.6
        libz.so.1 => NOT FOUND
            looked in /nix/store/0123456789abcdfghijklmnpqrsvwxyz-glibc-2.41/lib
    ");
    // A library names no loader; its libc does.
    let strings = vec![(DT_NEEDED, "libc.so.6"), (DT_NEEDED, "ld-linux-x86-64.so.2"), (DT_RUNPATH, glibc)];
    root.write("/l", Fixture { strings, ..Fixture::default() }.build());
    let (told, is_complete) = root.tree("/l");
    assert!(
        is_complete && told.contains("(a Nix store's)") && !told.contains("/lib/x86_64-linux-gnu"),
        "{told}"
    );
}

#[test]
fn folders_of_ld_so_conf_come_first_and_links_stay_below_the_root() {
    let root = system();
    root.write("/etc/ld.so.conf", "include ld.so.conf.d/*.conf\n# no\n/last=libc6\nhwcap 1 nosegneg\n");
    root.write("/etc/ld.so.conf.d/b.conf", "/opt/b\ninclude /etc/ld.so.conf\n");
    root.write("/etc/ld.so.conf.d/a.conf", "  /opt/a  # why\n");
    root.write("/etc/ld.so.conf.d/.hidden.conf", "/hidden\n");
    // Absolute, and up beyond the root: both lead to a file of this root.
    root.link("/opt/a/liba.so.1", "/real/liba.so").write("/real/liba.so", library("liba.so.1", &[]).build());
    root.link("/opt/b/libb.so.1", "../../../../../real/libb.so");
    root.write("/real/libb.so", library("libb.so.1", &[]).build());
    root.link("/last/libc1.so.1", "libc1.so.1");
    root.write(
        "/p",
        program(&["liba.so.1", "libb.so.1", "libc1.so.1"].map(|name| (DT_NEEDED, name))).build(),
    );
    insta::assert_snapshot!(root.tree("/p").0, @r"
    /p
      kind             program, position-independent; x86_64, 64-bit, little-endian
      loaded by /lib64/ld-linux-x86-64.so.2 (the distribution's)
        liba.so.1 => /opt/a/liba.so.1
        libb.so.1 => /opt/b/libb.so.1
        libc1.so.1 => NOT FOUND
            /last/libc1.so.1: too many links
            looked in /opt/a, /opt/b, /last, /lib/x86_64-linux-gnu, /usr/lib/x86_64-linux-gnu, /lib64, /usr/lib64, /lib, /usr/lib
    ");
}

#[test]
fn a_parent_is_that_of_the_folder_that_a_link_leads_to() {
    let root = system();
    root.link("/alias", "/deep/down/folder")
        .write("/deep/down/lib/liba.so.1", library("liba.so.1", &[]).build());
    root.write("/deep/down/folder/x", "");
    root.write("/p", program(&[(DT_RPATH, "/alias/../lib"), (DT_NEEDED, "liba.so.1")]).build());
    assert!(root.tree("/p").1, "{}", root.tree("/p").0);
}

#[test]
fn what_would_be_searched_for_ever_is_refused() {
    let root = system();
    let path: &'static str = "/a:".repeat(1 << 16).leak();
    let strings: Vec<_> =
        std::iter::once((DT_RUNPATH, path)).chain(vec![(DT_NEEDED, "l"); 1 << 10]).collect();
    root.write("/p", Fixture { strings, ..Fixture::default() }.build());
    let error = root.inspect("/p", TREE).unwrap_err().to_string();
    assert!(error.contains("more libraries, in more folders"), "{error}");
    root.inspect("/p", Wanted::default()).unwrap();
}

#[test]
fn a_long_chain_of_libraries_is_told() {
    let root = system();
    let name = |index: usize| -> &'static str { format!("l{index}.so").leak() };
    for index in 0..300 {
        root.write(&format!("/lib/{}", name(index)), library(name(index), &[name(index + 1)]).build());
    }
    let (told, is_complete) = root.tree("/lib/l0.so");
    assert!(!is_complete && told.contains("l300.so => NOT FOUND"), "{told}");
}

/// Everything that reads a file's bytes.
fn read_all(root: &Root, bytes: &[u8]) {
    root.write("/p", bytes);
    if let Ok(report) = root.inspect("/p", Wanted { symbols: true, tree: true }) {
        text(&report);
        serde_json::to_string(&report).unwrap();
    }
    if let Ok(report) = root.inspect("/p", Wanted::default()) {
        text(&report);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_are_told_or_refused(
        image in prop::sample::select(real::images()),
        damage in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![Just(0u8), Just(0xff), any::<u8>()]), 1..8),
        // Most of what is read lies at the beginning.
        in_front in any::<bool>(),
        len in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let root = system();
        let mut bytes = image.clone();
        let room = if in_front { bytes.len().min(4096) } else { bytes.len() };
        for (at, byte) in damage {
            bytes[at.index(room)] = byte;
        }
        if let Some(len) = len {
            bytes.truncate(len.index(image.len()));
        }
        read_all(&root, &bytes);
    }
}
