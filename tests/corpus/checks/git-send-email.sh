# A perl script with perl modules of git's own, of perl and of other store paths.
d=$(mktemp -d)
trap 'rm -rf $d' EXIT
cd $d
export HOME=$d GIT_CONFIG_NOSYSTEM=1
git config --global user.name 'A Name'
git config --global user.email name@example.org
git init -q -b main
echo one >file
git add file
git commit -qm first
git format-patch -q --root HEAD
grep '^Subject' 0001-first.patch
git send-email --dry-run --quiet --to 'Another <another@example.org>' --suppress-cc=all --confirm=never --smtp-server=/bin/true ./*.patch >/dev/null
git send-email --dry-run --to 'Another <another@example.org>' --suppress-cc=all --confirm=never --smtp-server=/bin/true ./*.patch |
  grep -v '^$'
