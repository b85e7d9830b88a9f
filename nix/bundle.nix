# Runs explant inside a derivation, so that Nix's builders and caches do the work.
#
#     bundle { result = pkgs.jq; }
#     bundle { result = pkgs.jq; config = ./bundle.toml; formats = [ "deb" ]; }
#
# gives a folder with the artifacts.
{ pkgs, explant }:
{ # A derivation, a store path, what `nix bundle` makes of an app, or a list of these. Of a derivation with several
  # outputs those are taken that its package wants installed.
  result
, # bundle.toml: a path or a string. Of a path, the whole folder is taken, since bundle.toml may name files beside it.
  config ? null
, # Of "deb", "rpm", "tar".
  formats ? [ "deb" "rpm" "tar" ]
, # Of the derivation. What the package is called, bundle.toml or the store path says.
  name ? null
}:
let
  inherit (builtins) baseNameOf concatLists concatMap concatStringsSep isList isPath match stringLength substring;

  # As buildEnv does it: the outputs that installing the package installs, unless the user picked one.
  outputs = drv:
    if !(drv.outputSpecified or false) && (drv.meta.outputsToInstall or null) != null
    then map (output: drv.${output}) drv.meta.outputsToInstall
    else [ drv ];

  # The store path that an app's program lies in. substring keeps the string's context, match does not.
  programPath = program:
    substring 0 (stringLength (builtins.head (match "(${builtins.storeDir}/[^/]+)/.*" program))) program;

  storePaths = one:
    if one.type or null == "derivation" then map (drv: "${drv}") (outputs one)
    else if one.type or null == "app" then [ (programPath one.program) ]
    else [ "${one}" ];

  results = concatMap storePaths (if isList result then result else [ result ]);
  closure = pkgs.closureInfo { rootPaths = results; };

  nameOf = path: substring 33 (-1) (baseNameOf (builtins.unsafeDiscardStringContext path));

  configFile =
    if isPath config
    then "${builtins.path { path = dirOf config; name = "bundle-config"; }}/${baseNameOf config}"
    else config;
in
pkgs.stdenvNoCC.mkDerivation {
  name = if name != null then name else "explant-${nameOf (builtins.head results)}";

  __structuredAttrs = true;

  # Nix looks for hashes in what was built. In a compressed artifact it finds none, in an uncompressed one perhaps some
  # by the way (the folders of a store layout); an artifact needs no store path, so none is to be kept alive by it.
  # Known from Nix 2.14 on (to 2.17 as the experimental feature `discard-references`); older ones look.
  unsafeDiscardReferences.out = true;

  arguments = concatLists [
    [ "build" ]
    results
    [ "--closure" "${closure}/registration" "-f" (concatStringsSep "," formats) ]
    (if config == null then [ ] else [ "-c" configFile ])
  ];
  # stdenv sets SOURCE_DATE_EPOCH.
  buildCommand = ''
    ${explant}/bin/explant "''${arguments[@]}" -o "$out" -j "$NIX_BUILD_CORES"
  '';
}
