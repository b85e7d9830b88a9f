# On a fresh Debian or Ubuntu, as root, with cargo: everything else is installed or made. What is slow to make is kept in
# .cache (or $EXPLANT_CACHE).

.PHONY: demo test test-more bench prepare fuzz census

# examples/hello as .deb, .rpm and tarball, each started in an empty root.
demo:
	tests/demo

# Every test, on real Nix closures. The tests are built while the corpus is, and with some optimisation: it takes longer, and they
# make hundreds of bundles, each in half of the time.
test: export CARGO_PROFILE_DEV_OPT_LEVEL = 1
test:
	tests/apt-install
	tests/prepare & prepare=$$!; cargo test --no-run && wait $$prepare
	cargo test

# The same of programs that are slow to download and build: gdb, emacs, node, ruby; GTK and Qt, with a screen.
test-more:
	tests/prepare --more
	cargo test --test more

prepare:
	tests/prepare

# The talk's way, by hand (cp, patchelf, nfpm, tar), against `explant build`; patchelf against `explant patch`; the compressors
# alone, and nfpm, against `explant build`; ripgrep against the scan for store paths; the stub against other ways to start a
# program. What each layout ships.
bench: prepare
	cargo build --release
	benches/against-the-talk
	tests/apt-install time pigz ripgrep
	benches/against-patchelf
	benches/against-ripgrep
	benches/against-nfpm
	benches/start-up
	benches/sizes

# Each fuzz target for a minute; fuzz/README.md tells how for longer.
fuzz:
	tests/apt-install
	fuzz/run read 60
	fuzz/run edit 60

# Half an hour, and 10 GB of .cache: tests/census/README.md.
census:
	tests/apt-install
	tests/census/fetch $${EXPLANT_CACHE:-.cache}/census
	cargo test --release --test census -- $$(realpath $${EXPLANT_CACHE:-.cache}/census)
