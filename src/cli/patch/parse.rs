//! patchelf's grammar: options and files in any order; an option's arguments follow it; what is no option is a file.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use explant::error::{Error, Result};
use explant::patch::print::Field;
use explant::patch::run_path::{Verb, split};
use explant::patch::{Dialect, Doing, Failure, Request, os_abi, symbol_map};

use super::{HELP, OWN_HELP};

/// What a command line asks for.
pub enum Command {
    Help,
    Version,
    Patch(Box<Call>),
}

pub struct Call {
    pub request: Request,
    pub files: Vec<PathBuf>,
    /// How many files at a time.
    pub jobs: Option<u16>,
}

pub fn parse(dialect: Dialect, arguments: Vec<OsString>) -> Result<Command> {
    let call = Call { request: Request::new(dialect), files: Vec::new(), jobs: None };
    let mut parser = Parser {
        arguments: arguments.into_iter(),
        call,
        run_path: RunPath::default(),
        set_execstack: false,
        clear_execstack: false,
    };
    while let Some(argument) = parser.arguments.next() {
        match argument.as_bytes() {
            b"--help" | b"-h" => return Ok(Command::Help),
            b"--version" => return Ok(Command::Version),
            _ => {}
        }
        // What is not UTF-8 is no option.
        let name = argument.to_str().unwrap_or_default();
        let is_option = parser.option(name)? || dialect == Dialect::Explant && parser.own_option(name)?;
        if !is_option {
            parser.call.files.push(argument.into());
        }
    }
    parser.finish().map(|call| Command::Patch(Box::new(call)))
}

struct Parser {
    arguments: std::vec::IntoIter<OsString>,
    call: Call,
    run_path: RunPath,
    set_execstack: bool,
    clear_execstack: bool,
}

/// The options on the run path: patchelf has an order in which they count.
#[derive(Default)]
struct RunPath {
    shrink: bool,
    prefixes: Vec<Vec<u8>>,
    remove: bool,
    set: Option<Vec<u8>>,
    add: Option<Vec<u8>>,
}

impl Parser {
    /// False: there is no such option.
    fn option(&mut self, name: &str) -> Result<bool> {
        match name {
            "--set-interpreter" | "--interpreter" => {
                // An empty one asks for nothing.
                let path = Some(self.argument(name)?).filter(|path| !path.is_empty());
                self.call.request.operation.interpreter = path;
            }
            "--set-soname" => self.call.request.operation.soname = Some(self.argument(name)?),
            "--set-rpath" => self.run_path.set = Some(self.argument(name)?),
            "--add-rpath" => self.run_path.add = Some(self.argument(name)?),
            "--remove-rpath" => self.run_path.remove = true,
            "--shrink-rpath" => self.run_path.shrink = true,
            "--allowed-rpath-prefixes" => {
                let prefixes = self.verbatim(name)?;
                self.run_path.prefixes = split(prefixes.as_bytes()).map(<[u8]>::to_owned).collect();
            }
            "--force-rpath" => self.call.request.force_rpath = true,
            "--add-needed" => {
                let library = self.argument(name)?;
                self.call.request.operation.add_needed.push(library);
            }
            "--remove-needed" => {
                let library = self.argument(name)?;
                self.call.request.operation.remove_needed.push(library);
            }
            "--replace-needed" => {
                let names = (self.verbatim(name)?.into_vec(), self.verbatim(name)?.into_vec());
                self.call.request.operation.replace_needed.push(names);
            }
            "--clear-symbol-version" => {
                let symbol = self.argument(name)?;
                self.call.request.operation.clear_versions.push(symbol);
            }
            "--rename-dynamic-symbols" => self.symbol_map(name)?,
            "--set-os-abi" => {
                let abi = os_abi::parse(&self.argument(name)?);
                let abi = abi.ok_or_else(|| Error::usage("unrecognized OS ABI"))?;
                self.call.request.operation.os_abi = Some(abi);
            }
            "--page-size" => self.page_size(name)?,
            "--output" => {
                let path = Some(self.argument(name)?).filter(|path| !path.is_empty());
                self.call.request.output = path.map(|path| OsString::from_vec(path).into());
            }
            _ => return Ok(self.flag(name)),
        }
        Ok(true)
    }

    /// The options that have no argument.
    fn flag(&mut self, name: &str) -> bool {
        let request = &mut self.call.request;
        match name {
            "--print-interpreter" => request.print.push(Field::Interpreter),
            "--print-os-abi" => request.print.push(Field::OsAbi),
            "--print-soname" => request.print.push(Field::Soname),
            "--print-rpath" => request.print.push(Field::RunPath),
            "--print-needed" => request.print.push(Field::Needed),
            "--print-execstack" => request.print.push(Field::ExecutableStack),
            "--set-execstack" => self.set_execstack = true,
            "--clear-execstack" => self.clear_execstack = true,
            "--build-resolution-cache" => request.resolution_cache = true,
            "--no-default-lib" => request.operation.no_default_lib = true,
            "--add-debug-tag" => request.operation.debug_tag = true,
            // Headers are not sorted, and old sections stay where they are.
            "--no-sort" | "--no-clobber-old-sections" | "--debug" => {}
            _ => return false,
        }
        true
    }

    /// The options that patchelf has not. An error where it looks like an option, and is none.
    fn own_option(&mut self, name: &str) -> Result<bool> {
        match name {
            "--json" => self.call.request.json = true,
            "--verify" => self.call.request.verify = true,
            "--jobs" | "-j" => {
                let number = self.verbatim(name)?;
                self.jobs(number.to_str().unwrap_or_default())?;
            }
            _ => match name.strip_prefix("--jobs=").or_else(|| name.strip_prefix("-j")) {
                Some(number) => self.jobs(number)?,
                None if name.len() > 1 && name.starts_with('-') => return Err(unknown(name)),
                None => return Ok(false),
            },
        }
        Ok(true)
    }

    fn jobs(&mut self, number: &str) -> Result<()> {
        match number.parse() {
            Ok(jobs) if jobs > 0 => self.call.jobs = Some(jobs),
            _ => return Err(Error::usage(format!("--jobs wants a number from 1 to {}", u16::MAX))),
        }
        Ok(())
    }

    /// The option's next argument, as it stands.
    fn verbatim(&mut self, option: &str) -> Result<OsString> {
        self.arguments.next().ok_or_else(|| Error::usage(format!("missing argument to {option}")))
    }

    /// The option's next argument; of `@FILE`, all that the file holds.
    fn argument(&mut self, option: &str) -> Result<Vec<u8>> {
        let argument = self.verbatim(option)?.into_vec();
        match argument.strip_prefix(b"@") {
            Some(file) => read(Path::new(&OsString::from_vec(file.to_owned()))),
            None => Ok(argument),
        }
    }

    fn symbol_map(&mut self, option: &str) -> Result<()> {
        let file = PathBuf::from(self.verbatim(option)?);
        let name = file.display().to_string();
        let text =
            fs::read(&file).map_err(|cause| Error::usage(format!("Cannot open map file {name}: {cause}")))?;
        let names = &mut self.call.request.operation.rename_symbols;
        symbol_map::read(&text, &name, names).map_err(Error::usage)
    }

    fn page_size(&mut self, option: &str) -> Result<()> {
        let number = self.verbatim(option)?;
        let size = number
            .to_str()
            .and_then(|number| number.parse().ok())
            .filter(|size: &u64| size.is_power_of_two());
        self.call.request.operation.page_size =
            Some(size.ok_or_else(|| Error::usage(format!("invalid argument to {option}")))?);
        Ok(())
    }

    fn finish(mut self) -> Result<Call> {
        let request = &mut self.call.request;
        if self.call.files.is_empty() {
            return Err(Error::usage("missing filename"));
        }
        if request.force_rpath && request.resolution_cache {
            return Err(Error::usage("--build-resolution-cache cannot be combined with --force-rpath"));
        }
        if request.output.is_some() && self.call.files.len() != 1 {
            return Err(Error::usage("--output option only allowed with single input file"));
        }
        if self.run_path.set.is_some() && self.run_path.add.is_some() {
            return Err(Error::usage("--set-rpath option not allowed with --add-rpath"));
        }
        request.run_path = self.run_path.verb();
        request.print.sort();
        request.print.dedup();
        if !request.print.contains(&Field::ExecutableStack) && (self.set_execstack || self.clear_execstack) {
            request.operation.executable_stack = Some(!self.clear_execstack);
        }
        // patchelf holds them in sets, so each counts once; and of two new names for a library the last.
        let operation = &mut request.operation;
        for names in [&mut operation.add_needed, &mut operation.remove_needed, &mut operation.clear_versions]
        {
            names.sort();
            names.dedup();
        }
        let replace: BTreeMap<_, _> = operation.replace_needed.drain(..).collect();
        operation.replace_needed = replace.into_iter().collect();
        Ok(self.call)
    }
}

impl RunPath {
    fn verb(self) -> Option<Verb> {
        if self.shrink {
            Some(Verb::Shrink { prefixes: self.prefixes })
        } else if self.remove {
            Some(Verb::Remove)
        } else {
            self.set.map(Verb::Set).or(self.add.map(Verb::Add))
        }
    }
}

/// A file that is an argument; said in patchelf's words where it cannot be read.
fn read(path: &Path) -> Result<Vec<u8>> {
    let doing = if path.exists() { Doing::Open } else { Doing::Inspect };
    fs::read(path).map_err(|cause| {
        let failure = Failure::Io { doing, path: path.to_owned(), cause };
        Error::usage(failure.patchelf_words(path))
    })
}

fn unknown(name: &str) -> Error {
    let error = Error::usage(format!("there is no option {name}"));
    let given = name.split('=').next().unwrap_or(name);
    // The help names every option.
    let words = [HELP, OWN_HELP].into_iter().flat_map(|help| help.split([' ', ',', '(', ')', '\n']));
    let options = words.filter(|word| word.starts_with("--"));
    let similar = options.map(|option| (strsim::damerau_levenshtein(option, given), option)).min();
    match similar {
        Some((difference, option)) if difference <= 3 => {
            error.remedy(format!("`{option}` is similar; arguments follow it after a space"))
        }
        _ => error.remedy("`explant patch --help` lists them; a file's name may be written ./-x"),
    }
}
