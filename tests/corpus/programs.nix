# Programs that name other store paths everywhere, as nixpkgs builds them: what they have compiled in is their own store path.
{ p, sources, ... }:
let
  inherit (p) pkg bash glibc;
  inherit (import ./nix/tools.nix { inherit p; })
    library program perlPath perlWith shellWrapper binaryWrapper install installAt;
  out = builtins.placeholder "out";

  perl = pkg { name = "perl-5.40"; script = perlWith binaryWrapper [ ]; };

  # A certificate for localhost, and the authority that it is of.
  tls = pkg {
    name = "localhost-tls-1.0";
    script = ''
      cd $out
      request() { openssl req -newkey rsa:2048 -nodes -days 36500 "$@"; }
      request -x509 -subj '/CN=explant corpus authority' -addext 'keyUsage = critical, keyCertSign' -keyout ca.key -out ca.pem
      request -subj /CN=localhost -keyout key.pem -out request.pem
      echo 'subjectAltName = DNS:localhost, IP:127.0.0.1' >names
      openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -extfile names -days 36500 -out cert.pem
      rm ca.key request.pem names *.srl || true
    '';
  };
  # Mozilla's authorities, and that one.
  cacert = pkg {
    name = "nss-cacert-2025";
    script = ''
      mkdir -p $out/etc/ssl/certs
      cat ${p.ca-certificates}/share/ca-certificates/mozilla/*.crt ${tls}/ca.pem >$out/etc/ssl/certs/ca-bundle.crt
    '';
  };

  # Modules with byte code of every kind (PEP 552), each with a reference in its source.
  marks = pkg {
    name = "python3-marks-1.0";
    fixup = "";
    script = ''
      modules=$out/lib/python3/dist-packages
      mkdir -p $modules $out/share/marks
      for kind in timestamp checked-hash unchecked-hash; do
        name=''${kind%-hash}
        echo "$name data" >$out/share/marks/$name
        echo "FILE = '$out/share/marks/$name'; DATA = open(FILE).read().strip()" >$modules/$name.py
        touch -d @1 $modules/$name.py
        ${p.python3}/bin/python3.13 -m compileall -q --invalidation-mode $kind $modules/$name.py
      done
    '';
  };
in {
  # Its shebangs, exec path, templates, perl modules and the tools of its shell scripts are store paths.
  git = pkg {
    name = "git-2.47";
    deps = [ bash p.zlib1g ];
    script = ''
      tar xf ${sources.git} --strip-components=1
      make -j2 CFLAGS=-O0 prefix=$out SHELL_PATH=${bash}/bin/bash PERL_PATH=${perl}/bin/perl NO_CURL=1 NO_EXPAT=1 \
        NO_GETTEXT=1 NO_INSTALL_HARDLINKS=1 NO_OPENSSL=1 NO_PERL_CPAN_FALLBACKS=1 NO_PYTHON=1 NO_TCLTK=1 all install
      cd $out/libexec/git-core
      for tool in ${p.coreutils}/bin/{basename,cut,dirname,tr,uname,wc} ${p.sed}/bin/sed ${p.grep}/bin/grep; do
        sed -Ei "s,(^|[^#[:alnum:]_./-])(''${tool##*/})( ),\1$tool\3,g" git-sh-setup git-submodule git-filter-branch
      done
      mv git-send-email .git-send-email-wrapped
    '' + installAt "libexec/git-core/git-send-email" (shellWrapper "${out}/libexec/git-core/.git-send-email-wrapped" [
      [ "--inherit-argv0" ]
      [ "--prefix" "PERL5LIB" ":" (perlPath [ p.liberror-perl p.libmailtools-perl p.libtimedate-perl ]) ]
    ]);
  };

  # Its runtime folder and, by way of ncurses, the terminfo folder.
  vim = pkg {
    name = "vim-9.1";
    deps = [ bash p.ncurses ];
    script = ''
      tar xf ${sources.vim} --strip-components=1
      export CFLAGS=-O0
      ./configure -q --prefix=$out --with-features=huge --with-tlib=tinfo --without-x --disable-acl --disable-canberra \
        --disable-gpm --disable-gui --disable-libsodium --disable-nls --disable-selinux
      make -s -j2
      make -s install
      rm -r $out/share/man
    '';
  };

  # Its prefix, its configuration, which has names relative to that, and its web pages.
  nginx = pkg {
    name = "nginx-1.26";
    deps = [ bash p.libcrypt1 p.zlib1g ];
    script = ''
      tar xf ${sources.nginx} --strip-components=1
      ./configure --prefix=$out --without-http_rewrite_module --with-cc-opt=-O0 --error-log-path=stderr \
        --pid-path=/tmp/nginx.pid --lock-path=/tmp/nginx.lock --http-log-path=/tmp/nginx.log \
        --http-client-body-temp-path=/tmp/nginx-body --http-proxy-temp-path=/tmp/nginx-proxy \
        --http-fastcgi-temp-path=/tmp/nginx-fastcgi --http-uwsgi-temp-path=/tmp/nginx-uwsgi \
        --http-scgi-temp-path=/tmp/nginx-scgi
      make -s -j2
      make -s install
      mv $out/sbin $out/bin
      sed -i '1i user root;' $out/conf/nginx.conf
    '' + program {
      name = "fetch";
      text = ''
        #include <arpa/inet.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <unistd.h>
        int main(int argc, char **argv) {  /* fetch PORT PATH: what the web server at this port of the loopback answers */
          struct sockaddr_in to = {AF_INET, htons(atoi(argv[1])), {htonl(INADDR_LOOPBACK)}};
          int server = socket(AF_INET, SOCK_STREAM, 0);
          if (connect(server, (struct sockaddr *)&to, sizeof to)) return perror("connect"), 1;
          dprintf(server, "GET %s HTTP/1.0\r\n\r\n", argv[2]);
          char part[4096];
          for (ssize_t size; (size = read(server, part, sizeof part)) > 0;) fwrite(part, 1, size, stdout);
          return 0;
        }
      '';
    };
  };

  # One curl that trusts the bundle's authorities unless it is told otherwise, one that trusts the host's; and a server.
  curl = pkg {
    name = "curl-8.14-tls";
    deps = [ bash ];
    script = install "curl" (shellWrapper "${p.curl}/bin/curl" [
      [ "--inherit-argv0" ]
      [ "--set-default" "SSL_CERT_FILE" "${cacert}/etc/ssl/certs/ca-bundle.crt" ]
    ]) + install "tls-server" (binaryWrapper "${p.openssl}/bin/openssl" [
      [ "--set" "OPENSSL_CONF" "${p.openssl}/etc/ssl/openssl.cnf" ]
      [ "--set" "OPENSSL_MODULES" "${p.libssl3t64}/lib/ossl-modules" ]
      [ "--add-flags" "s_server -quiet -www -cert ${tls}/cert.pem -key ${tls}/key.pem -accept" ]
    ]) + ''
      ln -s ${p.curl}/bin/curl $out/bin/curl-of-the-host
    '';
  };

  # python3.withPackages (ps: [ ps.numpy ... ]): a tree of links, and a python that looks there.
  python = pkg {
    name = "python3-3.13-env";
    script = install "python3" (binaryWrapper "${p.python3}/bin/python3.13" [
      [ "--set" "PYTHONNOUSERSITE" "1" ]
      [ "--set" "PYTHONPATH" "${p.python3-numpy}/lib/python3/dist-packages:${marks}/lib/python3/dist-packages" ]
      [ "--set-default" "SSL_CERT_FILE" "${cacert}/etc/ssl/certs/ca-bundle.crt" ]
      [ "--set" "LOCALHOST_TLS" "${tls}" ]
    ]) + ''
      mkdir -p $out/lib/python3/dist-packages
      for x in {${p.python3-numpy},${marks}}/lib/python3/dist-packages/*; do
        [ -e $out/lib/python3/dist-packages/''${x##*/} ] || ln -s $x $out/lib/python3/dist-packages
      done
      for x in ${p.python3}/bin/*; do [ -e $out/bin/''${x##*/} ] || ln -s $x $out/bin; done
    '';
  };

  # Every flag of both kinds of wrapper, on a program that tells what reached it.
  flags =
    let
      tell = pkg {
        name = "tell-1.0";
        script = program {
          name = "tell";
          text = ''
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            #include <unistd.h>
            extern char **environ;
            int main(int argc, char **argv) {
              char folder[4096];
              printf("argv0=%s\ncwd=%s\n", argv[0], getcwd(folder, sizeof folder));
              for (int i = 1; i < argc; i++) printf("arg=%s\n", argv[i]);
              for (char **next = environ; *next; next++) if (!strncmp(*next, "W_", 2)) puts(*next);
              if (getenv("W_FILE")) {
                FILE *file = fopen(getenv("W_FILE"), "r");
                if (!file || !fgets(folder, sizeof folder, file)) return perror("W_FILE"), 1;
                printf("read=%s", folder);
              }
              return 0;
            }
          '';
        } + ''
          mkdir -p $out/share/tell/folder
          echo 'the data' >$out/share/tell/data
        '';
      };
      share = "${tell}/share/tell";
      common = [
        [ "--set" "W_FILE" "${share}/data" ]
        [ "--set" "W_QUOTES" "it's \"so\" \\ and $PWD" ]
        [ "--set" "W_LINES" "one\ntwo\tthree" ]
        [ "--set-default" "W_DEFAULT" "${share}/default" ]
        [ "--set-default" "W_GIVEN" "${share}/not-this" ]
        [ "--unset" "W_UNSET" ]
        [ "--prefix" "W_LIST" ":" "${share}/first" ]
        [ "--prefix" "W_NEW" ":" "${share}/only" ]
        [ "--suffix" "W_LIST" ":" "${share}/last" ]
        [ "--suffix" "W_SPACED" " " "--dir=${share}" ]
        [ "--chdir" "${share}/folder" ]
        [ "--add-flag" "one flag of ${share}" ]
        [ "--add-flags" "--in ${share}/in" ]
        [ "--append-flag" "the last but two" ]
        [ "--append-flags" "--out ${share}/out" ]
      ];
      target = "${tell}/bin/tell";
      only = flag: [ flag ];
    in pkg {
      name = "wrapped-with-every-flag-1.0";
      deps = [ bash ];
      script = install "every-shell" (shellWrapper target (common ++ [
          [ "--run" "W_RUN=$(cat ${share}/data); export W_RUN" ]
          [ "--prefix-each" "W_EACH" ":" "${share}/1 ${share}/2" ]
          [ "--suffix-each" "W_EACH" ":" "${share}/3 ${share}/4" ]
          [ "--inherit-argv0" ]
        ]))
        + install "every-binary" (binaryWrapper target (common ++ only [ "--inherit-argv0" ]))
        + install "named-shell" (shellWrapper target (only [ "--argv0" "some name" ]))
        + install "named-binary" (binaryWrapper target (only [ "--argv0" "some name" ]))
        + install "plain-shell" (shellWrapper target [ ])
        + install "plain-binary" (binaryWrapper target [ ])
        + install "resolved-binary" (binaryWrapper target [ [ "--inherit-argv0" ] [ "--resolve-argv0" ] ])
        # wrapProgram, twice: a wrapper of a wrapper, the wrapped ones beside it
        + ''
          cp ${target} $out/bin/.twice-wrapped_
        '' + install ".twice-wrapped" (binaryWrapper "${out}/bin/.twice-wrapped_" [ [ "--inherit-argv0" ] [ "--set" "W_INNER" "${share}/in" ] ])
        + install "twice" (shellWrapper "${out}/bin/.twice-wrapped" [ [ "--inherit-argv0" ] [ "--set" "W_OUTER" "${share}/out" ] ]);
    };

  # What a dlopen finds: by a store path in the program, in a library or put together at run time, and by soname in a
  # run path folder that serves no needed entry.
  plugins =
    let
      plays = name: libs: library {
        inherit name libs;
        text = if libs == [ ] then "const char *plays(void) { return \"${name}\"; }" else ''
          const char *tuned(void);
          const char *plays(void) { return tuned(); }
        '';
      };
      tuner = library { name = "tuner"; text = "const char *tuned(void) { return \"oboe in tune\"; }"; };
      oboe = plays "oboe" [ tuner ];
      viola = plays "viola" [ ];
      harp = plays "harp" [ ];
      section = pkg {
        name = "section-1.0";
        script = ''
          mkdir -p $out/lib/section
          for name in drum horn; do
            echo "const char *plays(void) { return \"$name\"; }" | gcc -shared -fPIC -xc - -o $out/lib/section/$name.so
          done
        '';
      };
      conductor = library {
        name = "conductor"; more = "-DHARP='\"${harp}/lib/libharp.so.1\"'";
        text = ''
          #include <dlfcn.h>
          #include <stdio.h>
          #include <stdlib.h>
          void play(void *player) {
            if (!player) puts(dlerror()), exit(1);
            puts(((const char *(*)(void))dlsym(player, "plays"))());
          }
          void play_harp(void) { play(dlopen(HARP, RTLD_NOW)); }
        '';
      };
    in pkg {
      name = "orchestra-1.0";
      fixup = "";
      script = program {
        name = "orchestra"; libs = [ conductor ]; more = "-Wl,-rpath,${viola}/lib -DOBOE='\"${oboe}/lib/liboboe.so.1\"' -DSECTION='\"${section}/lib/section\"'";
        text = ''
          #include <dirent.h>
          #include <dlfcn.h>
          #include <stdio.h>
          #include <stdlib.h>
          #include <string.h>
          void play(void *), play_harp(void);
          static int is_plugin(const struct dirent *entry) { return strstr(entry->d_name, ".so") != NULL; }
          int main(int argc, char **argv) {
            play(dlopen(OBOE, RTLD_NOW));
            play(dlopen("libviola.so.1", RTLD_NOW));
            play_harp();
            struct dirent **found;
            char path[4096];
            int count = scandir(SECTION, &found, is_plugin, alphasort);
            for (int i = 0; i < count; i++) {
              snprintf(path, sizeof path, "%s/%s", SECTION, found[i]->d_name);
              play(dlopen(path, RTLD_NOW));
            }
            return count < 0;
          }
        '';
      };
    };
}
