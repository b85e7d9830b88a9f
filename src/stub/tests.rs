use super::*;
use crate::elf::fixture::{Fixture, X86_64 as X86_64_ABI};
use crate::elf::verify::verify;
use crate::elf::{Class, Elf, Operation, patched, planted};
use crate::inspect::{Action, Maker, Wrapper};

fn table() -> Table {
    Table { root: Root::Above(1), loader: b"lib/jq/ld.so".to_vec(), anchor: None, changes: Vec::new() }
}

fn all_changes() -> Vec<Change> {
    let bytes = |text: &str| text.as_bytes().to_vec();
    let (variable, separator, value) = (bytes("PATH"), bytes(":"), bytes("${root}/bin"));
    vec![
        Change::Argv0(bytes("name")),
        Change::Argument(bytes("--first")),
        Change::Set { variable: bytes("A"), value: bytes("1 ${root}${root}/x") },
        Change::Default { variable: bytes("B"), value: bytes("") },
        Change::Unset { variable: bytes("C") },
        Change::Prefix { variable: variable.clone(), separator: separator.clone(), value: value.clone() },
        Change::Suffix { variable, separator, value },
        Change::Folder(bytes("${root}")),
        Change::LastArgument(bytes("--last")),
    ]
}

#[test]
fn a_table_is_read_as_it_was_written() {
    let anchor = Some(Anchor { descriptor: 240, folder: b"lib/jq".to_vec() });
    let all = Table { anchor, changes: all_changes(), ..table() };
    let fixed =
        Table { root: Root::At(b"/usr".to_vec()), loader: b"/usr/lib/jq/ld.so".to_vec(), ..all.clone() };
    for table in [table(), all, fixed] {
        let bytes = table.encode().unwrap();
        assert_eq!(Table::decode(&bytes).as_ref(), Some(&table));
        for cut in 0..bytes.len() {
            assert_ne!(Table::decode(&bytes[..cut]), Some(table.clone()), "{cut}");
        }
    }
}

/// The format is written down in docs/design.md; stub.c reads it.
#[test]
fn the_bytes_of_a_table_are_those_of_the_format() {
    let changes = vec![
        Change::Argument(b"-x".to_vec()),
        Change::Prefix { variable: b"P".to_vec(), separator: b":".to_vec(), value: b"${root}/a".to_vec() },
    ];
    let bytes = Table { changes, ..table() }.encode().unwrap();
    let strings = b"lib/jq/ld.so\0\0\0a-x\0pP\0\x01/a\0:\0*\0\0";
    assert_eq!(&bytes[..8], planted::MAGIC);
    assert_eq!(bytes[8..24], [0; 16]);
    assert_eq!(bytes[24..28], (32 + strings.len() as u32).to_le_bytes());
    assert_eq!(bytes[28..32], [1, 0, 0, 0]);
    assert_eq!(&bytes[32..], strings);
}

#[test]
fn what_a_table_cannot_say_is_refused() {
    let with = |change: Change| Table { changes: vec![change], ..table() }.encode().unwrap_err();
    assert!(with(Change::Unset { variable: b"A=B".to_vec() }).contains("variable to unset"));
    assert!(with(Change::Set { variable: b"".to_vec(), value: b"x".to_vec() }).contains("name"));
    assert!(with(Change::Argument(b"a\0b".to_vec())).contains("control character"));
    assert!(with(Change::Folder(b"\x01".to_vec())).contains("control character"));
    assert!(with(Change::Argument(vec![b'x'; 1 << 20])).contains("1048"));
    let root = |root: &str| Table { root: Root::At(root.into()), ..table() }.encode();
    assert!(root("usr").is_err() && root("/").is_err() && root("/usr/").is_err() && root("/usr").is_ok());
    assert!(Table { loader: vec![b'x'; 4096], ..table() }.encode().is_err());
    let anchor = Some(Anchor { descriptor: 2, folder: Vec::new() });
    assert!(Table { anchor, ..table() }.encode().is_err());
}

#[test]
fn the_loader_is_found_from_the_program() {
    let from =
        |program: &str| table().loader_from(program.as_bytes()).map(|it| String::from_utf8(it).unwrap());
    assert_eq!(from("/opt/b/bin/jq").as_deref(), Some("/opt/b/lib/jq/ld.so"));
    assert_eq!(from("/bin/jq").as_deref(), Some("/lib/jq/ld.so"));
    assert_eq!(from("/jq"), None);
    let fixed = Table { loader: b"/usr/lib/ld.so".to_vec(), ..table() };
    assert_eq!(fixed.loader_from(b"/jq").as_deref(), Some(&b"/usr/lib/ld.so"[..]));
}

#[test]
fn a_planted_program_is_known_again_and_its_table_read() {
    let bytes = Fixture { interpreter: Some("/nix/store/hash/ld.so"), ..Fixture::default() }.build();
    let elf = Elf::parse(&bytes).unwrap().unwrap();
    assert_eq!(elf.abi, X86_64_ABI);
    let table = Table { changes: all_changes(), ..table() };
    let operation = Operation { stub: Some(stub(elf.abi, &table).unwrap()), ..Operation::default() };
    let done = patched(&bytes, &elf.operate(&bytes, &operation).unwrap());
    assert_eq!(verify(&bytes, &done, &operation), []);
    let planted = Elf::parse(&done).unwrap().unwrap();
    assert_eq!((planted.class, planted.interpreter), (Class::Program, None));
    assert_eq!(Table::decode(&planted.stub.unwrap().table), Some(table));
    assert!(!done.windows(10).any(|part| part == b"/nix/store"));
}

#[test]
fn other_machines_are_refused_in_words() {
    for abi in crate::elf::fixture::abis().filter(|abi| code(*abi).is_none()) {
        assert!(stub(abi, &table()).unwrap_err().contains("x86_64 and aarch64 alone"));
    }
}

#[test]
fn a_wrapper_becomes_changes() {
    let actions = vec![
        Action::Set { variable: "A".into(), value: "it's".into() },
        Action::InheritArgv0,
        Action::Prefix { variable: "PATH".into(), separator: ":".into(), value: "/nix/store/x/bin".into() },
        Action::AddFlags { flags: vec!["-a".into(), "b c".into()] },
        Action::AppendFlags { flags: vec!["-z".into()] },
    ];
    let wrapper = Wrapper { maker: Maker::MakeBinaryWrapper, program: "/x".into(), actions, other_lines: 0 };
    let made = changes(&wrapper).unwrap();
    assert_eq!(made.len(), 5);
    assert_eq!(made[0], Change::Set { variable: b"A".to_vec(), value: b"it's".to_vec() });
    assert_eq!(made[3], Change::Argument(b"b c".to_vec()));
    assert_eq!(made[4], Change::LastArgument(b"-z".to_vec()));
    let other = Wrapper { other_lines: 2, ..wrapper.clone() };
    assert!(changes(&other).unwrap_err().contains("2 lines"));
    let script = |line: &str| {
        let script = format!("#!/bin/sh\n{line}\nexec /x \"$@\"\n");
        changes(&crate::inspect::wrapper(script.as_bytes()).unwrap())
    };
    assert!(script("cd \"$HOME/x\"").unwrap_err().contains("depends"));
    assert!(script("export A=\"$HOME/x\"").unwrap_err().contains("1 line"));
    // In single quotes it is no variable.
    let value = b"$HOME\\x".to_vec();
    assert_eq!(script("export A='$HOME\\x'").unwrap(), [Change::Set { variable: b"A".to_vec(), value }]);
}
