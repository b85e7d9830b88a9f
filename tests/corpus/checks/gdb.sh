# Python and its standard library, a breakpoint, a backtrace with lines, a pretty printer.
gdb -nx -batch -ex 'python import sys, json; print("python %d.%d json %d" % (*sys.version_info[:2], json.loads("42") + 1))' 2>/dev/null
bin=$(dirname "$(command -v gdb)")
gdb -nx -batch -ex 'set debuginfod enabled off' -ex "source $(ls $bin/../share/countdown/printers.py)" -ex 'break step' \
  -ex run -ex 'python print("n is", gdb.parse_and_eval("n"))' -ex bt -ex next -ex 'python print("pretty:", gdb.parse_and_eval("left").format_string())' \
  -ex delete -ex continue "$(command -v countdown)" 2>/dev/null | grep -E '^(n is|#|pretty|the end)'
