#!/bin/sh
# Build stage: builds the query engine and the prisma command into the folder named. Usage: engines.sh /opt/slipway
set -eu

python3 /mnt/npm_licences.py /requirements/licences.toml /mnt/query-engine/package-lock.json /mnt/prisma/package-lock.json
for project in query-engine prisma; do
    mkdir -p "/build/$project" "$1/prisma" "$1/bin"
    sh /mnt/npm.sh "$project" "/build/$project" build
    cp -r "/build/$project/dist" "$1/prisma/$project"
done
ln -s ../prisma/prisma/prisma "$1/bin/prisma"
chmod -R go-w "$1"
find "$1" -exec touch -h -d @0 {} +
