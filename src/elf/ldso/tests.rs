use std::collections::BTreeMap;

use goblin::elf::header::{EM_386, EM_PPC64, EM_X86_64};

use super::*;
use crate::elf::FileOffset;

const X86_64: Abi = Abi { machine: EM_X86_64, is_64: true, is_little_endian: true };
const I386: Abi = Abi { machine: EM_386, is_64: false, is_little_endian: true };

/// Files in memory, and links from one path to another.
#[derive(Default)]
struct Tree {
    files: BTreeMap<Vec<u8>, Arc<Elf>>,
    links: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Files for Tree {
    fn open(&self, path: &[u8]) -> Option<Object> {
        // The kernel resolves `..`; no folder here is a link, so the text will do.
        let path = crate::path::InstallPath::new(path)?.as_bytes().to_vec();
        let real = self.links.get(&path).cloned().unwrap_or_else(|| path.clone());
        let elf = self.files.get(&real)?.clone();
        Some(Object { path: real, found_as: path, elf })
    }

    fn folders(&self, path: &[u8]) -> Vec<Vec<u8>> {
        let below = [path, b"/"].concat();
        let inside = self.files.keys().filter_map(|file| file.strip_prefix(below.as_slice()));
        let mut names: Vec<_> =
            inside.map(|rest| rest.split(|b| *b == b'/').next().unwrap().to_vec()).collect();
        names.dedup();
        names
    }
}

fn library(needed: &[&str]) -> Elf {
    Elf {
        class: Class::Library,
        needed: needed.iter().map(|name| name.as_bytes().to_vec()).collect(),
        ..Elf::empty(X86_64)
    }
}

fn program(needed: &[&str]) -> Elf {
    Elf {
        class: Class::Program,
        interpreter: Some(b"/s/libc/lib/ld-linux-x86-64.so.2".to_vec()),
        ..library(needed)
    }
}

fn musl_program(needed: &[&str]) -> Elf {
    Elf { interpreter: Some(b"/s/musl/lib/ld-musl-x86_64.so.1".to_vec()), ..program(needed) }
}

impl Elf {
    fn rpath(self, path: &str) -> Elf {
        Elf { rpath: Some(path.into()), ..self }
    }

    fn runpath(self, path: &str) -> Elf {
        Elf { runpath: Some(path.into()), ..self }
    }

    fn soname(self, name: &str) -> Elf {
        Elf { soname: Some(name.into()), ..self }
    }

    fn abi(self, abi: Abi) -> Elf {
        Elf { abi, ..self }
    }
}

impl Tree {
    fn file(mut self, path: &str, elf: Elf) -> Tree {
        self.files.insert(path.into(), Arc::new(elf));
        self
    }

    fn link(mut self, path: &str, to: &str) -> Tree {
        self.links.insert(path.into(), to.into());
        self
    }

    fn load(&self, program: &str) -> Process {
        self.load_with(program, &["/default"])
    }

    fn load_with(&self, program: &str, default: &[&str]) -> Process {
        let default: Vec<Vec<u8>> = default.iter().map(|folder| folder.as_bytes().to_vec()).collect();
        let search = Search { files: self, default_folders: &default, memo: &Memo::default() };
        search.load(self.open(program.as_bytes()).unwrap())
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn loaded(process: &Process) -> Vec<String> {
    process.objects.iter().map(|loaded| text(&loaded.object.path)).collect()
}

/// `asker: name -> path` for every needed entry of a process, by its own search.
fn lookups(process: &Process) -> Vec<String> {
    let mut lines = Vec::new();
    for object in &process.objects {
        for need in &object.needs {
            let found = need.lookup.found.as_ref().map_or("none".into(), |object| text(&object.path));
            lines.push(format!("{}: {} -> {found}", text(file_name(&object.object.path)), text(&need.name)));
        }
    }
    lines
}

fn tried(process: &Process, object: usize, need: usize) -> Vec<String> {
    process.objects[object].needs[need].lookup.tried.iter().map(|folder| text(folder)).collect()
}

#[test]
fn loads_breadth_first() {
    let tree = Tree::default()
        .file("/p", program(&["a", "b"]).rpath("/l"))
        .file("/l/a", library(&["c"]))
        .file("/l/b", library(&["d", "c"]))
        .file("/l/c", library(&[]))
        .file("/l/d", library(&["a"]));
    let process = tree.load("/p");
    assert_eq!(loaded(&process), ["/p", "/l/a", "/l/b", "/l/c", "/l/d"]);
    assert_eq!(process.objects[3].by, Some(1));
    assert_eq!(process.objects[3].name, b"c");
    assert_eq!(process.objects[2].needs[1].served_by, Some(3));
    assert_eq!(process.objects[4].needs[0].served_by, Some(1));
}

#[test]
fn rpath_serves_what_is_loaded_too() {
    let tree = Tree::default()
        .file("/p", program(&["a"]).rpath("/l"))
        .file("/l/a", library(&["b"]).rpath("/m"))
        .file("/m/b", library(&["c"]))
        .file("/l/c", library(&[]));
    let process = tree.load("/p");
    assert_eq!(loaded(&process), ["/p", "/l/a", "/m/b", "/l/c"]);
    assert_eq!(tried(&process, 2, 0), ["/m", "/l"]);
}

#[test]
fn runpath_serves_its_own_object_only() {
    let tree = Tree::default()
        .file("/p", program(&["a"]).runpath("/l"))
        .file("/l/a", library(&["b"]))
        .file("/l/b", library(&[]));
    let process = tree.load("/p");
    assert_eq!(lookups(&process), ["p: a -> /l/a", "a: b -> none"]);
    assert_eq!(process.objects[1].needs[0].served_by, None);
    assert_eq!(tried(&process, 1, 0), ["/default"]);
}

#[test]
fn runpath_puts_every_rpath_out_of_force() {
    let tree = Tree::default()
        // Its own DT_RPATH, and those of the chain above it.
        .file("/p", program(&["a"]).rpath("/l"))
        .file("/l/a", library(&["b"]).rpath("/r").runpath("/m"))
        .file("/r/b", library(&[]))
        .file("/l/b", library(&[]))
        .file("/m/b", library(&["c"]))
        // An object with a DT_RUNPATH has no DT_RPATH to hand down.
        .file("/r/c", library(&[]))
        .file("/l/c", library(&[]));
    let process = tree.load("/p");
    assert_eq!(lookups(&process), ["p: a -> /l/a", "a: b -> /m/b", "b: c -> /l/c"]);
}

#[test]
fn default_folders_come_last_unless_they_are_forbidden() {
    let tree = Tree::default()
        .file("/p", program(&["a", "b"]).runpath("/l"))
        .file("/l/a", library(&[]))
        .file("/default/a", library(&[]))
        .file("/default/b", library(&[]));
    assert_eq!(loaded(&tree.load("/p")), ["/p", "/l/a", "/default/b"]);
    let mut strict = program(&["b"]);
    strict.layout.dynamic = vec![crate::elf::read::DynamicEntry {
        at: 0,
        tag: goblin::elf::dynamic::DT_FLAGS_1,
        value: DF_1_NODEFLIB,
    }];
    let tree = tree.file("/q", strict);
    assert_eq!(lookups(&tree.load("/q")), ["q: b -> none"]);
}

#[test]
fn tokens_are_replaced() {
    let path = "$ORIGIN/../lib:${ORIGIN}/x/:/a/$LIB:/b/${PLATFORM}:/c/$OTHER:/d/$ORIGIN}:/e//";
    let tree = Tree::default().file("/s/bin/p", program(&["a"]).runpath(path));
    let process = tree.load("/s/bin/p");
    assert_eq!(
        tried(&process, 0, 0),
        ["/s/bin/../lib", "/s/bin/x", "/a/lib", "/b/x86_64", "/c/$OTHER", "/d//s/bin}", "/e", "/default"]
    );
    // A platform that depends on the processor: the entry is dropped.
    let ppc = Abi { machine: EM_PPC64, ..X86_64 };
    let tree = Tree::default().file("/p", program(&["a"]).runpath("/b/$PLATFORM:/c").abi(ppc));
    assert_eq!(tried(&tree.load("/p"), 0, 0), ["/c", "/default"]);
}

#[test]
fn origin_is_the_real_folder_of_a_program_and_the_opened_one_of_a_library() {
    let tree = Tree::default()
        .file("/s/real/p", program(&["a"]).rpath("$ORIGIN"))
        .link("/bin/p", "/s/real/p")
        .link("/s/real/a", "/other/a.1")
        .file("/other/a.1", library(&["b"]).runpath("$ORIGIN"))
        .file("/other/b", library(&[]))
        .file("/s/real/b", library(&[]));
    let process = tree.load("/bin/p");
    assert_eq!(loaded(&process), ["/s/real/p", "/other/a.1", "/s/real/b"]);
    assert_eq!(process.objects[1].object.found_as, b"/s/real/a");
}

#[test]
fn the_current_folder_is_never_searched() {
    let tree = Tree::default()
        .file("/p", program(&["a", "sub/a", "./a", ""]).runpath(":rel::./x:"))
        .file("/a", library(&[]))
        .file("/rel/a", library(&[]))
        .file("/sub/a", library(&[]));
    let process = tree.load("/p");
    assert_eq!(lookups(&process), ["p: a -> none", "p: sub/a -> none", "p: ./a -> none", "p:  -> none"]);
    assert_eq!(tried(&process, 0, 0), ["/default"]);
}

#[test]
fn a_needed_entry_with_a_slash_is_a_path() {
    let tree = Tree::default()
        .file("/s/p", program(&["/s/lib/a", "$ORIGIN/b"]).runpath("/elsewhere"))
        .file("/s/lib/a", library(&[]))
        .file("/s/b", library(&[]));
    let process = tree.load("/s/p");
    assert_eq!(lookups(&process), ["p: /s/lib/a -> /s/lib/a", "p: $ORIGIN/b -> /s/b"]);
    assert!(tried(&process, 0, 0).is_empty());
}

#[test]
fn a_file_of_another_abi_is_passed_over() {
    let tree = Tree::default()
        .file("/p", program(&["a"]).rpath("/32:/64"))
        .file("/32/a", library(&[]).abi(I386))
        .file("/64/a", library(&[]));
    let process = tree.load("/p");
    assert_eq!(loaded(&process), ["/p", "/64/a"]);
    assert_eq!(tried(&process, 0, 0), ["/32", "/64"]);
}

#[test]
fn a_loaded_name_is_not_searched_for_again_but_each_consumer_has_its_own_lookup() {
    let tree = Tree::default()
        .file("/p", program(&["a", "b"]).runpath("/l"))
        .file("/l/a", library(&["x.so"]).runpath("/one"))
        .file("/l/b", library(&["x.so.1"]).runpath("/two"))
        // Loaded as x.so, known as x.so.1 from then on.
        .file("/one/x.so", library(&[]).soname("x.so.1"))
        .file("/two/x.so.1", library(&[]).soname("x.so.1"));
    let process = tree.load("/p");
    assert_eq!(loaded(&process), ["/p", "/l/a", "/l/b", "/one/x.so"]);
    let need = &process.objects[2].needs[0];
    assert_eq!(need.served_by, Some(3));
    assert_eq!(need.lookup.found.as_ref().unwrap().path, b"/two/x.so.1");
}

#[test]
fn one_file_under_two_names_is_one_object() {
    let tree = Tree::default()
        .file("/p", program(&["a", "b", "/l/c"]).runpath("/l"))
        .file("/l/a", library(&[]))
        .link("/l/b", "/l/a")
        .link("/l/c", "/l/a");
    let process = tree.load("/p");
    assert_eq!(loaded(&process), ["/p", "/l/a"]);
    assert_eq!(process.objects[0].needs[2].served_by, Some(1));
}

#[test]
fn the_loader_is_loaded_before_it_is_asked_for() {
    let tree = Tree::default()
        .file("/p", program(&["libc.so.6"]).rpath("/l"))
        .file("/l/libc.so.6", library(&["ld-linux-x86-64.so.2"]).soname("libc.so.6"))
        .file("/l/ld-linux-x86-64.so.2", library(&[]).soname("ld-linux-x86-64.so.2"))
        .file("/s/libc/lib/ld-linux-x86-64.so.2", library(&[]).soname("ld-linux-x86-64.so.2"));
    let process = tree.load("/p");
    assert_eq!(loaded(&process), ["/p", "/l/libc.so.6", "/s/libc/lib/ld-linux-x86-64.so.2"]);
    assert_eq!(lookups(&process)[1], "libc.so.6: ld-linux-x86-64.so.2 -> /l/ld-linux-x86-64.so.2");
}

#[test]
fn builds_for_newer_processors_are_found_best_first() {
    let tree = Tree::default()
        .file("/p", program(&["a", "b"]).runpath("/none:/l:/m"))
        .file("/l/glibc-hwcaps/x86-64-v2/a", library(&[]))
        .file("/l/glibc-hwcaps/x86-64-v3/a", library(&[]))
        .file("/l/glibc-hwcaps/x86-64-v9/a", library(&[]))
        .file("/l/glibc-hwcaps/z13/a", library(&[]))
        .file("/l/a", library(&[]))
        .file("/m/glibc-hwcaps/x86-64-v4/a", library(&[]))
        // In a folder before the one that has it for every processor.
        .file("/l/glibc-hwcaps/x86-64-v3/b", library(&[]).abi(I386))
        .file("/l/glibc-hwcaps/x86-64-v2/b", library(&[]))
        .file("/m/b", library(&[]));
    let process = tree.load("/p");
    let hwcaps = |need: usize| -> Vec<String> {
        process.objects[0].needs[need].lookup.hwcaps.iter().map(|object| text(&object.path)).collect()
    };
    assert_eq!(hwcaps(0), ["/l/glibc-hwcaps/x86-64-v3/a", "/l/glibc-hwcaps/x86-64-v2/a"]);
    assert_eq!(hwcaps(1), ["/l/glibc-hwcaps/x86-64-v2/b"]);
    assert_eq!(loaded(&process), ["/p", "/l/a", "/m/b"]);
}

#[test]
fn musl_hands_down_both_tags() {
    let tree = Tree::default()
        .file("/p", musl_program(&["a"]).runpath("/l"))
        .file("/l/a", library(&["b"]).rpath("/ignored").runpath("/m"))
        .file("/l/b", library(&[]));
    let process = tree.load("/p");
    assert_eq!(loaded(&process), ["/p", "/l/a", "/l/b"]);
    assert_eq!(tried(&process, 1, 0), ["/m", "/l"]);
}

#[test]
fn musl_libc_is_the_loader_itself() {
    let names = ["libc.so", "libpthread.so.0", "libc.musl-x86_64.so.1", "ld-musl-x86_64.so.1", "libm.so.6"];
    let tree = Tree::default()
        .file("/p", musl_program(&names).rpath("/l"))
        .file("/l/libc.so", library(&[]))
        .file("/s/musl/lib/libc.so", library(&[]))
        .link("/s/musl/lib/ld-musl-x86_64.so.1", "/s/musl/lib/libc.so");
    let process = tree.load("/p");
    assert_eq!(loaded(&process), ["/p", "/s/musl/lib/libc.so"]);
    assert!(process.objects[0].needs.iter().all(|need| need.served_by == Some(1)));
    // libcurl and libm4ri are no part of it.
    assert!(!is_musl_itself(b"libcurl.so.4") && !is_musl_itself(b"libm4ri.so") && !is_musl_itself(b"libm"));
}

#[test]
fn musl_ignores_sonames_and_drops_a_path_with_a_token_it_does_not_know() {
    let tree = Tree::default()
        .file("/p", musl_program(&["a", "b", "c"]).runpath("/l"))
        .file("/l/a", library(&[]).soname("b"))
        .file("/l/b", library(&[]))
        .file("/l/c", library(&["d"]).runpath("/m:/$LIB"))
        .file("/m/d", library(&[]));
    let process = tree.load("/p");
    assert_eq!(loaded(&process), ["/p", "/l/a", "/l/b", "/l/c"]);
    assert_eq!(tried(&process, 3, 0), ["/l", "/default"]);
}

#[test]
fn a_cycle_ends() {
    let tree = Tree::default()
        .file("/p", program(&["a"]).rpath("/l"))
        .file("/l/a", library(&["b", "a"]))
        .file("/l/b", library(&["a"]));
    assert_eq!(loaded(&tree.load("/p")), ["/p", "/l/a", "/l/b"]);
}

#[test]
fn a_loader_tells_its_folders() {
    let loader = b"\x7fELF\0/nix/store/h-glibc/lib/\0/nix/store/h-glibc/etc/ld.so.cache\0x/nix/store/no\0/nix/store/cut";
    let found = loader_folders(loader, b"/nix/store");
    let wanted: [(FileOffset, &[u8]); 2] = [
        (FileOffset(5), b"/nix/store/h-glibc/lib/"),
        (FileOffset(29), b"/nix/store/h-glibc/etc/ld.so.cache"),
    ];
    assert_eq!(found, wanted);
}

#[path = "real_tests.rs"]
mod real;
