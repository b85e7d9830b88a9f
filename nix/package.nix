{ lib, rustPlatform }:
let
  inherit (builtins.fromTOML (builtins.readFile ../Cargo.toml)) package;
  # All that cargo reads: a change of anything else builds nothing again.
  sources = [ "Cargo.lock" "Cargo.toml" "bundle.toml.example" "src" "templates" ];
in
rustPlatform.buildRustPackage {
  pname = package.name;
  inherit (package) version;

  src = builtins.path {
    name = "${package.name}-source";
    path = ../.;
    filter = path: _: builtins.any (source: lib.hasPrefix (toString ../. + "/${source}") path) sources;
  };
  cargoLock.lockFile = ../Cargo.lock;

  # The tests want dpkg, rpm, qemu, root and a Nix to build with: `make test`.
  doCheck = false;

  meta = {
    inherit (package) description;
    license = [ lib.licenses.mit lib.licenses.asl20 ];
    mainProgram = package.name;
    platforms = lib.platforms.linux;
  };
}
