# A result in the three store paths that every Nix program has at least: its own, a library's and glibc's. It is built
# with this machine's gcc, so that it needs nothing of nixpkgs; glibc is a copy of this machine's.
{ system ? builtins.currentSystem }:
let
  loader = {
    x86_64-linux = "ld-linux-x86-64.so.2";
    aarch64-linux = "ld-linux-aarch64.so.1";
  }.${system};

  shell = name: script: derivation {
    inherit name system;
    builder = "/bin/sh";
    args = [ "-ec" script ];
    PATH = "/usr/bin:/bin";
  };

  # As nixpkgs' glibc, the loader looks into no folder of the system's; the names keep their length.
  glibc = shell "glibc" ''
    mkdir -p "$out/lib"
    for library in ${loader} libc.so.6; do
      cp -L "$(gcc -print-file-name=$library)" "$out/lib/$library"
    done
    chmod u+w "$out/lib/${loader}"
    sed -i -b 's|/etc/ld\.so\.|/nix/ld.so.|g; s|/lib/\([a-z0-9_]*-linux-gnu/\)|/nix/\1|g
      s|/lib64/\x00/usr/lib64/\x00|/nix64/\x00/usr/nix64/\x00|g; s|\x00/lib/\x00/usr/lib/\x00|\x00/nix/\x00/usr/nix/\x00|g' \
      "$out/lib/${loader}"
  '';

  # What nixpkgs' compiler wrapper adds, and its strip (-s): a symbol table names the source files, which lie in the store.
  gcc = libraries: "gcc -O2 -s -Wl,--enable-new-dtags -Wl,--dynamic-linker=${glibc}/lib/${loader} " +
    builtins.concatStringsSep " " (map (library: "-L${library}/lib -Wl,-rpath,${library}/lib") (libraries ++ [ glibc ]));

  greet = shell "greet-1.0" ''
    mkdir -p "$out/lib" "$out/include"
    cp ${./src/greet.h} "$out/include/greet.h"
    ${gcc [ ]} -shared -fPIC -I"$out/include" -Wl,-soname,libgreet.so.1 -o "$out/lib/libgreet.so.1" ${./src/greet.c}
    ln -s libgreet.so.1 "$out/lib/libgreet.so"
  '';
in
shell "hello-1.0" ''
  mkdir -p "$out/bin" "$out/share/hello" "$out/share/man/man1"
  ${gcc [ greet ]} -I${greet}/include -DCATALOGUES="\"$out/share/hello\"" -o "$out/bin/hello" ${./src/hello.c} -lgreet
  gencat "$out/share/hello/de.cat" ${./src/de.msg}
  gencat "$out/share/hello/fr.cat" ${./src/fr.msg}
  cp ${./src/hello.1} "$out/share/man/man1/hello.1"
''
