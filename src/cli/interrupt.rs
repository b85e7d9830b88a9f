//! What becomes of a build that is interrupted (^C, a job's time limit): it leaves nothing behind, like one that fails.

use std::path::PathBuf;

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use explant::error::{Error, Result};
use explant::package;

/// Removes the drafts when a signal ends the process, and `made`, a folder that is ours, if nothing is in it. Then the signal does
/// what it does to everybody. A limit of file sizes (setrlimit(2)) is an error of writing.
pub fn clean_up_after(made: Option<PathBuf>) -> Result<()> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXFSZ])
        .map_err(|cause| Error::failure(format!("cannot listen for signals: {cause}")))?;
    std::thread::spawn(move || {
        for signal in signals.forever().filter(|signal| *signal != SIGXFSZ) {
            package::discard_all();
            if let Some(folder) = &made {
                // Fails, and should, where somebody else put something in it.
                let _ = std::fs::remove_dir(folder);
            }
            let _ = emulate_default_handler(signal);
        }
    });
    Ok(())
}
