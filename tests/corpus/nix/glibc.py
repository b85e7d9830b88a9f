"""glibc as nixpkgs has it, made of Debian's binaries: $out holds the libraries, $bin the programs.

Environment: debs (libc6, libgcc-s1, libc-bin), loader. A glibc of nixpkgs differs from a distribution's in what its
loader has compiled in: the one default folder is its own lib, and neither the system's ld.so.cache nor its
ld.so.preload is read. The same is written over Debian's strings here; there is room for it.
"""
import os
import re
import shutil
import struct
import subprocess
from pathlib import Path

ENV = os.environ
ENV["PATH"] = "/usr/bin:/bin"
OUT, BIN = Path(ENV["out"]), Path(ENV["bin"])


TABLE = re.compile(rb"/lib/[a-z0-9_]+-linux-gnu/\0/usr/lib/[a-z0-9_]+-linux-gnu/\0/lib/\0/usr/lib/\0+")


def replace_all(data, old, new):
    assert len(old) == len(new) and old in data, old
    return data.replace(old, new)


def own_folder(data, folder):
    """The loader's tables of system folders (elf/dl-load.c: system_dirs, system_dirs_len) come to hold `folder` instead.

    Each ends in the padding before what follows it. The compiler has the length of the first entry in the code, so
    that one leads nowhere and `folder` is the second; the table keeps its four entries. arm64's has no room: there
    all four lead nowhere.
    """
    nowhere = lambda d: d.replace(b"/lib", b"/nix")
    tables = [m[0] for m in TABLE.finditer(data)]
    old = tables[0].rstrip(b"\0").split(b"\0")
    new = [nowhere(old[0]), folder, b"/", b"/"]
    text = b"\0".join(new) + b"\0"
    if len(text) > min(map(len, tables)):
        new = [nowhere(d) for d in old]
        text = b"\0".join(new) + b"\0"
    data = TABLE.sub(lambda m: text.ljust(len(m[0]), b"\0"), data)
    pack = lambda dirs: struct.pack("<4Q", *map(len, dirs))
    return replace_all(data, pack(old), pack(new))


for deb in ENV["debs"].split():
    subprocess.run(["dpkg-deb", "-x", deb, "debs"], check=True)
OUT.mkdir()
BIN.mkdir()
libraries = next(Path("debs/usr/lib").glob("*-linux-gnu"))
shutil.copytree(libraries, OUT / "lib", symlinks=True)
loader = OUT / "lib" / ENV["loader"]
image = own_folder(loader.read_bytes(), f"{OUT}/lib/".encode())
for name in (b"ld.so.cache", b"ld.so.preload"):
    image = replace_all(image, b"/etc/" + name, b"/nix/" + name)
loader.write_bytes(image)
(BIN / "bin").mkdir()
for program in ("iconv", "getent"):
    shutil.copy(f"debs/usr/bin/{program}", BIN / "bin")
    subprocess.run([ENV["patchelf"], "--set-interpreter", loader, BIN / "bin" / program], check=True)
