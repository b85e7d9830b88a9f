//! What of a section table is believed (docs/design.md): whatever it says, a file grows, and the verifier agrees.

use goblin::elf::header::Header;
use goblin::elf::program_header::{PT_INTERP, PT_LOAD};
use goblin::elf::section_header::{SHF_ALLOC, SHT_NOBITS, SectionHeader};
use scroll::{Pread, Pwrite};

use super::verb_tests::{compiled, library};
use super::*;

/// Header and sections of a library of this machine.
struct Table {
    bytes: Vec<u8>,
    header: Header,
}

impl Table {
    fn of(bytes: &[u8]) -> Table {
        Table { header: bytes.pread(0).unwrap(), bytes: bytes.to_vec() }
    }

    fn at(&self, index: u16) -> usize {
        self.header.e_shoff as usize + usize::from(index) * 64
    }

    fn section(&self, index: u16) -> SectionHeader {
        self.bytes.pread_with(self.at(index), X86_64.ctx()).unwrap()
    }

    fn change(&mut self, index: u16, change: impl Fn(&mut SectionHeader)) {
        let (at, mut section) = (self.at(index), self.section(index));
        change(&mut section);
        self.bytes.pwrite_with(section, at, X86_64.ctx()).unwrap();
    }
}

fn damaged(change: impl Fn(&mut Table)) -> Vec<u8> {
    changed(&library("int f(void) { return 1; }", &["-Wl,-soname,libf.so"]), change)
}

fn changed(bytes: &[u8], change: impl Fn(&mut Table)) -> Vec<u8> {
    let mut table = Table::of(bytes);
    change(&mut table);
    table.bytes.pwrite_with(table.header, 0, X86_64.ctx().le).unwrap();
    table.bytes
}

fn grown(bytes: &[u8]) -> Vec<u8> {
    let (done, elf) = operate(bytes, &rpath(&"/a long folder".repeat(30))).unwrap();
    assert!(done.len() > bytes.len() && elf.rpath.is_some());
    done
}

#[test]
fn a_table_that_is_none_stays_as_it_is() {
    let none: [fn(&mut Table); 3] = [
        |table| table.header.e_shstrndx = table.header.e_shnum,
        |table| table.header.e_shstrndx = 0xffff,
        // The last section reaches beyond the end: by one byte, so that it does not once the file has grown.
        |table| {
            let end = table.bytes.len() as u64 + 1;
            table.change(table.header.e_shnum - 1, |section| section.sh_size = end - section.sh_offset);
        },
    ];
    for (index, change) in none.into_iter().enumerate() {
        let bytes = damaged(change);
        let (old, new) = (Table::of(&bytes), Table::of(&grown(&bytes)));
        let fields = |table: &Table| (table.header.e_shoff, table.header.e_shnum, table.header.e_shstrndx);
        assert_eq!(fields(&old), fields(&new), "{index}");
        let start = old.header.e_shoff as usize;
        assert_eq!(new.bytes[start..bytes.len()], bytes[start..], "{index}");
    }
}

#[test]
fn what_no_header_counts_is_a_payload() {
    let none: [fn(&mut Table); 3] = [
        |table| table.header.e_shentsize = 40,
        |table| table.header.e_shnum = 0,
        |table| table.header.e_shnum -= 1,
    ];
    for change in none {
        let bytes = damaged(change);
        let long = rpath(&"/a long folder".repeat(30));
        assert!(matches!(operate(&bytes, &long), Err(Refusal::Payload { .. })));
        let (done, _) = operate(&bytes, &Operation { grow_before_payload: true, ..long }).unwrap();
        let start = Table::of(&bytes).at(1);
        assert_eq!(done[start..bytes.len()], bytes[start..]);
    }
}

#[test]
fn without_names_sections_are_kept_in_step_and_none_is_added() {
    let none: [fn(&mut Table); 6] = [
        |table| table.header.e_shstrndx = 0,
        |table| table.change(table.header.e_shstrndx, |names| names.sh_type = SHT_NOBITS),
        |table| table.change(table.header.e_shstrndx, |names| names.sh_size = 0),
        |table| table.change(table.header.e_shstrndx, |names| names.sh_size -= 1),
        |table| table.change(3, |section| section.sh_name = 0x1000_0000),
        // They are loaded, so they stay where they are.
        |table| table.change(table.header.e_shstrndx, |names| names.sh_flags |= u64::from(SHF_ALLOC)),
    ];
    for (index, change) in none.into_iter().enumerate() {
        let bytes = damaged(change);
        let (old, new) = (Table::of(&bytes), Table::of(&grown(&bytes)));
        assert_eq!(old.header.e_shnum, new.header.e_shnum, "{index}");
        let places = |table: &Table| -> Vec<u64> {
            (0..table.header.e_shnum).map(|index| table.section(index).sh_offset).collect()
        };
        let moved = places(&old).iter().zip(places(&new)).filter(|(old, new)| **old != *new).count();
        assert!((1..=2).contains(&moved), "{index}: .dynstr, and .dynamic: {moved}");
    }
}

/// Found by the census (mipsel's run-parts): strip takes an empty section where the annex begins for a part of PT_INTERP.
#[test]
fn an_annex_does_not_begin_where_an_empty_section_lies() {
    let program = compiled(
        "int main(void) { return 0; }",
        &["-pie", "-fPIE", "-Wl,--dynamic-linker,/a/loader/whose/path/is/longer/than/a/program/header/is"],
    );
    let bytes = changed(&program, |table| {
        let names = table.header.e_shstrndx;
        let strings = table.section(names - 1);
        let empty = (strings.sh_offset + strings.sh_size).next_multiple_of(16);
        table.change(names - 2, |section| (section.sh_offset, section.sh_size) = (empty, 0));
    });
    let done = grown(&bytes);
    let segments = goblin::elf::Elf::parse(&done).unwrap().program_headers;
    let annex = segments.iter().rfind(|segment| segment.p_type == PT_LOAD).unwrap();
    let empty = Table::of(&bytes).section(Table::of(&bytes).header.e_shstrndx - 2).sh_offset;
    assert_eq!(annex.p_offset, empty + 16);
}

/// libcap's `__execable_dl_loader`.
#[test]
fn a_symbol_that_is_the_interpreters_string_follows_it() {
    let source = "const char loader[] __attribute__((section(\".interp\"))) = \"/lib/ld.so\"; int f(void) { return 1; }";
    let bytes = library(source, &["-Wl,-soname,libf.so"]);
    let place = |bytes: &[u8]| {
        let elf = goblin::elf::Elf::parse(bytes).unwrap();
        let symbol = |symbol: &goblin::elf::Sym| elf.dynstrtab.get_at(symbol.st_name) == Some("loader");
        let symbol = elf.dynsyms.iter().find(symbol).unwrap();
        let interp = elf.program_headers.iter().find(|segment| segment.p_type == PT_INTERP).unwrap();
        assert_eq!((symbol.st_value, symbol.st_size), (interp.p_vaddr, interp.p_memsz));
        symbol.st_value
    };
    let (longer, _) = operate(&bytes, &interpreter("/a/loader/that/is/elsewhere")).unwrap();
    assert!(place(&bytes) < place(&longer));
    let (shorter, _) =
        operate(&longer, &Operation { soname: Some(vec![b'x'; 500]), ..interpreter("/x") }).unwrap();
    place(&shorter);
}
