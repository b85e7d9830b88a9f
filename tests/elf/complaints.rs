//! What other tools find wrong with a file.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use regex::Regex;

/// eu-elflint adds the size of a symbol to the place of its relocation, so that it takes the last slots of a global offset table
/// for a part of the segment behind them.
const MISTAKEN: &str = "read-only section modified but text relocation flag not set";

/// MIPS' own bits (STO_MIPS_PLT), which eu-elflint does not know: it names the symbol, which a rename changes.
const UNKNOWN: &str = "unknown bit set in st_other";

/// readelf's warnings and eu-elflint's findings, without numbers, which an edit may change.
pub fn complaints(readelf: &str, path: &Path) -> io::Result<BTreeSet<String>> {
    let run = |name: &str, arguments: &[&str]| Command::new(name).args(arguments).arg(path).output();
    let outputs = [
        ("readelf", run(readelf, &["-aW"])?.stderr),
        ("eu-elflint", run("eu-elflint", &[])?.stdout),
        ("eu-elflint --gnu-ld", run("eu-elflint", &["--gnu-ld"])?.stdout),
    ];
    let mut lines = BTreeSet::new();
    for (by, output) in outputs {
        let text = String::from_utf8_lossy(&output).replace(&*path.to_string_lossy(), "");
        let found = text.lines().filter(|line| !line.contains(MISTAKEN) && !line.contains(UNKNOWN));
        lines.extend(found.map(|line| format!("{by}: {}", without_numbers(line))));
    }
    Ok(lines)
}

/// With `#` for each.
pub fn without_numbers(line: &str) -> String {
    static NUMBER: LazyLock<Regex> = LazyLock::new(|| Regex::new("0x[0-9a-f]+|[0-9]+").expect("it is one"));
    NUMBER.replace_all(line, "#").into_owned()
}
