# A repository, a submodule, a clone by way of upload-pack, what git's shell and perl scripts do.
d=$(mktemp -d)
trap 'rm -rf $d' EXIT
cd $d
export HOME=$d GIT_CONFIG_NOSYSTEM=1 FILTER_BRANCH_SQUELCH_WARNING=1
git config --global user.name 'A Name'
git config --global user.email name@example.org
git config --global protocol.file.allow always
git init -q -b main lib
echo templates: $(cd lib/.git && ls description hooks/pre-commit.sample info/exclude)
(cd lib && echo one >file && git add file && git commit -qm 'in lib')
git init -q -b main app
cd app
git submodule --quiet add $d/lib lib
git commit -qam first
for what in two three; do
  echo $what >$what
  git add $what
  git commit -qm $what
done
cd ..
git clone -q --no-local app copy
cd copy
git submodule --quiet update --init
echo submodule: $(cat lib/file)
GIT_SEQUENCE_EDITOR=true git rebase -q -i --root --exec true >/dev/null
echo rebased: $(git log --format=%s)
git filter-branch --msg-filter 'tr a-z A-Z' >/dev/null
echo filtered: $(git log --format=%s)
(cd ../app && git fsck --strict) >/dev/null 2>&1
git gc -q
# By git's own children, which see what it sees: from a tarball the path leads through a descriptor.
git -c alias.there='!test -x "$(git --exec-path)/git-submodule"' there
