ruby - <<'END'
require "json"
require "openssl"
require "psych"
require "zlib"
puts JSON.generate("a" => [1, 2])
puts "sha256 " + OpenSSL::Digest::SHA256.hexdigest("abc")[0, 8]
puts [1].to_yaml.lines.last
puts Zlib::Inflate.inflate(Zlib::Deflate.deflate("there and back"))
puts "child " + IO.popen(["ruby", "-e", "print 1 + 2"]).read
END
