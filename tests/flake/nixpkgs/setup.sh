# What nixpkgs' stdenv does before a buildCommand.
export PATH=/usr/bin:/bin
# Structured attributes come in a file of their own; the rest are in the environment.
if [ -n "${NIX_ATTRS_SH_FILE-}" ] && [ -e "$NIX_ATTRS_SH_FILE" ]; then
  . "$NIX_ATTRS_SH_FILE"
  out=${outputs[out]}
fi
export SOURCE_DATE_EPOCH=315532800
export NIX_BUILD_CORES=${NIX_BUILD_CORES:-1}
[ "$NIX_BUILD_CORES" -gt 0 ] || NIX_BUILD_CORES=$(nproc)
eval "$buildCommand"
