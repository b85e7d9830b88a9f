# Ex commands, as scripts give them.
d=$(mktemp -d)
trap 'rm -rf $d' EXIT
cd $d
export HOME=$d
printf 'int first;\nint second;\nlong third;\n' >a.c
vim -es -c '%s/long/int/' -c 'g/^/m0' -c wq a.c
cat a.c
