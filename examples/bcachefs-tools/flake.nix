{
  description = "nixpkgs' bcachefs-tools, for distributions without Nix";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
    # In a repository of your own: where explant's is.
    explant.url = "path:../..";
    explant.inputs.nixpkgs.follows = "nixpkgs";
  };

  outputs = { self, nixpkgs, explant }:
    let
      forEachSystem = nixpkgs.lib.genAttrs [ "x86_64-linux" "aarch64-linux" ];
    in
    {
      packages = forEachSystem (system: rec {
        bcachefs-tools = nixpkgs.legacyPackages.${system}.bcachefs-tools.override { fuseSupport = true; };
        # nix build: result/ holds the .deb, the .rpm and the tarball.
        default = explant.lib.bundle {
          result = bcachefs-tools;
          config = ./bundle.toml;
        };
      });
    };
}
