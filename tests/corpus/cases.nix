# The cases that are not simply a Debian package: programs of our own, wrapped ones, joins.
{ p, musl, ... }:
let
  inherit (p) pkg bash glibc;
  inherit (import ./nix/tools.nix { inherit p; }) library program join perlWith shellWrapper binaryWrapper install;

  file = builtins.toFile;

  style = library { name = "style"; text = "const char *styled(void) { return \"*\"; }"; };
  greet = version: word: library {
    name = "greet"; inherit version; libs = [ style ];
    text = ''
      const char *styled(void);
      const char *greet(void) { return styled()[0] == '*' ? "${word}" : "unstyled"; }
    '';
  };
  greet1 = greet "1.0" "Hello";
  greet2 = greet "2.0" "Good day";
  farewell = library { name = "farewell"; text = "const char *farewell(void) { return \"Goodbye\"; }"; };
  # Opens libfarewell itself, and says so the way the UAPI group's ELF dlopen specification has it.
  greeter = ''
    #include <dlfcn.h>
    #include <stdio.h>
    const char *styled(void), *greet(void);
    __asm__(".pushsection .note.dlopen, \"a\", @note\n .p2align 2\n .4byte 4, 2f-1f, 0x407c0c0a\n .asciz \"FDO\"\n"
      "1: .asciz \"[{\\\"soname\\\":[\\\"libfarewell.so.1\\\"],\\\"priority\\\":\\\"required\\\",\\\"feature\\\":\\\"farewell\\\"}]\"\n"
      "2: .p2align 2\n .popsection");
    int main(void) {
      void *library = dlopen("libfarewell.so.1", RTLD_NOW);
      if (!library) return puts(dlerror()), 1;
      const char *(*farewell)(void) = dlsym(library, "farewell");
      printf("%s%s, %s\n", styled(), greet(), farewell());
      return 0;
    }
  '';
  greeterWith = version: name: program {
    inherit name; text = greeter; libs = [ style version ]; more = "-Wl,-rpath,${farewell}/lib";
  };

  muslLibc = pkg {
    name = "musl-1.2";
    fixup = "";
    script = ''
      dpkg-deb -x ${musl} musl
      install -D musl/usr/lib/x86_64-linux-musl/libc.so $out/lib/libc.so
      ln -s libc.so $out/lib/ld-musl-x86_64.so.1
    '';
  };
  chime = library { name = "chime"; cc = "musl-gcc"; libc = muslLibc; text = "int chimes(int hour) { return hour % 12; }"; };

in rec {
  hello-c = pkg {
    name = "hello-c-1.0";
    fixup = "";
    script = greeterWith greet1 "hello" + greeterWith greet2 "good-day";
  };

  musl-clock = pkg {
    name = "musl-clock-1.0";
    fixup = "";
    script = program {
      name = "clock12"; cc = "musl-gcc"; libs = [ chime ]; loader = "${muslLibc}/lib/ld-musl-x86_64.so.1";
      text = ''
        #include <stdio.h>
        #include <stdlib.h>
        int chimes(int);
        int main(int argc, char **argv) { return printf("%d\n", chimes(atoi(argv[1]))) < 0; }
      '';
    };
  };

  static = pkg {
    name = "static-1.0";
    fixup = "";
    script = let sum = file "sum.c" ''
        #include <stdio.h>
        #include <stdlib.h>
        int main(int argc, char **argv) { return printf("%d\n", atoi(argv[1]) + atoi(argv[2])) < 0; }
      ''; in ''
      mkdir -p $out/bin
      gcc -O2 -static ${sum} -o $out/bin/sum-static
      gcc -O2 -static-pie ${sum} -o $out/bin/sum-static-pie
    '';
  };

  # Made setuid root by its bundle.toml; ld.so then takes no $ORIGIN that it does not trust.
  setuid = pkg {
    name = "effective-1.0";
    fixup = "";
    script = program {
      name = "effective"; libs = [ style ];
      text = ''
        #include <stdio.h>
        #include <unistd.h>
        const char *styled(void);
        int main(void) { return printf("%s %d %d\n", styled(), getuid() != 0, geteuid()) < 0; }
      '';
    };
  };

  # An interpreter, and a file beside the script that it reads.
  script = pkg {
    name = "tally-1.0";
    deps = [ bash ];
    script = ''
      mkdir -p $out/bin $out/share/tally
      echo 'tally() { local n=0 word; for word; do n=$((n + ''${#word})); done; echo "$n letters in $# words"; }' >$out/share/tally/lib.sh
      printf '#!/bin/bash\n. %s\nread -ra words\ntally "''${words[@]}"\n' $out/share/tally/lib.sh >$out/bin/tally
      chmod +x $out/bin/tally
    '';
  };

  # One script behind both kinds of wrapper; it finds lzip through the PATH that they set.
  wrapped =
    let
      by = wrapper: wrapper "${say}/libexec/say" [
        [ "--set" "SAY_WORD" "moin" ]
        [ "--set" "SAY_FILE" "${say}/share/say/again" ]
        [ "--prefix" "PATH" ":" "${p.lzip}/bin" ]
      ];
      say = pkg {
        name = "say-1.0";
        deps = [ bash ];
        script = ''
          mkdir -p $out/libexec $out/share/say
          echo "and again" >$out/share/say/again
          printf '#!/bin/bash\nread -r again <"$SAY_FILE"\necho "$SAY_WORD $again $(echo $1 | lzip | lzip -d)"\n' >$out/libexec/say
          chmod +x $out/libexec/say
        '';
      };
    in pkg {
      name = "say-wrapped-1.0";
      script = install "say-shell" (by shellWrapper) + install "say-binary" (by binaryWrapper);
    };

  perl = pkg {
    name = "perl-5.40-env";
    script = perlWith shellWrapper [ p.libjson-xs-perl p.libcommon-sense-perl p.libtypes-serialiser-perl ];
  };

  # Debian's libc has the system's gconv folder compiled in, nixpkgs' its own: see README.md.
  iconv = pkg {
    name = "iconv-2.41";
    script = install "iconv" (shellWrapper "${glibc.bin}/bin/iconv" [ [ "--set" "GCONV_PATH" "${glibc}/lib/gconv" ] ]) + "ln -s ${glibc.bin}/bin/getent $out/bin";
  };

  # glibc's own programs: they have no run path.
  getent = join "getent-2.41" [ glibc.bin ] "";

  # Links to files, links to folders, and a join of a join.
  tools = join "tools" [ p.lzip p.ripgrep ] "ln -s ${p.sqlite3}/bin $out/libexec";
  join-of-joins = join "join-of-joins-1.0" [ tools hello-c ] "ln -s ../libexec/sqlite3 $out/bin/sqlite3";
}
