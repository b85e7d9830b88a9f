python3 - <<'END'
import bz2, ctypes, hashlib, lzma, sqlite3, ssl, zlib
print(ssl.OPENSSL_VERSION)
for module in lzma, bz2, zlib:
    assert module.decompress(module.compress(b"there and back")) == b"there and back"
assert hashlib.new("sha3_256", b"").hexdigest().startswith("a7ffc6f8bf1ed766")
print("xz bz2 zlib", sqlite3.connect(":memory:").execute("select 6*7").fetchone()[0])
print(ctypes.CDLL("libc.so.6").abs(-7), ctypes.CDLL(None).abs(-8))
import curses, decimal, readline
curses.setupterm("xterm-256color")
print(readline.__name__, curses.tigetnum("colors"), decimal.Decimal(2).sqrt().quantize(decimal.Decimal("0.1")))
END
