# What every flag of a wrapper does to the program behind it.
export W_GIVEN=given W_UNSET=unset W_LIST=/a:/b W_EACH=/c
is_right() { # PROGRAM
  out=$("$@" 'the user' 's')
  at=$(echo "$out" | sed -n 's,^cwd=\(.*/share/tell\)/folder$,\1,p')
  test -n "$at"
  for line in "argv0=$1" "arg=one flag of $at" "arg=--in" "arg=$at/in" "arg=the user" "arg=s" "arg=the last but two" \
    "arg=--out" "arg=$at/out" "W_FILE=$at/data" "W_QUOTES=it's \"so\" \\ and \$PWD" "W_LINES=one" "two	three" \
    "W_DEFAULT=$at/default" "W_GIVEN=given" "W_LIST=$at/first:/a:/b:$at/last" "W_NEW=$at/only" "W_SPACED=--dir=$at" \
    "read=the data"; do
    echo "$out" | grep -qxF -e "$line" || { echo "$1: no $line in:"; echo "$out"; exit 1; }
  done
  ! echo "$out" | grep -q W_UNSET
  args=$(echo "$out" | sed -n 's/^arg=//p' | tr '\n' '|')
  test "$args" = "one flag of $at|--in|$at/in|the user|s|the last but two|--out|$at/out|"
  # What is in a list is not put there twice.
  W_LIST=/a:$at/first:/b:$at/last "$@" | grep -qxF "W_LIST=$at/first:/a:/b:$at/last"
}
is_right every-binary
bin=$(dirname "$(command -v every-shell)")
is_right $bin/every-shell
every-shell | grep -qxF "W_RUN=the data"
every-shell | grep -qxF "W_EACH=$at/2:$at/1:/c:$at/3:$at/4"
echo "every-shell as it should be"
echo "every-binary as it should be"
unset W_GIVEN W_LIST
every-binary | grep -qxF "W_GIVEN=$at/not-this"
every-shell | grep -qxF "W_LIST=$at/first:$at/last"
echo "without: as it should be"
