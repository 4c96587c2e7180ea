#!/bin/sh
# Installs one set of locked wheels into /opt/slipway/venv and takes the admin UI out to /stage/ui.
# Usage: install.sh SET [1 to add the proprietary package of LiteLLM's licensees]. SET is slim, full, complete, or another
# line of LiteLLM (previous, next), where patches that do not fit are left out; in the others they end the build.
set -eu

set_name="$1"
enterprise="${2:-0}"
venv=/opt/slipway/venv
ca=/run/secrets/ca
if [ -f "$ca" ]; then export SSL_CERT_FILE="$ca"; fi
if [ -n "${INDEX_URL:-}" ]; then export UV_DEFAULT_INDEX="$INDEX_URL"; fi
export UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_NO_CONFIG=1
guard() { PYTHONPATH=/build python3 -B /mnt/guard.py "$@"; }

guard lock "/requirements/$set_name.txt" /requirements/build.txt /requirements/enterprise.txt
uv venv --quiet --python /usr/bin/python3 "$venv"
# python-gflags is published as source only; its build backend is locked too.
uv pip install --quiet --python "$venv/bin/python" --require-hashes --no-deps --only-binary :all: \
    --no-binary python-gflags --build-constraints /requirements/build.txt -r "/requirements/$set_name.txt"
if [ "$enterprise" = 1 ]; then
    echo 'This image must not be published: it holds a proprietary package.' >&2
    uv pip install --quiet --python "$venv/bin/python" --require-hashes --no-deps -r /requirements/enterprise.txt
fi
python3 /mnt/licences.py "$venv" /requirements/licences.toml "$enterprise"
case "$set_name" in
    slim) tables=slim ;;
    full) tables='slim full' ;;
    previous | next) tables="slim full $set_name without-$set_name" ;;
    *) tables='slim full complete' ;;
esac
if [ "$enterprise" = 1 ]; then tables="$tables enterprise"; fi
# shellcheck disable=SC2086
python3 /mnt/allow_list.py "$venv" /requirements/packages.toml $tables

packages=$(echo "$venv"/lib/python3.*/site-packages)
guard installed "$packages"
# The launcher, and what users mount, come after the installed packages and cannot shadow them.
printf '%s\n' /opt/slipway/app /etc/slipway/hooks /etc/slipway/site >"$packages/slipway.pth"

out="$packages/litellm/proxy/_experimental/out"
mkdir -p /stage
mv "$out" /stage/ui
cp "$packages"/litellm/proxy/logo*.png /stage/
# LiteLLM looks for the UI beside its code; the image has it in one place.
if [ "$set_name" != slim ]; then ln -s /var/lib/litellm/ui "$out"; fi

case "$set_name" in
    previous | next) python3 /build/slipway/patches.py "$packages" "$venv/left-out.json" ;;
    *) python3 /build/slipway/patches.py "$packages" ;;
esac

# uv's own, writable for everybody.
rm -f "$venv/.lock"

sh /mnt/trim.sh "$packages"
find "$packages" -depth -type d -name __pycache__ -exec rm -rf {} +
# Files that no Python imports keep their syntax errors to themselves (-q twice); the image's tests import the rest.
python3 -m compileall -q -q -f -j 0 --invalidation-mode unchecked-hash "$packages" || true
guard seal "$packages"
# One time stamp for every file, whatever the clock said.
find "$venv" /stage -exec touch -h -d @0 {} +
