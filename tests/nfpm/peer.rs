//! One nfpm.yaml, packaged by nfpm and, taken over, by explant: the two packages say the same.

use std::collections::{BTreeMap, BTreeSet};

use crate::workshop::Workshop;

/// All that both can say. What only one has is in `init::nfpm::tests`.
const YAML: &str = r##"
name: tool
arch: amd64
platform: linux
version: v1.2-rc1+build.5
release: ${RELEASE}
epoch: 3
maintainer: $NAME <${MAIL}>
description: |
  A tool for ${PURPOSE}
  It does this and

  that.
section: admin
priority: extra
vendor: Acme
homepage: https://example.org/${RELEASE}
license: MIT
changelog: changes.yaml
mtime: "2009-11-10T23:00:00Z"
umask: 0o022
depends: [git, "${UNSET}", "libx >= 1.0"]
recommends: [golang]
suggests: [bzr]
conflicts: [mercurial]
replaces: [old-tool]
provides: ["${UNSET}", vcs]
contents:
  - src: files/tool.conf
    dst: /etc/tool/tool.conf
    type: config|noreplace
  - src: files/other.conf
    dst: /etc/tool/other.conf
    type: config
    file_info:
      mode: 0640
      owner: games
      group: adm
      mtime: 2008-01-02T15:04:05Z
  - src: files/*.conf
    dst: /usr/share/tool/examples
  - src: files/sub/
    dst: /usr/share/tool/flat/
  - src: files/run.sh
    dst: usr/libexec/tool/
  - src: files/sub
    dst: /usr/share/tool/tree
    type: tree
  - src: files/sub
    dst: /etc/tool/d
    type: config|missingok|tree
  - src: /usr/libexec/tool/run.sh
    dst: /usr/bin/tool-run
    type: symlink
  - dst: /var/lib/tool
    type: dir
    file_info: {mode: 0700}
  - dst: /var/log/tool.log
    type: ghost
  - src: files/tool.conf
    dst: /usr/share/tool/README
    type: readme
  - src: files/tool.conf
    dst: /usr/share/tool/COPYING
    type: licence
  - src: files/tool.conf
    dst: /usr/share/tool/deb-only
    packager: deb
  - src: files/${WHICH}.conf
    dst: /usr/share/tool/${WHICH}
    expand: true
scripts:
  preinstall: scripts/pre.sh
  postinstall: scripts/post.sh
overrides:
  deb:
    depends: [baz, "some-lib (>= 1.2.3-0)"]
    scripts:
      preremove: scripts/deb.sh
  rpm:
    recommends: [rust]
    rpm:
      group: Overridden
deb:
  arch_variant: amd64v3
  breaks: [broken-tool]
  predepends: ["dpkg (>= 1.17)"]
  compression: xz
  fields:
    Bugs: https://example.org/bugs/${RELEASE}
    Empty: ""
  triggers:
    interest: [/usr/share/tool]
    activate_noawait: [update-tool]
  scripts:
    templates: files/templates
    config: scripts/post.sh
rpm:
  group: Tools
  summary: A tool in short
  packager: ${NAME} the packager
  buildhost: builder
  prefixes: [/usr]
  compression: xz
  requires:
    post: [coreutils]
  scripts:
    pretrans: scripts/pre.sh
    posttrans: scripts/post.sh
    verify: scripts/deb.sh
"##;

const CHANGES: &str = "
- semver: 1.2.0-rc1
  date: 2009-11-10T23:00:00Z
  packager: Jane Doe <jane@example.org>
  changes:
    - note: |-
        a change
        of two lines
    - note: another
- semver: 1.0.0
  date: 2008-11-10T23:00:00Z
  packager: Jane Doe <jane@example.org>
  changes:
    - note: first
";

const ENVIRONMENT: &[(&str, &str)] = &[
    ("RELEASE", "7"),
    ("NAME", "Jane Doe"),
    ("MAIL", "jane@example.org"),
    ("PURPOSE", "everything"),
    ("WHICH", "other"),
];

/// The .deb and the .rpm of both.
struct Packages {
    shop: Workshop,
}

impl Packages {
    fn new() -> Self {
        let shop = Workshop::new();
        for (name, text) in [
            ("nfpm.yaml", YAML),
            ("changes.yaml", CHANGES),
            ("files/tool.conf", "answer = 42\n"),
            ("files/other.conf", "other = 1\n"),
            ("files/run.sh", "#!/bin/sh\n: run\n"),
            ("files/sub/one", "1\n"),
            ("files/sub/deep/two", "2\n"),
            ("files/templates", "Template: tool/x\nType: boolean\nDescription: x\n"),
            ("scripts/pre.sh", "#!/bin/sh\n: pre\n"),
            ("scripts/post.sh", "#!/bin/sh\n: post\n"),
            ("scripts/deb.sh", "#!/bin/sh\n: deb\n"),
        ] {
            shop.write(name, text);
        }
        for format in ["deb", "rpm"] {
            shop.nfpm(
                &["package", "-f", "nfpm.yaml", "-p", format, "-t", &format!("nfpm.{format}")],
                ENVIRONMENT,
            );
        }
        let said = shop.explant(&["init", "--from", "nfpm.yaml"], 0);
        assert_eq!(said.stderr, "", "all is taken over");
        let build = ["build", shop.result(), "--store", shop.root(), "-f", "deb,rpm"];
        let out = shop.run(std::path::Path::new(env!("CARGO_BIN_EXE_explant")), &build, ENVIRONMENT);
        assert!(
            out.status.success(),
            "{}\n{}",
            String::from_utf8_lossy(&out.stderr),
            shop.read("bundle.toml")
        );
        Packages { shop }
    }

    fn ours(&self, format: &str) -> String {
        let name = match format {
            "deb" => "dist/tool_1.2.0~rc1+build.5-7_amd64.deb",
            _ => "dist/tool-1.2.0~rc1+build.5-7.x86_64.rpm",
        };
        assert!(self.shop.path(name).exists(), "{name}");
        name.to_owned()
    }

    /// What a tool says of nfpm's package and of ours.
    fn both(&self, format: &str, program: &str, arguments: &[&str]) -> [String; 2] {
        [format!("nfpm.{format}"), self.ours(format)].map(|package| {
            let arguments: Vec<&str> =
                arguments.iter().map(|a| if *a == "@" { &package } else { *a }).collect();
            self.shop.tool(program, &arguments)
        })
    }

    fn query(&self, format: &str) -> [String; 2] {
        self.both("rpm", "rpm", &["-qp", "--qf", format, "@"])
    }
}

#[test]
fn the_packages_say_the_same() {
    let packages = Packages::new();
    the_debs(&packages);
    the_rpms(&packages);
}

fn the_debs(packages: &Packages) {
    let fields = packages.both("deb", "dpkg-deb", &["-f", "@"]).map(|text| fields_of(&text));
    for (name, value) in fields[0].iter().filter(|(name, _)| *name != "Installed-Size") {
        assert_eq!(fields[1].get(name), Some(value), "{name}");
    }
    for file in ["conffiles", "triggers", "preinst", "postinst", "prerm", "templates", "config"] {
        let [theirs, ours] = packages.both("deb", "dpkg-deb", &["-I", "@", file]);
        assert_eq!(lines(&ours), lines(&theirs), "{file}");
    }
    // Modes, owners and times of all but folders, whose times nfpm takes from now, and links, which have none.
    let listed =
        packages.both("deb", "sh", &["-c", "dpkg-deb --fsys-tarfile $0 | tar -tv --full-time --utc", "@"]);
    let files = listed
        .map(|text| lines(&text).into_iter().filter(|line| line.starts_with('-')).collect::<BTreeSet<_>>());
    // The files of trees have the disk's times with nfpm.
    let of_tree =
        |line: &String| line.contains("/tree/") || line.contains("/tool/d/") || line.contains("/changelog");
    let missing: Vec<_> = files[0].difference(&files[1]).filter(|line| !of_tree(line)).collect();
    assert!(missing.is_empty(), "{missing:#?}\n{:#?}", files[1]);
    let sums = packages.both("deb", "dpkg-deb", &["-I", "@", "md5sums"]).map(|text| lines(&text));
    let missing: Vec<_> = sums[0].difference(&sums[1]).filter(|line| !line.contains("changelog")).collect();
    assert!(missing.is_empty(), "{missing:#?}");

    let shop = &packages.shop;
    let ours = packages.ours("deb");
    shop.tool(
        "sh",
        &[
            "-c",
            "dpkg-deb --fsys-tarfile $0 | tar -xO ./usr/share/doc/tool/changelog.Debian.gz | zcat >c",
            &ours,
        ],
    );
    let parsed = shop.tool("dpkg-parsechangelog", &["-l", "c", "--all"]);
    for line in [
        "Version: 3:1.2.0~rc1+build.5-7",
        "Maintainer: Jane Doe <jane@example.org>",
        "   * a change",
        "   * first",
    ] {
        assert!(parsed.lines().any(|l| l == line), "{line}: {parsed}");
    }
}

fn the_rpms(packages: &Packages) {
    for tag in [
        "nevra",
        "epoch",
        "arch",
        "os",
        "summary",
        "license",
        "group",
        "vendor",
        "url",
        "packager",
        "buildhost",
        "buildtime",
        "payloadcompressor",
        "prein",
        "postin",
        "pretrans",
        "posttrans",
        "verifyscript",
    ] {
        let [theirs, ours] = packages.query(&format!("%{{{tag}}}"));
        assert_eq!(ours, theirs, "{tag}");
    }
    let [theirs, ours] = packages.query("%{description}");
    assert_eq!(ours.trim_end(), theirs.trim_end());
    for tag in ["conflictnevrs", "obsoletenevrs", "recommendnevrs", "suggestnevrs", "prefixes"] {
        let [theirs, ours] = packages.query(&format!("[%{{{tag}}}\n]")).map(|text| lines(&text));
        assert_eq!(ours, theirs, "{tag}");
    }
    for tags in ["%{requirenevrs}", "%{providenevrs}"] {
        let [theirs, ours] = packages.query(&format!("[{tags}\n]")).map(|text| lines(&text));
        let missing: Vec<_> = theirs.difference(&ours).collect();
        assert!(missing.is_empty(), "{tags}: {missing:?}");
    }
    let format = "[%{filenames} %{filemodes:perms} %{fileusername} %{filegroupname} %{fileflags:fflags} %{filelinktos}\n]";
    let files = packages.query(format).map(|text| lines(&text));
    // nfpm's links have no mode, its trees' folders the disk's.
    let is_told = |line: &&String| !line.contains(" l---------") && !line.contains(" d");
    let missing: Vec<_> = files[0].difference(&files[1]).filter(is_told).collect();
    assert!(missing.is_empty(), "{missing:#?}\n{:#?}", files[1]);
    let names = files
        .map(|lines| lines.iter().map(|l| l.split(' ').next().unwrap().to_owned()).collect::<BTreeSet<_>>());
    let missing: Vec<_> = names[0].difference(&names[1]).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let changes = packages.both("rpm", "rpm", &["-qp", "--changelog", "@"]).map(|text| lines(&text));
    let missing: Vec<_> =
        changes[0].difference(&changes[1]).filter(|line| !line.contains(" - 1.2.0-rc1")).collect();
    assert!(missing.is_empty(), "{missing:?} {:?}", changes[1]);
}

fn lines(text: &str) -> BTreeSet<String> {
    text.lines().map(str::to_owned).collect()
}

/// deb822's fields, with the lines that continue them.
fn fields_of(text: &str) -> BTreeMap<String, String> {
    let mut fields: BTreeMap<String, String> = BTreeMap::new();
    let mut last = String::new();
    for line in text.lines() {
        match line.split_once(": ").filter(|_| !line.starts_with(' ')) {
            Some((name, value)) => {
                last = name.to_owned();
                fields.insert(last.clone(), value.to_owned());
            }
            None => {
                let value = fields.entry(last.clone()).or_default();
                value.push('\n');
                value.push_str(line);
            }
        }
    }
    fields
}
