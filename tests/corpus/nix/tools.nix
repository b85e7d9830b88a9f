# What cases are made with, beside Debian's packages: C programs and libraries, wrappers, joins, perl with modules.
{ p }:
let
  inherit (p) pkg bash glibc;
  inherit (builtins) concatStringsSep;
  file = builtins.toFile;
in rec {
  inherit (import ./wrappers.nix { inherit bash; }) shellWrapper binaryWrapper install installAt;

  # A C library of one file, its soname lib<name>.so.1. `libs` are what it or a program needs.
  flags = libs: builtins.concatStringsSep " " (map (l: "-L${l}/lib -Wl,-rpath,${l}/lib") libs) + " "
    + builtins.concatStringsSep " " (map (l: "-l:${l.soname}") libs);
  library = { name, version ? "1.0", text, libs ? [ ], more ? "", cc ? "gcc", libc ? glibc }:
    let soname = "lib${name}.so.1"; in pkg {
      inherit soname;
      name = "${name}-${version}";
      fixup = "";
      script = ''
        mkdir -p $out/lib
        ${cc} -shared -fPIC -O2 -Wl,-soname,${soname} -xc ${file "${name}.c" text} -xnone -o $out/lib/${soname} \
          ${flags libs} ${more} -Wl,-rpath,${libc}/lib -Wl,--enable-new-dtags
      '';
    };
  # The builder's line for a C program; `more` are the compiler's flags: run paths beyond those of `libs`, macros.
  program = { name, text, libs ? [ ], more ? "", cc ? "gcc", loader ? "${glibc}/lib/ld-linux-x86-64.so.2" }: ''
    mkdir -p $out/bin
    ${cc} -O2 -xc ${file "${name}.c" text} -xnone -o $out/bin/${name} ${flags libs} ${more} \
      -Wl,-rpath,${builtins.dirOf loader} -Wl,--dynamic-linker=${loader} -Wl,--enable-new-dtags
  '';

  # cp -rs of lndir: every folder a folder, every file an absolute link into another store path (nixpkgs' symlinkJoin).
  join = name: parts: more: pkg {
    inherit name;
    fixup = "";
    script = ''
      for part in ${toString parts}; do cp -rs $part/. $out/; chmod -R u+w $out; done
    '' + more;
  };

  # perl.withPackages: Debian's perl with @INC as nixpkgs' has it.
  perlPath = packages: concatStringsSep ":" (builtins.concatMap
    (package: map (dir: "${package}/${dir}") [ "lib/perl/5.40" "share/perl/5.40" "lib/perl5/5.40" "share/perl5" ]) packages);
  perlWith = wrapper: packages: install "perl" (wrapper "${p.perl}/bin/perl"
    [ [ "--suffix" "PERL5LIB" ":" "${perlPath ([ p.perl ] ++ packages)}:${p.perl}/lib/perl-base" ] ]);
}
