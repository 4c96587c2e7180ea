#!/bin/sh
# The runtime stage's user and directories. A foreign uid has gid 0, so what must be writable belongs to that group.
set -eu

echo 'slipway:x:65532:0:Slipway:/var/lib/slipway:/usr/sbin/nologin' >>/etc/passwd
for directory in /run/slipway /var/lib/slipway; do
    mkdir -p "$directory"
    chown 65532:0 "$directory"
    chmod 0775 "$directory"
done
mkdir -p /app /etc/slipway/hooks /etc/slipway/site
touch -h -d @0 /app /run/slipway /var/lib/slipway /etc/slipway /etc/slipway/hooks /etc/slipway/site /etc/passwd
