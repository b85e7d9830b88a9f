# Wrappers as nixpkgs' makeWrapper and makeBinaryWrapper write them.
{ pkg, bash }:
let
  lines = f: attrs: builtins.concatStringsSep "" (map (n: f n attrs.${n}) (builtins.attrNames attrs));
in rec {
  shellWrapper = { target, env ? { }, path ? null }: ''
    #! ${bash}/bin/bash -e
  '' + lines (n: v: "export ${n}='${v}'\n") env + (if path == null then "" else ''
    PATH=''${PATH:+':'$PATH':'}
    PATH=''${PATH/':'''${path}''':'/':'}
    PATH='${path}'$PATH
    PATH=''${PATH#':'}
    PATH=''${PATH%':'}
    export PATH
  '') + ''
    exec -a "$0" "${target}"  "$@"
  '';

  binaryWrapper = { target, env ? { }, path ? null }: ''
    #include <unistd.h>
    #include <stdlib.h>
    #define _GNU_SOURCE         /* See feature_test_macros(7) */
    #include <stdio.h>

    int asprintf(char **, const char *, ...);

    #define assert_success(e) do { if ((e) < 0) { perror(#e); abort(); } } while (0)

    void set_env_prefix(char *env, char *sep, char *prefix) {
        char *existing = getenv(env);
        if (existing) {
            char *val;
            assert_success(asprintf(&val, "%s%s%s", prefix, sep, existing));
            assert_success(setenv(env, val, 1));
            free(val);
        } else {
            assert_success(setenv(env, prefix, 1));
        }
    }

    int main(int argc, char **argv) {
    ${lines (n: v: "    putenv(\"${n}=${v}\");\n") env}${if path == null then "" else "    set_env_prefix(\"PATH\", \":\", \"${path}\");\n"}
        argv[0] = "${target}";
        return execv("${target}", argv);
    }

    char * DOCSTRING = "\n\n\n# ------------------------------------------------------------------------------------\n# The C-code for this binary wrapper has been generated using the following command:\n\n\nmakeCWrapper '${target}'${lines (n: v: " \\\\\\n    --set '${n}' '${v}'") env}${if path == null then "" else " \\\\\\n    --prefix 'PATH' ':' '${path}'"}\n\n\n# (Use `nix-shell -p makeBinaryWrapper` to get access to makeCWrapper in your shell)\n# ------------------------------------------------------------------------------------\n\n\n";
  '';

  # The builder's lines that put a wrapper's text, one of the above, at $out/bin/NAME.
  install = name: wrapper: ''
    mkdir -p $out/bin
    cat >wrapper <<'END OF WRAPPER'
  '' + wrapper + ''
    END OF WRAPPER
  '' + (if builtins.substring 0 2 wrapper == "#!"
    then "install -m 555 wrapper $out/bin/${name}\n"
    else "gcc -O2 -w -xc wrapper -o $out/bin/${name}\n");
}
