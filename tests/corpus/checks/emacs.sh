# The dumped image; lisp that is preloaded, compiled and not; its data folder, a helper program; what it writes.
d=$(mktemp -d)
trap 'rm -rf $d' EXIT
cd $d
HOME=$d emacs -Q --batch --eval '(progn
  (require (quote org))
  (require (quote hexl))
  (with-temp-file "a.org" (org-mode) (insert "** TODO written\n")
    (princ (format "%d %s %s\n" (* 6 7) (if (native-comp-available-p) "native" "not native") major-mode)))
  (with-temp-buffer
    (insert-file-contents (expand-file-name "HELLO" data-directory))
    (princ (format "greetings: %s\n" (if (> (buffer-size) 1000) "many" "few"))))
  (with-temp-buffer
    (insert "hi")
    (hexlify-buffer)
    (princ (buffer-substring 1 15))
    (princ "\n")))' 2>/dev/null
cat a.org
