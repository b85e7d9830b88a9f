//! Artifacts appear whole or not at all.

use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::harness::{Bundle, Case, Layout, artifacts, entries, scratch_folder, succeeds};

/// Killed in the middle, explant leaves no artifact under its final name, and the next run clears away what it did leave.
#[test]
fn killed_while_writing() {
    let bundle = Bundle { case: Case::named("ffmpeg"), folder: scratch_folder() };
    let folder = bundle.folder.path();
    let leftovers = || {
        let names =
            entries(folder).into_iter().filter_map(|path| path.file_name()?.to_str().map(str::to_owned));
        names.filter(|name| name.starts_with(".explant-") && name.ends_with(".tmp")).count()
    };
    let mut command = bundle.command(Layout::Store);
    let mut child =
        command.arg(bundle.case.result()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    while leftovers() == 0 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was killed");
        assert!(started.elapsed() < Duration::from_secs(120), "it writes nothing");
        sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_ne!(leftovers(), 0);
    assert_eq!(artifacts(folder), Vec::<std::path::PathBuf>::new());

    let next = Bundle { case: Case::named("static"), folder: bundle.folder };
    succeeds(next.command(Layout::Flat).arg(next.case.result()));
    let files: Vec<_> = entries(next.folder.path());
    assert_eq!(artifacts(next.folder.path()).len(), 4, "{files:?}");
    assert_eq!(files.len(), 4, "bundle.toml and three artifacts: {files:?}");
}
