#!/bin/sh
# Build stage: generates LiteLLM's database client into the virtual environment. No engine is run and none is fetched:
# the generator only wants the files to exist.
set -eu

venv=/opt/slipway/venv
packages=$(echo "$venv"/lib/python3.*/site-packages)
export PRISMA_QUERY_ENGINE_BINARY=/opt/slipway/prisma/query-engine/query-engine
export PRISMA_QUERY_ENGINE_LIBRARY="$PRISMA_QUERY_ENGINE_BINARY" PRISMA_SCHEMA_ENGINE_BINARY="$PRISMA_QUERY_ENGINE_BINARY"
export CHECKPOINT_DISABLE=1 PRISMA_HIDE_UPDATE_MESSAGE=1 PYTHONDONTWRITEBYTECODE=1
PATH="$venv/bin:/opt/node/bin:$PATH"
install -D -m 0755 /dev/null "$PRISMA_QUERY_ENGINE_BINARY"

node /build/generate/node_modules/prisma/build/index.js generate --schema "${1:-$packages/litellm/proxy/schema.prisma}"

rm -r /opt/slipway/prisma
# They would fetch Node and engines from the network; the image has a `prisma` of its own.
rm -f "$venv/bin/prisma" "$venv/bin/prisma-client-py"
# One process and a fixed hash seed give the same bytes each time.
python3 -m compileall -q -f -j 1 --invalidation-mode unchecked-hash "$packages/prisma"
PYTHONPATH=/build python3 -B /mnt/guard.py seal "$packages"
find "$packages/prisma" "$venv/bin" -exec touch -h -d @0 {} +
touch -d @0 "$packages"/*.dist-info/RECORD "$venv/differences.csv"
