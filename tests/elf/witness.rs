//! Who tells whether an edited file is still right: verify, the kernel and ld.so, readelf, eu-elflint, and the tools that people
//! treat files with afterwards.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use explant::elf::Operation;
use explant::elf::verify::verify;

use crate::build::{Built, LIBRARY, PROGRAM};
use crate::complaints::complaints;
use crate::layout::Layout;
use crate::model::{Fields, Model, write};
use crate::target::Target;

/// What the program ends with: its own and its library's thread-local variables.
const EXIT: i32 = 46;

/// Tools that rewrite a file, by binutils and elfutils.
const REWRITERS: [&[&str]; 4] = [&["strip"], &["strip", "-g"], &["objcopy"], &["eu-strip"]];

/// What is said of files before an edit, and by whom they are left alive.
pub struct Baseline {
    program: BTreeSet<String>,
    library: BTreeSet<String>,
    rewriters: Vec<&'static [&'static str]>,
}

impl Baseline {
    pub fn of(layout: &Layout, folder: &Path, program: &[u8], library: &[u8]) -> Baseline {
        let work = tempfile::tempdir().unwrap();
        let at = work.path();
        for name in ["libspare.so.1", "libextra.so"] {
            fs::copy(folder.join(name), at.join(name)).unwrap();
        }
        let lay_out =
            || [(PROGRAM, program), (LIBRARY, library)].map(|(name, bytes)| write(&at.join(name), bytes));
        lay_out();
        let output = layout.target.run(&at.join(PROGRAM), at).output().unwrap();
        assert_eq!(output.status.code(), Some(EXIT), "as it is linked, {layout:?}: {output:?}");
        let said = |name| complaints_of(layout.target, &at.join(name));
        let (program, library) = (said(PROGRAM), said(LIBRARY));
        let rewriters = REWRITERS.into_iter().filter(|tool| {
            lay_out();
            let done = [PROGRAM, LIBRARY].map(|name| rewrite(layout.target, tool, &at.join(name)));
            let lives = || layout.target.run(&at.join(PROGRAM), at).output().unwrap() == output;
            // Without section headers there is nothing that they could go by.
            layout.sections && done == [true, true] && lives()
        });
        let rewriters = rewriters.collect();
        Baseline { program, library, rewriters }
    }
}

/// An original, what it became, and by what.
pub struct Edited<'a> {
    pub original: &'a [u8],
    pub bytes: &'a [u8],
    pub operation: &'a Operation,
    pub fields: &'a Fields,
}

/// Everybody's word on the files of one step; the first complaint is the error.
pub fn question(built: &Built, folder: &Path, model: &Model, files: [Edited; 2]) -> Result<(), String> {
    let [program, library] = files;
    for (name, file) in [(PROGRAM, &program), (LIBRARY, &library)] {
        let fields = Fields::of(file.bytes);
        if fields != *file.fields {
            return Err(format!("{name} says {fields:?}, not {:?}", file.fields));
        }
        let violations = verify(file.original, file.bytes, file.operation);
        if !violations.is_empty() {
            return Err(format!("verify of {name}: {violations:?}"));
        }
    }
    model.lay_out(built, folder, program.bytes, library.bytes);
    runs(built, folder, model).map_err(|error| format!("edited: {error}"))?;
    let baseline = &built.baseline;
    for (name, before) in [(PROGRAM, &baseline.program), (LIBRARY, &baseline.library)] {
        let after = complaints_of(built.layout.target, &folder.join(name));
        if let Some(line) = after.difference(before).next() {
            return Err(format!("new for {name}: {line}"));
        }
    }
    // QEMU takes the program headers to be where kernels before 5.18 do (AT_PHDR): as far from the first segment in memory as in the
    // file. The editor sees to it, but what strips the file does not.
    let has_moved = header_offset(program.bytes) != header_offset(&built.program);
    let is_emulated = matches!(built.layout.target, Target::Cross { .. });
    let rewritten: &[&str] = if has_moved && is_emulated { &[LIBRARY] } else { &[PROGRAM, LIBRARY] };
    for tool in &baseline.rewriters {
        model.lay_out(built, folder, program.bytes, library.bytes);
        for name in rewritten {
            if !rewrite(built.layout.target, tool, &folder.join(name)) {
                return Err(format!("{tool:?} fails on {name}"));
            }
        }
        runs(built, folder, model).map_err(|error| format!("after {tool:?}: {error}"))?;
    }
    Ok(())
}

/// e_phoff.
fn header_offset(bytes: &[u8]) -> u64 {
    goblin::elf::Elf::parse_header(bytes).unwrap().e_phoff
}

/// Whether it runs, started by itself and by its loader, and says what it should.
fn runs(built: &Built, folder: &Path, model: &Model) -> Result<(), String> {
    let target = built.layout.target;
    let program = folder.join(PROGRAM);
    let interpreter = Fields::of(&built.program).interpreter.unwrap();
    let loader = target.disk(std::str::from_utf8(&interpreter).unwrap());
    let mut by_loader = target.run(&loader, folder);
    by_loader.arg(&program);
    for mut command in [target.run(&program, folder), by_loader] {
        let output = output_in_time(&mut command);
        if output.status.code() != Some(EXIT) || output.stdout != model.output().as_bytes() {
            return Err(format!("{command:?}: {output:?}, not {:?}", model.output()));
        }
    }
    Ok(())
}

fn output_in_time(command: &mut Command) -> Output {
    let start = Instant::now();
    loop {
        let output = command.output();
        assert!(start.elapsed() < Duration::from_secs(60), "{command:?}");
        match output {
            // A child that another thread has just forked holds the file open for writing until it executes its own program.
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => std::thread::yield_now(),
            output => return output.unwrap(),
        }
    }
}

/// Does it in place.
fn rewrite(target: Target, tool: &[&str], path: &Path) -> bool {
    let name = if tool[0].starts_with("eu-") { tool[0].to_owned() } else { target.tool(tool[0]) };
    Command::new(name).args(&tool[1..]).arg(path).output().unwrap().status.success()
}

fn complaints_of(target: Target, path: &Path) -> BTreeSet<String> {
    complaints(&target.tool("readelf"), path).unwrap()
}

/// What readelf says of each dynamic symbol, in the order of what it says.
pub fn symbols(target: Target, bytes: &[u8]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, bytes).unwrap();
    // Without section headers it reads the tables that ld.so does.
    let listed = succeeds(Command::new(target.tool("readelf")).args(["-W", "--dyn-syms"]).arg(path));
    let mut symbols: Vec<_> =
        listed.lines().filter_map(|line| Some(line.split_once(": ")?.1.to_owned())).collect();
    symbols.sort();
    symbols
}

pub fn succeeds(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}: see tests/apt-packages"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
