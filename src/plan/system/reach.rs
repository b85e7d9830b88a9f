//! What a file of the bundle needs of the bundle when it is run: links on the way to it, its interpreter, its libraries.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use crate::elf::ldso::{Files, Memo, Object, Opened, Search};
use crate::elf::{Class, Elf};
use crate::error::Result;
use crate::path::InstallPath;
use crate::payload;
use crate::plan::Entry;
use crate::plan::entries::Entries;
use crate::stub;

/// What was reached so far.
pub struct Reach<'a> {
    entries: &'a Entries,
    payload: Rc<Payload<'a>>,
    store_dir: &'a [u8],
    /// Files and links of the bundle, all that is to be copied.
    pub paths: BTreeSet<InstallPath>,
    /// Programs that need something of the target: its loader, or a library.
    pub of_host: BTreeSet<InstallPath>,
    /// Scripts whose interpreter is a store path's, and is not shipped: left out. dracut makes no initramfs at all of one.
    pub broken: BTreeSet<InstallPath>,
}

impl<'a> Reach<'a> {
    pub fn new(entries: &'a Entries, store_dir: &'a [u8]) -> Self {
        let none = BTreeSet::new;
        let payload = Rc::new(Payload { entries, opened: Opened::default() });
        Reach { entries, payload, store_dir, paths: none(), of_host: none(), broken: none() }
    }

    /// Takes a file, by any name, with all that it needs.
    ///
    /// Errors: a file cannot be read.
    pub fn take(&mut self, path: &InstallPath) -> Result<()> {
        let (on_the_way, file) = self.entries.follow(path);
        self.paths.extend(on_the_way);
        let Some(entry) = file else { return Ok(()) };
        if !self.paths.insert(entry.path.clone()) {
            return Ok(());
        }
        let Some(body) = payload::whole(entry)? else { return Ok(()) };
        match Elf::parse_for_process(&body) {
            Ok(Some(mut elf)) => {
                stub::see_through(&mut elf, entry.path.as_bytes());
                self.take_needed(entry, elf)
            }
            // A malformed one was told of when it was surveyed.
            Err(_) => Ok(()),
            Ok(None) => match interpreter(&body) {
                Some(interpreter) if interpreter.as_bytes().starts_with(self.store_dir) => {
                    self.paths.remove(&entry.path);
                    self.broken.insert(entry.path.clone());
                    Ok(())
                }
                Some(interpreter) => self.take(&interpreter),
                None => Ok(()),
            },
        }
    }

    fn take_needed(&mut self, entry: &Entry, elf: Elf) -> Result<()> {
        if elf.class == Class::StaticProgram || !elf.is_dynamic() {
            return Ok(());
        }
        let is_program = elf.class == Class::Program;
        let loader = elf.interpreter.as_deref().and_then(InstallPath::new);
        let is_bundled = loader.as_ref().is_some_and(|loader| self.entries.follow(loader).1.is_some());
        if let Some(loader) = loader.as_ref().filter(|_| is_bundled) {
            self.take(loader)?;
        }
        let folders: Vec<Vec<u8>> =
            loader.iter().filter_map(InstallPath::parent).map(|f| f.as_bytes().to_vec()).collect();
        let files = self.payload.clone();
        let search = Search { files: &*files, default_folders: &folders, memo: &Memo::default() };
        let path = entry.path.as_bytes().to_vec();
        let process = search.load(Object { path: path.clone(), found_as: path, elf: Arc::new(elf) });
        let mut all_found = is_bundled;
        for (index, loaded) in process.objects.iter().enumerate() {
            all_found &= loaded.needs.iter().all(|need| need.served_by.is_some());
            self.take_links(&loaded.object);
            for name in process.opens(index).flat_map(|opens| opens.names) {
                let up = std::iter::successors(Some(index), |index| process.objects[*index].by);
                let chain: Vec<&Object> = up.map(|index| &process.objects[index].object).collect();
                let found = search.find(name, &chain, loaded.object.elf.abi).found;
                found.iter().for_each(|object| self.take_links(object));
            }
        }
        if is_program && !all_found {
            self.of_host.insert(entry.path.clone());
        }
        Ok(())
    }

    /// A library, and the links by which it was found.
    fn take_links(&mut self, object: &Object) {
        let Some(path) = InstallPath::new(&object.found_as) else { return };
        let (on_the_way, file) = self.entries.follow(&path);
        self.paths.extend(on_the_way);
        self.paths.extend(file.map(|entry| entry.path.clone()));
    }
}

/// Of a script.
fn interpreter(body: &[u8]) -> Option<InstallPath> {
    let line = body.strip_prefix(b"#!")?.split(|b| *b == b'\n').next()?;
    InstallPath::new(line.split(|b| b.is_ascii_whitespace()).find(|word| !word.is_empty())?)
}

/// The bundle as ld.so will see it.
struct Payload<'a> {
    entries: &'a Entries,
    /// Programs need the same libraries.
    opened: Opened,
}

impl Payload<'_> {
    fn open_anew(&self, path: &[u8]) -> Option<Object> {
        let entry = self.entries.follow(&InstallPath::new(path)?).1?;
        let elf = Elf::parse_for_process(&payload::whole(entry).ok()??).ok()??;
        Some(Object { path: entry.path.as_bytes().to_vec(), found_as: path.to_vec(), elf: Arc::new(elf) })
    }
}

impl Files for Payload<'_> {
    fn open(&self, path: &[u8]) -> Option<Object> {
        self.opened.get_or(path, || self.open_anew(path))
    }

    /// Builds for newer processors stay out of an initramfs.
    fn folders(&self, _: &[u8]) -> Vec<Vec<u8>> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_through_folders_too() {
        let path = |text: &str| InstallPath::new(text).unwrap();
        let mut entries = Entries::default();
        for (link, target) in
            [("/usr/bin/a", "../lib/x/lib64/a"), ("/usr/lib/x/lib64", "lib"), ("/loop", "loop")]
        {
            entries.add(Entry::link(path(link), target.as_bytes().to_vec())).unwrap();
        }
        let source = crate::plan::Source::Made(Arc::from(&b""[..]));
        entries
            .add(Entry::file(path("/usr/lib/x/lib/a"), source, 0, 0o755, crate::plan::Role::Program))
            .unwrap();
        let (links, file) = entries.follow(&path("/usr/bin/a"));
        assert_eq!(links, [path("/usr/bin/a"), path("/usr/lib/x/lib64")]);
        assert_eq!(file.unwrap().path, path("/usr/lib/x/lib/a"));
        assert!(entries.follow(&path("/loop")).1.is_none() && entries.follow(&path("/none")).1.is_none());
    }

    #[test]
    fn scripts_have_an_interpreter() {
        for (text, wanted) in [
            ("#!/bin/sh\n", Some("/bin/sh")),
            ("#! /usr/bin/env  -S x", Some("/usr/bin/env")),
            ("x", None),
            ("#!\n", None),
        ] {
            assert_eq!(
                interpreter(text.as_bytes()).map(|path| path.to_string()).as_deref(),
                wanted,
                "{text}"
            );
        }
    }
}
