"""The builder of every package: debs (or a source and its build script) -> $out laid out as nixpkgs would.

Environment: debs, deps (closure, nearest first), glibc, patchelf, loader; optional script, hook, and fixup ("" where
the script has linked everything with its interpreter and run path already).
"""
import os
import re
import struct
import subprocess
from pathlib import Path

ENV = os.environ
ENV["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
OUT = Path(ENV["out"])
GLIBC = ENV["glibc"]
DEPS = [OUT, *map(Path, ENV["deps"].split()), Path(GLIBC)]
LOADER = f"{GLIBC}/lib/{ENV['loader']}"
DROP_SHARE = {"doc", "doc-base", "info", "lintian", "bug", "menu", "bash-completion", "zsh", "fish", "pixmaps",
              "applications", "metainfo", "gcc", "debianutils", "python3", "icons", "apport", "pkgconfig",
              "initramfs-tools"}
DROP = {"cmake", "pkgconfig", "systemd", "tmpfiles.d", "sysusers.d", "udev", "init", "debug", "valgrind"}


def placed(path):
    """Where a deb's file goes below $out, or None for what nixpkgs would not have."""
    p = list(Path(path).parts)
    if p[:1] == ["usr"]:
        p = p[1:]
    if len(p) < 2:
        return None
    top, rest = p[0], p[1:]
    if top in ("bin", "sbin", "games"):
        return Path("bin", *rest)
    if top in ("lib", "lib64"):
        if re.fullmatch(r"(x86_64|aarch64)-linux-(gnu|musl)", rest[0]):
            rest = rest[1:]
        if not rest or rest[0] in DROP or rest[-1].endswith((".a", ".la")):
            return None
        return Path("lib", *rest)
    if top == "share":
        if rest[0] in DROP_SHARE or (rest[0] == "locale" and rest[1:2] not in ([], ["de"], ["locale.alias"])):
            return None
        if rest[0] == "man" and rest[1:2] not in ([], ["man1"]):
            return None
        return Path("share", *rest)
    if top == "libexec":
        return Path("libexec", *rest)
    if top == "etc" and rest[0] not in ("init.d", "cron.d", "cron.daily", "logrotate.d", "default", "apparmor.d", "ufw"):
        return Path("etc", *rest)
    return None


def lay_out(root):
    links = []
    for d, dirs, files in os.walk(root):
        for name in files + [x for x in dirs if os.path.islink(os.path.join(d, x))]:
            src = Path(d, name)
            rel = src.relative_to(root)
            new = placed(rel)
            if new is None:
                continue
            dst = OUT / new
            dst.parent.mkdir(parents=True, exist_ok=True)
            if src.is_symlink():
                links.append((dst, rel, os.readlink(src)))
            elif src.is_file():
                src.rename(dst)
    pending = len(links) + 1
    while links and len(links) < pending:      # a link may point at a later link
        pending, left = len(links), []
        for dst, rel, target in links:
            orig = os.path.normpath(os.path.join("/", rel.parent, target)).lstrip("/")
            new = placed(orig) or Path("none")
            home = next((x for x in DEPS if os.path.lexists(x / new)), None)
            if home is None:
                left.append((dst, rel, target))
            elif not os.path.lexists(dst):
                dst.symlink_to(os.path.relpath(OUT / new, dst.parent) if home == OUT else home / new)
        links = left


def dynamic_elf(path):
    """(is dynamic, has interpreter) of an ELF executable or library, else None."""
    with open(path, "rb") as f:
        head = f.read(64)
        if len(head) < 64 or head[:5] != b"\x7fELF\x02" or head[16] not in (2, 3):
            return None
        off, size, count = struct.unpack_from("<Q", head, 32)[0], *struct.unpack_from("<HH", head, 54)
        f.seek(off)
        table = f.read(size * count)
    kinds = {struct.unpack_from("<I", table, i * size)[0] for i in range(count)}
    return (2 in kinds, 3 in kinds)


def find_library(name, cache={}):
    if name not in cache:
        cache[name] = next((d / "lib" for d in DEPS if (d / "lib" / name).exists()), None) or next(
            (hit.parent for d in DEPS if (d / "lib").is_dir() for hit in sorted((d / "lib").rglob(name))), None)
    return cache[name]


def fix_elf(path, interp):
    patchelf = ENV["patchelf"]
    needed = subprocess.run([patchelf, "--print-needed", path], capture_output=True, text=True, check=True).stdout.split()
    if os.path.basename(LOADER) in needed:
        needed = [n for n in needed if n != os.path.basename(LOADER)] + ["libc.so.6"]
    dirs = [find_library(n) for n in needed]
    if None in dirs:
        missing = [n for n, d in zip(needed, dirs) if d is None]
        if interp or path.parent == OUT / "lib":
            raise SystemExit(f"{path}: nothing provides {missing}")
        print(f"dropped {path}: nothing provides {missing}")    # a plug-in for what the closure lacks
        path.unlink()
        return
    args = ["--set-interpreter", LOADER] if interp else []
    if dirs:
        args += ["--set-rpath", ":".join(dict.fromkeys(map(str, dirs)))]
    if args:
        mode = path.stat().st_mode
        path.chmod(mode | 0o200)
        subprocess.run([patchelf, *args, path], check=True)


def fix_shebang(path):
    with open(path, "rb") as f:
        line = f.readline(4096)
        rest = f.read()
    m = re.match(rb"#!\s*(?:\S*/env\s+)?(\S+)(.*)\n", line)
    if not m or m[1].startswith(b"/nix/store"):
        return
    name = os.path.basename(m[1].decode())
    home = next((d for d in DEPS if (d / "bin" / name).exists()), None)
    if home:
        mode = path.stat().st_mode
        path.chmod(mode | 0o200)
        path.write_bytes(b"#!" + str(home / "bin" / name).encode() + m[2] + b"\n" + rest)
        path.chmod(mode)


def fix_up():
    for d, _, files in os.walk(OUT):
        for name in files:
            path = Path(d, name)
            if path.is_symlink():
                continue
            with open(path, "rb") as f:
                magic = f.read(4)
            if magic == b"\x7fELF":
                kind = dynamic_elf(path)
                if kind and kind[0]:
                    fix_elf(path, kind[1])
            elif magic[:2] == b"#!":
                fix_shebang(path)


def compile_python():
    """Python's byte code, which no deb holds and every Nix package does: a store path cannot be written to later.

    Its header has the source's mtime, which Nix sets to 1.
    """
    python = next((p for d in DEPS for p in (d / "bin").glob("python3.[0-9]*")), None)
    sources = list(OUT.rglob("*.py"))
    if python and sources:
        for source in sources:
            os.utime(source, (1, 1))
        subprocess.run([python, "-m", "compileall", "-q", OUT / "lib"], check=False)    # lib2to3 has bad examples


OUT.mkdir()
for deb in ENV["debs"].split():
    subprocess.run(["dpkg-deb", "-x", deb, "debs"], check=True)
lay_out(Path("debs").absolute())
for step in ("script", "hook"):
    if ENV.get(step):
        subprocess.run(["bash", "-euc", ENV[step]], check=True, cwd=OUT if step == "hook" else None)
if ENV.get("fixup", "1"):
    fix_up()
    compile_python()
