# A breakpoint, a variable in python, a backtrace with lines, a pretty printer.
gdb -nx -batch -ex 'set debuginfod enabled off' -ex 'break step' -ex run -ex 'python print("n is", gdb.parse_and_eval("n"))' -ex bt \
  -ex next -ex 'python print("pretty:", gdb.parse_and_eval("left").format_string())' -ex delete -ex continue \
  "$(command -v countdown)" 2>/dev/null | grep -E '^(n is|#|pretty|the end)'
