#!/bin/sh
# Renews the hash-locked sets of wheels. Images hold what Linux and Python 3.13 need; tools run on any host.
set -eu

cd "$(dirname "$0")"
compile() { ../.venv/bin/uv pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-header "$@"; }
image() { compile --python-version 3.13 --python-platform x86_64-manylinux_2_36 --override overrides.txt "$@"; }

image full.in --override light-overrides.txt -o full.txt
# What the test of the next release installs: the next LiteLLM whose pinned companions are published.
sed -n 's/^litellm==\([^ ]*\).*/litellm[proxy]>\1/p' full.txt | image full.in - --override light-overrides.txt -o next.txt
# The same versions in all images.
image slim.in --override light-overrides.txt --override slim-overrides.txt -c full.txt -o slim.txt
image complete.in -c full.txt -o complete.txt
compile --python-version 3.13 --no-deps enterprise.in -o enterprise.txt
compile --python-version 3.13 --universal build.in -o build.txt
compile --python-version 3.13 --universal tools.in -o tools.txt
compile --python-version 3.13 --universal node.in -o node.txt
# The launcher's own libraries in the versions of the image.
compile --python-version 3.11 --universal -c full.txt dev.in -o dev.txt
image -c full.txt -c dev.txt conformance.in -o conformance.txt
compile --python-version 3.11 --universal compose.in -o compose.txt
compile --python-version 3.11 --no-deps kubernetes.in -o kubernetes.txt

# npm's locks hold integrity hashes and no registry's name.
for project in ../docker/prisma/*/package.json; do
    npm update --prefix "$(dirname "$project")" --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved
done
