//! An operation out of arbitrary bytes. Half of its names are the file's own, or hardly any would be found there.

use arbitrary::{Arbitrary, Result, Unstructured};
use explant::elf::{Elf, Operation, RunPath};

/// The operation that `choices` stand for on a file; what they do not reach is left alone.
pub fn operation(file: &[u8], choices: &[u8]) -> Operation {
    let names = names(file);
    let mut draw = Draw { from: Unstructured::new(choices), names };
    draw.operation().unwrap_or_default()
}

/// The strings that an operation on the file can name.
fn names(file: &[u8]) -> Vec<Vec<u8>> {
    let Ok(Some(elf)) = Elf::parse(file) else { return Vec::new() };
    let mut names: Vec<_> = elf.header_strings().map(|(_, string)| string.to_vec()).collect();
    if let Ok(parsed) = goblin::elf::Elf::parse(file) {
        let symbols = parsed.dynsyms.iter().take(64).filter_map(|symbol| parsed.dynstrtab.get_at(symbol.st_name));
        names.extend(symbols.map(|name| name.as_bytes().to_vec()));
    }
    names
}

struct Draw<'a> {
    from: Unstructured<'a>,
    names: Vec<Vec<u8>>,
}

impl Draw<'_> {
    fn operation(&mut self) -> Result<Operation> {
        // A bit for each field, so that none depends on how many bytes the ones before it took.
        let mask: u16 = self.any()?;
        let has = |bit: u16| mask & 1 << bit != 0;
        let mut operation = Operation {
            no_default_lib: has(0),
            debug_tag: has(1),
            remove_run_path: has(2),
            grow_before_payload: has(3),
            fill: if has(4) { b'X' } else { 0 },
            ..Operation::default()
        };
        if has(5) {
            let (folders, runpath) = (self.string()?, self.any()?);
            operation.run_path = Some(RunPath { folders, runpath });
        }
        if has(6) {
            operation.interpreter = Some(self.string()?);
        }
        if has(7) {
            operation.soname = Some(self.string()?);
        }
        if has(8) {
            operation.replace_needed = self.pairs()?;
        }
        if has(9) {
            operation.add_needed = self.strings()?;
        }
        if has(10) {
            operation.remove_needed = self.strings()?;
        }
        if has(11) {
            operation.rename_symbols = self.pairs()?;
        }
        if has(12) {
            operation.clear_versions = self.strings()?;
        }
        if has(13) {
            operation.executable_stack = Some(self.any()?);
        }
        if has(14) {
            operation.os_abi = Some(self.any()?);
        }
        if has(15) {
            // Any power of two, and now and then something else.
            let bits: u8 = self.any()?;
            operation.page_size = Some((1u64 << (bits % 64)) - u64::from(bits > 250));
        }
        Ok(operation)
    }

    fn any<T: for<'a> Arbitrary<'a>>(&mut self) -> Result<T> {
        T::arbitrary(&mut self.from)
    }

    fn string(&mut self) -> Result<Vec<u8>> {
        let kind: u8 = self.any()?;
        if kind < 128 && !self.names.is_empty() {
            return Ok(self.names[usize::from(kind) % self.names.len()].clone());
        }
        if kind < 224 {
            let len = usize::from(kind % 24).min(self.from.len());
            return Ok(self.from.bytes(len)?.to_vec());
        }
        // Longer than any room there is, at a byte's price.
        Ok(vec![b'/'; 1 << (kind % 13)])
    }

    fn strings(&mut self) -> Result<Vec<Vec<u8>>> {
        let count: u8 = self.any()?;
        (0..count % 4).map(|_| self.string()).collect()
    }

    fn pairs(&mut self) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let count: u8 = self.any()?;
        (0..count % 4).map(|_| Ok((self.string()?, self.string()?))).collect()
    }
}
