//! Drafts get their names, or are cleared away.

use std::os::unix::fs::PermissionsExt;

use super::*;

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        folder.read_dir().unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn publishing_replaces_and_is_for_everyone_to_read() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(vec![file("/opt/a", "")]);
    let final_name = folder.path().join("acme-tool_1.2+rc3_amd64.deb");
    std::fs::write(&final_name, "old").unwrap();
    let draft = write_to(&plan, &[(Format::Deb, ZSTD)], 1, folder.path()).unwrap().remove(0);
    assert_eq!(std::fs::read(&final_name).unwrap(), b"old");
    assert_eq!(names(folder.path()).len(), 2);
    assert_eq!(draft.publish().unwrap(), final_name);
    assert_eq!(final_name.metadata().unwrap().permissions().mode() & 0o7777, 0o644);
    assert_ne!(std::fs::read(&final_name).unwrap(), b"old");
    assert_eq!(names(folder.path()).len(), 1);
}

#[test]
fn a_draft_that_is_dropped_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    drop(write_to(&plan(vec![]), &[(Format::Deb, ZSTD)], 1, folder.path()).unwrap());
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

#[test]
fn leftovers_go_and_another_runs_drafts_stay() {
    let folder = tempfile::tempdir().unwrap();
    let drafts = write_to(&plan(vec![]), &[(Format::Deb, ZSTD)], 1, folder.path()).unwrap();
    for name in [".explant-abcdef.tmp", ".explant-other", "explant-abcdef.tmp"] {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    std::os::unix::fs::symlink("/dev/null", folder.path().join(".explant-link.tmp")).unwrap();
    std::fs::create_dir(folder.path().join(".explant-folder.tmp")).unwrap();
    run("mkfifo", &[folder.path().join(".explant-fifo.tmp")]);
    clear_leftovers(folder.path()).unwrap();
    let draft = drafts[0].path().file_name().unwrap().to_str().unwrap().to_owned();
    let left = names(folder.path());
    assert!(left.contains(&draft), "{left:?}");
    assert!(!left.contains(&".explant-abcdef.tmp".to_owned()), "{left:?}");
    assert_eq!(left.len(), 6, "{left:?}");
}

#[test]
fn a_folder_that_cannot_be_written_to_is_named() {
    let error =
        write_to(&plan(vec![]), &[(Format::Deb, ZSTD)], 1, Path::new("/proc")).unwrap_err().to_string();
    assert!(error.starts_with("cannot write /proc/acme-tool_1.2+rc3_amd64.deb"), "{error}");
}
