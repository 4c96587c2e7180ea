#!/bin/sh
# Makes .venv on the host, with the hash-locked tools of dev.txt. Python 3.11 or newer.
set -eu

python="${PYTHON:-python3}"
if ! command -v "$python" >/dev/null || ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "venv: Python 3.11 or newer is needed; install it, or name it: make PYTHON=python3.12 ..." >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "venv: this Python cannot make virtual environments; install python3-venv" >&2
        exit 1
    fi
    apt-get update -q >&2 && apt-get install -q -y python3-venv >&2
fi
echo "venv: installing the tools of requirements/dev.txt" >&2
"$python" -m venv --clear .venv
.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
