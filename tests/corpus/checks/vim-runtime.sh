# The runtime folder: file types, syntax, help. And terminfo, which the terminal's number of colours is from.
d=$(mktemp -d)
trap 'rm -rf $d' EXIT
cd $d
export HOME=$d
printf 'int first;\n' >a.c
vim -es -u NONE -c 'set nocp' -c 'filetype on' -c 'syntax on' -c 'edit a.c' \
  -c 'call writefile(["filetype " . &ft . ", syntax " . synIDattr(synID(1, 1, 1), "name")], "told")' \
  -c 'help helphelp' -c 'call writefile(["help: " . expand("%:t")], "told", "a")' -c 'qa!'
TERM=xterm-256color vim --not-a-term -u NONE -c 'call writefile([&t_Co . " colours"], "told", "a")' -c 'qa!' </dev/null >/dev/null 2>&1
cat told
