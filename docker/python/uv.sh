#!/bin/sh
# Installs the hash-locked uv into the build stage. The CA bundle of the build host, if given, is used and not kept.
set -eu

ca=/run/secrets/ca
if [ -f "$ca" ]; then export PIP_CERT="$ca"; fi
if [ -n "${INDEX_URL:-}" ]; then export PIP_INDEX_URL="$INDEX_URL"; fi

pip install --quiet --break-system-packages --root-user-action=ignore --require-hashes --no-deps -r /requirements/tools.txt
