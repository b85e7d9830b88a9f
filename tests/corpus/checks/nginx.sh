# The server as a daemon, with the configuration and the page of its own prefix.
nginx
fetch 80 /index.html
nginx -s stop
while [ -e /tmp/nginx.pid ]; do sleep 0.1; done
