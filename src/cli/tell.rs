//! What is written for who called: `println!` and `eprintln!` would panic where nobody reads on (`| head`).

use std::fmt::Display;
use std::io::{ErrorKind, Write};

use explant::error::{IoContext, Result};

/// Writes to standard output. That nobody reads on is no failure: what was asked for is done.
pub fn out(text: impl Display) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    match write!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result.while_doing("write to", "the standard output"),
    }
}

/// Writes a line to standard error. If that fails, there is nowhere to say so.
pub fn note(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
