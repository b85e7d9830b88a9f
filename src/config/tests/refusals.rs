//! What is said of what is wrong in a bundle.toml.

use super::*;

/// The whole message; every error is the user's to mend and says how.
fn error(text: &str) -> String {
    let error = match Config::parse(text, Path::new("bundle.toml")) {
        Ok(config) => panic!("accepted: {text}\n{config:?}"),
        Err(error) => error,
    };
    assert_eq!(error.fault(), Fault::Usage, "{error}");
    let message = error.to_string();
    assert!(message.contains("\n  remedy: "), "no remedy: {message}");
    message
}

#[test]
fn important_errors_in_full() {
    for (text, wanted) in [
        (
            "[package]\nnmae = 'x'",
            r"
`package.nmae` is not a key of `package`
 --> bundle.toml:2:1
  |
2 | nmae = 'x'
  | ^^^^
  remedy: did you mean `name`?",
        ),
        (
            "# a comment\n\n\n\n\n\n\n\n\n[instal]",
            r"
`instal` is not a key at the top of bundle.toml
  --> bundle.toml:10:2
   |
10 | [instal]
   |  ^^^^^^
  remedy: did you mean `install`?",
        ),
        (
            "[install]\n\tlayout = 'flt'\t# which?",
            r"
`install.layout` cannot be `flt`
 --> bundle.toml:2:11
  |
2 |  layout = 'flt' # which?
  |           ^^^^^
  remedy: did you mean `flat`?",
        ),
        (
            "[package]\nname = 3",
            r"
`package.name` must be a string, not integer `3`
 --> bundle.toml:2:8
  |
2 | name = 3
  |        ^
  remedy: write it in quotes",
        ),
        (
            "[package",
            r"
not valid TOML: unclosed table, expected `]`
 --> bundle.toml:1:9
  |
1 | [package
  |         ^
  remedy: mend it there or just before it; toml.io says what may stand where",
        ),
        (
            "[runtime]\nbaseline = ['libGL.so*', 'libm.*']",
            r#"
`runtime.baseline[1]` takes in libm.so.6, a part of the glibc set: the loader, libc, libm and their kin fit each other in one build only, so a bundled loader over the target's libc dies at start
 --> bundle.toml:2:26
  |
2 | baseline = ['libGL.so*', 'libm.*']
  |                          ^^^^^^^^
  remedy: either `glibc = "bundled"` with nothing of the set in the baseline, or `glibc = "host"`, which leaves all of it to the target"#,
        ),
        (
            "[runtime]\ntargets = ['debian-14']",
            r"
`runtime.targets[0]` names a target that is not known: `debian-14`
 --> bundle.toml:2:12
  |
2 | targets = ['debian-14']
  |            ^^^^^^^^^^^
  remedy: known are `debian-11`, `debian-12` or `debian-13`",
        ),
        (
            "[references]\nrules = [\n  { path = '*-doc', is = 'gone' },\n]",
            r#"
`references.rules[0].is` is not what a reference can become
 --> bundle.toml:3:26
  |
3 |   { path = '*-doc', is = 'gone' },
  |                          ^^^^^^
  remedy: write "carried", "ignored", or "host:" and an absolute path ("host:/bin/sh")"#,
        ),
        (
            "[[install.files]]\npath = 'bin/ping'\nmode = 4755",
            r"
`install.files[0].mode` is not written in octal
 --> bundle.toml:3:8
  |
3 | mode = 4755
  |        ^^^^
  remedy: write `0o4755`",
        ),
        (
            "[package]\nsummary = '''é\nb'''",
            r"
`package.summary` holds a line break or another control character
 --> bundle.toml:2:11
  |
2 | summary = '''é
  |           ^^^^
  remedy: write it in one line of plain text",
        ),
    ] {
        assert_eq!(error(text), wanted.trim_start(), "{text}");
    }
}

/// What is wrong, and what the message says of it.
const REFUSED: &[(&str, &str)] = &[
    // Types.
    ("package = 3", "`package` must be a table"),
    ("package = []", "`package` must be a table"),
    ("deb = ['xz']", "`deb` must be a table"),
    ("[[runtime]]", "must be a table, not a list"),
    ("[install]\nfiles = [['a']]", "`install.files[0]` must be a table"),
    ("[install]\ninclude = 'a'", "`install.include` must be a list"),
    ("[install]\nlinks = 3", "`install.links` must be a table"),
    ("[tarball]\nrelocatable = 1", "must be `true` or `false`"),
    ("[package]\nepoch = '1'", "must be a whole number"),
    ("[[install.files]]\npath = 'a'\nmode = '0644'", "write it in octal"),
    ("[package]\nepoch = 99999999999999999999", "`package.epoch`"),
    ("[package]\nname = 'a'\nname = 'b'", "duplicate key"),
    // Keys.
    ("[rpm]\nrequires_post = []", "did you mean `requires-post`?"),
    ("[package]\nx.y.z = 1", "`package.x` is not a key of `package`"),
    ("[package]\n\"a\\nb`, expected `c\" = 1", "a\\nb"),
    ("[[contents]]\ndst = '/x'\ntyp = 'file'", "did you mean `type`?"),
    ("[[contents]]\nsrc = 'x'", "`contents[0]` lacks `dst`"),
    ("[[contents]]\ndst = '/a'\ntype = 'dir'\n[[contents]]\ndst = '/b'", "`contents[1]` lacks `src`"),
    ("[[install.files]]\nmode = 0o644", "lacks `path`"),
    ("[scripts]\npretrans = 'x'", "`scripts.pretrans` is not a key of `scripts`"),
    ("name = 'x'", "write it under `[package]`: `package.name`"),
    ("umask = 0o022", "write it under `[package]`: `package.umask`"),
    ("[apk]\narch = 'x'", "`apk` is of a format that explant does not write"),
    ("[overrides.archlinux]\ndepends = []", "is of a format that explant does not write"),
    ("[overrides.deb.deb]\nbreaks = []", "write its keys under `[deb]`"),
    ("[overrides.deb.rpm]\ngroup = 'x'", "write its keys under `[rpm]`"),
    ("[overrides.deb]\ndepens = []", "did you mean `depends`?"),
    ("empty_folders = ['/a']", "`type = \"dir\"`"),
    // Not carried out yet.
    (
        "[install]\nlayout = 'store'\n[references]\npolicy = 'lean'",
        "`layout = \"store\"` carries the whole closure",
    ),
    ("[references]\nrules = [{ path = '[', is = 'ignored' }]", "is no glob"),
    ("[references]\nrules = [{ path = '*', is = 'host:bin/sh' }]", "is not what a reference can become"),
    ("[references]\npolicy = 'loose'", "a value may be `carry`, `lean` or `strict`"),
    ("[runtime.env]\nA = {}", "does not say what becomes of the variable"),
    ("[runtime.env]\nA = { set = 'x', default = 'y' }", "does not say what becomes of the variable"),
    ("[runtime.env]\nA = { set = 'x', separator = ':' }", "does not say what becomes of the variable"),
    ("[runtime.env]\nA = { set = \"a\\u0001\" }", "holds a control character"),
    ("[runtime.env]\n'A B' = { unset = true }", "is no name of a variable"),
    ("[runtime.env]\nLD_LIBRARY_PATH = { prefix = '/x' }", "is the loader's"),
    ("[runtime.env]\nA = { defalt = 'x' }", "did you mean `default`?"),
    ("[[test]]\nrun = ['a']", "`test[0]` is not carried out yet"),
    // [package]
    ("[package]\nname = ''", "is empty"),
    ("[package]\nname = 'a/b'", "is no name of a package"),
    ("[package]\nname = '日本'", "is no name of a package"),
    ("[package]\nname = \"a\\u0000b\"", "control character"),
    ("[package]\nversion = \"1\\n2\"", "control character"),
    ("[package]\nversion = '1:2'", "is no version"),
    ("[package]\nrelease = '1-2'", "is no release"),
    ("[package]\nprerelease = 'a b'", "is no version"),
    ("[package]\nversion_schema = 'loose'", "a value may be `semver` or `none`"),
    ("[package]\nversion = '${EXPLANT_TEST_UNSET}'", "needs the environment variable EXPLANT_TEST_UNSET"),
    ("[package]\nvendor = '${a b}'", "names no variable: `${a b}`"),
    ("[package]\nvendor = '${a'", "has a `${` without its `}`"),
    ("[package]\narch = 'mips'", "is no machine that explant bundles for: `mips`"),
    ("[package]\nplatform = 'darwin'", "explant bundles for Linux"),
    ("[package]\nmtime = 'yesterday'", "is no time"),
    ("[package]\nmtime = 3", "is no time"),
    ("[package]\numask = 22", "is not written in octal"),
    ("[package]\nepoch = -1", "is no epoch"),
    ("[package]\nepoch = 2147483648", "is no epoch"),
    ("[package]\ndescription = \"a\\u0007\"", "control characters"),
    ("[package]\nhomepage = 'example.org'", "is no URL"),
    ("[package]\nmaintainer = 'jane@example.org'", "not of the form `Name <mail>`"),
    ("[package]\nmaintainer = '<jane@example.org>'", "not of the form"),
    ("[package]\nmaintainer = 'Jane <jane'", "not of the form"),
    ("[package]\nmaintainer = 'Jane <a@b> <c@d>'", "not of the form"),
    ("[package]\nsection = 'a b'", "is no section"),
    ("[package]\npriority = 'optionl'", "did you mean `optional`?"),
    ("[package]\nchangelog = 'nowhere'", "`package.changelog` cannot be read: nowhere: "),
    ("[package]\nchangelog = '.'", "is not a regular file"),
    ("[package]\ndepends = ['a, b']", "more than one relation"),
    ("[package]\ndepends = ['a (>= 1']", "is no relation"),
    ("[package]\ndepends = [\"a\\nb\"]", "control character"),
    // [install]
    ("[install]\nprefix = 'usr'", "write `/usr`"),
    ("[install]\nprefix = '/'", "is the root folder itself"),
    ("[install]\nprefix = '/opt/../usr'", "must not hold `..`"),
    ("[install]\nprefix = '/opt/a:b'", "holds `:`"),
    ("[install]\nprefix = '/opt/a b'", "holds ` `"),
    ("[install]\nlib-dir = '../x'", "must not hold `..`"),
    ("[install]\nlib-dir = '/opt/x'", "lies outside of `install.prefix`, which is /usr"),
    ("[install]\nlib-dir = '/usrlib'", "lies outside"),
    ("[install]\nlib-dir = '.'", "is the prefix itself"),
    ("[install]\nlib-dir = 'lib'", "as `lib/name`"),
    ("[install]\nlib-dir = '$ORIGIN'", "holds `$`"),
    ("[install]\ninclude = ['[']", "is no glob"),
    ("[install]\nexclude = ['{a']", "is no glob"),
    ("[[install.files]]\npath = '/a'", "is absolute, but must be relative to the result"),
    ("[[install.files]]\npath = 'a/../b'", "must not hold `..`"),
    ("[[install.files]]\npath = '.'", "is the result itself"),
    (
        "[[install.files]]\npath = 'a'\n[[install.files]]\npath = './a'",
        "`install.files[1].path` names a a second time",
    ),
    ("[[install.files]]\npath = 'a'\nmode = 0o10000", "between 0o0 and 0o7777"),
    ("[[install.files]]\npath = 'a'\nmode = -1", "between 0o0 and 0o7777"),
    ("[[install.files]]\npath = 'a'\nowner = 'a b'", "is no name of a user"),
    ("[[install.files]]\npath = 'a'\ncaps = 'cap_net_rw+ep'", "did you mean `cap_net_raw`?"),
    ("[install.links]\n'/a' = 'b'", "is not absolute"),
    ("[install.links]\n'a' = '/b'", "is not absolute"),
    ("[install.links]\n'/a' = '/a/'", "leads to itself"),
    ("[install.links]\n'/a' = '/b'\n'//a' = '/c'", "a second time"),
    // [runtime]
    ("[runtime]\nglibc = 'musl'", "a value may be `bundled` or `host`"),
    ("[runtime]\nbaseline = ['*']", "a part of the glibc set"),
    ("[runtime]\nbaseline = ['ld-linux*']", "a part of the glibc set"),
    ("[runtime]\nglibc = 'host'\nadd = ['libnss_*']", "a part of the glibc set"),
    ("[runtime]\nbaseline = ['[']", "is no glob"),
    ("[runtime]\nbaseline = ['libGL.so.*']\n[install]\nlayout = 'store'", "carries the whole closure"),
    ("[runtime]\nglibc = 'host'\n[install]\nlayout = 'store'", "carries the whole closure"),
    ("[runtime]\ntargets = ['alpine-3.22']", "whose C library is musl"),
    ("[runtime]\ntargets = ['void']", "a target may be"),
    ("[runtime]\ntargets = ['debain-12']", "did you mean `debian-12`?"),
    // [[contents]]
    ("[[contents]]\ndst = 'a'\ntype = 'dir'", "is not absolute"),
    ("[[contents]]\ndst = '/a'\ntype = 'fil'", "did you mean `file`?"),
    ("[[contents]]\ndst = '/a'\ntype = 'dir'\nsrc = 'x'", "`contents[0].src` cannot be read: x: "),
    ("[[contents]]\ndst = '/a'\ntype = 'ghost'\nsrc = 'x'", "has no meaning for a ghost"),
    ("[[contents]]\ndst = '/a'\ntype = 'implicit dir'", "which nfpm makes by itself"),
    ("[[contents]]\ndst = '/a'\nsrc = 'nowhere/no*'", "`contents[0].src` matches no file: nowhere/no*"),
    ("[[contents]]\ndst = '/a'\nsrc = 'nowhere/[a'", "is no glob"),
    (
        "[package]\ndisable_globbing = true\n[[contents]]\ndst = '/a'\nsrc = 'no*'",
        "`contents[0].src` cannot be read: no*: ",
    ),
    ("[[contents]]\ndst = '/a'\nsrc = '/dev/null'", "is not a regular file"),
    ("[[contents]]\ndst = '/a'\ntype = 'dir'\npackager = 'apk'", "a format that explant does not write"),
    ("[[contents]]\ndst = '/a'\ntype = 'dir'\npackager = 'debs'", "did you mean `deb`?"),
    ("[[contents]]\ndst = '/a'\ntype = 'dir'\nowner = 'a'\nfile_info = { owner = 'b' }", "a second time"),
    ("[[contents]]\ndst = '/a'\ntype = 'dir'\nfile_info = { ownr = 'b' }", "did you mean `owner`?"),
    ("[[contents]]\ndst = '/a'\ntype = 'dir'\nfile_info = { mode = 755 }", "write `0o755`"),
    ("[[contents]]\ndst = '/a'\ntype = 'dir'\ncaps = 'cap_kill+ep'", "is for files"),
    ("[[contents]]\ndst = '/a'\nsrc = 'x'\ntype = 'symlink'\ncaps = 'cap_kill+ep'", "is for files"),
    ("[[contents]]\ndst = '/${EXPLANT_TEST_UNSET}'\ntype = 'dir'\nexpand = true", "needs the environment"),
    (
        "[[contents]]\ndst = '/a'\ntype = 'dir'\npackager = 'deb'\n[[overrides.deb.contents]]\ndst = '/b'",
        "`overrides.deb.contents[0]` lacks `src`",
    ),
    ("[[contents]]\ndst = '/a'\nsrc = '/dev/null'\ntype = 'tree'", "is not a folder"),
    ("[[contents]]\ndst = '/a'\nsrc = 'x'\ntype = 'symlink'\nmode = 0o777", "has no meaning for a symlink"),
    (
        "contents = [{ dst = '/a', type = 'dir' }, { dst = '/b/..', type = 'dir' }]",
        "`contents[1].dst` must not hold `..`",
    ),
    ("contents = [{ dst = '/a', type = 'dir' }, { dst = '//a/', type = 'dir' }]", "names /a a second time"),
    ("[install.links]\n'/a' = '/b'\n[[contents]]\ndst = '/a'\ntype = 'dir'", "`contents` makes too"),
    // [scripts], [deb], [rpm], [tarball]
    ("[scripts]\npostinstall = 'nowhere.sh'", "`scripts.postinstall` cannot be read: nowhere.sh: "),
    ("[deb]\ncompression = 'lz4'", "compression may be `zstd`, `xz`, `gzip` or `none`"),
    ("[deb]\ncompression = 'zsdt:3'", "did you mean `zstd`?"),
    ("[rpm]\ncompression = 'zstd:23'", "between 1 and 22"),
    ("[rpm]\ncompression = 'xz:'", "between 0 and 9"),
    ("[tarball]\ncompression = 'gzip:0'", "between 1 and 9"),
    ("[tarball]\ncompression = 'none:1'", "gives a level to `none`"),
    ("[deb.fields]\n'a b' = 'c'", "is no name of a control field"),
    ("[deb.fields]\n'-a' = 'c'", "is no name of a control field"),
    ("[deb.fields]\n'' = 'c'", "is no name of a control field"),
    ("[deb.fields]\nversion = '1'", "set `package.version`"),
    ("[deb.fields]\nBugs = 'a'\nbugs = 'b'", "a second time"),
    ("[deb.fields]\nBugs = \"a\\nDepends: b\"", "control character"),
    ("[rpm]\ngroup = \"a\\nb\"", "control character"),
    ("[deb]\narch = 'AMD64'", "is no architecture of dpkg's"),
    ("[deb.triggers]\ninterest = ['a b']", "is no name of a trigger"),
    ("[deb.fields]\nBreaks = 'a'", "set `deb.breaks`"),
    ("[deb.scripts]\nconfig = 'nowhere.sh'", "`deb.scripts.config` cannot be read"),
    ("[rpm]\narch = 'x86-64'", "is no architecture of rpm's"),
    ("[rpm]\nbuildhost = 'a b'", "is no name of a host"),
    ("[rpm]\nprefixes = ['opt']", "is not absolute"),
    ("[[rpm.triggers]]\ntype = 'int'\nscript = '/dev/null'\nconditions = ['a']", "did you mean `in`?"),
    ("[[rpm.triggers]]\ntype = 'in'\nscript = 'nowhere.sh'\nconditions = ['a']", "cannot be read"),
    ("[[rpm.triggers]]\ntype = 'in'\nconditions = ['a']", "lacks `script`"),
];

#[test]
fn what_cannot_be_is_refused() {
    for (text, wanted) in REFUSED {
        let message = error(text);
        assert!(message.contains(wanted), "wanted: {wanted}\n{message}");
        assert!(!message.contains('\u{0}') && !message.contains('\u{7}'), "{message}");
    }
}

#[test]
fn long_lines_are_cut_around_the_place() {
    let comment = "x".repeat(5000);
    let message = error(&format!("package = {{ summary = '{comment}', nmae = 'x' }} # {comment}"));
    assert!(message.lines().all(|line| line.chars().count() < 250), "{message}");
    let lines: Vec<_> = message.lines().collect();
    assert_eq!(lines[3].find("nmae").unwrap() - '…'.len_utf8() + 1, lines[4].find('^').unwrap(), "{message}");
}

#[test]
fn keys_to_sign_with() {
    for (text, wanted) in [
        (
            "[signature]\nkey_id = 'release'",
            &["`signature.key_id` is no ID of a key: `release`", "16 digits"][..],
        ),
        ("[rpm.signature]\nkey_id = '123'", &["`rpm.signature.key_id` is no ID"]),
        (
            "[deb.signature]\ntype = 'orign'",
            &["`deb.signature.type` cannot be `orign`", "did you mean `origin`?"],
        ),
        ("[deb.signature]\nmethod = 'debsign'", &["`deb.signature.method` is for dpkg-sig"]),
        ("[signature]\ntype = 'origin'", &["`signature.type` is not a key of `signature`"]),
        ("[signature]\npassphrase = 'x'", &["`signature.passphrase`", "did you mean `passphrase_file`?"]),
        ("[signature]\nkey_file = ''", &["`signature.key_file` is empty"]),
    ] {
        let message = error(text);
        assert!(wanted.iter().all(|words| message.contains(words)), "{text}: {message}");
    }
}
