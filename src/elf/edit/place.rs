//! Where in the file and in memory a further segment can go, by what the kernel, ld.so and binutils make of it.

use goblin::elf::header::{
    EM_AARCH64, EM_IA_64, EM_LOONGARCH, EM_MIPS, EM_PPC, EM_PPC64, EM_SPARC, EM_SPARC32PLUS, EM_SPARCV9,
    EM_TILEGX,
};
use goblin::elf::program_header::{PT_INTERP, ProgramHeader};

use super::headers::Headers;
use crate::elf::Abi;
use crate::elf::operation::Refusal;
use crate::elf::symbols::EM_ALPHA;

/// A hole in the file of so many bytes is taken for granted, where only old tools want it (it takes no room on the disk, and next to
/// none in an archive): what pages of 64 KiB make.
const SMALL_HOLE: u64 = 128 << 10;

/// And so many where programs would not start without.
const LARGEST_HOLE: u64 = 256 << 20;

/// No kernel has larger ones; segments are aligned to more for huge pages alone.
const LARGEST_PAGE: u64 = 0x1_0000;

pub(super) struct Wanted<'a> {
    pub headers: &'a Headers,
    pub abi: Abi,
    /// Where the file ends.
    pub end: u64,
    /// Bytes of the segment.
    pub len: u64,
    /// Whether it holds the program header table.
    pub has_table: bool,
    /// The page to be loadable with, if not the architecture's largest.
    pub page: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub offset: u64,
    pub address: u64,
    pub align: u64,
    /// What p_paddr is more than p_vaddr; the same as in the segment before.
    physical: u64,
}

impl Place {
    pub fn physical(&self, address: u64) -> u64 {
        address.wrapping_add(self.physical)
    }
}

/// The place of a segment: behind everything in the file, above everything in memory, on pages of its own.
///
/// Errors: the addresses do not suffice, or a program's .bss is so large that no place serves every kernel.
pub(super) fn find(wanted: &Wanted) -> Result<Place, Refusal> {
    let no_room = Refusal::NoPlace { reason: "no addresses are left above it" };
    let loads: Vec<&ProgramHeader> = wanted.headers.loads().filter(|load| load.p_memsz > 0).collect();
    let page = wanted.page.unwrap_or_else(|| {
        let aligned = loads.iter().map(|load| load.p_align).filter(|align| align.is_power_of_two());
        aligned.map(|align| align.min(LARGEST_PAGE)).fold(largest_page(wanted.abi.machine), u64::max)
    });
    let ends = wanted
        .headers
        .loads()
        .map(|load| load.p_vaddr.checked_add(load.p_memsz)?.checked_next_multiple_of(page));
    let memory_end = ends.collect::<Option<Vec<_>>>().ok_or(no_room.clone())?.into_iter().max().unwrap_or(0);
    let search = Search { wanted, page, loads, memory_end };

    let is_program = wanted.headers.has(PT_INTERP);
    let hole = match (is_program, wanted.has_table) {
        (true, true) => LARGEST_HOLE,
        (true, false) => 0,
        (false, _) => SMALL_HOLE,
    };
    let place = match search.in_step() {
        Some(place) if place.offset - wanted.end <= hole => Some(place),
        _ if is_program && wanted.has_table => {
            return Err(Refusal::NoPlace {
                reason: "its program headers have no room for one more, and where they could go (above a .bss of more than \
                         256 MiB) kernels before 5.18 do not find them",
            });
        }
        _ => search.anywhere(),
    };
    let last_address = if wanted.abi.is_64 { u64::MAX } else { u32::MAX.into() };
    let fits = |place: &Place| {
        let hole = place.offset - wanted.end;
        hole <= LARGEST_HOLE
            && place.address.checked_add(wanted.len).is_some_and(|end| end <= last_address)
            && place.offset.checked_add(wanted.len).is_some_and(|end| end <= last_address)
    };
    place.filter(fits).ok_or(no_room)
}

/// Where the bytes of the last segment end in the file.
pub(super) fn data_end(headers: &Headers) -> Option<u64> {
    let last = headers.loads().filter(|load| load.p_memsz > 0).max_by_key(|load| load.p_vaddr)?;
    last.p_offset.checked_add(last.p_filesz)
}

struct Search<'a> {
    wanted: &'a Wanted<'a>,
    /// What the segment is aligned to, and what its address keeps step by: binutils goes by the alignment of each segment when it
    /// writes the file anew.
    page: u64,
    loads: Vec<&'a ProgramHeader>,
    /// The first page above everything.
    memory_end: u64,
}

impl Search<'_> {
    /// At the distance of the first segment between address and offset. Kernels before 5.18, and qemu, take the table's address
    /// (AT_PHDR) to be at that distance from e_phoff, wherever it is (binfmt_elf.c); ldconfig before 2.31 finds the string table
    /// by it (sourceware bug 25087).
    fn in_step(&self) -> Option<Place> {
        let first = self.loads.first()?;
        let distance = i128::from(first.p_vaddr) - i128::from(first.p_offset);
        if distance % i128::from(self.page) != 0 {
            return None;
        }
        let least = i128::from(self.memory_end).max(i128::from(self.wanted.end) + distance);
        let address = self.in_phase(u64::try_from(least).ok()?)?;
        let offset = u64::try_from(i128::from(address) - distance).ok()?;
        Some(Place { offset, address, align: self.page, physical: self.physical() })
    }

    /// Right behind the end of the file.
    fn anywhere(&self) -> Option<Place> {
        let offset = self.in_phase(self.wanted.end)?;
        let into = offset % self.page;
        let address =
            self.memory_end.saturating_sub(into).checked_next_multiple_of(self.page)?.checked_add(into)?;
        Some(Place { offset, address, align: self.page, physical: self.physical() })
    }

    /// The next number whose place in its page is that of the end of the loaded bytes, where the segment holds the table: binutils
    /// puts such a segment there when it writes the file anew (strip, objcopy), and then moves nothing against each other.
    fn in_phase(&self, least: u64) -> Option<u64> {
        if !self.wanted.has_table {
            return least.checked_next_multiple_of(16);
        }
        let phase = data_end(self.wanted.headers)? % self.page;
        let into = least % self.page;
        let more = if into <= phase { phase - into } else { self.page - into + phase };
        least.checked_add(more)
    }

    fn physical(&self) -> u64 {
        self.loads.last().map_or(0, |load| load.p_paddr.wrapping_sub(load.p_vaddr))
    }
}

/// The largest page that kernels of an architecture are built with, in bytes (glibc's and binutils' MAXPAGESIZE).
fn largest_page(machine: u16) -> u64 {
    match machine {
        EM_AARCH64 | EM_PPC | EM_PPC64 | EM_MIPS | EM_LOONGARCH | EM_IA_64 | EM_TILEGX | EM_ALPHA => 0x1_0000,
        EM_SPARC | EM_SPARC32PLUS | EM_SPARCV9 => 0x2000,
        _ => 0x1000,
    }
}
