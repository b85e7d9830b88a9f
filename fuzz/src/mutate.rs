//! Half of the mutations are libFuzzer's own, which know nothing; the other half put a number that is likely to hurt into a field
//! of the headers or of the dynamic section.

use goblin::elf::Elf;
use libfuzzer_sys::fuzzer_mutate;

pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut random = Random(u64::from(seed) | 1 << 40);
    if random.below(2) == 0 {
        return fuzzer_mutate(data, size, max_size);
    }
    let fields = fields(&data[..size]);
    if fields.is_empty() {
        return fuzzer_mutate(data, size, max_size);
    }
    let is_little_endian = data[5] == 1;
    for _ in 0..=random.below(3) {
        let (at, width) = fields[random.below(fields.len())];
        let Some(field) = data[..size].get_mut(at..at + width) else { continue };
        let mut bytes = [0; 8];
        bytes[..width].copy_from_slice(field);
        let old = if is_little_endian { u64::from_le_bytes(bytes) } else { u64::from_be_bytes(bytes) >> (64 - 8 * width) };
        let new = random.likely_to_hurt(old, size as u64);
        let bytes = if is_little_endian { new.to_le_bytes() } else { (new << (64 - 8 * width)).to_be_bytes() };
        field.copy_from_slice(&bytes[..width]);
    }
    size
}

/// Place and width of each number of the headers, of the dynamic section, and of what it leads to.
fn fields(data: &[u8]) -> Vec<(usize, usize)> {
    let Ok(header) = Elf::parse_header(data) else { return Vec::new() };
    let is_64 = data[4] == 2;
    let word = if is_64 { 8 } else { 4 };
    let mut fields = vec![(16, 2), (18, 2)];
    fields.extend((24..24 + 3 * word).step_by(word).map(|at| (at, word)));
    fields.extend((24 + 3 * word + 4..24 + 3 * word + 16).step_by(2).map(|at| (at, 2)));
    let mut table = |start: u64, len: u64, width: usize| {
        let (start, len) = (start as usize, len as usize);
        let end = start.saturating_add(len).min(data.len());
        fields.extend((start..end.max(start)).step_by(width).map(|at| (at, width)));
    };
    let phentsize = u64::from(header.e_phentsize).max(1);
    table(header.e_phoff, u64::from(header.e_phnum) * phentsize, 4);
    table(header.e_phoff, u64::from(header.e_phnum) * phentsize, word);
    table(header.e_shoff, u64::from(header.e_shnum) * u64::from(header.e_shentsize), 4);
    let lenient = goblin::options::ParseOptions::permissive();
    if let Ok(elf) = Elf::parse_with_opts(data, &lenient) {
        for segment in elf.program_headers.iter().filter(|segment| segment.p_type == goblin::elf::program_header::PT_DYNAMIC) {
            table(segment.p_offset, segment.p_filesz.min(4096), word);
        }
        for section in elf.section_headers.iter().filter(|section| section.sh_flags & 2 != 0 && section.sh_type != 1) {
            // Symbol, version and hash tables, notes.
            table(section.sh_offset, section.sh_size.min(256), 4);
        }
    }
    fields
}

/// xorshift64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn likely_to_hurt(&mut self, old: u64, file: u64) -> u64 {
        let extremes = [0, 1, u64::MAX, u64::MAX - 1, 1 << 63, u64::from(u32::MAX), 1 << 31, file, file - 1, file + 1, 0xffff];
        let near = self.next() % 33;
        match self.below(6) {
            0 => extremes[self.below(extremes.len())],
            1 => old.wrapping_add(near).wrapping_sub(16),
            2 => 1 << (self.next() % 64),
            3 => self.next() % (file + 1),
            // Tags and types.
            4 => near,
            _ => old ^ 1 << (self.next() % 16),
        }
    }
}
