# Wrappers as nixpkgs' makeWrapper and makeBinaryWrapper write them: of a target and a list of flags, each a list of
# words, [ [ "--set" "NAME" "VALUE" ] [ "--prefix" "PATH" ":" "/a:/b" ] [ "--inherit-argv0" ] ].
{ bash }:
let
  inherit (builtins) concatStringsSep elem elemAt filter foldl' genList head isString length match replaceStrings split tail;
  lines = concatStringsSep "\n";
  arg = elemAt;
  is = names: flag: elem (head flag) names;
  those = names: filter (is names);
  # bash's ${text@Q}
  quote = text:
    if match ".*[\n\t].*" text != null
    then "$'" + replaceStrings [ "\\" "'" "\n" "\t" ] [ "\\\\" "\\'" "\\n" "\\t" ] text + "'"
    else "'" + replaceStrings [ "'" ] [ "'\\''" ] text + "'";
  # split forgets what store paths its text is of
  cut = separator: text: map (word: builtins.appendContext word (builtins.getContext text))
    (filter (word: isString word && word != "") (split "[${separator}]" text));
  words = cut " \n\t";

  # The one value of a list variable: taken out where it is, then put first; or put last, unless it is there.
  add = isPrefix: name: separator: value: let s = quote separator; v = quote value; in [
    "${name}=\${${name}:+${s}\$${name}${s}}"
  ] ++ (if isPrefix then [
    "${name}=\${${name}/${s}${v}${s}/${s}}"
    "${name}=${v}\$${name}"
  ] else [
    "if [[ \$${name} != *${s}${v}${s}* ]]; then"
    "    ${name}=\$${name}${v}"
    "fi"
  ]) ++ [ "${name}=\${${name}#${s}}" "${name}=\${${name}%${s}}" "export ${name}" ];
  reversed = list: foldl' (done: next: [ next ] ++ done) [ ] list;

  shellLines = flag: let name = arg flag 1; value = arg flag 2; list = arg flag 3; in {
    "--set" = [ "export ${name}=${quote value}" ];
    "--set-default" = [ "export ${name}=\${${name}-${quote value}}" ];
    "--unset" = [ "unset ${name}" ];
    "--chdir" = [ "cd ${quote name}" ];
    "--run" = [ name ];
    "--prefix" = builtins.concatMap (add true name value) (reversed (cut value list));
    "--suffix" = builtins.concatMap (add false name value) (cut value list);
    "--prefix-each" = builtins.concatMap (add true name value) (words list);
    "--suffix-each" = builtins.concatMap (add false name value) (words list);
  }.${head flag} or [ ];

  argv0 = flags: foldl' (name: flag:
    if is [ "--argv0" ] flag then arg flag 1 else if is [ "--inherit-argv0" ] flag then "$0" else name) null flags;

  cString = text: "\"" + replaceStrings [ "\\" "\"" "\n" "\t" ] [ "\\\\" "\\\"" "\\n" "\\t" ] text + "\"";
  cCall = name: values: "    ${name}(${concatStringsSep ", " (map cString values)});";
  cLine = flag: let name = arg flag 1; in {
    "--set" = "    putenv(${cString "${name}=${arg flag 2}"});";
    "--set-default" = "    setenv(${cString name}, ${cString (arg flag 2)}, 0);";
    "--unset" = cCall "unsetenv" (tail flag);
    "--chdir" = cCall "enter" (tail flag);
    "--prefix" = cCall "set_env_prefix" (tail flag);
    "--suffix" = cCall "set_env_suffix" (tail flag);
  }.${head flag} or "";
  # What the flags of one end add to the arguments.
  given = one: many: flags: builtins.concatMap
    (flag: if is [ one ] flag then [ (arg flag 1) ] else words (arg flag 1)) (those [ one many ] flags);
in rec {
  # A bash script.
  shellWrapper = target: flags: let
    name = argv0 flags;
    more = one: many: concatStringsSep "" (map
      (flag: " " + (if is [ one ] flag then quote (arg flag 1) else arg flag 1)) (those [ one many ] flags));
  in lines ([ "#! ${bash}/bin/bash -e" ] ++ builtins.concatMap shellLines flags ++ [
    "exec ${if name == null then "" else "-a \"${name}\" "}\"${target}\" ${more "--add-flag" "--add-flags"} \"$@\" ${more "--append-flag" "--append-flags"}"
  ]) + "\n";

  # A C program, and the string in it by which it is known. nixpkgs leaves --resolve-argv0 out of that.
  binaryWrapper = target: flags: let
    before = given "--add-flag" "--add-flags" flags;
    after = given "--append-flag" "--append-flags" flags;
    put = where: list: genList (n: "    all[${where} + ${toString n}] = ${cString (elemAt list n)};") (length list);
    named = argv0 flags;
  in lines ([ ''
    #define _GNU_SOURCE
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    #include <unistd.h>

    void enter(const char *folder) {
        if (chdir(folder)) { perror(folder); abort(); }
    }

    char *joined(const char *one, const char *separator, const char *other) {
        char *text;
        if (asprintf(&text, "%s%s%s", one, *one && *other ? separator : "", other) < 0) abort();
        return text;
    }

    /* env without the first `value` that is an item of it */
    char *without(const char *env, const char *separator, const char *value) {
        size_t wide = strlen(separator), size = strlen(value);
        for (const char *at = env; (at = strstr(at, value)); at++) {
            int starts = at == env || (at - env >= wide && !strncmp(at - wide, separator, wide));
            int ends = !at[size] || !strncmp(at + size, separator, wide);
            if (starts && ends) {
                char *head = strndup(env, at == env ? 0 : at - env - wide);
                return joined(head, separator, at[size] ? at + size + wide : "");
            }
        }
        return strdup(env);
    }

    void set_env_prefix(const char *name, const char *separator, const char *value) {
        const char *old = getenv(name);
        setenv(name, joined(value, separator, old ? without(old, separator, value) : ""), 1);
    }

    void set_env_suffix(const char *name, const char *separator, const char *value) {
        const char *old = getenv(name);
        setenv(name, joined(old ? without(old, separator, value) : "", separator, value), 1);
    }
  '' ] ++ (if those [ "--resolve-argv0" ] flags == [ ] then [ ] else [ ''
    char *resolve_argv0(char *argv0) {
        const char *path = getenv("PATH");
        if (strchr(argv0, '/') || !path) return argv0;
        for (char *list = strdup(path), *folder; (folder = strsep(&list, ":"));) {
            char *candidate = joined(folder, "/", argv0);
            if (!access(candidate, X_OK)) return candidate;
        }
        return argv0;
    }
  '' ]) ++ [ "int main(int argc, char **argv) {" ] ++ map cLine flags
  ++ (if before ++ after == [ ] then [ ] else [
    "    char **all = calloc(argc + ${toString (length (before ++ after))} + 1, sizeof *all);"
    "    all[0] = argv[0];"
    "    for (int i = 1; i < argc; i++) all[i + ${toString (length before)}] = argv[i];"
  ] ++ put "1" before ++ put "argc + ${toString (length before)}" after ++ [ "    argv = all;" ])
  ++ (if named == "$0" then [ ] else [ "    argv[0] = ${cString (if named == null then target else named)};" ])
  ++ (if those [ "--resolve-argv0" ] flags == [ ] then [ ] else [ "    argv[0] = resolve_argv0(argv[0]);" ])
  ++ [ "    return execv(${cString target}, argv);" "}" "const char * DOCSTRING = ${cString (docstring target flags)};" "" ]);

  docstring = target: flags: let
    rule = "# ------------------------------------------------------------------------------------";
    shown = filter (flag: head flag != "--resolve-argv0") flags;
    line = flag: " \\\n    " + concatStringsSep " " ([ (head flag) ] ++ map quote (tail flag));
  in ''



    ${rule}
    # The C-code for this binary wrapper has been generated using the following command:


    makeCWrapper ${quote target}${concatStringsSep "" (map line shown)}


    # (Use `nix-shell -p makeBinaryWrapper` to get access to makeCWrapper in your shell)
    ${rule}


  '';

  # The builder's lines that put a wrapper's text, one of the above, at $out/PATH, or at $out/bin/NAME.
  installAt = path: wrapper: ''
    mkdir -p $out/${builtins.dirOf path}
    cat >wrapper <<'END OF WRAPPER'
  '' + wrapper + ''
    END OF WRAPPER
  '' + (if builtins.substring 0 2 wrapper == "#!"
    then "install -m 555 wrapper $out/${path}\n"
    else "gcc -Os -w -xc wrapper -o $out/${path}\n");
  install = name: installAt "bin/${name}";
}
