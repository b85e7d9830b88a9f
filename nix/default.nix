# explant without flakes:
#
#     (import ./nix { pkgs = import <nixpkgs> { }; }).bundle { result = pkgs.jq; }
{ pkgs ? import <nixpkgs> { } }:
rec {
  explant = pkgs.callPackage ./package.nix { };
  bundle = import ./bundle.nix { inherit pkgs explant; };
}
