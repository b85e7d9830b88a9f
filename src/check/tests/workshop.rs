//! Builds small trees with gcc and packs them with the tools of the distributions.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::elf::Elf;

/// What [`Workshop::pack`] can make: the format, a hyphen, the codec.
pub const FORMATS: [&str; 12] = [
    "deb-none", "deb-gzip", "deb-xz", "deb-zstd", "rpm-none", "rpm-gzip", "rpm-xz", "rpm-zstd", "tar-none",
    "tar-gzip", "tar-xz", "tar-zstd",
];

/// A program, a library that it needs, and the C library and loader of this machine.
pub struct Specimen {
    pub program: Vec<u8>,
    pub library: Vec<u8>,
    pub libc: Vec<u8>,
    pub loader: Vec<u8>,
    /// The ABI's own path of the loader.
    pub own_loader: String,
}

/// Built once.
pub fn specimen() -> &'static Specimen {
    static SPECIMEN: OnceLock<Specimen> = OnceLock::new();
    SPECIMEN.get_or_init(|| {
        let own = Elf::parse(&fs::read("/proc/self/exe").unwrap()).unwrap().unwrap().interpreter.unwrap();
        let own_loader = String::from_utf8(own).unwrap();
        Specimen {
            program: program(&["-Wl,-rpath,$ORIGIN/../lib/app"], "/usr/lib/app/ld.so"),
            library: library(&[]),
            libc: fs::read(output("gcc", &["-print-file-name=libc.so.6"])).unwrap(),
            loader: fs::read(&own_loader).unwrap(),
            own_loader,
        }
    })
}

/// A program like the specimen's, but of musl's, and the loader that it takes for its C library.
pub fn musl() -> (Vec<u8>, Vec<u8>) {
    let options = ["-Wl,-rpath,$ORIGIN/../lib/app"];
    let program = link_program("musl-gcc", &options, "/usr/lib/app/ld-musl-any.so.1");
    (program, fs::read(format!("/lib/ld-musl-{}.so.1", std::env::consts::ARCH)).unwrap())
}

/// A program that needs libfoo.so.
pub fn program(options: &[&str], interpreter: &str) -> Vec<u8> {
    link_program("gcc", options, interpreter)
}

fn link_program(compiler: &str, options: &[&str], interpreter: &str) -> Vec<u8> {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(at("libfoo.so"), library(&["-nostdlib"])).unwrap();
    fs::write(at("app.c"), "int foo(void); int main(void) { return foo(); }").unwrap();
    let interpreter = format!("-Wl,--dynamic-linker={interpreter}");
    let (source, out, search) = (at("app.c"), at("app"), format!("-L{}", folder.path().display()));
    let fixed = [&source, "-o", &out, &search, "-lfoo", "-Wl,--disable-new-dtags", &interpreter];
    output(compiler, &[&fixed[..], options].concat());
    fs::read(out).unwrap()
}

/// libfoo.so
pub fn library(options: &[&str]) -> Vec<u8> {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(at("foo.c"), "int foo(void) { return 0; }").unwrap();
    let (source, out) = (at("foo.c"), at("libfoo.so"));
    let tags = "-Wl,--disable-new-dtags,--no-as-needed,-soname,libfoo.so";
    let fixed = ["-shared", "-fPIC", &source, "-o", &out, tags];
    output("gcc", &[&fixed[..], options].concat());
    fs::read(out).unwrap()
}

fn output(tool: &str, arguments: &[&str]) -> String {
    let output =
        Command::new(tool).args(arguments).output().unwrap_or_else(|cause| panic!("{tool}: {cause}"));
    assert!(output.status.success(), "{tool} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A tree that is to be packed.
pub struct Workshop {
    folder: TempDir,
}

impl Workshop {
    pub fn empty() -> Self {
        let workshop = Workshop { folder: TempDir::new().unwrap() };
        fs::create_dir(workshop.root()).unwrap();
        workshop
    }

    /// Has a program that finds its library, its C library and its loader.
    pub fn closed() -> Self {
        let workshop = Workshop::empty();
        let specimen = specimen();
        workshop.file("usr/bin/app", 0o755, &specimen.program);
        workshop.file("usr/lib/app/libfoo.so", 0o644, &specimen.library);
        workshop.file("usr/lib/app/libc.so.6", 0o644, &specimen.libc);
        workshop.file("usr/lib/app/ld.so", 0o755, &specimen.loader);
        workshop
    }

    pub fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    fn make_parents(&self, name: &str) {
        let mut folder = self.root();
        for component in Path::new(name).parent().unwrap() {
            folder.push(component);
            if !folder.exists() {
                fs::create_dir(&folder).unwrap();
                fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
            }
        }
    }

    pub fn file(&self, name: &str, mode: u32, bytes: &[u8]) {
        self.make_parents(name);
        fs::write(self.path(name), bytes).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    pub fn folder(&self, name: &str, mode: u32) {
        self.make_parents(name);
        fs::create_dir(self.path(name)).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    pub fn link(&self, name: &str, target: &str) {
        self.make_parents(name);
        symlink(target, self.path(name)).unwrap();
    }

    pub fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    /// Packs the tree; the artifact's name says nothing of its format.
    pub fn pack(&self, format: &str) -> PathBuf {
        let artifact = self.folder.path().join(format!("artifact of {format}"));
        let (format, codec) = format.split_once('-').unwrap();
        match format {
            "deb" => self.pack_deb(codec, &artifact),
            "rpm" => self.pack_rpm(codec, &artifact),
            _ => self.pack_tar(codec, &artifact),
        }
        artifact
    }

    fn pack_deb(&self, codec: &str, artifact: &Path) {
        let control =
            "Package: app\nVersion: 1\nArchitecture: all\nMaintainer: M <m@example.org>\nDescription: d\n";
        self.file("DEBIAN/control", 0o644, control.as_bytes());
        let (root, artifact) = (self.root(), artifact.to_str().unwrap());
        let codec = format!("-Z{codec}");
        output(
            "dpkg-deb",
            &["--root-owner-group", &codec, "-z1", "--build", root.to_str().unwrap(), artifact],
        );
        fs::remove_dir_all(self.path("DEBIAN")).unwrap();
    }

    fn pack_tar(&self, codec: &str, artifact: &Path) {
        let codec = if codec == "none" { "--no-auto-compress".into() } else { format!("--{codec}") };
        let root = self.root();
        output("tar", &["-C", root.to_str().unwrap(), &codec, "-cf", artifact.to_str().unwrap(), "."]);
    }

    fn pack_rpm(&self, codec: &str, artifact: &Path) {
        let payload = match codec {
            "none" => "w.ufdio",
            "gzip" => "w1.gzdio",
            "xz" => "w1.xzdio",
            _ => "w1.zstdio",
        };
        let top = self.folder.path().join("rpmbuild");
        let root = self.root();
        let spec = format!(
            "Name: app\nVersion: 1\nRelease: 1\nSummary: s\nLicense: MIT\nAutoReqProv: no\n\
             %define debug_package %{{nil}}\n%define __os_install_post %{{nil}}\n\
             %define _binary_payload {payload}\n%description\nd\n%install\ncp -a '{}'/. %{{buildroot}}\n\
             %files\n%defattr(-,root,root)\n/*\n",
            root.display()
        );
        let spec_file = self.folder.path().join("app.spec");
        fs::write(&spec_file, spec).unwrap();
        let top_dir = format!("_topdir {}", top.display());
        output("rpmbuild", &["-bb", "--quiet", "--define", &top_dir, spec_file.to_str().unwrap()]);
        let mut built = walkdir::WalkDir::new(top.join("RPMS")).into_iter().filter_map(Result::ok);
        let rpm = built.find(|entry| entry.file_type().is_file()).unwrap();
        fs::rename(rpm.path(), artifact).unwrap();
        fs::remove_dir_all(top).unwrap();
    }
}
