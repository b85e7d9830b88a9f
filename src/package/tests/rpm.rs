//! rpm and the `rpm` crate read the .rpm.

use super::*;

fn rpm(plan: &Plan) -> Written {
    build(plan, &[(Format::Rpm, ZSTD)])
}

fn query(written: &Written, format: &str) -> String {
    run_text("rpm", &["-qp", "--qf", format, written.path(".rpm").to_str().unwrap()])
}

fn rpm_in(root: &Path, arguments: &[&str]) -> Output {
    let root = root.to_str().unwrap();
    let mut all = vec!["--root", root, "--nodeps", "--noscripts", "--force-debian"];
    all.extend(arguments);
    output("rpm", &all)
}

fn assert_silent(out: &Output) {
    let said = [&out.stdout[..], &out.stderr[..]].concat();
    assert!(out.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn installs_verifies_and_removes() {
    let mut plan = everything();
    plan.entries.push(file("/usr/zz-two\nlines", "x"));
    plan.entries.sort_by(|a, b| a.path.cmp(&b.path));
    for codec in CODECS {
        let written = build(&plan, &[(Format::Rpm, codec)]);
        let path = written.path(".rpm").to_str().unwrap();
        let checked = run_text("rpm", &["-Kv", path]);
        assert!(checked.lines().skip(1).all(|line| line.ends_with(": OK")), "{checked}");
        for digest in ["Header SHA256", "Header SHA1", "Payload SHA256"] {
            assert!(checked.contains(digest), "{checked}");
        }
        let root = tempfile::tempdir().unwrap();
        assert_silent(&rpm_in(root.path(), &["-i", path]));
        assert_installed(&plan, root.path());
        assert_silent(&rpm_in(root.path(), &["-V", "Acme_Tool"]));
        assert_silent(&rpm_in(root.path(), &["-e", "Acme_Tool"]));
        for gone in ["usr/bin/acme", "usr/lib/acme-tool", "etc/acme"] {
            assert!(root.path().join(gone).symlink_metadata().is_err(), "{gone}");
        }
        assert!(root.path().join("usr/bin").exists());
    }
}

#[test]
fn the_header_says_what_the_package_is() {
    let mut plan = everything();
    let package = &mut plan.package;
    package.epoch = 2;
    package.vendor = "Acme".into();
    package.rpm.group = Some("Tools".into());
    package.relations.depends = vec!["foo (>= 1.2)".into(), "a1 | b1 (<< 3)".into()];
    package.rpm.relations.depends = vec!["libc.so.6(GLIBC_2.34)(64bit)".into(), "(x if y)".into()];
    package.rpm.requires_post = vec!["coreutils".into()];
    package.relations.conflicts = vec!["old < 3".into()];
    package.relations.replaces = vec!["old".into()];
    package.relations.provides = vec!["virtual = 1~rc".into()];
    package.relations.recommends = vec!["more".into()];
    package.relations.suggests = vec!["most".into()];
    package.scripts.common.postinstall = Some("echo hello\n".into());
    package.scripts.common.preremove = Some("#!/usr/bin/python3 -I\nprint()\n".into());
    let written = rpm(&plan);
    assert_eq!(written.path(".rpm").file_name().unwrap(), "Acme_Tool-1.2+rc3-1.x86_64.rpm");
    for (format, wanted) in [
        ("%{nevra}", "Acme_Tool-2:1.2+rc3-1.x86_64"),
        ("%{summary}", "An example"),
        ("%{description}", "It does things.\n\n.hidden is what this line begins with."),
        ("%{license} %{group} %{vendor} %{url}", "MIT Tools Acme https://example.org"),
        ("%{packager}", "Jane Doe <jane@example.org>"),
        ("%{buildtime} %{buildhost} %{os} %{encoding}", "1000000000 localhost linux (none)"),
        ("%{sourcerpm}", "Acme_Tool-1.2+rc3-1.src.rpm"),
        ("%{payloadformat} %{payloadcompressor} %{payloadflags}", "cpio zstd 3"),
        (
            "[%{providenevrs}\n]",
            "Acme_Tool = 2:1.2+rc3-1\nAcme_Tool(x86-64) = 2:1.2+rc3-1\nconfig(Acme_Tool) = 2:1.2+rc3-1\nvirtual = 1~rc\n",
        ),
        (
            "[%{requirenevrs}\n]",
            "(a1 or b1 < 3)\n(x if y)\n/bin/sh\n/usr/bin/python3\nconfig(Acme_Tool) = 2:1.2+rc3-1\ncoreutils\nfoo >= 1.2\n\
             libc.so.6(GLIBC_2.34)(64bit)\nrpmlib(CompressedFileNames) <= 3.0.4-1\nrpmlib(FileDigests) <= 4.6.0-1\n\
             rpmlib(PayloadFilesHavePrefix) <= 4.0-1\nrpmlib(PayloadIsZstd) <= 5.4.18-1\nrpmlib(RichDependencies) <= 4.12.0-1\n\
             rpmlib(TildeInVersions) <= 4.10.0-1\n",
        ),
        ("[%{conflictnevrs}\n]", "old < 3\n"),
        ("[%{obsoletenevrs}\n]", "old\n"),
        ("[%{recommendnevrs}\n]", "more\n"),
        ("[%{suggestnevrs}\n]", "most\n"),
        ("%{postin}|%{postinprog}", "echo hello\n|/bin/sh"),
        ("[%{preunprog} ]", "/usr/bin/python3 -I "),
        ("[%{requirename} %{requireflags:deptype}\n]", ""),
    ] {
        if wanted.is_empty() {
            let types = query(&written, format);
            for line in ["/bin/sh post,interp", "coreutils post", "/usr/bin/python3 preun,interp"] {
                assert!(types.lines().any(|l| l == line), "{line}: {types}");
            }
        } else {
            assert_eq!(query(&written, format), wanted, "{format}");
        }
    }
}

#[test]
fn files_are_listed_as_rpm_lists_them() {
    let mut plan = plan(vec![
        Entry { role: Role::License, ..file("/usr/share/licenses/acme/COPYING", "") },
        Entry { role: Role::Readme, ..file("/usr/share/doc/acme/README", "") },
        Entry { role: Role::Doc, ..file("/usr/share/doc/acme/guide", "") },
        Entry { role: Role::Config { noreplace: false, missingok: true }, ..file("/etc/acme.conf", "") },
        Entry { role: Role::Config { noreplace: true, missingok: false }, ..file("/etc/acme/main.conf", "") },
        entry("/var/log/acme.log", Kind::Ghost, 0o640, Role::Data),
        Entry {
            caps: Some("cap_net_raw+ep".into()),
            owner: "games".into(),
            ..program("/usr/lib/acme/tool", 0o755)
        },
        program("/usr/lib/acme.d/x", 0o755),
        link("/usr/bin/acme", "../lib/acme/tool"),
    ]);
    plan.entries.reverse();
    let written = rpm(&plan);
    assert_eq!(
        query(
            &written,
            "[%{filenames} %{fileflags:fflags} %{filecaps} %{fileusername} %{filemodes:perms} %{filelinktos}\n]"
        ),
        "/etc/acme   root drwxr-xr-x \n\
         /etc/acme.conf cm  root -rw-r--r-- \n\
         /etc/acme/main.conf cn  root -rw-r--r-- \n\
         /usr/bin/acme   root lrwxrwxrwx ../lib/acme/tool\n\
         /usr/lib/acme   root drwxr-xr-x \n\
         /usr/lib/acme.d   root drwxr-xr-x \n\
         /usr/lib/acme.d/x   root -rwxr-xr-x \n\
         /usr/lib/acme/tool  cap_net_raw+ep games -rwxr-xr-x \n\
         /usr/share/doc/acme   root drwxr-xr-x \n\
         /usr/share/doc/acme/README r  root -rw-r--r-- \n\
         /usr/share/doc/acme/guide d  root -rw-r--r-- \n\
         /usr/share/licenses/acme   root drwxr-xr-x \n\
         /usr/share/licenses/acme/COPYING l  root -rw-r--r-- \n\
         /var/log/acme.log g  root -rw-r----- \n"
    );
    assert!(query(&written, "[%{requirenevrs}\n]").contains("rpmlib(FileCaps)"));
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("etc")).unwrap();
    std::fs::write(root.path().join("etc/passwd"), "games:x:5:60::/:/bin/false\nroot:x:0:0::/:/bin/sh\n")
        .unwrap();
    std::fs::write(root.path().join("etc/group"), "root:x:0:\n").unwrap();
    let out = rpm_in(root.path(), &["-i", written.path(".rpm").to_str().unwrap()]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let caps = run_text("getcap", &[root.path().join("usr/lib/acme/tool")]);
    assert!(caps.contains("cap_net_raw=ep"), "{caps}");
    assert!(!root.path().join("var/log/acme.log").exists());
}

#[test]
fn the_rpm_crate_agrees() {
    let mut plan = everything();
    // The crate takes names for UTF-8.
    plan.entries.retain(|entry| str::from_utf8(entry.path.as_bytes()).is_ok());
    for codec in CODECS {
        let written = build(&plan, &[(Format::Rpm, codec)]);
        let package = ::rpm::Package::open(written.path(".rpm")).unwrap();
        package.verify_digests().unwrap();
        let metadata = &package.metadata;
        assert_eq!(metadata.get_name().unwrap(), "Acme_Tool");
        assert_eq!(metadata.get_version().unwrap(), "1.2+rc3");
        let files: Vec<_> = package.files().unwrap().map(|file| file.unwrap()).collect();
        let ours = |path: &Path| {
            plan.entries.iter().find(|entry| entry.path.as_bytes() == path.as_os_str().as_bytes()).unwrap()
        };
        for file in &files {
            let entry = ours(&file.metadata.path());
            assert_eq!(u32::from(file.metadata.permissions()), entry.mode);
            match &entry.kind {
                Kind::File { source: Source::Made(bytes), .. } => {
                    assert!(file.content().unwrap() == &**bytes)
                }
                Kind::Link { target } => assert_eq!(file.metadata.linkto().unwrap().as_bytes(), target),
                _ => {}
            }
        }
        let wanted = plan.entries.iter().filter(|entry| !matches!(entry.kind, Kind::Folder)).count();
        // All but the folders, of which etc/acme, lib/acme-tool, lib/acme-tool.d and doc/acme-tool are the package's.
        assert_eq!(files.len(), wanted + 4);
    }
}

#[test]
fn paths_in_folders_that_are_links_into_usr_stay() {
    let plan = plan(vec![
        link("/sbin/mkfs.acme", "/usr/bin/acme"),
        program("/usr/bin/acme", 0o755),
        link("/bin/acme", "/usr/bin/acme"),
    ]);
    let written = rpm(&plan);
    assert_eq!(query(&written, "[%{filenames}\n]"), "/sbin/mkfs.acme\n/usr/bin/acme\n");
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(root.path().join("usr/sbin")).unwrap();
    std::os::unix::fs::symlink("usr/sbin", root.path().join("sbin")).unwrap();
    assert_silent(&rpm_in(root.path(), &["-i", written.path(".rpm").to_str().unwrap()]));
    assert!(root.path().join("usr/sbin/mkfs.acme").is_symlink());
}

#[test]
fn a_choice_is_refused_where_rpm_has_none() {
    let mut plan = plan(vec![]);
    plan.package.relations.provides = vec!["a1 | b1".into()];
    let folder = tempfile::tempdir().unwrap();
    let error = write_to(&plan, &[(Format::Rpm, ZSTD)], 1, folder.path()).unwrap_err().to_string();
    assert!(error.contains("package.provides") && error.contains("a1 | b1"), "{error}");
}

/// A file that is nothing but a hole takes no disk, and 4 GiB of zeros compress to little.
#[test]
fn files_of_4_gib_and_more_install() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("huge");
    let size = (4 << 30) + 5;
    std::fs::File::create(&source).unwrap().set_len(size).unwrap();
    let kind = Kind::File {
        source: Source::Store(source),
        size,
        grown: 0,
        patches: Vec::new(),
        surgery: Vec::new(),
    };
    let plan = plan(vec![
        entry("/opt/huge", kind, 0o644, Role::Data),
        file("/opt/small", "small"),
        link("/opt/link", "small"),
    ]);
    let written = build(&plan, &[(Format::Rpm, Compression::Zstd(1))]);
    assert_eq!(query(&written, "%{longsize} [%{longfilesizes} ]"), format!("{} {size} 5 5 ", size + 5));
    let listing = run_text("rpm", &["-qp", "--requires", written.path(".rpm").to_str().unwrap()]);
    assert!(listing.contains("rpmlib(LargeFiles)"), "{listing}");
    run("rpm", &["-K", written.path(".rpm").to_str().unwrap()]);
    let root = tempfile::tempdir().unwrap();
    assert_silent(&rpm_in(root.path(), &["-i", written.path(".rpm").to_str().unwrap()]));
    assert_eq!(std::fs::metadata(root.path().join("opt/huge")).unwrap().len(), size);
    assert_eq!(std::fs::read(root.path().join("opt/small")).unwrap(), b"small");
}
