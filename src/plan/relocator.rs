//! The program of a tarball by which install.sh makes anchored references permanent (`stub/relocate.c`).

use super::context::Context;
use super::draft::Draft;
use super::{Architecture, Entry, Role};
use crate::error::Result;

/// The list of files that have such references, in the tarball's top folder: the anchor, a tab and the anchor's folder below the
/// top; then a path below the top a line, sorted.
pub const LIST: &str = "anchored";

/// Its own name there.
pub const PROGRAM: &str = "relocate";

const X86_64: &[u8] = include_bytes!("../../templates/stub/relocate-x86_64.bin");
const AARCH64: &[u8] = include_bytes!("../../templates/stub/relocate-aarch64.bin");

/// Adds it to a tarball that has the list. Without it references go on leading through the stub.
pub fn add(context: &Context, draft: &mut Draft) -> Result<()> {
    if draft.entries.get(&context.prefix.join(LIST)).is_none() {
        return Ok(());
    }
    let program = match draft.architecture()? {
        Architecture::X86_64 => X86_64,
        Architecture::Aarch64 => AARCH64,
        _ => return Ok(()),
    };
    let entry = Entry::made(context.prefix.join(PROGRAM), program.to_vec(), Role::Data);
    draft.entries.add(Entry { mode: 0o755, ..entry }.in_tarball_alone())
}
