{
  description = "Lifts a program out of the Nix store: a .deb, an .rpm and a tarball that run where there is no Nix";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs = { self, nixpkgs }:
    let
      systems = [
        "x86_64-linux"
        "aarch64-linux"
        "powerpc64le-linux"
        "riscv64-linux"
      ];
      forEachSystem = f: nixpkgs.lib.genAttrs systems (system: f nixpkgs.legacyPackages.${system});
      house = pkgs: import ./nix { inherit pkgs; };
    in
    {
      packages = forEachSystem (pkgs: rec {
        inherit (house pkgs) explant;
        default = explant;
      });

      apps = forEachSystem (pkgs: {
        default = {
          type = "app";
          program = "${(house pkgs).explant}/bin/explant";
        };
      });

      # nix bundle --bundler <this flake>#deb nixpkgs#jq
      bundlers = forEachSystem (pkgs:
        let bundler = formats: result: (house pkgs).bundle { inherit result formats; };
        in {
          default = bundler [ "deb" "rpm" "tar" ];
          deb = bundler [ "deb" ];
          rpm = bundler [ "rpm" ];
          tarball = bundler [ "tar" ];
        });

      # What `bundle` takes is in nix/bundle.nix. It is built by `pkgs`, or for want of that by this flake's nixpkgs on
      # `system`; explant never runs what it bundles, so that need not be the system of the result.
      lib.bundle =
        { result
        , system ? result.system
        , pkgs ? nixpkgs.legacyPackages.${system}
        , ...
        }@args:
        (house pkgs).bundle (removeAttrs args [ "system" "pkgs" ]);

      overlays.default = final: _: { inherit (house final) explant; };

      checks = forEachSystem (pkgs: {
        inherit (house pkgs) explant;
        hello = (house pkgs).bundle { result = pkgs.hello; };
      });

      devShells = forEachSystem (pkgs: {
        default = pkgs.mkShell {
          inputsFrom = [ (house pkgs).explant ];
          packages = [ pkgs.clippy pkgs.rustfmt pkgs.rust-analyzer pkgs.dpkg pkgs.rpm pkgs.binutils ];
        };
      });
    };
}
