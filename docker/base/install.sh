#!/bin/sh
# Installs what a list names that the base image does not have yet: nothing after `make`, whose base has all of it, and
# the mirror's current versions in a plain `docker build`. Usage: install.sh runtime|tools
set -eu

here=$(dirname "$0")
wanted() { sed -e 's/#.*//' -e '/^-/d' -e '/^[[:space:]]*$/d' "$@"; }
lists="$here/runtime.txt"
if [ "$1" = tools ]; then lists="$lists $here/tools.txt"; fi

missing=
# shellcheck disable=SC2086
for package in $(wanted $lists); do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' || missing="$missing $package"
done
if [ -z "$missing" ]; then exit 0; fi

export DEBIAN_FRONTEND=noninteractive
apt-get update -q
# shellcheck disable=SC2086
apt-get install -q -y --no-install-recommends $missing
if [ "$1" = runtime ]; then
    sh "$here/finish.sh" "$here/runtime.txt"
else
    rm -rf /var/lib/apt/lists/*
fi
