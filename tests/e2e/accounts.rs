//! What a bundle says of itself, held against what it holds by readers that are not explant's: CycloneDX's schema, sha256sum,
//! python-debian, lintian, rpm, apt.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use explant::store::{StoreHash, scan::Scanner};

use crate::harness::{Bundle, Layout, artifacts, cache, output, scratch_folder, succeeds};

/// A bundle with its .deb unpacked.
struct Unpacked {
    bundle: Bundle,
    root: tempfile::TempDir,
    bill: Value,
}

impl Unpacked {
    fn new(case: &str, layout: Layout) -> Unpacked {
        let bundle = Bundle::build(case, layout);
        let root = scratch_folder();
        succeeds(Command::new("dpkg-deb").arg("-x").arg(bundle.artifact(".deb")).arg(root.path()));
        let bill = serde_json::from_slice(&fs::read(bundle.artifact(".cdx.json")).unwrap()).unwrap();
        Unpacked { bundle, root, bill }
    }

    fn documents(&self) -> PathBuf {
        let package = self.bundle.case.package();
        self.root.path().join(self.bundle.case.prefix.trim_start_matches('/')).join("share/doc").join(package)
    }
}

fn sha256(path: &Path) -> String {
    let told = succeeds(Command::new("sha256sum").arg(path));
    told.split([' ', '\\']).find(|word| !word.is_empty()).unwrap().to_owned()
}

fn is_valid(bill: &Path) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/cyclonedx.py");
    succeeds(Command::new("/usr/bin/python3").arg(script).arg(cache().join("tools/cyclonedx")).arg(bill));
}

/// SHA-256 of a file component.
fn digest(file: &Value) -> &str {
    file["hashes"][0]["content"].as_str().unwrap()
}

fn the_bill_is_valid_and_true(case: &str, layout: Layout) {
    let unpacked = Unpacked::new(case, layout);
    let beside = unpacked.bundle.artifact(".cdx.json");
    is_valid(&beside);
    let inside = unpacked.documents().join(format!("{}.cdx.json", unpacked.bundle.case.package()));
    assert_eq!(fs::read(inside).unwrap(), fs::read(&beside).unwrap());

    let mut listed = 0;
    for component in unpacked.bill["components"].as_array().unwrap() {
        let place = component["properties"][0]["value"].as_str().unwrap();
        assert_eq!(place.matches('~').count(), 1, "{place}");
        let place = PathBuf::from(place.replace('~', ""));
        assert!(place.exists(), "{}", place.display());
        for file in component["components"].as_array().into_iter().flatten() {
            let path = file["name"].as_str().unwrap();
            assert_eq!(
                sha256(&unpacked.root.path().join(path.trim_start_matches('/'))),
                digest(file),
                "{path}"
            );
            let before = &file["pedigree"]["ancestors"][0];
            assert_eq!(sha256(&place.join(before["name"].as_str().unwrap())), digest(before), "{path}");
            listed += 1;
        }
    }
    let files = succeeds(Command::new("find").arg(unpacked.root.path()).args(["-type", "f", "-print"]));
    let is_elf = |path: &&str| fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"\x7fELF"));
    assert!(listed >= files.lines().filter(is_elf).count(), "only {listed} are listed");
    no_references(&unpacked);
}

/// Nix would take the 32 characters of a hash for a reference, wherever they stand.
fn no_references(unpacked: &Unpacked) {
    let closure = unpacked.bundle.case.closure();
    let hashes =
        closure.iter().map(|path| StoreHash::new(&path.as_bytes()["/nix/store/".len()..][..32]).unwrap());
    let scanner = Scanner::new(b"/nix/store", hashes);
    let made = [unpacked.documents(), unpacked.root.path().join("usr/share/doc")];
    let made = made.iter().flat_map(|folder| walkdir::WalkDir::new(folder).into_iter().flatten());
    let files = made.filter(|found| found.file_type().is_file()).map(|found| found.into_path());
    for file in files.chain(artifacts(unpacked.bundle.folder.path())) {
        let hits = scanner.scan(&fs::read(&file).unwrap());
        assert!(hits.is_empty(), "{}: {hits:?}", file.display());
    }
}

#[test]
fn the_bill_of_a_flat_bundle() {
    the_bill_is_valid_and_true("ffmpeg", Layout::Flat);
}

#[test]
fn the_bill_of_a_store_layout() {
    the_bill_is_valid_and_true("python", Layout::Store);
}

#[test]
fn the_copyright_file_is_machine_readable() {
    let unpacked = Unpacked::new("ffmpeg", Layout::Flat);
    let file = unpacked.root.path().join("usr/share/doc/x-ffmpeg/copyright");
    let script = "import sys, debian.copyright as c\n\
                  with open(sys.argv[1]) as f: parsed = c.Copyright(f, strict=True)\n\
                  for p in parsed.all_files_paragraphs(): print(*p.files, '|', p.license.synopsis)\n\
                  print(parsed.find_files_paragraph('usr/lib/x-ffmpeg/libz.so.1').comment)\n";
    let told = succeeds(Command::new("/usr/bin/python3").args(["-W", "error", "-c", script]).arg(&file));
    assert!(told.contains("usr/lib/x-ffmpeg/libz.so.1 | unknown\n"), "{told}");
    assert!(told.lines().last().unwrap().starts_with("zlib1g 1.3"), "{told}");
    // Every library has a paragraph of its own.
    let libraries = fs::read_dir(unpacked.root.path().join("usr/lib/x-ffmpeg")).unwrap().flatten();
    for library in libraries.filter(|library| library.file_type().unwrap().is_file()) {
        let name = library.file_name().into_string().unwrap();
        assert!(told.contains(&format!("usr/lib/x-ffmpeg/{name}")), "{name} is not in\n{told}");
    }
}

#[test]
fn lintian_has_nothing_to_say_of_licences() {
    for layout in [Layout::Flat, Layout::Store] {
        let bundle = Bundle::build("lzip", layout);
        let told = output(
            Command::new("lintian").args(["-I", "--fail-on", "none"]).arg(bundle.artifact(".deb")),
            "",
        );
        let said = String::from_utf8_lossy(&told.stdout).into_owned();
        assert!(told.status.success(), "{said}");
        let of_licences = said.lines().filter(|line| line.contains("copyright") || line.contains("license"));
        assert_eq!(of_licences.collect::<Vec<_>>(), Vec::<&str>::new());
    }
}

#[test]
fn an_rpm_names_its_licence_files_and_provides_itself_alone() {
    let bundle = Bundle::build("ffmpeg", Layout::Flat);
    let rpm = bundle.artifact(".rpm");
    let licences = succeeds(Command::new("rpm").args(["-qp", "--licensefiles"]).arg(&rpm));
    assert_eq!(licences, "/usr/share/doc/x-ffmpeg/copyright\n");
    // rpmlint wants what lies there listed as documentation, too.
    assert!(
        succeeds(Command::new("rpm").args(["-qp", "--docfiles"]).arg(&rpm)).contains(licences.trim_end())
    );
    let provides = succeeds(Command::new("rpm").args(["-qp", "--provides"]).arg(&rpm));
    assert!(provides.lines().all(|line| line.starts_with("x-ffmpeg")), "{provides}");
    let requires = succeeds(Command::new("rpm").args(["-qp", "--requires"]).arg(&rpm));
    assert!(requires.lines().all(|line| line.starts_with("rpmlib(")), "{requires}");
}

/// apt of this machine would install the .deb, and take the baseline's packages along.
#[test]
fn apt_finds_the_packages_of_baseline_libraries() {
    let mut bundle = Bundle { case: crate::harness::Case::named("ffmpeg"), folder: scratch_folder() };
    bundle.case.baseline(&[
        "libGL.so.*",
        "libX*.so.*",
        "libasound.so.*",
        "libdrm.so.*",
        "libva*.so.*",
        "libz.so.*",
    ]);
    succeeds(bundle.command(Layout::Flat).arg(bundle.case.result()));
    let deb = bundle.artifact(".deb");
    let depends = succeeds(Command::new("dpkg-deb").arg("-f").arg(&deb).arg("Depends"));
    let by_name: BTreeMap<&str, &str> =
        depends.trim().split(", ").map(|one| (one.split(' ').next().unwrap(), one)).collect();
    assert!(by_name.contains_key("libx11-6") && by_name.contains_key("libva2"), "{depends}");
    let sound = by_name["libasound2t64"];
    assert!(sound.contains(" | libasound2"), "{sound}");
    let mut apt = Command::new("apt-get");
    let simulated =
        succeeds(apt.env("LC_ALL", "C").args(["-s", "--no-install-recommends", "install"]).arg(&deb));
    assert!(simulated.contains("Inst x-ffmpeg "), "{simulated}");
    let requires = succeeds(Command::new("rpm").args(["-qp", "--requires"]).arg(bundle.artifact(".rpm")));
    assert!(requires.lines().any(|line| line == "libX11.so.6()(64bit)"), "{requires}");
    assert!(requires.lines().any(|line| line.starts_with("libasound.so.2(ALSA_0.9")), "{requires}");
}
