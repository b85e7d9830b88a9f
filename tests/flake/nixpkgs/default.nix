# As much of nixpkgs as flake.nix uses, for a machine that cannot fetch nixpkgs: a shell, this machine's programs, and
# an explant that was built before. Like nixpkgs' flake, it has `lib` and `legacyPackages`.
{ explant }:
let
  lib = {
    genAttrs = names: f: builtins.listToAttrs (map (name: { inherit name; value = f name; }) names);
    hasPrefix = prefix: text: builtins.substring 0 (builtins.stringLength prefix) text == prefix;
    licenses = { mit = { }; asl20 = { }; };
    platforms.linux = [ ];
  };

  packages = system:
    let
      pkgs = {
        inherit lib;

        callPackage = file: arguments:
          let f = import file; in f (builtins.intersectAttrs (builtins.functionArgs f) pkgs // arguments);

        stdenvNoCC.mkDerivation = attrs: derivation ({
          inherit system;
          builder = "/bin/bash";
          args = [ "-e" ./setup.sh ];
        } // attrs);

        # The package's source is filtered and its manifest read as for the real one; then the binary is taken as it is.
        rustPlatform.buildRustPackage = { pname, version, src, cargoLock, ... }:
          assert builtins.pathExists "${src}/src/main.rs" && builtins.pathExists cargoLock.lockFile;
          pkgs.stdenvNoCC.mkDerivation {
            name = "${pname}-${version}";
            inherit explant;
            content = builtins.hashFile "sha256" explant;
            buildCommand = ''mkdir -p "$out/bin"; ln -s "$explant" "$out/bin/explant"'';
          };

        closureInfo = { rootPaths }: pkgs.stdenvNoCC.mkDerivation {
          name = "closure-info";
          exportReferencesGraph = builtins.concatMap (path: [ "closure-${baseNameOf path}" path ]) rootPaths;
          buildCommand = builtins.readFile ./closure-info.sh;
        };

        hello = import ../../../examples/hello { inherit system; };

        # The same program, with what a package of several outputs has.
        hello-outputs = pkgs.hello // {
          man = pkgs.stdenvNoCC.mkDerivation {
            name = "hello-1.0-man";
            buildCommand = ''mkdir -p "$out/share/doc/hello"; echo Hello > "$out/share/doc/hello/README"'';
          };
          meta.outputsToInstall = [ "out" "man" ];
        };

        bcachefs-tools.override = _: pkgs.hello;
      };
    in
    pkgs;
in
{
  inherit lib;
  legacyPackages = lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] packages;
}
