# What tests/flake.rs builds and reads: flake.nix's outputs with the stand-in as their input, and bundles made by them.
{ explant, system ? builtins.currentSystem }:
let
  nixpkgs = import ./nixpkgs { inherit explant; };
  pkgs = nixpkgs.legacyPackages.${system};
  outputs = (import ../../flake.nix).outputs { self = outputs; inherit nixpkgs; };
  bundlers = outputs.bundlers.${system};
  example = (import ../../examples/bcachefs-tools/flake.nix).outputs {
    self = example;
    inherit nixpkgs;
    explant = outputs;
  };
in
{
  inherit outputs;
  systems = builtins.mapAttrs (_: builtins.attrNames) (removeAttrs outputs [ "lib" "overlays" ]);
  names-of-bundlers = builtins.attrNames bundlers;

  deb = bundlers.deb pkgs.hello;
  rpm = bundlers.rpm pkgs.hello;
  tarball = bundlers.tarball pkgs.hello;
  all = bundlers.default pkgs.hello;
  app = bundlers.deb { type = "app"; program = "${pkgs.hello}/bin/hello"; };

  configured = outputs.lib.bundle {
    result = pkgs.hello;
    config = ../../examples/hello/bundle.toml;
    name = "greeter";
  };
  installed-outputs = outputs.lib.bundle { result = pkgs.hello-outputs; inherit system; formats = [ "deb" ]; };
  several = outputs.lib.bundle { result = [ pkgs.hello pkgs.hello-outputs.man ]; inherit system; formats = [ "deb" ]; };
  without-flake = (import ../../nix { inherit pkgs; }).bundle { result = pkgs.hello; formats = [ "deb" ]; };

  check = outputs.checks.${system}.hello;
  bcachefs-tools = example.packages.${system}.default;
}
