# { patchelf, loader, glibcDebs, glibcVersion } -> { glibc, pkg }: what every package of one architecture is made with.
# pkg takes { name, debs and/or script, deps, ... } and gives a derivation: package.py says what it does.
{ patchelf, loader, glibcDebs, glibcVersion }:
let
  python = script: attrs: derivation ({
    system = "x86_64-linux";
    builder = "/usr/bin/python3";
    args = [ script ];
    inherit patchelf loader;
  } // attrs);
in rec {
  glibc = python ./glibc.py { name = "glibc-${glibcVersion}"; outputs = [ "out" "bin" ]; debs = glibcDebs; };
  pkg = attrs: python ./package.py ({ inherit glibc; debs = [ ]; deps = [ ]; } // attrs);
}
