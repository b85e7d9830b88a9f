//! Artifacts appear whole or not at all.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::harness::{Bundle, Case, Layout, artifacts, entries, scratch_folder, succeeds};

fn leftovers(folder: &Path) -> usize {
    let names = entries(folder).into_iter().filter_map(|path| path.file_name()?.to_str().map(str::to_owned));
    names.filter(|name| name.starts_with(".explant-") && name.ends_with(".tmp")).count()
}

/// Starts a build, and sends it the signal as soon as there are drafts in `output`.
fn interrupted(bundle: &Bundle, output: &Path, signal: i32) {
    let mut command = bundle.command_to(Layout::Store, output);
    command.arg(bundle.case.result());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    while !output.exists() || leftovers(output) == 0 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was killed");
        assert!(started.elapsed() < Duration::from_secs(120), "it writes nothing");
        sleep(Duration::from_millis(5));
    }
    succeeds(Command::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()));
    assert_eq!(child.wait().unwrap().signal(), Some(signal));
}

/// Told to stop, explant takes its drafts with it, and the folder that it made.
#[test]
fn interrupted_while_writing() {
    const SIGINT: i32 = 2;
    const SIGTERM: i32 = 15;
    for signal in [SIGINT, SIGTERM] {
        let bundle = Bundle { case: Case::named("ffmpeg"), folder: scratch_folder() };
        let output = bundle.folder.path().join("new");
        interrupted(&bundle, &output, signal);
        assert!(!output.exists(), "{:?}", entries(&output));
    }
}

/// Killed in the middle, explant leaves no artifact under its final name, and the next run clears away what it did leave.
#[test]
fn killed_while_writing() {
    const SIGKILL: i32 = 9;
    let bundle = Bundle { case: Case::named("ffmpeg"), folder: scratch_folder() };
    let folder = bundle.folder.path();
    interrupted(&bundle, folder, SIGKILL);
    assert_ne!(leftovers(folder), 0);
    assert_eq!(artifacts(folder), Vec::<std::path::PathBuf>::new());

    let next = Bundle { case: Case::named("static"), folder: bundle.folder };
    succeeds(next.command(Layout::Flat).arg(next.case.result()));
    let files: Vec<_> = entries(next.folder.path());
    assert_eq!(artifacts(next.folder.path()).len(), 5, "{files:?}");
    assert_eq!(files.len(), 6, "bundle.toml, three artifacts, their sums and their bill: {files:?}");
}
