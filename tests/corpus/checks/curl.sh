# What is verified against whose authorities. 60: the peer's certificate is of none of them; 77: no such file.
d=$(mktemp -d)
tls-server 4433 </dev/zero >/dev/null 2>&1 &
trap 'kill $!; rm -rf $d' EXIT
status() { "$@" -s -I https://localhost:4433/ | head -n 1 | tr -d '\r' || true; }
until curl -s -k -o /dev/null https://localhost:4433/; do sleep 0.2; done
echo "the bundle's authorities: $(curl -s -i https://localhost:4433/ | head -n 1 | tr -d '\r')"
file=$(curl -s -v https://localhost:4433/ 2>&1 | sed -n 's/^\* *CAfile: //p' | head -n 1)
# One of them alone: the first.
sed '/END CERT/q' "$file" >$d/one.pem
SSL_CERT_FILE=$d/one.pem curl -s https://localhost:4433/ || echo "another authority: $?"
mkdir -p /etc/ssl/certs
host=/etc/ssl/certs/ca-certificates.crt
curl-of-the-host -s https://localhost:4433/ || echo "no file of the host's: $?"
cp "$file" $host
echo "the host's: $(curl-of-the-host -s -i https://localhost:4433/ | head -n 1 | tr -d '\r')"
rm $host
rmdir -p /etc/ssl/certs 2>/dev/null || true
