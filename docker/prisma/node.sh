#!/bin/sh
# Build stage: installs the hash-locked Node with npm into /opt/node.
set -eu

if [ -f /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca; fi
if [ -n "${INDEX_URL:-}" ]; then export UV_DEFAULT_INDEX="$INDEX_URL"; fi
export UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_NO_CONFIG=1

uv venv --quiet --python /usr/bin/python3 /opt/node
uv pip install --quiet --python /opt/node/bin/python --require-hashes --no-deps --only-binary :all: -r /requirements/node.txt
