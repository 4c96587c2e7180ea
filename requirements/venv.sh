#!/bin/sh
# Makes a virtual environment on the host from a hash-locked list, with Python 3.11 or newer: .venv from dev.txt unless
# told otherwise. Usage: venv.sh [FOLDER LIST]
set -eu

folder="${1:-.venv}"
list="${2:-requirements/dev.txt}"

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
echo "venv: installing the tools of $list" >&2
"$python" -m venv --clear "$folder"
# The lists are whole. Asked for name[extra], pip would look for a newer release than the list's, which has no hash.
"$folder/bin/pip" install --quiet --disable-pip-version-check --require-hashes --no-deps -r "$list"
"$folder/bin/pip" check --disable-pip-version-check >&2
