//! Reports as people read them: a block a file, a line a field; what a file does not have has no line.

mod tree;

use std::fmt::Write;

use super::hardening::Hardening;
use super::report::{Content, Debug, Dlopen, Image, Report, Script};
use super::symbols::{Symbols, VersionedSymbol};
use super::versions::{Needs, VersionSet};
use super::wrapper::{Action, Maker, Text, Wrapper};
use crate::config::glibc_set;
use crate::elf::describe::{Binding, Feature, Kind, Relro, SymbolKind};
use crate::plan::table::counted;

/// The block of a file. Where symbols or the tree were asked for, they stand in for the fields.
pub fn text(report: &Report) -> String {
    let mut rows = Rows(Vec::new());
    let mut more = String::new();
    match &report.content {
        Content::Elf(image) => {
            rows.add("kind", kind(image));
            if image.symbols.is_none() && image.tree.is_none() {
                fields(&mut rows, image);
            }
            image.symbols.iter().for_each(|given| symbols(&mut more, given));
            image.tree.iter().for_each(|given| tree::write(&mut more, given, image.kind));
        }
        Content::Script(script) => self::script(&mut rows, script),
        Content::Error { error } => rows.add("error", error.clone()),
    }
    format!("{}\n{}{more}", report.file, rows.text())
}

/// Lines with a name before them; the name of the line before is not said again.
struct Rows(Vec<(&'static str, String)>);

impl Rows {
    fn add(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.push((name, value.into()));
    }

    fn add_all(&mut self, name: &'static str, values: impl IntoIterator<Item = impl Into<String>>) {
        values.into_iter().for_each(|value| self.add(name, value));
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let mut last = "";
        for (name, value) in &self.0 {
            let shown = if *name == last { "" } else { name };
            // Writing to a String does not fail.
            let _ = writeln!(text, "  {shown:<17}{value}");
            last = name;
        }
        text
    }
}

fn kind(image: &Image) -> String {
    let what = match (image.kind, image.position_independent) {
        (Kind::Program, true) => "program, position-independent",
        (Kind::Program, false) => "program, at a fixed address",
        (Kind::StaticProgram, true) => "static program, position-independent",
        (Kind::StaticProgram, false) => "static program, at a fixed address",
        (Kind::Library, _) if image.interpreter.is_some() => "library that can be started, too",
        (Kind::Library, _) => "library",
        (Kind::Object, _) => "object file, for a linker",
        (Kind::KernelModule, _) => "kernel module",
        (Kind::Core, _) => "core dump",
        (Kind::DebugFile, _) => "debug information that was split off",
        (Kind::Other, _) => "ELF file that nothing loads",
    };
    format!("{what}; {}", image.machine)
}

fn fields(rows: &mut Rows, image: &Image) {
    rows.add_all("interpreter", image.interpreter.clone());
    rows.add_all("rpath", image.rpath.clone());
    rows.add_all("runpath", image.runpath.clone());
    rows.add_all("soname", image.soname.clone());
    rows.add_all("needed", image.needed.clone());
    needs(rows, &image.versions_needed);
    rows.add_all("versions defined", set(&image.versions_defined));
    rows.add_all("build-id", image.build_id.clone());
    rows.add_all("kernel", image.kernel.iter().map(|kernel| format!("{kernel} or newer")));
    // Every x86-64 has the baseline.
    let processor = image.processor.filter(|processor| *processor != "x86-64-baseline");
    rows.add_all("processor", processor.map(|processor| format!("{processor} or newer")));
    rows.add_all("dlopen", image.dlopen.iter().map(dlopen));
    image.wrapper.iter().for_each(|given| wrapper(rows, given));
    rows.add_all("hardening", image.hardening.iter().map(hardening));
    rows.add_all("debug info", debug(image));
}

fn needs(rows: &mut Rows, needs: &Needs) {
    let width = needs.libraries.iter().map(|need| need.library.chars().count()).max().unwrap_or(0);
    for need in &needs.libraries {
        let versions = set(&need.versions).unwrap_or_default();
        rows.add("versions needed", format!("{:width$}  {versions}", need.library));
    }
    let glibc = needs.glibc.iter().map(|glibc| format!("glibc {glibc} or newer"));
    rows.add_all("at least", glibc);
    if needs.glibc_private {
        rows.add("at least", "the very glibc that it was built with (GLIBC_PRIVATE)");
    }
}

/// The highest of each family, and what is in none.
fn set(versions: &VersionSet) -> Option<String> {
    let counts = versions.counts();
    let families = versions.highest.iter().map(|(family, highest)| match counts.get(family.as_str()) {
        Some(count) if *count > 1 => format!("{highest} (and {} older)", count - 1),
        _ => highest.clone(),
    });
    let others = versions.others().map(|name| match glibc_set::version(name) {
        Some((major, minor)) => format!("{name} (glibc {major}.{minor})"),
        None => name.to_owned(),
    });
    let all: Vec<String> = families.chain(others).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

fn dlopen(note: &Dlopen) -> String {
    let about = [note.feature.as_str(), note.description.as_str()];
    let about: Vec<&str> = about.into_iter().filter(|text| !text.is_empty()).collect();
    let about = if about.is_empty() { String::new() } else { format!(": {}", about.join(", ")) };
    format!("{} ({}){about}", note.sonames.join(" or "), note.priority)
}

fn wrapper(rows: &mut Rows, wrapper: &Wrapper) {
    let maker = match wrapper.maker {
        Maker::MakeBinaryWrapper => ", made by makeBinaryWrapper",
        Maker::Script => "",
    };
    rows.add("wrapper", format!("of {}{maker}", wrapper.program));
    rows.add_all("", wrapper.actions.iter().map(action));
    if wrapper.other_lines > 0 {
        rows.add(
            "",
            format!("and {} of the script", counted(wrapper.other_lines, "more line", "more lines")),
        );
    }
}

fn joined(flags: &[Text]) -> String {
    let flags: Vec<String> = flags.iter().map(Text::to_string).collect();
    flags.join(" ")
}

fn action(action: &Action) -> String {
    match action {
        Action::Set { variable, value } => format!("--set {variable} {value}"),
        Action::SetDefault { variable, value } => format!("--set-default {variable} {value}"),
        Action::Unset { variable } => format!("--unset {variable}"),
        Action::Prefix { variable, separator, value } => format!("--prefix {variable} {separator} {value}"),
        Action::Suffix { variable, separator, value } => format!("--suffix {variable} {separator} {value}"),
        Action::Chdir { folder } => format!("--chdir {folder}"),
        Action::Argv0 { name } => format!("--argv0 {name}"),
        Action::InheritArgv0 => "--inherit-argv0".into(),
        Action::ResolveArgv0 => "--resolve-argv0".into(),
        Action::AddFlags { flags } => format!("--add-flags {}", joined(flags)),
        Action::AppendFlags { flags } => format!("--append-flags {}", joined(flags)),
    }
}

fn hardening(hardening: &Hardening) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut say = |word: &str| words.push(word.to_owned());
    match hardening.pie {
        Some(true) => say("PIE"),
        Some(false) => say("no PIE"),
        None => {}
    }
    match (hardening.relro, hardening.bind_now) {
        (Relro::Full, _) => say("full RELRO"),
        (Relro::Partial, _) => say("partial RELRO"),
        (Relro::None, true) => say("no RELRO, BIND_NOW"),
        (Relro::None, false) => say("no RELRO"),
    }
    match hardening.executable_stack {
        Some(false) => say("no executable stack"),
        Some(true) => say("EXECUTABLE STACK"),
        None => say("stack not told (often executable)"),
    }
    if hardening.writable_code {
        say("WRITABLE CODE");
    }
    if hardening.text_relocations {
        say("TEXT RELOCATIONS");
    }
    match hardening.stack_protector {
        Some(true) => say("stack protector"),
        Some(false) => say("no stack protector seen"),
        None => {}
    }
    match hardening.fortified {
        Some(0) => say("nothing fortified"),
        Some(count) => say(&format!("{count} functions fortified")),
        None => {}
    }
    hardening.features.iter().for_each(|feature| say(self::feature(*feature)));
    words.join(", ")
}

fn feature(feature: Feature) -> &'static str {
    match feature {
        Feature::Ibt => "IBT",
        Feature::Shstk => "SHSTK",
        Feature::Bti => "BTI",
        Feature::Pac => "PAC",
        Feature::Gcs => "GCS",
    }
}

fn debug(image: &Image) -> Option<String> {
    let Debug { symbol_table, dwarf, link } = &image.debug;
    let what = match (dwarf, symbol_table) {
        (true, _) => "in the file",
        (false, true) => "none, but a symbol table",
        (false, false) if image.hardening.is_none() => return None,
        (false, false) => "none, stripped",
    };
    let link = link.iter().map(|link| format!("; split off to {link}"));
    Some(format!("{what}{}", link.collect::<String>()))
}

fn script(rows: &mut Rows, script: &Script) {
    rows.add("kind", "script");
    let argument = script.argument.iter().map(|argument| format!(" {argument}"));
    rows.add("interpreter", format!("{}{}", script.interpreter, argument.collect::<String>()));
    script.wrapper.iter().for_each(|given| wrapper(rows, given));
}

fn symbols(out: &mut String, symbols: &Symbols) {
    for (what, symbols) in [("imported", &symbols.imported), ("exported", &symbols.exported)] {
        // Writing to a String does not fail.
        let _ = writeln!(out, "  {what} symbols ({})", symbols.len());
        let width = |text: fn(&VersionedSymbol) -> &Option<String>| {
            symbols
                .iter()
                .filter_map(|symbol| Some(text(symbol).as_ref()?.chars().count()))
                .max()
                .unwrap_or(0)
        };
        // A hostile name must not make every line as long as itself.
        let width = |text| width(text).min(40);
        let (libraries, versions) = (width(|symbol| &symbol.library), width(|symbol| &symbol.version));
        for symbol in symbols {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            let library = if libraries == 0 {
                String::new()
            } else {
                format!("{:libraries$}  ", text(&symbol.library))
            };
            let version =
                if versions == 0 { String::new() } else { format!("{:versions$}  ", text(&symbol.version)) };
            let _ = writeln!(
                out,
                "    {library}{version}{:<13} {}{}",
                nature(symbol),
                symbol.name,
                hidden(symbol)
            );
        }
    }
}

/// `weak function` and the like.
fn nature(symbol: &VersionedSymbol) -> String {
    let binding = match symbol.binding {
        Binding::Global => "",
        Binding::Weak => "weak ",
        Binding::Unique => "unique ",
        Binding::Other => "odd ",
    };
    let kind = match symbol.symbol_kind {
        SymbolKind::Function => "function",
        SymbolKind::Object => "object",
        SymbolKind::ThreadLocal => "TLS",
        SymbolKind::Indirect => "ifunc",
        SymbolKind::Other => "symbol",
    };
    format!("{binding}{kind}")
}

/// Versions that are kept for old programs alone.
fn hidden(symbol: &VersionedSymbol) -> &'static str {
    let is_old = symbol.version.is_some() && symbol.library.is_none() && !symbol.default;
    if is_old { " (not the default)" } else { "" }
}
