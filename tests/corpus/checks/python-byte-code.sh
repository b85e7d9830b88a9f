# Byte code is read, not made anew, whatever it is valid by (PEP 552).
python3 -c 'import timestamp, checked, unchecked; print(timestamp.DATA, checked.DATA, unchecked.DATA, sep=", ")'
python3 -v --check-hash-based-pycs always -c 'import timestamp, checked, unchecked' 2>&1 |
  awk '/(timestamp|checked).cpython-.*.pyc matches / {n++} END {print n+0 " of 3"}'
